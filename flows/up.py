"""``instructloom up``: what a person needs of Prefect on one machine, in one command.

Starts what is missing of: a Prefect server, a work pool with a worker, and the download server; keeps them alive, and
ends them with itself. What runs already is used as it is.
"""

import fcntl
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO
from uuid import UUID

from rich.console import Console
from rich.markup import escape

from flows import pools
from flows.children import TICK, Child, leashed, program
from flows.downloads import downloads_at, serve_arguments
from flows.leash import children_of
from flows.servers import (
    api_at,
    configured,
    default_address,
    fits,
    is_taken,
    shown,
    silence,
    ui_at,
    use,
    version_at,
)
from flows.session import quiet_prefect
from schemas.errors import BadInput, RunFailed

FOLDER = ".instructloom"
WORKER_NAME = "worker"
START_SECONDS = 120.0
"""For a process to be ready, on a machine that is busy; a database is made in that time, too."""
RUNS_SECONDS = 45.0
"""For flow runs to stop, and for the worker after them. Prefect kills a run 30 s after it asked it to end."""

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_CLI_PROMPT": "false",
}
SERVER = {
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # In memory, as is the default, they are gone with the server: then no run of a deployment outlives it, and a
    # place that one held is never free again.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "10",
}
"""What we set unless the user did."""
WORKER = {
    "PREFECT_WORKER_QUERY_SECONDS": "3",
    # A run that is taken before its time holds the place of one that may be over by then.
    "PREFECT_WORKER_PREFETCH_SECONDS": "0",
    **pools.PATIENT,
}


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for. ``root`` is absolute; ``limit``: flow runs at a time. Without host or port:
    Prefect's own settings.
    """

    root: Path
    download_port: int
    pool: str
    host: str | None = None
    port: int | None = None
    limit: int | None = None
    database: str | None = None


@dataclass
class Up:
    """What runs, and what of it is ours."""

    wanted: Wanted
    out: Console
    base: dict[str, str]
    """The environment as the user has it."""
    host: str
    port: int
    api: str = ""
    children: list[Child] = field(default_factory=list)
    listener: socket.socket | None = None
    """What our server listens on; held here, so that who calls while it starts again only waits."""
    signals: int = 0
    """How often it was told to stop."""

    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self.signals > 0

    def say(self, what: str) -> None:
        """A line on the terminal."""
        self.out.print(escape(what), soft_wrap=True)

    def log(self, name: str) -> Path:
        """The log file of a child."""
        return self.wanted.root / FOLDER / f"{name}.log"


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
    with _alone(wanted.root) as lock:
        if lock is None:
            _tell_of_the_other(wanted, out)
            return
        with _signals(up):
            try:
                _start(up)
                if up.children and not up.stopping():
                    lock.seek(0)
                    lock.truncate()
                    lock.write(f"{os.getpid()} {up.api}\n")
                    lock.flush()
                    _keep(up)
            finally:
                _end(up)


def _start(up: Up) -> None:
    for part in (_server, _worker, _downloads):
        part(up)
        if up.stopping():
            return
    _tell_what_next(up)


def _server(up: Up) -> None:
    found = _running(up)
    if found is not None:
        use(found)
        up.api = found
        up.say(f"Prefect     {ui_at(found)}  (already runs)")
        if up.wanted.database is not None:
            raise BadInput(
                f"--database is for a server that is started here, but one already runs at {shown(found)}; stop that"
                " one, or leave --database out"
            )
        return
    listener = up.listener = _listener(up)
    port = listener.getsockname()[1]
    up.api = api_at(up.host, port)
    addresses = {
        "PREFECT_SERVER_API_HOST": up.host,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_URL": up.api,
    }
    if up.wanted.database is not None:
        addresses["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = up.wanted.database
    arguments = [*program("temporary_server.py"), str(listener.fileno())]
    environment = SERVER | up.base | QUIET | addresses
    child = Child("Prefect server", arguments, environment, up.log("server"), 15, (listener.fileno(),))
    _launch(up, child, lambda: version_at(up.api) is not None)
    use(up.api)
    up.say(f"Prefect     {ui_at(up.api)}")
    if not _is_loopback(up.host) and "PREFECT_SERVER_API_AUTH_STRING" not in up.base:
        up.say("            Anybody who reaches it can start runs: set PREFECT_SERVER_API_AUTH_STRING to a password.")


def _running(up: Up) -> str | None:
    """The API address of the server that is to be used, if there is one."""
    here = api_at(up.host, up.port)
    url = configured()
    if url is not None:
        why = silence(url)
        if why is None:
            return url
        if url.rstrip("/").replace("localhost", "127.0.0.1") != here:
            raise RunFailed(
                f"PREFECT_API_URL is {shown(url)}, and nothing answers there ({why}); start that server, or unset it"
                " and run `instructloom up` again"
            )
        return None
    found = version_at(here) if up.port else None
    if found is not None and not fits(found):
        raise BadInput(f"the Prefect server at {here} is version {found}, not ours; stop it, or give another --port")
    if found is None and up.port and is_taken(up.host, up.port):
        raise BadInput(f"--port {up.port}: something that is no Prefect server listens there; give another --port")
    return here if found else None


def _listener(up: Up) -> socket.socket:
    family = socket.AF_INET6 if ":" in up.host else socket.AF_INET
    try:
        return socket.create_server((up.host, up.port), family=family, backlog=1024)
    except OSError as error:
        raise BadInput(
            f"--host {up.host} --port {up.port}: cannot listen there ({error.strerror or error}); give an"
            " address of this machine and a free port"
        ) from None


def _worker(up: Up) -> None:
    wanted = up.wanted
    pools.ensure_pool(wanted.pool)
    pools.ensure_watch()
    name = f"{wanted.pool}@{socket.gethostname()}"
    others = pools.online(wanted.pool) - {name}
    if others:
        up.say(f"Worker      {min(others)} of pool {wanted.pool!r}  (already runs)")
        return
    limit = [] if wanted.limit is None else ["--limit", str(wanted.limit)]
    arguments = leashed(
        "prefect", "worker", "start", "--pool", wanted.pool, "--type", "process", "--name", name, *limit,
        patience=RUNS_SECONDS,
    )  # fmt: skip
    environment = WORKER | up.base | QUIET | {"PREFECT_API_URL": up.api}
    # While it lives, so does our server: it has yet to be told how the runs ended.
    lives = tuple(child.life for child in up.children)
    child = Child(WORKER_NAME, arguments, environment, up.log("worker"), RUNS_SECONDS + 5, lives)
    before = pools.now()
    _launch(up, child, lambda: name in pools.online(wanted.pool, since=before))
    up.say(f"Worker      {name} of pool {wanted.pool!r}")


def _downloads(up: Up) -> None:
    wanted = up.wanted
    url = api_at(up.host, wanted.download_port).removesuffix("/api")
    found = downloads_at(url, wanted.root)
    if found is True:
        up.say(f"Downloads   {url}  (already runs)")
        return
    if is_taken(up.host, wanted.download_port):
        what = "another root is served there" if found is False else "something else listens there"
        raise BadInput(f"--download-port {wanted.download_port}: {what}; give another --download-port")
    arguments = leashed("flows.cli", *serve_arguments(wanted.root, up.host, wanted.download_port), patience=5.0)
    child = Child("download server", arguments, up.base | QUIET, up.log("downloads"), 7)
    _launch(up, child, lambda: is_taken(up.host, wanted.download_port))
    up.say(f"Downloads   {url}")


def _launch(up: Up, child: Child, ready: Callable[[], bool]) -> None:
    child.log.parent.mkdir(parents=True, exist_ok=True)
    up.children.append(child)
    child.start()
    child.await_ready(ready, START_SECONDS, up.stopping)


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
    root = "" if wanted.root == Path.cwd() else f" --root {wanted.root}"
    return root + ("" if wanted.pool == pools.POOL else f" --pool {wanted.pool}")


def _keep(up: Up) -> None:
    while not up.stopping():
        for child in up.children:
            if told := child.tend():
                up.say(told)
        time.sleep(TICK)


def _end(up: Up) -> None:
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


@contextmanager
def _alone(root: Path) -> Iterator[IO[str] | None]:
    """The lock of ``root``, for as long as the block; None if another ``up`` has it."""
    folder = root / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "up.lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--root: {folder} cannot be made ({error.strerror}); give a folder") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield lock


def _tell_of_the_other(wanted: Wanted, out: Console) -> None:
    told = (wanted.root / FOLDER / "up.lock").read_text(encoding="utf-8").split()
    who = f" (process {told[0]}), with Prefect at {ui_at(told[1])}" if len(told) == 2 else ", and is about to be ready"
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


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _check_database(url: str | None) -> None:
    """Whether Prefect can take it; the URL is not shown, for it may hold a password."""
    if url is not None and not url.startswith(("postgresql+asyncpg://", "sqlite+aiosqlite://")):
        raise BadInput(
            "--database: give postgresql+asyncpg://USER:PASSWORD@HOST:PORT/NAME, or sqlite+aiosqlite:///FILE"
        )
