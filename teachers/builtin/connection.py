"""One request for a chat completion over HTTP: who waits at the other end of the socket, and may hang up.

Below starlette's requests and responses, for speed, and because a fault may break what those keep whole.
"""

import asyncio
import socket
import struct
from asyncio import Future
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from teachers.builtin.service import HungUp, Service
from teachers.builtin.transport import DRIP_SECONDS
from teachers.builtin.wire import Response

_RESET = "instructloom.reset"
_SEEN_SECONDS = 0.02
"""How long before a reset the client has for reading what came; a reset takes back what was not read."""
_LINGER_NO_TIME = struct.pack("ii", 1, 0)


class ResettableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, whose applications can reset the connection (an ASGI extension)."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        extensions: dict[Any, dict[object, object]] = {_RESET: {"call": self._reset}}
        self.scope["extensions"] = extensions

    def _reset(self) -> None:
        # A socket that is closed without time to linger says RST, not FIN.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NO_TIME)
        self.transport.abort()


class Chat:
    """``POST /v1/chat/completions`` as an ASGI application."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        connection = _Connection(scope, receive, send)
        try:
            await self._service.attend(body, connection)
        finally:
            connection.close()


class _Connection:
    """The ``Caller`` behind a socket."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._gone: asyncio.Task[None] | None = None

    async def turn(self, slot: Future[None]) -> None:
        await asyncio.wait((slot, self._watch()), return_when=asyncio.FIRST_COMPLETED)
        self._check()

    async def pause(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.wait((self._watch(),), timeout=seconds)
            self._check()

    async def take(self, response: Response) -> None:
        if response.fate == "hang":
            await self._watch()
            raise HungUp
        await self._start(response, len(response.body))
        if response.fate == "drip":
            await self._drip(response.body)
        elif response.fate in ("drop", "reset"):
            await self._break_off(response)
        else:
            await self._send({"type": "http.response.body", "body": response.body})

    def close(self) -> None:
        """Stop watching."""
        if self._gone is not None:
            self._gone.cancel()

    async def _start(self, response: Response, length: int) -> None:
        headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
        if response.fate != "drip":
            headers.append((b"content-length", b"%d" % length))
        await self._send({"type": "http.response.start", "status": response.status, "headers": headers})

    async def _break_off(self, response: Response) -> None:
        # A body shorter than promised: uvicorn closes the connection, if it is not reset before.
        half = response.body[: len(response.body) // 2]
        await self._send({"type": "http.response.body", "body": half, "more_body": True})
        reset = (self._scope.get("extensions") or {}).get(_RESET)
        if response.fate == "reset" and reset is not None:
            await asyncio.sleep(_SEEN_SECONDS)
            reset["call"]()

    async def _drip(self, body: bytes) -> None:
        """A byte at a time, then blanks, until nobody reads any more."""
        place = 0
        while True:
            byte = body[place : place + 1] or b" "
            await self._send({"type": "http.response.body", "body": byte, "more_body": True})
            await self.pause(DRIP_SECONDS)
            place += 1

    def _watch(self) -> asyncio.Task[None]:
        if self._gone is None:
            self._gone = asyncio.ensure_future(self._until_gone())
        return self._gone

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _check(self) -> None:
        if self._gone is not None and self._gone.done():
            raise HungUp
