"""Texts as sets of n-gram hashes, a whole shard at once.

Not a sketch: the sets are exact up to 32-bit hash collisions (about one pair in four thousand million), so that a
Jaccard similarity computed on them is the true one. The hashes are the same on every machine and in every process,
which Python's own ``hash`` of a string is not.

A text shorter than the n-gram is one shingle, the whole text; otherwise all short texts would have the same, empty
set and look alike (text-dedup issue 77, bigcode-dataset issue 35). An empty text has the empty set.

Source: A. Broder, "On the resemblance and containment of documents", 1997.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Fills a short text up to one n-gram; a code point that no text holds.
_PAD = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Sets:
    """One set of hashes a text, end to end: set ``i`` is ``hashes[offsets[i]:offsets[i + 1]]``, sorted."""

    hashes: np.ndarray
    """uint32."""
    offsets: np.ndarray
    """int64, one more than there are sets."""

    def __getitem__(self, index: int) -> np.ndarray:
        found: np.ndarray = self.hashes[self.offsets[index] : self.offsets[index + 1]]
        return found

    def __len__(self) -> int:
        return len(self.offsets) - 1


def characters(texts: Sequence[str], n: int) -> Sets:
    """The sets of character n-grams."""
    padded = [text.ljust(n, _PAD) if text else "" for text in texts]
    # utf-32 gives one integer a character, also for lone surrogates, and one call does the whole shard.
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    owner = np.repeat(np.arange(len(padded)), [len(text) for text in padded])
    return _sets(len(padded), [_windows(codes, owner, n)])


def words(texts: Sequence[Sequence[str]], sizes: Sequence[int]) -> Sets:
    """The sets of token n-grams, for all ``n`` in ``sizes`` together."""
    shortest = min(sizes)
    padded = [[*text, *[_PAD] * (shortest - len(text))] if text else [] for text in texts]
    flat = [zlib.crc32(token.encode("utf-8", "surrogatepass")) for text in padded for token in text]
    codes = np.array(flat, dtype=np.uint64)
    owner = np.repeat(np.arange(len(padded)), [len(text) for text in padded])
    return _sets(len(padded), [_windows(codes, owner, n) for n in sizes])


def join(parts: Sequence[tuple[Sequence[int], Sets]], count: int) -> Sets:
    """``count`` sets in order, from parts that each hold the sets of the given places."""
    placed: list[np.ndarray] = [np.zeros(0, dtype=np.uint32)] * count
    for places, sets in parts:
        for index, place in enumerate(places):
            placed[place] = sets[index]
    offsets = np.concatenate(([0], np.cumsum([len(hashes) for hashes in placed], dtype=np.int64)))
    return Sets(np.concatenate([np.zeros(0, dtype=np.uint32), *placed]), offsets)


def jaccards(query: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """The exact Jaccard similarity of ``query`` to each of ``others``; of two empty sets it is 0."""
    sizes = np.array([len(other) for other in others], dtype=np.int64)
    if not len(query) or not sizes.sum():
        return np.zeros(len(others))
    flat = np.concatenate(others)
    found = query[np.minimum(np.searchsorted(query, flat), len(query) - 1)] == flat
    ends = np.cumsum(sizes)
    running = np.concatenate(([0], np.cumsum(found)))
    common = running[ends] - running[ends - sizes]
    similar: np.ndarray = common / (len(query) + sizes - common)
    return similar


def _windows(codes: np.ndarray, owner: np.ndarray, n: int) -> np.ndarray:
    """One key a window of ``n`` codes that lies within one text: the text above, 32 bits of hash below."""
    count = max(len(codes) - n + 1, 0)
    mixed = np.full(count, n, dtype=np.uint64)
    for place in range(n):
        mixed = _mix(mixed ^ codes[place : place + count])
    within = owner[:count] == owner[n - 1 : n - 1 + count]
    high = owner[:count].astype(np.uint64) << np.uint64(32)
    keys: np.ndarray = (high | (mixed >> np.uint64(32)))[within]
    return keys


def _mix(value: np.ndarray) -> np.ndarray:
    """The finaliser of MurmurHash3 (public domain), 64 bits, with a step so that 0 does not stay 0."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    mixed: np.ndarray = value ^ (value >> np.uint64(33))
    return mixed


def _sets(count: int, keys: Sequence[np.ndarray]) -> Sets:
    unique = np.unique(np.concatenate(keys))
    bounds = np.arange(count + 1, dtype=np.uint64) << np.uint64(32)
    return Sets((unique & np.uint64(0xFFFFFFFF)).astype(np.uint32), np.searchsorted(unique, bounds).astype(np.int64))
