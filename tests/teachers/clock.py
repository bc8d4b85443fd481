"""Clocks that jump: who sleeps on them need not wait, and yet it is so much later."""

import asyncio
import heapq
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class JumpingClock:
    """See ``teachers.clock.Clock``; remembers how long each sleep would have been."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class OrderedClock:
    """Many may sleep at once: time goes on when nobody has anything else to do, to the next who wakes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._asleep: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = 0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._number += 1
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._asleep, (self.now + seconds, self._number, awake))
        await awake

    async def run(self, work: Awaitable[T]) -> T:
        """Let time pass until ``work`` is done."""
        task = asyncio.ensure_future(work)
        while not task.done():
            for _ in range(30):
                await asyncio.sleep(0)
            if self._asleep:
                then, _, awake = heapq.heappop(self._asleep)
                if not awake.done():  # else it was cancelled
                    self.now = max(self.now, then)
                    awake.set_result(None)
        return await task
