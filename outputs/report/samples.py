"""The rows that a report shows: a sample by the hash of the id, the nearest pairs, parents, chains of evolution.

The same files give the same sample. Texts are cut as they are read, so that a report never holds more than some
megabytes of them, however long a row is.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

import polars as pl

from outputs.report.counts import collected
from outputs.report.model import Pair, Sample, Similarity
from schemas.row import Row, from_frame

KEPT_SHOWN = 1500
REJECTED_SHOWN = 900
PAIRS_EACH = 12
"""Pairs by measure: so many that were dropped, and so many that passed."""
CHAINS = 12
LONGEST = 6000
"""Characters of one text that a report keeps."""
_PORTION = 50_000
"""Rows that are read at once where many are looked for: some ten megabytes."""
_FEW = 64
_ANCESTORS = 8
"""Generations that a chain is followed back."""

Lookup = Callable[[Sequence[str]], pl.DataFrame]
"""Where else rows can be found by id, such as a run's stages: gives a frame of ``ROW_SCHEMA``."""

_TEXTS = ["instruction", "input", "response", "reasoning", "answer", "system", "system_generation"]
_VERDICT = ["rejected_by", "reason", "kind", "raw"]
_ORDER = pl.col("id").hash(seed=1)
_WHY = pl.concat_str(pl.col("rejected_by"), pl.lit("\n"), pl.col("reason"), ignore_nulls=True)


def sample_kept(kept: pl.LazyFrame, limit: int = KEPT_SHOWN) -> tuple[Sample, ...]:
    """At most ``limit`` kept rows, in the order of the dataset."""
    hashes = collected(kept.select("id", _ORDER.alias("order")))
    ids = hashes.sort("order", "id").head(limit)["id"].to_list()
    found = {row.id: Sample(row) for part in _by_id(kept, ids) for row in from_frame(part)}
    return tuple(found.values())


def sample_rejected(rejects: pl.LazyFrame, limit: int = REJECTED_SHOWN) -> tuple[Sample, ...]:
    """At most ``limit`` rejects; rare reasons are shown as fully as there is room, frequent ones share the rest."""
    # As a category: a million rejects have few reasons.
    table = collected(rejects.select("id", _WHY.cast(pl.Categorical).alias("why"), _ORDER.alias("order")))
    # Candidates share the id of their row: which of them, in the order of the files, tells them apart.
    table = table.with_columns(nth=pl.int_range(pl.len()).over("id")).sort("order", "id", "nth")
    table = table.with_columns(rank=pl.int_range(pl.len()).over("why"))
    each = even_share([size for (size,) in table.group_by("why").len().select("len").rows()], limit)
    chosen = set(table.filter(pl.col("rank") < each).head(limit).select("id", "nth").rows())
    seen: Counter[str] = Counter()
    found = []
    for part in _by_id(rejects, [id for id, _ in chosen]):
        for sample in samples_of(part):
            if (sample.row.id, seen[sample.row.id]) in chosen:
                found.append(sample)
            seen[sample.row.id] += 1
    return tuple(found)


def even_share(sizes: Iterable[int], limit: int) -> int:
    """The largest share such that groups of these sizes, none giving more than it, give ``limit`` at most."""
    left, share = limit, 0
    ordered = sorted(sizes)
    for place, size in enumerate(ordered):
        share = left // (len(ordered) - place)
        if size > share:
            return max(1, share)
        left -= size
    return max(1, share, ordered[-1] if ordered else 1)


def samples_of(frame: pl.DataFrame) -> tuple[Sample, ...]:
    """Samples from a frame of ``REJECT_SCHEMA``."""
    verdicts = frame.select(pl.col(name).fill_null("") for name in _VERDICT).iter_rows()
    return tuple(Sample(row, *verdict) for row, verdict in zip(from_frame(frame), verdicts, strict=True))


def _by_id(frame: pl.LazyFrame, ids: Collection[str]) -> Iterator[pl.DataFrame]:
    """The rows with these ids, in the order of the files, their texts cut, in portions to be used and let go.

    A frame that holds one row of a portion keeps the texts of all of it in memory. A few ids are looked for before
    any other column is read.
    """
    wanted = pl.col("id").is_in(pl.Series(sorted(set(ids)), dtype=pl.String).implode())
    if len(ids) <= _FEW:
        yield collected(cut_texts(frame.filter(wanted)))
        return
    for start in range(0, collected(frame.select(pl.len())).item(), _PORTION):
        yield collected(cut_texts(frame.slice(start, _PORTION).filter(wanted)))


def cut_texts(frame: pl.LazyFrame) -> pl.LazyFrame:
    """The frame with no text longer than ``LONGEST``; a cut text says how much is missing."""
    names = frame.collect_schema().names()
    turns = pl.col("turns").list.head(8).list.eval(
        pl.element().struct.with_fields(pl.field("content").str.head(LONGEST))
    )  # fmt: skip
    return frame.with_columns(turns, *(_cut(name) for name in [*_TEXTS, "raw"] if name in names))


def _cut(name: str) -> pl.Expr:
    text = pl.col(name)
    missing = (text.str.len_chars() - LONGEST).cast(pl.String)
    return pl.when(text.str.len_chars() > LONGEST).then(
        pl.concat_str(text.str.head(LONGEST), pl.lit("… ("), missing, pl.lit(" more characters)"))
    ).otherwise(text).alias(name)  # fmt: skip


