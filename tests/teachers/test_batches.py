"""Files and batches of the offline teacher's server, asked through the openai client."""

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Batch

from schemas.faults import Faults
from schemas.serving import Serving
from teachers.builtin.batches import MOST_REQUESTS, validate
from teachers.builtin.endpoint import Endpoint, Said
from teachers.builtin.server import serving

FINAL = {"completed", "failed", "expired", "cancelled"}


def speak(messages: Any, *, seed: int, **_: Any) -> Said:
    return Said(f"{messages[-1]['content']} {seed}")


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with serving(reply=speak) as url, openai.OpenAI(base_url=url, api_key="none") as made:
        yield made


def line(name: str, text: str = "hello", **fields: Any) -> dict[str, Any]:
    body = {"model": "builtin", "messages": [{"role": "user", "content": text}], "seed": 1}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body, **fields}


def jsonl(lines: Sequence[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def start(client: openai.OpenAI, content: bytes) -> Batch:
    file = client.files.create(file=("input.jsonl", content), purpose="batch")
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"run": "one"}
    )


def finished(client: openai.OpenAI, content: bytes) -> Batch:
    batch = start(client, content)
    while batch.status not in FINAL:
        batch = client.batches.retrieve(batch.id)
    return batch


def results(client: openai.OpenAI, name: str | None) -> dict[str, dict[str, Any]]:
    assert name is not None
    lines = client.files.content(name).content.splitlines()
    return {read["custom_id"]: read for read in map(json.loads, lines)}


def test_a_file_comes_back_as_it_was_uploaded_until_it_is_deleted(client: openai.OpenAI) -> None:
    content = b'{"a": "\xe2\x80\xa8"}\r\n\n\x00--boundary\n'
    file = client.files.create(file=("input.jsonl", content), purpose="batch")
    assert (file.filename, file.bytes, file.purpose) == ("input.jsonl", len(content), "batch")
    assert client.files.content(file.id).content == content
    assert [listed.id for listed in client.files.list()] == [file.id]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_a_new_batch_is_being_validated(client: openai.OpenAI) -> None:
    batch = start(client, jsonl([line("a")]))
    assert (batch.status, batch.output_file_id, batch.metadata) == ("validating", None, {"run": "one"})


def test_a_batch_answers_every_line_as_the_endpoint_would(client: openai.OpenAI) -> None:
    batch = finished(client, jsonl([line(f"row-{number}", f"question {number}") for number in range(30)]))
    assert batch.status == "completed"
    assert batch.error_file_id is None
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (30, 30, 0)
    answers = results(client, batch.output_file_id)
    assert len(answers) == 30
    for number in range(30):
        answer = answers[f"row-{number}"]
        assert answer["error"] is None
        assert answer["response"]["status_code"] == 200
        assert answer["response"]["body"]["choices"][0]["message"]["content"] == f"question {number} 1"


def test_answers_come_in_an_order_of_their_own(client: openai.OpenAI) -> None:
    names = [f"row-{number}" for number in range(30)]
    batch = finished(client, jsonl([line(name, name) for name in names]))
    answered = list(results(client, batch.output_file_id))
    assert answered != names
    assert sorted(answered) == sorted(names)


def test_what_is_refused_is_in_the_error_file(client: openai.OpenAI) -> None:
    refused = line("no", body={"model": "builtin", "messages": []})
    batch = finished(client, jsonl([line("yes"), refused, line("other", body={"model": "gpt-nope", "messages": []})]))
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 2)
    assert set(results(client, batch.output_file_id)) == {"yes"}
    failed = results(client, batch.error_file_id)
    assert set(failed) == {"no", "other"}
    assert failed["no"]["response"]["status_code"] == 400
    assert failed["no"]["response"]["body"]["error"]["message"]


def test_batches_are_listed_page_by_page_the_newest_first(client: openai.OpenAI) -> None:
    made = [start(client, jsonl([line("a", str(number))])).id for number in range(5)]
    first = client.batches.list(limit=2)
    assert [batch.id for batch in first.data] == made[:2:-1]
    assert first.has_more
    assert [batch.id for batch in first] == made[::-1]


