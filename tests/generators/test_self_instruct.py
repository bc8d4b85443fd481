"""Self-Instruct, driven with plain strings: what is shown, what is read, what is lost and under which name."""

import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import wording
from generators.self_instruct import Config, Proposal, grow, propose
from schemas.errors import SeedError
from schemas.exchange import Completion, Prompt
from schemas.row import Row, new_row
from schemas.stage import Outcome, Reject, answer_with


def seed(number: int, **values: Any) -> Row:
    values = {"response": f"answer {number}", "task_type": "generation", "language": "en"} | values
    return new_row(f"Seed task number {number} about some things:", stage="seed", source=f"s:{number}", **values)


SEEDS = [seed(number, input="some input" if number % 2 else "") for number in range(10)]
LABELLED = [seed(number, task_type="classification") for number in range(20, 24)]
CHINESE = [seed(number, language="zh").with_(instruction=f"第{number}个关于生活的任务") for number in range(8)]
MACHINE = [
    new_row(f"Machine task number {number} here", stage="self_instruct", source=f"m{number}") for number in range(4)
]
PLAIN = Config(classification_share=0.0)
ONE_CALL = Config(style="one_call")


def says(*texts: str, **values: Any) -> Callable[[Prompt], Completion]:
    """Replies in turn."""
    replies = iter(texts)
    return lambda prompt: Completion(next(replies), model="m", **values)


def proposed(reply: str, config: Config = PLAIN, *, language: str = "en", **values: Any) -> Proposal:
    seeds = SEEDS if language == "en" else CHINESE
    steps = propose(seeds, [], config, random.Random(1), language, "r00000.p000")
    return answer_with(steps, says(reply, **values))


def prompted(config: Config, machine: list[Row], *, rng: int = 1, language: str = "en") -> Prompt:
    seeds = [*SEEDS, *LABELLED] if language == "en" else CHINESE
    return next(propose(seeds, machine, config, random.Random(rng), language, "o"))[0]


def reasons(result: Proposal | Outcome) -> dict[str, int]:
    return dict(Counter(discard.reason for discard in result.discarded))


def test_a_prompt_shows_six_human_and_two_machine_tasks() -> None:
    user = prompted(PLAIN, MACHINE).messages[-1].content
    assert (user.count("Seed task"), user.count("Machine task")) == (6, 2)
    assert user.endswith("\n\nWrite tasks 9 to 16.")


def test_human_tasks_make_up_for_missing_machine_tasks() -> None:
    user = prompted(PLAIN, MACHINE[:1]).messages[-1].content
    assert (user.count("Seed task"), user.count("Machine task")) == (7, 1)


def test_shown_tasks_stand_on_one_line_without_a_waiting_colon() -> None:
    row = seed(1).with_(instruction="Sort\n these  words：")
    (prompt,) = next(propose([row], [], PLAIN, random.Random(0), "en", "o"))
    assert prompt.messages[-1].content == "1. Sort these words\n\nWrite tasks 2 to 9."


def test_chinese_prompts_are_chinese() -> None:
    prompt = prompted(PLAIN, [], language="zh")
    assert prompt.messages[0].content.startswith("# 提出新任务")
    assert prompt.messages[-1].content.endswith("请写出第 9 到第 16 个任务。")


def test_a_share_of_prompts_shows_classification_tasks_only() -> None:
    titles = Counter(
        prompted(Config(classification_share=0.3), MACHINE, rng=rng).messages[0].content.partition("\n")[0]
        for rng in range(200)
    )
    assert 0.2 < titles["# Propose new classification tasks"] / 200 < 0.4
    user = prompted(Config(classification_share=1.0), MACHINE).messages[-1].content
    assert user.count("Seed task number 2") == 4
    assert "Machine" not in user


def test_proposals_of_the_classification_prompt_are_shown_in_it_again() -> None:
    machine = [MACHINE[0].with_(operation="propose_classification"), *MACHINE[1:]]
    assert prompted(Config(classification_share=1.0), machine).messages[-1].content.count("Machine") == 1


def test_sampling_is_the_papers_and_no_stop_string_is_sent() -> None:
    prompt = prompted(PLAIN, [])
    assert (prompt.temperature, prompt.top_p, prompt.max_tokens, prompt.stop) == (0.7, 0.5, 1024, ())