class Finder:
    """Rows by id: the kept ones, then the rejects, then wherever ``lookup`` looks. Remembers what it found."""

    def __init__(self, kept: pl.LazyFrame, rejects: pl.LazyFrame, lookup: Lookup | None = None) -> None:
        self._kept, self._rejects, self._lookup = kept, rejects, lookup
        self._found: dict[str, Row | None] = {}

    def know(self, rows: Iterable[Row]) -> None:
        """Rows that need not be looked for."""
        for row in rows:
            self._found.setdefault(row.id, row)

    def find(self, ids: Iterable[str]) -> dict[str, Row]:
        """Those of the rows that are anywhere."""
        wanted = list(dict.fromkeys(id for id in ids if id))
        new = [id for id in wanted if id not in self._found]
        if new:
            self._search(new)
        return {id: row for id in wanted if (row := self._found.get(id)) is not None}

    def _search(self, new: list[str]) -> None:
        self._found.update(dict.fromkeys(new))
        for frame in (self._kept, self._rejects):
            for part in _by_id(frame, self._missing(new)):
                self._take(from_frame(part))
        if self._lookup is not None and (missing := self._missing(new)):
            self._take(from_frame(cut_texts(self._lookup(missing).lazy()).collect()))

    def _missing(self, ids: Iterable[str]) -> list[str]:
        return [id for id in ids if self._found[id] is None]

    def _take(self, rows: Iterable[Row]) -> None:
        for row in rows:
            # The first is taken: of a row and a candidate that share an id, either tells what was asked.
            if self._found.get(row.id) is None:
                self._found[row.id] = row


def pairs(
    kept: pl.LazyFrame, rejects: pl.LazyFrame, similarities: Sequence[Similarity], finder: Finder
) -> tuple[Pair, ...]:
    """By measure, the nearest pairs that were dropped and the nearest that passed; each pair once."""
    found: list[tuple[Similarity, float, str, Sample]] = []
    for near in similarities:
        for frame, dropped in ((rejects, True), (kept, False)):
            found += _nearest(frame, near, dropped)
    # Two measures of one stage find the same pair: the higher value is shown.
    found.sort(key=lambda pair: -pair[1])
    best = {(sample.row.id, neighbour): (near, value, sample) for near, value, neighbour, sample in reversed(found)}
    others = finder.find(neighbour for _, neighbour in best)
    ended = [
        Pair(near.stage, near.measure, value, sample, others.get(neighbour), neighbour)
        for (_, neighbour), (near, value, sample) in best.items()
    ]
    return tuple(sorted(ended, key=lambda pair: (pair.sample.kept, -pair.value, pair.sample.row.id)))


def _nearest(frame: pl.LazyFrame, near: Similarity, dropped: bool) -> list[tuple[Similarity, float, str, Sample]]:
    by = pl.col("rejected_by").alias("by") if dropped else pl.lit(near.stage).alias("by")
    own = frame.select("id", "scores", by).filter(pl.col("by") == near.stage)
    lines = own.explode("scores").unnest("scores")
    mine = (pl.col("stage") == near.stage) & (pl.col("measure") == near.measure)
    known = pl.col("value").is_finite() & pl.col("neighbour").is_not_null()
    top = collected(lines.filter(mine & known).top_k(PAIRS_EACH, by=["value", "id"]))
    best = {
        id: (value, neighbour) for id, value, neighbour in top.sort("value").select("id", "value", "neighbour").rows()
    }
    found: dict[str, Sample] = {}
    for part in _by_id(frame, list(best)):
        for sample in samples_of(part) if dropped else map(Sample, from_frame(part)):
            if not dropped or sample.rejected_by == near.stage:
                found.setdefault(sample.row.id, sample)
    return [(near, *best[id], sample) for id, sample in found.items()]


def chains(samples: Sequence[Sample], finder: Finder) -> tuple[tuple[Row, ...], ...]:
    """The lines of some kept rows, each from the oldest known ancestor on; the most evolved rows first."""
    deepest = sorted((sample.row for sample in samples if sample.row.parents), key=lambda row: -row.depth)
    # Of siblings one is enough.
    firsts = {row.parents[0]: row for row in reversed(deepest)}
    rows = sorted(firsts.values(), key=lambda row: (-row.depth, row.id))[:CHAINS]
    lines = [[row] for row in rows]
    for _ in range(_ANCESTORS):
        wanted = [line[0].parents[0] for line in lines if line[0].parents]
        known = finder.find(wanted)
        for line in lines:
            parent = known.get(line[0].parents[0]) if line[0].parents else None
            if parent is not None and parent.id not in {row.id for row in line}:
                line.insert(0, parent)
    return tuple(tuple(line) for line in lines if len(line) > 1)


def relatives(samples: Iterable[Sample], finder: Finder) -> Mapping[str, Row]:
    """Parents of the samples, and the rows they are most like, as far as they can be found."""
    wanted: list[str] = []
    for sample in samples:
        wanted += sample.row.parents[:3]
        wanted += [score.neighbour for score in sample.row.scores if score.neighbour]
    return finder.find(wanted)
