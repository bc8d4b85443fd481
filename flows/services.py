"""The processes that ``instructloom up`` starts where they are missing: Prefect's server, a worker, the downloads."""

import fcntl
import hashlib
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from flows import pools
from flows.children import Child, leashed, program
from flows.download_probe import serve_arguments, serves
from flows.servers import api_at, configured, fits, is_taken, shown, silence, ui_at, use, version_at
from schemas.errors import BadInput, RunFailed

FOLDER = ".instructloom"
SERVER_NAME = "Prefect server"
WORKER_NAME = "worker"
DOWNLOADS_NAME = "download server"
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
    adopted: dict[str, Callable[[], bool]] = field(default_factory=dict)
    """What runs and is not ours, and whether it still does."""
    works: bool = False
    """Whether the worker of the pool on this machine is ours to run."""
    locks: ExitStack = field(default_factory=ExitStack)
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


def start_server(up: Up) -> None:
    """Find Prefect's server, or start one, and use it."""
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
        if found == api_at(up.host, up.port):
            up.adopted[SERVER_NAME] = lambda: is_taken(up.host, up.port)
        return
    listener = up.listener = _listener(up)
    port = listener.getsockname()[1]
    up.api = api_at(up.host, port)
    addresses = {
        "PREFECT_SERVER_API_HOST": up.host,
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_URL": up.api,
        # By whatever name a browser reaches the page, there it finds the API.
        "PREFECT_UI_API_URL": up.base.get("PREFECT_UI_API_URL", "/api"),
    }
    if up.wanted.database is not None:
        addresses["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = up.wanted.database
    arguments = [*program("temporary_server.py"), str(listener.fileno())]
    environment = SERVER | up.base | QUIET | addresses
    child = Child(SERVER_NAME, arguments, environment, up.log("server"), 15, (listener.fileno(),))
    if not _launch(up, child, lambda: version_at(up.api) is not None):
        return
    use(up.api)
    up.say(f"Prefect     {ui_at(up.api)}")
    if not _is_loopback(up.host) and "PREFECT_SERVER_API_AUTH_STRING" not in up.base:
        up.say("            Anybody who reaches it can start runs: set PREFECT_SERVER_API_AUTH_STRING to a password.")


def _running(up: Up) -> str | None:
    """The API address of the server that is to be used, if there is one."""
    here = api_at(up.host, up.port)
    url = configured()
    if url is not None:
        if up.wanted.port and urlsplit(url).port not in (None, up.port):
            raise BadInput(
                f"--port {up.port}: PREFECT_API_URL names the server at {shown(url)}, which would be used; unset it, or"
                " leave --port out"
            )
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


def start_worker(up: Up) -> None:
    """Make the work pool, and start a worker for it unless it has one."""
    wanted = up.wanted
    pools.ensure_pool(wanted.pool)
    pools.ensure_watch()
    name = f"{wanted.pool}@{socket.gethostname()}"
    if other := _other_worker(up, name):
        up.say(f"Worker      {other} of pool {wanted.pool!r}  (already runs)")
        up.adopted[WORKER_NAME] = lambda: _other_worker(up, name) is not None
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
    if _launch(up, child, lambda: name in pools.online(wanted.pool, since=before)):
        up.say(f"Worker      {name} of pool {wanted.pool!r}")


def _other_worker(up: Up, name: str) -> str | None:
    """A worker that polls the pool and is not ours, which would be called ``name``."""
    # Those that an `up` on another machine started do not see this one's files.
    others = {other for other in pools.online(up.wanted.pool) if not other.startswith(f"{up.wanted.pool}@")}
    if others:
        return min(others)
    # The server notices late that a worker is gone; of those that an `up` started, a lock tells at once.
    if not up.works:
        up.works = up.locks.enter_context(locked(_worker_lock(up))) is not None
    return None if up.works else name


def start_downloads(up: Up) -> None:
    """Start the download server unless it serves the folder already."""
    wanted = up.wanted
    url = api_at(up.host, wanted.download_port).removesuffix("/api")
    if serves(url, wanted.root):
        pools.tell_downloads(url)
        up.say(f"Downloads   {url}  (already runs)")
        up.adopted[DOWNLOADS_NAME] = lambda: is_taken(up.host, wanted.download_port)
        return
    if is_taken(up.host, wanted.download_port):
        raise BadInput(
            f"--download-port {wanted.download_port}: something listens there that does not serve {wanted.root}; give"
            " another --download-port"
        )
    arguments = leashed("flows.cli", *serve_arguments(wanted.root, up.host, wanted.download_port), patience=5.0)
    child = Child(DOWNLOADS_NAME, arguments, up.base | QUIET, up.log("downloads"), 7)
    if _launch(up, child, lambda: is_taken(up.host, wanted.download_port)):
        pools.tell_downloads(url)
        up.say(f"Downloads   {url}")


def _launch(up: Up, child: Child, ready: Callable[[], bool]) -> bool:
    child.log.parent.mkdir(parents=True, exist_ok=True)
    up.children.append(child)
    child.start()
    return child.await_ready(ready, START_SECONDS, up.stopping)


@contextmanager
def locked(file: Path) -> Iterator[IO[str] | None]:
    """The lock ``file``, for as long as the block; None if another process has it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("a+", encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be made ({error.strerror}); check --root and PREFECT_HOME") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield lock


def _worker_lock(up: Up) -> Path:
    """Of the worker of a pool on this machine, for whatever root."""
    from prefect.settings import PREFECT_HOME

    which = hashlib.blake2b(f"{up.api} {up.wanted.pool}".encode(), digest_size=8).hexdigest()
    return Path(PREFECT_HOME.value()) / FOLDER / f"worker-{which}.lock"


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.startswith("127.") or host == "::1"
