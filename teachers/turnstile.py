"""Which pieces of work may begin: as many as keep the models busy, and no more.

Work that has begun holds memory, and what it wants to ask stands in a queue; so a stage of a million rows begins a row
only when there is room for its requests. Not here: which request goes first once it is there (``gate.py``).
"""

import asyncio
import heapq
from collections.abc import Callable


class Turnstile:
    """Lets work in while less than ``appetite()`` is inside. Used on the event loop only."""

    def __init__(self, appetite: Callable[[], int]) -> None:
        self.inside = 0
        self._appetite = appetite
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._number = 0

    async def enter(self, rank: int) -> None:
        """Wait to be let in, to ``leave`` later; the lowest ``rank`` is next, and the first to come among equals."""
        if not self._queue and self.inside < self._appetite():
            self.inside += 1
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number += 1
        heapq.heappush(self._queue, (rank, self._number, future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.leave()
            raise

    def leave(self) -> None:
        """A piece of work is done."""
        self.inside -= 1
        self.let_in()

    def let_in(self) -> None:
        """Let in what there is room for; to be called when the appetite has grown."""
        most = self._appetite()
        while self._queue and self.inside < most:
            _, _, future = heapq.heappop(self._queue)
            if not future.done():  # else it was cancelled
                self.inside += 1
                future.set_result(None)
