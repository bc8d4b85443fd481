"""``instructloom up``: three addresses, each process kept alive, and no flow run lost, however it ends."""

import os
import select
import signal
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.states import AwaitingRetry

from schemas.manifest import sum_usage
from teachers.builtin.server import serving_app
from tests.flows.test_end_to_end import Counter, assert_sound
from tests.flows.upped import PATIENCE, Upped, children, free_port, until

RECIPE: dict[str, Any] = {
    "dataset": "kept",
    "rows": 90,
    "seed": 5,
    "stages": [
        {"use": "self_instruct", "prompts_per_round": 3},
        {"use": "respond"},
        {"use": "heuristics"},
        {"use": "minhash"},
    ],
}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[..., Upped]]:
    """Starts an ``up`` of the test's own; what is left of them is ended at the end."""
    started: list[Upped] = []

    def start(port: int = 0, root: str = "root") -> Upped:
        (tmp_path / root).mkdir(exist_ok=True)
        started.append(Upped(tmp_path / "prefect", tmp_path / root, port))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.process.kill()


def test_it_starts_all_three_and_says_where_they_are(upped: Upped) -> None:
    with urllib.request.urlopen(f"{upped.api}/health") as reply:
        assert reply.read() == b"true"
    with urllib.request.urlopen(upped.api.removesuffix("/api")) as reply:
        assert b"<title>Prefect Server</title>" in reply.read()
    with upped.client() as client:
        (worker,) = client.read_workers_for_work_pool("instructloom", offset=0, limit=10)
    assert worker.name == f"instructloom@{socket.gethostname()}"
    assert f"Worker      {worker.name}" in upped.told
    assert f"Downloads   http://127.0.0.1:{upped.downloads}" in upped.told
    with socket.create_connection(("127.0.0.1", upped.downloads)):
        pass
    assert f"export PREFECT_API_URL={upped.api}" in upped.told
    assert "Traceback" not in upped.told


def test_a_second_one_beside_it_says_so_and_changes_nothing(upped: Upped) -> None:
    before = children(upped.process.pid)
    again = upped.call("up")
    assert again.returncode == 0, again.stderr
    assert f"already runs for {upped.root} (process {upped.process.pid})" in again.stdout
    assert children(upped.process.pid) == before


def test_for_another_folder_it_uses_what_runs_and_a_port_that_is_taken_is_one_line(
    upped: Upped, tmp_path: Path
) -> None:
    taken = str(upped.downloads)
    done = upped.call("up", "--root", str(tmp_path), "--download-port", taken, folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout.count("(already runs)") == 2
    assert done.stderr.startswith(f"error: --download-port {taken}: something listens there that does not serve")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "TAKEN"], "something that is no Prefect server listens there; give another --port"),
        (["--database", "mysql://me:secret@there/x"], "--database: give postgresql+asyncpg://"),
        (["--host", "192.0.2.1", "--port", "0"], "cannot listen there"),
    ],
)
def test_what_it_cannot_do_is_one_line(upped: Upped, tmp_path: Path, arguments: list[str], said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        given = [port if argument == "TAKEN" else argument for argument in arguments]
        done = upped.call("up", "--root", str(tmp_path), *given, folder=tmp_path, PREFECT_API_URL="")
    assert done.returncode == 2
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_database_that_does_not_answer_is_one_line_with_the_log_that_says_more(upped: Upped, tmp_path: Path) -> None:
    url = "postgresql+asyncpg://me:secret@127.0.0.1:1/x"
    home = str(tmp_path / "prefect")
    done = upped.call("up", "--port", "0", "--database", url, folder=tmp_path, PREFECT_API_URL="", PREFECT_HOME=home)
    assert done.returncode == 1
    log = tmp_path / ".instructloom" / "server.log"
    assert done.stderr.startswith("error: the Prefect server did not start: ConnectionRefusedError")
    assert f"(its log: {log})" in done.stderr
    assert "secret" not in done.stdout + done.stderr + log.read_text()
    assert "Stopped." not in done.stdout


def test_a_port_beside_a_server_that_is_configured_is_refused(upped: Upped, tmp_path: Path) -> None:
    done = upped.call("up", "--root", str(tmp_path), "--port", "4200", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: --port 4200: PREFECT_API_URL names the server at {upped.api}")


def test_a_run_outlives_the_server_crashes_with_its_worker_and_goes_on_with_the_next_up(
    own: Callable[..., Upped],
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        up = own()
        model = {"model": "builtin", "base_url": url, "concurrency": 2, "adaptive": False}
        (up.root / "kept.yaml").write_text(yaml.safe_dump(RECIPE | {"models": {"teacher": model}}))
        done = up.call("deploy", "kept.yaml", "--pool", "instructloom")
        assert done.returncode == 0, done.stderr
        server, worker = up.child("temporary_server"), up.child("prefect worker")

        back, crash, end = threading.Event(), threading.Event(), threading.Event()

        def at(count: int, process: int, number: int, seen: threading.Event) -> None:
            """Send the signal at that request; the model answers it only once the effect was seen: a run that goes
            on meanwhile may end before the next signal."""

            def then() -> None:
                os.kill(process, number)
                seen.wait(PATIENCE)

            counter.at, counter.then = counter.asked + count, then

        at(20, server, signal.SIGKILL, back)
        with up.client() as client:
            run = client.create_flow_run_from_deployment(up.deployment("kept").id).id
        up.wait_for("Prefect server: started again")
        assert "Prefect server: ended (by SIGKILL); starts again at once." in up.told
        assert up.run(run).state_name == "Running"
        at(20, worker, signal.SIGKILL, crash)
        back.set()
        up.wait_for("worker: started again")
        crashed = up.await_state(run, "Crashed")
        assert crashed.run_count == 1

        at(20, up.process.pid, signal.SIGINT, end)
        crash.set()
        with up.client() as client:
            client.set_flow_run_state(run, AwaitingRetry())
        up.wait_for("1 flow run will go on with the next `instructloom up`.")
        assert "Traceback" not in up.stop()
        assert up.process.returncode == 0

        counter.then = None
        end.set()
        up = own()
        completed = up.await_state(run, "Completed")
        assert completed.run_count == 3
        manifest = assert_sound(up.root / "datasets" / "kept" / "v1")
        assert manifest.rows == 90
        assert sum_usage(manifest.usage.values()).replayed > 0
        assert_that_nothing_outlives(up)


def test_one_that_uses_what_another_started_takes_over_when_that_is_killed(own: Callable[..., Upped]) -> None:
    port = free_port()
    first, second = own(port), own(port, root="with a space")
    assert f"--root '{second.root}'\n" in second.told
    assert second.told.count("(already runs)") == 2
    first.process.kill()
    second.wait_for("worker: the one that ran already is gone")
    second.wait_for(f"Worker      instructloom@{socket.gethostname()} of pool 'instructloom'\n")
    assert second.call("schedule", "ls").stdout.startswith("No deployment yet")
    assert "Traceback" not in second.stop()


def assert_that_nothing_outlives(up: Upped) -> None:
    """``up`` is killed with -9, and all that it started ends."""
    handles = {os.pidfd_open(child) for child in children(up.process.pid)}
    assert len(handles) == 3
    up.process.kill()
    poll = select.poll()
    for handle in handles:
        poll.register(handle, select.POLLIN)

    def gone() -> bool:
        for handle, _ in poll.poll(0):
            poll.unregister(handle)
            handles.discard(handle)
            os.close(handle)
        return not handles

    until(gone, "the end of its children")
