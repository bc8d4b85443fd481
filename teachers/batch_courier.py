"""Carries one batch at a time to the endpoint and brings its replies home; many may be under way at once.

Each step is on the disk before the next one begins, so that the next process goes on where this one died. Not here:
which requests make a batch, and who waits for the replies (``batch.py``).
"""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from openai.types import Batch

from schemas.errors import RunFailed
from teachers.batch_endpoint import FINAL, BatchEndpoint
from teachers.batch_lines import Line
from teachers.batch_store import BatchStore, Record
from teachers.call import HOPELESS
from teachers.clock import Sleep
from teachers.failures import Failure
from teachers.live import Live

NO_ROOM = "token_limit_exceeded"
"""Why an endpoint fails a batch that would be too much beside those it already has: sent again later, it is taken."""
LONGEST_PAUSE = 900.0
"""Seconds between two tries to find room."""


class BatchCourier:
    """The batches of one model on their way. Used on the event loop only."""

    def __init__(self, endpoint: BatchEndpoint, store: BatchStore, live: Live, sleep: Sleep) -> None:
        self.name = endpoint.name
        self.model = endpoint.model
        self.under_way: dict[Record, Batch] = {}
        """Batches that the endpoint works on, as they were last seen."""
        self.collected: list[Record] = []
        """Batches whose replies are in the store."""
        self.answered = False
        """Whether the endpoint has ever answered a request."""
        self._endpoint = endpoint
        self._store = store
        self._live = live
        self._sleep = sleep
        self._freed = asyncio.Event()

    async def send(self, lines: list[bytes]) -> list[Line]:
        """Send a batch and wait for its replies; where the endpoint has no room for it, send it again later.

        Takes the ``lines`` out of the list once they are written: they may be 200 MB, and a batch takes hours.

        Raises:
            EndpointError: the key is refused, or the endpoint has no Batch API or does not know the model.
            RunFailed: the endpoint is gone or refused the whole batch, or the disk is full.
        """
        with self._waiting(len(lines)):
            record = await asyncio.to_thread(self._store.begin, lines)
            lines.clear()
            record = replace(record, file_id=await self._endpoint.upload(self._store.requests_file(record)))
        refused = 0
        while True:
            batch = await self._follow(*await self._create(record))
            if not _no_room(batch):
                return await self._collect(record, batch)
            self._live.last_failure = f"{self.name}: {self._words(batch)}"
            refused = 0 if self.under_way else refused + 1
            if refused >= self.model.max_attempts:
                await self._forget(record, batch)
                raise self._refused_whole(batch)
            with self._waiting(record.requests):
                await self._wait_for_room(refused)

    async def rejoin(self, record: Record, batch: Batch) -> list[Line]:
        """Wait for the replies of a batch that an earlier process sent."""
        batch = await self._follow(record, batch)
        if batch.status != "failed":
            return await self._collect(record, batch)
        # What was wrong may be mended by now. Its requests come back as missing, and who wants them asks again.
        await self._forget(record, batch)
        return []

    async def _create(self, record: Record) -> tuple[Record, Batch]:
        with self._waiting(record.requests):
            # The file's id too is durable: an endpoint that gives no metadata back has the batch under that.
            await asyncio.to_thread(self._store.save, record)
            batch = await self._endpoint.create(record)
            record = replace(record, batch_id=batch.id)
            await asyncio.to_thread(self._store.save, record)
        return record, batch

    async def _follow(self, record: Record, batch: Batch) -> Batch:
        """The batch in the end, looked at every now and then."""
        poll = self.model.batch.poll_seconds
        with self._counted(record, batch):
            while batch.status not in FINAL:
                await self._sleep(poll * random.uniform(0.9, 1.1))
                batch = self.under_way[record] = await self._endpoint.retrieve(record)
        return batch

    async def _collect(self, record: Record, batch: Batch) -> list[Line]:
        """The replies, once they are durable here; then the endpoint need not keep them."""
        if batch.status == "failed":
            await self._forget(record, batch)
            raise self._refused_whole(batch)
        lines: list[Line] = []
        ids = (batch.output_file_id, batch.error_file_id)
        for file_id, path in zip(ids, self._store.reply_files(record), strict=True):
            if file_id:
                lines += await self._endpoint.fetch(record, file_id, path, self._store)
        record = replace(record, collected=True)
        self.answered |= any(line.failure is None for line in lines)
        await asyncio.to_thread(self._store.save, record)
        self.collected.append(record)
        self._store.requests_file(record).unlink(missing_ok=True)
        await self._endpoint.delete([batch.input_file_id, *ids])
        self._stop_if_hopeless(record, batch, lines)
        return lines

    async def _forget(self, record: Record, batch: Batch) -> None:
        """Of a batch that was refused as a whole nothing was paid, and nothing need be kept."""
        await asyncio.to_thread(self._store.forget, record)
        await self._endpoint.delete([batch.input_file_id])

    async def _wait_for_room(self, refused: int) -> None:
        if self.under_way:
            self._freed.clear()
            await self._freed.wait()
        else:
            pause = min(LONGEST_PAUSE, self.model.batch.poll_seconds * 2.0**refused)
            await self._sleep(pause * random.uniform(0.5, 1.0))

    @contextmanager
    def _counted(self, record: Record, batch: Batch) -> Iterator[None]:
        self.under_way[record] = batch
        self._live.in_flight += record.requests
        try:
            yield
        finally:
            self._live.in_flight -= record.requests
            del self.under_way[record]

    @contextmanager
    def _waiting(self, requests: int) -> Iterator[None]:
        self._live.waiting += requests
        try:
            yield
        finally:
            self._live.waiting -= requests

    def _stop_if_hopeless(self, record: Record, batch: Batch, lines: list[Line]) -> None:
        """A whole batch without an answer is not the rows' fault; it is better mended than asked again and again."""
        failures = [line.failure for line in lines if line.failure]
        if batch.status != "completed" or record.requests < HOPELESS or len(failures) < len(lines):
            return
        words_of = {failure.word: failure for failure in failures}
        common = Counter(failure.word for failure in failures).most_common(1)
        failure = words_of[common[0][0]] if common else Failure("server_error", "it came back empty")
        if self._endpoint.stops(failure):
            raise self._endpoint.stopped(failure)
        if failure.transient or not self.answered:
            words = self._endpoint.scrubbed(f"{failure.word} {failure.detail}".rstrip())
            raise RunFailed(
                f"models.{self.name}: {self._endpoint.shown} answered none of the {record.requests:,} requests of batch"
                f" {batch.id} ({words}); mend it and run the same command again to resume"
            )

    def _refused_whole(self, batch: Batch) -> RunFailed:
        return RunFailed(
            f"models.{self.name}: {self._endpoint.shown} refused batch {batch.id} as a whole ({self._words(batch)});"
            " mend it and run the same command again to resume"
        )

    def _words(self, batch: Batch) -> str:
        errors = (batch.errors and batch.errors.data) or []
        told = [
            (f"line {error.line}: " if error.line else "") + " ".join(filter(None, (error.message, error.code)))
            for error in errors[:3]
        ]
        return self._endpoint.scrubbed(" ".join("; ".join(told).split()) or "without a reason")


def _no_room(batch: Batch) -> bool:
    errors = (batch.errors and batch.errors.data) or []
    return batch.status == "failed" and bool(errors) and all(error.code == NO_ROOM for error in errors)
