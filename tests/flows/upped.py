"""``instructloom up`` as a process, for tests, and what its Prefect server says."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings

from benchmarks.prefect_server import bare_environment
from tests.flows.commands import call

PATIENCE = 120.0
"""Seconds for anything to happen, on a machine that is busy."""
TICK = 0.1


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait until ``true`` gives something."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        if found := true():
            return found
        time.sleep(TICK)
    raise AssertionError(f"it did not come: {what}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Upped:
    """One ``up``. ``home`` is Prefect's folder, ``root`` that of the datasets; ``port`` 0: any."""

    def __init__(self, home: Path, root: Path, port: int = 0) -> None:
        self.root = root
        self.downloads = free_port()
        self.environment = bare_environment(home) | {
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
            "COLUMNS": "200",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
        }
        self.told = ""
        self.process = self._started("--port", str(port), "--download-port", str(self.downloads))
        self.wait_for("Ctrl-C stops it")
        (line,) = [line for line in self.told.splitlines() if line.startswith("Prefect ")]
        self.api = line.split()[1] + "/api"

    def _started(self, *options: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "tests.flows.up_program", "up", "--root", str(self.root), *options],
            env=self.environment,
            # A test run started in the background of a shell inherits an ignored Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def wait_for(self, text: str) -> None:
        """Read what it prints until ``text`` comes."""
        assert self.process.stdout is not None
        ends = time.monotonic() + PATIENCE
        while text not in self.told:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, ends - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 10_000).decode() if ready else ""
            assert more, f"{text!r} did not come; it said: {self.told}"
            self.told += more

    def child(self, what: str) -> int:
        """The process among its children whose command has ``what`` in it."""

        def found() -> int | None:
            for child in children(self.process.pid):
                if what in Path(f"/proc/{child}/cmdline").read_text().replace("\0", " "):
                    return child
            return None

        return int(until(found, f"a child with {what}"))

    def stop(self) -> str:
        """Ctrl-C; all that it said."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=PATIENCE)
        self.told += rest.decode()
        return self.told

    def call(
        self, *arguments: str, folder: Path | None = None, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """The command line, with this server; ``environment`` replaces variables, "" removes one."""
        changed = {**self.environment, "PREFECT_API_URL": self.api, **environment}
        return call(arguments, {name: value for name, value in changed.items() if value}, folder or self.root)

    @contextmanager
    def client(self) -> Iterator[SyncPrefectClient]:
        """A client of its Prefect server."""
        with temporary_settings({PREFECT_API_URL: self.api}), get_client(sync_client=True) as client:
            yield client

    def deployment(self, name: str) -> Any:
        with self.client() as client:
            return client.read_deployment_by_name(f"generate/{name}")

    def run(self, key: UUID) -> FlowRun:
        with self.client() as client:
            return client.read_flow_run(key)

    def await_state(self, key: UUID, name: str) -> FlowRun:
        """Wait until the flow run is in that state."""

        def there() -> FlowRun | None:
            run = self.run(key)
            return run if run.state_name == name else None

        found: FlowRun = until(there, f"{name}; {self.run(key).state!r}")
        return found


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
