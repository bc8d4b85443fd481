"""The vectors that an index has accepted: mapped from files where an earlier process saved them, the rest in memory.

A saved row takes 48 bytes of signs, which every search reads, and some 800 of float16 vector and id, which are read
only where the signs let a vector through; the operating system keeps in memory what is read and drops it when memory
is short. Files are never changed: later rows live beside them, and ``save`` writes everything to another folder.

    header.json     what the owner says of the rows, and their number
    codes.npy       signs, (6, rows), uint64
    vectors.npy     (rows, dimension), float16
    squares.npy     squared lengths, float64
    groups.npy      uint64
    ids.npy         all ids in UTF-8, end to end
    id_ends.npy     where each ends, int64
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from filters.nearest import Block, Found, Queries, search
from filters.signs import WORDS, exact, signs
from schemas.errors import CorruptRun

# Rows that memory is asked for at a time; what is not filled yet takes none.
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Signed:
    """Vectors of about unit length, ready to be compared."""

    vectors: np.ndarray
    """(n, dimension), float16."""
    codes: np.ndarray
    """(n, 6), uint64."""
    squares: np.ndarray
    """(n), float64."""
    groups: np.ndarray
    """(n), uint64."""

    @classmethod
    def of(cls, vectors: np.ndarray, groups: np.ndarray) -> Self:
        """Sign ``vectors``, which are made float16 if they are not."""
        halves = vectors.astype(np.float16, copy=False)
        return cls(halves, *signs(halves), groups)

    def part(self, which: np.ndarray | slice) -> "Signed":
        """Some of them."""
        return Signed(self.vectors[which], self.codes[which], self.squares[which], self.groups[which])

    def queries(self) -> Queries:
        """As ``search`` takes them."""
        return Queries(self.codes, exact(self.vectors), self.squares, self.groups)


@dataclass(slots=True)
class _Chunk:
    """Rows in memory, or in files."""

    block: Block
    ids: "list[str] | _Names"
    count: int

    @classmethod
    def empty(cls, dimension: int) -> "_Chunk":
        block = Block(
            np.empty((WORDS, _CHUNK), dtype=np.uint64),
            np.empty((_CHUNK, dimension), dtype=np.float16),
            np.empty(_CHUNK, dtype=np.float64),
            np.empty(_CHUNK, dtype=np.uint64),
        )
        return cls(block, list[str](), 0)

    def fill(self, ids: Sequence[str], rows: Signed) -> int:
        """Take as many rows as there is room for; says how many."""
        taken = min(len(ids), len(self.block.groups) - self.count)
        place = slice(self.count, self.count + taken)
        self.block.codes[:, place] = rows.codes[:taken].T
        self.block.vectors[place] = rows.vectors[:taken]
        self.block.squares[place], self.block.groups[place] = rows.squares[:taken], rows.groups[:taken]
        assert isinstance(self.ids, list), "saved chunks are full"
        self.ids.extend(ids[:taken])
        self.count += taken
        return taken


@dataclass(frozen=True, slots=True)
class _Names(Sequence[str]):
    """Ids in a file."""

    letters: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: Any) -> Any:
        start = self.ends[number - 1] if number else 0
        return self.letters[start : self.ends[number]].tobytes().decode("utf-8", "surrogatepass")


@dataclass(slots=True)
class Vectors:
    """Rows in the order in which they were accepted, and the nearest of them to others."""

    _chunks: list[_Chunk] = field(default_factory=list)
    _firsts: list[int] = field(default_factory=list)
    """The number of each chunk's first row."""

    def __len__(self) -> int:
        return self._firsts[-1] + self._chunks[-1].count if self._chunks else 0

    def add(self, ids: Sequence[str], rows: Signed) -> None:
        """``rows`` are known from now on."""
        while ids:
            full = not self._chunks or self._chunks[-1].count == len(self._chunks[-1].block.groups)
            if full:
                self._append(_Chunk.empty(rows.vectors.shape[1]))
            taken = self._chunks[-1].fill(ids, rows)
            ids, rows = ids[taken:], rows.part(slice(taken, None))

    def nearest(self, rows: Signed, radius: int) -> Found:
        """For each of ``rows`` the nearest known one of its group that differs in ``radius`` bits at most."""
        found, queries = Found.none(len(rows.groups)), rows.queries()
        for first, chunk in zip(self._firsts, self._chunks, strict=True):
            search(chunk.block, chunk.count, first, queries, radius, found)
        return found

    def id(self, number: int) -> str:
        """The id of a known row."""
        place = int(np.searchsorted(self._firsts, number, side="right")) - 1
        return str(self._chunks[place].ids[number - self._firsts[place]])

    def save(self, folder: Path, header: Mapping[str, Any]) -> None:
        """Write all rows into ``folder``, which is there and empty; ``header`` is what ``open`` must be given again."""
        dimension = self._chunks[0].block.vectors.shape[1] if self._chunks else 0
        blocks = [(chunk.block, chunk.count) for chunk in self._chunks]
        # One column after the other, and chunk by chunk: a million rows are not doubled in memory for being written.
        _write(folder / "codes.npy", np.uint64, (WORDS, len(self)), (b.codes[:, :n] for b, n in blocks), axis=1)
        _write(folder / "vectors.npy", np.float16, (len(self), dimension), (b.vectors[:n] for b, n in blocks))
        _write(folder / "squares.npy", np.float64, (len(self),), (b.squares[:n] for b, n in blocks))
        _write(folder / "groups.npy", np.uint64, (len(self),), (b.groups[:n] for b, n in blocks))
        names = [name.encode("utf-8", "surrogatepass") for chunk in self._chunks for name in chunk.ids]
        np.save(folder / "ids.npy", np.frombuffer(b"".join(names), dtype=np.uint8))
        np.save(folder / "id_ends.npy", np.cumsum([len(name) for name in names], dtype=np.int64))
        (folder / "header.json").write_text(json.dumps({**header, "rows": len(self)}, indent=1), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path, header: Mapping[str, Any]) -> Self:
        """What ``save`` wrote with the same ``header``, mapped.

        Raises:
            CorruptRun: the files cannot be read, or were made by another version or with other settings.
        """
        try:
            saved = json.loads((folder / "header.json").read_text(encoding="utf-8"))
            other = sorted(name for name in header if saved.get(name) != header[name])
            if other:
                raise ValueError(f"made with another {other[0]}: {saved.get(other[0])!r}, not {header[other[0]]!r}")
            index = cls()
            if saved["rows"]:
                index._append(_mapped(folder, saved["rows"]))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise CorruptRun(f"{folder}: {error}; delete it, and it is made again from the shards") from error
        return index

    def _append(self, chunk: _Chunk) -> None:
        self._firsts.append(len(self))
        self._chunks.append(chunk)


