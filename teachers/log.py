"""The completion log of one (stage, shard): every completion, durable before it is used.

The file is only ever appended to, by one process at a time, so that it needs no lock and works on a shared file
system. It begins with ``MAGIC``; then come frames:

    u32  length of the body   (little-endian, as all numbers)
    u32  CRC-32 of the body
    body: u32 length of the text, then the text, compressed with zstd: one JSON object a line, with key, digest,
          payload, completion (what differs from the defaults) and detail

A frame holds what came in while the one before was on its way to the disk: under load dozens of records, which share
most of their words and so compress to a third of what they would take one by one.

A bad frame at the end was being written when a process died: nobody was told that it is durable, so it is cut off. A
bad frame with a good one behind it is damage, and is never passed over in silence.

A completion with an ``error`` is logged like any other, for ``explain``; what became of it is the asker's affair.
What stops a run (a wrong key, an endpoint that went away) is no completion and is not logged.

Not here: which completions are asked for (``asker.py``). This file does not know the openai library, so that
``explain`` reads a log without loading it.
"""

import asyncio
import json
import mmap
import os
import struct
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import pyarrow as pa

from schemas.errors import CorruptRun, RunFailed
from schemas.exchange import Completion, Sample

MAGIC = b"loomlog\x02"
"""Name and version of the format."""
_HEAD = struct.Struct("<II")
_SIZE = struct.Struct("<I")
_LEVEL = 3
"""zstd's default: higher levels cost more than they save on a few kilobytes."""
FRAME_RECORDS = 256
"""Records in a frame, at most: one that is looked up costs the decompression of all."""
FRAMES_KEPT = 16
"""Frames whose text is kept in memory: a resumed shard asks in another order than the answers came in."""
_CODEC = pa.Codec("zstd", compression_level=_LEVEL)
_DEFAULTS = tuple(
    (field.name, "" if field.default is MISSING else field.default)
    for field in fields(Completion)
    if field.name != "others"
)
# macOS has no fdatasync.
_sync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class Record:
    """One logged request with its completion."""

    key: str
    """What the driver calls the request: row, step, place."""
    digest: str
    """Of the payload."""
    payload: dict[str, Any]
    completion: Completion
    detail: str = ""
    """The endpoint's own words, where it refused."""


class _Spot(NamedTuple):
    """Where a record stands."""

    digest: str
    offset: int
    """Of its frame."""
    line: int
    """In the frame."""


@dataclass(slots=True)
class _Waiting:
    """An append on its way to the disk."""

    key: str
    digest: str
    line: bytes
    durable: asyncio.Future[None]


class CompletionLog:
    """An open log. ``get`` and ``append`` belong to one event loop; the texts stay on the disk."""

    def __init__(self, path: Path, fd: int, index: dict[str, _Spot], end: int) -> None:
        self.path = path
        self._fd = fd
        self._index = index
        self._end = end
        self._waiting: list[_Waiting] = []
        self._flusher: asyncio.Task[None] | None = None
        self._lock = threading.Lock()
        self._frames: OrderedDict[int, list[bytes]] = OrderedDict()
        self.syncs = 0
        """How often the disk was waited for; many appends share one."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the log at ``path``, or begin one. A torn end is cut off.

        Raises:
            CorruptRun: this is no completion log, or it is damaged before its end.
            RunFailed: it cannot be opened or written.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _cannot_write(path, error) from error
        try:
            index, end = _recover(path, fd)
        except OSError as error:
            os.close(fd)
            raise _cannot_write(path, error) from error
        except BaseException:
            os.close(fd)
            raise
        return cls(path, fd, index, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._index)

    def get(self, key: str, digest: str) -> Completion | None:
        """The completion logged under ``key``, if it answers the very same request."""
        spot = self._index.get(key)
        if spot is None or spot.digest != digest:
            return None
        return _record(self.path, spot.offset, self._lines(spot.offset)[spot.line]).completion

    async def append(self, key: str, digest: str, payload: bytes, completion: Completion, detail: str = "") -> None:
        """Log one completion of the request ``payload`` (JSON); returns when a power cut could not take it any more.

        Raises:
            RunFailed: it could not be written.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(key, digest, _line(key, digest, payload, completion, detail), loop.create_future())
        self._waiting.append(waiting)
        if self._flusher is None:
            # A task of its own: whoever waits may be cancelled, the others still wait for the disk.
            self._flusher = loop.create_task(self._flush())
        await waiting.durable

    def records(self) -> Iterator[Record]:
        """Everything that is durable, in the order in which it came, one record in memory at a time."""
        return read_log(self.path, self._end)

    def close(self) -> None:
        """Close the file, once a write under way is through. Safe to call twice."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
            self._fd = -1

    def _lines(self, offset: int) -> list[bytes]:
        """The records of the frame at ``offset``."""
        lines = self._frames.pop(offset, None)
        if lines is None:
            body = _read_body(self._fd, offset, self._end)
            if body is None:
                raise _damaged(self.path, offset)
            lines = _unpack(self.path, offset, body)
        self._frames[offset] = lines
        if len(self._frames) > FRAMES_KEPT:
            self._frames.popitem(last=False)
        return lines

    async def _flush(self) -> None:
        """While the disk is busy with one batch, the next one gathers: so many appends share one sync."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:FRAME_RECORDS], self._waiting[FRAME_RECORDS:]
                try:
                    offset = await loop.run_in_executor(None, self._write, [each.line for each in batch])
                except OSError as error:
                    _fail(batch, _cannot_write(self.path, error))
                else:
                    self._settle(batch, offset)
        finally:
            self._flusher = None

    def _write(self, lines: list[bytes]) -> int:
        """Compress, write and sync; returns where the frame begins. Runs on a thread of the executor."""
        frame = _pack(lines)
        with self._lock:
            start = self._end
            try:
                _write_all(self._fd, frame, start)
                _sync(self._fd)
            except OSError:
                if self._fd >= 0:
                    os.ftruncate(self._fd, start)
                raise
            self._end = start + len(frame)
            self.syncs += 1
            return start

    def _settle(self, batch: list[_Waiting], offset: int) -> None:
        for line, each in enumerate(batch):
            self._index[each.key] = _Spot(each.digest, offset, line)
            if not each.durable.done():
                each.durable.set_result(None)


