"""The flow that a Prefect deployment runs: the same as ``generate``, with a form of plain fields to fill in.

``instructloom deploy`` makes such deployments; Prefect's UI shows the parameters below as a form, with what the
docstring says of each. Each run adds a version to the dataset; runs of one dataset wait for one another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import State, flow
from prefect.runtime import flow_run as this_run
from prefect.states import Cancelled, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.approval import approve_in_ui
from flows.generate import THREADS, make, try_out
from flows.logbook import keep_logbook
from flows.prefect_api import logger
from flows.progress import Progress
from flows.publish import published_by
from flows.recipe_file import load_recipe, replaced
from flows.run import open_run
from flows.steering import RunCancelled
from flows.store import Store
from schemas.errors import InstructloomError
from schemas.manifest import Manifest
from schemas.recipe import Recipe


@flow(
    name="generate",
    task_runner=ThreadPoolTaskRunner(max_workers=THREADS),  # type: ignore[arg-type]
    persist_result=False,
)
def deployed(
    recipe: Annotated[str, Field(description="A recipe file, or the name of one of ours.")],
    root: Annotated[str, Field(description="The folder that holds runs/ and datasets/.")] = ".",
    dataset: Annotated[str | None, Field(description="Dataset name instead of the recipe's.")] = None,
    rows: Annotated[
        int | None, Field(ge=1, description="Rows that survive everything, instead of the recipe's.")
    ] = None,
    seed: Annotated[int | None, Field(ge=0, description="Random seed instead of the recipe's.")] = None,
    concurrency: Annotated[int | None, Field(ge=1, description="Requests in flight, at most, for every model.")] = None,
    budget_usd: Annotated[float | None, Field(gt=0, description="US dollars, at most, for this version.")] = None,
    budget_tokens: Annotated[int | None, Field(ge=1, description="Tokens, at most, for this version.")] = None,
    budget_requests: Annotated[int | None, Field(ge=1, description="Requests, at most, for this version.")] = None,
    runner: Annotated[
        Literal["local", "ray"] | None, Field(description="Where the stages that ask a model run: here, or on Ray.")
    ] = None,
    overrides: Annotated[
        dict[str, Any],
        Field(description='Other fields of the recipe, by their path: {"models.teacher.temperature": 0.9}.'),
    ] = {},  # noqa: B006  # never changed; None would give the UI's form another type
    add: Annotated[
        bool, Field(description="Add a version of rows that no earlier version has; off: the recipe by itself.")
    ] = True,
    approve: Annotated[
        bool, Field(description="Make a first shard, then wait for a person who looks at it and at the cost.")
    ] = False,
) -> Manifest:
    """Make the next version of a dataset."""
    keep_logbook()
    given = {
        "dataset": dataset,
        "rows": rows,
        "seed": seed,
        "runner": runner,
        "limits.budget_usd": budget_usd,
        "limits.budget_tokens": budget_tokens,
        "limits.budget_requests": budget_requests,
    }
    fields = {path: value for path, value in given.items() if value is not None} | overrides
    with _told() as ended:
        checked = replaced(load_recipe(recipe, concurrency=concurrency), fields)
        return _generate(checked, Path(root), recipe, add, approve)
    return ended[0]  # how Prefect is told the final state


def _generate(recipe: Recipe, root: Path, origin: str, add: bool, approve: bool) -> Manifest:
    store = Store(root.absolute() / "runs" / recipe.dataset)
    with store.locked(waits=logger().info):
        if made := published_by(root, recipe.dataset, this_run.id):
            return made
        if approve:
            run = open_run(recipe, root, origin, Progress(wanted=recipe.rows, dataset=recipe.dataset), add)
            try:
                recipe = replaced(recipe, approve_in_ui(run, try_out(run)))
            finally:
                run.close()
        run = open_run(recipe, root, origin, Progress(wanted=recipe.rows, dataset=recipe.dataset), add)
        try:
            return make(run)
        finally:
            run.close()


@contextmanager
def _told() -> Iterator[list[State[Any]]]:
    """An error of ours ends the run with one line as its state's message, and no traceback in its log."""
    ended: list[State[Any]] = []
    try:
        yield ended
    except RunCancelled as stop:
        ended.append(Cancelled(message=str(stop)))
    except InstructloomError as error:
        logger().error(str(error))
        ended.append(Failed(message=str(error)))
