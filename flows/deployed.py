"""The flow that deployments run: a recipe by its name or file, with what the form of the UI replaces."""

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.generate import THREADS, make
from flows.recipe_file import load_recipe, replaced
from flows.run import open_run
from flows.tether import tethered


@flow(
    name="generate",
    task_runner=ThreadPoolTaskRunner(max_workers=THREADS),  # type: ignore[arg-type]
    persist_result=False,
)
def deployed(
    recipe: str,
    root: str = ".",
    dataset: str | None = None,
    rows: Annotated[int | None, Field(ge=1)] = None,
    seed: Annotated[int | None, Field(ge=0)] = None,
    concurrency: Annotated[int | None, Field(ge=1)] = None,
    budget_usd: Annotated[float | None, Field(gt=0)] = None,
    budget_tokens: Annotated[int | None, Field(ge=1)] = None,
    budget_requests: Annotated[int | None, Field(ge=1)] = None,
    runner: Literal["local", "ray"] | None = None,
    overrides: dict[str, Any] = {},  # noqa: B006  # Prefect shows it as the form's default
    add: bool = True,
    approve: bool = False,
) -> dict[str, Any]:
    """Make a dataset from a recipe.

    Args:
        recipe: A recipe file, by its absolute path, or the name of one of ours.
        root: The folder that holds runs/ and datasets/, by its absolute path.
        dataset: Name of the dataset. Empty: as in the recipe.
        rows: Rows that must survive every filter. Empty: as in the recipe.
        seed: Seed of every random choice. Empty: as in the recipe.
        concurrency: Requests in flight, at most, for every model. Empty: as in the recipe.
        budget_usd: US dollars to spend, at most. Empty: as in the recipe.
        budget_tokens: Tokens to spend, at most. Empty: as in the recipe.
        budget_requests: Requests to send, at most. Empty: as in the recipe.
        runner: Where the stages that ask a model run. Empty: as in the recipe.
        overrides: Other fields of the recipe, by dotted path, such as {"models.teacher.temperature": 0.9}.
        add: Add a version with rows that no earlier version has; off, make the dataset once.
        approve: Stop after some rows, and wait for a person to look at them.
    """
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
    checked = replaced(load_recipe(recipe, concurrency=concurrency), fields)
    with tethered():
        run = open_run(checked, Path(root), recipe)
        try:
            manifest = make(run)
        finally:
            run.close()
    return {"version": manifest.version, "rows": manifest.rows}
