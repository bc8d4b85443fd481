"""Faults that a review of the engine found: each test says what must hold."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from flows import work
from flows.recipe_file import check_recipe
from flows.run import open_run
from schemas.errors import EndpointError, InstructloomError, RunFailed
from schemas.exchange import Completion, Message, Prompt, Shape
from schemas.manifest import Usage
from schemas.recipe import Limits, Model
from teachers.asker import Asker
from teachers.budget import Budget, Spent
from teachers.client import Teachers
from teachers.log import CompletionLog, read_log
from teachers.transport import AiohttpTransport
from tests.teachers.clock import JumpingClock, OrderedClock
from tests.teachers.test_client import KEY, PROMPT, URL, Scripted, complete, fails, says, teachers
from tests.teachers.test_replicas import URLS, Cluster, ask

Answer = Callable[[str], Awaitable[Any]]
"""From the text of the last message to a scripted response."""


def prompt(text: str) -> Prompt:
    return Prompt((Message("user", text),))


def by_text(answer: Answer) -> Scripted:
    async def look(request: httpx2.Request) -> Any:
        return await answer(json.loads(request.content)["messages"][-1]["content"])

    return Scripted(look)


def run_shard(made: Teachers, path: Path, texts: list[str], budget: Budget | None = None) -> None:
    """As flows.work._with_models does it, with a task group as in drive_all."""
    with CompletionLog.open(path) as log:
        asker = Asker(made, log, Usage(), budget)

        async def to_the_end() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for text in texts:
                        group.create_task(asker.ask(text, prompt(text), 1))
            finally:
                await asker.drain()

        made.run(to_the_end())


def keys(path: Path) -> set[str]:
    return {record.key for record in read_log(path)}


# Paid and lost


def test_answers_that_wait_for_the_disk_are_logged_when_the_shard_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("teachers.log._sync", lambda fd: time.sleep(0.5))
    answered: set[str] = set()

    async def answer(text: str) -> Any:
        if text == "wrong":  # stops the shard while a is being synced and b, c wait for the next frame
            await asyncio.sleep(0.2)
            return fails(404)
        await asyncio.sleep(0.0 if text == "a" else 0.1)
        answered.add(text)
        return says(text)

    path = tmp_path / "completions.log"
    model = Model(model="m", base_url=URL)
    with Teachers({"teacher": model}, transports={"teacher": by_text(answer)}) as made, pytest.raises(EndpointError):
        run_shard(made, path, ["a", "b", "c", "wrong"])
    assert answered == {"a", "b", "c"}
    assert keys(path) == answered


def test_close_sees_paid_requests_through_as_the_docs_say_of_ctrl_c(tmp_path: Path) -> None:
    """Under Prefect the shards run in threads: Ctrl-C reaches them as Run.close, and so does another shard's error."""
    at_work = threading.Event()

    async def answer(text: str) -> Any:
        at_work.set()
        await asyncio.sleep(0.5)
        return says(text)

    path = tmp_path / "completions.log"
    model = Model(model="m", base_url=URL)
    with Teachers({"teacher": model}, transports={"teacher": by_text(answer)}) as made, ThreadPoolExecutor(1) as pool:
        shard = pool.submit(run_shard, made, path, ["a"])
        assert at_work.wait(10)
        made.close()
        assert isinstance(shard.exception(), RunFailed)
    assert keys(path) == {"a"}


# Budgets


@pytest.mark.parametrize("spent", [None, Spent(tokens=9_000, requests=90)])
def test_a_budget_is_overshot_by_about_one_request(tmp_path: Path, spent: Spent | None) -> None:
    """Admitted before they wait for a place, at a mean of nothing: all jobs of a shard pass."""
    transport = Scripted(says(usage={"prompt_tokens": 90, "completion_tokens": 10}))
    budget = Budget(Limits(budget_tokens=10_000), spent)
    model = Model(model="m", base_url=URL)
    with (
        Teachers({"teacher": model}, transports={"teacher": transport}, clock=JumpingClock()) as made,
        contextlib.suppress(InstructloomError),
    ):
        run_shard(made, tmp_path / "completions.log", [f"t{number}" for number in range(1000)], budget)
    assert budget.spent.tokens <= 10_200


