"""Batch mode against the offline teacher's own server, with something in between that spoils what a test names."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from schemas.errors import CorruptRun, EndpointError, RunFailed
from schemas.recipe import Model
from teachers.batch import BatchChannel
from teachers.builtin.endpoint import Endpoint, Said
from teachers.builtin.server import serving
from teachers.call import Answer, Call
from teachers.clock import Sleep
from teachers.live import Live
from teachers.payload import Request, digest_of, encode

KEY = "sk-planted-5f2c9e71"
Forward = Callable[[httpx2.Request], Awaitable[httpx2.Response]]
Meddling = Callable[[httpx2.Request, Forward], Awaitable[httpx2.Response]]


class Teller:
    """What the served model says; it remembers every request that was answered and so paid."""

    def __init__(self) -> None:
        self.paid: list[str] = []

    def __call__(self, messages: Any, *, seed: int, **_: Any) -> Said:
        self.paid.append(messages[-1]["content"])
        return Said(f"reply to {messages[-1]['content']}")


class Wire(httpx2.AsyncBaseTransport):
    """The way to the server. It remembers what was asked of it, and ``meddling`` may spoil it."""

    def __init__(self, meddling: Meddling | None = None) -> None:
        self.meddling = meddling
        self.asked: list[str] = []
        self._inner = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(called(request))
        if self.meddling is None:
            return await self._inner.handle_async_request(request)
        return await self.meddling(request, self._inner.handle_async_request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def count(self, call: str) -> int:
        return self.asked.count(call)


def called(request: httpx2.Request) -> str:
    """A request in short: ``POST /batches``, ``GET /batches/*``, ``GET /files/*/content``."""
    parts = request.url.path.removeprefix("/v1/").split("/")
    return f"{request.method} /" + "/".join("*" if place == 1 else part for place, part in enumerate(parts))


class Clock:
    """Sleeps without waiting, and remembers how long it would have been."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


class Bench:
    """A served model, a folder that outlives channels, and channels over both."""

    def __init__(self, url: str, folder: Path, teller: Teller) -> None:
        self.url = url
        self.folder = folder
        self.teller = teller
        self.live = Live()
        self.clock = Clock()
        self.sleep: Sleep = self.clock
        self.wire = Wire()

    @asynccontextmanager
    async def channel(self, meddling: Meddling | None = None, batch: Any = None, **model: Any) -> Any:
        self.wire = Wire(meddling)
        entry = Model(**{"model": "builtin", "base_url": self.url, "mode": "batch", "batch": batch or {}, **model})
        made = BatchChannel("teacher", entry, self.live, self.wire, self.sleep, self.folder)
        try:
            yield made
        finally:
            await made.close()

    def files(self) -> list[str]:
        return sorted(path.name.partition(".")[2] for path in self.folder.iterdir())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    teller = Teller()
    with serving(reply=teller) as url:
        yield Bench(url, tmp_path / "batches", teller)


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def call(*arguments: Any, **fields: Any) -> Call:
    """A call for ``payload(…)``."""
    body = encode(plain := payload(*arguments, **fields))
    return Call(Request("teacher", plain, body, digest_of(body)))


def payload(text: str, **fields: Any) -> dict[str, Any]:
    return {"model": "builtin", "messages": [{"role": "user", "content": text}], "seed": 1, **fields}


async def ask_all(channel: BatchChannel, texts: Sequence[str]) -> list[Answer]:
    return await asyncio.gather(*(channel.ask(call(text)) for text in texts))


def texts(count: int) -> list[str]:
    return [f"task {number}" for number in range(count)]


def replies(answers: Sequence[Answer]) -> list[str]:
    return [answer.completion.text for answer in answers]


def replied(request: httpx2.Request, body: Any, status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, json=body, request=request)


async def read(response: httpx2.Response) -> Any:
    return json.loads(await response.aread())


def fails_first(times: int, call: str, failure: Callable[[httpx2.Request], httpx2.Response]) -> Meddling:
    """The first ``times`` of these calls come to ``failure``; they do not reach the server."""
    left = times

    async def meddle(request: httpx2.Request, forward: Forward) -> httpx2.Response:
        nonlocal left
        if called(request) == call and left:
            left -= 1
            return failure(request)
        return await forward(request)

    return meddle


def refuses(status: int, message: str = "no") -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda request: replied(request, {"error": {"message": message}}, status)


