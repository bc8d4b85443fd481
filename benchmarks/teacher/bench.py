"""Starts what is measured: the offline server and the clients, each a process, on a core of its own where possible."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.teacher.load import Job, Measure

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0
"""Seconds after which a client is taken to hang."""


@dataclass(frozen=True)
class Server:
    """The offline server, running."""

    url: str
    """Ending in /v1."""

    def stats(self) -> dict[str, Any]:
        """What it served; see ``teachers/builtin/tally.py``."""
        return self._json("/stats")

    def reset(self) -> None:
        """Count anew."""
        self._json("/stats/reset", b"")

    def resize(self, slots: int) -> None:
        """Answer so many requests at a time from now on."""
        self._json("/admin/slots", json.dumps({"slots": slots}).encode())

    def _json(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(self.url.removesuffix("/v1") + path, body, timeout=30) as reply:
            told: dict[str, Any] = json.load(reply)
        return told


class Bench:
    """How much is measured: ``rounds`` turns of each comparison, and a ``share`` of the requests of a case."""

    def __init__(self, rounds: int, share: float) -> None:
        self.rounds = rounds
        self.share = share

    @contextmanager
    def serving(self, *options: str) -> Iterator[Server]:
        """``instructloom teacher serve`` with ``options``, answering with 120 tokens that cost nothing."""
        with serving("--reply", "echo", "--reply-tokens", "120", *options, core=-1) as server:
            yield server

    def client(
        self,
        client: Literal["ours", "bare", "floor"],
        server: Server,
        requests: int,
        concurrency: int,
        adaptive: bool = True,
    ) -> Measure:
        """Run one client to its end."""
        requests = max(500, round(requests * self.share))
        with (
            tempfile.TemporaryDirectory() as folder,
            asking(Job(client, server.url, requests, concurrency, folder, adaptive)) as process,
        ):
            told, _ = process.communicate(timeout=PATIENCE)
        if process.returncode:
            raise RuntimeError(f"a client failed (exit {process.returncode}); its traceback is above")
        return Measure(**json.loads(told))


@contextmanager
def asking(job: Job) -> Iterator["subprocess.Popen[str]"]:
    """A client at work; it does not outlive the body."""
    arguments = [sys.executable, "-m", "benchmarks.teacher.clients", job.to_json()]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        pin(process.pid, 0)
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def serving(*options: str, core: int | None = None) -> Iterator[Server]:
    """``instructloom teacher serve`` on a free port of this machine while the body runs."""
    arguments = [sys.executable, "-m", "flows.cli", "teacher", "serve", "--port", "0", *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "500"}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as process:
        if core is not None:
            pin(process.pid, core)
        try:
            assert process.stdout is not None, "it is a pipe"
            told = process.stdout.readline()
            if "listens on " not in told:
                raise RuntimeError(f"the offline server did not start: {told.strip() or 'see above'}")
            yield Server(told.split("listens on ")[1].split()[0])
        finally:
            process.terminate()
            process.communicate()


def pin(pid: int, core: int) -> None:
    """Keep a process on one core, the first (0) or the last (-1); does nothing where that is not possible."""
    if not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, {cores[core]})
