"""A person steers a run of a terminal through Prefect: its flow run is cancelled or suspended, and it goes on later."""

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from benchmarks.prefect_server import PID, prefect_server
from teachers.builtin.server import serving_app
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import Counter, assert_sound, shards

WriteRecipe = Callable[..., str]


def set_state(api: str, name: str, state: dict[str, str]) -> None:
    """Give the flow run of that name, which a person sees in the UI, another state."""
    runs = httpx2.post(f"{api}/flow_runs/filter", json={"flow_runs": {"name": {"any_": [name]}}, "limit": 1}).json()
    answer = httpx2.post(f"{api}/flow_runs/{runs[0]['id']}/set_state", json={"state": state})
    assert answer.json()["status"] == "ACCEPT", answer.text


def ran(
    recipe: str, folder: Path, environment: dict[str, str], *options: str, stdin: int | None = None
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", recipe, *options],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def steered(
    recipe: str,
    folder: Path,
    environment: dict[str, str],
    counter: Counter,
    name: str,
    state: dict[str, str],
    *options: str,
) -> "subprocess.CompletedProcess[str]":
    """A run whose flow run gets ``state`` at the 100th request."""
    counter.at = counter.asked + 100
    counter.then = lambda: threading.Thread(
        target=set_state, args=(environment["PREFECT_API_URL"], name, state)
    ).start()
    return ran(recipe, folder, environment, *options)


@pytest.mark.parametrize("options", [[], ["--add"]])
def test_a_run_that_is_cancelled_leaves_a_valid_part_and_goes_on_when_it_is_run_again(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str], options: list[str]
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        # Slow enough that a whole run takes far longer than it takes to look up and stop.
        changes: dict[str, Any] = {
            "dataset": f"steered{len(options)}",
            "rows": 400,
            "output": {"copy_to": "elsewhere"},
            "models": {"teacher": {"model": "builtin", "base_url": url, "concurrency": 2, "adaptive": False}},
            "stages": [{"use": "self_instruct", "prompts_per_round": 1}, {"use": "respond"}, {"use": "minhash"}],
        }
        recipe = write_recipe(**changes)
        cancelling = {"type": "CANCELLING", "name": "Cancelling"}
        name = changes["dataset"]
        done = steered(recipe, tmp_path, prefect_environment, counter, f"{name} · v1", cancelling, *options)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "error: the run was cancelled; run it again to go on." in done.stderr
        assert "Traceback" not in done.stderr
        part = assert_sound(tmp_path / "datasets" / name / "v1")
        assert part.stop_reason == "interrupted"
        assert 0 < part.rows < 400
        asked = counter.asked
        assert not (tmp_path / "elsewhere").exists()
        assert command("run", recipe, *options).returncode == 0
        assert_sound(tmp_path / "elsewhere" / "datasets" / name / "v2")
        whole = assert_sound(tmp_path / "datasets" / name / "v2")
        resumed = counter.asked - asked
        assert command("run", recipe, "--root", str(tmp_path / "calm")).returncode == 0
    assert whole.supersedes == [1]
    calm = counter.asked - asked - resumed
    assert resumed < calm
    assert shards(tmp_path / "datasets" / name / "v2") == shards(tmp_path / "calm" / "datasets" / name / "v1")


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


def test_a_person_in_a_terminal_sees_the_first_shard_and_the_cost_and_says_what_then(
    write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    terminal, stdin = pty.openpty()
    counter = Counter()
    with serving_app(counter.app()) as url:
        model = {"model": "builtin", "base_url": url}
        stages = [{"use": "self_instruct", "prompts_per_round": 9}, {"use": "respond"}]
        recipe = write_recipe(dataset="asked", rows=500, models={"teacher": model}, stages=stages)
        os.write(terminal, b"no\n")
        declined = ran(recipe, tmp_path, prefect_environment, "--approve", stdin=stdin)
        assert declined.returncode == 1
        assert "error: not approved; what was made is kept" in declined.stderr
        assert not (tmp_path / "datasets").exists()
        asked = counter.asked
        # Without a price there is no budget in dollars to change: rows, then the temperature.
        os.write(terminal, b"change\n7\n\nyes\n")
        done = ran(recipe, tmp_path, prefect_environment, "--approve", stdin=stdin)
        assert done.returncode == 0, done.stderr
    assert counter.asked == asked, "the first shard was made by the run that was declined"
    assert "Estimate for 500 rows" in done.stdout
    assert "Estimate for 7 rows" in done.stdout
    assert assert_sound(tmp_path / "datasets" / "asked" / "v1").rows == 7


def test_a_first_shard_that_is_cancelled_is_kept(
    write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        recipe = write_recipe(
            dataset="halted",
            rows=400,
            models={"teacher": {"model": "builtin", "base_url": url, "concurrency": 2, "adaptive": False}},
            stages=[{"use": "self_instruct", "prompts_per_round": 40}, {"use": "respond"}],
        )
        name, cancelling = "halted · v1", {"type": "CANCELLING", "name": "Cancelling"}
        ended = threading.Event()

        def cancel() -> None:
            set_state(prefect_environment["PREFECT_API_URL"], name, cancelling)
            ended.wait(200)

        counter.at, counter.then = 50, cancel
        done = ran(recipe, tmp_path, prefect_environment, "--approve", stdin=pty.openpty()[1])
        ended.set()
    assert done.returncode == 1, done.stdout
    assert "error: the run was cancelled; run it again to go on. What was made is kept." in done.stderr
    wanted = {"flow_runs": {"name": {"any_": [name]}}, "limit": 1}
    (run,) = httpx2.post(f"{prefect_environment['PREFECT_API_URL']}/flow_runs/filter", json=wanted).json()
    assert run["state"]["type"] == "CANCELLED"


@pytest.mark.parametrize("told", [False, True])
def test_a_run_whose_server_is_gone_ends_as_it_should_and_soon_if_it_is_told_to(
    write_recipe: WriteRecipe, tmp_path: Path, told: bool
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url, prefect_server(tmp_path / "prefect") as environment:
        environment["PREFECT_CLIENT_MAX_RETRIES"] = "1"
        model = {"model": "builtin", "base_url": url, "concurrency": 2, "adaptive": False}
        stages = [{"use": "self_instruct", "prompts_per_round": 3}, {"use": "respond"}]
        recipe = write_recipe(rows=60, models={"teacher": model}, stages=stages)
        asked = [sys.executable, "-m", "flows.cli", "run", recipe]
        with subprocess.Popen(
            asked,
            env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:

            def end() -> None:
                os.kill(int((tmp_path / "prefect" / PID).read_text()), signal.SIGKILL)
                if told:
                    process.terminate()

            counter.at, counter.then = 20, end
            out, err = process.communicate(timeout=100)
    if told:
        assert process.returncode != 0
        assert counter.asked < 40
        assert not (tmp_path / "datasets").exists()
    else:
        assert process.returncode == 0, err
        assert "The Prefect server is gone, and was not told how the run ended." in out
        assert assert_sound(tmp_path / "datasets" / "tried" / "v1").rows == 60
    assert "Traceback" not in out + err