def test_a_batch_that_is_over_cannot_be_cancelled(client: openai.OpenAI) -> None:
    batch = finished(client, jsonl([line("a")]))
    with pytest.raises(openai.BadRequestError, match="completed"):
        client.batches.cancel(batch.id)


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b'{"custom_id": "a"', "invalid_json_line", 1),
        (jsonl([line("a"), line("a")]), "duplicate_custom_id", 2),
        (jsonl([line("a"), line("b", url="/v1/embeddings")]), "invalid_url", 2),
        (jsonl([line("a", method="GET")]), "invalid_method", 1),
        (b"\n" + jsonl([line("")]), "missing_required_parameter", 2),
        (jsonl([line("a", body=None)]), "missing_required_parameter", 1),
        (b"\n\n", "empty_file", None),
    ],
)
def test_a_file_that_breaks_a_rule_fails_its_batch(
    client: openai.OpenAI, content: bytes, code: str, place: int | None
) -> None:
    batch = finished(client, content)
    assert batch.status == "failed"
    assert batch.output_file_id is None
    assert batch.errors is not None
    assert [(error.code, error.line) for error in batch.errors.data or []] == [(code, place)]


def test_a_batch_takes_no_more_requests_than_the_real_one() -> None:
    one = json.dumps(line("NAME")).encode()
    content = b"\n".join(one.replace(b"NAME", str(number).encode()) for number in range(MOST_REQUESTS + 1))
    assert [error["code"] for error in validate(content)[1]] == ["too_many_requests"]


@given(st.lists(st.binary() | st.sampled_from([json.dumps(line(name)).encode() for name in "abc"])))
def test_any_file_has_requests_or_errors_and_never_both(parts: list[bytes]) -> None:
    lines, errors = validate(b"\n".join(parts))
    assert bool(lines) != bool(errors)
    assert len({each.custom_id for each in lines}) == len(lines)


def test_an_unknown_file_or_window_is_refused_at_once(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="no file 'file-nope'"):
        client.batches.create(input_file_id="file-nope", endpoint="/v1/chat/completions", completion_window="24h")
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_nope")


@contextlib.contextmanager
def behaving(faults: Faults, seconds: float = 0.0) -> Iterator[openai.OpenAI]:
    """A client of a server with faults."""
    settings = Serving(batch_seconds=seconds)
    with serving(faults, speak, settings) as url, openai.OpenAI(base_url=url, api_key="none") as made:
        yield made


def test_a_batch_takes_its_time_and_can_be_cancelled_meanwhile() -> None:
    with behaving(Faults(), seconds=3600) as client:
        batch = start(client, jsonl([line("a"), line("b")]))
        while batch.status == "validating":
            batch = client.batches.retrieve(batch.id)
        assert batch.status == "in_progress"
        batch = client.batches.cancel(batch.id)
        assert batch.status == "cancelling"
        while batch.status not in FINAL:
            batch = client.batches.retrieve(batch.id)
        assert (batch.status, batch.output_file_id) == ("cancelled", None)
        unanswered = results(client, batch.error_file_id)
    assert {name: result["error"]["code"] for name, result in unanswered.items()} == {
        "a": "batch_cancelled",
        "b": "batch_cancelled",
    }


def test_a_batch_that_expires_leaves_the_half_that_was_answered() -> None:
    with behaving(Faults(batch_expiry=1.0)) as client:
        batch = finished(client, jsonl([line(str(number), str(number)) for number in range(10)]))
        assert batch.status == "expired"
        answered, unanswered = results(client, batch.output_file_id), results(client, batch.error_file_id)
    assert sorted(answered) == [str(number) for number in range(5)]
    assert sorted(unanswered) == [str(number) for number in range(5, 10)]
    assert {(result["response"], result["error"]["code"]) for result in unanswered.values()} == {
        (None, "batch_expired")
    }


def test_lines_that_fail_get_through_when_they_are_asked_again() -> None:
    with behaving(Faults(batch_line=0.4)) as client:
        lines = {str(number): line(str(number), str(number)) for number in range(40)}
        rounds = 0
        while lines:
            batch = finished(client, jsonl(list(lines.values())))
            failed = results(client, batch.error_file_id) if batch.error_file_id else {}
            assert {result["response"]["status_code"] for result in failed.values()} <= {500}
            lines = {name: lines[name] for name in failed}
            rounds += 1
    assert 2 <= rounds < 30


def test_a_batch_is_counted_with_the_rest() -> None:
    with behaving(Faults()) as client, httpx2.Client(trust_env=False) as plain:
        batch = finished(client, jsonl([line("a", "one"), line("b", "two"), line("c", "one")]))
        stats = plain.get(str(client.base_url).removesuffix("/v1/") + "/stats").json()
    assert batch.usage is not None
    assert batch.usage.total_tokens == stats["prompt_tokens"] + stats["completion_tokens"] > 0
    assert (stats["completions"], stats["unique_prompts"], stats["duplicates"]) == (3, 2, 1)


def test_passing_faults_do_not_reach_a_batch() -> None:
    faults = Faults(rate_limit=0.5, timeout=0.5)
    assert Endpoint(faults, speak).answer_line(json.dumps(line("a")["body"]).encode()).status == 200
