"""The offline teacher on HTTP: an OpenAI-compatible server, for trying out a recipe's limits and other clients.

``POST /v1/chat/completions``, ``GET /v1/models``, ``GET /health``. It takes any key. Faults are those of
``faults.py``; here a *timeout* never answers and a *disconnect* breaks off in the middle of the body.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as HttpResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from schemas.errors import BadInput
from schemas.faults import Faults
from teachers.builtin.batch_api import batch_routes
from teachers.builtin.batches import Batches
from teachers.builtin.endpoint import Endpoint, Reply, Response

_SHUTDOWN_SECONDS = 1
"""How long requests under way may take once the server is told to stop."""


def create_app(faults: Faults | None = None, reply: Reply | None = None) -> Starlette:
    """The application. ``reply`` stands in for the offline teacher's words, for tests."""
    endpoint = Endpoint(faults, reply)

    async def chat(request: Request) -> HttpResponse:
        body = await request.body()
        await asyncio.sleep(endpoint.faults.latency)
        return _Outgoing(endpoint.chat(body))

    async def models(_: Request) -> HttpResponse:
        return _Outgoing(endpoint.models())

    async def health(_: Request) -> HttpResponse:
        return _Outgoing(endpoint.health())

    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
            *batch_routes(Batches(endpoint)),
        ]
    )


def serve(host: str, port: int, faults: Faults | None = None, ready: Callable[[str], None] | None = None) -> None:
    """Serve until interrupted. Prints nothing; ``ready`` is called with the URL once it listens (port 0: any port).

    Raises:
        BadInput: the address cannot be listened on.
    """
    listener = _listen(host, port)
    with listener:
        if ready is not None:
            ready(_url(host, listener))
        # uvicorn stops cleanly and then raises what stopped it once more.
        with contextlib.suppress(KeyboardInterrupt):
            _server(create_app(faults)).run(sockets=[listener])


@contextlib.contextmanager
def serving(faults: Faults | None = None, reply: Reply | None = None) -> Iterator[str]:
    """Serve from a thread on a free port of this machine while the body runs; gives the URL, ending in /v1."""
    with serving_app(create_app(faults, reply)) as url:
        yield url


@contextlib.contextmanager
def serving_app(app: Starlette) -> Iterator[str]:
    """The same for any application."""
    with _listen("127.0.0.1", 0) as listener:
        server = _server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            # The socket listens already: who connects before uvicorn is up waits in its queue.
            yield _url("127.0.0.1", listener)
        finally:
            server.should_exit = True
            thread.join()


class _Outgoing(HttpResponse):
    """A ``Response`` of the endpoint on its way out; a fault may keep it from arriving."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.body, response.status, response.headers)
        self._fate = response.fate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, or misbehave."""
        if self._fate == "hang":
            while (await receive())["type"] != "http.disconnect":
                pass
        elif self._fate == "drop":
            # A body shorter than promised: uvicorn closes the connection.
            headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"id": "chatcmpl-', "more_body": True})
        else:
            await super().__call__(scope, receive, send)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise BadInput(f"cannot listen on {host}:{port}: {error.strerror}; choose another --host or --port") from error


def _url(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}/v1"


def _server(app: Starlette) -> uvicorn.Server:
    # Broken connections are part of the programme, and uvicorn would log each of them as an error.
    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "access_log": False}
    return uvicorn.Server(uvicorn.Config(app, lifespan="off", timeout_graceful_shutdown=_SHUTDOWN_SECONDS, **quiet))
