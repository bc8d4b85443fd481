"""A quiet Prefect server for one run, where the user has none.

Prefect starts one by itself, too; but that one stands in the terminal's process group, so Ctrl-C takes it away while
the run still reports how it ended, and it outlives a run that is killed. This one hears no signal, and ends when the
pipe to its run does, however that comes about.

Run as a program it is the server: it prints its port once it listens. ``instructloom up`` runs it, too, with the number
of an open socket to listen on as its argument: clients that call while such a server is started anew only wait.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import Any

from flows.servers import configured, running_server, ui_at, use
from schemas.errors import RunFailed

HOST = "127.0.0.1"
TEMPORARY = "INSTRUCTLOOM_TEMPORARY_SERVER"
"""Set in the environment of a run whose server ends with it: nobody will look at what it is told."""
STOP_SECONDS = 10.0
"""For it to end by itself, once it may."""
BROWSERS_SECONDS = 3
"""For connections that nobody closes."""
TICK = 0.05


def find_server() -> str | None:
    """Make sure that Prefect has a server: the user's, if one is configured or answers at the default address, else
    one of our own until this process ends. To be called before the first flow, once nothing else can be wrong.

    Gives the address of its UI, if it is the user's.

    Raises:
        RunFailed: it did not start.
    """
    if api := running_server():
        if configured() is None:
            use(api)
        return ui_at(api)
    port = _start()
    os.environ[TEMPORARY] = "1"
    os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
    use(f"http://{HOST}:{port}/api")
    return None


def _start() -> int:
    """A server's port; it ends after all that Prefect still has to tell it at the end of this process."""
    # By path and with -P: neither this folder nor the user's may hide a module of that name.
    code = f"import runpy; runpy.run_path({__file__!r}, run_name='__main__')"
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=told,
            env={**os.environ, "PREFECT_SERVER_UI_ENABLED": "false"},
            start_new_session=True,
            text=True,
        )
        atexit.register(_stop, process)
        assert process.stdout is not None, "it is a pipe"
        port = process.stdout.readline().strip()
        if port:
            return int(port)
        told.seek(0)
        why = (told.read().strip().splitlines() or ["it says nothing"])[-1]
    raise RunFailed(
        f"the temporary Prefect server did not start ({why}); mend that, or start one: prefect server start"
    )


def _stop(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None, "it is a pipe"
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def main() -> None:
    """Serve until the standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # What anything else prints is no port.
    ready = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    import uvicorn
    from prefect.server.api.server import create_app

    _write_at_once()
    lasting = len(sys.argv) > 1
    listener = socket.socket(fileno=int(sys.argv[1])) if lasting else socket.create_server((HOST, 0))
    app = create_app(ephemeral=not lasting, final=True)
    # A page of the UI that somebody left open would hold up the end.
    seconds = BROWSERS_SECONDS if lasting else None
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=seconds)
    server = uvicorn.Server(config)
    # In a thread of its own it leaves the signals alone.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while thread.is_alive() and not server.started:
        thread.join(TICK)
    if server.started:
        with ready:
            print(listener.getsockname()[1], file=ready)
        sys.stdin.read()
    server.should_exit = True
    thread.join(STOP_SECONDS)
    os._exit(0)


def _write_at_once() -> None:
    """Have each transaction of the server on SQLite begin as one that writes.

    Prefect begins most of them as reading ones. Such a one fails at its first write, at once and however long it may
    wait, if another was written to the database since it began reading: a button in the UI does nothing but say
    "Something went wrong", or an automation misses an event.
    """
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def begin_to_write(self: Any, session: Any, with_for_update: bool = False) -> Any:
        return begin(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = begin_to_write  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
