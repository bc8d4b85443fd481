"""One background thread with one asyncio event loop, for all threads that ask models.

Not a thread pool and not a scheduler: Prefect runs the shards, each in a thread; here their requests meet, so that
they share connections and limits.
"""

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from schemas.errors import InstructloomError, RunFailed

T = TypeVar("T")

TICK = 0.25
"""Seconds; a signal that comes just before a thread begins to wait would not be seen until the wait ends."""
UNWIND_SECONDS = 6.0
"""How long an interrupted caller waits for its coroutine to unwind."""


class LoopThread:
    """An event loop that starts with the first coroutine and ends with ``close``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run ``coroutine`` on the loop, from any other thread, and wait for its result.

        Ctrl-C while waiting cancels the coroutine. Of a group of exceptions, the one meant for people is raised.

        Raises:
            RunFailed: the loop was closed meanwhile.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("run() would wait for itself here; await the coroutine")
        unwound = threading.Event()
        future = self._schedule(_with_signal(coroutine, unwound), coroutine)
        try:
            while not future.done():
                concurrent.futures.wait([future], timeout=TICK)
            return future.result()
        except concurrent.futures.CancelledError:
            raise stopped() from None
        except BaseExceptionGroup as group:
            raise _for_people(group) from None
        finally:
            if not future.done():
                future.cancel()
                unwound.wait(UNWIND_SECONDS)

    def close(self, drain: Callable[[], Awaitable[None]], cleanup: Callable[[], Awaitable[None]]) -> None:
        """Await ``drain`` on the loop, cancel what is still running, await ``cleanup``, and end the thread.

        Safe to call twice.
        """
        with self._lock:
            already, self._closed = self._closed, True
        loop, thread = self._loop, self._thread
        if already or loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(_shut_down(loop, drain, cleanup), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _schedule(
        self, coroutine: Coroutine[Any, Any, T], inner: Coroutine[Any, Any, T]
    ) -> concurrent.futures.Future[T]:
        with self._lock:
            if not self._closed:
                return asyncio.run_coroutine_threadsafe(coroutine, self._running())
        coroutine.close()
        inner.close()
        raise stopped()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            # A daemon: a program that dies without close() must not hang.
            self._thread = threading.Thread(target=self._loop.run_forever, name="teachers", daemon=True)
            self._thread.start()
        return self._loop


async def _with_signal(coroutine: Coroutine[Any, Any, T], unwound: threading.Event) -> T:
    try:
        return await coroutine
    finally:
        unwound.set()


async def _shut_down(
    loop: asyncio.AbstractEventLoop, drain: Callable[[], Awaitable[None]], cleanup: Callable[[], Awaitable[None]]
) -> None:
    await drain()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await cleanup()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def stopped() -> RunFailed:
    """What whoever still waits is told."""
    return RunFailed("the run was stopped; run the same command again to resume")


def _for_people(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first of ours in ``group``, else the group itself: a task group wraps even a single wrong key."""
    ours = group.subgroup(InstructloomError)
    while isinstance(ours, BaseExceptionGroup):
        ours = ours.exceptions[0]  # type: ignore[assignment]  # a group or, in the end, the error
    return ours or group
