"""The time as the teachers see it, in one place, so that a test can make it pass without waiting."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

Sleep = Callable[[float], Awaitable[None]]
"""Returns when so many seconds have passed."""


class Clock(Protocol):
    """Seconds since some moment, and a way to let them pass."""

    def time(self) -> float:
        """Now."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""
        ...


class RealClock:
    """The machine's own."""

    def time(self) -> float:
        """See ``time.monotonic``."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See ``asyncio.sleep``."""
        await asyncio.sleep(seconds)
