"""A clock that jumps: who sleeps on it returns at once, and so much later."""

import asyncio


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