def _mapped(folder: Path, rows: int) -> _Chunk:
    names = _Names(_load(folder / "ids.npy", np.uint8), _load(folder / "id_ends.npy", np.int64, rows))
    if names.ends[-1] != len(names.letters):
        raise ValueError("ids.npy: other ids than id_ends.npy says")
    block = Block(
        _load(folder / "codes.npy", np.uint64, rows, axis=1),
        _load(folder / "vectors.npy", np.float16, rows),
        _load(folder / "squares.npy", np.float64, rows),
        _load(folder / "groups.npy", np.uint64, rows),
    )
    return _Chunk(block, names, rows)


def _load(path: Path, dtype: Any, rows: int | None = None, axis: int = 0) -> np.ndarray:
    array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != dtype or rows not in (None, array.shape[axis]):
        raise ValueError(f"{path.name}: {array.dtype} {array.shape} is not {np.dtype(dtype)} of {rows} rows")
    return array


def _write(path: Path, dtype: Any, shape: tuple[int, ...], parts: Iterator[np.ndarray], axis: int = 0) -> None:
    if 0 in shape:  # nothing to map
        np.save(path, np.zeros(shape, dtype=dtype))
        return
    whole = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    start = 0
    for part in parts:
        end = start + part.shape[axis]
        whole[(slice(None),) * axis + (slice(start, end),)] = part
        start = end
    whole.flush()
