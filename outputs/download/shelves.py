"""A version's files and archives as responses: sent from a folder, or answered by a link into a store."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response

from outputs.download.archive import Entry, archive_parts, archive_tag, moment
from outputs.download.catalog import Version
from outputs.download.files import TYPES, Content, digests, file_content, media_type, respond, same_file
from outputs.download.local import LocalStore, Missing, OpenFile
from outputs.download.paths import ARCHIVES, MANIFEST, REPORT
from outputs.download.remote import RemoteStore
from outputs.download.sums import Sums

REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:;"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a report may do in a browser: run what is in it, and ask nobody for anything."""


class Shelf(Protocol):
    """Hands out what belongs to a version."""

    archives: tuple[str, ...]
    """The kinds there are."""

    def file(self, version: Version, path: str, method: str, headers: Headers) -> Response:
        """A shard or a document, for a GET or HEAD with these headers. Raises ``Missing``."""
        ...

    def archive(self, version: Version, kind: str, method: str, headers: Headers) -> Response:
        """The whole version. Raises ``Missing``."""
        ...


class LocalShelf:
    """Sends files of this machine."""

    archives: tuple[str, ...] = ARCHIVES

    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._sums = Sums()

    def file(self, version: Version, path: str, method: str, headers: Headers) -> Response:
        """See ``Shelf``."""
        with self._open(version, path) as file:
            content = file_content(path, file, self._sha256(version, path, file), self._opener(version, path))
        if path == REPORT:
            content = replace(content, headers={"content-security-policy": REPORT_POLICY})
        return respond(content, method, headers)

    def archive(self, version: Version, kind: str, method: str, headers: Headers) -> Response:
        """See ``Shelf``."""
        top = f"{version.name}-v{version.number}"
        entries = [self._entry(version, path, f"{top}/{path}") for path in _in_order(version)]
        at = moment(version.manifest.finished)
        content = Content(
            archive_parts(kind, entries, at, self._crc32),
            TYPES[f".{kind}"],
            archive_tag(kind, entries, at),
            at,
            headers={"content-disposition": f'attachment; filename="{top}.{kind}"'},
        )
        return respond(content, method, headers)

    def _entry(self, version: Version, path: str, name: str) -> Entry:
        with self._open(version, path) as file:
            sha256 = self._sha256(version, path, file)
            return Entry(name, file.stamp.size, sha256, same_file(file, self._opener(version, path)))

    def _open(self, version: Version, path: str) -> OpenFile:
        shard = version.shards.get(path)
        if shard is None and path not in version.documents:
            raise Missing(f"{version.name}@{version.number} has no {path}")
        file = self._store.open(version.name, version.number, path)
        if shard is not None and file.stamp.size != shard.bytes:
            file.close()
            raise Missing(f"{path} is damaged: it has {file.stamp.size} bytes, and the manifest says {shard.bytes}")
        return file

    def _opener(self, version: Version, path: str) -> Callable[[], OpenFile]:
        return lambda: self._store.open(version.name, version.number, path)

    def _sha256(self, version: Version, path: str, file: OpenFile) -> str:
        shard = version.shards.get(path)
        return shard.sha256 if shard is not None else self._sums.sha256(file)

    def _crc32(self, entry: Entry) -> int:
        with entry.open() as file:
            return self._sums.crc32(file)


class RemoteShelf:
    """Answers with presigned links. A link is for GET alone, so what HEAD asks is told from the manifest."""

    archives: tuple[str, ...] = ()

    def __init__(self, store: RemoteStore) -> None:
        self._store = store

    def file(self, version: Version, path: str, method: str, headers: Headers) -> Response:
        """See ``Shelf``."""
        shard = version.shards.get(path)
        if shard is None and path not in version.documents:
            raise Missing(f"{version.name}@{version.number} has no {path}")
        size = self._store.size(version.name, version.number, path)
        if shard is not None and size != shard.bytes:
            raise Missing(f"{path} is damaged: it has {size} bytes, and the manifest says {shard.bytes}")
        known = digests(shard.sha256 if shard else "")
        if method == "HEAD":
            described = {"content-type": media_type(path), "content-length": str(size), "accept-ranges": "bytes"}
            return Response(headers=described | known)
        link = self._store.link(version.name, version.number, path)
        return RedirectResponse(link, 307, headers=known | {"cache-control": "no-store"})

    def archive(self, version: Version, kind: str, method: str, headers: Headers) -> Response:
        """See ``Shelf``."""
        raise Missing("there are no archives of datasets that lie in a store; take the files")


def _in_order(version: Version) -> list[str]:
    """The files of an archive: the card first, the manifest last, as it vouches for the others."""
    documents = [document for document in version.documents if document != MANIFEST]
    return [*documents, *version.shards, MANIFEST]
