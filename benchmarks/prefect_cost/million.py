"""A run of a million rows whose work costs nothing: the real flow, tasks, spans and names, and counts made up at once.

A small run in earnest comes first. Then the functions of ``flows/work.py`` and the publishing are replaced: each shard
has the balance of the small run's average shard, and what is shown at the end is the small run's version. All else is
as in a run, deployed to a work pool.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.flow_engine import run_flow

from benchmarks.prefect_cost import plain
from flows import generate, work
from flows.recipe_file import check_recipe
from flows.run import Run, open_run
from outputs.report.model import ReportData
from schemas.manifest import Manifest, StageCounts

POOL = "benchmark"


class MadeUp:
    """Stands in for the work of a run, by the example of a small one: ``manifest`` and ``report`` are its.

    The last stage keeps only ``share`` of what it kept there.
    """

    def __init__(self, manifest: Manifest, report: ReportData | None, share: float) -> None:
        self._small = manifest
        self._report = report
        self._funnel = [counts.model_copy() for counts in manifest.funnel[:-1]]  # without the cut at N
        last = self._funnel[-1]
        last.passed = int(last.passed * share)
        last.rejected, last.rows_out = last.rows_in - last.passed, last.passed

    def source(self, run: Run, shard: int) -> StageCounts:
        """For ``work.make_source``."""
        return self.stage(run, 0, shard)

    def stage(self, run: Run, place: int, shard: int) -> StageCounts:
        """For ``work.generate_shard`` and ``work.filter_shard``."""
        whole, shards = self._funnel[place], self._small.rounds
        part = {
            name: value * (shard + 1) // shards - value * shard // shards
            for name, value in whole.model_dump().items()
            if isinstance(value, int)
        }
        counts = whole.model_copy(update=part)
        run.progress.done(run.stages[place].label, counts)
        return counts

    def sign(self, run: Run, place: int, shard: int) -> None:
        """For ``work.sign_shard``."""

    def publish(self, run: Run, shards: int, stop_reason: str) -> Manifest:
        """For ``publish``."""
        run.report = self._report
        return self._small.model_copy(
            update={"rounds": shards, "stop_reason": stop_reason, "complete": stop_reason == "complete"}
        )

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Take the place of the work while the body runs."""
        stage = self.stage
        with (
            mock.patch.multiple(
                work, make_source=self.source, generate_shard=stage, sign_shard=self.sign, filter_shard=stage
            ),
            mock.patch.object(generate, "publish", self.publish),
        ):
            yield


def small_run(recipe: dict[str, Any], root: Path, share: float) -> MadeUp:
    """Make ``recipe`` below ``root`` in earnest and in plain threads; only the dataset stays."""
    run = open_run(check_recipe(recipe, "benchmark"), root)
    try:
        run.prepare()
        manifest = plain.make(run)
    finally:
        run.close()
    shutil.rmtree(root / "runs")
    return MadeUp(manifest, run.report, share)


def run_made_up(recipe: dict[str, Any], root: Path, made_up: MadeUp) -> Manifest:
    """Run ``recipe`` below ``root`` as a deployed flow run, without its work.

    Raises:
        RuntimeError: the run did not come to its N rows.
    """
    checked = check_recipe(recipe, "benchmark")
    parameters = {"recipe": checked.model_dump(mode="json"), "root": str(root)}
    with made_up.in_place():
        manifest: Any = run_flow(generate.generate, flow_run=_deployed(parameters), parameters=parameters)
    if not manifest.complete:
        raise RuntimeError(f"the run ended early: {manifest.stop_reason}")
    result: Manifest = manifest
    return result


def _deployed(parameters: dict[str, Any]) -> Any:
    """A flow run as a worker takes it up: each event of it names deployment, pool, queue and tags."""
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        flow = client.create_flow(generate.generate)
        deployment = client.create_deployment(flow, name="benchmark", work_pool_name=POOL, tags=["benchmark"])
        return client.create_flow_run_from_deployment(deployment, parameters=parameters, tags=["benchmark"])