def spoils_lines(spoil: Callable[[dict[str, Any]], dict[str, Any]], downloads: int = 1) -> Meddling:
    """In the first ``downloads`` files of replies each line is spoiled."""
    left = downloads

    async def meddle(request: httpx2.Request, forward: Forward) -> httpx2.Response:
        nonlocal left
        response = await forward(request)
        if called(request) != "GET /files/*/content" or not left:
            return response
        left -= 1
        lines = [spoil(json.loads(line)) for line in (await response.aread()).splitlines()]
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        return httpx2.Response(200, content=content, request=request)

    return meddle


def says_of_batches(times: int, **fields: Any) -> Meddling:
    """The first ``times`` looks at a batch show these fields; so does its creation."""
    left = times

    async def meddle(request: httpx2.Request, forward: Forward) -> httpx2.Response:
        nonlocal left
        response = await forward(request)
        if called(request) not in ("POST /batches", "GET /batches/*") or not left:
            return response
        left -= 1
        return replied(request, {**await read(response), **fields})

    return meddle


def for_ever(call: str, reached: asyncio.Event, after: bool) -> Meddling:
    """A call whose answer never comes: the process will be killed while it waits, before or after the server acts."""

    async def meddle(request: httpx2.Request, forward: Forward) -> httpx2.Response:
        if called(request) != call:
            return await forward(request)
        if after:
            await (await forward(request)).aread()
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    return meddle


async def killed(bench: Bench, meddling: Meddling, reached: asyncio.Event, wanted: Sequence[str]) -> None:
    """Ask, and die once ``reached``."""
    async with bench.channel(meddling) as channel:
        asking = asyncio.create_task(ask_all(channel, wanted))
        await reached.wait()
        asking.cancel()


# Gathering


