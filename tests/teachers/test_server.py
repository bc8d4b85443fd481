import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from schemas.errors import BadInput
from schemas.exchange import Completion, Message, Prompt
from schemas.faults import Faults
from schemas.recipe import Model
from teachers.builtin.endpoint import Endpoint, Said
from teachers.builtin.server import serve, serving
from teachers.builtin.transport import InProcess
from teachers.builtin.wire import Fate
from teachers.client import Teachers
from tests.teachers.clock import JumpingClock

ROOT = Path(__file__).resolve().parents[2]
TEXT = "1. First line: <a>one</a>\n2. Second line: <b>two</b>\nAnswer: 4"


def speak(messages: Any, *, seed: int, wrong: bool, **_: Any) -> Said:
    return Said(f"{TEXT}\n{messages[-1]['content']} {seed}{' (wrong)' if wrong else ''}")


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


def request(text: str = "hello", **fields: Any) -> bytes:
    return json.dumps({"model": "builtin", "messages": [{"role": "user", "content": text}], **fields}).encode()


def said(endpoint: Endpoint, body: bytes) -> tuple[str, str]:
    choice = json.loads(endpoint.chat(body).body)["choices"][0]
    return choice["message"]["content"], choice["finish_reason"]


@contextlib.contextmanager
def asking(kind: str, faults: Faults, **model: Any) -> Iterator[Teachers]:
    """The offline teacher with ``faults``, in-process or behind a real server."""
    if kind == "in-process":
        transports = {"teacher": InProcess(Endpoint(faults, speak), no_sleep)}
        with Teachers(
            {"teacher": Model(model="builtin", **model)}, transports=transports, clock=JumpingClock()
        ) as made:
            yield made
    else:
        with (
            serving(faults, speak) as url,
            Teachers({"teacher": Model(model="builtin", base_url=url, **model)}, clock=JumpingClock()) as made,
        ):
            yield made


def ask_all(made: Teachers, count: int) -> list[Completion]:
    async def all_of_them() -> list[Completion]:
        prompts = [Prompt((Message("user", f"question {number}"),)) for number in range(count)]
        return await asyncio.gather(*(made.complete(prompt, 5) for prompt in prompts))

    return made.run(all_of_them())


both_ways = pytest.mark.parametrize("kind", ["in-process", "http"])


# On HTTP


def test_the_openai_client_understands_it() -> None:
    with serving(reply=speak) as url, openai.OpenAI(base_url=url, api_key="none") as client:
        completion = client.chat.completions.create(
            model="builtin", messages=[{"role": "user", "content": "hello"}], n=3, seed=5
        )
        (model,) = client.models.list().data
    texts = [choice.message.content or "" for choice in completion.choices]
    assert [text.rpartition("\n")[2] for text in texts] == ["hello 5", "hello 6", "hello 7"]
    assert completion.usage is not None
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens > 0
    assert model.id == "builtin"


def test_the_openai_client_understands_its_stream() -> None:
    with serving(reply=speak) as url, openai.OpenAI(base_url=url, api_key="none") as client:
        chunks = list(
            client.chat.completions.create(
                model="builtin", messages=[{"role": "user", "content": "hello"}], seed=5, stream=True
            )
        )
    deltas = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(choice.delta.content or "" for choice in deltas) == f"{TEXT}\nhello 5"
    assert deltas[-1].finish_reason == "stop"
    assert chunks[-1].usage is not None


def test_it_says_how_it_is_and_what_it_served() -> None:
    with serving(reply=speak) as url, httpx2.Client(trust_env=False) as client:
        client.post(f"{url}/chat/completions", content=request())
        health = client.get(url.removesuffix("/v1") + "/health").json()
    assert health == {"status": "ok", "served": 1}


def test_an_address_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"cannot listen on 127.0.0.1:{port}: .*--port"):
            serve("127.0.0.1", port)


