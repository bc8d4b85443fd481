"""Files of records of any size, some thousand records at a time, with the fields that a layout reads as columns.

``seed_files.py`` reads a file record by record, which is right for some thousand seeds. Here a record of JSON lines or
Parquet never becomes a Python object, unless it is one that columns cannot hold: such a record is read by itself.

A batch takes its columns when it is asked for them, so that reading can be in order and the rest in parallel.
"""

import io
import json
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from generators.seed_files import BOM, Source, open_records, unpacked
from generators.seed_formats import BadRecord
from schemas.errors import SeedError

CHUNK = 1 << 23
"""Bytes of JSON lines that are cut into lines at a time."""
BATCH = 16_384
"""Records in a batch, at most."""
FEW = 16
"""Records of which one cannot be read as columns, from which on they are not halved any more but read one by one."""
_WEIGHED = 16
"""Records of a batch that tell how long all are."""

Kind = Literal["text", "integer", "turns"]
"""What a field holds. ``turns``: a list of objects with the fields of ``Fields.turn``."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields that are wanted as columns."""

    spelled: Mapping[str, str]
    """By the column's name, how the file spells the field."""
    kinds: Mapping[str, Kind]
    """Of columns that are not text."""
    turn: tuple[str, str] = ("role", "content")
    """What a turn calls who speaks and what is said."""

    def arrow(self, column: str) -> pa.DataType:
        """The type of a column."""
        kind = self.kinds.get(column, "text")
        if kind == "turns":
            return pa.list_(pa.struct([(name, pa.string()) for name in self.turn]))
        return pa.int64() if kind == "integer" else pa.string()

    def empty(self) -> pl.DataFrame:
        """The columns, without rows."""
        turns = pl.List(pl.Struct(dict.fromkeys(self.turn, pl.String())))
        dtypes: dict[Kind, pl.DataType] = {"text": pl.String(), "integer": pl.Int64(), "turns": turns}
        return pl.DataFrame(schema={column: dtypes[self.kinds.get(column, "text")] for column in self.spelled})


@dataclass(frozen=True, slots=True)
class Columns:
    """The fields of a batch as columns."""

    frame: pl.DataFrame
    """A column for each field, and a row for each record that could be read so."""
    places: np.ndarray
    """int64: the places in the batch of those records."""


class Batch(ABC):
    """Consecutive records of one file."""

    numbers: Sequence[int]
    """Where each record stands: its line, or its place among the records, counted from 1."""

    def __len__(self) -> int:
        return len(self.numbers)

    @abstractmethod
    def cut(self, start: int, stop: int) -> "Batch":
        """A part of it."""

    @abstractmethod
    def record(self, place: int) -> object:
        """One record by itself, as ``seed_files.Record`` has it."""

    @abstractmethod
    def text(self, place: int) -> str:
        """One record as text, for a person."""

    @property
    @abstractmethod
    def size(self) -> int:
        """About how many bytes it takes in memory; the same for the same records."""

    @abstractmethod
    def _table(self, fields: Fields, start: int, stop: int) -> pl.DataFrame | None:
        """The columns of a part; None if a record in it does not fit them."""

    def columns(self, fields: Fields) -> Columns:
        """The records that fit into columns of these types; what does not is to be read by ``record``."""
        frames, places = [fields.empty()], [np.zeros(0, np.int64)]
        for start, stop, frame in self._parts(fields, 0, len(self)):
            frames.append(frame)
            places.append(np.arange(start, stop))
        return Columns(pl.concat(frames), np.concatenate(places))

    def _parts(self, fields: Fields, start: int, stop: int) -> Iterator[tuple[int, int, pl.DataFrame]]:
        """Halves, and halves of those, until what does not fit is alone with a few others."""
        if start == stop:
            return
        frame = self._table(fields, start, stop)
        if frame is not None:
            yield start, stop, frame
        elif stop - start > FEW:
            middle = (start + stop) // 2
            yield from self._parts(fields, start, middle)
            yield from self._parts(fields, middle, stop)


