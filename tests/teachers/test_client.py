import asyncio
import json
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from schemas.errors import EndpointError, RecipeError, RunFailed
from schemas.exchange import Completion, Message, Prompt
from schemas.recipe import Model, Price
from teachers.call import Call
from teachers.client import Teachers
from teachers.payload import digest
from teachers.transport import AiohttpTransport
from tests.teachers.clock import JumpingClock

KEY = "sk-planted-5f2c9e71"
PROMPT = Prompt((Message("system", "Be brief."), Message("user", "What is 2 + 2?")))
URL = "http://endpoint.invalid/v1"

Scripture = tuple[int, dict[str, str], Any]
"""Status, headers and body of a scripted response."""


class Scripted(httpx2.AsyncBaseTransport):
    """Answers from a script; the last entry repeats. An entry is a response, an exception, or a function."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        entry = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if callable(entry) and not isinstance(entry, type):
            entry = await entry(request)
        if isinstance(entry, type):
            raise entry("scripted", request=request)
        status, headers, body = entry
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx2.Response(status, headers=headers, content=content, request=request)


def says(content: Any = "4", finish: str | None = "stop", usage: Any = None, **fields: Any) -> Scripture:
    message = {"role": "assistant", "content": content, **fields}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}
    return 200, {"content-type": "application/json"}, body


def fails(status: int, message: str = "no", headers: dict[str, str] | None = None, **fields: Any) -> Scripture:
    return status, {"content-type": "application/json", **(headers or {})}, {"error": {"message": message, **fields}}


@contextmanager
def teachers(
    *script: Any, clock: JumpingClock | None = None, **model: Any
) -> Iterator[tuple[Teachers, Scripted, JumpingClock]]:
    transport, clock = Scripted(*script), clock or JumpingClock()
    entry = Model(**{"model": "m", "base_url": URL, **model})
    with Teachers({"teacher": entry}, transports={"teacher": transport}, clock=clock) as made:
        yield made, transport, clock


def complete(made: Teachers, prompt: Prompt = PROMPT, seed: int = 7) -> Completion:
    return made.run(made.complete(prompt, seed))


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    return "PLANTED_KEY"


@pytest.fixture
def nobody() -> str:
    """The URL of a port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/v1"


# What is sent


def test_what_the_prompt_leaves_open_comes_from_the_recipe() -> None:
    with teachers(says(), temperature=0.3, max_tokens=50, extra_body={"top_k": 4}) as (made, _, _):
        payload = made.run(made.request(PROMPT, 7)).payload
    assert payload == {
        "model": "m",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}],
        "temperature": 0.3,
        "max_tokens": 50,
        "seed": 7,
        "top_k": 4,
    }


def test_what_the_prompt_names_wins_over_the_recipe() -> None:
    prompt = Prompt(PROMPT.messages, temperature=0.0, top_p=0.5, max_tokens=9, stop=("END",))
    with teachers(says(), temperature=0.3, top_p=0.9, max_tokens=50) as (made, _, _):
        payload = made.run(made.request(prompt, 7)).payload
    assert (payload["temperature"], payload["top_p"], payload["max_tokens"]) == (0.0, 0.5, 9)
    assert payload["stop"] == ["END"]


def test_the_payload_is_what_arrives() -> None:
    with teachers(says(), extra_body={"top_k": 4}) as (made, transport, _):
        complete(made)
        assert json.loads(transport.requests[0].content) == made.run(made.request(PROMPT, 7)).payload
    assert transport.requests[0].url.path == "/v1/chat/completions"


def test_no_seed_is_sent_where_the_endpoint_refuses_one() -> None:
    with teachers(says(), send_seed=False) as (made, _, _):
        assert "seed" not in made.run(made.request(PROMPT, 7)).payload


def test_the_digest_names_what_is_asked_and_not_how() -> None:
    with (
        teachers(says()) as (one, _, _),
        teachers(says(), concurrency=2, timeout=5, base_url="http://b/v1") as (two, _, _),
    ):
        assert digest(one.run(one.request(PROMPT, 7)).payload) == digest(two.run(two.request(PROMPT, 7)).payload)
        assert digest(one.run(one.request(PROMPT, 7)).payload) != digest(one.run(one.request(PROMPT, 8)).payload)


