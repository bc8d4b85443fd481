"""Versions in a store such as S3, by fsspec. Their bytes do not pass through the server: presigned links lead there."""

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import fsspec
from fsspec.spec import AbstractFileSystem

from outputs.download.local import FOLDER, LARGEST_MANIFEST, Missing
from outputs.download.paths import DOCUMENTS, MANIFEST, is_name, version_number
from schemas.errors import BadInput

LINK_SECONDS = 3600
"""How long a link is good: it must last until the reader's next file is begun, not until the last has come."""
_FRESH_SECONDS = 20.0
_KEPT = 4096
_KEPT_MANIFESTS = 256

T = TypeVar("T")


class RemoteStore:
    """The folder ``datasets`` below an fsspec URL. What the store says is believed for some seconds."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            self._fs, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ImportError, ValueError) as error:
            raise BadInput(f"--root {url}: {error}") from None
        if type(self._fs).sign is AbstractFileSystem.sign:
            protocol = url.partition("://")[0]
            raise BadInput(f"--root {url}: {protocol} has no presigned links; serve a folder, or a store such as s3://")
        self._root = f"{path.rstrip('/')}/{FOLDER}"
        self._lists: Remembered[list[dict[str, Any]]] = Remembered(_KEPT, clock)
        self._manifests: Remembered[bytes | None] = Remembered(_KEPT_MANIFESTS, clock)
        try:
            self.names()
        except OSError as error:
            raise BadInput(f"--root {url}: cannot be listed ({error}); check the URL and its credentials") from None

    def names(self) -> list[str]:
        """The datasets, in order."""
        return sorted(name for name in self._folders(self._root) if is_name(name))

    def numbers(self, name: str) -> list[int]:
        """The versions of a dataset; those that are not whole have no manifest."""
        return [number for folder in self._folders(f"{self._root}/{name}") if (number := version_number(folder))]

    def manifest(self, name: str, number: int) -> bytes:
        """The manifest of a version.

        Raises:
            Missing: it is not there, or no manifest could be so large.
        """
        if self.size(name, number, MANIFEST) > LARGEST_MANIFEST:
            raise Missing(f"{MANIFEST} is too large to be one")
        path = self._path(name, number, MANIFEST)
        content = self._manifests.ask(path, lambda: _or_none(lambda: bytes(self._fs.cat_file(path))))
        if content is None:
            raise Missing(f"{MANIFEST} is not there")
        return content

    def documents(self, name: str, number: int) -> list[str]:
        """Which of the documents a version has, in the order of ``DOCUMENTS``."""
        found = self._files(self._path(name, number))
        return [document for document in DOCUMENTS if document in found]

    def size(self, name: str, number: int, path: str) -> int:
        """Bytes of a file.

        Raises:
            Missing: it is not there.
        """
        folder, _, last = self._path(name, number, path).rpartition("/")
        size = self._files(folder).get(last)
        if size is None:
            raise Missing(f"{path} is not there")
        return size

    def link(self, name: str, number: int, path: str) -> str:
        """A presigned URL of a file, good for ``LINK_SECONDS``."""
        full = self._path(name, number, path)
        return str(_answered(lambda: self._fs.sign(full, expiration=LINK_SECONDS)))

    def _path(self, name: str, number: int, *path: str) -> str:
        return "/".join((self._root, name, f"v{number}", *path))

    def _files(self, folder: str) -> dict[str, int]:
        """The files in a folder, with their bytes."""
        return {_last(entry): int(entry["size"]) for entry in self._entries(folder) if entry["type"] == "file"}

    def _folders(self, folder: str) -> list[str]:
        return [_last(entry) for entry in self._entries(folder) if entry["type"] == "directory"]

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        return self._lists.ask(folder, lambda: _or_none(lambda: list(self._fs.ls(folder, detail=True))) or [])


class Remembered(Generic[T]):
    """Answers, for some seconds."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._told: dict[str, tuple[float, T]] = {}
        self._most = most
        self._clock = clock

    def ask(self, question: str, ask: Callable[[], T]) -> T:
        """What was answered lately, or else is answered now."""
        told = self._told.get(question)
        if told is not None and told[0] > self._clock():
            return told[1]
        answer = ask()
        if len(self._told) >= self._most:
            self._told.clear()
        self._told[question] = (self._clock() + _FRESH_SECONDS, answer)
        return answer


def _last(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]


def _or_none(ask: Callable[[], T]) -> T | None:
    try:
        return _answered(ask)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _answered(ask: Callable[[], T]) -> T:
    """What a store answers; every library has errors of its own, and here all are one.

    Raises:
        OSError: it does not answer, or refuses.
    """
    try:
        return ask()
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
