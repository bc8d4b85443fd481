"""A judge decides where the filter is in doubt; where the judge does not, the row is unknown, never clean."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from generators.same_problem import UNKNOWN, Config, grow
from schemas.benchmarks import BenchmarkFile
from schemas.exchange import Completion, Prompt
from schemas.row import Row, Score, new_row
from schemas.stage import Outcome, Reject, answer_with
from teachers.builtin.model import reply

QUESTION, TASK = "Ann has 3 hats and buys 2. How many has she?", "Ann, who owned 3 hats, bought 2 more. How many now?"


@dataclass
class Judge:
    said: Completion
    asked: list[Prompt] = field(default_factory=list)

    def __call__(self, prompt: Prompt) -> Completion:
        self.asked.append(prompt)
        return self.said


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Config]:
    def made(question: str = QUESTION, **values: Any) -> Config:
        path = tmp_path / "hats.jsonl"
        path.write_text(json.dumps({"question": question}), encoding="utf-8")
        return Config(benchmarks=[BenchmarkFile(path=str(path))], **values)

    return made


def near(
    cosine: float = 0.8,
    *,
    neighbour: str = "hats:1",
    stage: str = "decontaminate",
    task: str = TASK,
    language: str = "en",
) -> Row:
    return new_row(task, stage="s", language=language).scored(Score(stage, "cosine", cosine, neighbour))


def judged(row: Row, config: Config, said: Completion | str) -> tuple[Outcome, Judge]:
    judge = Judge(Completion(said) if isinstance(said, str) else said)
    return answer_with(grow(row, config, random.Random(0)), judge), judge


@pytest.mark.parametrize(("language", "same"), [("en", "Same"), ("zh", "相同")])
@pytest.mark.parametrize("as_json", [False, True])
def test_the_same_problem_is_dropped(config: Callable[..., Config], language: str, same: str, as_json: bool) -> None:
    said = json.dumps({"verdict": same}) if as_json else same
    with pytest.raises(Reject) as caught:
        judged(near(language=language), config(), said)
    assert (caught.value.reason, caught.value.raw) == ("benchmark_judged", said)


def test_a_different_problem_passes_as_it_was(config: Callable[..., Config]) -> None:
    outcome, judge = judged(near(), config(model="judge", max_tokens=9), "Different")
    assert outcome == Outcome(passed=near())
    (prompt,) = judge.asked
    assert QUESTION in prompt.messages[-1].content
    assert TASK in prompt.messages[-1].content
    assert (prompt.model, prompt.temperature, prompt.max_tokens) == ("judge", 0.0, 9)


UNDECIDED = [
    Completion("Cannot tell"),
    Completion('{"verdict": "Cannot tell"}'),
    Completion("Both, in a way: the figures are the same."),
    Completion(""),
    Completion("Different", finish_reason="length"),
    Completion("", error="timeout"),
]


@pytest.mark.parametrize("said", UNDECIDED)
def test_a_judge_that_does_not_decide_leaves_the_row_unknown_not_clean(
    config: Callable[..., Config], said: Completion
) -> None:
    outcome, _ = judged(near(), config(name="second"), said)
    assert outcome.passed == near().scored(Score("second", UNKNOWN, 1.0, "hats:1"))
    (discard,) = outcome.discarded
    assert (discard.reason, discard.raw) == (UNKNOWN, said.error or said.text)
    with pytest.raises(Reject) as caught:
        judged(near(), config(on_unknown="drop"), said)
    assert caught.value.reason == UNKNOWN


def test_a_question_that_the_files_do_not_have_is_unknown_too(config: Callable[..., Config]) -> None:
    outcome, judge = judged(near(neighbour="caps:7"), config(), "Different")
    assert judge.asked == []
    assert [discard.raw for discard in outcome.discarded] == ["no question is called caps:7"]


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        (new_row(TASK, stage="s"), 0),
        (near(0.59), 0),
        (near(0.6), 1),
        (near(0.9), 1),
        (near(0.91), 0),
        (near(0.8, stage="embedding"), 0),
        (near(0.8).scored(Score("decontaminate", "cosine", 0.3, "hats:1")), 0),
    ],
)
def test_only_rows_in_the_grey_zone_are_asked_about(config: Callable[..., Config], row: Row, asked: int) -> None:
    outcome, judge = judged(row, config(lowest=0.6, highest=0.9), "Different")
    assert (outcome.passed, len(judge.asked)) == (row, asked)


def test_an_empty_zone_is_refused(config: Callable[..., Config]) -> None:
    with pytest.raises(ValueError, match=r"lowest is 0\.9, above highest 0\.6"):
        config(lowest=0.9, highest=0.6)


def offline(prompt: Prompt) -> Completion:
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    return Completion(reply(messages).text)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_offline_teacher_knows_equal_texts_and_says_where_it_cannot_tell(
    config: Callable[..., Config], language: str
) -> None:
    row = near(language=language)
    with pytest.raises(Reject, match="benchmark_judged"):
        answer_with(grow(row, config(TASK.upper()), random.Random(0)), offline)
    outcome = answer_with(grow(row, config(), random.Random(0)), offline)
    assert [discard.reason for discard in outcome.discarded] == [UNKNOWN]