def test_lone_surrogates_in_a_prompt_do_not_stop_the_run() -> None:
    with teachers(says()) as (made, _, _):
        assert complete(made, Prompt((Message("user", "broken \ud83d emoji"),))).text == "4"


def test_a_model_that_the_recipe_lacks_is_named_with_those_it_has() -> None:
    with teachers(says()) as (made, _, _), pytest.raises(RecipeError, match=r"'judge'.*teacher"):
        complete(made, Prompt(PROMPT.messages, model="judge"))


# What comes back


def test_text_tokens_and_cost_are_read() -> None:
    reply = says("4", usage={"prompt_tokens": 1000, "completion_tokens": 10})
    with teachers(reply, temperature=0.5, price=Price(prompt=1.0, completion=100.0)) as (made, _, _):
        completion = complete(made)
        live = made.live()
    assert (completion.text, completion.model, completion.temperature) == ("4", "m", 0.5)
    assert (completion.prompt_tokens, completion.completion_tokens) == (1000, 10)
    assert completion.cost == pytest.approx(0.002)
    assert (live.requests, live.prompt_tokens, live.failed, live.in_flight, live.waiting) == (1, 1000, 0, 0, 0)


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_that_the_endpoint_keeps_apart_is_read(field: str) -> None:
    with teachers(says("4", **{field: "2 and 2"})) as (made, _, _):
        assert complete(made).reasoning == "2 and 2"


def test_think_tags_in_the_text_are_left_alone() -> None:
    with teachers(says("<think>2 and 2</think>4")) as (made, _, _):
        completion = complete(made)
    assert (completion.text, completion.reasoning) == ("<think>2 and 2</think>4", None)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("eos", "stop"),
        (None, "stop"),
        ("MAX_TOKENS", "length"),
        ("abort", "error"),
    ],
)
def test_finish_reasons_are_mapped_to_four(sent: str | None, read: str) -> None:
    with teachers(says(finish=sent)) as (made, _, _):
        assert complete(made).finish_reason == read


def test_content_in_parts_is_joined() -> None:
    with teachers(says([{"type": "text", "text": "4"}, {"type": "text", "text": "2"}])) as (made, _, _):
        assert complete(made).text == "42"


@pytest.mark.parametrize("content", [None, "", []])
def test_a_reply_without_text_is_an_empty_completion_and_not_asked_again(content: Any) -> None:
    with teachers(says(content, usage={"prompt_tokens": 5, "completion_tokens": 0})) as (made, transport, _):
        completion = complete(made)
    assert (completion.error, completion.prompt_tokens, len(transport.requests)) == ("empty_completion", 5, 1)


def test_reasoning_without_an_answer_is_a_completion() -> None:
    with teachers(says(None, finish="length", reasoning_content="2 and")) as (made, _, _):
        completion = complete(made)
    assert (completion.text, completion.reasoning, completion.truncated, completion.error) == ("", "2 and", True, None)


def test_a_body_without_choices_is_an_empty_completion() -> None:
    with teachers((200, {}, {"choices": []})) as (made, _, _):
        assert complete(made).error == "empty_completion"


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"", b"[1]", {"error": {"message": "upstream"}}])
def test_a_body_that_is_no_completion_is_asked_for_again(body: Any) -> None:
    with teachers((200, {}, body), says("4")) as (made, _, _):
        assert complete(made).text == "4"


def test_lone_surrogates_in_a_reply_are_replaced() -> None:
    with teachers((200, {}, rb'{"choices":[{"message":{"content":"a\ud83db"}}]}')) as (made, _, _):
        assert complete(made).text == "a�b"


# What is asked again


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_passing_trouble_is_asked_again_and_counted(status: int) -> None:
    with teachers(fails(status), fails(status), says("4")) as (made, transport, clock):
        assert complete(made).text == "4"
        assert (made.live().retries, made.live().requests) == (2, 1)
    assert (len(transport.requests), len(clock.slept)) == (3, 2)


