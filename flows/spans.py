"""Several shards to a task: how a run of any length comes to a few thousand task runs.

A task run costs the same whatever it does: milliseconds, and some twenty kilobytes in Prefect's database. So a task is
one stage over a *span* of consecutive shards. A span is short while little is done or little is left, so that a small
run has a task a shard and a long one shows its progress to the end; in between it is long.

Spans are bookkeeping. A shard is started when the plan says so, goes from stage to stage as soon as the one before is
through with it, and is no more at work, nor kept in memory, than if it had tasks of its own: the tasks of a span run
side by side and hand their shards on. Nothing that is written depends on where a span begins.

No Prefect here: see ``generate.py``.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass

from flows.plan import AHEAD
from flows.progress import add_counts
from schemas.manifest import StageCounts

PART_OF_LEFT = 32
"""A span is at most this part of the shards that are still to come…"""
PART_OF_DONE = 8
"""…and of those before it: a guess by few shards may be far too high."""

Outcome = Future[StageCounts]
"""The balance of one stage and shard, once there is one."""


def span_length(first: int, remaining: float | None) -> int:
    """Shards in the span that begins with shard ``first``, where so many are thought to come, itself included."""
    return max(1, min(first // PART_OF_DONE, int((remaining or 0) / PART_OF_LEFT)))


def span_name(first: int, length: int, total: int | None, certain: bool) -> str:
    """Where a span is, for a person, who counts from one: ``shard 3/20``, ``shards 33–64/~4,000``."""
    last = first + length
    where = f"shard {last:,}" if length == 1 else f"shards {first + 1:,}–{last:,}"
    if total is None:
        return where
    return f"{where}/{total:,}" if certain else f"{where}/~{max(total, last):,}"


class UpstreamFailed(Exception):
    """A shard did not come through the stage before; why is to be seen there."""


@dataclass(frozen=True)
class Shard:
    """A shard on its way through the stages."""

    number: int
    outcomes: list[Outcome]
    """By place."""
    before: list[Outcome]
    """Those of the shard before it; empty for the first."""


class Span:
    """Consecutive shards that share tasks. Shards are given by one thread; each stage has a task that takes them."""

    def __init__(self, first: int, length: int, places: int, before: list[Outcome]) -> None:
        self.first = first
        self.length = length
        self._before = before
        self._ended: list[BaseException | None] = [None] * places
        self._shards: list[Shard] = []
        self._closed = False
        self._changed = threading.Condition()

    @property
    def full(self) -> bool:
        """Whether all its shards were given."""
        return len(self._shards) == self.length

    def give(self) -> list[Outcome]:
        """Start the next shard; what each stage makes of it, by place."""
        with self._changed:
            number = self.first + len(self._shards)
            before = self._shards[-1].outcomes if self._shards else self._before
            shard = Shard(number, [Outcome() for _ in self._ended], before)
            for outcome, error in zip(shard.outcomes, self._ended, strict=True):
                if error is not None:
                    outcome.set_exception(error)
            self._shards.append(shard)
            self._changed.notify_all()
            return shard.outcomes

    def close(self) -> None:
        """No more shards will come; those that were given are worked on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def ended(self, place: int, error: BaseException) -> None:
        """The task at ``place`` has come to its end: what it left undone fails with ``error``, so that nobody waits."""
        with self._changed:
            self._ended[place] = error
            for shard in self._shards:
                if not shard.outcomes[place].done():
                    shard.outcomes[place].set_exception(error)

    def in_order(self, place: int, work: Callable[[int], StageCounts]) -> StageCounts | None:
        """Do ``work`` on one shard after the other, each when the same stage is through with the shard before."""

        def next_one(shard: Shard) -> StageCounts:
            self.await_turn(place, shard.number)
            return work(shard.number)

        return self._through(place, next_one, 1)

    def side_by_side(self, place: int, work: Callable[[int], StageCounts]) -> StageCounts | None:
        """Do ``work`` on each shard as it comes; the sum of the balances, or None if not all came.

        Raises:
            Exception: what ``work`` raised on the first shard that it failed on; the others were worked on.
        """
        return self._through(place, lambda shard: work(shard.number), min(AHEAD, self.length))

    def await_turn(self, place: int, number: int) -> None:
        """Wait until the stage at ``place`` is through with the shard before ``number``.

        Raises:
            UpstreamFailed: it never will be.
        """
        with self._changed:
            before = self._shards[number - self.first].before
        if before:
            _await(before[place])

    def _through(self, place: int, work: Callable[[Shard], StageCounts], threads: int) -> StageCounts | None:
        def one(shard: Shard) -> None:
            outcome = shard.outcomes[place]
            try:
                if place:
                    _await(shard.outcomes[place - 1])
                outcome.set_result(work(shard))
            except BaseException as error:  # whatever it is, those that wait for the shard must hear of it
                outcome.set_exception(error)

        taken: list[Outcome] = []
        with ThreadPoolExecutor(threads) if threads > 1 else nullcontext() as pool:
            for shard in self._come():
                taken.append(shard.outcomes[place])
                if pool is None:
                    one(shard)
                else:
                    pool.submit(copy_context().run, one, shard)
        return _summed(taken)

    def _come(self) -> Iterator[Shard]:
        """The shards as they are given, until there are no more."""
        for taken in range(self.length):
            with self._changed:
                while len(self._shards) == taken and not self._closed:
                    self._changed.wait()
                if len(self._shards) == taken:
                    return
                shard = self._shards[taken]
            yield shard


def _await(outcome: Outcome) -> None:
    if outcome.exception() is not None:
        raise UpstreamFailed from outcome.exception()


def _summed(outcomes: list[Outcome]) -> StageCounts | None:
    errors = [error for outcome in outcomes if (error := outcome.exception())]
    for error in errors:
        if not isinstance(error, UpstreamFailed):
            raise error
    if errors:
        return None
    total: StageCounts | None = None
    for outcome in outcomes:
        total = add_counts(total, outcome.result())
    return total
