"""The offline teacher at its pace: how long replies take, what waits, what is turned away, what is counted."""

import asyncio
import json
from asyncio import Future
from typing import Any

import pytest

from schemas.faults import Faults
from teachers.builtin.endpoint import Endpoint, Said
from teachers.builtin.service import HungUp, Service
from teachers.builtin.wire import Response


def speak(messages: Any, *, seed: int, **_: Any) -> Said:
    return Said(f"{messages[-1]['content']} {seed}")


def request(text: str = "hello", **fields: Any) -> bytes:
    return json.dumps({"model": "builtin", "messages": [{"role": "user", "content": text}], **fields}).encode()


class Waiting:
    """A caller that notes how long it should wait, and waits until it is ``let`` go."""

    def __init__(self, let: asyncio.Event | None = None) -> None:
        self.seconds: list[float] = []
        self.response = Response()
        self._let = let

    async def turn(self, slot: Future[None]) -> None:
        await slot

    async def pause(self, seconds: float) -> None:
        self.seconds.append(seconds)
        if self._let is not None:
            await self._let.wait()

    async def take(self, response: Response) -> None:
        if response.fate == "hang":
            raise HungUp
        self.response = response


class Impatient(Waiting):
    """A caller that hangs up in the queue."""

    async def turn(self, slot: Future[None]) -> None:
        raise HungUp


def made(faults: Faults | None = None, now: list[float] | None = None) -> Service:
    return Service(Endpoint(faults, speak), lambda: (now or [0.0])[0])


def attend(service: Service, *bodies: bytes) -> list[Waiting]:
    """One request after the other."""

    async def run() -> list[Waiting]:
        callers = [Waiting() for _ in bodies]
        for body, caller in zip(bodies, callers, strict=True):
            await service.attend(body, caller)
        return callers

    return asyncio.run(run())


def test_a_latency_is_drawn_for_each_request_and_is_the_same_again() -> None:
    def seconds(seed: int) -> list[float]:
        service = made(Faults(latency="lognormal:mean=0.2,sigma=1", seed=seed))
        return [caller.seconds[0] for caller in attend(service, *(request(str(number)) for number in range(200)))]

    assert len(set(seconds(1))) == 200
    assert seconds(1) == seconds(1)
    assert seconds(1) != seconds(2)
    assert sum(seconds(1)) / 200 == pytest.approx(0.2, rel=0.3)


def test_a_request_takes_as_long_however_the_client_spells_it() -> None:
    service = made(Faults(latency="lognormal:mean=0.2,sigma=1"))
    data = json.loads(request("Grüße"))
    other = json.dumps(dict(reversed(data.items())), ensure_ascii=False, separators=(",", ":")).encode()
    one, same, another = attend(service, request("Grüße"), other, request("Gruß"))
    assert one.seconds == same.seconds != another.seconds


def test_each_attempt_at_a_request_takes_its_own_time() -> None:
    service = made(Faults(latency="lognormal:mean=0.2,sigma=1", server_error=1.0))
    assert len({caller.seconds[0] for caller in attend(service, *[request()] * 5)}) == 5


def test_a_long_reply_takes_longer() -> None:
    service = made(Faults(latency=0.5, tokens_per_second=10))
    (caller,) = attend(service, request("one two three four"))
    assert caller.seconds == [pytest.approx(0.5 + 5 / 10)]


def test_requests_beyond_the_slots_queue_and_all_get_through() -> None:
    async def run() -> None:
        service, let = made(Faults(slots=3)), asyncio.Event()
        tasks = [asyncio.create_task(service.attend(request(str(number)), Waiting(let))) for number in range(10)]
        await asyncio.sleep(0)
        assert (service.stats()["in_flight"], service.stats()["queued"]) == (3, 7)
        let.set()
        await asyncio.gather(*tasks)
        stats = service.stats()
        assert (stats["completions"], stats["peak_in_flight"], stats["peak_queued"]) == (10, 3, 7)
        assert (stats["in_flight"], stats["queued"]) == (0, 0)

    asyncio.run(run())


@pytest.mark.parametrize(("beyond", "asks_for"), [("429", "2"), ("503", None)])
def test_requests_beyond_the_slots_are_turned_away_with_a_time_only_by_429(beyond: Any, asks_for: str | None) -> None:
    async def run() -> None:
        service, let, turned_away = made(Faults(slots=1, beyond=beyond, retry_after=1.5)), asyncio.Event(), Waiting()
        task = asyncio.create_task(service.attend(request(), Waiting(let)))
        await asyncio.sleep(0)
        await service.attend(request("other"), turned_away)
        assert turned_away.response.status == int(beyond)
        assert turned_away.response.headers.get("retry-after") == asks_for
        let.set()
        await task
        stats = service.stats()
        assert (stats["requests"], stats["attempts"], stats["turned_away"]) == (2, 1, {"slots": 1})

    asyncio.run(run())


