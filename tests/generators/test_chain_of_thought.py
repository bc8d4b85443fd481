import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from generators import prompts
from generators.chain_of_thought import EXPLAINERS, Config, grow, is_repetitive, mentions_hint, read
from schemas.exchange import Completion, Prompt, Sample
from schemas.row import Row, TeacherNote, new_row
from schemas.stage import Outcome, Reject, answer_with

DATA = Path(__file__).parents[3] / "shared" / "data"
ROW = new_row("What is 48 plus 24?", stage="seed", source="s:1", task_type="arithmetic")
GOLD = ROW.with_(answer="72")
RIGHT = "48 + 24 is 72, because 40 + 20 = 60 and 8 + 4 = 12.\nAnswer: 72"
WRONG = "48 + 24 is about 70.\nAnswer: 70"


@dataclass
class Scripted:
    """A teacher that gives its replies in order and remembers what it was asked."""

    replies: list[str | Completion]
    asked: list[Prompt] = field(default_factory=list)

    def __call__(self, prompt: Prompt) -> Completion:
        reply = self.replies[len(self.asked)]
        self.asked.append(prompt)
        return reply if isinstance(reply, Completion) else Completion(reply, model="m")


def run(*replies: str | Completion, row: Row = ROW, seed: int = 0, **config: Any) -> Outcome:
    return answer_with(grow(row, Config.model_validate(config), random.Random(seed)), Scripted(list(replies)))


def passed(*replies: str | Completion, row: Row = ROW, seed: int = 0, **config: Any) -> Row:
    result = run(*replies, row=row, seed=seed, **config).passed
    assert result is not None
    return result


def rejected(*replies: str | Completion, row: Row = ROW, **config: Any) -> str:
    with pytest.raises(Reject) as caught:
        run(*replies, row=row, **config)
    return caught.value.reason


def measures(row: Row) -> dict[str, float]:
    return {score.measure: score.value for score in row.scores}


# --- one solution -------------------------------------------------------------------------------------------------


def test_a_solution_gives_the_row_reasoning_answer_and_response() -> None:
    row = passed(RIGHT)
    assert row.reasoning == "48 + 24 is 72, because 40 + 20 = 60 and 8 + 4 = 12."
    assert (row.answer, row.response, row.id) == ("72", "72", ROW.id)
    assert row.teacher == TeacherNote("m")
    assert row.scores == ()


def test_the_request_is_the_solver_with_the_task_as_it_is() -> None:
    teacher = Scripted([RIGHT])
    answer_with(grow(ROW.with_(input="in metres"), Config(), random.Random(0)), teacher)
    (prompt,) = teacher.asked
    system, user = prompt.messages
    assert system.content == prompts.load("chain_of_thought", "solve", "en").system
    assert user.content == "What is 48 plus 24?\n\nin metres"
    assert (prompt.model, prompt.temperature) == ("teacher", 0.0)


def test_what_the_teacher_saw_is_recorded_and_not_trained_on() -> None:
    row = passed(RIGHT, mode="explain")
    assert row.system_generation in {prompts.load("chain_of_thought", name, "en").system for name in EXPLAINERS}
    assert row.system is None
    assert passed(RIGHT, mode="explain", train_system="Think, then answer.").system == "Think, then answer."
    assert passed(RIGHT, row=ROW.with_(system="Be an owl.")).system == "Be an owl."


def test_explaining_messages_are_drawn_evenly_and_by_the_seed() -> None:
    drawn = [passed(RIGHT, mode="explain", seed=seed).system_generation for seed in range(350)]
    assert drawn[:20] == [passed(RIGHT, mode="explain", seed=seed).system_generation for seed in range(20)]
    counts = [drawn.count(message) for message in set(drawn)]
    assert len(counts) == len(EXPLAINERS) >= 6
    assert min(counts) > 25


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "no_answer"),
        ("It is 72, I believe.", "no_answer"),
        ("Sum.\nAnswer:", "empty_answer"),
        ("Answer: 72", "empty_reasoning"),
        ("...\nAnswer: 72", "empty_reasoning"),
        ("Sum.\nAnswer: 72\nOr not.\nAnswer: 70", "several_answers"),
        ("<think>Sum.\nAnswer: 72", "unclosed_think"),
        ("<think>Sum.</think>So\nAnswer: 72</think>", "malformed_think"),
        ("We add the two numbers now. " * 20 + "\nAnswer: 72", "repetitive"),
        (Completion(RIGHT, finish_reason="length"), "truncated"),
        (Completion("", finish_reason="content_filter"), "content_filter"),
    ],
)
def test_a_solution_that_cannot_be_read_is_named(reply: str | Completion, reason: str) -> None:
    assert rejected(reply, on_failure="reject") == reason
    outcome = run(reply)
    assert outcome.passed is ROW
    assert [discard.reason for discard in outcome.discarded] == [reason]
    assert rejected(reply, row=GOLD) == reason