def test_setting_one_sampling_value_keeps_the_others() -> None:
    config = Config.model_validate({"proposing": {"max_tokens": 99}})
    assert (config.proposing.temperature, config.proposing.max_tokens) == (0.7, 99)


@pytest.mark.parametrize(("config", "rows"), [(PLAIN, []), (ONE_CALL, [seed(1, response="")])])
def test_nothing_to_show_is_an_error(config: Config, rows: list[Row]) -> None:
    with pytest.raises(SeedError, match="add seeds"):
        next(propose(rows, [], config, random.Random(0), "en", "o"))


def test_items_become_rows_with_a_source_of_their_own() -> None:
    found = proposed("9. Name five NASA missions to Mars\n10. Explain why iPhones have notches")
    assert [row.instruction for row in found.candidates] == [
        "Name five NASA missions to Mars",
        "Explain why iPhones have notches",
    ]
    assert [row.source for row in found.candidates] == ["r00000.p000.i0", "r00000.p000.i1"]
    assert len({row.id for row in found.candidates}) == 2
    assert {(row.stage, row.operation, row.language) for row in found.candidates} == {
        ("self_instruct", "propose", "en")
    }
    assert not found.discarded


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("", "empty"),
        ("Write a poem", "too_short"),
        ("Describe what is in this picture", "banned_word"),
        ("Write a program that sorts a list", "starts_with_program"),
        ("- or rather, describe the sea", "starts_with_punctuation"),
        ("写一首关于春天和秋天的诗", "wrong_language"),
        ("SEED task number 3, about some things", "repeated_example"),
        ("What is two plus two?\nAnswer: 4", "answered_instead"),
        ("Write a short poem about rain. Answer: rain is wet", "answered_instead"),
    ],
)
def test_a_bad_item_is_discarded_by_name_and_the_next_one_stays(item: str, reason: str) -> None:
    config = PLAIN.model_copy(update={"human_examples": 10})
    steps = propose(SEEDS, [], config, random.Random(1), "en", "o")
    found = answer_with(steps, says(f"11. {item}\n12. Explain how tides come about."))
    assert reasons(found) == {reason: 1}
    assert [row.instruction for row in found.candidates] == ["Explain how tides come about."]
    assert found.discarded[0].row is not None


def test_only_the_last_item_of_a_cut_reply_is_lost() -> None:
    text = "9. Explain how tides come about.\n10. List three rivers of Asia.\n11. Describe the"
    found = proposed(text, finish_reason="length")
    assert (len(found.candidates), reasons(found)) == (2, {"truncated": 1})


def test_an_item_that_breaks_off_is_truncated_whatever_the_endpoint_says() -> None:
    assert reasons(proposed("9. Explain how tides come about.\n10. List rivers (Asia, Europe,")) == {"truncated": 1}


@pytest.mark.parametrize(
    ("reply", "values", "reason"),
    [
        ("The tides are caused by the moon.", {}, "unparsable"),
        ("I'm sorry, but I cannot help with that.", {}, "refused"),
        ("", {}, "empty"),
        ("<think>hm", {}, "unclosed_think"),
        ("9. Explain how tides come about.\n<think>hm", {}, "unclosed_think"),
        (
            "<think>\n1. Maybe a poem about rain\n</think>\n<think>x</think>\n9. Explain the tides.",
            {},
            "malformed_think",
        ),
        ("<think>hm", {"finish_reason": "length"}, "truncated"),
        ("Here are", {"finish_reason": "length"}, "truncated"),
        ("", {"error": "timeout"}, "timeout"),
    ],
)
def test_a_reply_without_items_is_one_discard(reply: str, values: dict[str, Any], reason: str) -> None:
    assert reasons(proposed(reply, PLAIN, **values)) == {reason: 1}


def test_remarks_around_the_list_are_counted() -> None:
    found = proposed("Sure, here they are:\n9. Explain how tides come about.\n10. List three rivers of Asia.")
    assert (len(found.candidates), reasons(found)) == (2, {"chatter": 1})


def test_chinese_items_are_counted_in_characters() -> None:
    found = proposed("9、写一首关于雨的短诗\n10、写首诗吧\n11、描述这张图片的内容", language="zh")
    assert [row.instruction for row in found.candidates] == ["写一首关于雨的短诗"]
    assert reasons(found) == {"too_short": 1, "banned_word": 1}


