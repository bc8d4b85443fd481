"""The command line in a process of its own, forked from one that has imported Prefect already: that takes seconds.

For tests that call many commands; what a user starts is tested by ``conftest.command``.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PATIENCE = 240.0
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.flows.commands", "flows.prefect_yaml", "flows.schedule", "flows.deployed"])


def call(
    arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path
) -> "subprocess.CompletedProcess[str]":
    """Run ``instructloom`` with ``arguments``."""
    with tempfile.TemporaryDirectory() as told:
        files = [str(Path(told) / name) for name in ("out", "err")]
        process = _CONTEXT.Process(target=_run, args=(arguments, dict(environment), str(folder), *files))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"{arguments} does not end")
        out, err = (Path(file).read_text(encoding="utf-8") for file in files)
    return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def _run(arguments: tuple[str, ...], environment: dict[str, str], folder: str, out: str, err: str) -> None:
    for number, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    from prefect.context import refresh_global_settings_context

    from flows import cli

    refresh_global_settings_context()
    sys.argv = ["instructloom", *arguments]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # multiprocessing took it away
    cli.main()