def test_a_client_that_hangs_up_gives_its_place_to_the_next() -> None:
    async def run() -> None:
        service, let = made(Faults(slots=1)), asyncio.Event()
        first = asyncio.create_task(service.attend(request("a"), Waiting(let)))
        await asyncio.sleep(0)
        await service.attend(request("b"), Impatient())
        third = asyncio.create_task(service.attend(request("c"), Waiting()))
        let.set()
        await asyncio.gather(first, third)
        stats = service.stats()
        assert (stats["completions"], stats["abandoned"], stats["in_flight"], stats["queued"]) == (2, 1, 0, 0)

    asyncio.run(run())


def test_a_cancelled_request_gives_its_slot_back() -> None:
    async def run() -> None:
        service, never = made(Faults(slots=1)), asyncio.Event()
        tasks = [asyncio.create_task(service.attend(request(str(number)), Waiting(never))) for number in range(3)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (service.slots.running, service.slots.waiting) == (0, 0)

    asyncio.run(run())


def test_a_quota_turns_away_and_says_how_it_stands() -> None:
    now = [0.0]
    service = made(Faults(requests_per_minute=2), now)
    callers = attend(service, *[request()] * 3)
    assert [caller.response.status for caller in callers] == [200, 200, 429]
    left = [caller.response.headers["x-ratelimit-remaining-requests"] for caller in callers]
    assert left == ["1", "0", "0"]
    assert callers[2].response.headers["retry-after"] == "30"
    assert json.loads(callers[2].response.body)["error"]["code"] == "rate_limit_exceeded"
    now[0] = 30.0
    assert attend(service, request())[0].response.status == 200
    assert service.stats()["turned_away"] == {"quota": 1}


def test_a_spell_hits_so_many_requests_whatever_they_ask() -> None:
    service = made(Faults(unavailable=0.05, spell_requests=7))
    responses = [caller.response.status for caller in attend(service, *(request(str(n)) for n in range(400)))]
    spells = "".join("x" if status == 503 else "." for status in responses).split(".")
    lengths = {len(spell) for spell in spells if spell}
    assert lengths <= {7, 14, 21}
    assert 7 in lengths


def test_a_spell_lasts_so_many_seconds() -> None:
    now = [0.0]
    faults = Faults(unavailable=0.5, spell_requests=0, spell_seconds=5)
    bodies = [request(str(number)) for number in range(20)]
    begins = [body for body in bodies if Endpoint(faults, speak).chat(body).status == 503]
    calm = [body for body in bodies if body not in begins]
    service = made(faults, now)
    assert attend(service, begins[0])[0].response.status == 503
    now[0] = 4.9
    assert attend(service, calm[0])[0].response.status == 503
    now[0] = 5.1
    assert attend(service, calm[1])[0].response.status == 200


def test_a_hanging_request_counts_as_a_fault_and_as_abandoned() -> None:
    service = made(Faults(timeout=1.0))
    attend(service, request())
    stats = service.stats()
    assert (stats["faults"], stats["abandoned"], stats["completions"]) == ({"timeout": 1}, 1, 0)


def test_it_counts_prompts_and_those_answered_twice() -> None:
    service = made(Faults(refusal=0.3))
    attend(service, *(request(str(number % 30)) for number in range(45)))
    stats = service.stats()
    assert (stats["requests"], stats["completions"]) == (45, 45)
    assert (stats["unique_prompts"], stats["answered_prompts"], stats["duplicates"]) == (30, 30, 15)
    assert stats["faults"]["refusal"] > 0
    assert stats["completion_tokens"] > 0


def test_what_was_broken_on_its_way_was_not_answered() -> None:
    service = made(Faults(reset=0.5, seed=1))
    attend(service, *[request(str(number)) for number in range(50)])
    stats = service.stats()
    assert stats["faults"]["reset"] + stats["answered_prompts"] == 50
    assert 0 < stats["answered_prompts"] < 50


def test_a_reset_counts_anew() -> None:
    service = made()
    attend(service, request())
    service.reset()
    assert (service.stats()["requests"], service.stats()["unique_prompts"]) == (0, 0)
    attend(service, request())
    assert service.stats()["duplicates"] == 0


def test_metrics_show_what_runs_and_what_waits() -> None:
    async def run() -> str:
        service, never = made(Faults(slots=4)), asyncio.Event()
        tasks = [asyncio.create_task(service.attend(request(str(number)), Waiting(never))) for number in range(7)]
        await asyncio.sleep(0)
        told = service.metrics()
        for task in tasks:
            task.cancel()
        return told

    samples = dict(line.rsplit(" ", 1) for line in asyncio.run(run()).splitlines() if not line.startswith("#"))
    label = '{engine="0",model_name="builtin"}'
    assert samples[f"vllm:num_requests_running{label}"] == "4.0"
    assert samples[f"vllm:num_requests_waiting{label}"] == "3.0"
    assert samples[f"vllm:kv_cache_usage_perc{label}"] == "1.0"
