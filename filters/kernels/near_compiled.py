"""Rows that are near by wording, among all that were kept: LSH and prefixes propose, exact similarities decide.

A ``Segment`` holds kept rows and three ways to find them: by the hash of the whole row, by the bands of its MinHash
signature, and by the rarest tokens of its text. Two of them are searched: one that was saved by an earlier run, which
nothing changes, and one that grows. What is decided does not depend on which row lies in which.

Tables are open: a key is looked for from its slot on, up to the first free one. Rows with one key hang together by
links, the latest first.
"""

from typing import NamedTuple

import numpy as np
from numba import njit, uint64

from filters.kernels.sequence_compiled import (
    common,
    count_tokens,
    length_class,
    load_query,
    of_length,
    ones,
    prefix,
    shortest_of,
    summary,
)

KEPT, EXACT, NEAR, EMPTY = 0, 1, 2, 3
ROWS, POSTINGS, POSTED_KEYS = 0, 1, 2


class Segment(NamedTuple):
    """Kept rows. Field ``f`` of row ``i`` is number ``i * fields + f`` of ``sets`` and of ``words``."""

    counts: np.ndarray
    """int64: rows, postings, and keys that have postings."""
    groups: np.ndarray
    """uint64, one a row: rows of other groups are never near."""
    set_ends: np.ndarray
    """int64, with a 0 in front."""
    sets: np.ndarray
    """uint32: shingles."""
    word_ends: np.ndarray
    words: np.ndarray
    """uint64: tokens in order."""
    short: np.ndarray
    """bool, one a row: whether it is compared by its words."""
    exact_keys: np.ndarray
    exact_rows: np.ndarray
    """int32; -1 where a slot is free."""
    band_keys: np.ndarray
    """uint32 (bands, slots)."""
    band_rows: np.ndarray
    """int32 (bands, slots): the latest row of a key; -1 where a slot is free."""
    band_links: np.ndarray
    """int32 (rows, bands): the row before with the same key, or -1."""
    post_keys: np.ndarray
    post_heads: np.ndarray
    """int32: the latest posting of a key; -1 where a slot is free."""
    postings: np.ndarray
    """int32 (postings, 4): row, posting before with the same key or -1, the row's tokens, the key's rank among them."""
    summaries: np.ndarray
    """uint64, one a posting: a bit for each of the row's tokens."""
    frequencies: np.ndarray
    """uint32: how frequent tokens were when the order was last learned."""


class Rows(NamedTuple):
    """Rows to be judged, or added."""

    exact: np.ndarray
    groups: np.ndarray
    keys: np.ndarray
    """uint32 (rows, bands)."""
    set_ends: np.ndarray
    sets: np.ndarray
    word_ends: np.ndarray
    words: np.ndarray
    short: np.ndarray


class Rule(NamedTuple):
    """When two rows are near: in each field by shingles or by words."""

    fields: int
    jaccard: float
    """Above 1: shingles are not compared, and ROUGE-L must exceed its threshold."""
    rouge_l: float
    """Above 1: words are not compared."""
    least: float
    """The ROUGE-L from which on a row is looked for; below ``rouge_l`` only where shingles are not compared."""
    rounded: bool
    """Whether F is rounded as ``rouge_score`` does it."""
    share: float
    """The Jaccard similarity that bags of words have at least where ROUGE-L reaches its threshold."""


class Room(NamedTuple):
    """Working memory."""

    table: np.ndarray
    """uint64: the shingles of the row at hand."""
    stamps: np.ndarray
    """int64: of which row a slot is."""
    queries: tuple  # type: ignore[type-arg]
    """One ``Query`` a field, and one for the whole row."""
    keys: np.ndarray
    order: np.ndarray
    marks: np.ndarray
    """int64, one a row of the growing segment: for which row it was last looked at."""
    saved_marks: np.ndarray


class Found(NamedTuple):
    """What is said of each row."""

    verdict: np.ndarray
    row: np.ndarray
    """int64: the nearest kept row, counted through both segments; -1: none."""
    jaccard: np.ndarray
    rouge_l: np.ndarray


