"""Shards of exactly so many rows, with bytes that depend on the rows alone.

``ShardWriter`` takes frames of any size, in order, and holds at most one row group and one frame in memory. The
same rows give the same bytes however they arrived, because a row group is always cut at the same row, is one
contiguous chunk when it is written, and no setting is left to a default that looks at the data. (The file names the
version of Arrow that wrote it: another version may give other bytes.)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from outputs.files import sha256_of, sync
from outputs.messages import MESSAGES, with_messages
from schemas.manifest import ShardFile
from schemas.recipe import Output
from schemas.reject import REJECT_SCHEMA
from schemas.row import ROW_SCHEMA

TRAIN_SCHEMA: pa.Schema = ROW_SCHEMA.append(pa.field(MESSAGES, ROW_SCHEMA.field("turns").type))
"""``ROW_SCHEMA`` and then ``messages``, which is derived: see ``outputs.messages``."""

ROW_GROUP = 1_000
"""Rows in a row group: some megabytes of text, so that a reader of one row need not decompress a whole shard."""

_BITE = 8 * ROW_GROUP
PAGE_BYTES = 1 << 20
ZSTD_LEVEL = 9
"""25,254 rows of GSM8K and Chinese instructions: 7 % smaller than with level 3, in 1.0 s instead of 0.8 s."""
QUICK_LEVEL = 3
"""For rows that nobody waited for a model for: filtering takes some 20 us a row, and level 9 would add 9."""

_REPEATED = [
    "language", "topic", "subtopic", "task_type", "stage", "operation", "rejected_by", "reason", "kind",
    "system", "system_generation", "teacher.model", "teacher.finish_reason",
    "scores.list.element.stage", "scores.list.element.measure",
    "turns.list.element.role", "messages.list.element.role",
]  # fmt: skip
"""Columns of few values, stored as a dictionary. The others are text that is never the same twice."""


@dataclass
class ShardWriter:
    """Writes frames to ``<root>/<folder>/<prefix>-00000-of-00003.parquet``, …; a context manager.

    The number of shards is known at the end only, so shards have hidden names until ``close``. Left by an
    exception, it leaves no file.
    """

    root: Path
    folder: str
    prefix: str
    schema: pa.Schema
    shard_rows: int
    level: int = ZSTD_LEVEL
    """Of zstd: the higher, the smaller and slower."""
    files: list[ShardFile] = field(default_factory=list)
    """What was written, paths relative to ``root``; filled in by ``close``."""
    _pending: list[pl.DataFrame] = field(default_factory=list)
    _pending_rows: int = 0
    _parts: list[tuple[Path, int]] = field(default_factory=list)
    _writer: pq.ParquetWriter | None = None

    def write(self, frame: pl.DataFrame) -> None:
        """Take rows with at least the columns of ``schema``; they join those before them."""
        self._pending.append(frame.select(self.schema.names))
        self._pending_rows += frame.height
        if self._pending_rows >= self._wanted():
            rows = pl.concat(self._pending)
            while rows.height >= self._wanted():
                wanted = self._wanted()
                self._write_group(rows.head(wanted))
                rows = rows.slice(wanted)
            self._pending, self._pending_rows = [rows], rows.height

    def close(self) -> list[ShardFile]:
        """Write what is pending, give the shards their names, sync, and say what was written."""
        if self._pending_rows:
            self._write_group(pl.concat(self._pending))
        self._pending, self._pending_rows = [], 0
        self._end_shard()
        for number, (part, rows) in enumerate(self._parts):
            name = f"{self.folder}/{self.prefix}-{number:05d}-of-{len(self._parts):05d}.parquet"
            self.files.append(self._put(part, name, rows))
        if self._parts:
            sync(self.root / self.folder)
        self._parts = []
        return self.files

    def start_shard(self) -> None:
        """Open the next shard now, even if no row follows; ``write`` does it where one does."""
        path = self.root / self.folder / f".{self.prefix}-{len(self._parts):05d}.part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._parts.append((path, 0))
        self._writer = pq.ParquetWriter(
            path,
            self.schema,
            version="2.6",
            data_page_version="1.0",
            compression="zstd",
            compression_level=self.level,
            use_dictionary=[name for name in _REPEATED if name.split(".")[0] in self.schema.names],
            data_page_size=PAGE_BYTES,
            write_statistics=True,
            store_schema=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        self._end_shard()
        for part, _ in self._parts:
            part.unlink(missing_ok=True)

    def _wanted(self) -> int:
        """Rows that complete the next row group."""
        in_shard = self._parts[-1][1] if self._writer is not None else 0
        return min(ROW_GROUP, self.shard_rows - in_shard)

    def _write_group(self, rows: pl.DataFrame) -> None:
        if self._writer is None:
            self.start_shard()
        assert self._writer is not None
        table = rows.rechunk().to_arrow().cast(self.schema).combine_chunks()
        self._writer.write_table(table, row_group_size=ROW_GROUP)
        part, before = self._parts[-1]
        self._parts[-1] = (part, before + rows.height)
        if before + rows.height == self.shard_rows:
            self._end_shard()

    def _end_shard(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _put(self, part: Path, name: str, rows: int) -> ShardFile:
        sync(part)
        path = part.replace(self.root / name)
        return ShardFile(path=name, rows=rows, bytes=path.stat().st_size, sha256=sha256_of(path))


class TrainWriter(ShardWriter):
    """Writes kept rows, frames of ``ROW_SCHEMA``, to ``data/train-*.parquet`` with their ``messages``.

    A dataset of no rows still has one shard, so that every reader finds its columns.
    """

    def __init__(self, root: Path, output: Output, level: int = ZSTD_LEVEL) -> None:
        super().__init__(root, "data", "train", TRAIN_SCHEMA, output.shard_rows, level)
        self._reasoning = output.reasoning

    def write(self, frame: pl.DataFrame) -> None:
        """Take the next kept rows."""
        for part in _bites(frame):
            super().write(with_messages(part, self._reasoning))

    def close(self) -> list[ShardFile]:
        """See ``ShardWriter.close``."""
        if not self._parts and not self._pending_rows:
            self.start_shard()
        return super().close()


class RejectWriter(ShardWriter):
    """Writes rejects, frames of ``REJECT_SCHEMA``, to ``rejects/rejects-*.parquet``; no rejects, no file."""

    def __init__(self, root: Path, output: Output, level: int = ZSTD_LEVEL) -> None:
        super().__init__(root, "rejects", "rejects", REJECT_SCHEMA, output.shard_rows, level)


def _bites(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """A frame in pieces of some row groups: the messages of long conversations are Python objects for a moment."""
    return frame.iter_slices(_BITE)
