"""What a task does: one stage over one shard. No Prefect here, so that a test or a notebook can call it.

Each function returns at once if the shard is already done on disk; that is all there is to resuming. What was being
asked when a run died is replayed from the completion log, and only the rest is asked.
"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import polars as pl

from flows.drive import Ask, Ended, drive_all, rng_for, settle
from flows.run import Run
from flows.sift import sift
from flows.spending import usage_by_stage
from flows.stages import Stage
from flows.store import ShardFolder, ShardResult
from schemas.errors import BudgetSpent, ConservationError, RunFailed
from schemas.manifest import StageCounts, Usage
from schemas.reject import rejects_frame
from schemas.row import Row, from_frame, new_row, to_frame
from schemas.stage import Job, Outcome, Signatures
from schemas.verdicts import Verdicts, columns
from teachers.asker import Asker
from teachers.failures import TRANSIENT
from teachers.log import CompletionLog

T = TypeVar("T")


def source_shards(run: Run) -> int | None:
    """How many shards the source has; None where it never ends."""
    stage = run.stages[0]
    if stage.kind == "pool":
        return None
    config: Any = stage.config
    passes: int = config.passes
    per_pass: int = -(-len(run.seeds) // config.shard_rows)
    return per_pass * passes


def finished_before(run: Run, shard: int) -> list[StageCounts] | None:
    """The balances of one shard, by stage, if an earlier attempt took it through all of them."""
    folders = [run.store.shard(stage, shard) for stage in run.stages]
    if not all(folder.done for folder in reversed(folders)):
        return None
    return [_report(run, stage, folder) for stage, folder in zip(run.stages, folders, strict=True)]


def make_source(run: Run, shard: int) -> StageCounts:
    """Make one shard of the source: a round of the pool, or the next seeds. Shards must be made in order."""
    stage, folder = run.stages[0], run.store.shard(run.stages[0], shard)
    if not folder.done:
        result = _pool_round(run, stage, shard, folder) if run.pool else _seed_shard(run, stage, shard)
        _finish(folder, result)
    return _report(run, stage, folder)


def generate_shard(run: Run, place: int, shard: int) -> StageCounts:
    """Run the generator at ``place`` over one shard."""
    stage, folder = run.stages[place], run.store.shard(run.stages[place], shard)
    if not folder.done:
        with folder.locked():
            if not folder.done:  # whoever held it may have finished it
                _generate(run, stage, folder, _upstream(run, place, shard), shard)
    return _report(run, stage, folder)


def sign_shard(run: Run, place: int, shard: int) -> None:
    """Phase 1 of the index filter at ``place``: pure, so shards may be signed in any order."""
    stage, folder = run.stages[place], run.store.shard(run.stages[place], shard)
    if folder.signatures() is None:
        _check_not_stopped(run)
        signatures = run.indexes[stage.label].sign(_upstream(run, place, shard).rows())
        folder.save_signatures(signatures)


def filter_shard(run: Run, place: int, shard: int) -> StageCounts:
    """Let the filter at ``place`` decide on one shard. Shards of an index filter must come in order."""
    stage, folder = run.stages[place], run.store.shard(run.stages[place], shard)
    if not folder.done:
        _check_not_stopped(run)
        frame = _upstream(run, place, shard).rows()
        if stage.kind == "index":
            _catch_up(run, place, shard)
            verdicts, notes = run.indexes[stage.label].decide(shard, frame, _signatures(run, place, shard))
        else:
            module: Any = stage.module
            verdicts = columns(module.judge(frame, stage.config))
            notes = dict(verdicts.notes)
        _finish(folder, _sift(stage, shard, frame, verdicts, notes))
    return _report(run, stage, folder)


def _generate(run: Run, stage: Stage, folder: ShardFolder, upstream: ShardFolder, shard: int) -> None:
    jobs = _jobs(stage, from_frame(upstream.rows()), run.seed)
    usage, steps = Usage(), [(job.key, job.steps) for job in jobs]
    run.progress.begin(stage.label, len(jobs))

    async def drive(ask: Ask) -> list[Ended[Outcome]]:
        door = run.teachers.turnstile
        return await drive_all(steps, ask, run.seed, stage.label, door=door, rank=shard)

    ended = _with_models(run, stage, folder, usage, shard, drive)
    books = settle(jobs, ended, _blank(stage, "generator"), shard)
    run.progress.begin(stage.label, -len(jobs))
    _finish(folder, ShardResult(to_frame(books.rows), rejects_frame(books.rejects), books.counts, usage))


def _pool_round(run: Run, stage: Stage, shard: int, folder: ShardFolder) -> ShardResult:
    assert run.pool is not None, "a pool source has a pool"
    while run.pool.rounds < shard:
        run.pool.absorb(from_frame(run.store.shard(stage, run.pool.rounds).rows()))
    usage, pool = Usage(), run.pool
    return _with_models(run, stage, folder, usage, shard, lambda ask: pool.grow(ask, usage))


def _with_models(
    run: Run, stage: Stage, folder: ShardFolder, usage: Usage, shard: int, work: Callable[[Ask], Coroutine[Any, Any, T]]
) -> T:
    """Do ``work``, which asks models; what was asked and paid for is in the log, however it ends.

    Raises:
        RunFailed: no request of the run was ever answered, and that may change: every shard would stay empty.
    """
    with CompletionLog.open(folder.open().log) as log:
        asker = Asker(run.teachers, log, usage, run.budget, rank=shard, stage=stage.label)

        async def to_the_end() -> T:
            try:
                return await work(asker.ask)
            except BudgetSpent:
                await asker.drain(None)
                raise
            finally:
                await asker.drain()

        result = run.teachers.run(to_the_end())
        words = [record.completion.error for record in log.records()] if usage.failed else []
        if words and all(word in TRANSIENT for word in words) and not _ever_answered(run):
            raise RunFailed(
                f"{stage.label}: all {len(words)} requests failed (the last one: {run.teachers.live().last_failure});"
                " mend the endpoint or the model's settings, and run the same command again"
            )
        return result


def _ever_answered(run: Run) -> bool:
    """Whether the models work: then what is never answered is the rows' own fault."""
    return any(usage.requests + usage.replayed > usage.failed for _, usage in usage_by_stage(run.store, run.stages))


