"""A command of the command line: what it prints, and its errors as one line each."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from shlex import quote
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from schemas.errors import InstructloomError

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@contextmanager
def one_line_errors(debug: bool) -> Iterator[None]:
    """Show an error of ours as one line and leave with its exit code."""
    try:
        yield
    except InstructloomError as error:
        if debug:
            raise
        err.print(f"[bold red]error:[/] {_plain(error)}", soft_wrap=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        if debug:
            raise
        err.print("\nStopped. Nothing is lost: run the same command again to go on.", soft_wrap=True)
        raise typer.Exit(130) from None
    except (typer.Exit, typer.Abort):
        raise
    except OSError as error:
        if debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        told = f"{where}{error.strerror or error}; check --root, permissions and free space, and run again"
        err.print(f"[bold red]error:[/] {_plain(OSError(told))}", soft_wrap=True)
        raise typer.Exit(1) from None
    except Exception as error:
        # Not one of ours: a full disk, a Prefect server that is gone, or our own mistake.
        if debug:
            raise
        err.print(f"[bold red]error:[/] {type(error).__name__}: {_plain(error)} (--debug shows more)", soft_wrap=True)
        raise typer.Exit(1) from None


def _plain(error: Exception) -> str:
    return escape(" ".join(str(error).split()))


class Ending:
    """How the process ends."""

    untold = False
    """Whether Prefect's server is gone. What it was not told yet would be tried again for minutes."""


def run_to_end(app: Callable[[], None]) -> None:
    """Run the command line, and end the process."""
    try:
        app()
    except SystemExit as end:
        if not Ending.untold:
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code if isinstance(end.code, int) else 1)


def root_option(root: Path) -> str:
    """What a hint says after a command, so that it works on the folder that this one works on."""
    return "" if root == Path.cwd() else f" --root {quote(str(root))}"


def command(function: Callable[..., None]) -> Callable[..., None]:
    """A command whose errors are one line."""

    @wraps(function)
    def wrapped(*args: Any, **options: Any) -> None:
        with one_line_errors(bool(options.get("debug"))):
            function(*args, **options)

    return wrapped
