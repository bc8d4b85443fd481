"""Text kernels compiled by numba; what each does stands in ``text_plain``, which gives the same results."""

import numpy as np
from numba import njit, uint32, uint64

# As literals, since a compiled function takes globals as constants; ``text_plain`` has the reasons.
_P = np.uint64(0x9E3779B97F4A7C15)
_PAD = np.uint32(0x10FFFF)
_SPACE, _GONE, _PUNCTUATION, _ENGLISH, _ALONE, _WORD = 1, 2, 4, 8, 16, 32
_LETTER, _FORMAL, _BETWEEN, _STOP, _BANG = 64, 256, 512, 1024, 2048


@njit(cache=True, inline="always")
def mix(value):  # type: ignore[no-untyped-def]
    """The finaliser of MurmurHash3, 64 bits."""
    value ^= value >> uint64(33)
    value *= uint64(0xFF51AFD7ED558CCD)
    value ^= value >> uint64(33)
    value *= uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> uint64(33))


@njit(cache=True, nogil=True)
def fold(points, starts, flags, blank, gone):  # type: ignore[no-untyped-def]
    out, out_starts = np.empty(points.size + 1, np.uint32), np.zeros_like(starts)
    end = 0
    for text in range(starts.size - 1):
        begin, gap = end, False
        for place in range(starts[text], starts[text + 1]):
            kind = flags[points[place]]
            if kind & blank:
                gap = True
            elif not kind & gone:
                if gap and end > begin:
                    out[end] = 32
                    end += 1
                out[end] = points[place]
                end += 1
                gap = False
        out_starts[text + 1] = end
    return out[:end].copy(), out_starts


@njit(cache=True, nogil=True)
def sentence_ends(points, starts, flags):  # type: ignore[no-untyped-def]
    ends = starts[1:].copy()
    for text in range(ends.size):
        begin, plain, marked = starts[text], ends[text], ends[text]
        while marked > begin and flags[points[marked - 1]] & (_STOP | _BANG | _SPACE):
            marked -= 1
        while plain > begin and flags[points[plain - 1]] & (_STOP | _SPACE):
            plain -= 1
        behind_word = marked - begin >= 2 and flags[points[marked - 1]] & flags[points[marked - 2]] & _LETTER
        cut = marked if behind_word else plain
        ends[text] = cut if cut > begin else ends[text]
    return ends


@njit(cache=True, nogil=True)
def hashes(points, starts, ends):  # type: ignore[no-untyped-def]
    found = np.zeros(ends.size, np.uint64)
    for text in range(ends.size):
        total, power = uint64(0), uint64(1)
        for place in range(starts[text], ends[text]):
            total += (uint64(points[place]) + uint64(1)) * power
            power *= _P
        found[text] = mix(total)
    return found


@njit(cache=True, nogil=True)
def formal(points, starts, flags):  # type: ignore[no-untyped-def]
    found = np.zeros(starts.size - 1, np.bool_)
    for text in range(found.size):
        for place in range(starts[text], starts[text + 1]):
            kind = flags[points[place]]
            if kind & _FORMAL or (kind & _BETWEEN and not _behind_word(points, place, starts[text], flags)):
                found[text] = True
                break
    return found


@njit(cache=True, inline="always")
def _behind_word(points, place, begin, flags):  # type: ignore[no-untyped-def]
    """Whether a word of letters ends before ``place``; one Latin letter is none, it may be a variable."""
    if place == begin or not flags[points[place - 1]] & _LETTER:
        return False
    if not flags[points[place - 1]] & _ENGLISH:
        return True
    return place - 1 > begin and (flags[points[place - 2]] & _ENGLISH or points[place - 2] == 95)


@njit(cache=True, nogil=True)
def tokens(points, starts, flags, english):  # type: ignore[no-untyped-def]
    found, offsets = np.empty(points.size, np.uint64), np.zeros_like(starts)
    alone = np.zeros(starts.size - 1, np.int64)
    end = 0
    for text in range(starts.size - 1):
        begin = end
        if english[text]:
            end = _tokens_of(points, starts[text], starts[text + 1], flags, _ENGLISH, found, end, alone, text)
        if end == begin:
            end = _tokens_of(points, starts[text], starts[text + 1], flags, _WORD, found, end, alone, text)
        offsets[text + 1] = end
    return found[:end].copy(), offsets, alone


@njit(cache=True, nogil=True)
def _tokens_of(points, place, stop, flags, word, found, end, alone, text):  # type: ignore[no-untyped-def]
    while place < stop:
        kind = flags[points[place]]
        if kind & _ALONE:
            found[end] = mix(uint64(points[place]) + uint64(1))
            end += 1
            alone[text] += 1
            place += 1
        elif kind & word:
            total, power = uint64(0), uint64(1)
            while place < stop and flags[points[place]] & word and not flags[points[place]] & _ALONE:
                total += (uint64(points[place]) + uint64(1)) * power
                power *= _P
                place += 1
            found[end] = mix(total)
            end += 1
        else:
            place += 1
    return end


