"""A quiet Prefect server for one run, where the user has none.

Prefect starts one by itself, too; but that one stands in the terminal's process group, so Ctrl-C takes it away while
the run still reports how it ended, and it outlives a run that is killed. This one hears no signal, and ends when the
pipe to its run does, however that comes about.

Run as a program it is the server: it prints its port once it listens.
"""

import atexit
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from schemas.errors import RunFailed

HOST = "127.0.0.1"
TEMPORARY = "INSTRUCTLOOM_TEMPORARY_SERVER"
"""Set in the environment of a run whose server ends with it: nobody will look at what it is told."""
STOP_SECONDS = 10.0
"""For it to end by itself, once it may."""
TICK = 0.05


def find_server() -> None:
    """Make sure that Prefect has a server: the user's, if one is configured, else one of our own until this process
    ends. To be called before the first flow, once nothing else can be wrong.

    Raises:
        RunFailed: it did not start.
    """
    # Imported here: it takes seconds, which most commands need not wait for.
    from prefect.context import refresh_global_settings_context
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():
        os.environ["PREFECT_API_URL"] = f"http://{HOST}:{_start()}/api"
        os.environ[TEMPORARY] = "1"
        os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
        refresh_global_settings_context()


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

    listener = socket.create_server((HOST, 0))
    server = uvicorn.Server(uvicorn.Config(create_app(ephemeral=True, final=True), log_level="error", lifespan="on"))
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


if __name__ == "__main__":
    main()
