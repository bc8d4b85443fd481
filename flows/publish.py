"""From finished shards to a published version: exactly N rows, everything else in the rejects, the books balanced."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import polars as pl

from flows.earlier import INTERRUPTED
from flows.progress import add_counts
from flows.reporting import add_report
from flows.run import Run
from flows.spending import usage_by_stage
from outputs.dataset import Dataset, Draft, read_dataset, start_draft, versions
from outputs.dataset import publish as publish_draft
from outputs.funnel import reasons_of
from outputs.parquet import RejectWriter, TrainWriter
from outputs.upload import copy_version
from schemas.errors import ConservationError, CorruptRun, RunFailed
from schemas.manifest import Manifest, StageCounts
from schemas.recipe import FilterRecipe, Recipe
from schemas.reject import Rejected, rejects_frame
from schemas.row import from_frame

TAKE = "take"
"""The last step of the funnel: the cut at exactly N. What is beyond it is rejected as ``surplus``."""


def published(run: Run) -> Dataset | None:
    """The version that this very run has already published, complete; None if there is none."""
    return next(
        (dataset for dataset in made_of(run.root, run.recipe.dataset, run.digest) if dataset.manifest.complete), None
    )


def published_by(root: Path, dataset: str, flow_run: str) -> Dataset | None:
    """The complete version that a flow run has already published: it was tried again after that."""
    made = _all_versions(root, dataset)
    return next((each for each in made if each.manifest.complete and each.manifest.flow_run == flow_run), None)


def made_of(root: Path, dataset: str, digest: str) -> Iterator[Dataset]:
    """The versions that the run of that digest has published, the newest first."""
    return (made for made in _all_versions(root, dataset) if made.manifest.recipe_digest == digest)


def _all_versions(root: Path, dataset: str) -> Iterator[Dataset]:
    folder = root / "datasets"
    for number in reversed(versions(folder, dataset)):
        yield read_dataset(folder / dataset / f"v{number}")


def publish(run: Run, shards: int, stop_reason: str) -> Manifest:
    """Write the first N surviving rows of ``shards`` shards as the next version of the dataset."""
    if done := published(run):
        return done.manifest
    if not any(run.store.shard(run.stages[-1], shard).rows().height for shard in range(shards)):
        why = f"limits.{stop_reason} is spent" if stop_reason.startswith("budget") else _where_they_went(run, shards)
        raise RunFailed(f"no row survived ({why}); nothing was published; what was asked is kept for the next run")
    draft = start_draft(run.root / "datasets", run.recipe.dataset)
    funnel = _funnel(run, shards)
    take = StageCounts(stage=TAKE, use=TAKE, kind=TAKE)
    with TrainWriter(draft.folder, run.recipe.output) as rows, RejectWriter(draft.folder, run.recipe.output) as rejects:
        for shard in range(shards):
            for stage in run.stages:
                rejects.write(run.store.shard(stage, shard).rejects())
            kept, surplus = _cut(run, shard, take)
            rows.write(kept)
            rejects.write(surplus)
    funnel.append(take)
    check_chain(funnel)
    manifest = _manifest(run, draft, shards, stop_reason, funnel)
    manifest.files, manifest.rejects = rows.files, rejects.files
    if same := _made_before(run, manifest):
        shutil.rmtree(draft.folder)
        return same.manifest
    timeline = run.progress.timeline
    run.report = add_report(draft.folder, manifest, run.stages, run.store.root, timeline)
    # One that a person stopped is a part of what is to come, and not copied.
    if run.recipe.output.copy_to is not None and stop_reason != INTERRUPTED:
        owe(run.root, manifest)
    return publish_draft(draft, manifest).manifest


def owe(root: Path, manifest: Manifest) -> None:
    """Note that a version, about to be published, is to be copied."""
    owed = _owed(root, manifest.dataset, manifest.version)
    owed.parent.mkdir(exist_ok=True)
    owed.touch()


def copied(recipe: Recipe | FilterRecipe, root: Path, dataset: Dataset) -> None:
    """Copy a version of ``recipe`` to where its ``output.copy_to`` wants it, if it does.

    Raises:
        RunFailed: it is published, but not copied.
    """
    if recipe.output.copy_to is not None:
        copy_version(dataset, recipe.output.copy_to)
        _owed(root, dataset.manifest.dataset, dataset.manifest.version).unlink(missing_ok=True)


def not_copied(recipe: Recipe, root: Path) -> list[Dataset]:
    """The versions of its dataset that ``output.copy_to`` wanted and never got, the oldest first."""
    if recipe.output.copy_to is None:
        return []
    every = list(_all_versions(root, recipe.dataset))
    superseded = {number for each in every for number in each.manifest.supersedes}
    standing = [each for each in reversed(every) if each.manifest.version not in superseded]
    return [each for each in standing if _owed(root, recipe.dataset, each.manifest.version).exists()]


def _owed(root: Path, dataset: str, version: int) -> Path:
    """A file that is there from before a version is published until it is copied."""
    return root / "runs" / dataset / "not-copied" / f"v{version}"


def _made_before(run: Run, manifest: Manifest) -> Dataset | None:
    """The version with the very same files: a run that ended short and came no further this time."""
    for dataset in made_of(run.root, run.recipe.dataset, run.digest):
        if (dataset.manifest.files, dataset.manifest.rejects) == (manifest.files, manifest.rejects):
            return dataset
    return None


def _superseded(run: Run, rows: int) -> list[int]:
    """Versions that hold the beginning of this run's ``rows`` rows: the same work, which came less far."""
    folders = [stage.folder for stage in run.stages]
    manifests = [dataset.manifest for dataset in _all_versions(run.root, run.recipe.dataset)]
    same = [each for each in manifests if each.stage_folders == folders and each.rows <= rows]
    return sorted(each.version for each in same)


