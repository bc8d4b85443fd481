"""The rows that ``instructloom filter`` is given: which files they are in, how each is read, and its records in shards.

A file is looked at before anything runs: its digest is taken, and its first records tell its layout. So a file that
cannot be used, or a field that nobody has, is told at once.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

import polars as pl
import pyarrow.parquet as pq

from generators.record_batches import Batch, open_batches
from generators.record_columns import OWN, TARGETS, Shape, shape_of
from generators.record_rows import Taken, take_rows
from generators.seed_files import Source, find_sources
from generators.seed_formats import EXPECTED
from outputs.dataset import MANIFEST, Dataset, open_dataset, versions
from schemas.errors import BadInput, SeedError

LOOKED_AT = 200
"""Records of a file that tell its layout and which fields are left out."""
SHOWN_FIELDS = 12
SHARD_BYTES = 1 << 26
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file, and how it is read."""

    source: Source
    container: str
    """json, jsonl, csv or parquet."""
    shape: Shape
    sha256: str
    records: int | None
    """How many, where that can be told without reading them."""
    repeated: frozenset[int] = frozenset()
    """Numbers of rows of ours whose ids an earlier row of the input has."""


@dataclass(frozen=True, slots=True)
class Input:
    """All files, in order."""

    path: str
    """As the user gave it."""
    files: tuple[InputFile, ...]
    language: str | None
    """Of all rows; None: told row by row."""
    mapping: Mapping[str, str]
    languages: Mapping[str, int]
    """Of the rows that were looked at."""

    @property
    def records(self) -> int | None:
        """How many there are, where that can be told; blank lines may be among them."""
        counts = [file.records for file in self.files]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def digest(self) -> str:
        """Of all that decides which rows come of it, and with which ids."""
        parts = [(file.source.name, file.sha256) for file in self.files]
        told = repr((parts, self.language, sorted(self.mapping.items())))
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def look_at(where: str, root: Path, language: str | None = None, mapping: Mapping[str, str] | None = None) -> Input:
    """Find the files that ``where`` means, and see how each is to be read.

    ``where``: a file, a folder, a pattern, an fsspec URL, or a dataset below ``root`` (``name`` or ``name@version``).

    Raises:
        SeedError: there is no such file, or none of its first records can be read.
        BadInput: no record has a field that ``mapping`` names.
    """
    mapping = mapping or {}
    sources = _sources(where, root)
    looked = [_look(source, mapping) for source in sources]
    files = _with_repeated([file for file, _ in looked])
    languages: Counter[str] = Counter()
    for file, batch in zip(files, (batch for _, batch in looked), strict=True):
        first = take(file, batch, language, 0)
        languages.update(dict(first.rows["language"].value_counts().iter_rows()))
    return Input(where, tuple(files), language, mapping, languages)


def take(file: InputFile, batch: Batch, language: str | None, shard: int) -> Taken:
    """The rows of some records of ``file``."""
    return take_rows(batch, file.shape, file.source.name, language, shard, file.repeated)


def mapping_of(given: Sequence[str]) -> dict[str, str]:
    """What ``--map instruction=question,response=answer`` says: the field, in lower case, by what it is to us.

    Raises:
        BadInput: it says something else.
    """
    mapping: dict[str, str] = {}
    for pair in ",".join(given).split(","):
        target, equals, name = (part.strip() for part in pair.partition("="))
        if not equals or not name:
            raise BadInput(f"--map: {pair!r} is no pair; give OURS=FIELD, such as instruction=question")
        if target not in TARGETS:
            raise BadInput(f"--map: there is no {target!r} to fill; there are {', '.join(TARGETS)}")
        mapping[target] = name.lower()
    return mapping


def _sources(where: str, root: Path) -> list[Source]:
    path = Path(where).expanduser()
    if (path / MANIFEST).is_file() or (path.is_dir() and versions(path.parent, path.name)):
        return _shards(open_dataset(str(path), root / "datasets"))
    name = where.rpartition("@")[0] or where
    if "://" not in where and not path.exists() and "/" not in where and versions(root / "datasets", name):
        return _shards(open_dataset(where, root / "datasets"))
    return find_sources([where])


def _shards(dataset: Dataset) -> list[Source]:
    """The kept rows of a dataset of ours; its rejects are beside them."""
    if not dataset.manifest.rows:
        raise SeedError(f"{dataset.label}: has no rows; choose another version")
    return [
        Source(
            f"{dataset.label}/{shard.path}",
            f"{dataset.label}/{shard.path}",
            partial(_open, dataset.folder / shard.path),
        )
        for shard in dataset.manifest.files
    ]


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _look(source: Source, mapping: Mapping[str, str]) -> tuple[InputFile, Batch]:
    """How a file is read; and its first records."""
    opened = open_batches(source, known=list(mapping.values()))
    first = next(opened.batches, None)
    if first is None or not len(first):
        raise SeedError(f"{source.shown}: holds no record; give a file with rows")
    first = first.cut(0, LOOKED_AT)
    records = [first.record(place) for place in range(len(first))]
    shape = shape_of(records, mapping, own=opened.container == "parquet" and not mapping)
    fields = list(dict.fromkeys(str(name) for record in records if isinstance(record, Mapping) for name in record))
    for target, name in mapping.items():
        if name not in {each.strip().lower() for each in fields}:
            raise BadInput(f"--map: {target}={name}: {source.shown} has no field {name!r}; it has {_some(fields)}")
    if shape is None:
        raise SeedError(
            f"{source.shown}: none of its first {len(first)} records can be used; found {_some(fields)};"
            f" expected {EXPECTED}; or say which field is what: --map instruction=FIELD,response=FIELD"
        )
    sha256, lines = _read_through(source)
    records_there = {"jsonl": lines, "parquet": _rows_of(source)}.get(opened.container)
    return InputFile(source, opened.container, shape, sha256, records_there), first


