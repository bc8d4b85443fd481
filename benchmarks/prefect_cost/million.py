"""A run of a million rows whose work costs nothing: the real flow, tasks, spans and names, and counts made up at once.

The functions of ``flows/work.py`` and the publishing are replaced; all else is as in a run, deployed to a work pool.
Each shard has the balance of the average shard of a real, small run, so the plan goes as it would.
"""

from pathlib import Path
from typing import Any
from unittest import mock

from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.flow_engine import run_flow

from flows import generate, work
from flows.recipe_file import check_recipe
from flows.run import Run, open_run
from schemas.manifest import Manifest, StageCounts

POOL = "benchmark"


class Made:
    """Makes up balances: every shard the same share of ``funnel``, the sum of ``shards`` shards."""

    def __init__(self, funnel: list[StageCounts], shards: int) -> None:
        self._funnel = funnel
        self._shards = shards

    def source(self, run: Run, shard: int) -> StageCounts:
        """Stands in for ``work.make_source``."""
        return self.stage(run, 0, shard)

    def stage(self, run: Run, place: int, shard: int) -> StageCounts:
        """Stands in for ``work.generate_shard`` and ``work.filter_shard``."""
        whole = self._funnel[place]
        part = {
            name: value * (shard + 1) // self._shards - value * shard // self._shards
            for name, value in whole.model_dump().items()
            if isinstance(value, int)
        }
        counts = whole.model_copy(update=part)
        run.progress.done(run.stages[place].label, counts)
        return counts

    def sign(self, run: Run, place: int, shard: int) -> None:
        """Stands in for ``work.sign_shard``."""


def published(run: Run, shards: int, stop_reason: str) -> Manifest:
    """Stands in for ``publish``."""
    rows = run.recipe.rows
    return Manifest(
        dataset=run.recipe.dataset,
        version=1,
        instructloom="",
        recipe=run.recipe.model_dump(mode="json"),
        recipe_digest=run.digest,
        rows_requested=rows,
        rows=rows,
        complete=stop_reason == "complete",
        stop_reason=stop_reason,
        rounds=shards,
    )


def run_million(recipe: dict[str, Any], root: Path, made: Made) -> Manifest:
    """Run ``recipe`` below ``root`` as a deployed flow run, with the balances of ``made``.

    Raises:
        RuntimeError: the run did not come to its N rows.
    """
    checked = check_recipe(recipe, "benchmark")
    parameters = {"recipe": checked.model_dump(mode="json"), "root": str(root)}
    open_run(checked, root).prepare()
    with (
        mock.patch.multiple(
            work, make_source=made.source, generate_shard=made.stage, sign_shard=made.sign, filter_shard=made.stage
        ),
        mock.patch.object(generate, "publish", published),
    ):
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