@pytest.mark.parametrize(
    "error", [httpx2.ReadError, httpx2.RemoteProtocolError, httpx2.ReadTimeout, httpx2.ConnectError]
)
def test_a_broken_connection_is_asked_again(error: type) -> None:
    with teachers(error, says("4")) as (made, _, _):
        assert complete(made).text == "4"


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"retry-after": "3"}, 3.0), ({"retry-after-ms": "250", "retry-after": "1"}, 0.25)]
)
def test_retry_after_is_obeyed(headers: dict[str, str], seconds: float) -> None:
    with teachers(fails(429, headers=headers), says()) as (made, _, clock):
        complete(made)
    assert seconds <= clock.slept[0] <= seconds * 1.1


NO_TIME = [
    *({"retry-after": text} for text in ("0", "-5", "0.001", "Wed, 21 Oct 2015 07:28:00 GMT")),
    {"retry-after-ms": "0"},
]
"""What endpoints say that want to be asked again at once."""


@pytest.mark.parametrize("headers", NO_TIME)
def test_a_retry_after_that_names_no_time_is_no_reason_to_come_back_at_once(headers: dict[str, str]) -> None:
    with teachers(fails(503, headers=headers), says()) as (made, _, clock):
        complete(made)
    assert 0.5 / 4 <= clock.slept[0] <= 0.5


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("headers", NO_TIME)
def test_an_endpoint_that_asks_for_a_storm_of_requests_gets_none(status: int, headers: dict[str, str]) -> None:
    async def all_of_them(made: Teachers) -> list[Any]:
        return await asyncio.gather(*(made.complete(PROMPT, seed) for seed in range(40)), return_exceptions=True)

    with teachers(fails(status, headers=headers), concurrency=64, max_wait=60) as (made, transport, _):
        made.run(all_of_them(made))
    assert len(transport.requests) <= 100


def test_the_back_off_grows_and_differs_from_request_to_request() -> None:
    waits = []
    for seed in (7, 8):
        with teachers(fails(500), max_attempts=9) as (made, _, clock):
            complete(made, seed=seed)
            waits.append(clock.slept)
    first, second = waits
    assert all(0.5 * 2**place / 4 <= wait <= 0.5 * 2**place for place, wait in enumerate(first[:6]))
    assert max(first) <= 30.0
    assert first != second


@pytest.mark.parametrize(
    ("trouble", "word"),
    [
        (fails(500), "server_error"),
        (fails(429), "rate_limited"),
        (fails(408), "timeout"),
        (httpx2.ReadTimeout, "timeout"),
        (httpx2.ReadError, "disconnected"),
        ((200, {}, b"<html>"), "unreadable_reply"),
    ],
)
def test_trouble_that_stays_is_an_error_completion_after_the_last_attempt(trouble: Any, word: str) -> None:
    with teachers(trouble, max_attempts=3) as (made, transport, _):
        completion = complete(made)
        assert (made.live().failed, made.live().retries) == (1, 2)
    assert (completion.error, completion.text, completion.finish_reason) == (word, "", "error")
    assert len(transport.requests) == 3


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_request_is_asked_once(status: int) -> None:
    with teachers(fails(status, "too long")) as (made, transport, _):
        assert complete(made).error == "refused_request"
        assert made.live().last_failure == "teacher: refused_request too long"
    assert len(transport.requests) == 1


def test_a_reply_that_dribbles_past_the_timeout_is_given_up() -> None:
    async def never(_: httpx2.Request) -> Any:
        await asyncio.Event().wait()

    with teachers(never, timeout=0.01, max_attempts=2) as (made, transport, _):
        assert complete(made).error == "timeout"
    assert len(transport.requests) == 2


# What stops the run


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_the_run_without_showing_it(status: int, planted: str) -> None:
    with (
        teachers(fails(status, f"Incorrect API key provided: {KEY}"), api_key_env=planted) as (made, transport, _),
        pytest.raises(EndpointError) as caught,
    ):
        complete(made)
    message = str(caught.value)
    assert planted in message
    assert "models.teacher" in message
    assert URL in message
    assert KEY not in message
    assert len(transport.requests) == 1


def test_an_unknown_model_stops_the_run_and_is_named() -> None:
    with teachers(fails(404), model="gpt-nope") as (made, _, _), pytest.raises(EndpointError, match="'gpt-nope'"):
        complete(made)


