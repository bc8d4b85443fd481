"""How much the offline teacher takes on: slots with a queue, and a quota of requests per minute.

A slot is what answers one request at a time, as a sequence of a running batch is in vLLM. Neither class is for more
than one event loop, nor for threads.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from teachers.builtin.wire import retry_after


class Slots:
    """``size`` requests at a time, the others wait in order; ``None`` is no limit."""

    def __init__(self, size: int | None = None) -> None:
        self.size = size
        self.running = 0
        # In order of arrival; a dict, for who gives up leaves from the middle.
        self._queue: dict[asyncio.Future[None], None] = {}

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    @property
    def free(self) -> bool:
        """Whether a request that comes now would not wait."""
        return self.size is None or self.running < self.size

    def take(self) -> asyncio.Future[None] | None:
        """A slot at once (``None``), or a place in the queue: a future that is done once the slot is there."""
        if self.free and not self._queue:
            self.running += 1
            return None
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue[turn] = None
        return turn

    def give_up(self, turn: asyncio.Future[None]) -> None:
        """Leave the queue, or give back the slot that came meanwhile."""
        if turn in self._queue:
            del self._queue[turn]
        else:
            self.release()

    def release(self) -> None:
        """Give a slot back."""
        self.running -= 1
        self._seat()

    def resize(self, size: int | None) -> None:
        """More slots serve the queue at once; of fewer, those taken are given back as their requests end."""
        self.size = size
        self._seat()

    def _seat(self) -> None:
        while self._queue and self.free:
            turn = next(iter(self._queue))
            del self._queue[turn]
            self.running += 1
            turn.set_result(None)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a request stands with the quota."""

    admitted: bool
    remaining: int
    """Requests that would be admitted now."""
    reset: float
    """Seconds until the quota is whole again."""
    wait: float
    """Seconds until the next request is admitted."""


class Quota:
    """``limit`` requests per minute, as OpenAI counts them: a bucket that fills steadily and begins full."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self._clock = clock
        self._level = float(limit)
        self._at = clock()

    def ask(self) -> Standing:
        """Count a request, if it may pass."""
        now, rate = self._clock(), self.limit / 60
        self._level = min(self.limit, self._level + (now - self._at) * rate)
        self._at = now
        admitted = self._level >= 1
        if admitted:
            self._level -= 1
        wait = max(0.0, (1 - self._level) / rate)
        return Standing(admitted, int(self._level), (self.limit - self._level) / rate, wait)

    def headers(self, standing: Standing) -> dict[str, str]:
        """What OpenAI's responses say about the quota; with ``Retry-After`` where the request was turned away."""
        said = {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(standing.remaining),
            "x-ratelimit-reset-requests": duration(standing.reset),
        }
        if not standing.admitted:
            said.update(retry_after(standing.wait))
        return said


def duration(seconds: float) -> str:
    """Seconds as OpenAI writes them: ``6m0s``, ``1.5s``, ``120ms``."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
