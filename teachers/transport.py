"""HTTP for the openai client, over aiohttp: a quarter of the CPU a request that the client's own transport takes.

The client ships an aiohttp transport too (the ``aiohttp`` extra). This one reads each body whole, which is what a chat
completion needs, and tells a connection that broke from an endpoint that is not there: a broken one is asked again, an
endpoint that is not there is waited for. ``make bench-teacher`` has the figures.

Not here: how many requests at a time (``gate.py``) and for how long (``access.py``).
"""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import aiohttp
import httpx2

_KEEP_ALIVE = 60.0
"""Seconds an idle connection is kept; endpoints close theirs earlier when they like."""


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """Opens its connections with the first request, which must come from the event loop that asks ever after."""

    def __init__(self, connect_seconds: float, trust_env: bool) -> None:
        self._connect_seconds = connect_seconds
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None
        self._proxy: str | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send ``request`` and read the whole answer.

        Raises:
            httpx2.ConnectError: the endpoint is not there.
            httpx2.ReadError: the connection broke.
            httpx2.UnsupportedProtocol: the URL is none that can be asked.
            httpx2.DecodingError: the answer is longer than the request's extension ``most_bytes`` allows.
        """
        with _as_httpx(request):
            async with self._open(str(request.url)).request(
                request.method,
                str(request.url),
                proxy=self._proxy,
                headers=dict(request.headers),
                data=await request.aread() or None,
                allow_redirects=False,
            ) as answer:
                body = await _read(answer, request)
        return httpx2.Response(answer.status, headers=answer.raw_headers, content=body, request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self, url: str) -> aiohttp.ClientSession:
        if self._session is None:
            self._proxy = _proxy_for(url) if self._trust_env else None
            # The gate counts requests; a second limit here would only make some of them wait unseen.
            connector = aiohttp.TCPConnector(
                limit=0,
                keepalive_timeout=_KEEP_ALIVE,
                ssl=httpx2.create_ssl_context(trust_env=self._trust_env) if url.startswith("https") else True,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_seconds),
                # It would also look for a password in ~/.netrc, on a thread, for each request.
                trust_env=False,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _read(answer: aiohttp.ClientResponse, request: httpx2.Request) -> bytes:
    most = request.extensions.get("most_bytes")
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if most is not None and size > most:
            raise httpx2.DecodingError(f"longer than {most:,} bytes", request=request)
    return b"".join(parts)


def _proxy_for(url: str) -> str | None:
    """The proxy that the environment names for ``url``."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


@contextmanager
def _as_httpx(request: httpx2.Request) -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise httpx2.ConnectError(type(error).__name__, request=request) from error
    except (aiohttp.InvalidURL, UnicodeError) as error:  # a redirect may name a host that none can be
        raise httpx2.UnsupportedProtocol(type(error).__name__, request=request) from error
    except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
        raise httpx2.ReadError(type(error).__name__, request=request) from error
