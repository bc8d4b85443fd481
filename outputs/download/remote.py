"""Versions in a store such as S3, by fsspec. Their bytes do not pass through the server: presigned links lead there."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import fsspec
from fsspec.spec import AbstractFileSystem

from outputs.download.local import FOLDER, LARGEST_MANIFEST, Missing
from outputs.download.paths import DOCUMENTS, MANIFEST, is_name, version_number
from schemas.errors import BadInput

LINK_SECONDS = 3600
"""How long a link is good: it must last until the reader's next file is begun, not until the last has come."""
_FRESH_SECONDS = 20.0
_KEPT = 1024

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
        self._clock = clock
        self._told: dict[tuple[str, ...], tuple[float, Any]] = {}
        try:
            self.names()
        except OSError as error:
            raise BadInput(f"--root {url}: cannot be listed ({error}); check the URL and its credentials") from None

    def names(self) -> list[str]:
        """The datasets, in order."""
        return sorted(name for name in self._folders() if is_name(name))

    def numbers(self, name: str) -> list[int]:
        """The published versions of a dataset, in order."""
        numbers = sorted(number for folder in self._folders(name) if (number := version_number(folder)))
        return [number for number in numbers if self._size(name, number, MANIFEST) is not None]

    def manifest(self, name: str, number: int) -> bytes:
        """The manifest of a version.

        Raises:
            Missing: it is not there, or no manifest could be so large.
        """
        if self.size(name, number, MANIFEST) > LARGEST_MANIFEST:
            raise Missing(f"{MANIFEST} is too large to be one")
        path = self._path(name, number, MANIFEST)
        content = self._remembered(("read", path), lambda: _or_none(lambda: bytes(self._fs.cat_file(path))))
        if content is None:
            raise Missing(f"{MANIFEST} is not there")
        return content

    def documents(self, name: str, number: int) -> list[str]:
        """Which of the documents a version has, in the order of ``DOCUMENTS``."""
        return [document for document in DOCUMENTS if self._size(name, number, document) is not None]

    def size(self, name: str, number: int, path: str) -> int:
        """Bytes of a file.

        Raises:
            Missing: it is not there.
        """
        size = self._size(name, number, path)
        if size is None:
            raise Missing(f"{path} is not there")
        return size

    def link(self, name: str, number: int, path: str) -> str:
        """A presigned URL of a file, good for ``LINK_SECONDS``."""
        path = self._path(name, number, path)
        return str(_answered(lambda: self._fs.sign(path, expiration=LINK_SECONDS)))

    def _path(self, name: str, number: int, path: str) -> str:
        return f"{self._root}/{name}/v{number}/{path}"

    def _size(self, name: str, number: int, path: str) -> int | None:
        full = self._path(name, number, path)

        def asked() -> int | None:
            found = self._fs.info(full)
            return int(found["size"]) if found["type"] == "file" else None

        return self._remembered(("size", full), lambda: _or_none(asked))

    def _folders(self, *parts: str) -> list[str]:
        path = "/".join((self._root, *parts))
        entries = self._remembered(("list", path), lambda: _or_none(lambda: self._fs.ls(path, detail=True)))
        return [entry["name"].rstrip("/").rsplit("/", 1)[-1] for entry in entries or [] if entry["type"] == "directory"]

    def _remembered(self, question: tuple[str, ...], ask: Callable[[], T]) -> T:
        told = self._told.get(question)
        if told is not None and told[0] > self._clock():
            answer: T = told[1]
            return answer
        answer = ask()
        if len(self._told) >= _KEPT:
            self._told.clear()
        self._told[question] = (self._clock() + _FRESH_SECONDS, answer)
        return answer


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
