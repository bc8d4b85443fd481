from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.repetition import Config, judge
from schemas.row import Turn, new_row, to_frame
from schemas.verdicts import Verdicts

ANSWER = (
    "Rain begins when the sun warms the sea and water rises as vapour. Higher up the air is cold, so the vapour turns "
    "into tiny drops, which we see as clouds. The drops meet, grow heavier, and fall as soon as the wind can no longer "
    "carry them. On the ground they gather in streams and rivers that lead back to the sea, where all of it starts anew."
)
ANSWER_ZH = (
    "太阳照射海面，使水变成水蒸气升到空中。高空的空气比较冷，水蒸气遇冷后凝结成许多小水滴，这就是我们看到的云。"
    "小水滴互相碰撞，越来越大，越来越重，当上升气流再也托不住它们时，便落到地面成为雨。雨水汇入溪流与江河，"
    "最后又回到大海，一切从头开始。人们在春天盼望及时的好雨，因为农作物需要足够水分才能生长。"
)
ASK = "Explain how rain forms."


def judged(response: str, instruction: str = ASK, **values: Any) -> Verdicts:
    config = Config(**values.pop("config", {}))
    return judge(to_frame([new_row(instruction, response=response, stage="s", **values)]), config)


def reason(*texts: str, **values: Any) -> str | None:
    return judged(*texts, **values).reasons[0]


@pytest.mark.parametrize(("text", "language"), [(ANSWER, "en"), (ANSWER_ZH, "zh")])
def test_prose_stays_with_all_measures(text: str, language: str) -> None:
    verdicts = judged(text, language=language)
    assert list(verdicts.reasons) == [None]
    scores = {score.measure: score.value for score in verdicts[0].scores}
    assert list(scores) == [
        "duplicate_lines",
        "duplicate_paragraphs",
        *(f"top_{n}gram" for n in (2, 3, 4)),
        *(f"duplicate_{n}gram" for n in (5, 6, 7, 8, 9, 10)),
    ]
    assert all(value < 0.1 for value in scores.values())


LOOPS = [
    (ANSWER + " really" * 30, "en", "frequent_ngram"),
    (ANSWER + "非常" * 30, "en", "frequent_ngram"),
    (ANSWER_ZH + "非常好" * 30, "zh", "frequent_ngram"),
    (f"{ANSWER}\n\n{ANSWER}", "en", "repeated_ngrams"),
    (ANSWER_ZH + ANSWER_ZH, "zh", "repeated_ngrams"),
    (ANSWER + " The clouds that drift over the quiet hills bring rain." * 6, "en", "repeated_ngrams"),
    (ANSWER_ZH + "飘过安静山丘的云朵带来了雨水。" * 7, "zh", "repeated_ngrams"),
    ("\n".join([*ANSWER.split(". "), *["Rain falls."] * 4]), "en", "repeated_lines"),
    (
        "\n\n".join([*[part.replace(" ", "\n") for part in ANSWER.split(". ")], *["Rain falls."] * 4]),
        "en",
        "repeated_paragraphs",
    ),
]


@pytest.mark.parametrize(("text", "language", "expected"), LOOPS)
def test_a_text_that_goes_round_in_circles_goes(text: str, language: str, expected: str) -> None:
    assert reason(text, language=language) == expected


def test_the_trace_and_later_turns_are_judged_too_and_the_worst_text_counts() -> None:
    loop = LOOPS[0][0]
    assert reason("42", reasoning=loop) == "frequent_ngram"
    assert reason("42", turns=(Turn("user", "Why?"), Turn("assistant", loop))) == "frequent_ngram"
    assert reason("42", turns=(Turn("user", loop), Turn("assistant", ANSWER))) is None
    both = judged(ANSWER, reasoning=loop)[0].scores
    assert both == judged(loop)[0].scores


def test_short_texts_are_not_judged() -> None:
    verdicts = judged("ha " * 49)
    assert list(verdicts.reasons) == [None]
    assert not verdicts[0].scores
    assert reason("ha " * 50) == "frequent_ngram"
    assert reason("哈" * 99, language="zh") is None
    assert reason("哈" * 100, language="zh") == "frequent_ngram"


def test_what_was_asked_for_is_no_fault() -> None:
    assert reason("I must not talk in class. " * 20, "Repeat the sentence 20 times.") is None


def test_few_lines_and_brackets_are_no_pattern() -> None:
    assert reason(f"{ANSWER}\nYes.\nYes.", config={"max_duplicate_lines": 0.01}) is None
    code = "\n".join(f"if {word}:\n{{\n}}" for word in ANSWER.split())
    scores = {score.measure: score.value for score in judged(code)[0].scores}
    assert scores["duplicate_lines"] < 0.5


def test_the_limits_of_the_paper_can_be_had() -> None:
    twice = f"{ANSWER} The drops meet, grow heavier, and fall as soon as the wind can no longer carry them."
    assert reason(twice) is None
    assert reason(twice, config={"max_duplicate_ngrams": {5: 0.15, 10: 0.1}}) == "repeated_ngrams"


@pytest.mark.parametrize("limits", [{1: 0.2}, {2: 0}, {2: 1.5}, {"two": 0.2}])
def test_limits_that_mean_nothing_are_refused(limits: dict[Any, float]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"max_top_ngram": limits})


@pytest.mark.parametrize(
    ("name", "field", "language", "most"),
    [("gsm8k_test.jsonl", "answer", "en", 0.01), ("huatuo_8658.jsonl", "output", "zh", 0.001)],
)
def test_hardly_any_real_answer_goes(
    real_data: Callable[[str], list[dict[str, Any]]], name: str, field: str, language: str, most: float
) -> None:
    rows = [
        new_row(ASK, response=each[field], language=language, stage="s", source=str(i))
        for i, each in enumerate(real_data(name))
    ]
    reasons = judge(to_frame(rows), Config()).reasons
    assert sum(reason is not None for reason in reasons) <= most * len(rows)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), max_size=4),
    st.sampled_from(["en", "zh", ""]),
)
def test_odd_text_never_crashes_and_shares_are_shares(texts: list[str], language: str) -> None:
    rows = [
        new_row("Say it.", response=text, reasoning=text[::-1], language=language, stage="s", source=str(i))
        for i, text in enumerate(texts)
    ]
    verdicts = judge(to_frame(rows), Config(min_tokens=1, min_occurrences=2))
    assert len(verdicts) == len(rows)
    for verdict in verdicts:
        assert all(0 <= score.value <= 1 for score in verdict.scores)
