"""The request as plain data: samples, stop strings and shapes."""

import json

import pytest

from schemas.exchange import Message, Prompt, Shape
from schemas.recipe import Model
from teachers.payload import build_payload, digest, encode

SHAPE = Shape("answer", {"type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}}, 'Say {"a": "…"}.')
PROMPT = Prompt((Message("system", "Be brief."), Message("user", "What is 2 + 2?")), shape=SHAPE)
MODEL = Model(model="m")


def test_a_shape_that_the_endpoint_would_not_keep_to_leaves_no_trace() -> None:
    plain = Prompt(PROMPT.messages)
    assert build_payload(MODEL, PROMPT, 7) == build_payload(MODEL, plain, 7)
    assert build_payload(MODEL, plain, 7, structured=True) == build_payload(MODEL, plain, 7)


def test_a_shape_is_asked_for_by_its_schema_and_in_words_below_the_last_message() -> None:
    payload = build_payload(MODEL, PROMPT, 7, structured=True)
    assert payload["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": 'What is 2 + 2?\n\nSay {"a": "…"}.'},
    ]
    assert payload["response_format"]["json_schema"]["name"] == "answer"
    assert "maxLength" not in json.dumps(payload)


def test_the_hint_follows_the_users_last_word_and_not_the_assistants() -> None:
    messages = (Message("user", "a"), Message("assistant", "b"), Message("user", "c"), Message("assistant", "{"))
    payload = build_payload(MODEL, Prompt(messages, shape=SHAPE), 7, structured=True)
    assert [message["content"] for message in payload["messages"]] == ["a", "b", 'c\n\nSay {"a": "…"}.', "{"]


def test_the_same_shape_in_another_order_is_the_same_request() -> None:
    turned = Shape(SHAPE.name, dict(sorted(SHAPE.schema.items())), SHAPE.hint)
    one = build_payload(MODEL, PROMPT, 7, structured=True)
    two = build_payload(MODEL, Prompt(PROMPT.messages, shape=turned), 7, structured=True)
    assert (encode(one), digest(one)) == (encode(two), digest(two))
    assert digest(one) != digest(build_payload(MODEL, PROMPT, 7))


def test_several_samples_are_asked_for_and_one_is_not_mentioned() -> None:
    assert build_payload(MODEL, Prompt(PROMPT.messages, n=5), 7)["n"] == 5
    assert "n" not in build_payload(MODEL, PROMPT, 7)


@pytest.mark.parametrize(("own", "sent"), [((), ["<|end|>"]), (("</task>",), ["</task>"])])
def test_stop_strings_of_the_model_stand_where_the_prompt_has_none(own: tuple[str, ...], sent: list[str]) -> None:
    model = Model(model="m", stop=["<|end|>"])
    assert build_payload(model, Prompt(PROMPT.messages, stop=own), 7)["stop"] == sent
