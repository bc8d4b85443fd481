"""``instructloom schedule``: our deployments on a Prefect server, listed, paused, resumed, started and removed."""

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.deploy import FLOW
from flows.pools import PAGE, TAG, online
from flows.recipe_file import load_recipe, replaced
from flows.servers import need_server, ui_at
from flows.when import in_words, next_times
from outputs.dataset import open_dataset
from schemas.errors import BadInput, InstructloomError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.responses import DeploymentResponse

SKIPPED = "Deployment concurrency limit reached."
"""What Prefect says of a run that came while another was under way."""
COLUMNS = ("name", "dataset", "schedule", "time zone", "next run", "last run", "made", "state")


def list_deployments(out: Console) -> None:
    """A table of our deployments.

    Raises:
        RunFailed: no Prefect server answers.
    """
    need_server()
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        deployments = ours(client)
        if not deployments:
            out.print('No deployment yet. Make one: instructloom deploy RECIPE --cron "0 2 * * *"', soft_wrap=True)
            return
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in COLUMNS:
            table.add_column(column)
        for deployment in deployments:
            table.add_row(*map(escape, _cells(client, deployment)))
    out.print(table)


def pause(name: str, paused: bool, out: Console) -> None:
    """Stop the schedule of the deployment ``name``, or let it go on.

    Raises:
        BadInput: there is no such deployment.
    """
    need_server()
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        deployment = find(client, name)
        (client.pause_deployment if paused else client.resume_deployment)(deployment.id)
    if paused:
        out.print(escape(f"{deployment.name} is paused; runs under way go on."), soft_wrap=True)
        return
    times = [time for each in deployment.schedules for time in next_times(each.schedule, 1)]
    then = f"next run {_told(min(times))}" if times else "it has no schedule"
    out.print(escape(f"{deployment.name} is active; {then}."), soft_wrap=True)


def remove(name: str, sure: bool, out: Console) -> None:
    """Delete the deployment ``name``, after a question unless ``sure``; its runs and datasets stay.

    Raises:
        BadInput: there is no such deployment, or a run of it is under way.
    """
    need_server()
    import typer
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        deployment = find(client, name)
        if working := _under_way(client, deployment):
            # The limit of one run at a time goes with the deployment, and who holds it could not end any more.
            raise BadInput(f"{name}: its run {working} is under way; wait for it, or cancel it in the web page")
        if not sure:
            typer.confirm(f"Remove the deployment {deployment.name}? Its datasets stay", abort=True)
        client.delete_deployment(deployment.id)
    out.print(escape(f"{deployment.name} is removed; its datasets stay."), soft_wrap=True)


def start(name: str, parameters: dict[str, Any], out: Console) -> None:
    """Start a run of the deployment ``name`` now, in its worker; ``parameters`` replace its own.

    Raises:
        BadInput: there is no such deployment, or it refuses a parameter.
    """
    api = need_server()
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    with get_client(sync_client=True) as client:
        deployment = find(client, name)
        overrides = {**deployment.parameters.get("overrides", {}), **parameters.get("overrides", {})}
        sent = {**parameters, **({"overrides": overrides} if overrides else {})}
        _check({**deployment.parameters, **sent})
        try:
            run = client.create_flow_run_from_deployment(deployment.id, parameters=sent)
        except PrefectHTTPStatusError as error:
            raise BadInput(f"{name}: refused: {_detail(error)}") from None
    out.print(
        escape(f"{run.name} of {deployment.name} is in line: {ui_at(api)}/runs/flow-run/{run.id}"), soft_wrap=True
    )
    if not online(deployment.work_pool_name or ""):
        out.print(escape(f"No worker polls pool {deployment.work_pool_name!r} now; start one: instructloom up"))


def ours(client: "SyncPrefectClient") -> list["DeploymentResponse"]:
    """Our deployments on that server, by name."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
    from prefect.client.schemas.sorting import DeploymentSort

    found: list[DeploymentResponse] = []
    while True:
        page = client.read_deployments(
            deployment_filter=DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG])),
            sort=DeploymentSort.NAME_ASC,
            offset=len(found),
            limit=PAGE,
        )
        found += page
        if not page:
            return found


def find(client: "SyncPrefectClient", name: str) -> "DeploymentResponse":
    """Our deployment of that name.

    Raises:
        BadInput: there is none; the message has names that are like it.
    """
    known = {deployment.name: deployment for deployment in ours(client)}
    wanted = name.removeprefix(f"{FLOW}/")
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(wanted, known, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none yet'}"
    raise BadInput(f"{name}: no such deployment; {remedy}")


def _cells(client: "SyncPrefectClient", deployment: "DeploymentResponse") -> list[str]:
    schedules = [each for each in deployment.schedules if each.active]
    times = [time for each in schedules for time in next_times(each.schedule, 1)]
    zones = {str(getattr(each.schedule, "timezone", None) or "UTC") for each in deployment.schedules}
    dataset = next((tag.partition(":")[2] for tag in deployment.tags if tag.startswith("dataset:")), "")
    return [
        deployment.name,
        dataset,
        "; ".join(in_words(each.schedule) for each in deployment.schedules) or "none",
        ", ".join(sorted(zones)),
        "" if deployment.paused or not times else _told(min(times)),
        _last(client, deployment),
        _made(dataset, deployment.parameters),
        "paused" if deployment.paused else "active",
    ]


def _check(parameters: Mapping[str, Any]) -> None:
    """Refuse now what the run would refuse, if the recipe is on this machine."""
    recipe, overrides = str(parameters.get("recipe", "")), parameters.get("overrides", {})
    if overrides and Path(recipe).is_file():
        replaced(load_recipe(recipe), overrides, "--set")


def _under_way(client: "SyncPrefectClient", deployment: "DeploymentResponse") -> str | None:
    """The name of a run of it that has begun and not ended, if there is one."""
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    begun = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=begun))),
        limit=1,
    )
    return runs[0].name if runs else None


def _last(client: "SyncPrefectClient", deployment: "DeploymentResponse") -> str:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
        flow_run_filter=FlowRunFilter.model_validate({"start_time": {"before_": datetime.now(UTC).isoformat()}}),
        sort=FlowRunSort.START_TIME_DESC,
        limit=1,
    )
    if not runs or runs[0].start_time is None:
        return "never"
    zones = [getattr(each.schedule, "timezone", None) for each in deployment.schedules]
    when = runs[0].start_time.astimezone(ZoneInfo(next((zone for zone in zones if zone), "UTC")))
    state = runs[0].state
    skipped = state is not None and state.is_cancelled() and state.message == SKIPPED
    return f"{'Skipped' if skipped else runs[0].state_name}, {_told(when)}"


def _made(dataset: str, parameters: dict[str, Any]) -> str:
    """The newest version, if this machine has it."""
    try:
        made = open_dataset(dataset, Path(parameters.get("root", ".")) / "datasets")
    except (InstructloomError, OSError):
        return ""
    return f"v{made.manifest.version}, {made.manifest.rows:,} rows"


def _told(time: datetime) -> str:
    return f"{time:%a %d %b %H:%M}"


def _detail(error: Any) -> str:
    try:
        return str(error.response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error)