def _seed_shard(run: Run, stage: Stage, shard: int) -> ShardResult:
    config: Any = stage.config
    per_pass = -(-len(run.seeds) // config.shard_rows)
    turn, place = divmod(shard, per_pass)
    turn += (run.draw.edition - 1) * config.passes
    rows = run.seeds[place * config.shard_rows : (place + 1) * config.shard_rows]
    if turn:
        rows = [_again(row, turn) for row in rows]
    counts = _blank(stage, "generator")
    counts.created = counts.rows_out = len(rows)
    return ShardResult(to_frame(rows), rejects_frame([]), counts, Usage())


def _again(row: Row, turn: int) -> Row:
    """A seed in a later pass: another id, so that all random choices fall anew."""
    birth = new_row(row.instruction, input=row.input, stage=row.stage, source=row.source, round=turn)
    return row.with_(id=birth.id, round=turn)


def _jobs(stage: Stage, rows: Sequence[Row], seed: int) -> list[Job]:
    module: Any = stage.module
    if hasattr(module, "grow_shard"):
        rng = rng_for(seed, stage.digest, rows[0].id if rows else "")
        return list(module.grow_shard(rows, stage.config, rng))
    return [Job(row.id, row, module.grow(row, stage.config, rng_for(seed, stage.digest, row.id))) for row in rows]


def _check_not_stopped(run: Run) -> None:
    """Where no model is asked, nothing else would stop a thread."""
    if run.stopped:
        raise RunFailed("the run was stopped; run the same command again to resume")


def _upstream(run: Run, place: int, shard: int) -> ShardFolder:
    return run.store.shard(run.stages[place - 1], shard)


def _signatures(run: Run, place: int, shard: int) -> Signatures:
    """What phase 1 computed, computed again if someone deleted it."""
    sign_shard(run, place, shard)
    signatures = run.store.shard(run.stages[place], shard).signatures()
    assert signatures is not None, "they have just been saved"
    return signatures


def _catch_up(run: Run, place: int, shard: int) -> None:
    """Let the index see the shards that an earlier process decided."""
    stage = run.stages[place]
    opened = run.indexes[stage.label]
    while opened.shards < shard:
        frame = _upstream(run, place, opened.shards).rows()
        opened.decide(opened.shards, frame, _signatures(run, place, opened.shards))


def _sift(stage: Stage, shard: int, frame: pl.DataFrame, verdicts: Verdicts, notes: dict[str, int]) -> ShardResult:
    done = sift(stage.label, shard, frame, verdicts)
    counts = _blank(stage, "filter")
    counts.rows_in, counts.rejected = frame.height, done.rejects.height
    counts.passed = counts.rows_out = done.kept.height
    counts.reasons, counts.notes = done.reasons, notes
    return ShardResult(done.kept, done.rejects, counts, Usage())


def _blank(stage: Stage, kind: str) -> StageCounts:
    return StageCounts(stage=stage.label, use=stage.use, kind=kind)


def _finish(folder: ShardFolder, result: ShardResult) -> None:
    """Check the balance, then make the shard durable.

    Raises:
        ConservationError: a row was lost, invented, or shares its id with another.
    """
    counts = result.counts
    if not counts.balanced() or counts.rows_out != result.rows.height:
        raise ConservationError(f"{counts.stage}: rows do not balance: {counts.model_dump()}; please report this")
    if result.rows["id"].n_unique() != result.rows.height:
        raise ConservationError(f"{counts.stage}: two rows of {folder.path} share an id; please report this")
    folder.save(result)


def _report(run: Run, stage: Stage, folder: ShardFolder) -> StageCounts:
    counts = folder.counts()
    run.progress.done(stage.label, counts)
    return counts
