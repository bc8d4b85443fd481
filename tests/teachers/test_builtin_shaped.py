"""Replies in the JSON that a schema asks for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.faults import Faults
from teachers.builtin.endpoint import Endpoint, Said
from teachers.builtin.shaped import shaped


def one(name: str, **part: Any) -> dict[str, Any]:
    """The schema of an object with one property."""
    return {"type": "object", "properties": {name: part}, "required": [name], "additionalProperties": False}


VERDICT = one("verdict", type="string", enum=["Equal", "Not equal"])
TASKS = one("tasks", type="array", items={"type": "string"})
TEXT = one("answer", type="string")


@pytest.mark.parametrize(
    ("text", "members", "named"),
    [
        ("Equal", ["Equal", "Not equal"], "Equal"),
        ("Not equal", ["Equal", "Not equal"], "Not equal"),
        ("not equal.", ["Equal", "Not equal"], "Not equal"),
        ("They are not equal", ["Equal", "Not equal"], "Not equal"),
        ("Thinking it over … so: Yes", ["Yes", "No"], "Yes"),
        ("No, because yes would be wrong", ["Yes", "No"], "No"),
        ("不同", ["相同", "不同"], "不同"),
        ("I cannot say", ["Maybe", "Never"], "Maybe"),
        ("4", [3, 4], 4),
    ],
)
def test_an_enum_is_the_member_that_the_text_names(text: str, members: list[Any], named: Any) -> None:
    assert json.loads(shaped(text, one("verdict", enum=members)) or "") == {"verdict": named}


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (
            "1. Add 2 and 3.\n2. Name a river\nin Asia.\n3、写一首诗",
            ["Add 2 and 3.", "Name a river\nin Asia.", "写一首诗"],
        ),
        ("- one\n- two", ["one", "two"]),
        ("All of it", ["All of it"]),
        (" \n", []),
    ],
)
def test_an_array_of_strings_is_the_numbered_items(text: str, items: list[str]) -> None:
    assert json.loads(shaped(text, TASKS) or "") == {"tasks": items}


def test_a_string_is_the_whole_text() -> None:
    assert json.loads(shaped(' He said "no".\n', TEXT) or "") == {"answer": 'He said "no".'}


def test_parts_of_parts_are_filled_in() -> None:
    schema = one("list", type="array", items=one("score", type="integer"))
    assert json.loads(shaped("1. I give it 7\n2. 10", schema) or "") == {"list": [{"score": 7}, {"score": 10}]}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "pattern": "a+"},
        {"$ref": "#/$defs/it"},
        {"type": "string", "minLength": 3},
        one("answer", type="array", minItems=3, items={"type": "string"}),
        {"type": "object", "properties": {}, "required": ["x"]},
        {"enum": []},
        {"type": "nothing"},
        {"type": 3},
    ],
)
def test_a_schema_that_it_does_not_understand_is_left_alone(schema: dict[str, Any]) -> None:
    assert shaped("text", schema) is None


@given(st.text())
def test_any_text_becomes_json_that_is_valid(text: str) -> None:
    verdict = json.loads(shaped(text, VERDICT) or "")
    assert set(verdict) == {"verdict"}
    assert verdict["verdict"] in ("Equal", "Not equal")
    tasks = json.loads(shaped(text, TASKS) or "")
    assert set(tasks) == {"tasks"}
    assert all(isinstance(task, str) and task for task in tasks["tasks"])
    assert json.loads(shaped(text, TEXT) or "") == {"answer": text.strip()}


# At the endpoint


def speak(messages: Any, **_: Any) -> Said:
    return Said(messages[-1]["content"])


def asked(structured: str, text: str, schema: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    wanted = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
    messages = [{"role": "user", "content": text}]
    body = json.dumps({"model": "builtin", "messages": messages, "response_format": wanted}).encode()
    response = Endpoint(Faults.model_validate({"structured": structured}), speak).chat(body)
    return response.status, json.loads(response.body)


@pytest.mark.parametrize(("structured", "said"), [("honour", '{"verdict": "Not equal"}'), ("ignore", "not equal")])
def test_a_schema_is_kept_to_or_ignored(structured: str, said: str) -> None:
    status, completion = asked(structured, "not equal", VERDICT)
    assert (status, completion["choices"][0]["message"]["content"]) == (200, said)


def test_a_server_without_structured_outputs_answers_500() -> None:
    assert asked("error", "not equal", VERDICT)[0] == 500


def test_a_schema_that_cannot_be_kept_to_is_refused() -> None:
    status, told = asked("honour", "text", {"type": "string", "pattern": "a+"})
    assert status == 400
    assert "response_format" in told["error"]["message"]
