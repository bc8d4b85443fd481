"""The work pool of a Prefect server: its workers, the flow runs under way in it, and who notices that one died."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from schemas.errors import BadInput

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

POOL = "instructloom"
TAG = "instructloom"
WATCH = "instructloom: a flow run that fell silent has crashed"
DOWNLOAD_URL = "instructloom_download_url"
"""A Prefect variable."""
PAGE = 200
"""What a server gives at once, at most."""
HEARTBEAT = 30
"""Seconds between two signs of life of a flow run, Prefect's minimum."""
SILENT = 120
"""Seconds without one after which it counts as crashed."""
PATIENT = {
    # Each retry waits twice as long: a server may be away for minutes.
    "PREFECT_CLIENT_MAX_RETRIES": "8",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT),
}
"""Settings of processes that must outlive a server that is started again."""


def now() -> datetime:
    """The time, as Prefect notes it."""
    return datetime.now(UTC)


def tell_downloads(url: str) -> None:
    """Let the server's flow runs know, by a Prefect variable, where their datasets can be downloaded."""
    from prefect.client.schemas.actions import VariableCreate, VariableUpdate

    with _client() as client:
        if client.read_variable_by_name(DOWNLOAD_URL) is None:
            client.create_variable(VariableCreate(name=DOWNLOAD_URL, value=url))
        else:
            client.update_variable(VariableUpdate(name=DOWNLOAD_URL, value=url))


def _client() -> "SyncPrefectClient":
    from prefect.client.orchestration import get_client

    return get_client(sync_client=True)


def check_pool_name(name: str) -> None:
    """Whether a work pool can be called so.

    Raises:
        BadInput: it cannot.
    """
    if not name.strip() or any(sign in name for sign in "/%&<>"):
        raise BadInput(f"--pool {name!r}: a work pool's name is not empty and has none of / % & < >; give another")


def ensure_pool(name: str) -> None:
    """Make the work pool ``name``, for processes, unless there is one.

    Raises:
        BadInput: there is one of another kind, or the name cannot be one.
    """
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound, PrefectHTTPStatusError
    from prefect.workers.process import ProcessWorker

    check_pool_name(name)
    with _client() as client:
        try:
            pool = client.read_work_pool(name)
        except ObjectNotFound:
            template = ProcessWorker.get_default_base_job_template()
            wanted = WorkPoolCreate(name=name, type="process", base_job_template=template)
            try:
                client.create_work_pool(wanted)
            except ObjectAlreadyExists:
                pass
            except PrefectHTTPStatusError as error:
                raise BadInput(f"--pool {name}: Prefect refuses that name ({error}); give another") from None
            return
    if pool.type != "process":
        raise BadInput(f"--pool {name}: that pool is of type {pool.type!r}, not 'process'; give another --pool")
    if pool.is_paused:
        raise BadInput(f"--pool {name}: that pool is paused; resume it: prefect work-pool resume {name}")


def online(pool: str, since: datetime | None = None) -> set[str]:
    """The names of the workers that poll ``pool``; with ``since``, those that gave a sign of life after it."""
    from prefect.client.schemas.filters import WorkerFilter, WorkerFilterStatus
    from prefect.exceptions import ObjectNotFound

    with _client() as client:
        try:
            workers = client.read_workers_for_work_pool(
                pool, worker_filter=WorkerFilter(status=WorkerFilterStatus(any_=["ONLINE"])), offset=0, limit=PAGE
            )
        except ObjectNotFound:
            return set()
    seen = [(worker.name, worker.last_heartbeat_time) for worker in workers]
    return {name for name, beat in seen if since is None or (beat is not None and beat >= since)}


def ensure_watch() -> None:
    """Have the server mark flow runs of ours as crashed that give no sign of life; unless it is told so already.

    The worker notices at once when a run's process dies. This is for when worker and run are gone together: the
    machine lost power, or the network.
    """
    from prefect.automations import AutomationCore
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState
    from prefect.events.schemas.automations import EventTrigger, Posture

    trigger = EventTrigger(
        # Any event of the run will do, its end as well; the next sign of life starts the clock again.
        after={"prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "tag", "prefect.resource.id": f"prefect.tag.{TAG}"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=SILENT),
    )
    message = f"No sign of life for {SILENT} s: its worker or its machine is gone. Retry it; it goes on."
    action = ChangeFlowRunState(name="Crashed", state=StateType.CRASHED, message=message, force=False)
    with _client() as client:
        if not client.read_automations_by_name(WATCH):
            client.create_automation(AutomationCore(name=WATCH, trigger=trigger, actions=[action]))


def under_way(pool: str, processes: Callable[[], set[int]]) -> set[UUID]:
    """The flow runs of ``pool`` whose process is one of ``processes``, which is asked once the server has answered.

    Prefect notes the process of a run, but not its machine.
    """
    from prefect.client.schemas.filters import FlowRunFilter, WorkPoolFilter
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    states: dict[str, Any] = {"type": {"any_": [StateType.RUNNING, StateType.PENDING]}}
    with _client() as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate({"state": states}),
            work_pool_filter=WorkPoolFilter.model_validate({"name": {"any_": [pool]}}),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=PAGE,
        )
    there = {str(process) for process in processes()}
    return {run.id for run in runs if run.infrastructure_pid in there}


def put_in_line(runs: set[UUID]) -> int:
    """Have those of ``runs``, whose processes are gone, that did not end otherwise run again when a worker asks for
    work; how many these are.
    """
    from prefect.client.schemas.objects import State
    from prefect.states import AwaitingRetry

    again = 0
    with _client() as client:
        for run in runs:
            state = client.read_flow_run(run).state
            if state is not None and (state.is_pending() or state.is_running() or state.is_crashed()):
                next_time: State[Any] = AwaitingRetry(message="Stopped with its worker; goes on with the next.")
                client.set_flow_run_state(run, next_time, force=True)
                again += 1
    return again