def test_a_request_that_failed_rejects_the_row_even_where_failures_are_kept() -> None:
    assert rejected(Completion("", error="timeout")) == "timeout"


def test_a_thinking_models_visible_reasoning_is_kept_unless_it_only_answers() -> None:
    both = "<think>Tens, then ones.</think>48 + 24 = 72.\nAnswer: 72"
    assert passed(both).reasoning == "48 + 24 = 72."
    assert passed(both, trace="thought").reasoning == "Tens, then ones."
    assert passed("<think>Tens, then ones.</think>Answer: 72").reasoning == "Tens, then ones."
    assert passed(Completion("Answer: 72", reasoning="Tens, then ones.")).reasoning == "Tens, then ones."
    assert passed("Sum.\nAnswer: 72", trace="thought").reasoning == "Sum."


def test_a_loop_is_told_from_a_trace_with_recurring_steps() -> None:
    assert is_repetitive("One paragraph.\n\n" * 10)
    assert is_repetitive("然后再加上一个数字。" * 8)
    assert is_repetitive("Add the next number to it. Write the sum down below. " * 40)
    assert not is_repetitive("Add 1.\n" * 20)
    assert not is_repetitive("\n".join(f"Step {n}: add {n} to the running sum." for n in range(50)))


# --- a known answer -----------------------------------------------------------------------------------------------


def test_a_known_answer_is_kept_as_it_was_written() -> None:
    row = passed("Sum.\nAnswer: $72.00", row=GOLD)
    assert (row.answer, row.response) == ("72", "$72.00")


def test_reasoning_that_arrives_elsewhere_rejects_the_row() -> None:
    assert rejected(WRONG, row=GOLD) == "wrong_answer"


def test_a_missed_answer_is_explained_with_the_hint_and_stored_without_it() -> None:
    teacher = Scripted([WRONG, RIGHT])
    row = GOLD.with_(instruction="What is 48 plus 24?", input="Write digits.")
    outcome = answer_with(grow(row, Config(rationalize=True), random.Random(0)), teacher)
    asked = teacher.asked[1].messages
    assert asked[0].content.startswith("# Explain a known answer\n")
    assert asked[1].content == (
        f"<instruction>\n{row.instruction}\n</instruction>\n<input>\nWrite digits.\n</input>\n<hint>\n72\n</hint>"
    )
    assert outcome.passed is not None
    assert measures(outcome.passed) == {"rationalized": 1.0}
    assert (outcome.passed.instruction, outcome.passed.input) == (row.instruction, row.input)
    assert "hint" not in f"{outcome.passed.reasoning}{outcome.passed.response}{outcome.passed.system}"
    assert [discard.reason for discard in outcome.discarded] == ["wrong_answer"]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (WRONG, "wrong_answer"),
        ("As the hint says, it is 72.\nAnswer: 72", "mentions_hint"),
        ("It matches the given answer.\nAnswer: 72", "mentions_hint"),
        ("We are told that the answer is 72.\nAnswer: 72", "mentions_hint"),
        ("根据提示，结果是 72。\n答案：72", "mentions_hint"),
        ("I was given the answer 72.\nAnswer: 72", "mentions_hint"),
        ("72", "no_answer"),
        (Completion("", error="timeout"), "timeout"),
    ],
)
def test_a_rationalization_that_fails_rejects_the_row(second: str | Completion, reason: str) -> None:
    assert rejected(WRONG, second, row=GOLD, rationalize=True) == reason


def test_words_of_the_task_are_no_sign_of_the_hint() -> None:
    riddle = ROW.with_(instruction="Use the hint in the riddle to find the number.")
    assert not mentions_hint("The hint speaks of dozens.", riddle)
    assert mentions_hint("The hint speaks of dozens.", ROW)


