"""A process that serves an application until it is told to stop."""

import contextlib
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette

from outputs.download.app import create_app
from outputs.download.connection import PatientProtocol
from outputs.download.guard import is_loopback
from schemas.errors import BadInput

MOST_CONNECTIONS = 300
"""At a time. Each has a socket and a file, and a process may often have but 1,024 of both."""
_ACCEPTED_AT_ONCE = 100
"""Connections that are taken before any of them is looked at."""
STALLED_SECONDS = 120.0
"""How long a reader may take nothing at all before its connection is given up."""
_SHUTDOWN_SECONDS = 1
_KEEP_ALIVE_SECONDS = 30


def serve(
    root: str,
    host: str,
    port: int,
    token: str | None,
    allow_hosts: Sequence[str] = (),
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve the versions below ``root`` until interrupted or terminated; for root and hosts see ``create_app``.

    Prints nothing; ``ready`` is called with the address once it listens (port 0: any port).

    Raises:
        BadInput: other machines could ask and there is no token, the address cannot be listened on, or the root or
            the token is of no use.
    """
    if token is None and not is_loopback(host):
        raise BadInput(
            f"--host {host}: other machines can reach that, so a token is wanted; put one into the environment"
            " variable that --token-env names, or serve on 127.0.0.1"
        )
    app = create_app(root, token, allow_hosts)
    with listening(host, port) as listener:
        if ready is not None:
            ready(address(host, listener))
        # uvicorn stops cleanly and then raises what stopped it once more.
        with contextlib.suppress(KeyboardInterrupt), _terminated_gently():
            server_of(app).run(sockets=[listener])


def server_of(app: Starlette) -> uvicorn.Server:
    """The server of an application; it says nothing, as broken connections are every day's work."""
    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "access_log": False, "server_header": False}
    times: dict[str, Any] = {"timeout_keep_alive": _KEEP_ALIVE_SECONDS, "timeout_graceful_shutdown": _SHUTDOWN_SECONDS}
    kinds: dict[str, Any] = {"http": PatientProtocol, "ws": "none", "loop": "asyncio", "lifespan": "off"}
    limits: dict[str, Any] = {"limit_concurrency": MOST_CONNECTIONS, "backlog": _ACCEPTED_AT_ONCE}
    return uvicorn.Server(uvicorn.Config(app, **limits, **times, **quiet, **kinds))


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    Raises:
        BadInput: it cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        why = error.strerror or error
        raise BadInput(f"cannot listen on {host}:{port}: {why}; choose another --host or --port") from error
    # Accepted sockets inherit both.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED_SECONDS * 1000))
    return listener


def address(host: str, listener: socket.socket) -> str:
    """The URL of a server that listens there."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


@contextlib.contextmanager
def _terminated_gently() -> Iterator[None]:
    """SIGTERM, which uvicorn raises again once it has stopped, is then no reason to fail."""

    def noted(_number: int, _frame: FrameType | None) -> None:
        pass

    before = signal.signal(signal.SIGTERM, noted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
