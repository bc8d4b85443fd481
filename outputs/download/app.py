"""The application: which path is answered by what.

/                                             for people; as are /datasets/{name} and /datasets/{name}/v{n}
/datasets/{name}/v{n}/{file}                  a shard, README.md, report.html, manifest.json
/datasets/{name}/v{n}.zip, …/v{n}.tar         all of it in one file
/datasets/{name}/latest…                      leads to the newest version
/api/datasets, …/{name}, …/{name}/{version}   the same for programs
/health, /openapi.json
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from outputs.download import listing, pages
from outputs.download.catalog import Catalog, Store
from outputs.download.guard import LOOPBACK_NAMES, OPEN, Guard
from outputs.download.local import LocalStore, Missing
from outputs.download.openapi import description
from outputs.download.paths import LATEST, Place, is_name, parse, version_number
from outputs.download.remote import RemoteStore
from outputs.download.shelves import LocalShelf, RemoteShelf, Shelf
from outputs.root_mark import root_mark
from schemas.errors import BadInput

_FRESH = {"cache-control": "no-cache"}
_RETRY = {"retry-after": "5"}

_log = logging.getLogger(__name__)


def create_app(root: str, token: str | None, allow_hosts: Iterable[str] = ()) -> Starlette:
    """The application that serves the versions below ``root``, which holds ``datasets/``: a folder or an fsspec URL.

    With a ``token`` every request but ``/health`` has to bring it. Without, a request must call the server by a name
    of this machine, or one of ``allow_hosts``; if those are given, they are asked for with a token, too.

    Raises:
        BadInput: the root is not there, or the token cannot be sent in a header.
    """
    hosts = [*LOOPBACK_NAMES, *allow_hosts]
    checked = hosts if token is None or len(hosts) > len(LOOPBACK_NAMES) else None
    site = _site(root, token is not None)
    app = Starlette(
        routes=[
            Route("/", site.index),
            Route("/datasets/{path:path}", site.datasets),
            Route("/api/datasets", site.api_datasets),
            Route("/api/datasets/{name}", site.api_dataset),
            Route("/api/datasets/{name}/{version}", site.api_version),
            Route("/openapi.json", site.openapi),
            Route(OPEN, site.health),
        ],
        middleware=[Middleware(Guard, token=_sendable(token), hosts=checked)],
        exception_handlers={Missing: _missing, HTTPException: _refused, OSError: _unreadable},
    )
    app.router.redirect_slashes = False
    return app


def _site(root: str, token: bool) -> "Site":
    scheme, sign, path = root.partition("://")
    if not sign or scheme in ("file", "local"):
        local = LocalStore(Path(path or root))
        return Site(local, LocalShelf(local), token, root_mark(path or root))
    remote = RemoteStore(root)
    return Site(remote, RemoteShelf(remote), token, root_mark(root))


def _sendable(token: str | None) -> str | None:
    if token is not None and (not token.isascii() or not token.isprintable() or " " in token or not token):
        raise BadInput("the token has characters that a header cannot carry; take letters and digits")
    return token


class Site:
    """What is answered. Plain functions, run in threads: they read from disks and stores."""

    def __init__(self, store: Store, shelf: Shelf, token: bool, mark: str) -> None:
        self._catalog = Catalog(store)
        self._mark = mark
        self._token = token
        self._shelf = shelf

    def index(self, request: Request) -> Response:
        """The first page."""
        return _page(pages.index(self._catalog, self._shelf.archives))

    def datasets(self, request: Request) -> Response:
        """Everything below ``/datasets/``."""
        # Not the route's parameter, which has lost a line end.
        path = request.scope["path"].removeprefix("/datasets/")
        if not path:
            return self.index(request)
        place = parse(path)
        if place is None:
            raise Missing("there is nothing here")
        if place.latest:
            there = place.at(self._latest(place.name))
            return RedirectResponse(there.url, 307, headers=_FRESH)
        return self._place(place, request)

    def api_datasets(self, request: Request) -> Response:
        """All datasets."""
        return JSONResponse(listing.datasets(self._catalog, str(request.base_url)), headers=_FRESH)

    def api_dataset(self, request: Request) -> Response:
        """All versions of one."""
        name = request.path_params["name"]
        return JSONResponse(listing.dataset(self._catalog, name, str(request.base_url)), headers=_FRESH)

    def api_version(self, request: Request) -> Response:
        """All files of a version."""
        name, version = request.path_params["name"], request.path_params["version"]
        if not is_name(name):
            raise Missing("there is no such dataset")
        number = self._latest(name) if version == LATEST else version_number(version)
        if number is None:
            raise Missing("there is no such version; versions are v1, v2, …, and latest")
        found = self._catalog.version(name, number)
        return JSONResponse(listing.details(found, self._shelf.archives, str(request.base_url)), headers=_FRESH)

    def openapi(self, request: Request) -> Response:
        """The description of all this."""
        return JSONResponse(description(bool(self._shelf.archives), self._token))

    def health(self, request: Request) -> Response:
        """Whether the server is there, and the mark of the folder that it serves."""
        return JSONResponse({"status": "ok", "root": self._mark})

    def _latest(self, name: str) -> int:
        return self._catalog.newest(name, limit=1)[0].number

    def _place(self, place: Place, request: Request) -> Response:
        if place.number is None:
            return _page(pages.dataset(self._catalog, place.name, self._shelf.archives))
        version = self._catalog.version(place.name, place.number)
        if place.archive:
            return self._shelf.archive(version, place.archive, request.method, request.headers)
        if place.path:
            return self._shelf.file(version, place.path, request.method, request.headers)
        return _page(pages.version(version, self._shelf.archives, str(request.base_url)))


def _page(text: str) -> Response:
    return HTMLResponse(text, headers=_FRESH | {"content-security-policy": pages.POLICY})


def _missing(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 404)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"detail": error.detail}, error.status_code, headers=error.headers)


def _unreadable(_: Request, error: Exception) -> Response:
    # The disk, or the store: for whoever serves to mend, and no business of who asks.
    _log.error("cannot read: %s", error)
    return JSONResponse({"detail": "the datasets cannot be read at the moment"}, 503, headers=_RETRY)