@pytest.mark.parametrize(
    ("reasoning", "leaks"),
    [
        ("Given that the answer is 12, we work backwards.", True),
        ("We know the answer is 12, so we work back.", True),
        ("Since the answer is supposed to be 12, we add.", True),
        ("This fits: the provided solution is 12.", True),
        ("We go backwards from the answer.", True),
        ("既然答案是12，我们倒推。", True),
        ("我们被告知答案为12。", True),
        ("题目告诉我们答案是12。", True),
        ("因为给出的结果是12，所以要相加。", True),
        ("Now we know the answer is 12.", False),
        ("The given solution of salt is stirred.", False),
        ("We work backwards from the end of the day.", False),
        ("由此可知结果是12。", False),
    ],
)
def test_a_trace_that_knows_its_answer_beforehand_is_told_from_one_that_finds_it(reasoning: str, leaks: bool) -> None:
    assert mentions_hint(reasoning, ROW) is leaks


def test_the_hint_is_not_asked_for_where_the_first_solution_is_right() -> None:
    assert "rationalized" not in measures(passed(RIGHT, row=GOLD, rationalize=True))


# --- several solutions --------------------------------------------------------------------------------------------


def several(*texts: str, **values: Any) -> Completion:
    """One reply of several samples."""
    first, *others = texts
    return Completion(first, model="m", others=tuple(map(Sample, others)), **values)


def test_samples_of_one_request_vote_like_those_of_many() -> None:
    texts = ("One.\nAnswer: 70", "Two.\nAnswer: 72", "Three.\nAnswer: $72.00", "?")
    assert run(several(*texts), samples=4, min_votes=2, one_request=True) == run(*texts, samples=4, min_votes=2)


@pytest.mark.parametrize(
    ("replies", "asked"),
    [
        ([several(RIGHT, RIGHT, RIGHT)], [3]),
        ([several(RIGHT, RIGHT), several(RIGHT)], [3, 1]),
        ([several(RIGHT), several(RIGHT), several(RIGHT)], [3, 2, 1]),
    ],
)
def test_samples_that_one_request_did_not_bring_are_asked_in_the_next(
    replies: list[str | Completion], asked: list[int]
) -> None:
    teacher = Scripted(replies)
    outcome = answer_with(grow(ROW, Config(samples=3, one_request=True), random.Random(0)), teacher)
    assert [prompt.n for prompt in teacher.asked] == asked
    assert {prompt.temperature for prompt in teacher.asked} == {0.7}
    assert outcome.passed is not None
    assert measures(outcome.passed) == {"votes": 3.0, "samples": 3.0}


def test_a_recipe_that_does_not_ask_for_one_request_keeps_its_digest() -> None:
    assert "one_request" not in Config().model_dump()
    assert Config(one_request=True).model_dump()["one_request"] is True


def test_one_sample_is_asked_for_as_ever() -> None:
    (prompt,) = next(grow(ROW, Config(one_request=True), random.Random(0)))
    assert (prompt.n, prompt.temperature) == (1, 0.0)


def test_a_request_that_fails_ends_the_asking_and_leaves_the_samples_that_came() -> None:
    outcome = run(several(RIGHT, RIGHT), Completion("", error="timeout"), samples=3, one_request=True)
    assert outcome.passed is not None
    assert outcome.passed.answer == "72"
    assert [discard.reason for discard in outcome.discarded] == ["timeout"]
    assert rejected(Completion("", error="timeout"), samples=3, one_request=True) == "timeout"


def test_an_empty_sample_counts_as_one_that_was_asked() -> None:
    reply = Completion(RIGHT, model="m", others=(Sample("", error="empty_completion"), Sample(RIGHT)))
    outcome = run(reply, samples=3, one_request=True)
    assert outcome.passed is not None
    assert [discard.reason for discard in outcome.discarded] == ["empty_completion"]


def test_a_row_is_noted_its_part_of_what_the_request_cost() -> None:
    reply = several(WRONG, RIGHT, RIGHT, prompt_tokens=30, completion_tokens=60, cost=0.75)
    row = passed(reply, samples=3, one_request=True)
    assert row.teacher == TeacherNote("m", prompt_tokens=10, completion_tokens=20, cost=0.25)


