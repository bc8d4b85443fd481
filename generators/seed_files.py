"""Where seed files are, and how a file is cut into numbered records, whatever it is packed in.

Knows paths, URLs, compression, text encoding, JSON, CSV and Parquet; knows nothing of seeds.
"""

import bz2
import csv
import glob
import gzip
import hashlib
import io
import json
import lzma
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import chain
from pathlib import Path
from typing import IO, Any, cast

import fsspec
import polars as pl
import pyarrow as pa

from generators.seed_formats import EXPECTED, INSTRUCTION, KNOWN, BadRecord
from schemas.errors import SeedError

Record = tuple[int, object]
"""The number of a line (JSON lines, CSV) or record, counted from 1, and what stands there: mostly a dictionary; a
``BadRecord`` where it could not be read."""

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
"""Files that are taken from a folder, compressed or not. A file given by name may be called anything."""
_COMPRESSED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst")

_NO_FILE = "there is no such file; check the path"
_BUILTIN = "builtin:"
BOM = b"\xef\xbb\xbf"
_HEAD_LINES = 3
"""Non-empty lines that are looked at to tell JSON lines from other text."""
_HASH_CHUNK = 1 << 20
_WINDOW = 1 << 22
"""Characters of a JSON document that are in memory at a time, unless a value is longer."""
_SHOWN_LINE = 60
DELIMITERS = ",;\t|"
"""What may stand between columns; the one that makes the most known columns of the header is taken."""
_SPACE = re.compile(r"[ \t\r\n]*")