@dataclass(frozen=True, slots=True)
class Lines(Batch):
    """JSON lines."""

    numbers: Sequence[int]
    lines: Sequence[bytes]
    """None of them blank."""

    def cut(self, start: int, stop: int) -> "Lines":
        """See ``Batch``."""
        return Lines(self.numbers[start:stop], self.lines[start:stop])

    def record(self, place: int) -> object:
        """See ``Batch``."""
        try:
            return json.loads(self.lines[place].decode("utf-8"))
        except UnicodeDecodeError:
            return BadRecord("not_utf8")
        except (ValueError, RecursionError):
            return BadRecord("bad_json")

    def text(self, place: int) -> str:
        """See ``Batch``."""
        return self.lines[place].decode("utf-8", "replace").strip()

    @property
    def size(self) -> int:
        """See ``Batch``."""
        return sum(map(len, self.lines))

    def _table(self, fields: Fields, start: int, stop: int) -> pl.DataFrame | None:
        lines = self.lines[start:stop]
        # Arrow would read two objects in one line, or one in two lines, without a word.
        if not all(line[:1] == b"{" and line[-1:] == b"}" for line in lines):
            lines = [line.strip() for line in lines]
            if not all(line.startswith(b"{") and line.endswith(b"}") for line in lines):
                return None
        text = b"\n".join(lines)
        try:
            if not text.isascii():
                text.decode("utf-8")  # Arrow does not look
            table = _read_lines(text, fields)
        except (UnicodeDecodeError, pa.ArrowInvalid):
            return None
        return cast(pl.DataFrame, pl.from_arrow(table)) if table.num_rows == len(lines) else None


