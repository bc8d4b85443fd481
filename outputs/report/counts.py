"""Counts over all rows of a version, read a column at a time: a million rows cost some megabytes.

What is kept in memory is one number a row where a histogram needs its quantiles, and counts otherwise.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from outputs.report.model import (
    DROPPED,
    KEPT,
    PASSED,
    REJECTED,
    Histogram,
    Measured,
    OperationCount,
    Similarity,
    Thresholds,
    TopicCount,
)

BINS = 24
"""At most, of a histogram of lengths."""
SIMILARITY_BINS = 50
"""Between 0 and 1: usual thresholds (0.7, 0.8, 0.92) are edges."""
_TAIL = 0.99
"""Lengths beyond this quantile share the last bin: one book among sentences must not flatten them."""

TEXTS = ("instruction", "response")


def collected(frame: pl.LazyFrame) -> pl.DataFrame:
    """The result, computed in portions."""
    return frame.collect(engine="streaming")


def histogram(values: Mapping[str, np.ndarray], bins: int = BINS) -> Histogram:
    """Counts of whole numbers >= 0 in equal bins of a round width; each value is in exactly one of them."""
    everything = np.concatenate(
        [np.asarray(part, dtype=np.int64) for part in values.values()] or [np.zeros(0, dtype=np.int64)]
    )
    if not len(everything):
        return Histogram((), dict.fromkeys(values, ()))
    low, high = int(everything.min()), int(everything.max())
    tail = int(np.quantile(everything, _TAIL))
    # A tail not much longer than the rest is shown as it is.
    top = high if high <= 1.5 * max(tail, 1) else tail
    width = round_width((top - low + 1) / bins)
    start = low // width * width
    count = max(1, (top - start) // width + 1)
    counts = {}
    for name, part in values.items():
        places = np.minimum((np.asarray(part, dtype=np.int64) - start) // width, count - 1)
        counts[name] = tuple(np.bincount(places, minlength=count).tolist())
    edges = tuple(float(start + width * place) for place in range(count + 1))
    return Histogram(edges, counts, open_end=high >= edges[-1])


def round_width(least: float) -> int:
    """The smallest of 1, 2, 5, 10, 20, 25, 50, 100, 200, 250, … that is not below ``least``."""
    power = 1
    while True:
        for tenths in (10, 20, 25, 50):
            width, rest = divmod(tenths * power, 10)
            if width >= least and not rest:
                return width
        power *= 10


def lengths(kept: pl.LazyFrame, rejects: pl.LazyFrame) -> tuple[dict[str, Histogram], Histogram]:
    """Characters of the texts, and completion tokens. Rejects that have no such text, or no teacher, are left out."""
    texts = [pl.col(name).fill_null("").str.len_chars().alias(name) for name in TEXTS]
    tokens = pl.col("teacher").struct.field("completion_tokens").alias("tokens")
    ours, theirs = (collected(frame.select(*texts, tokens)) for frame in (kept, rejects))
    characters = {
        name: histogram({KEPT: ours[name].to_numpy(), REJECTED: theirs[name].filter(theirs[name] > 0).to_numpy()})
        for name in TEXTS
    }
    return characters, histogram({KEPT: _known(ours["tokens"]), REJECTED: _known(theirs["tokens"])})


def _known(column: pl.Series) -> np.ndarray:
    # An endpoint that reports nonsense must not stop a report.
    return column.drop_nulls().clip(lower_bound=0).to_numpy()


def languages(kept: pl.LazyFrame) -> tuple[tuple[str, int], ...]:
    """Rows by language, the most frequent first."""
    counts = collected(kept.group_by(pl.col("language").fill_null("")).len())
    return tuple(counts.sort(["len", "language"], descending=[True, False]).rows())


ELSEWHERE = "(outside the tree)"
"""Stands for the topics of rows that are on none of the tree's sub-topics, or on several."""


def topics(kept: pl.LazyFrame, coverage: pl.DataFrame | None) -> tuple[tuple[TopicCount, ...], int]:
    """The rows of each topic, the largest first, and how many rows have none; together these are all rows.

    ``coverage`` are the sub-topics that were asked for, with their rows: ``topic``, ``subtopic``, ``rows``. A row may
    name them in any language, so that its own label is shown only where there is no such table.
    """
    counts = collected(kept.group_by("topic", "subtopic").len())
    without = int(counts.filter(pl.col("topic").is_null())["len"].sum())
    labelled = counts.drop_nulls("topic").sort("topic", "subtopic")
    if coverage is None:
        lines = [_topic(topic, rows, None) for topic, rows in _by_topic(labelled).items()]
    else:
        tree = coverage.select("topic", "subtopic", "rows").unique(["topic", "subtopic"], maintain_order=True)
        lines = [_topic(topic, rows, len(rows)) for topic, rows in _by_topic(tree).items()]
        if beyond := int(labelled["len"].sum()) - sum(line.rows for line in lines):
            lines.append(TopicCount(ELSEWHERE, beyond, ()))
    return tuple(sorted(lines, key=lambda line: (-line.rows, line.topic))), without