def test_samples_are_asked_together_and_warm() -> None:
    steps = grow(ROW, Config(samples=3), random.Random(0))
    asked = next(steps)
    assert len(asked) == 3
    assert {prompt.temperature for prompt in asked} == {0.7}


def test_equivalent_answers_vote_together_and_the_first_trace_is_kept() -> None:
    outcome = run("One.\nAnswer: 70", "Two two.\nAnswer: 72", "3.\nAnswer: $72.00", samples=3)
    assert outcome.passed is not None
    assert (outcome.passed.reasoning, outcome.passed.answer) == ("Two two.", "72")
    assert measures(outcome.passed) == {"votes": 2.0, "samples": 3.0}
    assert [discard.reason for discard in outcome.discarded] == ["outvoted"]
    assert (
        passed("One.\nAnswer: 70", "Two two.\nAnswer: 72", "3.\nAnswer: 72.", samples=3, pick="shortest").reasoning
        == "3."
    )


@pytest.mark.parametrize(
    ("answers", "min_votes", "wins"),
    [
        ("72 72 72", None, True),
        ("72 72 70", None, True),
        ("72 70 68", None, False),
        ("72 72 70 70", None, False),
        ("72 72 70 70", 2, False),
        ("72 72 70 68", 2, True),
        ("72 72 70", 3, False),
        ("72 ? ?", None, False),
        ("72 72 ?", None, True),
        ("72 ? ?", 1, True),
    ],
)
def test_the_largest_cluster_wins_with_enough_votes_and_no_tie(answers: str, min_votes: int | None, wins: bool) -> None:
    replies = ["no answer" if word == "?" else f"Sum.\nAnswer: {word}" for word in answers.split()]
    config: dict[str, Any] = {"samples": len(replies), "min_votes": min_votes}
    if wins:
        assert passed(*replies, **config).answer == "72"
    else:
        assert rejected(*replies, **config) == "no_majority"


def test_a_sample_that_cannot_be_read_or_asked_is_a_discard_beside_the_vote() -> None:
    outcome = run(RIGHT, "nothing", Completion("", error="timeout"), RIGHT, RIGHT, samples=5)
    assert outcome.passed is not None
    assert [discard.reason for discard in outcome.discarded] == ["no_answer", "timeout"]
    assert measures(outcome.passed) == {"votes": 3.0, "samples": 5.0}


def test_with_a_known_answer_one_right_sample_is_enough_unless_more_are_asked_for() -> None:
    replies = (WRONG, WRONG, RIGHT)
    assert measures(passed(*replies, row=GOLD, samples=3)) == {"votes": 1.0, "samples": 3.0}
    assert rejected(*replies, row=GOLD, samples=3, min_votes=2) == "no_majority"
    assert rejected(*replies, row=ROW.with_(answer="71"), samples=3) == "wrong_answer"


def test_more_votes_than_samples_are_refused() -> None:
    with pytest.raises(ValidationError, match="min_votes is 3, of 2 samples"):
        Config(samples=2, min_votes=3)


# --- the response that is there already ---------------------------------------------------------------------------


def test_a_response_that_agrees_stays_with_its_teacher() -> None:
    row = ROW.with_(response="Together they make 72.", teacher=TeacherNote("first"))
    result = passed(RIGHT, row=row)
    assert (result.response, result.teacher, result.answer) == (row.response, TeacherNote("first"), "72")
    assert result.scores == ()


def test_a_response_that_disagrees_is_replaced_kept_or_rejected() -> None:
    row = ROW.with_(response="They make 70.", teacher=TeacherNote("first"))
    replaced = passed(RIGHT, row=row)
    assert (replaced.response, replaced.teacher) == ("72", TeacherNote("m"))
    assert measures(replaced) == {"replaced_response": 1.0}
    kept = passed(RIGHT, row=row, on_disagreement="keep")
    assert (kept.response, kept.teacher) == ("They make 70.", TeacherNote("first"))
    assert measures(kept) == {"disagreement": 1.0}
    assert rejected(RIGHT, row=row, on_disagreement="reject") == "disagreement"


