"""Drives the steps of a generator: asks what they yield, sends what comes back, collects what they return.

The driver owns what every method needs and none should write again: request keys and seeds that depend on the run
seed, the stage, the job and the step alone (so that no result depends on concurrency), replay from the completion
log, and the accounting of rows.
"""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from schemas.errors import BudgetSpent
from schemas.exchange import Completion, Prompt
from schemas.manifest import StageCounts
from schemas.reject import Rejected
from schemas.row import Row
from schemas.stage import Job, Outcome, Reject, Steps

T = TypeVar("T")

SEED_BITS = 31
"""Endpoints take a seed as a signed 32-bit number."""


class Ask(Protocol):
    """How a request is answered: see ``teachers.asker.Asker.ask``."""

    def __call__(self, key: str, prompt: Prompt, seed: int) -> Awaitable[Completion]:
        """The completion of ``prompt``, from the log if it was logged under ``key``."""
        ...


class Door(Protocol):
    """Which jobs may begin: see ``teachers.turnstile.Turnstile``."""

    async def enter(self, rank: int) -> None:
        """Wait until another job may begin."""
        ...

    def leave(self) -> None:
        """A job has ended."""
        ...


class OpenDoor:
    """All may begin at once."""

    async def enter(self, rank: int) -> None:
        """Come in."""

    def leave(self) -> None:
        """Go."""


@dataclass(frozen=True)
class Ended(Generic[T]):
    """How the steps of one job ended: with a result, or with the rejection of its row."""

    result: T | None
    rejection: Reject | None = None


def number(*parts: object) -> int:
    """A number that depends on ``parts`` alone, the same in every process."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def rng_for(*parts: object) -> random.Random:
    """A random generator of its own for ``parts``, such as run seed, stage and row id."""
    return random.Random(number(*parts))


async def drive(key: str, steps: Steps[T], ask: Ask, *salt: object) -> Ended[T]:
    """Run ``steps`` to their end. Prompts yielded together are asked at the same time.

    Requests are logged under ``key/step/position`` and get a seed derived from that and ``salt``.
    """
    replies: Sequence[Completion] | None = None
    step = 0
    try:
        while True:
            prompts = next(steps) if replies is None else steps.send(replies)
            keys = [f"{key}/{step}/{position}" for position in range(len(prompts))]
            replies = await asyncio.gather(
                *(
                    ask(each, prompt, number(*salt, each) >> (64 - SEED_BITS))
                    for each, prompt in zip(keys, prompts, strict=True)
                )
            )
            step += 1
    except StopIteration as stop:
        return Ended(stop.value)
    except Reject as rejection:
        return Ended(None, rejection)


async def drive_all(
    jobs: Sequence[tuple[str, Steps[T]]], ask: Ask, *salt: object, door: Door | None = None, rank: int = 0
) -> list[Ended[T]]:
    """Run many jobs, each as soon as ``door`` lets it in; results are in the order of ``jobs``, whatever ended first.

    Raises:
        BudgetSpent: some jobs could not be run to their end; all that was asked was waited for.
    """
    ended: list[Ended[T] | None] = [None] * len(jobs)
    door, spent = door or OpenDoor(), list[BudgetSpent]()

    async def run(place: int, key: str, steps: Steps[T]) -> None:
        try:
            ended[place] = await drive(key, steps, ask, *salt)
        except BudgetSpent as stop:
            spent.append(stop)

    try:
        async with asyncio.TaskGroup() as group:
            for place, (key, steps) in enumerate(jobs):
                await door.enter(rank)
                if spent:
                    door.leave()
                    break
                # A callback, since a task that is cancelled before it begins has no `finally`.
                group.create_task(run(place, key, steps)).add_done_callback(lambda _: door.leave())
    except BaseExceptionGroup as errors:
        # One job's error stops the shard: the first is the cause, the others are its echoes.
        raise errors.exceptions[0] from None
    if spent:
        raise spent[0]
    return [end for end in ended if end is not None]


@dataclass
class Settled:
    """The rows and rejects of one shard of a generator stage, with their balance."""

    rows: list[Row]
    rejects: list[Rejected]
    counts: StageCounts


def settle(jobs: Sequence[Job], ended: Sequence[Ended[Outcome]], counts: StageCounts, shard: int) -> Settled:
    """Book every job: passed, replaced or rejected, and each candidate created or discarded.

    ``counts`` comes with its names filled in and leaves with its numbers.
    """
    books = Settled([], [], counts)
    for job, end in zip(jobs, ended, strict=True):
        outcome = end.result or Outcome()
        counts.rows_in += job.row is not None
        if end.rejection is not None:
            _reject(books, job, end.rejection, shard)
        elif job.row is not None and outcome.passed is None and not outcome.created:
            _reject(books, job, Reject(_main_reason(outcome)), shard)
        else:
            counts.passed += outcome.passed is not None
            counts.replaced += job.row is not None and outcome.passed is None
        made = [*([outcome.passed] if outcome.passed else []), *outcome.created]
        books.rows += made
        counts.created += len(outcome.created)
        for discard in outcome.discarded:
            row = discard.row or job.row or Row(id=job.key, instruction="", stage=counts.stage)
            books.rejects.append(Rejected(counts.stage, discard.reason, "candidate", shard, row, discard.raw))
            counts.discarded += 1
            book_reason(counts, discard.reason)
    counts.rows_out = len(books.rows)
    counts.reasons = dict(sorted(counts.reasons.items()))
    return books


def book_reason(counts: StageCounts, reason: str) -> None:
    """One more for ``reason``."""
    counts.reasons[reason] = counts.reasons.get(reason, 0) + 1


def _reject(books: Settled, job: Job, rejection: Reject, shard: int) -> None:
    row = job.row or Row(id=job.key, instruction="", stage=books.counts.stage)
    kind = "row" if job.row is not None else "candidate"
    books.rejects.append(Rejected(books.counts.stage, rejection.reason, kind, shard, row, rejection.raw))
    books.counts.rejected += job.row is not None
    books.counts.discarded += job.row is None
    book_reason(books.counts, rejection.reason)


def _main_reason(outcome: Outcome) -> str:
    return outcome.discarded[0].reason if outcome.discarded else "nothing_made"
