"""Replies of a fixed form: what is sent, and what is read from replies that are nearly JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.exchange import Shape
from teachers.structured import clean_schema, fits, read_cut_list, read_object, response_format

VERDICT = {"type": "object", "properties": {"verdict": {"type": "string", "enum": ["Equal", "Not equal"]}}}
TASKS = {"type": "object", "properties": {"tasks": {"type": "array", "items": {"type": "string"}}}}
MIXED = {
    "type": "object",
    "properties": {
        "sure": {"type": "boolean"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    },
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


# The schema


def test_bounds_on_free_text_are_not_sent() -> None:
    text = {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^a"}
    assert clean_schema({"type": "array", "items": {"anyOf": [text, {"type": "integer"}]}}) == {
        "type": "array",
        "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    }


def test_every_object_is_closed_and_requires_all_it_names() -> None:
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "required": []}
    cleaned = clean_schema({"type": "object", "properties": {"x": inner, "y": {"type": "boolean"}}})
    assert (cleaned["required"], cleaned["additionalProperties"]) == (["x", "y"], False)
    assert cleaned["properties"]["x"]["required"] == ["a"]
    assert cleaned["properties"]["x"]["additionalProperties"] is False


def test_properties_and_values_that_are_spelt_like_keywords_stay() -> None:
    schema = {"type": "object", "properties": {"pattern": {"enum": ["maxLength", "pattern"]}}}
    assert clean_schema(schema)["properties"] == {"pattern": {"enum": ["maxLength", "pattern"]}}


def test_cleaning_leaves_the_schema_itself_alone() -> None:
    before = json.dumps(MIXED)
    assert clean_schema(clean_schema(MIXED)) == clean_schema(MIXED)
    assert json.dumps(MIXED) == before


def test_a_shape_is_asked_for_by_name_and_strictly() -> None:
    assert response_format(Shape("equal", VERDICT, "hint")) == {
        "type": "json_schema",
        "json_schema": {"name": "equal", "schema": clean_schema(VERDICT), "strict": True},
    }


# The object


@pytest.mark.parametrize(
    "text",
    [
        '{"verdict": "Equal"}',
        '\n{ "verdict" :\t"Equal" }\n',
        '```json\n{"verdict": "Equal"}\n```',
        'Sure, here it is (5" wide, isn\'t it): {"verdict": "Equal"} Hope it helps {really}!',
        '{"verdict": "Equal",}',
        '[{"verdict": "Equal"}]',
        '{"reason": "both say \\"x\\" {", "verdict": "Equal"}',
        '{"verdict": "Equal"} and once more {"verdict": "Equal"}',
        '{I think} {"verdict": "Equal"}',
        'an open { brace, then {"verdict": "Equal"}',
        '\ufeff{"verdict": "Equal"}',
    ],
)
def test_an_object_is_read_from_what_stands_around_it(text: str) -> None:
    found = read_object(text, VERDICT)
    assert found is not None
    assert found["verdict"] == "Equal"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Equal",
        "null",
        '"Equal"',
        "{}",
        '{"verdict": "equal"}',
        '{"verdict": true}',
        '{"verdict": ["Equal"]}',
        '{"Verdict": "Equal"}',
        '{"verdict": "Equal',
        '{"verdict": "Equal"',
        '{"verdict": "Equal"} or rather {"verdict": "Not equal"}',
        "{'verdict': 'Equal'}",
        '{"verdict": "Say "Equal" now"}',
        "}}}{{{",
        '{"a":' * 5000 + "1" + "}" * 5000,
    ],
)
def test_what_is_not_of_the_schema_or_contradicts_itself_is_none(text: str) -> None:
    assert read_object(text, VERDICT) is None


def test_raw_control_characters_in_strings_are_read() -> None:
    text = '{"tasks": ["first\nline\tand\x0bmore", "二\r\n",\n]}'
    assert read_object(text, TASKS) == {"tasks": ["first\nline\tand\x0bmore", "二\r\n"]}


def test_commas_inside_strings_stay() -> None:
    assert read_object('{"tasks": ["a,]", "b,}",],}', TASKS) == {"tasks": ["a,]", "b,}"]}


def test_half_a_surrogate_pair_is_replaced() -> None:
    found = read_object('{"tasks": ["a\\ud83d", "\\ud83d\\ude00"]}', TASKS)
    assert found == {"tasks": ["a\ufffd", "😀"]}


@pytest.mark.parametrize(
    ("field", "value", "fit"),
    [
        ("sure", True, True),
        ("sure", 1, False),
        ("count", 3, True),
        ("count", True, False),
        ("count", 3.0, False),
        ("share", 3, True),
        ("share", 0.5, True),
        ("share", False, False),
        ("share", float("inf"), False),
        ("parts", [], True),
        ("parts", [{"name": "x", "more": 1}], True),
        ("parts", [{"name": 1}], False),
        ("parts", [{}], False),
        ("parts", {}, False),
    ],
)
def test_types_are_told_apart_as_json_does(field: str, value: object, fit: bool) -> None:
    whole: dict[str, Any] = {"sure": True, "count": 1, "share": 1.5, "parts": []}
    assert fits({**whole, field: value}, MIXED) is fit


def test_only_what_a_schema_requires_is_required_where_it_says_so() -> None:
    assert read_object('{"sure": true}', {**MIXED, "required": ["sure"]}) == {"sure": True}
    assert read_object('{"sure": true}', MIXED) is None


@given(st.lists(TEXTS), st.booleans(), st.sampled_from(["", "Here: ", "```json\n", "{so} "]), TEXTS)
def test_every_object_that_was_written_is_read_again(items: list[str], ascii: bool, before: str, after: str) -> None:
    text = before + json.dumps({"tasks": items}, ensure_ascii=ascii) + after.replace("{", "")
    assert read_object(text, TASKS) == {"tasks": items}


@given(st.lists(TEXTS, min_size=1), st.data())
def test_no_object_is_read_from_a_part_of_one(items: list[str], data: st.DataObject) -> None:
    text = json.dumps({"tasks": items}, ensure_ascii=False)
    assert read_object(text[: data.draw(st.integers(0, len(text) - 1))], TASKS) is None


@given(st.text(st.sampled_from('{}[]",:\\ \n\x00atrue1u')) | st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    for schema in (VERDICT, TASKS, MIXED):
        found = read_object(text, schema)
        assert found is None or fits(found, schema)
    assert read_cut_list(text, "a") is None or '"a"' in text


@pytest.mark.parametrize(
    "piece", ["{", "}", "{}", '"', '{"', '\\"', '{\\"', '{"a":', '{"tasks":[', '{"tasks":["', ", ", ",]", "[", "{ "]
)
def test_a_million_characters_of_anything_are_read(piece: str) -> None:
    # Quadratic reading would run into the time limit of the test.
    text = piece * (1_000_000 // len(piece))
    assert read_object(text, TASKS) is None
    assert read_object("{" + text, TASKS) is None
    found = read_cut_list(text, "tasks")
    assert found is None or found[0] == []


# The list that was cut


@pytest.mark.parametrize(
    ("text", "items", "rest"),
    [
        ('{"tasks": ["a", "b", "c', ["a", "b"], "c"),
        ('{"tasks": ["a", "b"', ["a", "b"], ""),
        ('{"tasks": ["a",\n  ', ["a"], ""),
        ('{ "tasks" : ["a", "b"]', ["a", "b"], ""),
        ('{"tasks": [', [], ""),
        ('{"tasks": ["a \\"q\\" \n b", "c\\', ['a "q" \n b'], "c\\"),
        ('Sure:\n{"tasks": ["a", "say "no" now", "b"]}', ["a"], 'say "no" now", "b"]}'),
        ('{"tasks": ["a", "\\x", "b"]}', ["a"], '\\x", "b"]}'),
    ],
)
def test_the_whole_strings_of_a_cut_list_are_kept(text: str, items: list[str], rest: str) -> None:
    assert read_cut_list(text, "tasks") == (items, rest)


@pytest.mark.parametrize("text", ["", '{"others": ["a', '["a", "b', '{"tasks": "a', '"tasks": ["a"'])
def test_no_list_is_read_where_none_begins(text: str) -> None:
    assert read_cut_list(text, "tasks") is None


@given(st.lists(TEXTS, min_size=1), st.data())
def test_a_cut_list_brings_a_beginning_of_what_was_written(items: list[str], data: st.DataObject) -> None:
    text = json.dumps({"tasks": items}, ensure_ascii=False)
    found = read_cut_list(text[: data.draw(st.integers(0, len(text)))], "tasks")
    assert found is None or found[0] == items[: len(found[0])]
