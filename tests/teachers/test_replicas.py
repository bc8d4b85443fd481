"""Several endpoints for one model, and endpoints that go away and come back: through Teachers, as a run sees them."""

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from schemas.errors import EndpointError, RunFailed
from schemas.exchange import Completion, Message, Prompt
from schemas.recipe import Model
from teachers.client import Teachers
from teachers.transport import AiohttpTransport
from tests.teachers.clock import JumpingClock

URLS = [f"http://replica{number}.invalid/v1" for number in range(3)]
Behaviour = Callable[[str, int], int]
"""From a host and the number of its request to a status; 0 is a connection refused."""


class Cluster(httpx2.AsyncBaseTransport):
    """Answers for every host, as ``behaviour`` says."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.asked: Counter[str] = Counter()
        self.clock = JumpingClock()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await self.clock.sleep(0.05)
        host = request.url.host
        self.asked[host] += 1
        status = self.behaviour(host, self.asked[host])
        if not status:
            raise httpx2.ConnectError("refused", request=request)
        body = {"choices": [{"message": {"content": "4"}}]} if status == 200 else {"error": {"message": "no"}}
        return httpx2.Response(status, content=json.dumps(body).encode(), request=request)


def ask(cluster: Cluster, count: int, urls: list[str] | None = None, **model: Any) -> list[Completion]:
    prompt = Prompt((Message("user", "What is 2 + 2?"),))
    entry = Model(**{"model": "m", "base_url": urls or URLS, "concurrency": 8, **model})
    with Teachers({"teacher": entry}, transports={"teacher": cluster}, clock=cluster.clock) as made:

        async def all_of_them() -> list[Completion]:
            return await asyncio.gather(*(made.complete(prompt, seed) for seed in range(count)))

        return made.run(all_of_them())


def test_all_endpoints_are_asked_alike() -> None:
    cluster = Cluster(lambda host, number: 200)
    assert {reply.text for reply in ask(cluster, 300, adaptive=False)} == {"4"}
    assert all(80 <= count <= 120 for count in cluster.asked.values())


def test_a_dead_endpoint_costs_no_row_and_is_hardly_asked() -> None:
    cluster = Cluster(lambda host, number: 0 if host == "replica1.invalid" else 200)
    replies = ask(cluster, 300)
    assert [reply.error for reply in replies] == [None] * 300
    assert cluster.asked["replica1.invalid"] < 30


def test_an_endpoint_that_comes_back_is_asked_again() -> None:
    cluster = Cluster(lambda host, number: 0 if host == "replica1.invalid" and number < 6 else 200)
    ask(cluster, 600, concurrency=4)
    assert cluster.asked["replica1.invalid"] > 30


def test_an_endpoint_that_is_away_for_a_while_costs_time_and_no_attempts() -> None:
    cluster = Cluster(lambda host, number: 0 if number <= 10 else 200)
    assert [reply.error for reply in ask(cluster, 20, URLS[:1], max_attempts=4)] == [None] * 20


def test_a_spell_of_503_costs_time_and_no_row() -> None:
    cluster = Cluster(lambda host, number: 503 if number <= 20 else 200)
    assert [reply.error for reply in ask(cluster, 20, URLS[:1], max_attempts=6)] == [None] * 20


def test_an_endpoint_that_stays_away_stops_the_run_after_max_wait() -> None:
    cluster = Cluster(lambda host, number: 0)
    with pytest.raises(RunFailed, match=r"replica0.*went away for \d+ s.*to resume"):
        ask(cluster, 20, URLS[:1], max_wait=100)
    assert cluster.asked["replica0.invalid"] < 60


def test_the_run_goes_on_while_one_endpoint_lives() -> None:
    cluster = Cluster(lambda host, number: 200 if host == "replica2.invalid" else 0)
    assert [reply.error for reply in ask(cluster, 100, max_wait=100)] == [None] * 100


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_one_endpoint_that_is_misconfigured_or_empty_is_left_alone_for_good(status: int) -> None:
    cluster = Cluster(lambda host, number: status if host == "replica1.invalid" else 200)
    replies = ask(cluster, 300, max_attempts=1)
    assert [reply.error for reply in replies] == [None] * 300
    assert cluster.asked["replica1.invalid"] <= 8


def test_the_run_stops_when_no_endpoint_is_of_use() -> None:
    with pytest.raises(EndpointError, match="refused"):
        ask(Cluster(lambda host, number: 401), 30)
    with pytest.raises(RunFailed, match=r"replica0.*went away for \d+ s"):
        ask(Cluster(lambda host, number: 401 if host == "replica1.invalid" else 0), 30, URLS[:2], max_wait=100)


def test_before_the_run_one_endpoint_must_answer() -> None:
    def check(behaviour: Behaviour) -> None:
        entry = Model(model="m", base_url=URLS)
        with Teachers({"teacher": entry}, transports={"teacher": Cluster(behaviour)}) as made:
            made.check()

    check(lambda host, number: 200 if host == "replica2.invalid" else 0)
    with pytest.raises(EndpointError, match=r"replica0\.invalid/v1 does not answer"):
        check(lambda host, number: 0)
    with pytest.raises(EndpointError, match=r"replica1\.invalid/v1 refused"):
        check(lambda host, number: 401 if host == "replica1.invalid" else 200)


class Stuck(JumpingClock):
    """Time hardly moves."""

    async def sleep(self, seconds: float) -> None:
        if seconds > 0.01:
            await asyncio.Event().wait()
        await super().sleep(seconds)


def line_that_says(word: str, made: Teachers) -> str:
    """The progress line of the one model, as soon as a few requests have made it say so."""
    prompt = Prompt((Message("user", "x"),))

    async def some() -> None:
        tasks = [asyncio.create_task(made.complete(prompt, seed)) for seed in range(4)]
        while word not in made.live().models[0]:
            await asyncio.sleep(0)
        lines.extend(made.live().models)
        for task in tasks:
            task.cancel()

    lines: list[str] = []
    made.run(some())
    (line,) = lines
    return line


def test_the_progress_line_says_what_is_down_and_when_it_is_tried() -> None:
    entry = Model(model="m", base_url=URLS[0])
    with Teachers({"teacher": entry}, transports={"teacher": Cluster(lambda *_: 0)}, clock=Stuck()) as made:
        line = line_that_says("down", made)
    assert line == "teacher: http://replica0.invalid/v1 is down for 0 s (unreachable ConnectError), next try in 1 s"


def test_the_progress_line_says_what_is_left_alone_and_why() -> None:
    cluster = Cluster(lambda host, number: 401 if host == "replica1.invalid" else 200)
    entry = Model(model="m", base_url=URLS[:2])
    with Teachers({"teacher": entry}, transports={"teacher": cluster}, clock=JumpingClock()) as made:
        line = line_that_says("alone", made)
    assert line.endswith("; http://replica1.invalid/v1 is left alone (wrong_key 401)")


def test_the_progress_line_says_that_requests_wait_for_a_rate_limit() -> None:
    entry = Model(model="m", base_url=URLS[0], requests_per_minute=5)
    cluster = Cluster(lambda *_: 200)
    with Teachers({"teacher": entry}, transports={"teacher": cluster}, clock=Stuck()) as made:
        line = line_that_says("limit", made)
    assert line.endswith("/4, 12 s until its rate limit allows more")


def test_a_connection_that_breaks_is_told_from_an_endpoint_that_is_not_there() -> None:
    async def slam(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def both() -> list[type[httpx2.HTTPError]]:
        transport = AiohttpTransport(1.0, trust_env=False)
        server = await asyncio.start_server(slam, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        found = []
        for again in range(2):
            with pytest.raises(httpx2.HTTPError) as caught:
                await transport.handle_async_request(httpx2.Request("POST", f"http://127.0.0.1:{port}/", content=b"x"))
            found.append(caught.type)
            if not again:
                server.close()
                await server.wait_closed()
        await transport.aclose()
        return found

    assert asyncio.run(both()) == [httpx2.ReadError, httpx2.ConnectError]


def test_a_name_that_nobody_has_is_not_there() -> None:
    async def ask_nobody() -> None:
        transport = AiohttpTransport(1.0, trust_env=False)
        try:
            await transport.handle_async_request(httpx2.Request("GET", "http://nobody.invalid/"))
        finally:
            await transport.aclose()

    with pytest.raises(httpx2.ConnectError):
        asyncio.run(ask_nobody())


def test_a_body_is_decoded_whatever_its_encoding() -> None:
    answer = gzip.compress(b'{"ok": true}')
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(answer)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + answer)
        await writer.drain()
        writer.close()

    async def get() -> bytes:
        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        transport = AiohttpTransport(1.0, trust_env=False)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            answered = await transport.handle_async_request(httpx2.Request("GET", url))
            return answered.content
        finally:
            await transport.aclose()
            server.close()

    assert asyncio.run(get()) == b'{"ok": true}'


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine's proxy settings must not decide what is tested here."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
