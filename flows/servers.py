"""Which Prefect server there is: the one that is configured, or one that answers at the default address."""

import base64
import http.client
import json
import os
import socket
import urllib.error
import urllib.request
from importlib.metadata import version
from urllib.parse import urlsplit

from schemas.errors import RunFailed

PATIENCE = 3.0
"""Seconds for a server on this machine to say what it is."""
_WITHOUT_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def configured() -> str | None:
    """The API address that the user set, in the environment or in a Prefect profile."""
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value() or None


def default_address() -> tuple[str, int]:
    """Host and port where Prefect's settings say that a server listens, if one is started without further ado."""
    from prefect.settings import PREFECT_SERVER_API_HOST, PREFECT_SERVER_API_PORT

    return PREFECT_SERVER_API_HOST.value(), PREFECT_SERVER_API_PORT.value()


def api_at(host: str, port: int) -> str:
    """The API address of a server that listens on ``host``, as a process on this machine reaches it."""
    reached = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return f"http://{f'[{reached}]' if ':' in reached and '[' not in reached else reached}:{port}/api"


def version_at(api: str) -> str | None:
    """The version of the Prefect server whose API is at ``api``; None if no Prefect server answers there."""
    try:
        told = json.loads(ask(f"{api}/admin/version", _authorization()))
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, str) and told[:1].isdigit() else None


def ask(url: str, headers: dict[str, str] | None = None) -> bytes:
    """The beginning of what a server on this machine answers.

    Raises:
        OSError: it does not answer, or not with success.
    """
    try:
        with _WITHOUT_PROXY.open(urllib.request.Request(url, headers=headers or {}), timeout=PATIENCE) as reply:
            return bytes(reply.read(1000))
    except http.client.HTTPException as error:
        raise OSError(f"what answers is no web server: {error}") from error


def fits(found: str) -> bool:
    """Whether a server of version ``found`` understands this process: the same release but for its last number."""
    return found.split(".")[:2] == version("prefect").split(".")[:2]


def running_server() -> str | None:
    """The API address of a server that can be used: the configured one, answering or not, else one that answers at
    the default address and is of this version.
    """
    if url := configured():
        return url
    api = api_at(*default_address())
    found = version_at(api)
    return api if found and fits(found) else None


def use(api: str) -> None:
    """Make ``api`` the server of this process and of those that it starts."""
    from prefect.context import refresh_global_settings_context

    os.environ["PREFECT_API_URL"] = api
    refresh_global_settings_context()


def need_server() -> str:
    """The server that a command works on, which it then uses; its API address.

    Raises:
        RunFailed: there is none, or the configured one does not answer.
    """
    api = running_server()
    if api is None:
        host, port = default_address()
        raise RunFailed(
            f"no Prefect server answers at {host}:{port}; start one with `instructloom up`, or set PREFECT_API_URL"
        )
    if configured() is None:
        use(api)
    if (why := silence(api)) is not None:
        raise RunFailed(
            f"the Prefect server at {shown(api)} does not answer ({why}); start it, or unset PREFECT_API_URL and use"
            " `instructloom up`"
        )
    return api


def silence(api: str) -> str | None:
    """Why the server at ``api``, which this process uses, does not answer; None if it does."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        error = client.api_healthcheck()
    return None if error is None else f"{type(error).__name__}: {error}".rstrip(": ")


def ui_at(api: str) -> str:
    """Where the UI of the server is whose API is at ``api``."""
    from prefect.settings import get_current_settings

    ui = get_current_settings().ui_url if configured() == api else None
    return (ui or shown(api).removesuffix("/").removesuffix("/api")).rstrip("/")


def shown(url: str) -> str:
    """``url`` as it may be printed: with no password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username}:***@{host}").geturl()


def is_taken(host: str, port: int) -> bool:
    """Whether something listens at that address."""
    return is_listened_to(api_at(host, port))


def is_listened_to(url: str) -> bool:
    """Whether something listens at the address of ``url``."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port or 80), timeout=PATIENCE):
            return True
    except OSError:
        return False


def _authorization() -> dict[str, str]:
    from prefect.settings import get_current_settings

    secret = get_current_settings().api.auth_string
    if secret is None:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(secret.get_secret_value().encode()).decode()}"}