def read_log(path: Path, end: int | None = None) -> Iterator[Record]:
    """The records of a log that nobody needs to have open; a torn end is passed over and left as it is.

    Raises:
        CorruptRun: this is no completion log, or it is damaged before its end.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size if end is None else end
        if _begins(path, fd, size):
            for offset, body in _frames(path, fd, size):
                for line in _unpack(path, offset, body):
                    yield _record(path, offset, line)
    finally:
        os.close(fd)


def _recover(path: Path, fd: int) -> tuple[dict[str, _Spot], int]:
    """The index and the end of what is whole; the file is made to end there."""
    size = os.fstat(fd).st_size
    if not _begins(path, fd, size):
        _begin(path, fd)
        return {}, len(MAGIC)
    index: dict[str, _Spot] = {}
    end = len(MAGIC)
    for offset, body in _frames(path, fd, size):
        for number, line in enumerate(_unpack(path, offset, body)):
            record = _record(path, offset, line)
            index[record.key] = _Spot(record.digest, offset, number)
        end = offset + _HEAD.size + len(body)
    if end < size:
        os.ftruncate(fd, end)
        _sync(fd)
    return index, end


def _begins(path: Path, fd: int, size: int) -> bool:
    """Whether the first bytes are whole; False where the file is new or was being begun."""
    start = os.pread(fd, len(MAGIC), 0)
    if start == MAGIC:
        return True
    if size < len(MAGIC) and MAGIC.startswith(start):
        return False
    raise CorruptRun(f"{path} is no completion log of this version; move it away and run the same command again")


def _begin(path: Path, fd: int) -> None:
    os.ftruncate(fd, 0)
    _write_all(fd, MAGIC, 0)
    os.fsync(fd)
    # The name is durable too, not only what is in the file.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _frames(path: Path, fd: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Offset and body of each frame up to the first bad one, which must be the last."""
    offset = len(MAGIC)
    while offset < size:
        body = _read_body(fd, offset, size)
        if body is None:
            if _any_frame(fd, offset + 1, size):
                raise _damaged(path, offset)
            return
        yield offset, body
        offset += _HEAD.size + len(body)


def _read_body(fd: int, offset: int, size: int) -> bytes | None:
    """The body of the frame at ``offset``; None where there is no good one."""
    head = os.pread(fd, _HEAD.size, offset)
    if len(head) < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack(head)
    if not _SIZE.size < length <= size - offset - _HEAD.size:
        return None
    body = os.pread(fd, length, offset + _HEAD.size)
    return body if len(body) == length and zlib.crc32(body) == checksum else None


def _any_frame(fd: int, start: int, size: int) -> bool:
    """Whether a good frame stands anywhere from ``start``: then what is before it was once durable."""
    if size - start < _HEAD.size:
        return False
    with mmap.mmap(fd, size, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
        for offset in range(start, size - _HEAD.size):
            length, checksum = _HEAD.unpack_from(view, offset)
            body = offset + _HEAD.size
            if _SIZE.size < length <= size - body and zlib.crc32(view[body : body + length]) == checksum:
                return True
    return False


def _line(key: str, digest: str, payload: bytes, completion: Completion, detail: str) -> bytes:
    """One record. The payload is put in as it was sent, and not encoded again."""
    fields = {name: value for name, default in _DEFAULTS if (value := getattr(completion, name)) != default}
    if completion.others:
        fields["others"] = [asdict(sample) for sample in completion.others]
    head = _json({"key": key, "digest": digest})[:-1]
    tail = _json({"completion": fields, **({"detail": detail} if detail else {})})[1:]
    return b'%b,"payload":%b,%b' % (head, payload, tail)


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _pack(lines: list[bytes]) -> bytes:
    text = b"\n".join(lines)
    body: bytes = _SIZE.pack(len(text)) + _CODEC.compress(text, asbytes=True)
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def _unpack(path: Path, offset: int, body: bytes) -> list[bytes]:
    (size,) = _SIZE.unpack_from(body)
    try:
        text: bytes = _CODEC.decompress(body[_SIZE.size :], decompressed_size=size, asbytes=True)
    except (ValueError, OSError):
        # The checksum held: another program wrote this.
        raise _damaged(path, offset) from None
    return text.split(b"\n")


def _record(path: Path, offset: int, line: bytes) -> Record:
    try:
        data = json.loads(line)
        reply = data["completion"]
        others = tuple(Sample(**sample) for sample in reply.pop("others", ()))
        return Record(**{**data, "completion": Completion(**{"text": "", **reply}, others=others)})
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _damaged(path, offset) from None


def _write_all(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def _fail(batch: list[_Waiting], error: RunFailed) -> None:
    for each in batch:
        if not each.durable.done():
            each.durable.set_exception(error)


def _damaged(path: Path, offset: int) -> CorruptRun:
    return CorruptRun(
        f"{path} is damaged at byte {offset}, before its end; restore it, or move it away to ask this shard again"
    )


def _cannot_write(path: Path, error: OSError) -> RunFailed:
    return RunFailed(f"{path} cannot be written: {error.strerror}; mend that and run the same command again to resume")
