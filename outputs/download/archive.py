"""A whole version in one file, made while it is sent: the same bytes each time, of a length that is known before.

A zip is stored, not deflated, since Parquet is compressed already; its headers have sizes and CRCs, so that a program
may unpack it as it comes. A file's CRC is worked out before its header leaves: of a file that was never sent, by
reading it once more. Any stretch of an archive can be had, which reads nothing else than the files in that stretch.
"""

import hashlib
import struct
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from outputs.download.body import FileBytes, Later, Part, Text
from outputs.download.local import OpenFile

_FORM = "1"
"""Of the bytes: to be changed with anything below that changes them, as readers trust an archive's tag."""
_DOS_EPOCH = 315532800
_MODE = 0o100644
_MAX32, _MAX16 = 0xFFFFFFFF, 0xFFFF
_PLAIN, _ZIP64 = 20, 45
"""Versions of the format that a reader must know."""
_UNIX = 3 << 8


@dataclass(frozen=True)
class Entry:
    """A file of an archive."""

    name: str
    size: int
    sha256: str
    open: Callable[[], OpenFile]


def archive_parts(kind: str, entries: Sequence[Entry], modified: int, crc32: Callable[[Entry], int]) -> list[Part]:
    """The bytes of a zip or a tar. ``modified`` (seconds since 1970) is every entry's time."""
    return list(_zip(entries, modified, crc32) if kind == "zip" else _tar(entries, modified))


def archive_tag(kind: str, entries: Sequence[Entry], modified: int) -> str:
    """Names the bytes of an archive: the same for the same content."""
    content = repr((_FORM, kind, modified, [(entry.name, entry.size, entry.sha256) for entry in entries]))
    return f"{kind}-{hashlib.sha256(content.encode()).hexdigest()}"


def moment(text: str) -> int:
    """Seconds since 1970 of an ISO 8601 time; of anything else, and before zip's first year, those of that year."""
    try:
        told = datetime.fromisoformat(text)
        return max(_DOS_EPOCH, int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()))
    except (ValueError, OverflowError):
        return _DOS_EPOCH


def _tar(entries: Sequence[Entry], modified: int) -> Iterator[Part]:
    total = 0
    for entry in entries:
        info = tarfile.TarInfo(entry.name)
        info.size, info.mtime, info.mode = entry.size, modified, _MODE & 0o777
        head = info.tobuf(format=tarfile.PAX_FORMAT)
        filling = bytes(-entry.size % tarfile.BLOCKSIZE)
        yield Text(head)
        yield FileBytes(entry.size, entry.open)
        yield Text(filling)
        total += len(head) + entry.size + len(filling)
    end = 2 * tarfile.BLOCKSIZE
    yield Text(bytes(end + -(total + end) % tarfile.RECORDSIZE))


def _zip(entries: Sequence[Entry], modified: int, crc32: Callable[[Entry], int]) -> Iterator[Part]:
    at = 0
    lines: list[Part] = []
    for entry in entries:
        member = _Member(entry, at, _dos_time(modified), crc32)
        yield Later(member.head_size, member.head)
        yield FileBytes(entry.size, entry.open)
        lines.append(Later(member.line_size, member.line))
        at += member.head_size + entry.size
    yield from lines
    yield Text(_end(len(entries), sum(line.size for line in lines), at))


@dataclass(frozen=True)
class _Member:
    """A file of a zip, which begins ``at`` so many bytes from the zip's start."""

    entry: Entry
    at: int
    time: tuple[int, int]
    crc32: Callable[[Entry], int]

    @property
    def head_size(self) -> int:
        """Bytes of ``head``."""
        return 30 + len(self.entry.name) + (20 if self._large else 0)

    @property
    def line_size(self) -> int:
        """Bytes of ``line``."""
        return 46 + len(self.entry.name) + len(self._extra())

    def head(self) -> bytes:
        """What stands before the file."""
        entry, size = self.entry, min(self.entry.size, _MAX32)
        extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if self._large else b""
        needed = _ZIP64 if self._large else _PLAIN
        fields = (needed, 0, 0, *self.time, self.crc32(entry), size, size, len(entry.name), len(extra))
        return b"PK\x03\x04" + struct.pack("<HHHHHLLLHH", *fields) + entry.name.encode("ascii") + extra

    def line(self) -> bytes:
        """Its line in the directory at the end."""
        entry, size, extra = self.entry, min(self.entry.size, _MAX32), self._extra()
        needed = _ZIP64 if extra else _PLAIN
        fields = (needed | _UNIX, needed, 0, 0, *self.time, self.crc32(entry), size, size, len(entry.name), len(extra))
        place = struct.pack("<HHHLL", 0, 0, 0, _MODE << 16, min(self.at, _MAX32))
        packed = struct.pack("<HHHHHHLLLHH", *fields) + place
        return b"PK\x01\x02" + packed + entry.name.encode("ascii") + extra

    @property
    def _large(self) -> bool:
        return self.entry.size >= _MAX32

    def _extra(self) -> bytes:
        """The numbers of the line that need more than 32 bits."""
        numbers = [self.entry.size, self.entry.size] if self._large else []
        numbers += [self.at] if self.at >= _MAX32 else []
        return struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""


def _end(count: int, size: int, at: int) -> bytes:
    """What stands last: where the directory begins (``at``), its bytes and its lines."""
    large = b""
    if count >= _MAX16 or size >= _MAX32 or at >= _MAX32:
        record = struct.pack("<QHHLLQQQQ", 44, _ZIP64 | _UNIX, _ZIP64, 0, 0, count, count, size, at)
        large = b"PK\x06\x06" + record + b"PK\x06\x07" + struct.pack("<LQL", 0, at + size, 1)
    few = min(count, _MAX16)
    return large + b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, few, few, min(size, _MAX32), min(at, _MAX32), 0)


def _dos_time(seconds: int) -> tuple[int, int]:
    """Time and date as a zip has them, in UTC; the last year it knows is 2107."""
    at = time.gmtime(min(seconds, 4354819198))
    return at.tm_hour << 11 | at.tm_min << 5 | at.tm_sec // 2, (at.tm_year - 1980) << 9 | at.tm_mon << 5 | at.tm_mday
