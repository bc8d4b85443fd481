"""Before a request is answered: is it from whom it should be? With every response: what a browser may do with it."""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Iterable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = "/health"
"""Answered without a token: it tells nothing but that the server is there."""
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_REALM = 'realm="instructloom"'
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


class Guard:
    """An application that is asked only by whom it should be.

    With a ``token``, by who has it, as a bearer token or, for browsers, as the password of HTTP Basic. ``hosts`` are
    the names that a request may call the server by: without that check any web page could ask a server on its
    reader's machine, by a name of its own that leads there. ``None``: any.
    """

    def __init__(self, app: ASGIApp, token: str | None, hosts: Iterable[str] | None) -> None:
        self._app = app
        self._token = token.encode() if token else None
        self._hosts = None if hosts is None else {_plain_host(host) for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        headers = Headers(scope=scope)
        # A body has no meaning here. Where one ends is what a proxy and a server may see differently.
        ends = {"connection": "close"} if "transfer-encoding" in headers or "content-length" in headers else {}

        async def secured(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = MutableHeaders(scope=message)
                for name, value in (SECURITY | ends).items():
                    given.setdefault(name, value)
            await send(message)

        if not self._is_known(headers.get("host"), scope["http_version"]):
            refusal = JSONResponse({"detail": "this server is not called so; see --allow-host"}, 421)
            await refusal(scope, receive, secured)
        elif scope["path"] != OPEN and not self._has_token(headers.get("authorization")):
            await _unauthorized()(scope, receive, secured)
        else:
            await self._app(scope, receive, secured)

    def _is_known(self, host: str | None, http_version: str) -> bool:
        if self._hosts is None:
            return True
        # A browser always names the host; HTTP/1.0 need not.
        return http_version == "1.0" if host is None else _plain_host(host) in self._hosts

    def _has_token(self, authorization: str | None) -> bool:
        if self._token is None:
            return True
        kind, _, credentials = (authorization or "").partition(" ")
        given = credentials.strip().encode("utf-8", "replace")
        if kind.lower() == "basic":
            given = _password(given)
        elif kind.lower() != "bearer":
            return False
        return hmac.compare_digest(given, self._token)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _password(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


def _plain_host(host: str) -> str:
    """The name in a ``Host`` header, without its port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name = host.partition(":")[0] if host.count(":") == 1 else host
    return name.removesuffix(".")


def _unauthorized() -> JSONResponse:
    response = JSONResponse({"detail": "a token is wanted: Authorization: Bearer …, or as the password of Basic"}, 401)
    # Two lines: browsers read one challenge a line.
    for challenge in (f"Bearer {_REALM}", f'Basic {_REALM}, charset="UTF-8"'):
        response.raw_headers.append((b"www-authenticate", challenge.encode()))
    return response
