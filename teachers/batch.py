"""One model asked through the Batch API: requests gather, travel as a file, and come back hours later at a lower price.

    ask ──▶ gathering ──▶ requests on the disk ──▶ batch at the endpoint ──▶ replies on the disk ──▶ ask returns
                 ▲                                                                   │
                 └──────────────── failed in passing, expired, missing ◀─────────────┘

To a stage it is a channel like any other; only the waiting is longer. Nothing is paid twice, whenever the process dies:

1. What is about to be sent is on the disk before it is sent, under a name that the endpoint is told. If the endpoint's
   answer was lost, the batch is found by that name at the next start; if it is not there, nothing was paid, and its
   requests gather anew when they are asked.
2. A batch that is under way is picked up at the next start. Who asks one of its requests waits for it.
3. Replies that came back stay in the folder after they are handed out, because a reply that ``ask`` has returned is not
   in the completion log yet. At the next start a request that stands among them is answered from there. ``clear``
   removes them: to be called when the run is finished, so that all logs are written. ``close`` removes nothing, since
   it is also how an interrupted run ends; a folder that is never cleared costs only its disk.

Ctrl-C does not cancel a batch: it is paid for. Not here: the calls to the endpoint (``batch_endpoint.py``) and their
order (``batch_courier.py``), the folder (``batch_store.py``), the format of the files (``batch_lines.py``).
"""

import asyncio
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
from openai.types import Batch

from schemas.exchange import Completion
from schemas.recipe import Model
from teachers.batch_courier import BatchCourier
from teachers.batch_endpoint import BatchEndpoint
from teachers.batch_lines import Line, Place, body_at, request_line
from teachers.batch_store import BatchStore, Record
from teachers.call import Answer, Call, count
from teachers.clock import Sleep
from teachers.failures import Failure
from teachers.live import Live
from teachers.reply import no_reply, read_reply

_AT_ONCE = 1000
"""Replies handed out before the loop may do something else, such as writing them to their logs."""

Outcome = Place | Failure
"""What a batch brought for one request."""


@dataclass(slots=True)
class _Gathering:
    """Requests that will be one batch."""

    lines: dict[str, bytes] = field(default_factory=dict)
    size: int = 0
    arrivals: int = 0


