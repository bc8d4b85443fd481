"""The probe: what an endpoint's one answer says about JSON schemas."""

import asyncio
import json
from typing import Any

import pytest

from schemas.recipe import Model
from teachers.failures import Failure
from teachers.probe import PROBE_TOKENS, Support, probe

MODEL = Model(model="m", extra_body={"chat_template_kwargs": {"enable_thinking": False}})


class Endpoint:
    """Answers with a message or a failure, and keeps what it was asked."""

    def __init__(self, answer: dict[str, Any] | bytes | Failure) -> None:
        self.answer = answer
        self.asked: list[dict[str, Any]] = []

    async def __call__(self, payload: dict[str, Any]) -> bytes:
        self.asked.append(payload)
        if isinstance(self.answer, Failure):
            raise self.answer
        if isinstance(self.answer, bytes):
            return self.answer
        return json.dumps({"choices": [{"message": self.answer, "finish_reason": "stop"}]}).encode()


def found(answer: dict[str, Any] | bytes | Failure) -> Support:
    return asyncio.run(probe(Endpoint(answer), MODEL))


def obeyed(payload: dict[str, Any]) -> str:
    """What a model says that is held to the schema of the request."""
    (name, values), *_ = payload["response_format"]["json_schema"]["schema"]["properties"].items()
    return json.dumps({name: values["enum"][-1]})


def payload_of_a_probe() -> dict[str, Any]:
    endpoint = Endpoint({"content": "Hello!"})
    asyncio.run(probe(endpoint, MODEL))
    (payload,) = endpoint.asked
    return payload


def test_one_small_request_is_asked_like_all_others() -> None:
    payload = payload_of_a_probe()
    assert payload["max_tokens"] == PROBE_TOKENS <= 64
    assert payload["model"] == "m"
    assert payload["chat_template_kwargs"] == {"enable_thinking": False}
    assert payload["response_format"]["type"] == "json_schema"


def test_the_request_does_not_give_away_what_a_model_under_the_schema_would_say() -> None:
    payload = payload_of_a_probe()
    said = json.loads(obeyed(payload))
    words = json.dumps(payload["messages"]).casefold()
    assert not any(word in words for word in ("json", *said.keys(), *said.values()))


@pytest.mark.parametrize("field", ["content", "reasoning_content", "reasoning"])
def test_an_endpoint_whose_reply_obeys_honours_schemas(field: str) -> None:
    assert found({field: obeyed(payload_of_a_probe())}) == "honoured"


@pytest.mark.parametrize(
    "message",
    [
        {"content": "Hello, my friend!"},
        {"content": '{"greeting": "Hello!"}'},
        {"content": '{"mark": "Hello!"}'},
        {"content": ""},
        {"content": None, "reasoning_content": "The user wants me to say"},
        {"content": "<think>They want a greeting, under a schema"},
    ],
)
def test_an_endpoint_whose_reply_does_not_obey_ignores_them(message: dict[str, Any]) -> None:
    assert found(message) == "ignored"


@pytest.mark.parametrize("status", [400, 404, 422, 500, 501])
def test_an_endpoint_that_answers_with_an_error_of_its_own_refuses_them(status: int) -> None:
    assert found(Failure("word", status=status)) == "refused"


@pytest.mark.parametrize("body", [b'{"error": {"message": "response_format is not supported"}}', b"<html>"])
def test_an_error_inside_a_good_answer_is_a_refusal(body: bytes) -> None:
    assert found(body) == "refused"


@pytest.mark.parametrize(
    ("word", "status"),
    [("rate_limited", 429), ("server_error", 503), ("wrong_key", 401), ("timeout", None), ("unreachable", None)],
)
def test_trouble_that_says_nothing_of_schemas_is_handed_on(word: str, status: int | None) -> None:
    with pytest.raises(Failure, match=word):
        found(Failure(word, status=status))