def test_word_lists_and_limits_are_the_recipes() -> None:
    config = PLAIN.model_copy(update={"banned_words": {"en": ["tides"]}, "min_words": 3, "allow_programs": True})
    found = proposed("9. Explain the tides now\n10. Paint a picture\n11. Write a program in C", config)
    assert reasons(found) == {"banned_word": 1}


def test_seeds_need_not_pass_the_filters() -> None:
    assert wording.flaw(
        SEEDS[0].instruction, "zh", words=(99, 99), characters=(99, 99), banned=(), programs=False
    )  # and yet it is shown:
    assert "Seed task" in prompted(PLAIN, []).messages[-1].content


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["9. ", "\n", "10)", "Add 3 and 4 to it.", "写一首诗", "(", "Answer: 4", "map", " "])))
def test_every_item_is_a_candidate_or_a_discard(parts: list[str]) -> None:
    text = "".join(parts)
    found = proposed(text)
    assert found.candidates or found.discarded
    counted = sum(row.instruction.count("Add 3") for row in found.candidates)
    counted += sum(discard.raw.count("Add 3") for discard in found.discarded)
    assert counted == text.count("Add 3")


def test_whole_tasks_show_answered_seeds_only() -> None:
    (prompt,) = next(propose([*SEEDS, seed(99, response="")], MACHINE, ONE_CALL, random.Random(0), "en", "o"))
    user = prompt.messages[-1].content
    assert user.startswith("### Task 1\nInstruction: Seed task number ")
    assert (user.count("### Task"), user.count("Machine"), user.count("Output: answer")) == (3, 0, 3)
    assert user.endswith("\n\nWrite tasks 4 to 11.")
    assert "Input: <noinput>\n" in user
    assert (prompt.temperature, prompt.top_p, prompt.max_tokens) == (1.0, 1.0, 3072)


def test_whole_tasks_in_chinese_are_labelled_in_chinese() -> None:
    (prompt,) = next(propose(CHINESE, [], ONE_CALL, random.Random(0), "zh", "o"))
    assert "### 任务 1\n指令：第" in prompt.messages[-1].content
    assert "\n输入：<无输入>\n输出：answer" in prompt.messages[-1].content


def test_a_whole_task_brings_its_answer() -> None:
    reply = (
        "Sure:\n### Task 4\nInstruction: Add the two numbers.\nInput: 2, 3\nOutput: 5\n"
        "### Task 5\nInstruction: Name a colour of the sky.\nInput: No input\nOutput: Blue\n"
        "### Task 6\nInstruction: Sort the letters given.\nInput: c, a\n"
        "### Task 7\nInput: 1\nOutput: 2\n"
        "### Task 8\nInstruction: Describe the\n"
    )
    found = proposed(reply, ONE_CALL, prompt_tokens=10, completion_tokens=20, finish_reason="length")
    assert [(row.instruction, row.input, row.response) for row in found.candidates] == [
        ("Add the two numbers.", "2, 3", "5"),
        ("Name a colour of the sky.", "", "Blue"),
    ]
    assert reasons(found) == {"chatter": 1, "missing_output": 1, "missing_instruction": 1, "truncated": 1}
    assert found.candidates[0].teacher is not None
    assert found.candidates[0].teacher.completion_tokens == 4


@pytest.mark.parametrize(
    ("response", "given", "reason"), [("", "x", "empty_output"), ("x", "x", "echo"), ("So:", "", "ends_with_colon")]
)
def test_a_bad_whole_task_is_rejected(response: str, given: str, reason: str) -> None:
    row = MACHINE[0].with_(response=response, input=given)
    with pytest.raises(Reject, match=reason):
        answer_with(grow(row, ONE_CALL, random.Random(0)), says())


def test_a_good_whole_task_passes_without_a_request() -> None:
    row = MACHINE[0].with_(response="Blue")
    assert answer_with(grow(row, ONE_CALL, random.Random(0)), says()) == Outcome(passed=row)


def grown(*replies: str, config: Config = PLAIN, row: Row = MACHINE[0], rng: int = 0, **values: Any) -> Outcome:
    return answer_with(grow(row, config, random.Random(rng)), says(*replies, **values))