@pytest.mark.parametrize(
    ("response", "answer", "kept", "scored"),
    [
        ("The probability is 2/3.", "2/3", True, set()),
        ("They make 72. This holds for 27 September 2021.", "72", True, {"unclear_agreement"}),
        ('B. "B" has 1 letters. This holds for 27 September 2021.', "1", True, {"unclear_agreement"}),
        ("Tom had 17 apples and ate 3, so he has 14 left.", "17", False, {"replaced_response"}),
    ],
)
def test_only_a_response_that_surely_disagrees_is_replaced(
    response: str, answer: str, kept: bool, scored: set[str]
) -> None:
    row = passed(f"We count.\nAnswer: {answer}", row=ROW.with_(response=response))
    assert row.response == (response if kept else answer)
    assert set(measures(row)) == scored


def test_a_long_text_is_a_response_and_no_short_answer() -> None:
    poem = "\n".join(["The sparrow sits upon the sill and sings of spring and sun"] * 5)
    row = passed(f"First a subject, then lines.\nAnswer:\n{poem}")
    assert (row.answer, row.response, measures(row)) == (None, poem, {"free_form": 1.0})
    own = passed(f"First a subject, then lines.\nAnswer:\n{poem}", row=ROW.with_(response="Another poem."))
    assert own.response == "Another poem."


# --- which rows ---------------------------------------------------------------------------------------------------


def test_rows_outside_the_share_or_the_task_types_pass_unasked() -> None:
    assert run(share=0.0).passed is ROW
    assert run(only_task_types=["classification"]).passed is ROW
    assert passed(RIGHT, only_task_types=["arithmetic"]).answer == "72"
    asked = sum(passed(RIGHT, seed=seed, share=0.3).answer is not None for seed in range(400))
    assert 80 < asked < 160


# --- the prompts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "cue"), [("en", "Answer:"), ("zh", "答案：")])
@pytest.mark.parametrize("name", ["solve", "rationalize", *EXPLAINERS])
def test_every_prompt_asks_for_the_last_line_in_its_language(name: str, language: str, cue: str) -> None:
    template = prompts.load("chain_of_thought", name, language)
    assert template.language == language
    assert cue in template.system
    assert template.fields == ({"task", "hint"} if name == "rationalize" else {"task"})
    assert bool(template.title) == (name == "rationalize")


def test_a_chinese_row_is_asked_and_read_in_chinese() -> None:
    teacher = Scripted(["48 加 24 等于 72。\n答案：72"])
    row = ROW.with_(instruction="48 加 24 等于多少？", language="zh")
    outcome = answer_with(grow(row, Config(), random.Random(0)), teacher)
    assert "答案：" in teacher.asked[0].messages[0].content
    assert outcome.passed is not None
    assert (outcome.passed.reasoning, outcome.passed.answer) == ("48 加 24 等于 72。", "72")


# --- any text, and real text --------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [
        "Answer: 72",
        "Answer:",
        "答案：70",
        "<think>",
        "</think>",
        "\n",
        "\\boxed{72}",
        "####",
        " 72",
        "Sum.",
        "(B)",
        "hint",
    ]
)
_REPLIES = st.one_of(st.text(max_size=120), st.lists(_PIECES, max_size=15).map("".join))


@given(st.lists(_REPLIES, min_size=4, max_size=4), st.sampled_from([ROW, GOLD]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_is_replied_the_row_passes_or_is_rejected_by_name(
    replies: list[str], row: Row, rationalize: bool
) -> None:
    result = attempt(replies, row, Config(samples=3, rationalize=rationalize))
    if isinstance(result, Reject):
        assert result.reason.isidentifier()
    else:
        assert result.passed is not None
        assert result.passed is row or (result.passed.reasoning and result.passed.response)


def attempt(replies: list[str], row: Row, config: Config) -> Outcome | Reject:
    try:
        return answer_with(grow(row, config, random.Random(0)), Scripted([*replies]))
    except Reject as failure:
        return failure


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not there")
def test_the_worked_answers_of_gsm8k_all_arrive() -> None:
    lines = (DATA / "gsm8k_test.jsonl").read_text(encoding="utf-8").splitlines()
    for record in map(json.loads, lines):
        gold = record["answer"].rpartition("#### ")[2]
        trace = read(Completion(record["answer"]), Config())
        assert trace.answer == gold
        assert "####" not in trace.reasoning
