"""``instructloom up``: what a person needs of Prefect on one machine, in one command.

Starts what is missing of: a Prefect server, a work pool with a worker, and the download server; keeps them alive, and
ends them with itself. What runs already is used as it is.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from types import FrameType
from typing import IO
from uuid import UUID

from rich.console import Console
from rich.markup import escape

from flows import pools
from flows.children import TICK, Child
from flows.leash import children_of
from flows.one_line import root_option
from flows.servers import api_at, default_address, is_listened_to, shown, ui_at
from flows.services import (
    DOWNLOADS_NAME,
    FOLDER,
    RUNS_SECONDS,
    SERVER_NAME,
    START_SECONDS,
    WORKER_NAME,
    Up,
    Wanted,
    locked,
    start_downloads,
    start_server,
    start_worker,
)
from flows.session import quiet_prefect
from schemas.errors import BadInput, InstructloomError

LOOK_SECONDS = 5.0
"""Between two looks at what runs and is not ours."""
OURS, OTHERS = "ours", "others"
"""Whose server it is, in the lock of the root."""
PARTS = {SERVER_NAME: start_server, WORKER_NAME: start_worker, DOWNLOADS_NAME: start_downloads}


def bring_up(wanted: Wanted, out: Console, debug: bool) -> None:
    """Start what is missing and keep it alive until it is told to stop, by Ctrl-C or SIGTERM.

    Raises:
        BadInput: a port is taken, the pool is of another kind, or the server is of another version.
        RunFailed: something does not start; the message has the last line of its log, and where that is.
    """
    _check_database(wanted.database)
    base = dict(os.environ)
    quiet_prefect(debug)
    host, port = default_address()
    up = Up(wanted, out, base, wanted.host or host, port if wanted.port is None else wanted.port)
    with up.locks, locked(_root_lock(wanted)) as lock:
        if lock is None:
            _tell_of_the_other(wanted, out)
            return
        with _signals(up):
            try:
                _await_end_of_killed(up, lock)
                _start(up)
                if up.children and not up.stopping():
                    whose = OTHERS if SERVER_NAME in up.adopted or up.listener is None else OURS
                    lock.write(f"{os.getpid()} {up.api} {whose}\n")
                    lock.flush()
                    _keep(up)
            except InstructloomError:
                # The line that says why is all there is to say.
                _end(up, quietly=True)
                raise
            finally:
                _end(up)
                lock.truncate(0)


def _await_end_of_killed(up: Up, lock: IO[str]) -> None:
    """What an `up` started that was killed ends by itself, the server last; till then it must not be taken for one
    that stays.
    """
    lock.seek(0)
    told = lock.read().split()
    lock.truncate(0)
    if told[2:] != [OURS] or not is_listened_to(told[1]):
        return
    up.say("An earlier `instructloom up` was killed; waiting for its flow runs and its server to end.")
    ends = time.monotonic() + RUNS_SECONDS + START_SECONDS
    while is_listened_to(told[1]) and time.monotonic() < ends and not up.stopping():
        time.sleep(TICK)


def _start(up: Up) -> None:
    for part in PARTS.values():
        part(up)
        if up.stopping():
            return
    _tell_what_next(up)


def _tell_what_next(up: Up) -> None:
    up.say("")
    if up.api not in (_configured_elsewhere(up.base), api_at(*default_address())):
        up.say("In other terminals, so that they find this server:")
        up.say(f"    export PREFECT_API_URL={shown(up.api)}")
    up.say(f'Next:       instructloom deploy RECIPE --cron "0 2 * * *"{_option(up.wanted)}')
    if up.children:
        up.say("Ctrl-C stops it, and flow runs with it: they go on with the next `instructloom up`.")


def _configured_elsewhere(base: dict[str, str]) -> str | None:
    """The server that other terminals have configured, in the environment as it was, or in a Prefect profile."""
    from prefect.settings import PREFECT_API_URL, load_current_profile

    return base.get("PREFECT_API_URL") or load_current_profile().settings.get(PREFECT_API_URL)


def _option(wanted: Wanted) -> str:
    pool = "" if wanted.pool == pools.POOL else f" --pool {quote(wanted.pool)}"
    return root_option(wanted.root) + pool


def _keep(up: Up) -> None:
    looks = time.monotonic() + LOOK_SECONDS
    while not up.stopping():
        if time.monotonic() > looks:
            _take_over(up)
            looks = time.monotonic() + LOOK_SECONDS
        for child in up.children:
            if told := child.tend():
                up.say(told)
        time.sleep(TICK)


def _take_over(up: Up) -> None:
    """Start here what ran elsewhere and does no more: a server, say, that ended with an `up` that was killed."""
    for name, runs in list(up.adopted.items()):
        try:
            if not runs():
                del up.adopted[name]
                up.say(f"{name}: the one that ran already is gone")
                PARTS[name](up)
        except Exception as error:
            # Without a server nobody can say what else runs; it is asked again later.
            if isinstance(error, InstructloomError):
                up.say(f"{name}: {error}")


def _end(up: Up, quietly: bool = False) -> None:
    """Stop the children, the last started first, and put runs that stopped with their worker in line again."""
    if not up.children:
        return
    patient = max(1, up.signals)
    for child in reversed(up.children):
        ours = _under_way(up, child)
        if ours:
            up.say(f"Stopping {_runs(len(ours))}; Ctrl-C once more ends all at once.")
        child.ask_to_end()
        ends = time.monotonic() + child.patience
        while not child.ended() and time.monotonic() < ends and up.signals <= patient:
            # The worker takes another one as long as it lives.
            ours |= _under_way(up, child)
            time.sleep(TICK)
        child.kill()
        if ours:
            _put_in_line(up, ours)
    up.children.clear()
    if not quietly:
        up.say("Stopped.")


def _under_way(up: Up, child: Child) -> set[UUID]:
    if child.name != WORKER_NAME or child.ended():
        return set()
    try:
        return pools.under_way(up.wanted.pool, lambda: children_of(child.pid))
    except Exception:
        # A server that is gone must not hold up the end.
        return set()


def _put_in_line(up: Up, runs: set[UUID]) -> None:
    try:
        again = pools.put_in_line(runs)
    except Exception as error:
        up.say(f"The server could not be told that they stopped ({type(error).__name__}): retry them in the UI.")
        return
    if again:
        up.say(f"{_runs(again)} will go on with the next `instructloom up`.")


def _runs(count: int) -> str:
    return "1 flow run" if count == 1 else f"{count} flow runs"


def _root_lock(wanted: Wanted) -> Path:
    return wanted.root / FOLDER / "up.lock"


def _tell_of_the_other(wanted: Wanted, out: Console) -> None:
    told = _root_lock(wanted).read_text(encoding="utf-8").split()
    who = f" (process {told[0]}), with Prefect at {ui_at(told[1])}" if len(told) == 3 else ", and is about to be ready"
    out.print(escape(f"`instructloom up` already runs for {wanted.root}{who}."), soft_wrap=True)


@contextmanager
def _signals(up: Up) -> Iterator[None]:
    def heard(number: int, frame: FrameType | None) -> None:
        up.signals += 1

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, heard) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _check_database(url: str | None) -> None:
    """Whether Prefect can take it; the URL is not shown, for it may hold a password."""
    if url is None:
        return
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        kind = make_url(url).drivername
    except (ArgumentError, ValueError):
        kind = ""
    if kind not in ("postgresql+asyncpg", "sqlite+aiosqlite"):
        raise BadInput(
            "--database: give postgresql+asyncpg://USER:PASSWORD@HOST:PORT/NAME, or sqlite+aiosqlite:///FILE"
        )
