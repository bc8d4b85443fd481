"""Who goes next, over how many endpoints; in jumping time, so that nothing is waited for."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from schemas.recipe import Model
from teachers.access import Access
from teachers.breaker import GONE
from teachers.failures import Failure
from teachers.gate import Gate, Place, Replica, Turn
from teachers.rates import Rates
from teachers.window import Window
from tests.teachers.clock import JumpingClock

MODEL = Model(model="m", base_url="http://endpoint.invalid/v1")


def replica(size: int) -> Replica:
    return Replica(Access("teacher", MODEL, "http://endpoint.invalid/v1"), Window(size, adaptive=False))


def with_gate(
    sizes: list[int], cap: int, work: Callable[[Gate, JumpingClock], Awaitable[None]], rates: Rates | None = None
) -> None:
    clock = JumpingClock()

    async def run() -> None:
        gate = Gate([replica(size) for size in sizes], cap, rates or Rates(None, None), clock)
        await work(gate, clock)
        await gate.close()

    asyncio.run(run())


async def fill(gate: Gate, count: int) -> list[Place]:
    return [await gate.enter(Turn(0)) for _ in range(count)]


def test_no_more_than_the_cap_and_no_more_than_the_windows() -> None:
    async def work(gate: Gate, _: JumpingClock) -> None:
        places = await fill(gate, 5)
        late = asyncio.create_task(gate.enter(Turn(0)))
        await asyncio.sleep(0)
        assert not late.done()
        gate.answer(places[0], 1, 1)
        await late

    with_gate([3, 3], 5, work)
    with_gate([2, 3], 100, work)


def test_earlier_shards_go_first_and_equals_in_their_order() -> None:
    async def work(gate: Gate, _: JumpingClock) -> None:
        (held,) = await fill(gate, 1)
        order: list[str] = []

        async def wait(rank: int, name: str) -> None:
            place = await gate.enter(Turn(rank))
            order.append(name)
            gate.answer(place, 1, 1)

        tasks = [asyncio.create_task(wait(*who)) for who in ((2, "c"), (1, "a"), (1, "b"), (9, "d"))]
        await asyncio.sleep(0)
        gate.answer(held, 1, 1)
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "c", "d"]

    with_gate([1], 10, work)


def test_requests_are_spread_by_how_much_each_endpoint_can_take() -> None:
    async def work(gate: Gate, _: JumpingClock) -> None:
        await fill(gate, 12)
        assert [each.window.in_flight for each in gate.replicas] == [3, 9]

    with_gate([5, 15], 100, work)


def test_an_endpoint_that_is_down_is_passed_over_and_probed_by_one() -> None:
    async def work(gate: Gate, clock: JumpingClock) -> None:
        dead, alive = gate.replicas
        for _ in range(GONE):
            dead.breaker.failed(clock.time(), Failure("unreachable"), "x", probe=False)
        places = await fill(gate, 4)
        assert [place.replica for place in places] == [alive] * 4
        clock.now += 60
        probe, other = await fill(gate, 2)
        assert (probe.replica, other.replica) == (dead, alive)
        dead.breaker.failed(clock.time(), Failure("unreachable"), "x", probe.probe)
        gate.fail(probe, hold=False)
        assert (await gate.enter(Turn(0))).replica is alive

    with_gate([10, 10], 100, work)


def test_when_all_are_down_requests_wait_for_the_probe_and_then_go_on() -> None:
    async def work(gate: Gate, clock: JumpingClock) -> None:
        (only,) = gate.replicas
        for _ in range(GONE):
            only.breaker.failed(clock.time(), Failure("unreachable"), "x", probe=False)
        before = clock.time()
        first, second = (asyncio.create_task(gate.enter(Turn(0))) for _ in range(2))
        probe = await first
        assert clock.time() > before, "not before its pause is over"
        assert not second.done()
        gate.answer(probe, 1, 1)
        await second

    with_gate([10], 100, work)


def test_a_refused_place_is_kept_as_long_as_an_answer_takes() -> None:
    async def work(gate: Gate, clock: JumpingClock) -> None:
        (place,) = await fill(gate, 1)
        clock.now += 2.0
        gate.answer(place, 1, 1)
        (place,) = await fill(gate, 1)
        clock.now += 0.5
        gate.refuse(place, hold=True)
        assert gate.taken == 1
        await gate.enter(Turn(0))
        assert clock.slept == [pytest.approx(1.5)]

    with_gate([1], 10, work)


def test_whoever_gives_up_waiting_takes_no_place() -> None:
    async def work(gate: Gate, _: JumpingClock) -> None:
        (held,) = await fill(gate, 1)
        waiting = [asyncio.create_task(gate.enter(Turn(0))) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        gate.answer(held, 1, 1)
        # Cancelled between being given a place and taking it.
        waiting[1].cancel()
        assert (await asyncio.gather(*waiting[:2], return_exceptions=True)) != []
        assert (await waiting[2]).replica is gate.replicas[0]
        assert gate.taken == 1

    with_gate([1], 10, work)


def test_rates_hold_requests_back() -> None:
    async def work(gate: Gate, clock: JumpingClock) -> None:
        started = clock.time()
        for place in await fill(gate, 61):
            gate.answer(place, 1, 1)
        assert clock.time() - started == pytest.approx(60, rel=0.05)

    with_gate([100], 100, work, Rates(60, None))


def test_what_one_endpoint_says_of_its_quota_holds_for_that_one_alone() -> None:
    async def work(gate: Gate, clock: JumpingClock) -> None:
        used_up, other = gate.replicas
        (place,) = await fill(gate, 1)
        assert place.replica is used_up
        nothing_left = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "50s"}
        gate.answer(place, 1, 1, nothing_left)
        for place in await fill(gate, 100):
            assert place.replica is other
            gate.answer(place, 1, 1)
        assert clock.slept == []

    with_gate([200, 100], 300, work)


def test_a_probe_is_a_request_that_is_not_known_to_fail_of_itself() -> None:
    async def work(gate: Gate, clock: JumpingClock) -> None:
        (only,) = gate.replicas
        for _ in range(GONE):
            only.breaker.failed(clock.time(), Failure("unreachable"), "x", probe=False)
        turns = [Turn(0, suspect=2), Turn(0, suspect=1), Turn(1), Turn(0, suspect=1)]
        waiting = [asyncio.create_task(gate.enter(turn)) for turn in turns]
        for best in (2, 1, 3, 0):
            probe = await waiting[best]
            assert sum(task.done() for task in waiting) == 1 + (2, 1, 3, 0).index(best)
            only.breaker.failed(clock.time(), Failure("timeout"), "x", probe.probe)
            gate.fail(probe, hold=False)

    with_gate([10], 100, work)
