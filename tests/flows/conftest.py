"""A real Prefect server for the tests, and the command as a user runs it: as a process."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.prefect_server import prefect_server
from tests.flows.upped import Upped

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def prefect_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process that uses a running Prefect server with a database of its own."""
    with prefect_server(tmp_path_factory.mktemp("prefect")) as environment:
        yield environment


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


@pytest.fixture(scope="session")
def upped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upped]:
    """A Prefect server with a worker, as ``instructloom up`` starts them, for all tests that only use them."""
    folder = tmp_path_factory.mktemp("up")
    up = Upped(folder / "prefect", folder)
    try:
        yield up
    finally:
        up.stop()
