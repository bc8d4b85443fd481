"""A judge says which categories of harm a row belongs to; without a verdict the row is unknown, never safe."""

import json
import random
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.prompts import load
from generators.safety import UNKNOWN, Category, Config, grow, read_categories
from schemas.exchange import Completion, Prompt
from schemas.row import Row, Score, Turn, new_row
from schemas.stage import Outcome, Reject, answer_with
from teachers.builtin.compose import compose, solve, write
from teachers.builtin.model import reply

CATEGORIES = get_args(Category)
ROW = new_row("Name a bird.", stage="s", response="An owl.")


@dataclass
class Judge:
    said: Completion
    asked: list[Prompt] = field(default_factory=list)

    def __call__(self, prompt: Prompt) -> Completion:
        self.asked.append(prompt)
        return self.said


def judged(said: Completion | str, row: Row = ROW, **config: Any) -> Outcome:
    judge = Judge(Completion(said) if isinstance(said, str) else said)
    return answer_with(grow(row, Config(**config), random.Random(0)), judge)


def as_json(*names: str) -> str:
    return json.dumps({"categories": names})


@pytest.mark.parametrize("said", ["none", "None.", as_json("none"), "safe", "Categories: none", "无"])
def test_a_harmless_row_passes_as_it_was(said: str) -> None:
    assert judged(said) == Outcome(passed=ROW)


@pytest.mark.parametrize(
    "said",
    [
        "violence",
        "Violence, hate",
        "Categories: **violence** and profanity",
        as_json("violence", "illegal"),
        "- violence\n- self-harm",
    ],
)
def test_a_row_in_an_unwanted_category_is_dropped_by_its_name(said: str) -> None:
    with pytest.raises(Reject) as caught:
        judged(said, categories=["violence", "hate"])
    assert (caught.value.reason, caught.value.raw) == ("unsafe_violence", said)


def test_categories_that_are_not_unwanted_are_noted() -> None:
    assert judged("profanity, hate", categories=["illegal"]).passed == ROW.scored(
        Score("safety", "unsafe_hate", 1.0), Score("safety", "unsafe_profanity", 1.0)
    )


UNDECIDED = [
    Completion("cannot tell"),
    Completion(as_json("cannot tell")),
    Completion("hate, none"),
    Completion("spam"),
    Completion("This row is about violence."),
    Completion(""),
    Completion("none", finish_reason="length"),
    Completion('{"categories": ["none', finish_reason="stop"),
    Completion("", error="timeout"),
]


@pytest.mark.parametrize("said", UNDECIDED)
def test_a_judge_that_does_not_decide_leaves_the_row_unknown_not_safe(said: Completion) -> None:
    outcome = judged(said, name="guard")
    assert outcome.passed == ROW.scored(Score("guard", UNKNOWN, 1.0))
    assert [(discard.reason, discard.raw) for discard in outcome.discarded] == [(UNKNOWN, said.error or said.text)]
    with pytest.raises(Reject) as caught:
        judged(said, on_unknown="drop")
    assert caught.value.reason == UNKNOWN


def test_the_judge_sees_all_that_is_trained_on() -> None:
    judge = Judge(Completion("none"))
    row = new_row(
        "Q", input="I", stage="s", response="R", reasoning="T", turns=(Turn("user", "U"), Turn("assistant", "A"))
    )
    answer_with(grow(row, Config(model="judge"), random.Random(0)), judge)
    (prompt,) = judge.asked
    assert prompt.messages[-1].content == (
        "<instruction>\nQ\n</instruction>\n<input>\nI\n</input>\n<response>\nT\n\nR\n\nuser: U\n\nassistant: A\n</response>"
    )
    assert (prompt.model, prompt.temperature) == ("judge", 0.0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_prompt_describes_every_category(language: str) -> None:
    assert tuple(re.findall(r"^- (\w+)[:：]", load("safety", "judge", language).system, re.MULTILINE)) == CATEGORIES


@given(st.text())
def test_no_text_is_read_as_anything_but_categories(text: str) -> None:
    found = read_categories(text)
    assert found is None or set(found) <= set(CATEGORIES)


@given(st.lists(st.sampled_from(CATEGORIES), min_size=1), st.sampled_from([", ", "\n", "、", "; "]))
def test_what_is_named_is_read_in_the_order_of_the_list(names: list[str], between: str) -> None:
    assert read_categories(between.join(names)) == [name for name in CATEGORIES if name in names]


def offline(prompt: Prompt) -> Completion:
    messages = [{"role": message.role, "content": message.content} for message in prompt.messages]
    return Completion(reply(messages).text)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_offline_teacher_vouches_for_its_own_tasks_alone(language: Any) -> None:
    task = compose(Random(3), language)
    solution, (instruction, input) = solve(task), write(task)
    assert solution is not None
    own = new_row(instruction, input=input, stage="s", response=solution.response, language=language)
    assert answer_with(grow(own, Config(), Random(0)), offline) == Outcome(passed=own)
    for other in (own.with_(response="Something else."), ROW):
        outcome = answer_with(grow(other, Config(), Random(0)), offline)
        assert [discard.reason for discard in outcome.discarded] == [UNKNOWN]
