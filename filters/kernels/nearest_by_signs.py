"""The scan of ``filters.nearest`` in machine code: all codes, and the vectors that they do not rule out.

Written for the compiler: the innermost loops become vector instructions, eight codes at a time where the processor
counts bits in vectors (some two thousand million pairs a second on one such core).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

# Codes compared with one query before the next query takes its turn: 96 kB, which stay in the core's cache.
_TILE = 2048

_1, _2, _4, _56 = np.uint64(1), np.uint64(2), np.uint64(4), np.uint64(56)
_PAIRS, _FOURS = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
_EIGHTS, _BYTES = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)

# A float16's bits, moved to where a float32 has them, are its value times 2⁻¹¹² (subnormals too). A power of two costs
# no exactness.
_UNSCALE = 2.0**112


def _compiled(**options: Any) -> Callable[[Any], Any]:
    """As ``njit``, with the machine code kept beside this file or in the user's cache, if either can be written."""

    def compiled(function: Any) -> Any:
        try:
            return njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:  # no such folder: each process compiles anew
            return njit(nogil=True, **options)(function)

    return compiled


@_compiled()
def scan(
    codes: np.ndarray,
    halves: np.ndarray,
    squares: np.ndarray,
    groups: np.ndarray,
    count: int,
    first: int,
    query_codes: np.ndarray,
    query_vectors: np.ndarray,
    query_squares: np.ndarray,
    query_groups: np.ndarray,
    radius: int,
    cosines: np.ndarray,
    numbers: np.ndarray,
) -> None:
    """Improve ``cosines`` and ``numbers``, one a query.

    Arguments as in ``filters.nearest``; ``halves`` are the bits of the float16 vectors, as uint16.
    """
    differing = np.empty(_TILE, dtype=np.uint16)
    room = np.empty(halves.shape[1], dtype=np.uint32)
    for start in range(0, count, _TILE):
        end = min(start + _TILE, count)
        for query in range(len(query_groups)):
            if _count_bits(codes, start, end, query_codes[query], differing) > radius:
                continue
            for place in range(start, end):
                if differing[place - start] <= radius and groups[place] == query_groups[query]:
                    dot = _dot(halves[place], query_vectors[query], room)
                    cosine = dot / np.sqrt(query_squares[query] * squares[place])
                    if cosine > cosines[query]:
                        cosines[query] = cosine
                        numbers[query] = first + place


@_compiled()
def _popcount(word: np.uint64) -> np.uint64:
    """The bits set in a word. LLVM knows the pattern, and makes one instruction of it where there is one."""
    word = word - ((word >> _1) & _PAIRS)
    word = (word & _FOURS) + ((word >> _2) & _FOURS)
    return (((word + (word >> _4)) & _EIGHTS) * _BYTES) >> _56


@_compiled()
def _count_bits(codes: np.ndarray, start: int, end: int, query: np.ndarray, differing: np.ndarray) -> int:
    """In how many bits each code differs from the query's; returns the fewest."""
    c0, c1, c2 = codes[0, start:end], codes[1, start:end], codes[2, start:end]
    c3, c4, c5 = codes[3, start:end], codes[4, start:end], codes[5, start:end]
    q0, q1, q2, q3, q4, q5 = query[0], query[1], query[2], query[3], query[4], query[5]
    fewest = np.uint64(1 << 16)
    for place in range(end - start):
        low = _popcount(c0[place] ^ q0) + _popcount(c1[place] ^ q1) + _popcount(c2[place] ^ q2)
        high = _popcount(c3[place] ^ q3) + _popcount(c4[place] ^ q4) + _popcount(c5[place] ^ q5)
        differing[place] = low + high
        fewest = min(fewest, low + high)
    return int(fewest)


# Sums may be taken in any order, since these come out exact in any (see filters.signs.exact).
@_compiled(fastmath={"reassoc"})
def _dot(halves: np.ndarray, query: np.ndarray, room: np.ndarray) -> float:
    for place in range(len(halves)):
        bits = np.uint32(halves[place])
        room[place] = ((bits & np.uint32(0x7FFF)) << np.uint32(13)) | ((bits & np.uint32(0x8000)) << np.uint32(16))
    values = room.view(np.float32)
    total = 0.0
    for place in range(len(halves)):
        total += np.float64(values[place]) * query[place]
    return total * _UNSCALE
