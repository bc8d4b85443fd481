"""How a run ends before its time: stopped by a person, by a wrong model, or not at all by one bad row."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from teachers.builtin.server import create_app, serving_app
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import Counter, assert_sound

WriteRecipe = Callable[..., str]
PATIENCE_MS = 60_000


class Poisoned:
    """An endpoint that falls over whenever a prompt speaks of ``POISON``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/chat/completions"):
            body = await Request(scope, receive).body()
            if b"POISON" in body:
                await Response(status_code=500)(scope, receive, send)
                return

            async def again() -> dict[str, Any]:
                return {"type": "http.request", "body": body}

            await self.app(scope, again, send)
            return
        await self.app(scope, receive, send)


def started(recipe: str, environment: dict[str, str], folder: Path) -> "subprocess.Popen[str]":
    """A run in a process group of its own, without a Prefect server of the user's."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", recipe],
        env={name: value for name, value in environment.items() if name != "PREFECT_API_URL"}
        | {"PYTHONPATH": str(Path(__file__).parents[2]), "PREFECT_HOME": str(folder / "prefect")},
        cwd=folder,
        # A test run started in the background of a shell inherits an ignored Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def test_ctrl_c_in_a_terminal_ends_a_run_at_once_though_its_whole_group_hears_it(
    write_recipe: WriteRecipe, prefect_environment: dict[str, str], tmp_path: Path
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        recipe = write_recipe(models={"teacher": {"model": "builtin", "base_url": url, "concurrency": 4}})
        with started(recipe, prefect_environment, tmp_path) as process:
            counter.at, counter.then = 60, lambda: os.killpg(process.pid, signal.SIGINT)
            told, _ = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert "Stopped. Nothing is lost: run the same command again" in told


def test_a_run_that_is_killed_leaves_no_server_behind(
    write_recipe: WriteRecipe, prefect_environment: dict[str, str], tmp_path: Path
) -> None:
    counter, server = Counter(), list[int]()

    def kill() -> None:
        server.extend(os.pidfd_open(child) for child in children(process.pid))
        process.kill()

    with serving_app(counter.app()) as url:
        recipe = write_recipe(models={"teacher": {"model": "builtin", "base_url": url, "concurrency": 4}})
        with started(recipe, prefect_environment, tmp_path) as process:
            counter.at, counter.then = 60, kill
            process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    (handle,) = server
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    assert poll.poll(PATIENCE_MS), "the server is still there"
    os.close(handle)


def test_a_wrong_model_is_one_line_however_many_requests_are_under_way(
    command: Command, write_recipe: WriteRecipe
) -> None:
    with serving_app(create_app()) as url:
        wrong = {"model": "unknown", "base_url": url, "concurrency": 64, "adaptive": False}
        done = command(
            "run", write_recipe(models={"teacher": wrong}, stages=[{"use": "respond", "only_unanswered": False}])
        )
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "rows ·" not in line]
    assert line.startswith("error: models.teacher")
    assert "'unknown'" in line


def test_a_shard_of_which_no_request_is_ever_answered_is_rejected_and_the_others_stand(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    tasks = ["Name the capital of France.", "Name the capital of Italy.", "Name the antidote to POISON."]
    seeds = tmp_path / "three.jsonl"
    seeds.write_text("".join(json.dumps({"instruction": task}) + "\n" for task in tasks), encoding="utf-8")
    app = Starlette(routes=create_app().routes, middleware=[Middleware(Poisoned)])
    with serving_app(app) as url:
        model = {"model": "builtin", "base_url": url, "max_attempts": 2, "adaptive": False}
        recipe = write_recipe(
            rows=3,
            seeds={"path": str(seeds), "shard_rows": 2},
            models={"teacher": model},
            stages=[{"use": "respond"}],
        )
        done = command("run", recipe)
    assert done.returncode == 1
    assert "2 of 3 rows: the seeds are used up" in done.stderr
    folder = tmp_path / "datasets" / "tried" / "v1"
    assert assert_sound(folder).rows == 2
    assert pl.read_parquet(folder / "rejects" / "*.parquet")["reason"].to_list() == ["server_error"]
