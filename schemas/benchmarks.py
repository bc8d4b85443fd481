"""Benchmark files: the questions that training data must not hold, read before a run begins.

A stage that needs them derives its ``Config`` from ``BenchmarkConfig``: the files are read while the recipe is checked,
so that a missing one stops a run before its first call, and what stands in them is part of the stage's digest.

Read are JSON lines, JSON (a list of objects), CSV and TSV with a header, and Parquet, compressed or not, from a path
or any fsspec URL, as the end of the name says. Not the lenient reader of seeds: a record of a benchmark that cannot
be read would be a question that is never looked for, so it is an error.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Self

import fsspec
import polars as pl
from pydantic import BeforeValidator, Field, PrivateAttr, computed_field, field_validator, model_validator

from schemas.errors import RecipeError
from schemas.stage import StageConfig
from schemas.strict import Strict

FIELDS = ("question", "prompt", "instruction", "problem", "query", "input", "text")
"""Where a benchmark's question is looked for if no ``field`` is named, the likeliest first. Beside an ``instruction``
or ``prompt``, ``input`` belongs to it."""
_WITH_INPUT = ("instruction", "prompt")

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
_LOGIN = re.compile(r"[^/]*//[^/?#]*@")
_FIELDS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a benchmark."""

    name: str
    """``gsm8k_test:17``: the benchmark's name, and the number of the record (in JSON lines: the line), from 1."""
    text: str


class BenchmarkFile(Strict):
    """One benchmark, where its path does not say everything."""

    path: str = Field(min_length=1, description="The file, or any fsspec URL.")
    field: str | None = Field(
        default=None, min_length=1, description="The field that holds the question. Default: the first known one."
    )
    name: str | None = Field(
        default=None, min_length=1, description="What it is called in reports. Default: the file's name."
    )

    @field_validator("path")
    @classmethod
    def _a_place_without_a_login(cls, path: str) -> str:
        if "://" in path and _LOGIN.match(path):
            # Not shown: it is a secret, and it would stand in the manifest.
            raise ValueError("there is a user name in the URL; take it out and log in by the store's own means")
        return path

    @property
    def label(self) -> str:
        """The name in force."""
        return self.name or _without_suffixes(self.path)


_Entry = Annotated[str, Field(min_length=1)] | BenchmarkFile
"""What a recipe may say."""


def _entry(given: Any) -> Any:
    return {"path": given} if isinstance(given, str) else given


class BenchmarkConfig(StageConfig):
    """The configuration of a stage that reads benchmark files.

    Raises ``RecipeError`` if one cannot be read, before anything is asked.
    """

    benchmarks: list[Annotated[BenchmarkFile, BeforeValidator(_entry, json_schema_input_type=_Entry)]] = Field(
        min_length=1,
        description="Files or URLs of the benchmarks (jsonl, json, csv, tsv, parquet), each as its path or as "
        "{path, field, name}.",
    )

    _items: dict[str, Item] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _files_can_be_read(self) -> Self:
        where, labels = f"{self.label}.benchmarks", [file.label for file in self.benchmarks]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise RecipeError(f"{where}: two benchmarks are named {twice!r}; give one of them a `name`")
        self._items = {item.name: item for file in self.benchmarks for item in read_benchmark(file, where)}
        return self

    @property
    def items(self) -> list[Item]:
        """All questions of all benchmarks, in order."""
        return list(self._items.values())

    def named(self, name: str) -> Item | None:
        """The question of that name."""
        return self._items.get(name)

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def benchmarks_digest(self) -> str:
        """The files' content. It is part of what the configuration is dumped to, and so of the stage's digest."""
        return hashlib.blake2b(repr(self.items).encode(), digest_size=16).hexdigest()


def read_benchmark(file: BenchmarkFile, where: str = "benchmarks") -> tuple[Item, ...]:
    """The questions of one file that say something, in order; ``where`` begins the messages.

    A local file is read again when it has changed, a URL once a process.

    Raises:
        RecipeError: there is no such file, it is empty or broken, or a record has no question.
    """
    try:
        return _items(file, _stamp(file.path))
    except _Unreadable as error:
        raise RecipeError(f"{where}: {file.path}: {error}") from None


class _Unreadable(Exception):
    """What is wrong with a file, and the remedy."""