@njit(cache=True, inline="always")
def _put(shingle, out, end, table, stamps, stamp):  # type: ignore[no-untyped-def]
    """Append ``shingle`` unless this text has it already."""
    mask = uint32(table.size - 1)
    slot = shingle & mask
    while stamps[slot] == stamp:
        if table[slot] == shingle:
            return end
        slot = (slot + uint32(1)) & mask
    stamps[slot], table[slot], out[end] = stamp, shingle, shingle
    return end + 1


@njit(cache=True, nogil=True)
def _table_size(longest):  # type: ignore[no-untyped-def]
    size = 64
    while size < 2 * longest + 8:
        size *= 2
    return size


@njit(cache=True, nogil=True)
def character_sets(points, starts, n):  # type: ignore[no-untyped-def]
    count = starts.size - 1
    out, offsets = np.empty(points.size + count, np.uint32), np.zeros(count + 1, np.int64)
    size = _table_size(_longest(starts))
    table, stamps = np.empty(size, np.uint32), np.zeros(size, np.int64)
    top = uint64(1)
    for _ in range(n - 1):
        top *= _P
    end = 0
    for text in range(count):
        begin, stop = starts[text], starts[text + 1]
        rolling = uint64(0)
        for place in range(begin, max(stop, begin + n) if stop > begin else begin):
            point = points[place] if place < stop else _PAD
            if place - begin >= n:
                rolling -= (uint64(points[place - n]) + uint64(1)) * top
            rolling = rolling * _P + uint64(point) + uint64(1)
            if place - begin >= n - 1:
                end = _put(uint32(mix(rolling) >> uint64(32)), out, end, table, stamps, text + 1)
        offsets[text + 1] = end
    return out[:end].copy(), offsets


@njit(cache=True, nogil=True)
def _longest(starts):  # type: ignore[no-untyped-def]
    longest = 0
    for text in range(starts.size - 1):
        longest = max(longest, starts[text + 1] - starts[text])
    return longest


@njit(cache=True, nogil=True)
def token_sets(found, starts, sizes):  # type: ignore[no-untyped-def]
    count, least = starts.size - 1, sizes.min()
    out, offsets = np.empty((found.size + count) * sizes.size, np.uint32), np.zeros(count + 1, np.int64)
    size = _table_size(_longest(starts) * sizes.size)
    table, stamps = np.empty(size, np.uint32), np.zeros(size, np.int64)
    pad = mix(uint64(_PAD) + uint64(1))
    end = 0
    for text in range(count):
        begin, stop = starts[text], starts[text + 1]
        stop_padded = max(stop, begin + least) if stop > begin else begin
        for n in sizes:
            for place in range(begin, stop_padded - n + 1):
                total = uint64(0)
                for k in range(place, place + n):
                    total = total * _P + (found[k] if k < stop else pad)
                end = _put(uint32(mix(total) >> uint64(32)), out, end, table, stamps, text + 1)
        offsets[text + 1] = end
    return out[:end].copy(), offsets


@njit(cache=True, nogil=True)
def minhashes(sets, offsets, a, b):  # type: ignore[no-untyped-def]
    found = np.empty((offsets.size - 1, a.size), np.uint32)
    for row in range(offsets.size - 1):
        values = found[row]
        for k in range(a.size):
            values[k] = uint32(0xFFFFFFFF)
        for place in range(offsets[row], offsets[row + 1]):
            value = _mix32(sets[place])
            for k in range(a.size):
                values[k] = min(values[k], uint32(uint32(a[k] * value) + b[k]))
    return found


@njit(cache=True, inline="always")
def _mix32(value):  # type: ignore[no-untyped-def]
    value = uint32(value ^ (value >> uint32(16)))
    value = uint32(value * uint32(0x85EBCA6B))
    value = uint32(value ^ (value >> uint32(13)))
    value = uint32(value * uint32(0xC2B2AE35))
    return uint32(value ^ (value >> uint32(16)))


@njit(cache=True, nogil=True)
def band_keys(values, groups, bands, rows):  # type: ignore[no-untyped-def]
    found = np.empty((values.shape[0], bands), np.uint32)
    for row in range(values.shape[0]):
        for band in range(bands):
            key = groups[row] + uint64(band + 1) * _P
            for k in range(band * rows, (band + 1) * rows):
                key = mix(key ^ uint64(values[row, k]))
            found[row, band] = uint32(key >> uint64(32))
    return found
