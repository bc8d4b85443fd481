"""Puts the offline teacher behind an HTTP client of the same process: no socket, no server, the same client code."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2

from teachers.builtin.endpoint import Endpoint, Response

_FOR_EVER = 86_400.0


class InProcess(httpx2.AsyncBaseTransport):
    """Answers requests from ``endpoint``. ``sleep`` is for tests, which do not wait."""

    def __init__(self, endpoint: Endpoint, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.endpoint = endpoint
        self._sleep = sleep

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer, hang until the client's timeout, or break the connection."""
        if request.method == "GET":
            return _respond(self.endpoint.models(), request)
        body = await request.aread()
        # Zero seconds let the other requests have their turn; a socket would do so too.
        await self._sleep(self.endpoint.faults.latency)
        response = self.endpoint.chat(body)
        if response.fate == "hang":
            await self._sleep(request.extensions.get("timeout", {}).get("read") or _FOR_EVER)
            raise httpx2.ReadTimeout("no answer (injected)", request=request)
        if response.fate == "drop":
            raise httpx2.ReadError("connection broken (injected)", request=request)
        return _respond(response, request)


def _respond(response: Response, request: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(response.status, headers=response.headers, content=response.body, request=request)
