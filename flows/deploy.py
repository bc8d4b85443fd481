"""``instructloom deploy``: a recipe becomes a Prefect deployment, whose form has its parameters."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.markup import escape

import flows
from flows.inspect import seed_line
from flows.pools import PAGE, PATIENT, POOL, TAG, check_pool_name, ensure_watch, online
from flows.recipe_file import load_recipe, replaced
from flows.run import check_index
from flows.servers import need_server, ui_at
from flows.stages import resolve
from flows.when import in_words, next_times
from generators.seeds import read_seeds
from schemas.errors import BadInput
from schemas.recipe import Recipe

if TYPE_CHECKING:
    from uuid import UUID

    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import WorkPool

FLOW = "generate"
ENTRYPOINT = "flows.deployed.deployed"
"""By module, not by file: the worker runs it from the package that is installed there."""
FIELDS = {"dataset": "dataset", "rows": "rows", "seed": "seed", "runner": "runner", "budget_usd": "limits.budget_usd"}
"""Parameters of the flow, and the fields of the recipe that they replace."""
Overlap = Literal["wait", "skip"]
STRATEGY = {"wait": "ENQUEUE", "skip": "CANCEL_NEW"}
TOLD = {
    "wait": "a run that comes while another is under way waits for it",
    "skip": "a run that comes while another is under way is skipped",
}
_ROOMS = ("flows", "generators", "filters", "teachers", "schemas", "outputs", "recipes")


@dataclass(frozen=True)
class Order:
    """What is to be deployed. ``parameters``: those of the flow that the command line gives; ``schedule``: of
    Prefect's; None keeps the one it has, unless ``unscheduled``.
    """

    recipe: str
    root: Path
    name: str | None = None
    pool: str = POOL
    schedule: Any = None
    unscheduled: bool = False
    overlap: Overlap = "skip"
    paused: bool | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment:
    """A checked order, with what Prefect wants to know."""

    order: Order
    recipe: Recipe
    name: str
    parameters: dict[str, Any]
    description: str
    tags: list[str]

    @property
    def version(self) -> str:
        """Names the recipe with all that the parameters replace: the same text, the same version."""
        return hashlib.blake2b(self.recipe.model_dump_json().encode(), digest_size=6).hexdigest()

    def job_variables(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """What processes of runs get, so far as the pool, whose variables are ``known``, has a place for it."""
        variables = {"env": dict(PATIENT), "working_dir": str(Path.cwd())}
        return {name: value for name, value in variables.items() if name in known}


def check_order(order: Order) -> Deployment:
    """Check the recipe as a run would, without asking a model or Prefect.

    Raises:
        BadInput: recipe, seeds or a stage cannot be used, or this folder would hide our own modules from the run.
    """
    given = dict(order.parameters)
    fields = {path: given[name] for name, path in FIELDS.items() if name in given} | given.get("overrides", {})
    recipe = replaced(load_recipe(order.recipe, concurrency=given.get("concurrency")), fields, order.recipe)
    _, reports = read_seeds(recipe.seeds)
    stages = resolve(recipe, "", order.recipe)
    if given.get("add", True):
        check_index(stages, order.recipe)
    _check_folder(Path.cwd())
    file = Path(order.recipe)
    parameters = {
        "recipe": str(file.resolve()) if file.is_file() else order.recipe,
        "root": str(order.root),
        **_shown(recipe),
        **given,
    }
    lines = [
        f"Makes **{recipe.rows:,} rows** of dataset `{recipe.dataset}`, each run a version with rows that no earlier"
        " one has.",
        "",
        f"- recipe: `{parameters['recipe']}`",
        f"- folder: `{parameters['root']}`",
        *(f"- seeds: {seed_line(report)}" for report in reports),
        *(f"- model `{name}`: `{model.model}`" for name, model in recipe.models.items()),
        f"- stages: {' → '.join(stage.label for stage in stages)}",
    ]
    check_pool_name(order.pool)
    if order.root.exists() and not order.root.is_dir():
        raise BadInput(f"--root {order.root}: this is a file; give a folder")
    name = order.name or recipe.dataset
    if "/" in name or "%" in name or not name.strip():
        raise BadInput(f"--name {name}: a deployment's name has no / and no %; give another")
    return Deployment(order, recipe, name, parameters, "\n".join(lines), [TAG, f"dataset:{recipe.dataset}"])


def _shown(recipe: Recipe) -> dict[str, Any]:
    """What the form shows as it is in the recipe, to be changed there; elsewhere it has an empty field."""
    fields = {name: getattr(recipe, name) for name in ("dataset", "rows", "seed", "runner")}
    budgets = {name: getattr(recipe.limits, name) for name in ("budget_usd", "budget_tokens", "budget_requests")}
    return fields | {name: value for name, value in budgets.items() if value is not None}


def deploy(order: Order, out: Console) -> None:
    """Make the deployment, or bring the one of that name up to date, and say what it will do.

    Raises:
        BadInput: see ``check_order``; or there is no such work pool.
        RunFailed: no Prefect server answers.
    """
    checked = check_order(order)
    api = need_server()
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        pool = _pool(client, order.pool)
        before = _existing(client, checked.name)
        kept = None if order.schedule or order.unscheduled or before is None else list(before.schedules)
        key = _send(client, checked, pool, kept or [])
        is_paused = client.read_deployment(key).paused
    ensure_watch()
    say = _Lines(out)
    say("Deployed", f"{FLOW}/{checked.name}, version {checked.version}")
    say("", f"{ui_at(api)}/deployments/deployment/{key}")
    for change in _changes(before.parameters if before else checked.parameters, checked.parameters):
        say("Changed", change)
    if order.schedule is not None:
        for zone in sorted(_zones(before) - {order.schedule.timezone}):
            say("Changed", f"time zone: {zone} → {order.schedule.timezone}; --timezone sets it")
    _tell_schedule(say, order.schedule or (kept[0].schedule if kept else None), checked, is_paused)
    if pool.type == "process" and not online(order.pool):
        option = "" if order.pool == POOL else f" --pool {order.pool}"
        say("Worker", f"none polls pool {order.pool!r} now; start one: instructloom up{option}")
    for variable in _missing_keys(checked.recipe):
        say("Key", f"{variable} is not set here; the worker needs it: set it where `instructloom up` starts")
    say("Start now", f"instructloom schedule run {checked.name}")


def _send(client: "SyncPrefectClient", checked: Deployment, pool: "WorkPool", kept: list[Any]) -> "UUID":
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.objects import ConcurrencyLimitStrategy, ConcurrencyOptions
    from prefect.utilities.callables import parameter_schema

    from flows.deployed import deployed

    order = checked.order
    schedules = [DeploymentScheduleCreate(schedule=each.schedule, active=each.active) for each in kept]
    if order.schedule is not None:
        schedules = [DeploymentScheduleCreate(schedule=order.schedule, active=True)]
    known = pool.base_job_template.get("variables", {}).get("properties", {})
    # Prefect replaces what the deployment of that name had: schedules do not pile up.
    return client.create_deployment(
        flow_id=client.create_flow_from_name(FLOW),
        name=checked.name,
        version=checked.version,
        description=checked.description,
        tags=checked.tags,
        entrypoint=ENTRYPOINT,
        pull_steps=[],
        work_pool_name=order.pool,
        job_variables=checked.job_variables(known),
        parameters=checked.parameters,
        parameter_openapi_schema=parameter_schema(deployed.fn).model_dump(exclude_unset=True),
        enforce_parameter_schema=True,
        schedules=schedules,
        concurrency_limit=1,
        concurrency_options=ConcurrencyOptions(collision_strategy=ConcurrencyLimitStrategy(STRATEGY[order.overlap])),
        paused=order.paused,
    )


def _pool(client: "SyncPrefectClient", name: str) -> "WorkPool":
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_work_pool(name)
    except ObjectNotFound:
        known = ", ".join(sorted(pool.name for pool in client.read_work_pools(limit=PAGE)))
        there = f"there are {known}" if known else "there is none yet"
        raise BadInput(f"--pool {name}: no such work pool, {there}; `instructloom up --pool {name}` makes it") from None


def _existing(client: "SyncPrefectClient", name: str) -> Any:
    """The deployment of that name, if there is one."""
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_deployment_by_name(f"{FLOW}/{name}")
    except ObjectNotFound:
        return None


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """What another deployment of the same name changes in the parameters, such as an approval that is gone."""
    for name in sorted({*before, *after}):
        was, is_now = before.get(name), after.get(name)
        if was != is_now and (was or is_now):
            yield f"{name}: {was if was is not None else 'not given'} → {is_now if is_now is not None else 'not given'}"


def _zones(deployment: Any) -> set[str]:
    return {each.schedule.timezone or "UTC" for each in deployment.schedules} if deployment else set()


class _Lines:
    """What is told, in two columns."""

    def __init__(self, out: Console) -> None:
        self.out = out

    def __call__(self, what: str, told: str) -> None:
        self.out.print(escape(f"{what:<12}{told}"), soft_wrap=True)


def _tell_schedule(say: _Lines, schedule: Any, checked: Deployment, is_paused: bool) -> None:
    order = checked.order
    if schedule is None:
        say("Schedule", "none; it runs when somebody starts it")
    else:
        kept = "" if order.schedule else ", as before"
        times = ", ".join(f"{time:%a %d %b %H:%M}" for time in next_times(schedule, 3))
        say("Schedule", f"{in_words(schedule)} ({schedule.timezone or 'UTC'}){kept}; next: {times or 'never'}")
        if is_paused:
            say("", f"paused; go on: instructloom schedule resume {checked.name}")
    say("Overlap", TOLD[order.overlap])


def _missing_keys(recipe: Recipe) -> list[str]:
    names = {model.api_key_env for model in recipe.models.values() if model.api_key_env}
    return sorted(name for name in names if not os.environ.get(name))


def _check_folder(folder: Path) -> None:
    """A run works in this folder, so that a recipe's relative paths mean what they mean here; Python looks for modules
    there first.
    """
    ours = Path(flows.__file__).parents[1]
    for room in _ROOMS:
        for hiding in (folder / room / "__init__.py", folder / f"{room}.py"):
            if hiding.exists() and folder.resolve() != ours.resolve():
                raise BadInput(f"{hiding} would hide our own {room!r} from the runs; deploy from another folder")