def _by_topic(leaves: pl.DataFrame) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for topic, subtopic, rows in leaves.rows():
        found.setdefault(topic, {})[subtopic or ""] = rows
    return found


def _topic(topic: str, leaves: Mapping[str, int], asked: int | None) -> TopicCount:
    return TopicCount(topic, sum(leaves.values()), tuple((name, rows) for name, rows in leaves.items() if name), asked)


def operations(kept: pl.LazyFrame, rejects: pl.LazyFrame) -> tuple[OperationCount, ...]:
    """Kept rows by operation and depth, and rejected ones by operation, the largest first."""
    operation = pl.col("operation").fill_null("")
    table: dict[str, dict[int, int]] = {}
    for name, depth, rows in collected(kept.group_by(operation, pl.col("depth").fill_null(0)).len()).rows():
        table.setdefault(name, {})[depth] = rows
    # A candidate without a text never got as far as an operation.
    real = rejects.filter(pl.col("instruction").fill_null("") != "")
    lost = dict(collected(real.group_by(operation).len()).rows())
    lines = [
        OperationCount(name, dict(sorted(table.get(name, {}).items())), lost.get(name, 0)) for name in {**table, **lost}
    ]
    return tuple(sorted(lines, key=lambda line: (-sum(line.kept.values()), line.operation)))


def scores(
    kept: pl.LazyFrame, rejects: pl.LazyFrame, thresholds: Thresholds
) -> tuple[tuple[Similarity, ...], tuple[Measured, ...]]:
    """The distribution of each similarity (a score that names a neighbour), and the range of every other score."""
    both = pl.concat([_exploded(kept, None), _exploded(rejects, "rejected_by")])
    spread = collected(
        both.group_by("stage", "measure").agg(
            pl.len().alias("rows"),
            pl.col("value").min().alias("lowest"),
            pl.col("value").mean().alias("mean"),
            pl.col("value").max().alias("highest"),
            pl.col("neighbour").is_not_null().any().alias("similarity"),
        )
    ).sort("stage", "measure")
    place = (pl.col("value") * SIMILARITY_BINS + 1e-9).floor().clip(0, SIMILARITY_BINS - 1).cast(pl.Int32)
    counted = collected(both.group_by("stage", "measure", "dropped", place.alias("place")).len())
    near = [
        _similarity(stage, measure, counted, thresholds)
        for stage, measure, similarity in spread.select("stage", "measure", "similarity").rows()
        if similarity
    ]
    others = [Measured(*row) for row in spread.filter(~pl.col("similarity")).drop("similarity").rows()]
    return tuple(near), tuple(others)


def _exploded(frame: pl.LazyFrame, dropped_by: str | None) -> pl.LazyFrame:
    """One line a score: stage, measure, value, neighbour, and whether that very stage dropped the row."""
    dropper = pl.lit(None, dtype=pl.String) if dropped_by is None else pl.col(dropped_by)
    lines = frame.select("scores", dropper.alias("by")).explode("scores").unnest("scores")
    finite = pl.col("value").is_not_null() & pl.col("value").is_finite()
    return lines.filter(finite).with_columns(dropped=pl.col("by").eq(pl.col("stage")).fill_null(False)).drop("by")


def _similarity(stage: str, measure: str, counted: pl.DataFrame, thresholds: Thresholds) -> Similarity:
    bins = {PASSED: [0] * SIMILARITY_BINS, DROPPED: [0] * SIMILARITY_BINS}
    mine = counted.filter((pl.col("stage") == stage) & (pl.col("measure") == measure))
    for dropped, place, rows in mine.select("dropped", "place", "len").rows():
        bins[DROPPED if dropped else PASSED][place] += rows
    edges = tuple(place / SIMILARITY_BINS for place in range(SIMILARITY_BINS + 1))
    limits = dict(thresholds.get((stage, measure), {}))
    return Similarity(stage, measure, Histogram(edges, {name: tuple(part) for name, part in bins.items()}), limits)
