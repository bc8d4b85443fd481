"""What a report holds: numbers over all rows, and a sample of rows. Data only; ``data.collect`` makes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.manifest import Manifest
from schemas.row import Row

KEPT, REJECTED = "kept", "rejected"
PASSED, DROPPED = "passed", "dropped"

Thresholds = Mapping[tuple[str, str], Mapping[str, float]]
"""By stage and measure: each limit in force, under the language it is for ("" for all)."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of values in bins. Bin ``i`` reaches from ``edges[i]`` to below ``edges[i + 1]``."""

    edges: tuple[float, ...]
    """One more than there are bins; none if there are no values."""
    counts: Mapping[str, tuple[int, ...]]
    """By series."""
    open_end: bool = False
    """Whether the last bin also holds all that is larger."""

    def total(self, series: str) -> int:
        """How many values of a series were counted."""
        return sum(self.counts.get(series, ()))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show."""
        return not any(map(self.total, self.counts))


@dataclass(frozen=True, slots=True)
class Similarity:
    """How near rows were to their nearest neighbour by one measure, and which of them the stage dropped."""

    stage: str
    measure: str
    histogram: Histogram
    """Series ``passed`` (the stage let them through) and ``dropped`` (it did not); values below 0 in bin 0."""
    limits: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As a title shows it."""
        return f"{self.stage}: {self.measure}"


@dataclass(frozen=True, slots=True)
class Measured:
    """Another score: how many rows have it, and which values."""

    stage: str
    measure: str
    rows: int
    lowest: float
    mean: float
    highest: float


@dataclass(frozen=True, slots=True)
class TopicCount:
    """The kept rows of one topic."""

    topic: str
    rows: int
    subtopics: tuple[tuple[str, int], ...]
    """Name and rows, in the tree's order where there is one, those without rows included."""
    asked: int | None = None
    """How many sub-topics the recipe asked for; None if it names no tree with this topic."""

    @property
    def covered(self) -> int:
        """How many sub-topics have rows."""
        return sum(rows > 0 for _, rows in self.subtopics)


@dataclass(frozen=True, slots=True)
class OperationCount:
    """The rows of one operation, the kept ones by depth."""

    operation: str
    """"" for rows that no operation made."""
    kept: Mapping[int, int]
    """By depth: how many evolutions lie between the row and its proposal."""
    rejected: int


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a run was, so many seconds after its start. Counts are totals."""

    seconds: float
    rows: int
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A row that the report shows; the last four say what became of it."""

    row: Row
    rejected_by: str | None = None
    """The stage that dropped it; None if it was kept."""
    reason: str = ""
    kind: str = ""
    """row, or candidate: it never became one."""
    raw: str = ""

    @property
    def kept(self) -> bool:
        """Whether it is part of the dataset."""
        return self.rejected_by is None


@dataclass(frozen=True, slots=True)
class Pair:
    """A row and the one it is most like."""

    stage: str
    measure: str
    value: float
    sample: Sample
    neighbour: Row | None
    """None where the files no longer have it."""
    neighbour_id: str


@dataclass(frozen=True, slots=True)
class Point:
    """A kept row on the map; both coordinates between -1 and 1."""

    id: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything that charts, tables and pages are made from."""

    manifest: Manifest
    lengths: Mapping[str, Histogram]
    """Characters, of ``instruction`` and ``response``; series kept and rejected."""
    tokens: Histogram
    """Completion tokens by the ``teacher`` column; series kept and rejected."""
    languages: tuple[tuple[str, int], ...]
    topics: tuple[TopicCount, ...]
    without_topic: int
    operations: tuple[OperationCount, ...]
    similarities: tuple[Similarity, ...]
    measured: tuple[Measured, ...]
    timeline: tuple[Moment, ...]
    kept: tuple[Sample, ...]
    rejected: tuple[Sample, ...]
    pairs: tuple[Pair, ...]
    chains: tuple[tuple[Row, ...], ...]
    """Each from the oldest known ancestor to a kept row."""
    others: Mapping[str, Row]
    """Parents and neighbours of the sampled rows, by id, as far as they were found."""
    points: tuple[Point, ...]

    @property
    def name(self) -> str:
        """Dataset and version as a user writes them."""
        return f"{self.manifest.dataset}@{self.manifest.version}"

    @property
    def reject_rows(self) -> int:
        """Rows in the rejects' files."""
        return sum(shard.rows for shard in self.manifest.rejects)
