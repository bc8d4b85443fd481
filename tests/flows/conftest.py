"""A real Prefect server for the tests, and the command as a user runs it: as a process."""

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def prefect_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process that uses a running Prefect server with a database of its own."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    arguments = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        _wait_until_healthy(f"http://127.0.0.1:{port}/api/health", server)
        yield {**environment, "PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
        server.terminate()


def _wait_until_healthy(url: str, server: "subprocess.Popen[bytes]") -> None:
    tick = threading.Event()
    for _ in range(600):
        assert server.poll() is None, "the Prefect server died"
        try:
            with urllib.request.urlopen(url) as reply:
                assert reply.status == 200
                return
        except OSError:
            tick.wait(0.1)
    raise AssertionError("the Prefect server did not come up within a minute")


@pytest.fixture
def command(prefect_environment: dict[str, str], tmp_path: Path) -> Command:
    """Runs ``instructloom`` in ``tmp_path``."""

    def call(*arguments: str, timeout: float = 240) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            env=prefect_environment | {"PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "200"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return call


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[..., str]:
    """Writes a recipe of the offline teacher into ``tmp_path``; keyword arguments replace its fields."""

    def write(name: str = "recipe.yaml", **changes: Any) -> str:
        recipe = {
            "dataset": "tried",
            "rows": 40,
            "seed": 5,
            "models": {"teacher": {"model": "builtin"}},
            "stages": [
                {"use": "self_instruct", "prompts_per_round": 3},
                {"use": "evol_instruct", "rounds": 1},
                {"use": "respond"},
                {"use": "chain_of_thought"},
                {"use": "heuristics"},
                {"use": "minhash"},
            ],
        }
        (tmp_path / name).write_text(yaml.safe_dump(recipe | changes, allow_unicode=True), encoding="utf-8")
        return name

    return write
