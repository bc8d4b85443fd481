"""``--runner ray``: the same bytes as in one process, whoever dies in the middle, and nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from teachers.builtin.server import serving_app
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import Counter, WriteRecipe, assert_sound, shards

CODE = Path(__file__).parents[2]
ON_RAY = ("--runner", "ray", "--ray-workers", "2")
IN_FLIGHT = 12
STAGES = [
    {"use": "self_instruct", "prompts_per_round": 3},
    {"use": "evol_instruct", "rounds": 1},
    {"use": "respond"},
    {"use": "heuristics", "min_instruction": 40},
    {"use": "minhash"},
]


@dataclass
class Desk:
    """A folder with a recipe for an endpoint that counts, and the result of a run in one process."""

    folder: Path
    environment: dict[str, str]
    counter: Counter
    calm: dict[str, bytes]
    asked: int
    """Requests of the run in one process."""

    def start(self, *arguments: str, told: int = subprocess.PIPE) -> "subprocess.Popen[str]":
        return start(self.folder, self.environment, *arguments, told=told)


def start(
    folder: Path, environment: dict[str, str], *arguments: str, told: int = subprocess.PIPE
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "run", "recipe.yaml", *arguments],
        env=environment | {"PYTHONPATH": str(CODE), "COLUMNS": "200"},
        cwd=folder,
        stdout=told,
        stderr=told,
        text=True,
    )


def made(folder: Path, root: str) -> Path:
    return folder / root / "datasets" / "tried" / "v1"


@pytest.fixture(scope="module")
def desk(prefect_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder, counter = tmp_path_factory.mktemp("ray"), Counter()
    with serving_app(counter.app()) as url:
        models = {"teacher": {"model": "builtin", "base_url": url, "concurrency": IN_FLIGHT}}
        recipe = {"dataset": "tried", "rows": 30, "seed": 5, "models": models, "stages": STAGES}
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
        with start(folder, prefect_environment, "--root", "calm") as calm:
            told = calm.communicate(timeout=120)
        assert calm.returncode == 0, told
        yield Desk(folder, prefect_environment, counter, shards(made(folder, "calm")), counter.asked)


def processes() -> dict[int, tuple[int, str]]:
    """Parent and command line of every process that can be seen."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has ended meanwhile
        if command:  # a zombie has none
            found[int(entry.name)] = (parent, command)
    return found


def ray_below(pid: int) -> dict[int, str]:
    """The Ray processes that descend from ``pid``, with their command lines."""
    everything = processes()

    def descends(child: int) -> bool:
        parent = everything.get(child, (0, ""))[0]
        return parent == pid or (parent > 1 and descends(parent))

    return {
        child: command for child, (_, command) in everything.items() if "ray" in command.lower() and descends(child)
    }


def wait_for(gone: Callable[[], bool]) -> bool:
    """Whether ``gone`` came true within a minute."""
    tick = threading.Event()
    return any(gone() or tick.wait(0.1) for _ in range(600))


def test_a_run_on_ray_makes_the_same_bytes_and_leaves_no_process_and_no_noise(desk: Desk) -> None:
    seen: set[int] = set()

    def look() -> None:
        seen.update(ray_below(process.pid))

    with desk.start("--root", "ray", *ON_RAY) as process:
        desk.counter.at, desk.counter.then = desk.counter.asked + desk.asked // 2, look
        out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert err == ""
    assert "30 rows of tried@1" in out
    assert not any(word in out for word in ("Ray", "raylet", "INFO", "WARNING"))
    assert shards(made(desk.folder, "ray")) == desk.calm
    assert_sound(made(desk.folder, "ray"))
    assert seen
    assert wait_for(lambda: not seen & processes().keys())


def test_a_lost_worker_and_then_a_killed_run_end_with_the_same_bytes(desk: Desk) -> None:
    lost: list[int] = []
    before = desk.counter.asked

    def lose_a_worker() -> None:
        at_work = [pid for pid, command in ray_below(process.pid).items() if command.startswith("ray::generator")]
        if at_work:
            os.kill(at_work[0], signal.SIGKILL)
            lost.append(at_work[0])
            desk.counter.at, desk.counter.then = before + desk.asked * 3 // 4, kill_the_run
        else:  # the pool, which stays in the flow's process, was asking
            desk.counter.at += 1

    def kill_the_run() -> None:
        lost.extend(pid for pid, command in ray_below(process.pid).items() if command.startswith("ray::generator"))
        process.kill()

    # Not to a pipe: processes of Ray's own hold it for a minute after their head is gone.
    with desk.start("--root", "killed", *ON_RAY, told=subprocess.DEVNULL) as process:
        desk.counter.at, desk.counter.then = before + desk.asked // 4, lose_a_worker
        assert process.wait(timeout=200) == -signal.SIGKILL
    assert len(lost) > 1

    desk.counter.then = None
    with desk.start("--root", "killed", *ON_RAY) as resumed:
        _, err = resumed.communicate(timeout=200)
    assert resumed.returncode == 0, err
    assert shards(made(desk.folder, "killed")) == desk.calm
    assert_sound(made(desk.folder, "killed"))
    assert wait_for(lambda: not set(lost) & processes().keys())
    # The orphan of the killed run worked on for a moment, and what it was told is in the log.
    assert desk.counter.asked - before <= desk.asked + 2 * IN_FLIGHT


def test_an_interrupt_stops_the_workers_too_and_says_how_to_go_on(desk: Desk) -> None:
    seen: set[int] = set()

    def interrupt() -> None:
        seen.update(ray_below(process.pid))
        process.send_signal(signal.SIGINT)

    with desk.start("--root", "stopped", *ON_RAY) as process:
        desk.counter.at, desk.counter.then = desk.counter.asked + desk.asked // 2, interrupt
        out, err = process.communicate(timeout=200)
    desk.counter.then = None
    assert process.returncode == 130, out + err
    assert "run the same command again" in out + err
    assert "Traceback" not in out + err
    assert wait_for(lambda: not seen & processes().keys())


def test_a_cluster_that_is_not_there_is_one_line_with_exit_code_2(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    done = command("run", write_recipe(), "--runner", "ray", "--ray-address", "127.0.0.1:9")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ray.address: 127.0.0.1:9: ")
    assert len(done.stderr.strip().splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml"]


def test_without_the_packages_the_one_line_says_how_to_install_them(
    write_recipe: WriteRecipe, prefect_environment: dict[str, str], tmp_path: Path
) -> None:
    write_recipe()
    missing = tmp_path / "missing"
    missing.mkdir()
    (missing / "prefect_ray.py").write_text("raise ImportError", encoding="utf-8")
    hidden = {"PYTHONPATH": f"{missing}{os.pathsep}{CODE}"}
    arguments = [sys.executable, "-m", "flows.cli", "run", "recipe.yaml", *ON_RAY]
    done = subprocess.run(
        arguments, env=prefect_environment | hidden, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "pip install 'instructloom[ray]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_caps_that_the_workers_cannot_share_are_refused_before_ray_starts(
    command: Command, write_recipe: WriteRecipe
) -> None:
    done = command("run", write_recipe(), "--concurrency", "2", *ON_RAY)
    assert done.returncode == 2
    assert "models.teacher.concurrency: 2 cannot be shared by the 3 processes" in done.stderr


def test_an_option_for_ray_without_ray_is_refused(command: Command, write_recipe: WriteRecipe) -> None:
    done = command("run", write_recipe(), "--ray-workers", "2")
    assert done.returncode == 2
    assert "--ray-workers is for --runner ray" in done.stderr
