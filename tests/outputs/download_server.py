"""A download server on a real socket, and what raw sockets get from it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from starlette.types import ASGIApp

from outputs.download.app import create_app
from outputs.download.server import address, listening, server_of

TOKEN = "a-token-for-tests"
PATIENCE = 60.0
"""Seconds that a socket waits, on a machine that is busy."""


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an application from a thread while the block runs; gives its address."""
    with listening("127.0.0.1", 0) as listener:
        server = server_of(app)  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            # The socket listens already: who connects before the server is up waits in its queue.
            yield address("127.0.0.1", listener)
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def served(root: Path | str, token: str | None = None, allow_hosts: tuple[str, ...] = ()) -> Iterator[httpx.Client]:
    """A client of a server of the datasets below ``root``; it follows no redirect by itself."""
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with (
        serving(create_app(str(root), token, allow_hosts)) as url,
        httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False) as client,
    ):
        yield client


@dataclass(frozen=True)
class Answer:
    """What came over a raw socket."""

    head: str
    body: bytes

    @property
    def status(self) -> int:
        """The number in the first line; 0 if there was none."""
        parts = self.head.split(" ", 2)
        return int(parts[1]) if len(parts) > 1 else 0


def connected(url: str | httpx.URL) -> socket.socket:
    """A raw connection to a server."""
    parts = urlsplit(str(url))
    return socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE)


def said(url: str | httpx.URL, request: bytes) -> bytes:
    """Everything that a server says to these bytes until it closes the connection."""
    with connected(url) as connection:
        connection.sendall(request)
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
        return received


def asked(url: str | httpx.URL, target: bytes, headers: bytes = b"", method: bytes = b"GET") -> Answer:
    """The answer to a request for a target that is sent as it is."""
    host = urlsplit(str(url)).netloc.encode()
    request = b"%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s\r\n" % (method, target, host, headers)
    head, _, body = said(url, request).partition(b"\r\n\r\n")
    return Answer(head.decode("latin-1"), body)