def test_serving_prints_nothing_and_ends_with_ctrl_c() -> None:
    script = (
        "from teachers.builtin.server import serve; serve('127.0.0.1', 0, ready=lambda url: print(url, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    assert httpx2.get(f"{url}/models", trust_env=False).status_code == 200
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0


def test_http_and_in_process_give_the_same_completions() -> None:
    faults = Faults(malformed=0.2, truncated=0.2, refusal=0.2, duplicate=0.1, wrong=0.1, seed=3)
    with asking("in-process", faults) as one, asking("http", faults) as other:
        assert ask_all(one, 40) == ask_all(other, 40)


# Requests it cannot read


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model": "builtin"}',
        b'{"model": "builtin", "messages": []}',
        b'{"model": "builtin", "messages": [{"content": "x"}]}',
        b'{"model": "builtin", "messages": [{"role": "user", "content": 3}]}',
        request(seed="five"),
        request(n=True),
    ],
)
def test_an_unreadable_request_is_a_400_with_a_reason(body: bytes) -> None:
    response = Endpoint(reply=speak).chat(body)
    assert response.status == 400
    assert json.loads(response.body)["error"]["message"]


def test_another_model_is_a_404_that_names_both() -> None:
    response = Endpoint(reply=speak).chat(request(model="gpt-nope"))
    assert response.status == 404
    assert "'gpt-nope'" in json.loads(response.body)["error"]["message"]


def test_a_stop_string_ends_the_text() -> None:
    assert said(Endpoint(reply=speak), request(stop=["Second", "Answer"]))[0] == "1. First line: <a>one</a>\n2. "


