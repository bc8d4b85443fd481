"""From filtered shards to a published version: the rows that survived, the rejects, and the books of both."""

from datetime import UTC, datetime
from importlib.metadata import version

from flows.filter_run import FileCounts, FilterRun
from flows.progress import add_counts
from flows.publish import check_chain, made_of, owe
from flows.reporting import add_report
from outputs.dataset import Draft, start_draft
from outputs.dataset import publish as publish_draft
from outputs.funnel import reasons_of
from outputs.parquet import QUICK_LEVEL, RejectWriter, TrainWriter
from schemas.errors import ConservationError, RunFailed
from schemas.manifest import Manifest, SeedReport, StageCounts


def publish_filtered(run: FilterRun, shards: int) -> Manifest:
    """Write what survived of ``shards`` shards as the next version of the dataset.

    Raises:
        RunFailed: nothing did.
        ConservationError: the funnel does not balance.
    """
    if done := next(made_of(run.root, run.recipe.dataset, run.digest), None):
        return done.manifest
    funnel, files = _books(run, shards)
    check_chain(funnel)
    if not funnel[-1].rows_out:
        lost = ", ".join(f"{stage}: {reason} {count:,}" for stage, reason, count in reasons_of(funnel)[:5])
        raise RunFailed(f"no row survived ({lost}); nothing was published; loosen a filter, or leave one out")
    run.indexes.clear()  # a million rows of them take as much memory as all the rest
    draft = start_draft(run.root / "datasets", run.recipe.dataset)
    to = draft.folder, run.recipe.output, QUICK_LEVEL
    with TrainWriter(*to) as rows, RejectWriter(*to) as rejects:
        for shard in range(shards):
            for leg in run.legs:
                rejects.write(run.folder(leg, shard).rejects())
            rows.write(run.folder(run.legs[-1], shard).rows())
    manifest = _manifest(run, draft, shards, funnel, files)
    manifest.files, manifest.rejects = rows.files, rejects.files
    _check_sums(manifest)
    run.report = add_report(draft.folder, manifest, run.stages, run.store.root, run.progress.timeline)
    if run.recipe.output.copy_to is not None:
        owe(run.root, manifest)
    return publish_draft(draft, manifest).manifest


def _books(run: FilterRun, shards: int) -> tuple[list[StageCounts], dict[int, FileCounts]]:
    """The balance of each stage, and what came of each file, over all shards."""
    funnel: dict[str, StageCounts] = {}
    files: dict[int, FileCounts] = {place: FileCounts() for place in range(len(run.input.files))}
    for shard in range(shards):
        for leg in run.legs:
            counts = run.folder(leg, shard).leg_counts()
            for stage in counts.stages:
                funnel[stage.stage] = add_counts(funnel.get(stage.stage), stage)
            for place, of_file in counts.files.items():
                files[place].rows += of_file.rows
                for reason, count in of_file.bad.items():
                    files[place].bad[reason] = files[place].bad.get(reason, 0) + count
    return [funnel[stage.label] for stage in run.stages], files


def _check_sums(manifest: Manifest) -> None:
    """What was written is what the funnel says: each record is a row of the one or the other.

    Raises:
        ConservationError: it is not.
    """
    kept, lost = (sum(file.rows for file in files) for files in (manifest.files, manifest.rejects))
    rejected = sum(stage.rejected for stage in manifest.funnel)
    made = manifest.funnel[0].rows_in + sum(stage.created for stage in manifest.funnel)
    if (kept, lost) != (manifest.rows, rejected) or kept + lost != made:
        raise ConservationError(
            f"{manifest.dataset}: {made:,} rows were read, {kept:,} written as kept and {lost:,} as rejected; please"
            " report this"
        )


def _manifest(
    run: FilterRun, draft: Draft, shards: int, funnel: list[StageCounts], files: dict[int, FileCounts]
) -> Manifest:
    rows = funnel[-1].rows_out
    inputs = [
        SeedReport(
            path=file.source.shown,
            format=file.container if file.container in ("csv", "parquet") else file.shape.layout,
            rows=files[place].rows,
            bad_lines=dict(sorted(files[place].bad.items())),
            sha256=file.sha256,
        )
        for place, file in enumerate(run.input.files)
    ]
    return Manifest(
        dataset=draft.dataset,
        version=draft.version,
        instructloom=version("instructloom"),
        command="filter",
        recipe=run.recipe.model_dump(mode="json"),
        recipe_digest=run.digest,
        rows_requested=rows,
        rows=rows,
        complete=True,
        stop_reason="complete",
        rounds=shards,
        source=run.stages[0].digest,
        flow_run=run.made_by,
        stage_folders=[stage.folder for stage in run.stages],
        seeds=inputs,
        funnel=funnel,
        started=run.started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