_UNPACK: dict[bytes, Callable[[io.BufferedReader], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": lambda file: pa.CompressedInputStream(file, "zstd"),
}
"""How compressed files begin, and what reads them."""


@dataclass(frozen=True, slots=True)
class Source:
    """One file that seeds are read from."""

    name: str
    """In rows: the file's name, told apart from others of the same name, without the folders of this machine."""
    shown: str
    """In messages and reports: as the user gave it, without a URL's login and query."""
    opener: Callable[[], IO[bytes]]

    def open(self) -> IO[bytes]:
        """The file's bytes.

        Raises:
            SeedError: it cannot be opened.
        """
        try:
            return self.opener()
        except FileNotFoundError:
            # fsspec says so, too, where a web server does not answer.
            what = "cannot be found; check the URL and the network" if "://" in self.shown else _NO_FILE
            raise SeedError(f"{self.shown}: {what}") from None
        except Exception as error:  # any fsspec backend, each with errors of its own
            raise SeedError(f"{self.shown}: cannot be opened ({_cause(error)}); check path and access") from error

    def sha256(self) -> str:
        """The digest of the file as it is stored."""
        digest = hashlib.sha256()
        with self.open() as file:
            while chunk := file.read(_HASH_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


def find_sources(paths: Sequence[str]) -> list[Source]:
    """The files that ``paths`` mean, in order; those of a folder by name.

    Raises:
        SeedError: a path is not there, a folder holds no seed file, or a URL's kind is not known.
    """
    sources: list[Source] = []
    names: dict[str, int] = {}
    for path in paths:
        for source in _find(path):
            names[source.name] = names.get(source.name, 0) + 1
            again = names[source.name]
            sources.append(source if again == 1 else replace(source, name=f"{source.name}#{again}"))
    if not sources:
        raise SeedError("seeds.path: the list is empty; name a file, a folder, a URL or builtin:en")
    return sources


def open_records(
    file: IO[bytes], shown: str, wanted: str = "auto", known: Collection[str] = ()
) -> tuple[str, Iterator[Record]]:
    """What the file is (``json``, ``jsonl``, ``csv``, ``parquet``) and its records; ``wanted`` may force the last two.

    ``known``: columns in lower case, each of which makes a CSV file readable, besides those that a layout has.

    Raises:
        SeedError: the file is empty, not UTF-8, broken, or of no known kind; also while records are drawn.
    """
    buffered = unpacked(io.BufferedReader(cast(io.RawIOBase, file)))
    head = buffered.peek(4)[:4]
    if not head:
        raise SeedError(f"{shown}: is empty; give a file with at least one record")
    if head.startswith(b"PK\x03\x04"):
        raise SeedError(f"{shown}: is a zip archive or a spreadsheet; unpack it, or save it as CSV")
    if wanted == "parquet" or head == b"PAR1":
        return "parquet", _parquet(buffered, shown)
    lines = _lines(buffered, shown)
    top = _top(lines)
    container = "csv" if wanted == "csv" else _text_container(top)
    if container == "csv":
        return container, _csv(chain(top, lines), shown, frozenset(known))
    return container, _TEXT_READERS[container](chain(top, lines), shown)


def _find(path: str) -> list[Source]:
    if path.startswith(_BUILTIN):
        return [_builtin(path)]
    if "://" in path:
        return _remote(path)
    local = Path(path).expanduser()
    if local.is_dir():
        files = sorted(file for file in local.rglob("*") if file.is_file() and _is_seed_file(file.relative_to(local)))
        if not files:
            raise _no_seed_file(path)
        return [
            Source(file.relative_to(local).as_posix(), str(Path(path) / file.relative_to(local)), _opener(file))
            for file in files
        ]
    if _is_pattern(path) and not local.exists():
        top = Path(local.anchor)
        found = sorted(each for each in top.glob(str(local.relative_to(top))) if each.is_file())
        return _named([str(each) for each in found], [str(each) for each in found], open, path)
    return [Source(local.name, path, _opener(local))]


def _is_pattern(path: str) -> bool:
    return glob.has_magic(path)


def _named(files: Sequence[str], shown: Sequence[str], opener: Callable[..., Any], pattern: str) -> list[Source]:
    """The files that a pattern has found.

    Raises:
        SeedError: it has found none.
    """
    if not files:
        raise SeedError(f"{pattern}: no file is named so; check the pattern")
    return [Source(Path(file).name, each, partial(opener, file, "rb")) for file, each in zip(files, shown, strict=True)]


def _opener(file: Traversable) -> Callable[[], IO[bytes]]:
    return lambda: file.open("rb")


def _builtin(path: str) -> Source:
    folder = resources.files("recipes") / "seeds"
    known = sorted(file.name.removesuffix(".jsonl") for file in folder.iterdir() if file.name.endswith(".jsonl"))
    language = path.removeprefix(_BUILTIN)
    if language not in known:
        there = ", ".join(_BUILTIN + name for name in known)
        raise SeedError(f"seeds.path: {path!r} does not come with the program; there are {there}")
    file = folder / f"{language}.jsonl"
    return Source(path, path, _opener(file))


def _remote(url: str) -> list[Source]:
    shown = re.sub(r"^([^?#]*?://)(?:[^/@]*@)?([^?#]*).*$", r"\1\2", url, flags=re.DOTALL)
    try:
        system, path = fsspec.core.url_to_fs(url)
        # Web servers have no folders: asking for one would download the page.
        is_folder = not url.startswith(("http://", "https://")) and system.isdir(path)
        is_pattern = not is_folder and not url.startswith(("http://", "https://")) and _is_pattern(path)
        files = sorted(system.find(path)) if is_folder else sorted(system.glob(path)) if is_pattern else [path]
    except Exception as error:  # any fsspec backend, each with errors of its own
        raise SeedError(
            f"{shown}: cannot be opened ({_cause(error)}); check the URL, and that its fsspec backend is installed"
        ) from error
    if is_pattern:
        return _named(files, [f"{shown.split('://')[0]}://{file}" for file in files], system.open, shown)
    if not is_folder:
        return [Source(shown.rstrip("/").rsplit("/", 1)[-1], shown, partial(system.open, path, "rb"))]
    names = {file: file.removeprefix(path).strip("/") for file in files}
    names = {file: name for file, name in names.items() if _is_seed_file(Path(name))}
    if not names:
        raise _no_seed_file(shown)
    folder = shown.rstrip("/")
    return [Source(name, f"{folder}/{name}", partial(system.open, file, "rb")) for file, name in names.items()]


def _is_seed_file(path: Path) -> bool:
    name = path.name.lower()
    for suffix in _COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name.endswith(SUFFIXES) and not any(part.startswith(".") for part in path.parts)


def _no_seed_file(folder: str) -> SeedError:
    return SeedError(
        f"{folder}: this folder holds no file of records; put one in it that ends in {', '.join(SUFFIXES)}"
    )


def _cause(error: Exception) -> str:
    # Not its text: that of a URL may hold a login or a signature.
    return getattr(error, "strerror", None) or type(error).__name__


def unpacked(file: io.BufferedReader) -> io.BufferedReader:
    """The file without its compression, if it has one."""
    head = file.peek(8)[:8]
    for start, unpack in _UNPACK.items():
        if head.startswith(start):
            return io.BufferedReader(unpack(file))
    return file


def _lines(file: Iterable[bytes], shown: str) -> Iterator[str]:
    """The lines of a UTF-8 file, with their ends."""
    offset = 0
    for number, line in enumerate(file, start=1):
        start = len(BOM) if number == 1 and line.startswith(BOM) else 0
        try:
            yield line[start:].decode("utf-8")
        except UnicodeDecodeError as error:
            at = start + error.start
            raise SeedError(
                f"{shown}: line {number}, byte {offset + at}: 0x{line[at]:02x} is not UTF-8;"
                " save the file as UTF-8 (iconv does it)"
            ) from None
        offset += len(line)


def _top(lines: Iterator[str]) -> list[str]:
    """The first lines, up to the third that is not empty."""
    top: list[str] = []
    filled = 0
    for line in lines:
        top.append(line)
        filled += bool(line.strip())
        if filled == _HEAD_LINES:
            break
    return top


def _text_container(top: Sequence[str]) -> str:
    """``jsonl`` if one of the first lines is an object, ``json`` if the text only begins like JSON, or ``csv``."""
    filled = [line.rstrip() for line in top if line.strip()]
    if not filled:
        return "jsonl"
    if filled[0].lstrip().startswith("["):
        return "json"
    # In an object over several lines, the inner ones are indented or begin with a quote.
    if any(line.startswith("{") and isinstance(_json_line(line), dict) for line in filled):
        return "jsonl"
    if filled[0].lstrip().startswith("{"):
        return "jsonl" if any(line.startswith("{") for line in filled[1:]) else "json"
    return "csv"


def _json_line(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return BadRecord("bad_json")


def _json_lines(lines: Iterator[str], shown: str) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _json_line(line)


def _json_document(lines: Iterator[str], shown: str) -> Iterator[Record]:
    """The elements of a list, or objects that follow each other. They are given out as far as the text is whole."""
    text = _Window(lines)
    text.read()
    in_list = text.take("[")
    count = 0
    try:
        while not text.ended() or in_list:
            if in_list and text.take("]"):
                break
            value = text.value()
            count += 1
            yield count, value
            if in_list and not text.take(",") and not text.at("]"):
                raise json.JSONDecodeError("no comma, and no end of the list", text.text, text.position)
    except (ValueError, RecursionError) as error:
        raise _broken_json(shown, text, error, count) from None


class _Window:
    """A JSON text of which only a part is in memory: from the value that is read now on."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.text = ""
        self.position = 0
        self.lines_before = 0
        self._lines = lines
        self._decoder = json.JSONDecoder()

    def read(self) -> bool:
        """Drop what was read, and take in more: as much again as is there, so that a long value is tried few times."""
        self.lines_before += self.text.count("\n", 0, self.position)
        kept = self.text[self.position :]
        parts, wanted = [kept], max(_WINDOW, len(kept))
        while wanted > 0 and (line := next(self._lines, "")):
            parts.append(line)
            wanted -= len(line)
        self.text, self.position = "".join(parts), 0
        return len(parts) > 1

    def ended(self) -> bool:
        """Whether nothing but white space is left."""
        while True:
            found = _SPACE.match(self.text, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.text):
                return False
            if not self.read():
                return True

    def at(self, mark: str) -> bool:
        """Whether ``mark`` comes next."""
        return not self.ended() and self.text.startswith(mark, self.position)

    def take(self, mark: str) -> bool:
        """Step over ``mark`` if it comes next."""
        found = self.at(mark)
        self.position += found
        return found

    def value(self) -> object:
        """The next value.

        Raises:
            ValueError: there is none that is whole.
        """
        self.ended()
        while True:
            try:
                value, end = self._decoder.raw_decode(self.text, self.position)
            except ValueError:
                if not self.read():
                    raise
                continue
            if end == len(self.text) and self.read():
                continue  # a number may go on
            self.position = end
            return value


def _broken_json(shown: str, text: _Window, error: Exception, count: int) -> SeedError:
    line = text.lines_before + text.text.count("\n", 0, getattr(error, "pos", text.position)) + 1
    what = error.msg if isinstance(error, json.JSONDecodeError) else "too deep"
    whole = f"{count} whole record{'s' * (count != 1)}"
    return SeedError(f"{shown}: line {line}: broken JSON ({what}), after {whole}; repair it there, or cut the file off")


def _csv(lines: Iterator[str], shown: str, known: frozenset[str]) -> Iterator[Record]:
    """The rows under a header, as dictionaries; a row's number is that of its first line."""
    header_line = next((line for line in lines if line.strip()), "")
    delimiter = max(DELIMITERS, key=lambda each: _known_columns(header_line, each, known))
    if not _known_columns(header_line, delimiter, known):
        shown_line = header_line.strip()[:_SHOWN_LINE]
        raise SeedError(
            f"{shown}: line 1: {shown_line!r} is neither JSON nor the header of a CSV file with a known column;"
            f" expected {EXPECTED}"
        )
    header = next(csv.reader([header_line], delimiter=delimiter))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    first = 2
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end" in str(error) or "field limit" in str(error):
                raise SeedError(
                    f"{shown}: line {first}: a quote is opened here and not closed; close it, or double a quote"
                    " that is meant as one"
                ) from None
            yield first, BadRecord("bad_csv")
        else:
            if cells:
                yield first, _csv_row(header, cells)
        first = reader.line_num + 2


def _csv_row(header: Sequence[str], cells: Sequence[str]) -> object:
    if len(cells) > len(header):
        return BadRecord("too_many_columns")
    return dict(zip(header, cells, strict=False))


def _known_columns(header: str, delimiter: str, known: frozenset[str]) -> int:
    """How many columns a layout, or the user, knows; 0 if none of them says what is asked."""
    names = {name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])}
    return len(names & (KNOWN | known)) if names & {*INSTRUCTION, *known} else 0


def _parquet(file: io.BufferedReader, shown: str) -> Iterator[Record]:
    content = io.BytesIO(file.read())
    try:
        names = list(pl.read_parquet_schema(content))
        # Other columns, such as embeddings, may be far larger than the text.
        known = [name for name in names if name.strip().lower() in KNOWN]
        frame = pl.read_parquet(content, columns=known or names)
    except pl.exceptions.PolarsError:
        raise SeedError(f"{shown}: is not a whole Parquet file; get it again, or leave out `format`") from None
    yield from enumerate(frame.iter_rows(named=True), start=1)


_TEXT_READERS: dict[str, Callable[[Iterator[str], str], Iterator[Record]]] = {
    "jsonl": _json_lines,
    "json": _json_document,
}