def test_content_in_parts_is_read() -> None:
    body = json.dumps(
        {"model": "builtin", "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]}
    ).encode()
    assert said(Endpoint(reply=speak), body)[0].endswith("hello 0")


# Faults that pass

_FATES: tuple[tuple[int, Fate], ...] = (
    (429, "answer"),
    (500, "answer"),
    (200, "hang"),
    (200, "drop"),
    (200, "reset"),
    (200, "drip"),
)


@both_ways
@pytest.mark.parametrize(
    ("fault", "word"),
    [
        ("rate_limit", "rate_limited"),
        ("server_error", "server_error"),
        ("disconnect", "disconnected"),
        ("timeout", "timeout"),
        ("rate_limit_bare", "rate_limited"),
        ("reset", "disconnected"),
        ("broken_json", "unreadable_reply"),
        ("wrong_type", "unreadable_reply"),
        ("drip", "timeout"),
        ("unavailable", "server_error"),
    ],
)
def test_every_passing_fault_is_what_the_client_takes_it_for(kind: str, fault: str, word: str) -> None:
    with asking(
        kind, Faults.model_validate({fault: 1.0}), max_attempts=2, timeout=0.05 if word == "timeout" else 20.0
    ) as made:
        assert [completion.error for completion in ask_all(made, 2)] == [word, word]
        assert made.live().retries == 2


@both_ways
@pytest.mark.parametrize(("fault", "word"), [("bad_request", "refused_request"), ("empty", "empty_completion")])
def test_a_fault_that_stays_is_met_once(kind: str, fault: str, word: str) -> None:
    with asking(kind, Faults.model_validate({fault: 1.0}), max_attempts=3) as made:
        assert [completion.error for completion in ask_all(made, 2)] == [word, word]
        assert made.live().retries == 0


@both_ways
def test_retries_get_through_to_the_completions_of_a_calm_endpoint(kind: str) -> None:
    stormy = Faults(rate_limit=0.2, server_error=0.1, disconnect=0.1, reset=0.1, broken_json=0.1, wrong_type=0.1)
    with asking(kind, stormy, max_attempts=50) as one, asking("in-process", Faults()) as other:
        assert ask_all(one, 30) == ask_all(other, 30)
        assert one.live().retries > 10


def test_a_429_says_when_to_come_back() -> None:
    response = Endpoint(Faults(rate_limit=1.0), speak).chat(request())
    assert (response.status, response.headers["retry-after"]) == (429, "1")


def test_a_bare_429_does_not_say_when() -> None:
    response = Endpoint(Faults(rate_limit_bare=1.0), speak).chat(request())
    assert (response.status, {name for name in response.headers if "retry" in name}) == (429, set())


def test_a_bad_request_is_one_prompt_and_always_that_one() -> None:
    endpoint = Endpoint(Faults(bad_request=0.1), speak)
    bodies = [request(str(number)) for number in range(1000)]
    refused = [number for number, body in enumerate(bodies) if endpoint.chat(body).status == 400]
    assert 60 < len(refused) < 140
    assert [number for number, body in enumerate(bodies) if endpoint.chat(body).status == 400] == refused


def test_a_refusal_reaches_the_client_whole() -> None:
    response = Endpoint(Faults(broken_json=1.0), speak).chat(b"{")
    assert (response.status, response.fate) == (400, "answer")
    assert json.loads(response.body)["error"]["message"]


def test_the_same_attempt_always_meets_the_same_fault() -> None:
    def story() -> list[tuple[int, str]]:
        endpoint = Endpoint(Faults(rate_limit=0.3, disconnect=0.3, seed=9), speak)
        return [
            (response.status, response.fate) for response in (endpoint.chat(request(str(n % 20))) for n in range(200))
        ]

    assert story() == story()


def test_faults_come_at_their_rates() -> None:
    rates = {"rate_limit": 0.1, "server_error": 0.05, "timeout": 0.2, "disconnect": 0.15, "reset": 0.08, "drip": 0.12}
    endpoint = Endpoint(Faults.model_validate(rates), speak)
    responses = [endpoint.chat(request(str(number))) for number in range(3000)]
    seen = Counter((response.status, response.fate) for response in responses)
    shares = [seen[key] / 3000 for key in _FATES]
    assert shares == pytest.approx(list(rates.values()), abs=0.025)


def test_latency_comes_before_each_reply() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    transport = InProcess(Endpoint(Faults(latency=0.75), speak), sleep)
    with Teachers({"teacher": Model(model="builtin")}, transports={"teacher": transport}) as made:
        ask_all(made, 2)
    assert slept == [0.75, 0.75]


# Faults of content


def test_content_faults_depend_on_the_request_alone() -> None:
    faults = Faults(malformed=0.2, truncated=0.2, refusal=0.2, duplicate=0.2, wrong=0.2)
    bodies = [request(str(number)) for number in range(40)]
    one, other = Endpoint(faults, speak), Endpoint(faults, speak)
    forwards = [one.chat(body) for body in bodies]
    assert [one.chat(body) for body in bodies] == forwards
    assert [other.chat(body) for body in reversed(bodies)] == forwards[::-1]


def test_content_faults_come_at_their_rates() -> None:
    endpoint = Endpoint(Faults(refusal=0.1, truncated=0.3), speak)
    replies = [said(endpoint, request(str(number))) for number in range(2000)]
    truncated = sum(finish == "length" for _, finish in replies) / 2000
    refused = sum(finish == "stop" and not text.startswith("1. First") for text, finish in replies) / 2000
    assert [truncated, refused] == pytest.approx([0.3, 0.1], abs=0.035)


def test_a_malformed_reply_has_nothing_that_a_parser_looks_for() -> None:
    text, _ = said(Endpoint(Faults(malformed=1.0), speak), request())
    assert "First line" in text
    assert not set("<>:\n") & set(text)
    assert "1." not in text


def test_a_truncated_reply_says_so() -> None:
    text, finish = said(Endpoint(Faults(truncated=1.0), speak), request())
    assert finish == "length"
    assert 0 < len(text) < len(TEXT)
    assert TEXT.startswith(text)


@pytest.mark.parametrize(("asked", "start"), [("hello", ("I'm sorry", "As an AI")), ("你好", ("抱歉", "作为"))])
def test_a_refusal_is_in_the_language_of_the_request(asked: str, start: tuple[str, str]) -> None:
    text, finish = said(Endpoint(Faults(refusal=1.0), speak), request(asked))
    assert text.startswith(start)
    assert finish == "stop"


def test_a_wrong_answer_is_ordered_from_the_model() -> None:
    assert said(Endpoint(Faults(wrong=1.0), speak), request())[0].endswith("(wrong)")
    assert not said(Endpoint(Faults(), speak), request())[0].endswith("(wrong)")


def test_duplicates_are_few_texts_for_many_requests() -> None:
    def proposals(faults: Faults) -> set[str]:
        endpoint, texts = Endpoint(faults, speak), set()
        for number in range(60):
            user = f"1. Example {number}\n\nWrite tasks 9 to 16."
            messages = [{"role": "system", "content": "# Propose new tasks"}, {"role": "user", "content": user}]
            texts.add(
                said(endpoint, json.dumps({"model": "builtin", "messages": messages, "seed": number}).encode())[0]
            )
        return texts

    assert len(proposals(Faults())) == 60
    assert len(proposals(Faults(duplicate=1.0))) <= 3


def test_the_offline_teacher_answers_without_a_server() -> None:
    with Teachers({"teacher": Model(model="builtin")}) as made:
        completion = made.run(made.complete(Prompt((Message("user", "What is 17 + 25?"),)), 1))
    assert completion.error is None
    assert completion.text
    assert completion.completion_tokens > 0
