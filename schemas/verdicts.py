"""A filter's word on all rows of a shard, as columns: with a million rows, a list of objects is slow.

A short filter returns a list of ``Verdict``; ``columns`` makes these columns of it. Read one by one they are that list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np

from schemas.row import Score
from schemas.stage import Verdict


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure, such as ``jaccard``, over the rows of a shard."""

    stage: str
    """The label of the stage that measured it."""
    measure: str
    values: np.ndarray
    """float64, one a row; of no meaning where ``known`` is false."""
    known: np.ndarray
    """bool, one a row: whether it was measured."""
    neighbours: Sequence[str | None]
    """The id of the row it was measured to, one a row."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts(Sequence[Verdict]):
    """Verdicts on the rows of a shard, in row order."""

    reasons: Sequence[str | None]
    """Why a row is dropped, in a snake-case word; None: it stays."""
    measured: tuple[Measured, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    """What else a filter without an index counted, by name, such as rows that it could not judge."""

    def __len__(self) -> int:
        return len(self.reasons)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list

    @overload
    def __getitem__(self, row: int) -> Verdict: ...

    @overload
    def __getitem__(self, row: slice) -> list[Verdict]: ...

    def __getitem__(self, row: int | slice) -> Verdict | list[Verdict]:
        if isinstance(row, slice):
            return [self[place] for place in range(*row.indices(len(self)))]
        scores = (
            Score(each.stage, each.measure, float(each.values[row]), each.neighbours[row])
            for each in self.measured
            if each.known[row]
        )
        return Verdict(self.reasons[row] is None, self.reasons[row], tuple(scores))


def columns(verdicts: Sequence[Verdict]) -> Verdicts:
    """The same verdicts as columns. Measures come in the order in which they are first met."""
    if isinstance(verdicts, Verdicts):
        return verdicts
    reasons = [None if verdict.keep else verdict.reason or "rejected" for verdict in verdicts]
    found: dict[tuple[str, str], dict[int, Score]] = {}
    for row, verdict in enumerate(verdicts):
        for score in verdict.scores:
            found.setdefault((score.stage, score.measure), {})[row] = score
    return Verdicts(reasons, tuple(_measured(*name, rows, len(reasons)) for name, rows in found.items()))


def _measured(stage: str, measure: str, rows: dict[int, Score], count: int) -> Measured:
    values, known = np.zeros(count), np.zeros(count, dtype=bool)
    neighbours: list[str | None] = [None] * count
    for row, score in rows.items():
        values[row], known[row], neighbours[row] = score.value, True, score.neighbour
    return Measured(stage, measure, values, known, neighbours)