@pytest.mark.parametrize(
    ("verdict", "reply", "operation", "task_type"),
    [
        ("Yes", "Class label: Spam\nInput: Win!", "label_first", "classification"),
        ("No", "Example 1\nInput: Win!\nOutput: Spam", "input_first", "generation"),
        ("Hard to say", "Example 1\nInput: Win!\nOutput: Spam", "input_first", "generation"),
    ],
)
def test_the_verdict_decides_how_instances_are_written(
    verdict: str, reply: str, operation: str, task_type: str
) -> None:
    asked: list[str] = []
    replies = iter([verdict, reply])

    def reply_to(prompt: Prompt) -> Completion:
        asked.append(prompt.messages[0].content.partition("\n")[0])
        assert prompt.messages[-1].content == "<task>Machine task number 0 here</task>"
        return Completion(next(replies), model="m")

    outcome = answer_with(grow(MACHINE[0], PLAIN, random.Random(0)), reply_to)
    (row,) = outcome.created
    assert asked[1] == f"# Write examples, {operation.replace('_', ' ')}"
    assert (row.input, row.response, row.operation, row.task_type) == ("Win!", "Spam", operation, task_type)
    assert (row.parents, outcome.passed) == ((MACHINE[0].id,), None)
    assert reasons(outcome) == ({"unclear_classification": 1} if verdict.startswith("Hard") else {})


def test_the_classification_question_is_sampled_at_temperature_0() -> None:
    (prompt,) = next(grow(MACHINE[0], PLAIN, random.Random(0)))
    assert (prompt.temperature, prompt.top_p, prompt.max_tokens, prompt.stop) == (0.0, None, 16, ())


FIVE = "\n".join(f"Example {n}\nInput: {n}\nOutput: {n * n}" for n in range(2, 7))


def test_surplus_instances_are_chosen_in_order_and_the_same_each_time() -> None:
    outcome = grown("No", FIVE, rng=5)
    assert len(outcome.created) == 2
    assert outcome == grown("No", FIVE, rng=5)
    assert [int(row.input) for row in outcome.created] == sorted(int(row.input) for row in outcome.created)
    assert reasons(outcome) == {"surplus": 3}
    assert len({tuple(row.input for row in grown("No", FIVE, rng=rng).created) for rng in range(20)}) > 3


def test_all_five_instances_are_kept_if_asked_for() -> None:
    assert len(grown("No", FIVE, config=PLAIN.model_copy(update={"max_instances": 5})).created) == 5


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("Input: 3\nOutput: 9\nInput: 3\nOutput: 8", "conflicting_outputs"),
        ("Input: 3\nOutput: 9\nOutput: 8", "conflicting_outputs"),
        ("<think>a</think>Input: 3\nOutput: 9</think>", "malformed_think"),
        ("Input: 3\nOutput: 9<think>", "unclosed_think"),
        ("Input: 3\nOutput: 3", "echo"),
        ("Input: 3\nOutput:", "empty_output"),
        ("Input: 3\nOutput: So:", "ends_with_colon"),
        ("Input: 3", "missing_output"),
        ("That depends.", "unparsable"),
        ("I'm sorry, I can't do that.", "refused"),
        ("", "empty"),
    ],
)
def test_a_task_without_a_usable_instance_is_rejected_by_its_main_reason(reply: str, reason: str) -> None:
    with pytest.raises(Reject) as caught:
        grown("No", reply)
    assert (caught.value.reason, caught.value.raw) == (reason, reply)


def test_remarks_around_the_instances_are_counted() -> None:
    outcome = grown("No", "Here you are:\nInput: 3\nOutput: 9\n\nI hope this helps!")
    assert [(row.input, row.response) for row in outcome.created] == [("3", "9")]
    assert [(discard.reason, discard.raw) for discard in outcome.discarded] == [
        ("chatter", "Here you are:"),
        ("chatter", "I hope this helps!"),
    ]


def test_a_classification_verdict_lost_in_thoughts_is_counted_under_their_name() -> None:
    outcome = grown("<think>yes, it", "Input: 3\nOutput: 9")
    assert (outcome.created[0].operation, reasons(outcome)) == ("input_first", {"unclosed_think": 1})


def test_a_cut_reply_loses_its_last_instance_only() -> None:
    outcome = grown("No", "Input: 3\nOutput: 9\nInput: 4\nOutput: 1", finish_reason="length")
    assert ([row.response for row in outcome.created], reasons(outcome)) == (["9"], {"truncated": 1})