def test_requests_gather_into_one_batch_and_each_gets_its_own_answer(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel() as channel:
            answers = await ask_all(channel, texts(20))
        assert replies(answers) == [f"reply to {text}" for text in texts(20)]
        assert bench.wire.count("POST /batches") == 1
        assert all(answer.retries == 0 and answer.completion.prompt_tokens for answer in answers)

    run(main())


def test_the_same_request_twice_in_a_batch_is_paid_once(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel() as channel:
            answers = await ask_all(channel, ["same", "same", "other"])
        assert replies(answers) == ["reply to same", "reply to same", "reply to other"]
        assert sorted(bench.teller.paid) == ["other", "same"]

    run(main())


def test_a_batch_is_sent_when_it_has_max_requests(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel(batch={"max_requests": 10}) as channel:
            answers = await ask_all(channel, texts(25))
        assert replies(answers) == [f"reply to {text}" for text in texts(25)]
        assert bench.wire.count("POST /batches") == 3

    run(main())


def test_no_file_is_larger_than_max_bytes_unless_one_request_is(bench: Bench) -> None:
    sizes: list[int] = []

    async def measure(request: httpx2.Request, forward: Forward) -> httpx2.Response:
        if called(request) == "POST /batches":
            sizes.extend(path.stat().st_size for path in bench.folder.glob("*.requests.jsonl"))
        return await forward(request)

    async def main() -> None:
        async with bench.channel(measure, batch={"max_bytes": 1000}) as channel:
            await ask_all(channel, [*texts(9), "long " * 400])
        assert sorted(bench.teller.paid) == sorted([*texts(9), "long " * 400])
        assert len([size for size in set(sizes) if size > 1000]) == 1

    run(main())


def test_gathering_goes_on_while_new_requests_come(bench: Bench) -> None:
    async def main() -> None:
        tasks: list[asyncio.Task[Answer]] = []

        async def sleep(seconds: float) -> None:
            # While the first request gathers, two more come, one in each pause.
            if seconds == 7.0 and len(tasks) < 3:
                tasks.append(asyncio.create_task(channel.ask(call(f"late {len(tasks)}"))))
            for _ in range(10):
                await asyncio.sleep(0)

        bench.sleep = sleep
        async with bench.channel(batch={"gather_seconds": 7.0}) as channel:
            tasks.append(asyncio.create_task(channel.ask(call("first"))))
            await tasks[0]
            await asyncio.gather(*tasks)
        assert len(bench.teller.paid) == 3
        assert bench.wire.count("POST /batches") == 1

    run(main())


def test_a_request_that_nobody_waits_for_any_more_is_not_sent(bench: Bench) -> None:
    async def main() -> None:
        gathering, quiet = asyncio.Event(), asyncio.Event()

        async def sleep(_: float) -> None:
            gathering.set()
            await quiet.wait()

        bench.sleep = sleep
        async with bench.channel() as channel:
            left = asyncio.create_task(channel.ask(call("given up")))
            kept = asyncio.create_task(channel.ask(call("kept")))
            await gathering.wait()
            left.cancel()
            await asyncio.gather(left, return_exceptions=True)
            quiet.set()
            await kept
        assert bench.teller.paid == ["kept"]

    run(main())


# Failures


def test_a_request_that_fails_in_passing_is_asked_again_in_a_later_batch(bench: Bench) -> None:
    def spoil(line: dict[str, Any]) -> dict[str, Any]:
        if "task 1" not in json.dumps(line["response"]):
            return line
        return {**line, "response": {"status_code": 503, "body": {"error": {"message": "overloaded"}}}}

    async def main() -> None:
        async with bench.channel(spoils_lines(spoil)) as channel:
            answers = await ask_all(channel, texts(3))
        assert replies(answers) == [f"reply to {text}" for text in texts(3)]
        assert [answer.retries for answer in answers] == [0, 1, 0]
        assert bench.live.retries == 1

    run(main())


def test_a_request_without_a_line_in_the_replies_is_asked_again(bench: Bench) -> None:
    async def main() -> None:
        meddling = spoils_lines(lambda line: {**line, "custom_id": "somebody else's"})
        async with bench.channel(meddling) as channel:
            assert replies(await ask_all(channel, texts(2))) == ["reply to task 0", "reply to task 1"]
        assert bench.wire.count("POST /batches") == 2

    run(main())


def test_a_reply_that_is_no_completion_is_asked_again(bench: Bench) -> None:
    async def main() -> None:
        meddling = spoils_lines(lambda line: {**line, "response": {"status_code": 200, "body": {"error": "oops"}}})
        async with bench.channel(meddling) as channel:
            assert replies(await ask_all(channel, texts(1))) == ["reply to task 0"]

    run(main())


def test_after_max_attempts_a_request_is_an_error_completion(bench: Bench) -> None:
    failure = {"status_code": 429, "body": {"error": {"message": "slow down"}}}

    async def main() -> None:
        meddling = spoils_lines(lambda line: {**line, "response": failure}, downloads=99)
        async with bench.channel(meddling, max_attempts=3) as channel:
            (answer,) = await ask_all(channel, texts(1))
        assert (answer.completion.error, answer.detail, answer.retries) == ("rate_limited", "slow down", 2)
        assert bench.wire.count("POST /batches") == 3
        assert bench.live.failed == 1

    run(main())


def test_a_refused_request_is_not_asked_again_and_harms_no_other(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel() as channel:
            bad, good = await asyncio.gather(channel.ask(call("bad", temperature="hot")), channel.ask(call("good")))
        assert (bad.completion.error, bad.retries) == ("refused_request", 0)
        assert "temperature" in bad.detail
        assert good.completion.text == "reply to good"
        assert bench.wire.count("POST /batches") == 1

    run(main())


def test_what_an_expired_batch_did_not_come_to_is_asked_again_and_nothing_is_paid_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [True, True]
    monkeypatch.setattr(Endpoint, "expires", lambda self, batch: bool(left and left.pop()))

    async def main() -> None:
        async with bench.channel() as channel:
            answers = await ask_all(channel, texts(12))
        assert replies(answers) == [f"reply to {text}" for text in texts(12)]
        assert sorted(bench.teller.paid) == sorted(texts(12))
        assert sorted(answer.retries for answer in answers) == [0] * 6 + [1] * 3 + [2] * 3

    run(main())


def test_a_batch_that_is_refused_as_a_whole_stops_the_run_with_the_endpoints_words(bench: Bench) -> None:
    errors = {"object": "list", "data": [{"line": 3, "message": "This line is no JSON.", "code": "invalid_json_line"}]}

    async def main() -> None:
        async with bench.channel(says_of_batches(99, status="failed", errors=errors)) as channel:
            with pytest.raises(RunFailed, match=r"models\.teacher: .*as a whole \(line 3: This line is no JSON\."):
                await ask_all(channel, texts(2))
        assert bench.files() == []

    run(main())


def test_a_batch_for_which_there_is_no_room_is_sent_again_later(bench: Bench) -> None:
    full = {"object": "list", "data": [{"message": "Enqueued token limit reached", "code": "token_limit_exceeded"}]}

    async def main() -> None:
        async with bench.channel(says_of_batches(2, status="failed", errors=full)) as channel:
            assert replies(await ask_all(channel, texts(2))) == ["reply to task 0", "reply to task 1"]
        assert bench.wire.count("POST /batches") == 3
        assert bench.wire.count("POST /files") == 1
        assert max(bench.clock.slept) > 30

    run(main())


def test_a_batch_that_never_finds_room_stops_the_run(bench: Bench) -> None:
    full = {"object": "list", "data": [{"message": "Enqueued token limit reached", "code": "token_limit_exceeded"}]}

    async def main() -> None:
        async with bench.channel(says_of_batches(999, status="failed", errors=full), max_attempts=4) as channel:
            with pytest.raises(RunFailed, match="Enqueued token limit reached"):
                await ask_all(channel, texts(2))
        assert bench.wire.count("POST /batches") == 4

    run(main())


def test_a_whole_batch_without_an_answer_stops_the_run_instead_of_being_asked_again(bench: Bench) -> None:
    failure = {"status_code": 500, "body": {"error": {"message": "the model is broken"}}}

    async def main() -> None:
        async with bench.channel(spoils_lines(lambda line: {**line, "response": failure}, downloads=99)) as channel:
            with pytest.raises(RunFailed, match=r"none of the 10 requests .*the model is broken"):
                await ask_all(channel, texts(10))
        assert bench.wire.count("POST /batches") == 1

    run(main())


# Calls to the endpoint


@pytest.mark.parametrize("call", ["POST /files", "POST /batches", "GET /batches/*", "GET /files/*/content"])
def test_an_endpoint_that_is_away_for_a_while_is_waited_for(bench: Bench, call: str) -> None:
    async def main() -> None:
        async with bench.channel(fails_first(3, call, refuses(503))) as channel:
            assert replies(await ask_all(channel, texts(1))) == ["reply to task 0"]
        assert bench.teller.paid == texts(1)
        assert "server_error" in bench.live.last_failure

    run(main())


@pytest.mark.parametrize("call", ["POST /files", "POST /batches", "GET /batches/*", "GET /files/*/content"])
def test_an_endpoint_that_stays_away_stops_the_run_after_max_wait(bench: Bench, call: str) -> None:
    async def main() -> None:
        async with bench.channel(fails_first(999, call, refuses(503)), max_wait=60) as channel:
            with pytest.raises(RunFailed, match="failed for 60 s"):
                await ask_all(channel, texts(1))
        assert sum(bench.clock.slept) < 300

    run(main())


@pytest.mark.parametrize("call", ["POST /files", "POST /batches", "GET /batches/*", "GET /files/*/content"])
def test_a_refused_key_stops_the_run_at_once(bench: Bench, call: str) -> None:
    async def main() -> None:
        async with bench.channel(fails_first(1, call, refuses(401))) as channel:
            with pytest.raises(EndpointError, match="refused a request without a key for the Batch API"):
                await ask_all(channel, texts(1))

    run(main())


def test_a_batch_whose_creation_was_not_heard_of_is_found_and_not_made_again(bench: Bench) -> None:
    made = 0

    async def unheard(request: httpx2.Request, forward: Forward) -> httpx2.Response:
        nonlocal made
        response = await forward(request)
        if called(request) == "POST /batches":
            made += 1
            raise httpx2.ReadTimeout("scripted", request=request)
        return response

    async def main() -> None:
        async with bench.channel(unheard) as channel:
            assert replies(await ask_all(channel, texts(3))) == [f"reply to {text}" for text in texts(3)]
        assert made == 1
        assert sorted(bench.teller.paid) == texts(3)

    run(main())


def test_a_download_that_breaks_off_is_fetched_again_and_not_paid_again(bench: Bench) -> None:
    cut = False

    async def cut_once(request: httpx2.Request, forward: Forward) -> httpx2.Response:
        nonlocal cut
        response = await forward(request)
        if called(request) != "GET /files/*/content" or cut:
            return response
        cut = True
        return httpx2.Response(200, content=(await response.aread())[:-40], request=request)

    async def main() -> None:
        async with bench.channel(cut_once) as channel:
            assert replies(await ask_all(channel, texts(3))) == [f"reply to {text}" for text in texts(3)]
        assert sorted(bench.teller.paid) == texts(3)

    run(main())


def test_the_files_at_the_endpoint_are_deleted_once_the_replies_are_here(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel() as channel:
            await ask_all(channel, texts(3))
        async with httpx2.AsyncClient() as client:
            listed = (await client.get(f"{bench.url}/files")).json()
        assert listed["data"] == []

    run(main())


def test_files_that_cannot_be_deleted_do_not_matter(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel(fails_first(999, "DELETE /files/*", refuses(500))) as channel:
            assert replies(await ask_all(channel, texts(1))) == ["reply to task 0"]

    run(main())


def test_an_endpoint_without_a_batch_api_is_told_before_anything_is_sent(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel(fails_first(1, "GET /batches", refuses(404))) as channel:
            with pytest.raises(EndpointError, match=r"has no Batch API.*mode: live"):
                await channel.check()
            await channel.check()

    run(main())


# Resuming


@pytest.mark.parametrize(
    ("call", "after"),
    [("POST /files", False), ("POST /files", True), ("POST /batches", False), ("POST /batches", True),
     ("GET /batches/*", False), ("GET /files/*/content", False), ("DELETE /files/*", True)],
)  # fmt: skip
def test_a_run_killed_at_any_call_pays_for_nothing_twice(bench: Bench, call: str, after: bool) -> None:
    async def main() -> None:
        reached = asyncio.Event()
        await killed(bench, for_ever(call, reached, after), reached, texts(7))
        async with bench.channel() as channel:
            answers = await ask_all(channel, texts(9))
        assert replies(answers) == [f"reply to {text}" for text in texts(9)]
        assert sorted(bench.teller.paid) == texts(9)

    run(main())


def test_a_batch_without_metadata_is_found_by_its_file(bench: Bench) -> None:
    async def forgetful(request: httpx2.Request, forward: Forward) -> httpx2.Response:
        response = await forward(request)
        if called(request) != "GET /batches":
            return response
        body = await read(response)
        return replied(request, {**body, "data": [{**batch, "metadata": None} for batch in body["data"]]})

    async def main() -> None:
        reached = asyncio.Event()
        await killed(bench, for_ever("POST /batches", reached, after=True), reached, texts(3))
        async with bench.channel(forgetful) as channel:
            await ask_all(channel, texts(3))
        assert sorted(bench.teller.paid) == texts(3)

    run(main())


def test_a_batch_under_way_is_picked_up_and_only_new_requests_are_sent(bench: Bench) -> None:
    async def main() -> None:
        reached = asyncio.Event()
        await killed(bench, for_ever("GET /batches/*", reached, after=False), reached, texts(4))
        async with bench.channel() as channel:
            await ask_all(channel, texts(6))
            assert bench.wire.count("POST /batches") == 1
        assert sorted(bench.teller.paid) == texts(6)

    run(main())


def test_replies_that_were_handed_out_are_kept_for_a_run_that_died_before_it_logged_them(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel() as channel:
            first = await ask_all(channel, texts(5))
        async with bench.channel() as channel:
            assert await ask_all(channel, texts(5)) == first
        assert bench.wire.asked == []
        assert sorted(bench.teller.paid) == texts(5)

    run(main())


def test_a_batch_that_was_refused_before_the_restart_is_sent_anew_once_asked(bench: Bench) -> None:
    async def main() -> None:
        reached = asyncio.Event()
        await killed(bench, for_ever("GET /batches/*", reached, after=False), reached, texts(2))
        errors = {"data": [{"message": "Billing hard limit has been reached", "code": "billing_hard_limit_reached"}]}
        async with bench.channel(says_of_batches(1, status="failed", errors=errors)) as channel:
            assert replies(await ask_all(channel, texts(2))) == ["reply to task 0", "reply to task 1"]

    run(main())


def test_a_batch_that_the_endpoint_lost_is_told_with_the_way_out(bench: Bench) -> None:
    async def main() -> None:
        reached = asyncio.Event()
        await killed(bench, for_ever("GET /batches/*", reached, after=False), reached, texts(2))
        (record,) = bench.folder.glob("*.json")
        async with bench.channel(fails_first(9, "GET /batches/*", refuses(404))) as channel:
            with pytest.raises(RunFailed, match=rf"does not know batch batch_.*remove {record.name}"):
                await ask_all(channel, texts(2))
        record.unlink()
        async with bench.channel() as channel:
            assert replies(await ask_all(channel, texts(2))) == ["reply to task 0", "reply to task 1"]

    run(main())


def test_a_cleared_folder_is_empty(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel() as channel:
            await ask_all(channel, texts(3))
            assert bench.files() == ["json", "output.jsonl"]
            channel.clear()
        assert bench.files() == []

    run(main())


def test_without_a_folder_nothing_is_left_behind(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    async def main() -> None:
        entry = Model(model="builtin", base_url=bench.url, mode="batch")
        channel = BatchChannel("teacher", entry, bench.live, None, bench.clock, None)
        assert replies(await ask_all(channel, texts(1))) == ["reply to task 0"]
        assert list(tmp_path.iterdir()) != []
        await channel.close()
        assert list(tmp_path.iterdir()) == []

    run(main())


def test_what_a_killed_writer_left_is_swept_and_what_others_put_there_is_not(bench: Bench) -> None:
    bench.folder.mkdir()
    for name in ("f00.requests.jsonl", "f00.json.part", "notes.txt"):
        (bench.folder / name).write_text("half a li")

    async def main() -> None:
        async with bench.channel() as channel:
            await ask_all(channel, texts(1))
            channel.clear()
        assert [path.name for path in bench.folder.iterdir()] == ["notes.txt"]

    run(main())


def test_a_record_that_cannot_be_read_stops_the_run(bench: Bench) -> None:
    bench.folder.mkdir()
    (bench.folder / "f00.json").write_text("half a li")

    async def main() -> None:
        async with bench.channel() as channel:
            with pytest.raises(CorruptRun, match=r"f00\.json cannot be read"):
                await ask_all(channel, texts(1))

    run(main())


# What people see


def test_the_counters_and_the_line_follow_a_batch(bench: Bench) -> None:
    seen: list[tuple[int, int, str]] = []

    async def main() -> None:
        async def look(_: float) -> None:
            seen.append((bench.live.waiting, bench.live.in_flight, channel.status()))
            await asyncio.sleep(0)

        bench.sleep = look
        async with bench.channel(says_of_batches(2, status="in_progress")) as channel:
            await ask_all(channel, texts(1200))
            assert channel.status() == ""

    run(main())
    first, *_, last = seen
    assert first == (1200, 0, "teacher: 1,200 requests gather for a batch")
    assert last[:2] == (0, 1200)
    assert last[2].startswith("teacher: batch batch_")
    assert last[2].endswith("of 1,200 done")
    assert (bench.live.waiting, bench.live.in_flight, bench.live.requests) == (0, 0, 1200)


def test_the_key_is_in_no_file_no_message_and_no_repr(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    echo = {"error": {"message": f"key {KEY} is bad"}}

    async def main() -> None:
        meddling = spoils_lines(lambda line: {**line, "response": {"status_code": 400, "body": echo}}, downloads=1)
        async with bench.channel(meddling, api_key_env="PLANTED_KEY") as channel:
            (answer,) = await ask_all(channel, ["a"])
            assert KEY not in repr(channel) + answer.detail + bench.live.last_failure
            assert "***" in answer.detail
        async with bench.channel(fails_first(1, "POST /batches", refuses(401, f"{KEY} is bad")),
                                 api_key_env="PLANTED_KEY") as channel:  # fmt: skip
            with pytest.raises(EndpointError, match="the key in PLANTED_KEY") as told:
                await ask_all(channel, ["b"])
            assert KEY not in str(told.value)
        written = {path.name: path.read_bytes() for path in bench.folder.iterdir()}
        assert any(b"*** is bad" in content for content in written.values())
        assert not any(KEY.encode() in content for content in written.values())

    run(main())


def test_a_key_that_is_not_set_is_told_before_anything_is_sent(bench: Bench) -> None:
    async def main() -> None:
        async with bench.channel(api_key_env="NO_SUCH_VARIABLE") as channel:
            with pytest.raises(EndpointError, match="NO_SUCH_VARIABLE is not set"):
                channel.check_key()

    run(main())


@pytest.mark.parametrize(
    ("fields", "told"),
    [({"model": "builtin"}, "teacher serve"),
     ({"model": "m", "base_url": ["http://a/v1", "http://b/v1"]}, "names 2 endpoints"),
     ({"model": "m", "batch": {"max_requests": 50_001}}, "max_requests"),
     ({"model": "m", "batch": {"completion_window": "soon"}}, "completion_window")],
)  # fmt: skip
def test_a_recipe_that_batches_cannot_serve_is_refused(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Model(**{"mode": "batch", **fields})
