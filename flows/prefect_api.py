"""What a run tells Prefect's server beside its states: artifacts, its name, an event. All of it is best effort.

A dataset is never lost because a server was down or refused a picture of it: what cannot be told is logged and passed
over. A temporary server has no UI, so it is told nothing.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.context import FlowRunContext
from prefect.events import emit_event
from prefect.logging import get_logger, get_run_logger
from prefect.settings import PREFECT_API_REQUEST_TIMEOUT, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.temporary_server import TEMPORARY

T = TypeVar("T")
MOMENT_SECONDS = 10.0
"""For a server to answer what matters only now."""
LEFT_ALONE_SECONDS = 60.0


def flow_run_id() -> UUID | None:
    """The id of the flow run around the caller, if there is one whose server a person can look at."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or os.environ.get(TEMPORARY):
        return None
    return context.flow_run.id


def logger() -> Any:
    """The logger of the flow run around the caller; outside of one, a plain logger."""
    return get_logger("instructloom") if FlowRunContext.get() is None else get_run_logger()


@contextmanager
def impatient() -> Iterator[None]:
    """Inside the block a request that fails is not tried again: for what matters only at this moment."""
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0, PREFECT_API_REQUEST_TIMEOUT: MOMENT_SECONDS}):
        yield


def tell(action: Callable[[Any], T]) -> T | None:
    """Do ``action`` with a client of the server; None, and a line in the log, if the server fails.

    A server that could not be reached, however patiently, is left alone for a while: a run whose server is gone for
    good must still end.
    """
    if time.monotonic() < _Gone.until:
        return None
    try:
        with get_client(sync_client=True) as client:
            return action(client)
    except Exception as error:
        if isinstance(error, httpx.TransportError) and PREFECT_CLIENT_MAX_RETRIES.value():
            _Gone.until = time.monotonic() + LEFT_ALONE_SECONDS
        get_logger("instructloom").warning("Prefect's server could not be told: %s: %s", type(error).__name__, error)
        return None


class _Gone:
    """Until when the server is taken to be gone, as ``time.monotonic`` tells it."""

    until = 0.0


def artifact_key(dataset: str, *parts: str) -> str:
    """An artifact key, which may hold lower case letters, digits and dashes only.

    The same dataset and parts give the same key, so that Prefect's UI shows the history over all runs. A dataset whose
    name has other characters is told from one that has dashes in their place by some digits.
    """
    name = _dashed(dataset)
    if name != dataset:
        name += f"-{hashlib.blake2b(dataset.encode(), digest_size=3).hexdigest()}"
    return "-".join([name, *map(_dashed, parts)])


def _dashed(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def put_artifact(flow_run: UUID, kind: str, key: str, data: Any, description: str = "") -> UUID | None:
    """Show ``data`` as an artifact of kind markdown, table, progress or link; its id, for ``update_artifact``."""
    wanted = ArtifactCreate(type=kind, key=key, data=data, description=description, flow_run_id=flow_run)
    made = tell(lambda client: client.create_artifact(wanted))
    return None if made is None else made.id


def artifacts_of(flow_run: UUID) -> dict[str, UUID]:
    """What a flow run shows already, from an earlier attempt: ids by key."""
    which = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run]))
    found = tell(lambda client: client.read_artifacts(artifact_filter=which)) or []
    return {artifact.key: artifact.id for artifact in found if artifact.key}


def update_artifact(artifact: UUID, data: Any, description: str) -> bool:
    """Show other data in the place of an artifact's; whether the server took them."""
    wanted = ArtifactUpdate(data=data, description=description)
    return tell(lambda client: (client.update_artifact(artifact, wanted), True)) is not None


def name_run(flow_run: UUID, name: str, tags: list[str]) -> None:
    """Name a flow run, and add tags to those that it has."""

    def change(client: Any) -> None:
        present = client.read_flow_run(flow_run).tags
        client.update_flow_run(flow_run, name=name, tags=sorted({*present, *tags}))

    tell(change)


def announce(event: str, dataset: str, labels: dict[str, str], payload: dict[str, Any]) -> None:
    """Emit an event about a dataset; automations can choose by its labels, and use its payload."""
    name = {"prefect.resource.id": f"instructloom.dataset.{dataset}", "prefect.resource.name": dataset}
    resource = name | {f"instructloom.{label}": value for label, value in labels.items()}
    try:
        emit_event(event, resource=resource, payload=payload)
    except Exception as error:
        logger().warning("the event %s could not be emitted: %s: %s", event, type(error).__name__, error)


def variable(name: str) -> str | None:
    """The value of a Prefect variable, if it is set and a text."""
    found = tell(lambda client: client.read_variable_by_name(name))
    value = None if found is None else found.value
    return value if isinstance(value, str) else None
