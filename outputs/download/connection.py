"""Connections of readers that dawdle, that say early that they have no more to ask, or that are too many."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 30.0
"""How long a request may take to arrive, headers and body; who drips one has a connection no longer than that."""


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, with an end to patience: h11 limits how long a request is, and this how long it takes.

    Of more connections than ``limit_concurrency`` those that ask nothing are closed, the oldest first; uvicorn
    answers 503 where all are being answered. A process that has no file left to open could do neither.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody connects."""
        self._make_room()
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Something of a request came."""
        super().data_received(data)
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The reader has said all; what it asked for is still sent."""
        if self._answering:
            self.cycle.keep_alive = False
        return self._answering

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._calm()
        super().connection_lost(exc)

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _make_room(self) -> None:
        limit = self.limit_concurrency
        if limit is None or len(self.connections) + 1 < limit:
            return
        idle = [each for each in self.connections if isinstance(each, PatientProtocol) and not each._answering]
        if idle:
            oldest = min(idle, key=lambda each: each._since)
            self.connections.discard(oldest)
            oldest.transport.abort()

    def _watch(self) -> None:
        if self._answering:
            self._calm()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _calm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