# Down, and when to stop


def test_poison_rows_at_the_end_of_a_run_are_rejected_and_stop_nothing() -> None:
    """Rows that always get a 500, alone at last: twelve failures in a row, and a healthy endpoint counts as down."""

    async def answer(text: str) -> Any:
        return fails(500) if text.startswith("poison") else says(text)

    texts = [f"t{number}" for number in range(60)] + [f"poison{number}" for number in range(3)]
    clock = JumpingClock()
    model = Model(model="m", base_url=URL)
    with Teachers({"teacher": model}, transports={"teacher": by_text(answer)}, clock=clock) as made:

        async def all_of_them() -> list[Completion]:
            return await asyncio.gather(*(made.complete(prompt(text), 1) for text in texts))

        errors = [completion.error for completion in made.run(all_of_them())]
    assert (errors.count(None), errors.count("server_error")) == (60, 3)


def test_ten_poison_rows_that_come_one_at_a_time_hold_up_no_healthy_one() -> None:
    """Six of them open the breaker, and then they are all that has begun: each probe is one of them, every 30 s."""

    async def answer(text: str) -> Any:
        return fails(500) if text.startswith("poison") else says(text)

    texts = [f"t{number}" for number in range(10)] + [f"poison{number}" for number in range(10)]
    texts += [f"u{number}" for number in range(81)]
    clock, model = OrderedClock(), Model(model="m", base_url=URL, concurrency=1, max_wait=300)
    with Teachers({"teacher": model}, transports={"teacher": by_text(answer)}, clock=clock) as made:

        async def row(text: str) -> Completion:
            await made.turnstile.enter(0)
            try:
                return await made.complete(prompt(text), 1)
            finally:
                made.turnstile.leave()

        async def all_of_them() -> list[Completion]:
            return await clock.run(asyncio.gather(*(row(text) for text in texts)))

        errors = [completion.error for completion in made.run(all_of_them())]
    assert (errors.count(None), errors.count("server_error")) == (91, 10)
    assert clock.now - 1000.0 < 120


def test_an_endpoint_that_goes_down_is_waited_for_although_few_are_asking() -> None:
    """The failure that opens the breaker is also the last attempt: the run stops after seconds, not after max_wait."""
    cluster = Cluster(lambda host, number: 503 if number <= 12 else 200)
    assert [reply.error for reply in ask(cluster, 2, URLS[:1])] == [None, None]


def test_a_run_stops_max_wait_after_its_endpoint_went_away_however_many_wait() -> None:
    """Each probe takes another request that was never sent, whose time only begins with it."""
    with pytest.raises(RunFailed, match=r"went away for 1\d\d s"):
        ask(Cluster(lambda host, number: 0), 300, URLS[:1], max_wait=100)


