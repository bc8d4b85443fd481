"""Requests that are being asked, and how to stop without losing what is paid for.

A request is seen through although nobody waits for it any more, as when another one stopped the shard, or the run.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from schemas.exchange import Completion
from teachers.call import Call

DRAIN_SECONDS = 4.0
"""How long one waits for what an endpoint is at work on: a person may have pressed Ctrl-C."""


class UnderWay:
    """The requests of a shard, or of a whole run. Used on the event loop only."""

    def __init__(self) -> None:
        self._calls: dict[asyncio.Task[Completion], Call] = {}

    def start(self, call: Call, asking: Coroutine[Any, Any, Completion]) -> asyncio.Task[Completion]:
        """Ask, in a task that outlives whoever waits for it."""
        task = asyncio.get_running_loop().create_task(asking)
        self.add(task, call)
        return task

    def add(self, task: asyncio.Task[Completion], call: Call) -> None:
        """Count ``task``, which asks ``call``, among those under way."""
        self._calls[task] = call
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Completion]) -> None:
        self._calls.pop(task, None)
        if not task.cancelled():
            # Whoever waited has been told; where nobody does any more, asyncio would print it with its traceback.
            task.exception()

    async def drain(self, seconds: float | None = DRAIN_SECONDS) -> None:
        """Call it when nobody asks any more: wait ``seconds``, or to the end, for what is paid for; cancel the rest."""
        for task in [task for task, call in self._calls.items() if not call.sent]:
            task.cancel()
        if self._calls:
            await asyncio.wait(self._calls, timeout=seconds)
        late = list(self._calls)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
