"""Bytes on their way: parts of known length in a row, of which any stretch can be sent, a piece at a time.

Memory does not grow with what is sent: a piece is read when the one before it has left.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio.to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from outputs.download.local import Changed, OpenFile

PIECE = 1 << 17
"""Bytes: read and sent at a time. A connection holds about three of them."""


class Part(Protocol):
    """A stretch of a body."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """Its bytes from ``start`` up to ``stop``. Raises ``Changed`` where they are not there any more."""
        ...


@dataclass(frozen=True)
class Text:
    """A few bytes of ours."""

    content: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.content)

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """See ``Part``."""
        yield self.content[start:stop]


@dataclass(frozen=True)
class Later:
    """Bytes of known length that are worked out when they are sent."""

    size: int
    make: Callable[[], bytes]

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """See ``Part``."""
        content = self.make()
        if len(content) != self.size:
            raise Changed("not as long as was said")
        yield content[start:stop]


@dataclass(frozen=True)
class FileBytes:
    """A file, opened when its turn comes."""

    size: int
    open: Callable[[], OpenFile]
    """Raises ``Changed`` if the file is not the one that was meant."""

    def pieces(self, start: int, stop: int) -> Iterator[bytes]:
        """See ``Part``."""
        with self.open() as file:
            while start < stop:
                piece = file.read(start, min(PIECE, stop - start))
                start += len(piece)
                if not piece or start >= stop:
                    # Before the last piece, so that a reader never has the whole length of something mixed.
                    file.check()
                if not piece:
                    raise Changed("a file became shorter while it was read")
                yield piece


def length(parts: Sequence[Part]) -> int:
    """Bytes of all of them."""
    return sum(part.size for part in parts)


def stretch(parts: Sequence[Part], start: int, stop: int) -> Iterator[bytes]:
    """The bytes of ``parts`` from ``start`` up to ``stop``; parts outside are not touched."""
    at = 0
    for part in parts:
        first, last = max(0, start - at), min(part.size, stop - at)
        if first < last:
            yield from part.pieces(first, last)
        at += part.size


class BodyResponse(Response):
    """Sends pieces as they come, in constant memory. When a piece cannot be had the connection is broken off.

    A reader then sees that something is missing, since the length was said before.
    """

    def __init__(self, pieces: Iterator[bytes], status: int, headers: dict[str, str]) -> None:
        super().__init__(b"", status, headers)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, until all is sent or the reader is gone."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                async with anyio.create_task_group() as group:
                    group.start_soon(_until_gone, receive, group.cancel_scope)
                    await self._send(send)
                    group.cancel_scope.cancel()
            await send({"type": "http.response.body", "body": b""})
        finally:
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()

    async def _send(self, send: Send) -> None:
        # In a thread, as a disk may be slow. It is never abandoned, so nothing is closed under it.
        while (piece := await anyio.to_thread.run_sync(next, self._pieces, None)) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _until_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