class Real(Cluster):
    """A cluster of which each request takes real seconds, so that what is asked at once overlaps."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        host = request.url.host
        self.asked[host] += 1
        status, seconds = self.behaviour(host, self.asked[host]), 0.0
        if status > 1000:
            status, seconds = status % 1000, status // 1000 / 1000
        await asyncio.sleep(seconds)
        if not status:
            raise httpx2.ConnectError("refused", request=request)
        body = {"choices": [{"message": {"content": "4"}}]} if status == 200 else {"error": {"message": "no"}}
        return httpx2.Response(status, content=json.dumps(body).encode(), request=request)


def ask_in_real_time(cluster: Cluster, count: int, urls: list[str], **model: Any) -> list[Completion]:
    entry = Model(**{"model": "m", "base_url": urls, **model})
    with Teachers({"teacher": entry}, transports={"teacher": cluster}) as made:

        async def all_of_them() -> list[Completion]:
            return await asyncio.gather(*(made.complete(prompt("x"), seed) for seed in range(count)))

        return made.run(all_of_them())


def test_waiting_in_our_own_queue_is_not_held_against_a_request() -> None:
    """A slow server and a long queue: one that failed once comes back behind all others, and its time is up."""
    failed: set[int] = set()

    async def answer(request: httpx2.Request) -> Any:
        seed = json.loads(request.content)["seed"]
        await asyncio.sleep(0.05)
        if seed == 0 and len(failed) < 2:
            failed.add(len(failed))
            return fails(500)
        return says()

    entry = Model(model="m", base_url=URL, concurrency=1, max_wait=2.0)
    with Teachers({"teacher": entry}, transports={"teacher": Scripted(answer)}) as made:

        async def all_of_them() -> list[Completion]:
            return await asyncio.gather(*(made.complete(prompt("x"), seed) for seed in range(80)))

        replies = made.run(all_of_them())
    assert replies[0].error is None


def test_a_dead_replica_beside_a_slow_one_costs_no_row() -> None:
    """The probe of the dead one is a request's attempt: if it waited long in our queue it is rejected, unreachable."""

    class Slow(Cluster):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.host != "replica1.invalid":
                await self.clock.sleep(20)
            return await super().handle_async_request(request)

    cluster = Slow(lambda host, number: 0 if host == "replica1.invalid" else 200)
    replies = ask(cluster, 400, URLS[:2], concurrency=1)
    assert {reply.error for reply in replies} == {None}


def test_a_replica_that_fails_at_once_nearly_always_does_not_draw_the_work() -> None:
    """What fails at once has the emptiest window, so it is asked most."""
    cluster = Real(lambda host, number: (500 if number % 10 else 200) if host == "replica1.invalid" else 100_200)
    replies = ask_in_real_time(cluster, 120, URLS, concurrency=24, adaptive=False, max_attempts=3)
    assert cluster.asked["replica1.invalid"] < 120
    assert [reply.error for reply in replies] == [None] * 120


# Odd answers


@pytest.mark.parametrize(
    "odd",
    [
        (200, {}, b"[" * 100_000),
        (200, {}, b'{"choices": [{"message": {"content": "4"}}], "usage": {"prompt_tokens": 1' + b"0" * 400 + b"}}"),
        fails(429, headers={"retry-after": "Fri, 01 Jan 99999 00:00:00 GMT"}),
        (200, {"x-ratelimit-remaining-requests": "²".encode("latin-1")}, {"choices": [{"message": {"content": "4"}}]}),
    ],
    ids=["nested", "huge-number", "year-99999", "superscript"],
)
def test_an_odd_answer_is_asked_again_and_stops_no_run(odd: Any) -> None:
    with teachers(odd, says()) as (made, _, _):
        assert complete(made).text == "4"


def test_no_place_is_lost_to_a_header_that_cannot_be_read() -> None:
    odd = {"x-ratelimit-remaining-requests": "²".encode("latin-1")}
    with teachers((200, odd, {"choices": [{"message": {"content": "4"}}]}), concurrency=1) as (made, _, _):
        assert [complete(made).text for _ in range(3)] == ["4"] * 3
        assert made.live().models == ("teacher 0/1",)


def test_a_query_in_the_base_url_is_refused_since_no_path_could_follow_it() -> None:
    with pytest.raises(ValidationError, match="has a query"):
        Model(model="m", base_url="http://endpoint.invalid/v1?api-version=1")


# Schemas


