"""``instructloom serve`` and ``instructloom download`` as a user runs them: as processes."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from outputs.dataset import open_dataset, verify
from tests.flows.conftest import Command
from tests.outputs.download_server import PATIENCE, TOKEN, connected
from tests.outputs.made import make_dataset

ROOT = Path(__file__).parents[2]
READERS = 100
LARGE = 16 << 20


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "INSTRUCTLOOM_TOKEN"} | {
        "PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_PROXY": "*", **more,
    }  # fmt: skip


@contextmanager
def served(root: Path, *arguments: str, **more: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A server as a process, and its address; killed at the end if it still runs."""
    command = [sys.executable, "-m", "flows.cli", "serve", "--root", str(root), "--port", "0", *arguments]
    with subprocess.Popen(
        command, env=environment(**more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", line := process.stdout.readline())
            assert found, line
            yield process, found[0]
        finally:
            process.kill()


def called(*arguments: str, cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env=environment(**more), cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def memory(process: "subprocess.Popen[str]", field: str) -> int:
    """Bytes of a process: VmRSS now, or VmHWM at most so far."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(rf"{field}:\s+(\d+) kB", status)[0]) * 1024


def stalled(url: str, path: str) -> socket.socket:
    """A reader that asked, and reads no further than the first bytes."""
    reader = connected(url)
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert reader.recv(12) == b"HTTP/1.1 200"
    return reader


def large_version(root: Path) -> str:
    """The path of a shard that is much longer than what sockets hold."""
    dataset = make_dataset(root / "datasets", rejects=0)
    shard = dataset.manifest.files[0]
    with (dataset.folder / shard.path).open("wb") as file:
        for _ in range(LARGE >> 20):
            file.write(os.urandom(1 << 20))
    shard.bytes = LARGE
    dataset.manifest.files = [shard]
    (dataset.folder / "manifest.json").write_text(dataset.manifest.model_dump_json())
    return f"/datasets/sums/v1/{shard.path}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_its_address_and_stops_when_told_even_with_a_slow_reader(
    tmp_path: Path, number: signal.Signals
) -> None:
    path = large_version(tmp_path)
    with served(tmp_path) as (process, url), stalled(url, path), connected(url):
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        assert process.stdout is not None
        assert process.stdout.read() == "(without a token; Ctrl-C stops it)\n"


def test_a_hundred_readers_at_once_take_no_more_memory_than_their_buffers(tmp_path: Path) -> None:
    path = large_version(tmp_path)
    with served(tmp_path) as (process, url):
        for warm in (path, "/datasets/sums/v1.zip", "/datasets/sums/v1.tar"):
            httpx.get(url + warm)
        before = memory(process, "VmRSS")
        kinds = (path, "/datasets/sums/v1.zip", "/datasets/sums/v1.tar")
        readers = [stalled(url, kinds[number % 3]) for number in range(READERS)]
        received = [0] * READERS

        def drain(number: int) -> None:
            buffer = bytearray(1 << 18)
            while count := readers[number].recv_into(buffer):
                received[number] += count

        threads = [threading.Thread(target=drain, args=(number,)) for number in range(READERS)]
        for thread in threads:
            thread.start()
        assert httpx.get(f"{url}/health", timeout=PATIENCE).status_code == 200
        for thread in threads:
            thread.join()
        for reader in readers:
            reader.close()
        assert min(received) > LARGE
        # Of 1.6 GB that were sent, each reader may have had three pieces of 128 kB in the server at a time.
        assert memory(process, "VmHWM") - before < READERS * (512 << 10)


def test_a_token_is_taken_from_the_environment_and_told_to_nobody(tmp_path: Path) -> None:
    make_dataset(tmp_path / "datasets")
    with served(tmp_path, "--host", "0.0.0.0", "--token-env", "MY_TOKEN", MY_TOKEN=TOKEN) as (process, url):
        here = url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{here}/api/datasets").status_code == 401
        refused = called("download", "sums", "--from", here, cwd=tmp_path)
        assert refused.returncode == 2
        assert "put its token into the variable that --token-env names" in refused.stderr
        done = called("download", "sums@1", "--from", here, "--token-env", "T", cwd=tmp_path, T=TOKEN)
        assert (done.returncode, done.stderr) == (0, "")
        assert verify(open_dataset(tmp_path / "sums-v1", tmp_path)) == []
        process.terminate()
        assert process.stdout is not None
        assert TOKEN not in process.stdout.read() + done.stdout + refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serve", "--host", "0.0.0.0"], "a token is wanted"),
        (["serve", "--root", "nowhere"], "--root nowhere: No such file"),
        (["serve", "--token-env", TOKEN], "give the NAME of an environment variable"),
        (["download", "sums@x", "--from", "http://127.0.0.1:1"], "names no dataset"),
        (["download", "sums", "--from", "127.0.0.1"], "--from: give the server's address"),
        (["download", "sums"], "dataset 'sums' is not in"),
        (["download", "sums"], "or --from URL, for one that a server has"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = called(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert TOKEN not in done.stderr


def test_what_was_downloaded_can_be_shown(tmp_path: Path) -> None:
    make_dataset(tmp_path / "datasets")
    with served(tmp_path) as (_, url):
        first = called("download", "sums", "--from", url, "--to", "got", cwd=tmp_path)
        again = called("download", "sums", "--from", url, "--to", "got", cwd=tmp_path)
    copied = called("download", "sums@1", cwd=tmp_path)
    assert "25 rows of sums@1 in got (4 files came; 4 verified)" in first.stdout
    assert "(nothing had to come; 4 verified)" in again.stdout
    assert "25 rows of sums@1 in sums-v1 (4 files came; 4 verified)" in copied.stdout
    for folder in ("got", "sums-v1"):
        shown = called("show", folder, cwd=tmp_path)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "4 files verified against their sha256." in shown.stdout


def test_a_run_copies_what_it_publishes_and_a_later_one_what_is_missing(
    tmp_path: Path, command: Command, write_recipe: Callable[..., str]
) -> None:
    stages = [{"use": "self_instruct", "prompts_per_round": 3}, {"use": "respond"}]
    recipe = write_recipe(rows=5, stages=stages, output={"copy_to": "elsewhere"})
    assert command("preview", recipe, "--rows", "1").returncode == 0
    assert not (tmp_path / "elsewhere").exists()
    for _ in range(2):
        done = command("run", recipe)
        assert (done.returncode, done.stderr) == (0, "")
        copied = open_dataset("tried@1", tmp_path / "elsewhere/datasets")
        assert verify(copied) == []
        assert copied.manifest == open_dataset("tried@1", tmp_path / "datasets").manifest
        shutil.rmtree(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("in the way")
    failed = command("run", recipe)
    assert failed.returncode == 1
    assert "tried@1 is published in" in failed.stderr
    assert "could not be copied to elsewhere/datasets/tried/v1" in failed.stderr
