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
from pydantic import Field

from flows.approval import answered, approve_in_ui
from flows.generate import OURS, make, try_out
from flows.logbook import keep_logbook
from flows.prefect_api import logger
from flows.progress import Progress
from flows.publish import copied, not_copied, published_by
from flows.recipe_file import load_recipe, replaced
from flows.reporting import report_of
from flows.run import open_run
from flows.showing import show_version
from flows.steering import RunCancelled
from flows.store import Store
from flows.tether import tethered
from schemas.errors import InstructloomError
from schemas.manifest import Manifest
from schemas.recipe import Recipe

AtLeastOne = Annotated[int | None, Field(ge=1)]


@flow(name="generate", **OURS)
def deployed(
    recipe: str,
    root: str = ".",
    dataset: str | None = None,
    rows: AtLeastOne = None,
    seed: Annotated[int | None, Field(ge=0)] = None,
    concurrency: AtLeastOne = None,
    budget_usd: Annotated[float | None, Field(gt=0)] = None,
    budget_tokens: AtLeastOne = None,
    budget_requests: AtLeastOne = None,
    runner: Literal["local", "ray"] | None = None,
    overrides: dict[str, Any] = {},  # noqa: B006  # never changed; None would give the form another type
    add: bool = True,
    approve: bool = False,
) -> Manifest:
    """Make the next version of a dataset.

    Args:
        recipe: A recipe file on the worker's machine, or the name of one of ours.
        root: The folder that holds runs/ and datasets/.
        dataset: The dataset's name, instead of the recipe's.
        rows: Rows that survive every filter, instead of the recipe's.
        seed: The random seed, instead of the recipe's.
        concurrency: Requests in flight, at most, for every model.
        budget_usd: US dollars that this version may cost, instead of the recipe's.
        budget_tokens: Tokens that this version may cost, instead of the recipe's.
        budget_requests: Requests that this version may take, instead of the recipe's.
        runner: Where the stages that ask a model run: in the worker's process, or on a Ray cluster.
        overrides: Other fields of the recipe by their path, such as {"models.teacher.temperature": 0.9}.
        add: Add a version of rows that no earlier version has. Off: make what the recipe by itself makes.
        approve: Make the first shard, then wait until a person has looked at its rows and at the cost.
    """
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
    with tethered(), _told() as ended:
        checked = replaced(load_recipe(recipe, concurrency=concurrency), fields)
        return _generate(checked, Path(root), recipe, add, approve)
    return ended[0]  # how Prefect is told the final state


def _generate(recipe: Recipe, root: Path, origin: str, add: bool, approve: bool) -> Manifest:
    store = Store(root.absolute() / "runs" / recipe.dataset)
    with store.locked(waits=logger().info):
        if made := published_by(root.absolute(), recipe.dataset, this_run.id):
            # It was tried again for what comes after publishing.
            show_version(made, report_of(made, store.root))
            copied(recipe, store.root.parents[1], made)
            return made.manifest
        for made in not_copied(recipe, store.root.parents[1]):
            logger().info("%s was not copied by the run that made it; copying it now", made.label)
            copied(recipe, store.root.parents[1], made)
        if approve:
            recipe = _approved(recipe, root, origin, add, store)
        run = open_run(recipe, root, origin, Progress(wanted=recipe.rows, dataset=recipe.dataset), add)
        try:
            return make(run)
        finally:
            run.close()


def _approved(recipe: Recipe, root: Path, origin: str, add: bool, store: Store) -> Recipe:
    """The recipe as a person wants it; who has answered is not asked again when the run is tried again."""
    if (changes := answered(store, this_run.id)) is not None:
        return replaced(recipe, changes, "approval")
    run = open_run(recipe, root, origin, Progress(wanted=recipe.rows, dataset=recipe.dataset), add)
    try:
        return approve_in_ui(run, try_out(run), this_run.id)
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
