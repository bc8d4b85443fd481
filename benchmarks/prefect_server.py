"""A Prefect server of our own: with its own database, and no client that is killed leaves one behind."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 120.0
"""Seconds for it to start, on a machine that is busy."""
TICK = 0.1
PID = "server.pid"


NOWHERE = "1"
"""A port where nothing listens: a run finds no server that belongs to somebody else."""


def bare_environment(home: Path) -> dict[str, str]:
    """This process's environment with no settings of Prefect but where it lives; no server is configured or found."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_PORT": NOWHERE,
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def prefect_server(home: Path) -> Iterator[dict[str, str]]:
    """Runs until the end of the block; gives an environment for processes that should use it. Its process
    number is in ``home``, for who wants to kill it.

    Raises:
        RuntimeError: it did not start.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = bare_environment(home)
    arguments = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_until_healthy(f"http://127.0.0.1:{port}/api/health", server)
            (home / PID).write_text(str(server.pid))
            yield {**environment, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
        finally:
            server.terminate()


def _wait_until_healthy(url: str, server: "subprocess.Popen[bytes]") -> None:
    ends = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < ends:
        try:
            with urllib.request.urlopen(url):
                return
        except OSError:
            time.sleep(TICK)
    raise RuntimeError("the Prefect server did not start")