@pytest.mark.parametrize("trouble", [fails(402), fails(429, code="insufficient_quota")])
def test_an_empty_account_stops_the_run_at_once(trouble: Any) -> None:
    with teachers(trouble) as (made, transport, _), pytest.raises(RunFailed, match="add credit"):
        complete(made)
    assert len(transport.requests) == 1


def test_an_endpoint_that_is_gone_stops_the_run_and_says_how_to_resume(nobody: str) -> None:
    model = Model(model="m", base_url=nobody, max_attempts=3, max_wait=60)
    clock = JumpingClock()
    transports = {"teacher": AiohttpTransport(1.0, trust_env=False)}
    with (
        Teachers({"teacher": model}, clock=clock, transports=transports) as made,
        pytest.raises(RunFailed, match=r"went away.*to resume"),
    ):
        complete(made)
    assert 60 <= sum(clock.slept) <= 200


def test_an_error_inside_a_task_group_comes_out_as_itself() -> None:
    with teachers(fails(404)) as (made, _, _):

        async def many() -> None:
            async with asyncio.TaskGroup() as group:
                for seed in range(3):
                    group.create_task(made.complete(PROMPT, seed))

        with pytest.raises(EndpointError):
            made.run(many())


# Before the run


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_key_is_named_before_the_first_call(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_KEY", value)
    with teachers(says(), api_key_env="MY_KEY") as (made, transport, _), pytest.raises(EndpointError, match="MY_KEY"):
        made.check()
    assert not transport.requests


def test_a_key_that_is_none_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f"{KEY}\nsecond line")
    with teachers(says(), api_key_env="MY_KEY") as (made, _, _), pytest.raises(EndpointError, match="MY_KEY") as caught:
        made.check()
    assert KEY not in str(caught.value)


def test_an_endpoint_that_does_not_answer_is_named(nobody: str) -> None:
    with Teachers({"judge": Model(model="m", base_url=nobody)}) as made, pytest.raises(EndpointError) as caught:
        made.check()
    assert "models.judge" in str(caught.value)
    assert nobody in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_found_before_the_run(status: int, planted: str) -> None:
    with teachers(fails(status), api_key_env=planted) as (made, _, _), pytest.raises(EndpointError, match=planted):
        made.check()


@pytest.mark.parametrize("status", [200, 404, 405, 500])
def test_any_other_answer_shows_that_the_endpoint_is_there(status: int) -> None:
    with teachers((status, {}, b"nothing")) as (made, transport, _):
        made.check()
    assert [request.method for request in transport.requests] == ["GET"]


def test_a_key_that_may_not_list_models_may_ask_them(planted: str) -> None:
    with teachers(fails(403, "Missing scopes: api.model.read"), api_key_env=planted) as (made, _, _):
        made.check()


def test_the_offline_teacher_needs_no_check() -> None:
    with Teachers({"teacher": Model(model="builtin")}) as made:
        made.check()


def test_openai_itself_needs_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with teachers(says(), base_url=None) as (made, _, _), pytest.raises(EndpointError, match="OPENAI_API_KEY"):
        made.check()


def test_the_openai_key_does_not_go_to_other_endpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, KEY)
    with teachers(says()) as (made, transport, _):
        complete(made)
    assert transport.requests[0].headers["authorization"] == "Bearer none"
    assert KEY not in str(transport.requests[0].headers.raw)


# Many at once


def test_no_more_requests_than_allowed_are_in_flight() -> None:
    seen: list[int] = []
    flying = 0

    async def watch(request: httpx2.Request) -> Any:
        nonlocal flying
        flying += 1
        seen.append(flying)
        for _ in range(5):
            await asyncio.sleep(0)
        flying -= 1
        return says()

    async def ask_all(made: Teachers) -> list[Completion]:
        return await asyncio.gather(*(made.complete(PROMPT, seed) for seed in range(60)))

    with teachers(watch, concurrency=5) as (made, _, _), ThreadPoolExecutor(3) as shards:
        for done in [shards.submit(made.run, ask_all(made)) for _ in range(3)]:
            done.result()
    assert len(seen) == 180
    assert max(seen) == 5


