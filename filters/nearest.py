"""For each query the nearest of many vectors, among those that its signs do not rule out.

Two ways with one result, bit for bit: compiled by numba, and, where numba is not installed, in numpy, which takes some
twenty times as long. Whatever the signs let through is compared exactly.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from filters import kernels
from filters.signs import distances, exact
from filters.workers import available

# Vectors scanned for all queries before the next ones: their codes, 96 kB, stay in the core's cache.
_TILE = 2048

# Pairs of a query and a vector from which it pays to start threads: some 20 ms of one core.
_THREADS_FROM = 50_000_000

# Pairs that numpy compares exactly at once: 12 MB an operand at 384 dimensions.
_PAIRS = 4096


@dataclass(frozen=True, slots=True)
class Block:
    """Vectors side by side, as they are searched."""

    codes: np.ndarray
    """Signs, (6, capacity), uint64: a word of all vectors is in one piece, as the scan reads it."""
    vectors: np.ndarray
    """(capacity, dimension), float16."""
    squares: np.ndarray
    """Squared lengths, (capacity), float64, exact: float16 leaves no vector at exactly 1."""
    groups: np.ndarray
    """(capacity), uint64. Only vectors of one group are compared."""


@dataclass(frozen=True, slots=True)
class Queries:
    """Vectors that look for their nearest."""

    codes: np.ndarray
    """(n, 6), uint64: a query's words are in one piece."""
    vectors: np.ndarray
    """(n, dimension), float64."""
    squares: np.ndarray
    groups: np.ndarray

    def part(self, which: slice) -> "Queries":
        """Some of them."""
        return Queries(self.codes[which], self.vectors[which], self.squares[which], self.groups[which])


@dataclass(frozen=True, slots=True)
class Found:
    """The nearest so far; ``search`` improves it in place."""

    cosines: np.ndarray
    """(n), float64."""
    numbers: np.ndarray
    """(n), int64; -1: none."""

    @classmethod
    def none(cls, queries: int) -> "Found":
        """Before any search."""
        return cls(np.full(queries, -np.inf), np.full(queries, -1, dtype=np.int64))

    def part(self, which: slice) -> "Found":
        """A view of some of it."""
        return Found(self.cosines[which], self.numbers[which])


def search(block: Block, count: int, first: int, queries: Queries, radius: int, found: Found) -> None:
    """Let ``found`` know the first ``count`` vectors of ``block``; they are numbered from ``first``.

    Of equally near vectors the one with the lowest number is found, if blocks are searched in order.
    """
    if not count:
        return
    scan = compiled() or scan_with_numpy
    threads = min(available(), len(queries.groups)) if count * len(queries.groups) >= _THREADS_FROM else 1
    if threads == 1:
        scan(block, count, first, queries, radius, found)
        return
    edges = np.linspace(0, len(queries.groups), threads + 1).astype(int)
    parts = [slice(*edge) for edge in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)]
    with ThreadPoolExecutor(threads) as pool:
        for done in [
            pool.submit(scan, block, count, first, queries.part(part), radius, found.part(part)) for part in parts
        ]:
            done.result()


def scan_with_numpy(block: Block, count: int, first: int, queries: Queries, radius: int, found: Found) -> None:
    """As ``search``, on one core."""
    for start in range(0, count, _TILE):
        end = min(start + _TILE, count)
        seen = distances(queries.codes, block.codes[:, start:end].T) <= radius
        seen &= queries.groups[:, None] == block.groups[None, start:end]
        rows, places = np.nonzero(seen)
        for low in range(0, len(rows), _PAIRS):
            row, place = rows[low : low + _PAIRS], places[low : low + _PAIRS] + start
            dots = np.einsum("ij,ij->i", queries.vectors[row], exact(block.vectors[place]))
            _improve(found, row, place + first, dots / np.sqrt(queries.squares[row] * block.squares[place]))


def _improve(found: Found, rows: np.ndarray, numbers: np.ndarray, cosines: np.ndarray) -> None:
    """Take the highest cosine of each row, of equal ones the first, where it is above what was found before."""
    order = np.lexsort((numbers, -cosines, rows))
    rows, first = np.unique(rows[order], return_index=True)
    best, number = cosines[order][first], numbers[order][first]
    above = best > found.cosines[rows]
    found.cosines[rows[above]], found.numbers[rows[above]] = best[above], number[above]


@cache
def compiled() -> Callable[[Block, int, int, Queries, int, Found], None] | None:
    """The scan in machine code; None where numba is not installed. The first call compiles for some seconds."""
    if not kernels.compiled():
        return None
    # Imported here, not above: numba takes a quarter of a second, and listing the filters must stay cheap.
    from filters.kernels.nearest_by_signs import scan

    kernel: Any = scan

    def scan_compiled(block: Block, count: int, first: int, queries: Queries, radius: int, found: Found) -> None:
        # float16 goes in as its bits, which numba can read; the rest read-only, so that one kernel fits mapped files.
        stored = [_frozen(each) for each in (block.codes, block.vectors.view(np.uint16), block.squares, block.groups)]
        asked = [_frozen(each) for each in (queries.codes, queries.vectors, queries.squares, queries.groups)]
        kernel(*stored, count, first, *asked, radius, found.cosines, found.numbers)

    return scan_compiled


def _frozen(array: np.ndarray) -> np.ndarray:
    view = np.asarray(array).view()
    view.flags.writeable = False
    return view