def test_what_is_asked_does_not_change_when_the_endpoint_was_busy_at_first(tmp_path: Path) -> None:
    """The probe fails for good, nothing is kept; the next to ask finds out, and a resumed run asks for it all anew."""
    shape = Shape("s", {"type": "object", "properties": {"mark": {"type": "string"}}}, hint="")
    shaped = Prompt(PROMPT.messages, shape=shape)
    script = [fails(429), fails(429), says('{"mark": "zq7-ochre"}')]
    with teachers(*script, max_attempts=2) as (made, _, _):
        first = made.run(made.request(shaped, 1)).digest
        then = made.run(made.request(shaped, 1)).digest
    assert first == then


# Stuck for ever


def test_a_shard_of_one_row_that_is_refused_is_a_shard_with_one_reject(tmp_path: Path) -> None:
    """The endpoint answers; this row is refused whenever it comes. The run fails, today and at every resume."""
    recipe = {
        "dataset": "d",
        "rows": 1,
        "seeds": {"path": "builtin:en", "limit": 3, "shard_rows": 2},
        "models": {"teacher": {"model": "m", "base_url": URL, "structured": "off"}},
        "stages": [{"use": "respond", "only_unanswered": False}],
    }
    asked = 0

    async def answer(_: httpx2.Request) -> Any:
        nonlocal asked
        asked += 1
        return says() if asked <= 2 else fails(400)

    run = open_run(check_recipe(recipe, "test"), tmp_path)
    run.teachers = Teachers(run.recipe.models, transports={"teacher": Scripted(answer)})
    try:
        place = next(place for place, stage in enumerate(run.stages) if stage.kind == "generator" and place)
        for shard in range(2):
            work.make_source(run, shard)
            counts = work.generate_shard(run, place, shard)
        assert counts.rejected == 1
    finally:
        run.close()


def test_an_empty_answer_was_paid_and_is_not_asked_again(tmp_path: Path) -> None:
    """It is what the model had to say, and stays in the ledger when the shard is resumed."""
    stages = [{"use": "respond", "only_unanswered": False}]
    seeds = {"path": "builtin:en", "limit": 2, "shard_rows": 2}
    models = {"teacher": {"model": "m", "base_url": URL, "structured": "off"}}
    recipe = {"dataset": "d", "rows": 1, "seeds": seeds, "models": models, "stages": stages}
    paid = {"prompt_tokens": 1000, "completion_tokens": 0}
    empty_then_gone = [says("", usage=paid), fails(404)]
    for script in (empty_then_gone, [says("x", usage=paid)]):
        run = open_run(check_recipe(recipe, "test"), tmp_path)
        run.teachers = Teachers(run.recipe.models, transports={"teacher": Scripted(*script)})
        try:
            work.make_source(run, 0)
            work.generate_shard(run, 1, 0)
        except EndpointError:
            pass
        finally:
            run.close()
    assert run.store.shard(run.stages[1], 0).usage().prompt_tokens == 2000


# The transport


def test_a_netrc_does_not_keep_an_endpoint_from_being_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    async def get() -> bytes:
        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        transport = AiohttpTransport(1.0, trust_env=True)  # as for any endpoint that is not this machine's own
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            key = {"authorization": f"Bearer {KEY}"}
            return (await transport.handle_async_request(httpx2.Request("GET", url, headers=key))).content
        finally:
            await transport.aclose()
            server.close()

    assert asyncio.run(get()) == b"ok"


def test_no_thread_is_asked_for_a_netrc_at_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    hops = 0

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(5):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            await writer.drain()

    async def get() -> None:
        nonlocal hops
        loop = asyncio.get_running_loop()
        inner = loop.run_in_executor

        def counted(executor: Any, function: Any, *arguments: Any) -> Any:
            nonlocal hops
            hops += "netrc" in getattr(function, "__name__", "")
            return inner(executor, function, *arguments)

        monkeypatch.setattr(loop, "run_in_executor", counted)
        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        transport = AiohttpTransport(1.0, trust_env=True)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(5):
            await transport.handle_async_request(httpx2.Request("GET", url))
        await transport.aclose()
        server.close()

    asyncio.run(get())
    assert hops == 0