def _read_lines(text: bytes, fields: Fields) -> pa.Table:
    schema = pa.schema([(spelled, fields.arrow(column)) for column, spelled in fields.spelled.items()])
    table = pa.json.read_json(
        pa.BufferReader(text),
        read_options=pa.json.ReadOptions(use_threads=False, block_size=len(text) + 1),
        parse_options=pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    return table.select(schema.names).rename_columns(list(fields.spelled))


@dataclass(frozen=True, slots=True)
class Objects(Batch):
    """Records that are Python objects: of a JSON document, or a CSV file."""

    numbers: Sequence[int]
    objects: Sequence[object]

    def cut(self, start: int, stop: int) -> "Objects":
        """See ``Batch``."""
        return Objects(self.numbers[start:stop], self.objects[start:stop])

    def record(self, place: int) -> object:
        """See ``Batch``."""
        return self.objects[place]

    def text(self, place: int) -> str:
        """See ``Batch``."""
        found = self.objects[place]
        return "" if isinstance(found, BadRecord) else json.dumps(found, ensure_ascii=False, default=str)

    @property
    def size(self) -> int:
        """See ``Batch``. Only some records are looked at."""
        looked_at = range(0, len(self), max(1, len(self) // _WEIGHED))
        return sum(len(self.text(place)) for place in looked_at) * len(self) // max(1, len(looked_at))

    def _table(self, fields: Fields, start: int, stop: int) -> pl.DataFrame | None:
        records = self.objects[start:stop]
        if not all(isinstance(record, dict) for record in records):
            return None
        dicts = cast(Sequence[dict[str, object]], records)
        try:
            arrays = {
                column: pa.array([record.get(spelled) for record in dicts], fields.arrow(column))
                for column, spelled in fields.spelled.items()
            }
            return cast(pl.DataFrame, pl.from_arrow(pa.table(arrays)))
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
            return None


@dataclass(frozen=True, slots=True)
class Table(Batch):
    """Rows of a Parquet file."""

    numbers: Sequence[int]
    rows: pa.Table

    def cut(self, start: int, stop: int) -> "Table":
        """See ``Batch``."""
        return Table(self.numbers[start:stop], self.rows.slice(start, stop - start))

    def record(self, place: int) -> object:
        """See ``Batch``."""
        return self.rows.slice(place, 1).to_pylist()[0]

    def text(self, place: int) -> str:
        """See ``Batch``."""
        return json.dumps(self.record(place), ensure_ascii=False, default=str)

    @property
    def size(self) -> int:
        """See ``Batch``."""
        return int(self.rows.nbytes)

    def _table(self, fields: Fields, start: int, stop: int) -> pl.DataFrame | None:
        rows = self.rows.slice(start, stop - start)
        try:
            arrays = {
                column: _cast(rows.column(spelled), fields.arrow(column))
                if spelled in rows.column_names
                else pa.nulls(len(rows), fields.arrow(column))
                for column, spelled in fields.spelled.items()
            }
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            return None
        return cast(pl.DataFrame, pl.from_arrow(pa.table(arrays)))


def _cast(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """The column in the wanted type, if what it holds is of that kind: a number is no text.

    Raises:
        pyarrow.ArrowTypeError: it is not.
    """
    found = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if _kind(found) != _kind(wanted) and not pa.types.is_null(found):
        raise pa.ArrowTypeError(f"{found} is not {wanted}")
    return column.cast(wanted)


def _kind(dtype: pa.DataType) -> str:
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return "text"
    if pa.types.is_list(dtype) or pa.types.is_large_list(dtype):
        return "list"
    return "integer" if pa.types.is_integer(dtype) else str(dtype)


@dataclass(frozen=True, slots=True)
class Opened:
    """A file on its way into batches."""

    container: str
    """json, jsonl, csv or parquet."""
    batches: Iterator[Batch]


def open_batches(source: Source, known: Collection[str] = ()) -> Opened:
    """Read ``source`` in batches; ``known``: see ``open_records``.

    Raises:
        SeedError: the file is missing, empty, or of no known kind; also while batches are drawn.
    """
    file = source.open()
    if _is_parquet(file):
        return Opened("parquet", _parquet(file, source.shown))
    container, records = open_records(file, source.shown, known=known)
    if container != "jsonl":
        return Opened(container, _objects(records))
    file.close()
    file = source.open()
    return Opened(container, _lines(unpacked(io.BufferedReader(cast(io.RawIOBase, file)))))


def _is_parquet(file: Any) -> bool:
    """Whether it is one, and not compressed: then it is read piece by piece."""
    start = file.read(4)
    file.seek(0)
    return bool(start == b"PAR1")


def _parquet(file: Any, shown: str) -> Iterator[Batch]:
    try:
        before = 0
        for batch in pq.ParquetFile(file).iter_batches(BATCH, use_threads=False):
            yield Table(range(before + 1, before + len(batch) + 1), pa.Table.from_batches([batch]))
            before += len(batch)
    except (pa.ArrowInvalid, OSError) as error:
        raise SeedError(f"{shown}: is not a whole Parquet file ({_first_line(error)}); get it again") from error


def _objects(records: Iterator[tuple[int, object]]) -> Iterator[Batch]:
    while some := list(islice(records, BATCH)):
        yield Objects([number for number, _ in some], [record for _, record in some])


def _lines(file: io.BufferedReader) -> Iterator[Batch]:
    """Batches of the lines that are not blank."""
    rest, number, first = b"", 1, True
    while chunk := file.read(CHUNK):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()
        if len(rest) > CHUNK:  # joined chunk by chunk, it would be copied as often as it has chunks
            lines.append(rest + file.readline().rstrip(b"\n"))
            rest = b""
        if first and lines:
            first, lines[0] = False, lines[0].removeprefix(BOM)
        batch, number = _filled(lines, number)
        yield from _cut(batch)
    batch, _ = _filled([rest.removeprefix(BOM) if first else rest], number)
    yield from _cut(batch)


def _filled(lines: list[bytes], number: int) -> tuple[Lines, int]:
    """The lines that are not blank, from line ``number`` on; and the number of the line after them."""
    after = number + len(lines)
    if all(lines) and not any(map(bytes.isspace, lines)):
        return Lines(range(number, after), lines), after
    filled = [place for place, line in enumerate(lines) if line and not line.isspace()]
    return Lines([number + place for place in filled], [lines[place] for place in filled]), after


def _cut(batch: Batch) -> Iterator[Batch]:
    for start in range(0, len(batch), BATCH):
        yield batch.cut(start, min(start + BATCH, len(batch)))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
