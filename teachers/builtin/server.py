"""The offline teacher on HTTP: an OpenAI-compatible server, for trying out a recipe's limits and other clients.

``POST /v1/chat/completions``, ``GET /v1/models``, ``/v1/files`` and ``/v1/batches``, ``GET /health``, ``/stats`` and
``/metrics``. It takes any key. Pace and faults are those of ``schemas/faults.py``; here a *timeout* never answers, a
*disconnect* breaks off in the middle of the body and a *reset* does so with a TCP reset.
"""

import contextlib
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from schemas.errors import BadInput
from schemas.faults import Faults
from schemas.serving import Serving
from teachers.builtin.batch_api import batch_routes
from teachers.builtin.batches import Batches
from teachers.builtin.connection import Chat, ResettableProtocol
from teachers.builtin.echo import Echo
from teachers.builtin.endpoint import Endpoint, Reply
from teachers.builtin.service import Service
from teachers.builtin.wire import Response

_SHUTDOWN_SECONDS = 1
"""How long requests under way may take once the server is told to stop."""
_KEEP_ALIVE_SECONDS = 120
"""An idle connection is kept for longer than clients keep theirs: closing it as a request comes would be a fault that
nobody asked for."""


def create_app(faults: Faults | None = None, reply: Reply | None = None, serving: Serving | None = None) -> Starlette:
    """The application, with its ``Service`` as ``state.service``.

    ``reply`` stands in for the offline teacher's words, for tests.
    """
    serving = serving or Serving()
    if reply is None and serving.reply == "echo":
        reply = Echo(serving.reply_tokens)
    service = Service(Endpoint(faults, reply))
    app = Starlette(
        routes=[
            # An instance and no function: starlette passes the request on as it is.
            Route("/v1/chat/completions", Chat(service), methods=["POST"]),
            *_pages(service, serving.metrics),
            *batch_routes(Batches(service, serving.batch_seconds)),
        ]
    )
    app.state.service = service
    return app


def _pages(service: Service, with_metrics: bool) -> list[Route]:
    async def models(_: Request) -> HttpResponse:
        return _outgoing(service.endpoint.models())

    async def health(_: Request) -> HttpResponse:
        return _outgoing(service.endpoint.health())

    async def stats(_: Request) -> HttpResponse:
        return JSONResponse(service.stats())

    async def reset(_: Request) -> HttpResponse:
        service.reset()
        return JSONResponse(service.stats())

    async def slots(request: Request) -> HttpResponse:
        return _resized(service, await request.body())

    async def metrics(_: Request) -> HttpResponse:
        return PlainTextResponse(service.metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    pages = [Route("/v1/models", models), Route("/health", health), Route("/stats", stats)]
    pages += [Route("/stats/reset", reset, methods=["POST"]), Route("/admin/slots", slots, methods=["POST"])]
    return [*pages, Route("/metrics", metrics)] if with_metrics else pages


def _resized(service: Service, body: bytes) -> HttpResponse:
    """``{"slots": 32}``, or null for no limit."""
    told: object = None
    with contextlib.suppress(ValueError):
        told = json.loads(body)
    size = told.get("slots", 0) if isinstance(told, dict) else 0
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 1):
        return JSONResponse({"error": {"message": 'give {"slots": N}, N at least 1, or null for no limit'}}, 400)
    service.slots.resize(size)
    return JSONResponse({"slots": size})


def serve(
    host: str,
    port: int,
    faults: Faults | None = None,
    ready: Callable[[str], None] | None = None,
    serving: Serving | None = None,
) -> dict[str, Any]:
    """Serve until interrupted; gives what was served, as ``GET /stats``.

    Prints nothing; ``ready`` is called with the URL once it listens (port 0: any port).

    Raises:
        BadInput: the address cannot be listened on.
    """
    app = create_app(faults, serving=serving)
    listener = _listen(host, port)
    with listener:
        if ready is not None:
            ready(_url(host, listener))
        # uvicorn stops cleanly and then raises what stopped it once more.
        with contextlib.suppress(KeyboardInterrupt), _terminated_gently():
            _server(app).run(sockets=[listener])
    stats: dict[str, Any] = app.state.service.stats()
    return stats


@contextlib.contextmanager
def serving(faults: Faults | None = None, reply: Reply | None = None, serving: Serving | None = None) -> Iterator[str]:
    """Serve from a thread on a free port of this machine while the body runs; gives the URL, ending in /v1."""
    with serving_app(create_app(faults, reply, serving)) as url:
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


@contextlib.contextmanager
def _terminated_gently() -> Iterator[None]:
    """SIGTERM, which uvicorn raises again once it has stopped, does not end the process before it could report."""

    def noted(_number: int, _frame: FrameType | None) -> None:
        pass

    before = signal.signal(signal.SIGTERM, noted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _outgoing(response: Response) -> HttpResponse:
    return HttpResponse(response.body, response.status, response.headers)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise BadInput(f"cannot listen on {host}:{port}: {error.strerror}; choose another --host or --port") from error
    # asyncio does so only for sockets that were made for TCP by name, and create_server names nothing. A response is
    # two packets, and without it the second waits 40 ms for the client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _url(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}/v1"


def _server(app: Starlette) -> uvicorn.Server:
    # Broken connections are part of the programme, and uvicorn would log each of them as an error.
    quiet: dict[str, Any] = {"log_config": None, "log_level": "critical", "access_log": False}
    lean: dict[str, Any] = {
        "http": ResettableProtocol,
        "ws": "none",
        "loop": "asyncio",
        "date_header": False,
        "server_header": False,
    }
    times: dict[str, Any] = {"timeout_keep_alive": _KEEP_ALIVE_SECONDS, "timeout_graceful_shutdown": _SHUTDOWN_SECONDS}
    return uvicorn.Server(uvicorn.Config(app, lifespan="off", **times, **quiet, **lean))
