"""Slots and quotas of the offline teacher."""

import asyncio
from collections.abc import Callable

import pytest

from teachers.builtin.capacity import Quota, Slots, duration


def on_a_loop(body: Callable[[], None]) -> None:
    async def run() -> None:
        body()

    asyncio.run(run())


def test_requests_beyond_the_slots_wait_in_order() -> None:
    def body() -> None:
        slots = Slots(2)
        assert [slots.take(), slots.take()] == [None, None]
        first, second = slots.take(), slots.take()
        assert first is not None
        assert second is not None
        assert (slots.running, slots.waiting) == (2, 2)
        slots.release()
        assert (first.done(), second.done()) == (True, False)
        assert (slots.running, slots.waiting) == (2, 1)

    on_a_loop(body)


def test_who_gives_up_leaves_the_queue_or_gives_the_slot_back() -> None:
    def body() -> None:
        slots = Slots(1)
        slots.take()
        first, second = slots.take(), slots.take()
        assert first is not None
        assert second is not None
        slots.give_up(first)
        assert slots.waiting == 1
        slots.release()
        assert second.done()
        slots.give_up(second)
        assert (slots.running, slots.waiting) == (0, 0)

    on_a_loop(body)


def test_more_slots_serve_the_queue_and_fewer_wait_for_those_that_are_taken() -> None:
    def body() -> None:
        slots = Slots(2)
        turns = [slots.take() for _ in range(6)]
        slots.resize(4)
        assert (slots.running, slots.waiting) == (4, 2)
        slots.resize(2)
        slots.release()
        slots.release()
        assert (slots.running, slots.waiting) == (2, 2)
        slots.resize(None)
        assert (slots.running, slots.waiting) == (4, 0)
        assert all(turn.done() for turn in turns if turn)

    on_a_loop(body)


def test_a_quota_admits_its_limit_and_then_one_by_one() -> None:
    now = 0.0
    quota = Quota(60, lambda: now)
    assert [quota.ask().admitted for _ in range(61)] == [True] * 60 + [False]
    now = 0.5
    standing = quota.ask()
    assert not standing.admitted
    assert standing.wait == pytest.approx(0.5)
    now = 1.0
    assert [quota.ask().admitted, quota.ask().admitted] == [True, False]
    now = 1000.0
    assert [quota.ask().admitted for _ in range(61)] == [True] * 60 + [False]


def test_a_quota_says_what_openai_says() -> None:
    now = 0.0
    quota = Quota(60, lambda: now)
    first = quota.headers(quota.ask())
    assert first == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "1s",
    }
    for _ in range(59):
        quota.ask()
    refused = quota.headers(quota.ask())
    assert (refused["retry-after"], refused["retry-after-ms"]) == ("1", "1000")
    assert refused["x-ratelimit-reset-requests"] == "1m0s"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0ms"), (0.12, "120ms"), (1, "1s"), (59.5, "59.5s"), (60, "1m0s"), (366.0004, "6m6s")]
)
def test_durations_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