def test_a_request_that_waits_to_be_asked_again_holds_no_slot() -> None:
    other_is_done = asyncio.Event()

    class Patient(JumpingClock):
        async def sleep(self, seconds: float) -> None:
            await other_is_done.wait()

    async def both(made: Teachers) -> list[Completion]:
        async def other() -> Completion:
            completion = await made.complete(PROMPT, 2)
            other_is_done.set()
            return completion

        return list(await asyncio.gather(made.complete(PROMPT, 1), other()))

    with teachers(fails(429), says("4"), concurrency=1, clock=Patient()) as (made, _, _):
        assert [completion.text for completion in made.run(both(made))] == ["4", "4"]


# The loop


def test_closing_ends_what_is_under_way_without_noise(caplog: pytest.LogCaptureFixture) -> None:
    started = threading.Event()

    async def never(_: httpx2.Request) -> Any:
        started.set()
        await asyncio.Event().wait()

    with teachers(never) as (made, _, _), ThreadPoolExecutor(1) as shards:
        waiting = shards.submit(complete, made)
        assert started.wait(10)
        made.close()
        with pytest.raises(RunFailed, match="resume"):
            waiting.result(10)
        assert made.live().in_flight == 0
    assert not [thread for thread in threading.enumerate() if thread.name == "teachers"]
    assert not caplog.records


def test_nothing_runs_after_closing() -> None:
    with teachers(says()) as (made, _, _):
        complete(made)
        made.close()
        made.close()
        with pytest.raises(RunFailed):
            complete(made)


def test_waiting_for_the_loop_on_the_loop_is_refused() -> None:
    with teachers(says()) as (made, _, _):

        async def inside() -> None:
            complete(made)

        with pytest.raises(RuntimeError, match="await"):
            made.run(inside())


def test_ctrl_c_cancels_what_it_interrupts() -> None:
    unwound: list[bool] = []

    async def interrupted() -> None:
        try:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            unwound.append(True)

    # A test run started in the background of a shell inherits an ignored Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with teachers(says()) as (made, _, _), pytest.raises(KeyboardInterrupt):
            made.run(interrupted())
    finally:
        signal.signal(signal.SIGINT, before)
    assert unwound == [True]


# Secrets


def test_the_key_is_sent_and_shown_nowhere(planted: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with teachers(fails(500, KEY), fails(400, f"bad {KEY}"), api_key_env=planted) as (made, transport, _):
        answer = made.run(made.ask(Call(made.run(made.request(PROMPT, 7)))))
        shown = (
            f"{made!r}{made._channels!r}{made.live()}{answer}{made.run(made.request(PROMPT, 7)).payload}{caplog.text}"
        )
    assert transport.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert answer.detail == "bad ***"
    assert KEY not in shown


def test_a_password_in_the_url_is_not_shown() -> None:
    url = "http://user:hunter2@endpoint.invalid/v1"
    with pytest.raises(ValidationError) as caught:
        Model(model="m", base_url=url)
    assert "hunter2" not in caught.value.errors()[0]["msg"]


def test_an_endpoint_that_fails_ten_requests_in_a_row_stops_the_run() -> None:
    with teachers(*[fails(500)] * 10, max_attempts=1) as (made, _, _):
        for _ in range(9):
            assert made.run(made.complete(PROMPT, 7)).error == "server_error"
        with pytest.raises(RunFailed, match="failed 10 requests in a row"):
            made.run(made.complete(PROMPT, 7))


def test_one_answer_in_ten_keeps_the_run_going() -> None:
    with teachers(*[*[fails(500)] * 9, says()] * 2, max_attempts=1) as (made, _, _):
        errors = [made.run(made.complete(PROMPT, 7)).error for _ in range(20)]
    assert errors.count("server_error") == 18


def test_refusals_of_single_rows_do_not_stop_an_endpoint_that_answers() -> None:
    with teachers(says(), *[fails(400)] * 15) as (made, _, _):
        errors = [made.run(made.complete(PROMPT, 7)).error for _ in range(16)]
    assert errors.count("refused_request") == 15
