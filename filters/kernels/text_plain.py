"""Text kernels in numpy: many texts at once, and no compiler.

Texts and sets lie end to end: number ``i`` is ``points[starts[i]:starts[i + 1]]``. ``flags`` are those of
``codepoints``. All hashes are polynomials modulo 2**64 in an odd base, finished by ``mix``: they can be rolled along a
text one character at a time, and worked out from running sums as well.
"""

from functools import cache

import numpy as np

from filters.codepoints import ALONE, BANG, BETWEEN, ENGLISH, FORMAL, LETTER, PART_OF_WORD, SPACE, STOP

_P = np.uint64(0x9E3779B97F4A7C15)
_ONE, _HALF = np.uint64(1), np.uint64(32)
# Fills a short text up to one n-gram; a code point that no text holds.
_PAD = 0x10FFFF
_UNDERSCORE = 95
# Shingles at a time in ``minhashes``: what fits the processor's cache.
_CHUNK = 65536


def mix(value: np.ndarray) -> np.ndarray:
    """The finaliser of MurmurHash3 (public domain), 64 bits."""
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    value = (value ^ (value >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    mixed: np.ndarray = value ^ (value >> np.uint64(33))
    return mixed


def fold(
    points: np.ndarray, starts: np.ndarray, flags: np.ndarray, blank: int, gone: int
) -> tuple[np.ndarray, np.ndarray]:
    """The texts with each run of ``blank`` characters as one space, none at their ends, and without ``gone`` ones."""
    kinds, owner = flags[points], _owners(starts)
    kept = np.flatnonzero((kinds & (blank | gone)) == 0)
    blanks = np.cumsum((kinds & blank) != 0)
    gap = np.zeros(len(kept), dtype=bool)
    if len(kept):
        gap[1:] = (blanks[kept[1:]] != blanks[kept[:-1]]) & (owner[kept[1:]] == owner[kept[:-1]])
    places = np.arange(len(kept)) + np.cumsum(gap)
    out = np.full(len(kept) + int(gap.sum()), 32, dtype=np.uint32)
    out[places] = points[kept]
    lengths = np.bincount(owner[kept], minlength=len(starts) - 1) + np.bincount(
        owner[kept[gap]], minlength=len(starts) - 1
    )
    return out, _starts(lengths)


def sentence_ends(points: np.ndarray, starts: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Where each text ends without the mark that ends its last sentence; a text of such marks keeps them.

    Behind a number or a variable "!" is a factorial, not an ending.
    """
    kinds = flags[points]
    marked = _run_before(kinds, starts, STOP | BANG | SPACE)
    plain = _run_before(kinds, starts, STOP | SPACE)
    letters = (kinds & LETTER) != 0
    two = np.zeros(len(marked), dtype=bool)
    long_enough = marked - starts[:-1] >= 2
    ends_at = marked[long_enough]
    two[long_enough] = letters[ends_at - 1] & letters[ends_at - 2]
    cut = np.where(two, marked, plain)
    ends: np.ndarray = np.where(cut > starts[:-1], cut, starts[1:])
    return ends


def _run_before(kinds: np.ndarray, starts: np.ndarray, bits: int) -> np.ndarray:
    """Where the run of characters of these kinds begins that ends each text."""
    others = np.concatenate(([-1], np.flatnonzero((kinds & bits) == 0)))
    last = others[np.searchsorted(others, starts[1:]) - 1]
    begins: np.ndarray = np.maximum(last + 1, starts[:-1])
    return begins


def hashes(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each text, up to its end."""
    within = np.arange(len(points)) - np.repeat(starts[:-1], np.diff(starts))
    sums = _sums((points.astype(np.uint64) + _ONE) * _powers(int(within.max(initial=0)) + 1)[within])
    return mix(sums[ends] - sums[starts[:-1]])


def formal(points: np.ndarray, starts: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Whether a text may have a calculation in it: false means that ``text.calculation`` finds none."""
    kinds, owner = flags[points], _owners(starts)
    english = ((kinds & ENGLISH) != 0) | (points == _UNDERSCORE)
    same = owner[1:] == owner[:-1]
    behind = np.zeros(len(points), dtype=bool)
    before_that = np.zeros(len(points), dtype=bool)
    before_that[2:] = english[:-2] & same[1:] & same[:-1]
    letter = ((kinds & LETTER) != 0)[:-1] & same
    behind[1:] = letter & (((kinds & ENGLISH) == 0)[:-1] | before_that[1:])
    hit = ((kinds & FORMAL) != 0) | (((kinds & BETWEEN) != 0) & ~behind)
    found = np.zeros(len(starts) - 1, dtype=bool)
    found[owner[hit]] = True
    return found


def tokens(
    points: np.ndarray, starts: np.ndarray, flags: np.ndarray, english: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The hash of each token, where each text's tokens start, and how many of them stand alone (Chinese).

    A text that is ``english`` is cut as English, unless that leaves nothing of it.
    """
    kinds, owner = flags[points], _owners(starts)
    some = np.zeros(len(starts) - 1, dtype=bool)
    some[owner[(kinds & (ENGLISH | ALONE)) != 0]] = True
    bits = np.where(english & some, ENGLISH, PART_OF_WORD).astype(np.uint16)
    alone = (kinds & ALONE) != 0
    word = ((kinds & bits[owner]) != 0) & ~alone
    border = np.ones(len(points) + 1, dtype=bool)
    border[1:-1] = (owner[1:] != owner[:-1]) | ~(word[1:] & word[:-1])
    begins = np.flatnonzero((word | alone) & border[:-1])
    ends = np.flatnonzero((word | alone) & border[1:]) + 1
    sums = _sums((points.astype(np.uint64) + _ONE) * _powers(len(points)))
    found = mix((sums[ends] - sums[begins]) * _powers(len(points), inverse=True)[begins])
    counts = np.bincount(owner[begins], minlength=len(starts) - 1)
    single = np.bincount(owner[alone], minlength=len(starts) - 1)
    return found, _starts(counts), single


def character_sets(points: np.ndarray, starts: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The set of character n-grams of each text, as 32-bit hashes; a shorter text is one n-gram, an empty one none."""
    padded, padded_starts = _padded(points.astype(np.uint64), starts, n, np.uint64(_PAD))
    return _sets(padded_starts, [_windows(padded + _ONE, padded_starts, n)])


def token_sets(found: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The set of token n-grams of each text, of all ``sizes`` together."""
    pad = mix(np.array([_PAD + 1], dtype=np.uint64))[0]
    padded, padded_starts = _padded(found, starts, int(sizes.min()), pad)
    return _sets(padded_starts, [_windows(padded, padded_starts, int(n)) for n in sizes])


def minhashes(sets: np.ndarray, offsets: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The MinHash signature of each set, (sets, permutations) uint32: datasketch's values of its scheme affine32."""
    mixed = sets ^ (sets >> np.uint32(16))
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    found = np.full((len(a), len(offsets) - 1), 0xFFFFFFFF, dtype=np.uint32)
    filled = np.flatnonzero(np.diff(offsets))
    begins, at = offsets[filled], 0
    while at < len(filled):
        end = max(at + 1, int(np.searchsorted(begins, begins[at] + _CHUNK)))
        stop = begins[end] if end < len(filled) else len(mixed)
        part, steps = mixed[begins[at] : stop], begins[at:end] - begins[at]
        for k in range(len(a)):
            found[k, filled[at:end]] = np.minimum.reduceat(part * a[k] + b[k], steps)
        at = end
    return np.ascontiguousarray(found.T)


def band_keys(values: np.ndarray, groups: np.ndarray, bands: int, rows: int) -> np.ndarray:
    """A 32-bit key a band of each signature, (rows, bands); rows of different groups share none but by chance."""
    found = np.empty((len(values), bands), dtype=np.uint32)
    for band in range(bands):
        key = groups + np.array([band + 1], dtype=np.uint64) * _P
        for k in range(band * rows, (band + 1) * rows):
            key = mix(key ^ values[:, k].astype(np.uint64))
        found[:, band] = (key >> _HALF).astype(np.uint32)
    return found


def _owners(starts: np.ndarray) -> np.ndarray:
    """The number of the text that each element is of."""
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def _starts(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)))


def _sums(values: np.ndarray) -> np.ndarray:
    """Running sums modulo 2**64, from 0 on."""
    return np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(values, dtype=np.uint64)))


def _powers(count: int, inverse: bool = False) -> np.ndarray:
    """The powers of the base, or of its inverse, from the zeroth on."""
    return _all_powers(1 << max(count - 1, 0).bit_length(), inverse)[:count]


@cache
def _all_powers(count: int, inverse: bool) -> np.ndarray:
    base = pow(int(_P), -1, 1 << 64) if inverse else int(_P)
    steps = np.full(count, base, dtype=np.uint64)
    steps[:1] = 1
    return np.cumprod(steps, dtype=np.uint64)


def _padded(values: np.ndarray, starts: np.ndarray, least: int, pad: np.uint64) -> tuple[np.ndarray, np.ndarray]:
    """The texts, those that are not empty filled up to ``least`` elements."""
    lengths = np.diff(starts)
    longer = np.where(lengths > 0, np.maximum(lengths, least), 0)
    out_starts = _starts(longer)
    out = np.full(out_starts[-1], pad, dtype=np.uint64)
    out[np.arange(len(values)) + np.repeat(out_starts[:-1] - starts[:-1], lengths)] = values
    return out, out_starts


def _windows(values: np.ndarray, starts: np.ndarray, n: int) -> np.ndarray:
    """One key a window of ``n`` values that lies within one text: the text above, 32 bits of hash below."""
    count, owner = max(len(values) - n + 1, 0), _owners(starts)
    total = np.zeros(count, dtype=np.uint64)
    for place in range(n):
        total = total * _P + values[place : place + count]
    within = owner[:count] == owner[n - 1 : n - 1 + count]
    keys: np.ndarray = (owner[:count].astype(np.uint64) << _HALF | mix(total) >> _HALF)[within]
    return keys


def _sets(starts: np.ndarray, keys: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    unique = np.sort(np.concatenate(keys))  # np.unique hashes, and is thirty times slower
    unique = unique[np.concatenate((np.ones(min(1, len(unique)), dtype=bool), unique[1:] != unique[:-1]))]
    bounds = np.arange(len(starts), dtype=np.uint64) << _HALF
    return (unique & np.uint64(0xFFFFFFFF)).astype(np.uint32), np.searchsorted(unique, bounds).astype(np.int64)