def _stamp(path: str) -> tuple[int, int] | None:
    """Changes when a local file does."""
    if "://" in path:
        return None
    try:
        stat = Path(path).expanduser().stat()
    except OSError as error:
        raise _Unreadable(f"cannot be opened ({error.strerror}); check the path") from None
    return stat.st_mtime_ns, stat.st_size


@cache
def _items(file: BenchmarkFile, stamp: tuple[int, int] | None) -> tuple[Item, ...]:
    items, some = [], False
    for number, record in _records(file.path, _content(file.path)):
        some = True
        if not isinstance(record, Mapping):
            raise _Unreadable(f"record {number} is not an object; give one object a question")
        text = _question(record, file.field, number)
        if text.strip():
            items.append(Item(f"{file.label}:{number}", text))
    if not items:
        raise _Unreadable("all its questions are empty" if some else "holds no record; give a file with questions")
    return tuple(items)


def _content(path: str) -> bytes:
    try:
        with fsspec.open(path if "://" in path else str(Path(path).expanduser()), "rb", compression="infer") as file:
            content: bytes = file.read()
    except Exception as error:  # any fsspec backend or decompressor, each with errors of its own
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise _Unreadable(f"cannot be read ({cause}); check the path, and that its fsspec backend is there") from None
    return content


def _records(path: str, content: bytes) -> Iterable[tuple[int, Any]]:
    """Each record with its number."""
    suffix = PurePosixPath(_plain(path)).suffix.lower()
    if suffix == ".parquet":
        return _parquet(content)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable(f"byte {error.start} is not UTF-8; save the file as UTF-8") from None
    if suffix in (".csv", ".tsv"):
        return _table(text, "\t" if suffix == ".tsv" else ",")
    return _list(text) if suffix == ".json" else _lines(text)


def _parquet(content: bytes) -> Iterator[tuple[int, Any]]:
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except pl.exceptions.PolarsError:
        raise _Unreadable("is not a whole Parquet file; get it again") from None
    yield from enumerate(frame.iter_rows(named=True), start=1)


def _table(text: str, delimiter: str) -> Iterator[tuple[int, Any]]:
    try:
        yield from enumerate(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), start=1)
    except csv.Error as error:
        raise _Unreadable(f"is no CSV file ({error}); repair it") from None


def _list(text: str) -> Iterator[tuple[int, Any]]:
    try:
        records = json.loads(text) if text.strip() else []
    except (ValueError, RecursionError) as error:
        raise _Unreadable(f"is broken JSON ({error}); if it has an object a line, call it .jsonl") from None
    if not isinstance(records, list):
        raise _Unreadable("is not a list of objects; make it one, or write an object a line into a .jsonl file")
    yield from enumerate(records, start=1)


def _lines(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                raise _Unreadable(
                    f"line {number} is not JSON; give JSON lines, or a name that ends in .json, .csv, .tsv or .parquet"
                ) from None


def _question(record: Mapping[Any, Any], field: str | None, number: int) -> str:
    fields = {str(name).strip().lower(): value for name, value in record.items()}
    there = ", ".join(map(str, list(record)[:_FIELDS_SHOWN])) or "none"
    name = field.strip().lower() if field else next((name for name in FIELDS if fields.get(name) is not None), None)
    if name is None:
        raise _Unreadable(f"record {number} has none of {', '.join(FIELDS)}; name the `field` (it has: {there})")
    if name not in fields:
        raise _Unreadable(f"record {number} has no field {field!r} (it has: {there})")
    text = _text(fields[name], name, number)
    added = _text(fields.get("input"), "input", number) if field is None and name in _WITH_INPUT else ""
    return f"{text}\n\n{added}" if added.strip() else text


def _text(value: Any, name: str, number: int) -> str:
    """A text, or several in a list, such as the turns of a dialogue; nothing is an empty one."""
    parts = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(part, str) for part in parts):
        raise _Unreadable(f"record {number}: {name} is not a text; name the `field` that holds the question")
    # JSON may escape half a surrogate pair, which no file and no request can hold.
    return "\n\n".join(parts).encode("utf-8", "replace").decode("utf-8")


def _plain(path: str) -> str:
    """A path or URL without its query and the suffix of its compression."""
    plain = re.split(r"[?#]", path)[0] if "://" in path else path
    return next((plain[: -len(suffix)] for suffix in _COMPRESSED if plain.lower().endswith(suffix)), plain)


def _without_suffixes(path: str) -> str:
    return PurePosixPath(_plain(path)).stem or path
