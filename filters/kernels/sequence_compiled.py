"""Longest common subsequences of token sequences, bit-parallel, and the prefixes that find sequences alike.

A query is cut into blocks of 64 tokens. For each block a small table tells at which of its places a token stands, as
the bits of a word; one pass over the other sequence then moves 64 columns of the usual matrix at once, with a carry
from block to block.

Sources: H. Hyyro, "Bit-parallel LCS-length computation revisited", 2004; the prefix filter of S. Chaudhuri, V. Ganti
and R. Kaushik, "A primitive operator for similarity joins", ICDE 2006.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, uint32, uint64

from filters.kernels.text_compiled import mix

_SLOTS = 128
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)


class Query(NamedTuple):
    """Room for one sequence, to be compared with many."""

    tokens: np.ndarray
    """uint64 (blocks, 128): which token's places a slot has."""
    places: np.ndarray
    """uint64 (blocks, 128): the token's places in the block, as bits; 0: the slot is free."""
    carries: np.ndarray
    """uint8, one a token of the other sequence."""


def query_room(longest: int, longest_other: int) -> Query:
    """Room for a query of ``longest`` tokens, and others of ``longest_other``."""
    shape = (max(1, -(-longest // 64)), _SLOTS)
    return Query(np.zeros(shape, np.uint64), np.zeros(shape, np.uint64), np.zeros(max(1, longest_other), np.uint8))


@njit(cache=True, nogil=True)
def load_query(room, words, begin, stop):  # type: ignore[no-untyped-def]
    """Make ``words[begin:stop]`` the query."""
    for block in range((stop - begin + 63) // 64):
        tokens, places = room.tokens[block], room.places[block]
        for slot in range(_SLOTS):
            places[slot] = uint64(0)
        first = begin + 64 * block
        for place in range(first, min(stop, first + 64)):
            slot = words[place] & uint64(_SLOTS - 1)
            while places[slot] != 0 and tokens[slot] != words[place]:
                slot = (slot + uint64(1)) & uint64(_SLOTS - 1)
            tokens[slot] = words[place]
            places[slot] |= uint64(1) << uint64(place - first)


@njit(cache=True, nogil=True)
def common(room, length, words, begin, stop):  # type: ignore[no-untyped-def]
    """The length of the longest common subsequence of the query, of ``length`` tokens, and ``words[begin:stop]``."""
    found = 0
    blocks = (length + 63) // 64
    if blocks > 1:
        for place in range(stop - begin):
            room.carries[place] = 0
    for block in range(blocks):
        tokens, places = room.tokens[block], room.places[block]
        state = _FULL
        for place in range(begin, stop):
            slot = words[place] & uint64(_SLOTS - 1)
            while places[slot] != 0 and tokens[slot] != words[place]:
                slot = (slot + uint64(1)) & uint64(_SLOTS - 1)
            hit = places[slot]
            matched = state & hit
            moved = state + matched
            if blocks > 1:
                carry = uint64(room.carries[place - begin])
                carried = moved + carry
                room.carries[place - begin] = 1 if moved < state or carried < moved else 0
                moved = carried
            state = moved | (state & ~hit)
        left = length - 64 * block
        missing = ~state if left >= 64 else ~state & ((uint64(1) << uint64(left)) - uint64(1))
        found += ones(missing)
    return found


@njit(cache=True, inline="always")
def ones(value):  # type: ignore[no-untyped-def]
    """How many bits are set."""
    value = value - ((value >> uint64(1)) & uint64(0x5555555555555555))
    value = (value & uint64(0x3333333333333333)) + ((value >> uint64(2)) & uint64(0x3333333333333333))
    value = (value + (value >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((value * uint64(0x0101010101010101)) >> uint64(56))


@njit(cache=True, nogil=True)
def summary(words, begin, stop):  # type: ignore[no-untyped-def]
    """A word with a bit for each token: tokens of one sequence whose bits another lacks are not in that."""
    found = uint64(0)
    for place in range(begin, stop):
        found |= uint64(1) << (words[place] >> uint64(58))
    return found


@njit(cache=True, nogil=True)
def prefix(words, begin, stop, group, share, frequencies, keys, order):  # type: ignore[no-untyped-def]
    """The rarest elements of the bag ``words[begin:stop]`` into ``keys``; how many there are.

    Two bags of which ``share`` of the larger is common have one of these in common. An element is a token with the
    number of its occurrence and its ``group``; ``order`` is room for twice the tokens.
    """
    length = stop - begin
    if length == 0:
        return 0
    sorted_tokens, ranked = order[:length], order[length : 2 * length]
    for place in range(length):
        sorted_tokens[place] = words[begin + place]
    sort(sorted_tokens)
    occurrence = uint64(0)
    mask = uint64(frequencies.size - 1)
    for place in range(length):
        token = sorted_tokens[place]
        occurrence = occurrence + uint64(1) if place > 0 and token == sorted_tokens[place - 1] else uint64(0)
        key = mix(token ^ mix(group + occurrence)) >> uint64(32)
        ranked[place] = (uint64(frequencies[token & mask]) << uint64(32)) | key
    sort(ranked)
    count = length - int(np.ceil(share * length - 1e-9)) + 1
    for place in range(count):
        keys[place] = uint32(ranked[place] & uint64(0xFFFFFFFF))
    return count


@njit(cache=True, inline="always")
def length_class(length):  # type: ignore[no-untyped-def]
    """Sequences of about one length have one class: up to 31 tokens each length, then eight classes to the doubling."""
    if length < 32:
        return np.int64(length)
    exponent = 5
    while length >> (exponent + 1):
        exponent += 1
    return np.int64(32 + 8 * (exponent - 5) + ((length >> (exponent - 3)) & 7))


@njit(cache=True, inline="always")
def shortest_of(kind):  # type: ignore[no-untyped-def]
    """The least length of a class."""
    if kind < 32:
        return np.int64(kind)
    return np.int64((8 + (kind & 7)) << (2 + (kind - 32) // 8))


@njit(cache=True, inline="always")
def of_length(key, kind):  # type: ignore[no-untyped-def]
    """The key of an element in sequences of a class."""
    return uint32(mix((uint64(kind) << uint64(32)) | uint64(key)) >> uint64(32))


@njit(cache=True, nogil=True)
def sort(values):  # type: ignore[no-untyped-def]
    """Shell's sort: nearly as fast as numba's own on texts, and compiled in a tenth of the time."""
    gap = 1
    while gap < values.size // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, values.size):
            value, at = values[place], place
            while at >= gap and values[at - gap] > value:
                values[at] = values[at - gap]
                at -= gap
            values[at] = value
        gap //= 3


@njit(cache=True, nogil=True)
def count_tokens(words, frequencies):  # type: ignore[no-untyped-def]
    """Learn how frequent tokens are; two that share a counter only cost time."""
    mask = uint64(frequencies.size - 1)
    for token in words:
        frequencies[token & mask] += 1
