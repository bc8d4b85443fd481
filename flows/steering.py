"""A person steers a run from Prefect's UI: cancel, pause and resume, told through the state of its flow run.

A worker tells a flow run of its own with a signal; a run that was started in a terminal is told by nobody. So each
run looks at its own state now and then, and does what it finds.
"""

import threading
from types import TracebackType
from typing import Any, Self

from prefect import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import Pause

from flows.prefect_api import impatient
from schemas.errors import RunFailed

LOOK_SECONDS = 2.0
"""Between two looks: a person waits so long, and a look costs the server some milliseconds."""
SUSPENDED = "Suspended"
"""Prefect's name of a pause in which the process ends; it is started anew when the run is resumed."""


class RunCancelled(RunFailed):
    """A person cancelled the run; what was through by then is published."""


class Steering:
    """Looks at the state of the flow run around it, in a thread of its own; a context manager.

    Outside a flow run, as in a test or a notebook, there is nobody to steer.
    """

    def __init__(self) -> None:
        context = FlowRunContext.get()
        self._flow_run = context.flow_run.id if context and context.flow_run else None
        self._state: Any = None
        self._ended = threading.Event()
        self._looked = threading.Condition()
        self._thread = threading.Thread(target=self._look_often, daemon=True)

    def __enter__(self) -> Self:
        if self._flow_run is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with self._looked:
            self._looked.notify_all()

    def heed(self) -> None:
        """Do what a person wishes: return at once if nothing, or once a pause is over.

        Raises:
            RunCancelled: the run is cancelled.
            prefect.exceptions.Pause: it is suspended; this process is to end.
        """
        while self._state is not None:
            if self._state.is_cancelling() or self._state.is_cancelled():
                raise RunCancelled("the run was cancelled; run it again to go on")
            if not self._state.is_paused():
                return
            if self._state.name == SUSPENDED:
                raise Pause(state=self._state)
            with self._looked:
                self._looked.wait(LOOK_SECONDS)

    def cancelled(self) -> bool:
        """Whether a person cancelled the run, asked this moment; not if the server cannot be asked."""
        if self._flow_run is not None:
            with impatient():
                self._look()
        return self._state is not None and (self._state.is_cancelling() or self._state.is_cancelled())

    def _look_often(self) -> None:
        with impatient():
            while not self._ended.wait(LOOK_SECONDS):
                self._look()

    def _look(self) -> None:
        assert self._flow_run is not None, "only within a flow run"
        try:
            with get_client(sync_client=True) as client:
                self._state = client.read_flow_run(self._flow_run).state
        except Exception:  # a server that is down for a moment is no wish of anybody's; the next look will tell
            return
        with self._looked:
            self._looked.notify_all()
