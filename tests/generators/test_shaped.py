"""Replies that were asked for as JSON: shapes and their hints, and what is read whether or not they were kept to."""

import json
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators import shaped
from generators.prompts import load
from schemas.exchange import Completion, Shape
from teachers.structured import clean_schema, fits

WORDS = {"en": ("Yes", "No"), "zh": ("是", "否")}
ANSWER = shaped.choice("self_instruct", "classify", "en", "answer", **WORDS)
TASKS = shaped.listing("self_instruct", "propose", "en", "tasks")


def equal(language: str) -> Shape:
    return shaped.choice("evol_instruct", "equal", language, "verdict", en=("Equal", "Not equal"), zh=("相同", "不同"))


def same(language: str) -> Shape:
    options = {"en": ("Cannot tell", "Same", "Different"), "zh": ("无法判断", "相同", "不同")}
    return shaped.choice("same_problem", "judge", language, "verdict", **options)


SHAPES: list[Callable[[str], Shape]] = [
    equal,
    same,
    lambda language: shaped.choice("self_instruct", "classify", language, "answer", **WORDS),
    lambda language: shaped.listing("self_instruct", "propose", language, "tasks"),
    lambda language: shaped.listing("self_instruct", "propose_classification", language, "tasks"),
    lambda language: shaped.listing("topic_guided", "examples", language, "instructions"),
    lambda language: shaped.listing("safety", "judge", language, "categories"),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_hint_shows_objects_of_the_schema_that_is_sent_with_it(shape: Callable[[str], Shape], language: str) -> None:
    made = shape(language)
    shown = [json.loads(text) for text in re.findall(r"\{.*?\}", made.hint)]
    assert shown
    assert all(fits(each, clean_schema(made.schema)) for each in shown)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", made.name)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("shape", SHAPES[:3])
def test_the_hint_of_a_choice_shows_every_option(shape: Callable[[str], Shape], language: str) -> None:
    made = shape(language)
    ((field, schema),) = made.schema["properties"].items()
    assert [json.loads(text)[field] for text in re.findall(r"\{.*?\}", made.hint)] == schema["enum"]


def test_a_language_without_a_prompt_of_its_own_has_the_english_shape() -> None:
    assert shaped.choice("self_instruct", "classify", "sw", "answer", **WORDS) == ANSWER


def test_a_prompt_without_a_hint_can_have_no_shape() -> None:
    assert load("topic_guided", "rewrite", "en").shape == ""
    with pytest.raises(ValueError, match=r"topic_guided/rewrite\.en has no \[shape\] part"):
        shaped.listing("topic_guided", "rewrite", "en", "instructions")


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "Yes"}',
        '<think>{"answer": "No"} or not?</think>{"answer": "Yes"}',
        'or {"answer": "No"}?</think>\n```json\n{"answer": "Yes"}\n```',
        '{"answer": "Yes", "why": "a <think> tag"}',
    ],
)
def test_the_option_of_a_reply_is_read(text: str) -> None:
    assert shaped.chosen(Completion(text), ANSWER) == "Yes"


def test_an_object_that_was_filed_under_the_reasoning_is_read() -> None:
    assert shaped.chosen(Completion("", reasoning='{"answer": "No"}'), ANSWER) == "No"


@pytest.mark.parametrize(
    "completion",
    [
        Completion("Yes"),
        Completion('{"answer": "yes"}'),
        Completion('{"answer": "Yes'),
        Completion('<think>{"answer": "Yes"}'),
        Completion("", reasoning='I would say {"answer": "Yes"}'),
        Completion("No.", reasoning='{"answer": "Yes"}'),
        Completion("", error="timeout"),
    ],
)
def test_what_does_not_name_an_option_in_json_is_left_to_the_readers_of_text(completion: Completion) -> None:
    assert shaped.chosen(completion, ANSWER) is None


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('{"tasks": ["Name a bird.", " Sort\\nthese. "]}', [("Name a bird.", True), ("Sort\nthese.", True)]),
        ('{"tasks": ["9. Name a bird.", "10) Sort these."]}', [("Name a bird.", True), ("Sort these.", True)]),
        ('{"tasks": ["1. Cup of tea.", "Sort these."]}', [("1. Cup of tea.", True), ("Sort these.", True)]),
        ('{"tasks": ["Rank:\\n1. tea"]}', [("Rank:\n1. tea", True)]),
        ('{"tasks": []}', []),
        ('{"tasks": ["Name a bird.", "Sort th', [("Name a bird.", True), ("Sort th", False)]),
        ('{"tasks": ["Name a bird."', [("Name a bird.", True)]),
        ('Here:\n```json\n{"tasks": ["Name a bird.", "', [("Name a bird.", True)]),
    ],
)
def test_the_strings_of_a_list_are_read(text: str, items: list[tuple[str, bool]]) -> None:
    assert shaped.items(Completion(text), TASKS) == items


@pytest.mark.parametrize("text", ["", "9. Name a bird.", '{"tasks": "Name a bird."}', '{"tasks": [1]}', '{"tasks": ['])
def test_what_is_no_list_in_json_is_left_to_the_readers_of_text(text: str) -> None:
    assert shaped.items(Completion(text), TASKS) is None


def test_nothing_is_read_where_no_shape_was_wanted() -> None:
    assert shaped.items(Completion('{"tasks": ["a"]}'), None) is None
    assert shaped.chosen(Completion('{"answer": "Yes"}'), None) is None


@given(st.text(), st.none() | st.text())
def test_no_reply_breaks_the_reading(text: str, reasoning: str | None) -> None:
    completion = Completion(text, reasoning=reasoning)
    assert shaped.chosen(completion, ANSWER) in (None, "Yes", "No")
    shaped.items(completion, TASKS)