def test_a_failed_request_rejects_the_row() -> None:
    with pytest.raises(Reject, match="timeout"):
        grown("", error="timeout")


def test_chinese_instances_are_read() -> None:
    row = CHINESE[0].with_(response="")
    outcome = grown("是", "类别标签：好评\n输入：很好吃\n\n类别标签：差评\n输入：太难吃", row=row)
    assert [(each.input, each.response, each.language) for each in outcome.created] == [
        ("很好吃", "好评", "zh"),
        ("太难吃", "差评", "zh"),
    ]


def test_what_a_reply_cost_is_shared_among_its_instances() -> None:
    outcome = grown("No", "Input: 3\nOutput: 9\nInput: 4\nOutput: 16", completion_tokens=50, cost=0.5)
    notes = [row.teacher for row in outcome.created]
    assert [(note.completion_tokens, note.cost) for note in notes if note] == [(25, 0.25), (25, 0.25)]


@settings(max_examples=100)
@given(st.text(), st.text())
def test_no_reply_breaks_growing(verdict: str, reply: str) -> None:
    try:
        outcome = grown(verdict, reply)
    except Reject:
        return
    assert outcome.created


# Replies as JSON


def test_lists_and_the_classification_question_have_a_shape_and_whole_tasks_have_none() -> None:
    classifying = prompted(Config(classification_share=1.0), MACHINE)
    (question,) = next(grow(MACHINE[0], PLAIN, random.Random(0)))
    shapes = [prompt.shape for prompt in (prompted(PLAIN, []), classifying, question)]
    assert [shape and shape.name for shape in shapes] == ["propose", "propose_classification", "classify"]
    assert next(propose(SEEDS, [], ONE_CALL, random.Random(0), "en", "o"))[0].shape is None


def test_a_chinese_question_has_chinese_options() -> None:
    (prompt,) = next(grow(MACHINE[0].with_(language="zh"), PLAIN, random.Random(0)))
    assert prompt.shape is not None
    assert prompt.shape.schema["properties"]["answer"]["enum"] == ["是", "否"]
    assert prompt.shape.hint.startswith("请")


def test_the_same_proposals_come_of_a_list_in_words_and_in_json() -> None:
    tasks = ["Name five NASA missions to Mars", "Write a poem", "Explain why iPhones have notches,"]
    words = proposed("\n".join(f"{number}. {task}" for number, task in enumerate(tasks, start=9)) + "\n12. And so")
    shaped = proposed(json.dumps({"tasks": [*tasks, "And so"]}))
    assert shaped.candidates == words.candidates
    assert reasons(shaped) == reasons(words)


def test_only_the_broken_string_of_a_cut_json_list_is_lost() -> None:
    text = '{"tasks": ["Explain how tides come about.", "List three rivers of Asia.", "Describe the'
    found = proposed(text, finish_reason="length")
    assert [row.instruction for row in found.candidates] == [
        "Explain how tides come about.",
        "List three rivers of Asia.",
    ]
    assert [(discard.reason, discard.raw) for discard in found.discarded] == [("truncated", "Describe the")]


def test_a_whole_string_at_the_end_of_a_cut_json_list_is_kept() -> None:
    found = proposed('{"tasks": ["Explain how tides come about."', finish_reason="length")
    assert (len(found.candidates), reasons(found)) == (1, {})


def test_an_empty_json_list_is_unparsable() -> None:
    assert reasons(proposed('{"tasks": []}')) == {"unparsable": 1}


@pytest.mark.parametrize("text", ["", "I was about to", "<think>Let me see. 9. Name"])
def test_a_reply_that_was_cut_before_its_first_item_is_truncated(text: str) -> None:
    assert reasons(proposed(text, finish_reason="length", reasoning="First")) == {"truncated": 1}


@pytest.mark.parametrize(
    ("verdict", "operation"),
    [
        ('{"answer": "Yes"}', "label_first"),
        ('{"answer": "No"}', "input_first"),
        ('{"answer": "no"}', "input_first"),
        ("Yes", "label_first"),
    ],
)
def test_the_verdict_is_read_in_json_and_in_words(verdict: str, operation: str) -> None:
    (row,) = grown(verdict, "Class label: Spam\nInput: Win!\nOutput: Spam").created
    assert row.operation == operation