@njit(cache=True, nogil=True)
def judge(rows, order, rule, saved, grown, room, found, stamp):  # type: ignore[no-untyped-def]
    """Judge ``rows`` in this ``order``; those that stay join ``grown``, which must have room for all of them."""
    segments = ((saved, room.saved_marks, np.int64(0)), (grown, room.marks, saved.counts[ROWS]))
    for row in order:
        stamp += 1
        if rows.set_ends[row * rule.fields] == rows.set_ends[(row + 1) * rule.fields]:
            found.verdict[row] = EMPTY
            continue
        twin = _twin(saved, rows.exact[row])
        if twin < 0:
            twin = _twin(grown, rows.exact[row])
            twin = twin + saved.counts[ROWS] if twin >= 0 else -1
        if twin >= 0:
            found.verdict[row], found.row[row], found.jaccard[row] = EXACT, twin, 1.0
            continue
        _load(rows, row, rule, room, stamp)
        none, best = (np.float64(-1.0), np.int64(-1)), (np.float64(-1.0), np.int64(-1))
        for segment, marks, shift in segments:
            best = _by_shingles(rows, row, rule, segment, room, stamp, marks, shift, best)
        near = best[0] >= rule.jaccard
        if not near and rule.rouge_l <= 1.0 and rows.short[row]:
            closest = none
            for segment, marks, shift in segments:
                closest = _by_words(rows, row, rule, segment, room, -stamp, marks, shift, closest)
            near = closest[1] >= 0 and (rule.jaccard <= 1.0 or closest[0] > rule.rouge_l)
            best = closest if closest[1] >= 0 else best
        if best[1] >= 0:
            found.row[row] = best[1]
            segment = saved if best[1] < saved.counts[ROWS] else grown
            other = best[1] if best[1] < saved.counts[ROWS] else best[1] - saved.counts[ROWS]
            found.jaccard[row], found.rouge_l[row] = _scores(rows, row, rule, segment, other, room, stamp)
        found.verdict[row] = NEAR if near else KEPT
        if not near:
            _insert(rows, row, rule, grown, room)
    return stamp


@njit(cache=True, nogil=True)
def add(rows, order, rule, grown, room):  # type: ignore[no-untyped-def]
    """Rows that are known to stay join ``grown``."""
    for row in order:
        if rows.set_ends[row * rule.fields] != rows.set_ends[(row + 1) * rule.fields]:
            _insert(rows, row, rule, grown, room)


@njit(cache=True, nogil=True)
def learn_order(segment, rule, room):  # type: ignore[no-untyped-def]
    """Learn anew which tokens are rare, and post all rows by it."""
    for slot in range(segment.post_heads.size):
        segment.post_heads[slot] = -1
    segment.counts[POSTINGS] = segment.counts[POSTED_KEYS] = 0
    rows = segment.counts[ROWS]
    count_tokens(segment.words[: segment.word_ends[rows * rule.fields]], segment.frequencies)
    for row in range(rows):
        if segment.short[row]:
            _post(segment, rule, room, row)


@njit(cache=True, inline="always")
def _slot(key, size):  # type: ignore[no-untyped-def]
    return np.int64(((uint64(key) * uint64(0x9E3779B97F4A7C15)) >> uint64(20)) & uint64(size - 1))