def _where_they_went(run: Run, shards: int) -> str:
    lost = reasons_of(_funnel(run, shards))
    return ", ".join(f"{stage}: {reason} {count:,}" for stage, reason, count in lost[:5]) or "nothing was made"


def _cut(run: Run, shard: int, take: StageCounts) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of one shard that still fit, and those that do not, booked in ``take``."""
    frame = run.store.shard(run.stages[-1], shard).rows()
    fits = min(frame.height, run.recipe.rows - take.passed)
    beyond = frame.height - fits
    take.rows_in += frame.height
    take.passed += fits
    take.rows_out += fits
    take.rejected += beyond
    if beyond:
        take.reasons["surplus"] = take.reasons.get("surplus", 0) + beyond
    surplus = [Rejected(TAKE, "surplus", "row", shard, row) for row in from_frame(frame.slice(fits))]
    return frame.head(fits), rejects_frame(surplus)


def _funnel(run: Run, shards: int) -> list[StageCounts]:
    totals: list[StageCounts] = []
    for stage in run.stages:
        total: StageCounts | None = None
        for shard in range(shards):
            folder = run.store.shard(stage, shard)
            if not folder.done:
                raise CorruptRun(f"{folder.path}: this shard is not done; run the same command again")
            total = add_counts(total, folder.counts())
        totals.append(total or StageCounts(stage=stage.label, use=stage.use, kind="generator"))
    return totals


def check_chain(funnel: list[StageCounts]) -> None:
    """What one stage lets out is what the next takes in.

    Raises:
        ConservationError: it is not.
    """
    for before, after in pairwise(funnel):
        if before.rows_out != after.rows_in or not after.balanced():
            raise ConservationError(
                f"{before.stage} let out {before.rows_out} rows, {after.stage} took in {after.rows_in}; please report"
            )


def _manifest(run: Run, draft: Draft, shards: int, stop_reason: str, funnel: list[StageCounts]) -> Manifest:
    rows = funnel[-1].rows_out
    return Manifest(
        dataset=draft.dataset,
        version=draft.version,
        instructloom=version("instructloom"),
        recipe=run.recipe.model_dump(mode="json"),
        recipe_digest=run.digest,
        rows_requested=run.recipe.rows,
        rows=rows,
        complete=rows == run.recipe.rows,
        stop_reason=stop_reason,
        rounds=shards,
        source=run.source,
        edition=run.draw.edition,
        earlier=run.earlier.numbers if run.earlier else [],
        supersedes=_superseded(run, rows),
        flow_run=run.made_by,
        stage_folders=[stage.folder for stage in run.stages],
        seeds=run.seed_reports,
        funnel=funnel,
        usage=dict(usage_by_stage(run.store, run.stages)),
        started=run.started.isoformat(timespec="seconds"),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
