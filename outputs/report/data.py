"""Collects what a report holds from a version's files, before or after it is published."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from outputs.dataset import Dataset, read_rejects, read_rows
from outputs.report import counts, samples
from outputs.report.model import Moment, Point, ReportData, Sample, Thresholds
from outputs.report.plane import project
from schemas.manifest import Manifest

Vectors = Callable[[Collection[str]], tuple[list[str], np.ndarray]]
"""Given row ids, those of them that have a vector, and their vectors (n, d), float32 of length 1."""

MOMENTS = 400
"""Points of a timeline that are kept."""


def collect(
    folder: Path,
    manifest: Manifest,
    *,
    thresholds: Thresholds | None = None,
    timeline: Sequence[tuple[float, int, int, int]] = (),
    vectors: Vectors | None = None,
    coverage: pl.DataFrame | None = None,
    lookup: samples.Lookup | None = None,
) -> ReportData:
    """All that charts, tables and pages need.

    Args:
        folder: the version's folder, or a draft's: where the files that ``manifest`` lists are.
        manifest: as it is, or will be, published.
        thresholds: by (stage, measure), the limits to mark, under the language they are for ("" for all).
        timeline: how far the run was: seconds since its start, and rows kept, requests and tokens so far.
        vectors: where vectors of rows come from; asked once, for the rows of the sample.
        coverage: the sub-topics that were asked for: ``topic``, ``subtopic``, ``rows``.
        lookup: where parents can be found that are neither kept nor rejected.

    Raises:
        DatasetError: a file that the manifest lists is missing.
    """
    dataset = Dataset(folder, manifest)
    kept, rejects = read_rows(dataset), read_rejects(dataset)
    lengths, tokens = counts.lengths(kept, rejects)
    topics, without_topic = counts.topics(kept, coverage)
    similarities, measured = counts.scores(kept, rejects, thresholds or {})
    shown, dropped = samples.sample_kept(kept), samples.sample_rejected(rejects)
    finder = samples.Finder(kept, rejects, lookup)
    finder.know(sample.row for sample in shown)
    return ReportData(
        manifest=manifest,
        lengths=lengths,
        tokens=tokens,
        languages=counts.languages(kept),
        topics=topics,
        without_topic=without_topic,
        operations=counts.operations(kept, rejects),
        similarities=similarities,
        measured=measured,
        timeline=moments(timeline),
        kept=shown,
        rejected=dropped,
        others=samples.relatives([*shown, *dropped], finder),
        pairs=samples.pairs(kept, rejects, similarities, finder),
        chains=samples.chains(shown, finder),
        points=_points(shown, vectors),
    )


def moments(timeline: Sequence[tuple[float, int, int, int]], limit: int = MOMENTS) -> tuple[Moment, ...]:
    """The timeline in order, thinned out evenly to ``limit`` points, the first and the last among them."""
    ordered = sorted(timeline)
    if len(ordered) > limit:
        places = np.linspace(0, len(ordered) - 1, limit).round().astype(int).tolist()
        ordered = [ordered[place] for place in places]
    return tuple(Moment(*moment) for moment in ordered)


def _points(shown: Sequence[Sample], vectors: Vectors | None) -> tuple[Point, ...]:
    if vectors is None or not shown:
        return ()
    ids, values = vectors([sample.row.id for sample in shown])
    if not ids:
        return ()
    # In the order of the ids: what comes out must not depend on how the shards were read.
    order = sorted(range(len(ids)), key=lambda place: ids[place])
    return tuple(
        Point(ids[place], float(x), float(y))
        for place, (x, y) in zip(order, project(np.asarray(values)[order]).tolist(), strict=True)
    )