@njit(cache=True, inline="always")
def _find(keys, heads, key):  # type: ignore[no-untyped-def]
    """The slot of ``key``, or the free one where it belongs."""
    slot = _slot(key, keys.size)
    while heads[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & (keys.size - 1)
    return slot


@njit(cache=True, inline="always")
def _twin(segment, key):  # type: ignore[no-untyped-def]
    """The first row with the same text, or -1."""
    return segment.exact_rows[_find(segment.exact_keys, segment.exact_rows, key)]


@njit(cache=True, nogil=True)
def _load(rows, row, rule, room, stamp):  # type: ignore[no-untyped-def]
    """Put the row's shingles into the table, each with its field, and its words into the queries."""
    mask = uint64(room.table.size - 1)
    for field in range(rule.fields):
        number = row * rule.fields + field
        for place in range(rows.set_ends[number], rows.set_ends[number + 1]):
            value = uint64(rows.sets[place]) | (uint64(field) << uint64(32))
            slot = uint64(rows.sets[place]) & mask
            while room.stamps[slot] == stamp:
                slot = (slot + uint64(1)) & mask
            room.stamps[slot], room.table[slot] = stamp, value
    if rule.rouge_l <= 1.0 and rows.short[row]:
        for field in range(rule.fields):
            number = row * rule.fields + field
            load_query(room.queries[field], rows.words, rows.word_ends[number], rows.word_ends[number + 1])
        begin, stop = rows.word_ends[row * rule.fields], rows.word_ends[(row + 1) * rule.fields]
        load_query(room.queries[rule.fields], rows.words, begin, stop)


@njit(cache=True, nogil=True)
def _jaccard(own, sets, begin, stop, field, table, stamps, stamp, least):  # type: ignore[no-untyped-def]
    """Of ``sets[begin:stop]`` and the ``own`` shingles in the table that are of ``field``; of two empty sets 1.

    Where it is below ``least``, -1 may be said instead.
    """
    total = own + stop - begin
    if own == 0 or begin == stop:
        return 1.0 if total == 0 else 0.0
    needed = int(np.ceil(least / (1.0 + least) * total - 1e-9)) if least > 0.0 else 0
    spare = stop - begin - needed
    mask, mark, both = uint64(table.size - 1), uint64(field) << uint64(32), 0
    for place in range(begin, stop):
        value = uint64(sets[place])
        slot = value & mask
        value |= mark
        while stamps[slot] == stamp and table[slot] != value:
            slot = (slot + uint64(1)) & mask
        if stamps[slot] == stamp:
            both += 1
        else:
            spare -= 1
            if spare < 0:
                return -1.0
    return both / (total - both)


@njit(cache=True, nogil=True)
def _by_shingles(rows, row, rule, segment, room, stamp, marks, shift, best):  # type: ignore[no-untyped-def]
    """The row with the highest Jaccard similarity, the lowest of its fields', among those that share a band."""
    for band in range(rows.keys.shape[1] if segment.counts[ROWS] else 0):
        key = rows.keys[row, band]
        other = np.int64(segment.band_rows[band, _find(segment.band_keys[band], segment.band_rows[band], key)])
        while other >= 0:
            if marks[other] != stamp and segment.groups[other] == rows.groups[row]:
                lowest = 1.0
                for field in range(rule.fields):
                    own = rows.set_ends[row * rule.fields + field + 1] - rows.set_ends[row * rule.fields + field]
                    theirs = other * rule.fields + field
                    begin, stop, least = segment.set_ends[theirs], segment.set_ends[theirs + 1], max(best[0], 0.0)
                    similar = _jaccard(own, segment.sets, begin, stop, field, room.table, room.stamps, stamp, least)
                    lowest = min(lowest, similar)
                    if lowest < best[0]:
                        break
                if lowest > best[0] or (lowest == best[0] and other + shift < best[1]):
                    best = (lowest, other + shift)
            marks[other] = stamp
            other = np.int64(segment.band_links[other, band])
    return best


@njit(cache=True, nogil=True)
def _by_words(rows, row, rule, segment, room, stamp, marks, shift, best):  # type: ignore[no-untyped-def]
    """The nearest of the rows that are near with the help of ROUGE-L; (-1, -1) if there is none.

    ``stamp`` is the row's, negative: a row that shares a band has the positive mark, and may be near field by field
    without being near as a whole.
    """
    if segment.counts[ROWS] == 0:
        return best
    begin, stop = rows.word_ends[row * rule.fields], rows.word_ends[(row + 1) * rule.fields]
    count = prefix(rows.words, begin, stop, rows.groups[row], rule.share, segment.frequencies, room.keys, room.order)
    length, own = stop - begin, summary(rows.words, begin, stop)
    shortest, longest = int(np.ceil(rule.share * length - 1e-9)), int(length / rule.share + 1e-9)
    for kind in range(length_class(shortest), length_class(longest) + 1) if count else range(0):
        # Of texts as long as that, the first common element is among fewer than a shorter one would need.
        reached = int(np.ceil(rule.least * (length + max(shortest_of(kind), shortest)) / 2 - 1e-9))
        for k in range(min(count, length - reached + 1)):
            at = segment.post_heads[_find(segment.post_keys, segment.post_heads, of_length(room.keys[k], kind))]
            while at >= 0:
                posting = segment.postings[at]
                if _can_reach(length, k, posting[2], posting[3], own, segment.summaries[at], rule.least):
                    best = _look(rows, row, rule, segment, np.int64(posting[0]), room, stamp, marks, shift, best)
                at = posting[1]
    if rule.fields > 1:
        for band in range(rows.keys.shape[1]):
            key = rows.keys[row, band]
            other = np.int64(segment.band_rows[band, _find(segment.band_keys[band], segment.band_rows[band], key)])
            while other >= 0:
                if marks[other] != stamp and segment.short[other] and segment.groups[other] == rows.groups[row]:
                    best = _closer(rows, row, rule, segment, other, room, -stamp, rule.fields < 0, shift, best)
                marks[other] = stamp
                other = np.int64(segment.band_links[other, band])
    return best


@njit(cache=True, nogil=True)
def _look(rows, row, rule, segment, other, room, stamp, marks, shift, best):  # type: ignore[no-untyped-def]
    """``best``, or ``other`` if it is nearer and was not looked at before."""
    if marks[other] != stamp and segment.groups[other] == rows.groups[row]:
        whole = rule.fields == 1 or marks[other] != -stamp
        best = _closer(rows, row, rule, segment, other, room, -stamp, whole, shift, best)
        marks[other] = stamp
    return best


@njit(cache=True, nogil=True)
def _can_reach(length, rank, other_length, other_rank, bits, other_bits, least):  # type: ignore[no-untyped-def]
    """Whether two sequences whose bags have their first common element at these ranks may have F >= ``least``.

    What comes before in either is not in the other, so the rest is all that they can have in common; nor is a token
    whose bit the other lacks.
    """
    rest = 1 + min(length - 1 - rank, other_length - 1 - other_rank)
    needed = least * (length + other_length) - 1e-9
    if 2 * rest < needed:
        return False
    return 2 * min(length - ones(bits & ~other_bits), other_length - ones(other_bits & ~bits)) >= needed


@njit(cache=True, nogil=True)
def _closer(rows, row, rule, segment, other, room, stamp, whole, shift, best):  # type: ignore[no-untyped-def]
    """``best``, or ``other`` if that is near and nearer; with ``whole`` it must reach the threshold as a whole, too."""
    mine, theirs = row * rule.fields, other * rule.fields
    if whole:
        length = rows.word_ends[mine + rule.fields] - rows.word_ends[mine]
        begin, stop = segment.word_ends[theirs], segment.word_ends[theirs + rule.fields]
        if _rouge_l(room.queries[rule.fields], length, segment.words, begin, stop, rule.rounded) < rule.least:
            return best
    closeness = 1.0
    for field in range(rule.fields):
        by_shingles, by_words = _similar(rows, row, rule, segment, other, field, room, stamp)
        if by_words < rule.least and by_shingles < rule.jaccard:
            return best
        closeness = min(closeness, max(by_words, by_shingles))
    if closeness < best[0] or (closeness == best[0] and other + shift >= best[1]):
        return best
    return (closeness, other + shift)


@njit(cache=True, nogil=True)
def _rouge_l(query, length, words, begin, stop, rounded):  # type: ignore[no-untyped-def]
    """F of the query, of ``length`` tokens, and ``words[begin:stop]``; without tokens 0."""
    if length == 0 or begin == stop:
        return 0.0
    both = common(query, length, words, begin, stop)
    if rounded and both > 0:
        precision, recall = both / (stop - begin), both / length
        return 2.0 * precision * recall / (precision + recall)
    return 2.0 * both / (length + stop - begin)


@njit(cache=True, nogil=True)
def _similar(rows, row, rule, segment, other, field, room, stamp):  # type: ignore[no-untyped-def]
    """Jaccard and ROUGE-L of one field; of two empty fields both are 1."""
    mine, theirs = row * rule.fields + field, other * rule.fields + field
    own = rows.set_ends[mine + 1] - rows.set_ends[mine]
    begin, stop, by_shingles = segment.set_ends[theirs], segment.set_ends[theirs + 1], -1.0
    if rule.jaccard <= 1.0:
        by_shingles = _jaccard(own, segment.sets, begin, stop, field, room.table, room.stamps, stamp, 0.0)
    if own == 0 and begin == stop:
        return by_shingles, 1.0
    length = rows.word_ends[mine + 1] - rows.word_ends[mine]
    begin, stop = segment.word_ends[theirs], segment.word_ends[theirs + 1]
    return by_shingles, _rouge_l(room.queries[field], length, segment.words, begin, stop, rule.rounded)


@njit(cache=True, nogil=True)
def _scores(rows, row, rule, segment, other, room, stamp):  # type: ignore[no-untyped-def]
    """Both similarities to ``other``, of each the lowest of the fields'; ROUGE-L is NaN where one is long."""
    jaccard, rouge_l = 1.0, 1.0
    for field in range(rule.fields):
        by_shingles, by_words = _similar(rows, row, rule, segment, other, field, room, stamp)
        jaccard, rouge_l = min(jaccard, by_shingles), min(rouge_l, by_words)
    by_words = rule.rouge_l <= 1.0 and rows.short[row] and segment.short[other]
    return jaccard, rouge_l if by_words else np.nan


@njit(cache=True, nogil=True)
def _insert(rows, row, rule, segment, room):  # type: ignore[no-untyped-def]
    """The row becomes the segment's next."""
    new = segment.counts[ROWS]
    segment.counts[ROWS] = new + 1
    segment.groups[new], segment.short[new] = rows.groups[row], rows.short[row]
    _append(rows.set_ends, rows.sets, segment.set_ends, segment.sets, row, new, rule.fields)
    _append(rows.word_ends, rows.words, segment.word_ends, segment.words, row, new, rule.fields)
    slot = _find(segment.exact_keys, segment.exact_rows, rows.exact[row])
    if segment.exact_rows[slot] < 0:
        segment.exact_keys[slot], segment.exact_rows[slot] = rows.exact[row], new
    for band in range(rows.keys.shape[1]):
        key, keys, heads = rows.keys[row, band], segment.band_keys[band], segment.band_rows[band]
        slot = _find(keys, heads, key)
        segment.band_links[new, band] = heads[slot]
        keys[slot], heads[slot] = key, new
    if rule.rouge_l <= 1.0 and rows.short[row]:
        _post(segment, rule, room, new)


@njit(cache=True, nogil=True)
def _append(ends, values, to_ends, to_values, row, new, fields):  # type: ignore[no-untyped-def]
    begin, stop, at = ends[row * fields], ends[(row + 1) * fields], to_ends[new * fields]
    for place in range(stop - begin):
        to_values[at + place] = values[begin + place]
    for field in range(fields):
        to_ends[new * fields + field + 1] = at + ends[row * fields + field + 1] - begin


@njit(cache=True, nogil=True)
def _post(segment, rule, room, row):  # type: ignore[no-untyped-def]
    """Let the row be found by the rarest of its tokens."""
    begin, stop = segment.word_ends[row * rule.fields], segment.word_ends[(row + 1) * rule.fields]
    own = summary(segment.words, begin, stop)
    count = prefix(
        segment.words, begin, stop, segment.groups[row], rule.share, segment.frequencies, room.keys, room.order
    )
    for k in range(count):
        key = of_length(room.keys[k], length_class(stop - begin))
        slot = _find(segment.post_keys, segment.post_heads, key)
        posting = segment.counts[POSTINGS]
        segment.counts[POSTINGS] = posting + 1
        if segment.post_heads[slot] < 0:
            segment.counts[POSTED_KEYS] += 1
        segment.postings[posting, 0], segment.postings[posting, 1] = row, segment.post_heads[slot]
        segment.postings[posting, 2], segment.postings[posting, 3] = stop - begin, k
        segment.summaries[posting] = own
        segment.post_keys[slot], segment.post_heads[slot] = key, posting


@njit(cache=True, nogil=True)
def rehash(keys, heads, new_keys, new_heads):  # type: ignore[no-untyped-def]
    """Move a table into a larger one, empty so far."""
    for slot in range(keys.size):
        if heads[slot] >= 0:
            to = _find(new_keys, new_heads, keys[slot])
            new_keys[to], new_heads[to] = keys[slot], heads[slot]
