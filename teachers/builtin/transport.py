"""Puts the offline teacher behind an HTTP client of the same process: no socket, no server, the same client code."""

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx2

from teachers.builtin.endpoint import Endpoint
from teachers.builtin.service import Service
from teachers.builtin.wire import Response, refused

DRIP_SECONDS = 0.5
"""Between two bytes of a body that drips: often enough for a client that waits for the next byte only."""

_FOR_EVER = 86_400.0
_Sleep = Callable[[float], Awaitable[None]]


class InProcess(httpx2.AsyncBaseTransport):
    """Answers requests from ``endpoint``. ``sleep`` is for tests, which do not wait."""

    def __init__(self, endpoint: Endpoint, sleep: _Sleep = asyncio.sleep) -> None:
        self.endpoint = endpoint
        self.service = Service(endpoint)
        self._sleep = sleep

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer, hang until the client's timeout, or break the connection."""
        if request.method == "GET":
            return _respond(self._page(request.url.path), request)
        caller = _Client(request, self._sleep)
        await self.service.attend(await request.aread(), caller)
        assert caller.response is not None
        return caller.response

    def _page(self, path: str) -> Response:
        if path.endswith("/models"):
            return self.endpoint.models()
        return self.endpoint.health() if path.endswith("/health") else refused(404, "Not Found")


class _Client:
    """A caller that is cancelled where it does not want to wait any longer."""

    def __init__(self, request: httpx2.Request, sleep: _Sleep) -> None:
        self.response: httpx2.Response | None = None
        self._request = request
        self._sleep = sleep

    async def turn(self, slot: Future[None]) -> None:
        await slot

    async def pause(self, seconds: float) -> None:
        # Zero seconds let the other requests have their turn; a socket would do so too.
        await self._sleep(seconds)

    async def take(self, response: Response) -> None:
        if response.fate == "hang":
            await self._sleep(self._request.extensions.get("timeout", {}).get("read") or _FOR_EVER)
            raise httpx2.ReadTimeout("no answer (injected)", request=self._request)
        if response.fate in ("drop", "reset"):
            raise httpx2.ReadError("connection broken (injected)", request=self._request)
        if response.fate == "drip":
            body = _Dripping(response.body, self._sleep)
            self.response = httpx2.Response(
                response.status, headers=response.headers, stream=body, request=self._request
            )
        else:
            self.response = _respond(response, self._request)


class _Dripping(httpx2.AsyncByteStream):
    """A body a byte at a time, and then blanks, for as long as somebody reads."""

    def __init__(self, body: bytes, sleep: _Sleep) -> None:
        self._body = body
        self._sleep = sleep

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for byte in self._body:
            yield bytes((byte,))
            await self._sleep(DRIP_SECONDS)
        while True:
            yield b" "
            await self._sleep(DRIP_SECONDS)


def _respond(response: Response, request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(response.status, headers=response.headers, content=response.body, request=request)
