"""Checksums of files that no manifest knows, or that a zip wants; each is worked out once for a state of a file."""

import hashlib
import threading
import zlib
from collections.abc import Callable
from typing import TypeVar

from outputs.download.local import OpenFile, Stamp

T = TypeVar("T")

PIECE = 1 << 20
"""Bytes read at a time."""
_KEPT = 100_000
_WORK = threading.Lock()


class Sums:
    """Remembers what was worked out, for so many files."""

    def __init__(self) -> None:
        self._sha256: dict[Stamp, str] = {}
        self._crc32: dict[Stamp, int] = {}

    def sha256(self, file: OpenFile) -> str:
        """The sha256 of a file, in hexadecimal."""
        return _remembered(self._sha256, file, _sha256)

    def crc32(self, file: OpenFile) -> int:
        """The CRC-32 of a file."""
        return _remembered(self._crc32, file, _crc32)


def _remembered(known: dict[Stamp, T], file: OpenFile, work_out: Callable[[OpenFile], T]) -> T:
    value = known.get(file.stamp)
    if value is None:
        # One at a time: of many who want the same, the first works it out.
        with _WORK:
            value = known.get(file.stamp)
            if value is None:
                value = work_out(file)
                file.check()
                if len(known) >= _KEPT:
                    known.clear()
                known[file.stamp] = value
    return value


def _sha256(file: OpenFile) -> str:
    digest, at = hashlib.sha256(), 0
    while piece := file.read(at, PIECE):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()


def _crc32(file: OpenFile) -> int:
    crc, at = 0, 0
    while piece := file.read(at, PIECE):
        crc = zlib.crc32(piece, crc)
        at += len(piece)
    return crc