def _some(fields: Sequence[str]) -> str:
    if not fields:
        return "no fields"
    more = f" and {len(fields) - SHOWN_FIELDS} more" if len(fields) > SHOWN_FIELDS else ""
    return f"the fields {', '.join(fields[:SHOWN_FIELDS])}{more}"


def _read_through(source: Source) -> tuple[str, int | None]:
    """The digest of a file as it is stored, and how many lines it has; None where it is compressed."""
    digest, lines, last = hashlib.sha256(), 0, b"\n"
    plain = True
    with source.open() as file:
        while chunk := file.read(_CHUNK):
            plain = plain and (lines > 0 or chunk[:1] in b"{ \t\r\n\xef")
            digest.update(chunk)
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return digest.hexdigest(), lines + (last != b"\n") if plain else None


def _rows_of(source: Source) -> int | None:
    with source.open() as file:
        start = file.read(4)
        return pq.ParquetFile(file).metadata.num_rows if start == b"PAR1" else None


def _with_repeated(files: Sequence[InputFile]) -> list[InputFile]:
    """The files, each with the rows of ours that have the id of an earlier row: of a version given twice, say."""
    ours = [place for place, file in enumerate(files) if file.shape.layout == OWN]
    frames = []
    for place in ours:
        with files[place].source.open() as file:
            ids = pl.Series(pq.read_table(file, columns=["id"]).column("id")).hash(seed=0)
            frames.append(pl.DataFrame({"id": ids}).with_row_index("number", offset=1).with_columns(file=pl.lit(place)))
    if not frames:
        return list(files)
    again = pl.concat(frames).filter(~pl.col("id").is_first_distinct())
    numbers = {place: frozenset(part["number"]) for (place,), part in again.group_by("file")}
    return [
        InputFile(f.source, f.container, f.shape, f.sha256, f.records, numbers.get(place, frozenset()))
        for place, f in enumerate(files)
    ]


@dataclass(frozen=True, slots=True)
class Part:
    """Some records of one file."""

    file: int
    """Its place among the files."""
    batch: Batch


@dataclass
class Shards:
    """The records of all files, cut into shards; read once, from the front to the end."""

    input: Input
    records: int
    """In one shard, at most."""
    bytes: int = SHARD_BYTES
    """A shard ends with the batch that makes it as large as this: conversations may be long."""
    _next: int = 0
    _parts: Iterator[Part] | None = None
    _rest: list[Part] = field(default_factory=list)

    def read(self, number: int) -> list[Part]:
        """The records of shard ``number``, which is not before the one read last; none after the last shard.

        Raises:
            SeedError: a file cannot be read to its end.
        """
        while self._next < number:
            self._take()
            self._next += 1
        self._next += 1
        return self._take()

    def _take(self) -> list[Part]:
        wanted, room, taken = self.records, self.bytes, list[Part]()
        while wanted and room > 0 and (part := self._part()):
            here = len(part.batch)
            if here > wanted:
                self._rest.append(Part(part.file, part.batch.cut(wanted, here)))
                part = Part(part.file, part.batch.cut(0, wanted))
            taken.append(part)
            wanted -= len(part.batch)
            room -= part.batch.size
        return taken

    def _part(self) -> Part | None:
        if self._rest:
            return self._rest.pop()
        if self._parts is None:
            self._parts = self._read_all()
        return next(self._parts, None)

    def _read_all(self) -> Iterator[Part]:
        for place, file in enumerate(self.input.files):
            for batch in open_batches(file.source, known=list(self.input.mapping.values())).batches:
                if len(batch):
                    yield Part(place, batch)


def told(input: Input, limit: int = 10) -> Iterator[str]:
    """What will be read, a line a file, for a person; and which fields nothing is read from."""
    for file in islice(input.files, limit):
        count = f"{file.records:,} records" if file.records is not None and file.container != "json" else "records"
        how = file.container if file.shape.layout == OWN else f"{file.container}, {file.shape.layout}"
        yield f"{file.source.shown}: {count}, read as {how}"
    if len(input.files) > limit:
        yield f"and {len(input.files) - limit:,} more files"
    left_out = list(dict.fromkeys(name for file in input.files for name in file.shape.left_out))
    if left_out:
        some = ", ".join(left_out[:SHOWN_FIELDS]) + (", …" if len(left_out) > SHOWN_FIELDS else "")
        yield f"left out: {some} (--map topic={left_out[0]} would read one; what can be filled: {', '.join(TARGETS)})"
