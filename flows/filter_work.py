"""What a task of ``instructloom filter`` does: one shard through all legs. No Prefect here.

A leg that is done on disk is passed over; that is all there is to resuming.
"""

from typing import Any

import polars as pl

from flows.filter_input import Part, take
from flows.filter_run import FileCounts, FilterRun, Leg, LegCounts, LegFolder
from flows.progress import add_counts
from flows.sift import Sifted, sift
from flows.stages import Stage
from schemas.errors import ConservationError, RunFailed
from schemas.manifest import StageCounts
from schemas.reject import REJECT_SCHEMA
from schemas.row import polars_schema
from schemas.verdicts import columns


def filter_shard(run: FilterRun, shard: int) -> int:
    """Take the records of ``shard``, which were read, through all legs; how many there were.

    Raises:
        ConservationError: a row was lost, invented, or shares its id with another.
        RunFailed: the run was stopped.
    """
    parts = run.loaded.pop(shard)
    records = sum(len(part.batch) for part in parts)
    before: LegFolder | None = None
    rows: pl.DataFrame | None = None
    for leg in run.legs:
        folder = run.folder(leg, shard)
        if folder.done:
            rows = None
        else:
            rows = _through(run, leg, shard, folder, parts, before.rows() if rows is None and before else rows)
        _tell(run, folder)
        before, parts = folder, []
    return records


def recall(run: FilterRun, shard: int) -> None:
    """Count a shard that an earlier attempt is through with."""
    for leg in run.legs:
        _tell(run, run.folder(leg, shard))


def _tell(run: FilterRun, folder: LegFolder) -> None:
    for counts in folder.leg_counts().stages:
        run.progress.done(counts.stage, counts)


def _through(
    run: FilterRun, leg: Leg, shard: int, folder: LegFolder, parts: list[Part], rows: pl.DataFrame | None
) -> pl.DataFrame:
    """The rows that ``leg`` lets through, which are then on disk."""
    rejects = [pl.DataFrame(schema=polars_schema(REJECT_SCHEMA))]
    counts = LegCounts(stages=[])
    for stage in leg.stages:
        if run.stopped:
            raise RunFailed("the run was stopped; run the same command again to resume")
        if stage.kind == "input":
            rows, bad = _read(run, shard, parts, counts)
            rejects.append(bad)
            continue
        assert rows is not None, "the first stage reads"
        done, notes = _sift(run, leg, stage, shard, folder, rows)
        balance = StageCounts(stage=stage.label, use=stage.use, kind="filter", rows_in=rows.height, notes=notes)
        rows = done.kept
        balance.passed = balance.rows_out = rows.height
        balance.rejected, balance.reasons = done.rejects.height, done.reasons
        counts.stages.append(balance)
        rejects.append(done.rejects)
    assert rows is not None, "a leg has stages"
    _check(rows, counts, folder)
    folder.save_leg(rows, pl.concat(rejects), counts)
    return rows


def _read(run: FilterRun, shard: int, parts: list[Part], counts: LegCounts) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of the shard's records, and a reject for each record that is bad."""
    total = StageCounts(stage="input", use="input", kind="input")
    rows, rejects = [pl.DataFrame(schema=polars_schema())], [pl.DataFrame(schema=polars_schema(REJECT_SCHEMA))]
    for part in parts:
        taken = take(run.input.files[part.file], part.batch, run.input.language, shard)
        rows.append(taken.rows)
        rejects.append(taken.rejects)
        total = add_counts(total, taken.counts)
        of_file = counts.files.setdefault(part.file, FileCounts())
        of_file.rows += taken.rows.height
        for reason, count in taken.counts.reasons.items():
            of_file.bad[reason] = of_file.bad.get(reason, 0) + count
    counts.stages.append(total)
    return pl.concat(rows), pl.concat(rejects)


def _sift(
    run: FilterRun, leg: Leg, stage: Stage, shard: int, folder: LegFolder, rows: pl.DataFrame
) -> tuple[Sifted, dict[str, int]]:
    """The rows divided by a filter's verdicts, and what it counted beside."""
    module: Any = stage.module
    if stage.kind != "index":
        verdicts = columns(module.judge(rows, stage.config))
        return sift(stage.label, shard, rows, verdicts), dict(verdicts.notes)
    dear = getattr(module, "DEAR_SIGNATURES", False)
    signatures = folder.signatures() if dear else None
    if signatures is None:
        signatures = run.indexes[stage.label].sign(rows)
        if dear:
            folder.save_signatures(signatures)
    with run.turn(leg, shard) as index:
        verdicts, notes = index.decide(shard, rows, signatures)
    return sift(stage.label, shard, rows, verdicts), notes


def _check(rows: pl.DataFrame, counts: LegCounts, folder: LegFolder) -> None:
    before: int | None = None
    for stage in counts.stages:
        if not stage.balanced() or before not in (None, stage.rows_in):
            raise ConservationError(f"{stage.stage}: rows do not balance: {stage.model_dump()}; please report this")
        before = stage.rows_out
    if before != rows.height or rows["id"].n_unique() != rows.height:
        raise ConservationError(f"{folder.path}: rows were lost, or two share an id; please report this")
