"""The contract of a stage: what a generator and a filter look like from outside.

A **generator** is a module of ``generators/`` with a ``Config`` and one function, ``grow(row, config, rng)``. The
function is a Python generator: it *yields* the prompts it wants answered, *receives* the completions, and
*returns* an ``Outcome``. It does no I/O, so a test drives it with plain strings, and a method of many steps
(evolve → judge → answer → eliminate) still reads top to bottom. Concurrency, retries, the completion log, resume
and counting live outside, once.

A **filter** is a module of ``filters/`` with a ``Config`` and ``judge(frame, config) -> list[Verdict]``, or, where a
decision depends on what was accepted before, ``open_index(config, saved=None) -> Index`` with an ``INDEX_VERSION``.
One that wants the two phases and compares with what it knows from the start says ``REMEMBERS = False``: it is not shown
the rows of earlier versions.

Either may have ``check(config)``: it tries what the configuration only names, such as a tokenizer's files, and raises
a ``RecipeError`` where that cannot be used. It is called before a run writes its first file.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import polars as pl
from pydantic import Field

from schemas.exchange import Completion, Prompt
from schemas.row import Row, Score
from schemas.strict import Strict

T = TypeVar("T")

Steps = Generator[Sequence[Prompt], Sequence[Completion], T]
"""A method in progress: yields prompts to answer, is sent their completions in order, returns a ``T``."""

Signatures = dict[str, np.ndarray]
"""What the parallel phase of a filter computed for one shard, by name; saved as one ``.npz``."""


class StageConfig(Strict):
    """What every stage can be told. Subclasses add their own fields and a default ``use``."""

    use: str = Field(description="The stage's file name in generators/ or filters/, without .py.")
    name: str | None = Field(
        default=None, description="A name of its own, where one method is used twice. Default: use."
    )

    @property
    def label(self) -> str:
        """The name that reports and rejects show."""
        return self.name or self.use


@dataclass(frozen=True, slots=True)
class Discard:
    """A candidate that did not become a row: a failed evolution, an unreadable proposal."""

    reason: str
    """A snake-case word; reports count by it."""
    raw: str = ""
    """The text it was read from."""
    row: Row | None = None
    """The row it would have been, where it got that far."""


class Reject(Exception):
    """Raised inside ``grow``: the input row cannot be used, for ``reason``; the run goes on."""

    def __init__(self, reason: str, raw: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input row.

    ``passed`` is the row itself, perhaps with more fields. Without it the row counts as *replaced* by ``created``;
    to drop a row, raise ``Reject``. ``discarded`` are candidates that were made and not accepted.
    """

    passed: Row | None = None
    created: tuple[Row, ...] = ()
    discarded: tuple[Discard, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One independent piece of a generator's work on a shard.

    ``row`` is the input row it decides on, or ``None`` where it only creates. ``key`` is unique in the shard and
    the same in every run: requests are logged under it.
    """

    key: str
    row: Row | None
    steps: Steps[Outcome]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A filter's word on one row."""

    keep: bool
    reason: str | None = None
    """A snake-case word where ``keep`` is false."""
    scores: tuple[Score, ...] = ()


KEEP = Verdict(keep=True)


class Index(Protocol):
    """A filter that remembers what it accepted. Rows are compared with kept rows only, in order."""

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Phase 1, pure and parallel: what is needed to compare the rows of one shard."""
        ...

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> Sequence[Verdict]:
        """Phase 2, sequential, in row order: a verdict a row; what is kept joins the index.

        A list, or ``schemas.verdicts.Verdicts``, which is faster.
        """
        ...

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        """Rows that an earlier run accepted join the index without being judged."""
        ...

    def save(self, folder: Path) -> bool:
        """Write into the empty ``folder`` what ``open_index(config, folder)`` needs to know the same rows at once.

        False, and nothing is written, where that is not worth it. Opened so, an index reads the files as it needs
        them, and never changes them.
        """
        ...

    def counts(self) -> dict[str, int]:
        """What else is worth reporting by name, such as rows passed on uncompared."""
        ...


def ask(prompt: Prompt) -> Steps[Completion]:
    """Ask one prompt: ``completion = yield from ask(prompt)``.

    Raises:
        Reject: the request failed for good; the reason is the completion's ``error``.
    """
    (completion,) = yield [prompt]
    if completion.error is not None:
        raise Reject(completion.error)
    return completion


def answer_with(steps: Steps[T], reply: Callable[[Prompt], Completion]) -> T:
    """Drive ``steps`` with a plain function: how a test, or a notebook, runs a generator without a network."""
    try:
        prompts = next(steps)
        while True:
            prompts = steps.send([reply(prompt) for prompt in prompts])
    except StopIteration as stop:
        result: T = stop.value
        return result