class BatchChannel:
    """One model of the recipe in batch mode. Used on the event loop only, after ``check_key``.

    ``folder`` belongs to this channel and to one process at a time; without one, nothing outlives the process.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        live: Live,
        transport: httpx2.AsyncBaseTransport | None,
        sleep: Sleep,
        folder: Path | None,
    ) -> None:
        self.name = name
        self.model = model
        self._live = live
        self._sleep = sleep
        self._endpoint = BatchEndpoint(name, model, live, transport, sleep)
        self._passing = folder is None
        self._store = BatchStore(folder or Path(tempfile.gettempdir(), f"instructloom-batches-{uuid.uuid4().hex}"))
        self._courier = BatchCourier(self._endpoint, self._store, live, sleep)
        self._opening: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._gathering = _Gathering()
        self._expected: dict[str, asyncio.Future[Outcome]] = {}
        self._waiters: Counter[str] = Counter()
        self._replies: dict[str, Place] = {}

    def __repr__(self) -> str:
        return f"BatchChannel({self.name!r}, {self.model.model!r})"

    async def ask(self, call: Call) -> Answer:
        """Wait for a batch that answers, or for ``max_attempts`` of them.

        Raises:
            EndpointError: the key is refused, or the endpoint has no Batch API or does not know the model.
            RunFailed: the endpoint is gone, refused a whole batch, or its account is empty.
        """
        await self._open()
        mark, payload, retries = call.request.digest, call.request.payload, 0
        while True:
            try:
                completion, detail = await self._attempt(mark, payload), ""
            except Failure as failure:
                if failure.transient and retries + 1 < self.model.max_attempts:
                    retries += 1
                    self._count_retry(failure)
                    continue
                if self._endpoint.stops(failure):
                    raise self._endpoint.stopped(failure) from None
                completion = no_reply(failure, payload, self.model)
                detail = self._endpoint.scrubbed(failure.detail)
            count(self._live, self.name, completion, detail)
            return Answer(completion, retries, detail)

    @property
    def appetite(self) -> int:
        """Pieces of work that may wait for batches at the same time."""
        return self.model.batch.max_requests

    async def keeps_to_schemas(self) -> bool:
        """Never: a whole batch would have to be waited for to find out."""
        return False

    def status(self) -> str:
        """Where the batches stand, for people; "" where there is nothing to say."""
        gathered, batches = len(self._gathering.lines), list(self._courier.under_way.values())
        if not batches:
            return f"{self.name}: {gathered:,} requests gather for a batch" if gathered else ""
        counts = [batch.request_counts for batch in batches if batch.request_counts]
        done = sum((count.completed or 0) + (count.failed or 0) for count in counts)
        total = sum(record.requests for record in self._courier.under_way)
        what = f"{len(batches)} batches in progress"
        if len(batches) == 1:
            what = f"batch {batches[0].id} {batches[0].status.replace('_', ' ')}"
        return f"{self.name}: {what}, {done:,} of {total:,} done"

    def check_key(self) -> None:
        """Make sure that the environment holds the key that the recipe names.

        Raises:
            EndpointError: it does not, or the URL is none.
        """
        self._endpoint.check_key()

    async def check(self) -> None:
        """Make sure that the endpoint has a Batch API and does not refuse the key.

        Raises:
            EndpointError: it has none, refuses the key, or does not answer.
        """
        await self._endpoint.check()

    async def close(self) -> None:
        """Stop looking after the batches and close the connections. They go on at the endpoint, and stay on disk."""
        tasks = {*self._tasks, *([self._opening] if self._opening else [])}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._endpoint.close()
        if self._passing:
            shutil.rmtree(self._store.folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove the replies of finished batches from the folder. Every completion must be in its log by now."""
        for record in self._courier.collected:
            self._store.forget(record)
        self._courier.collected.clear()
        self._replies.clear()

    # Asking

    async def _attempt(self, mark: str, payload: dict[str, Any]) -> Completion:
        outcome = self._replies.get(mark) or await self._outcome(mark, payload)
        if isinstance(outcome, Failure):
            raise outcome
        try:
            return read_reply(body_at(outcome), payload, self.model)
        except Failure:
            # To be asked again, not to be read again.
            self._replies.pop(mark, None)
            raise

    async def _outcome(self, mark: str, payload: dict[str, Any]) -> Outcome:
        if mark not in self._expected:
            self._gather(mark, payload)
        future = self._expected[mark]
        self._waiters[mark] += 1
        try:
            return await asyncio.shield(future)
        finally:
            self._waiters[mark] -= 1
            if not self._waiters[mark]:
                del self._waiters[mark]
                self._ungather(mark)

    def _gather(self, mark: str, payload: dict[str, Any]) -> None:
        line, batch, limits = request_line(mark, payload), self._gathering, self.model.batch
        if batch.lines and batch.size + len(line) > limits.max_bytes:
            self._dispatch()
            batch = self._gathering
        if not batch.lines:
            self._spawn(self._send_when_quiet(batch))
        batch.lines[mark] = line
        batch.size += len(line)
        batch.arrivals += 1
        self._expected[mark] = asyncio.get_running_loop().create_future()
        self._live.waiting += 1
        if len(batch.lines) >= limits.max_requests:
            self._dispatch()

    def _ungather(self, mark: str) -> None:
        """Nobody waits any more: a request that is not on its way yet is not sent."""
        line = self._gathering.lines.pop(mark, None)
        if line is not None:
            self._gathering.size -= len(line)
            self._live.waiting -= 1
            self._expected.pop(mark).cancel()

    async def _send_when_quiet(self, batch: _Gathering) -> None:
        seen = -1
        while batch is self._gathering and seen != batch.arrivals:
            seen = batch.arrivals
            await self._sleep(self.model.batch.gather_seconds)
        if batch is self._gathering and batch.lines:
            self._dispatch()

    def _dispatch(self) -> None:
        lines, self._gathering = self._gathering.lines, _Gathering()
        self._live.waiting -= len(lines)
        self._spawn(self._carry(list(lines), self._courier.send(list(lines.values()))))

    # One batch, from here to the endpoint and back

    async def _carry(self, marks: Sequence[str], batch: Coroutine[Any, Any, list[Line]]) -> None:
        """Whatever stops a batch stops all who wait for it."""
        try:
            await self._hand_out(marks, await batch)
        except Exception as error:
            shown = self._store.cannot_write(error) if isinstance(error, OSError) else error
            for mark in marks:
                future = self._expected.get(mark)
                if future is not None and not future.done():
                    future.set_exception(shown)
                    # Looked at, so that the loop does not complain where nobody asks.
                    future.exception()

    async def _hand_out(self, marks: Sequence[str], lines: list[Line]) -> None:
        outcomes: dict[str, Outcome] = {line.mark: line.failure for line in lines if line.failure}
        outcomes |= {line.mark: line.place for line in lines if not line.failure}
        for index, mark in enumerate(marks):
            outcome = outcomes.get(mark) or Failure("server_error", "the batch came back without it")
            if isinstance(outcome, Place):
                self._replies[mark] = outcome
            future = self._expected.pop(mark, None)
            if future is not None and not future.done():
                future.set_result(outcome)
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)

    # What an earlier process left

    async def _open(self) -> None:
        if self._opening is None:
            self._opening = asyncio.create_task(self._pick_up())
        await asyncio.shield(self._opening)

    async def _pick_up(self) -> None:
        for record in await asyncio.to_thread(self._store.open):
            if record.collected:
                lines = await asyncio.to_thread(self._store.lines, record)
                self._replies |= {line.mark: line.place for line in lines if not line.failure}
                self._courier.collected.append(record)
                self._courier.answered |= bool(self._replies)
                continue
            batch = await (self._endpoint.retrieve(record) if record.batch_id else self._endpoint.find(record))
            if batch is None:
                self._store.forget(record)
            else:
                await self._go_on(replace(record, batch_id=batch.id), batch)

    async def _go_on(self, record: Record, batch: Batch) -> None:
        marks = await asyncio.to_thread(self._store.marks, record)
        await asyncio.to_thread(self._store.save, record)
        loop = asyncio.get_running_loop()
        self._expected |= {mark: loop.create_future() for mark in marks}
        self._spawn(self._carry(marks, self._courier.rejoin(record, batch)))

    # Counting

    def _count_retry(self, failure: Failure) -> None:
        self._live.retries += 1
        self._live.last_failure = self._endpoint.scrubbed(f"{self.name}: {failure.word} {failure.detail}".rstrip())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
