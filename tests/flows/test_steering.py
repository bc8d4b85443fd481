"""A person steers a run of a terminal through Prefect: its flow run is cancelled or suspended, and it goes on later."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from teachers.builtin.server import serving_app
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import Counter, assert_sound, shards

WriteRecipe = Callable[..., str]


def set_state(api: str, name: str, state: dict[str, str]) -> None:
    """Give the flow run of that name, which a person sees in the UI, another state."""
    runs = httpx2.post(f"{api}/flow_runs/filter", json={"flow_runs": {"name": {"any_": [name]}}, "limit": 1}).json()
    answer = httpx2.post(f"{api}/flow_runs/{runs[0]['id']}/set_state", json={"state": state})
    assert answer.json()["status"] == "ACCEPT", answer.text


def steered(
    recipe: str, folder: Path, environment: dict[str, str], counter: Counter, name: str, state: dict[str, str]
) -> "subprocess.CompletedProcess[str]":
    """A run whose flow run gets ``state`` at the 100th request."""
    counter.at = counter.asked + 100
    counter.then = lambda: threading.Thread(
        target=set_state, args=(environment["PREFECT_API_URL"], name, state)
    ).start()
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", recipe],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_run_that_is_cancelled_leaves_a_valid_part_and_goes_on_when_it_is_run_again(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        # Slow enough that a whole run takes far longer than it takes to look up and stop.
        changes: dict[str, Any] = {
            "dataset": "steered",
            "rows": 400,
            "models": {"teacher": {"model": "builtin", "base_url": url, "concurrency": 2, "adaptive": False}},
            "stages": [{"use": "self_instruct", "prompts_per_round": 1}, {"use": "respond"}, {"use": "minhash"}],
        }
        recipe = write_recipe(**changes)
        cancelling = {"type": "CANCELLING", "name": "Cancelling"}
        done = steered(recipe, tmp_path, prefect_environment, counter, "steered · v1", cancelling)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "error: the run was cancelled; run it again to go on." in done.stderr
        assert "Traceback" not in done.stderr
        part = assert_sound(tmp_path / "datasets" / "steered" / "v1")
        assert part.stop_reason == "interrupted"
        assert 0 < part.rows < 400
        asked = counter.asked
        assert command("run", recipe).returncode == 0
        whole = assert_sound(tmp_path / "datasets" / "steered" / "v2")
        resumed = counter.asked - asked
        assert command("run", recipe, "--root", str(tmp_path / "calm")).returncode == 0
    assert whole.supersedes == [1]
    calm = counter.asked - asked - resumed
    assert resumed < calm
    assert shards(tmp_path / "datasets" / "steered" / "v2") == shards(tmp_path / "calm" / "datasets" / "steered" / "v1")


def test_a_run_that_is_suspended_ends_and_says_how_to_go_on(
    write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        recipe = write_recipe(
            dataset="suspended",
            rows=400,
            models={"teacher": {"model": "builtin", "base_url": url, "concurrency": 2, "adaptive": False}},
            stages=[{"use": "self_instruct", "prompts_per_round": 1}, {"use": "respond"}, {"use": "minhash"}],
        )
        suspended = {"type": "PAUSED", "name": "Suspended"}
        done = steered(recipe, tmp_path, prefect_environment, counter, "suspended · v1", suspended)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the run was suspended in the Prefect UI; run the same command again to go on" in done.stderr
    assert not (tmp_path / "datasets").exists()
