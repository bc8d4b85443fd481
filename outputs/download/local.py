"""Versions in a folder of this machine, opened without ever following a link.

Each part of a path is opened below the one before, so nothing that is put in place meanwhile leads elsewhere.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from outputs.download.paths import DOCUMENTS, MANIFEST, is_name, version_number
from schemas.errors import BadInput

FOLDER = "datasets"
LARGEST_MANIFEST = 16 << 20
"""Bytes; one of a thousand shards has 200 kB."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe would wait for a writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Missing(Exception):
    """What was asked for is not there; the message may be shown to whoever asked."""


class Changed(Exception):
    """A file is no longer what it was when its sending began."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another."""

    device: int
    inode: int
    size: int
    """Bytes."""
    modified_ns: int

    @property
    def modified(self) -> int:
        """Seconds since 1970."""
        return self.modified_ns // 10**9


class OpenFile:
    """A regular file that is open for reading, by position; closed by ``close`` or with the object."""

    def __init__(self, handle: int) -> None:
        self._file = os.fdopen(handle, "rb", buffering=0)
        self.stamp = self._stamp()

    def read(self, start: int, size: int) -> bytes:
        """At most ``size`` bytes from ``start`` on; fewer only at the end."""
        return os.pread(self._file.fileno(), size, start)

    def check(self) -> None:
        """See to it that the file is as it was when it was opened.

        Raises:
            Changed: it is not.
        """
        if self._stamp() != self.stamp:
            raise Changed("a file changed while it was read")

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _stamp(self) -> Stamp:
        found = os.fstat(self._file.fileno())
        return Stamp(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


class LocalStore:
    """The folder ``datasets`` in ``root``."""

    def __init__(self, root: Path) -> None:
        try:
            self._root = root.resolve(strict=True)
        except OSError as error:
            raise BadInput(f"--root {root}: {error.strerror}; give the folder that holds {FOLDER}/") from None
        if not self._root.is_dir():
            raise BadInput(f"--root {root}: not a folder; give the folder that holds {FOLDER}/")
        if (self._root / FOLDER).is_symlink():
            raise BadInput(
                f"--root {root}: its {FOLDER}/ is a link, and links are not followed; move the datasets there, or"
                " serve the folder that really holds them"
            )

    def names(self) -> list[str]:
        """The datasets, in order."""
        return sorted(name for name in self._folders() if is_name(name))

    def numbers(self, name: str) -> list[int]:
        """The versions of a dataset; those that are not whole have no manifest."""
        return [number for folder in self._folders(name) if (number := version_number(folder))]

    def manifest(self, name: str, number: int) -> bytes:
        """The manifest of a version.

        Raises:
            Missing: it is not there, or no manifest could be so large.
        """
        with self.open(name, number, MANIFEST) as file:
            if file.stamp.size > LARGEST_MANIFEST:
                raise Missing(f"{MANIFEST} is too large to be one")
            return file.read(0, file.stamp.size)

    def documents(self, name: str, number: int) -> list[str]:
        """Which of the documents a version has, in the order of ``DOCUMENTS``."""
        return [document for document in DOCUMENTS if self._has(name, number, document)]

    def open(self, name: str, number: int, path: str) -> OpenFile:
        """A file of a version. Name and path are to be checked before: see ``paths``.

        Raises:
            Missing: it is not there, or it is a link or no regular file.
        """
        *folders, last = path.split("/")
        with self._folder(name, f"v{number}", *folders) as folder:
            handle = _opened(last, _FILE, folder)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Missing(f"{path} is not there")
        return OpenFile(handle)

    def _has(self, name: str, number: int, path: str) -> bool:
        try:
            self.open(name, number, path).close()
        except Missing:
            return False
        return True

    def _folders(self, *parts: str) -> list[str]:
        try:
            with self._folder(*parts) as folder, os.scandir(folder) as entries:
                return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except Missing:
            return []

    @contextmanager
    def _folder(self, *parts: str) -> Iterator[int]:
        """A handle of a folder below ``datasets``, while the block runs."""
        handle = _opened(str(self._root), _FOLDER)
        try:
            for part in (FOLDER, *parts):
                above = handle
                handle = _opened(part, _FOLDER, above)
                os.close(above)
            yield handle
        finally:
            os.close(handle)


_GONE = (FileNotFoundError, NotADirectoryError, PermissionError)
_NOT_A_FILE = (errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG, errno.EMLINK, errno.ENODEV)


def _opened(name: str, flags: int, folder: int | None = None) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except _GONE:
        raise Missing("not there") from None
    except OSError as error:
        # ELOOP: a link; ENXIO: a socket, or a pipe nobody writes to; ENAMETOOLONG. All others are this machine's.
        if error.errno in _NOT_A_FILE:
            raise Missing("not there") from None
        raise
