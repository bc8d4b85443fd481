"""Kept rows, and the nearest of them to a new one by wording: compiled, in memory that grows beside what was saved.

Decides what ``near_plain`` decides.
"""

from pathlib import Path
from typing import Any

import numpy as np

from filters.ids import Ids
from filters.near import KEPT, Judged, Prepared, Rule

BLOCK = 4096
"""Rows judged in one call, for whose sake the arrays are made larger beforehand."""
_FIRST = 256
"""Rows after which the order of tokens is learned first; then whenever there are twice as many."""
_LOAD = 0.7
"""A table is made larger before more of its slots are taken."""


class FastIndex:
    """The compiled index. Rows have numbers: those of the ``saved`` folder first, then as they were kept."""

    def __init__(self, rule: Rule, saved: Path | None = None) -> None:
        from filters.kernels import near_compiled

        self._kernels: Any = near_compiled
        given = (rule.jaccard, rule.rouge_l, rule.looked_for)
        jaccard, rouge_l, least = (2.0 if each is None else each for each in given)
        self._rule = near_compiled.Rule(rule.fields, jaccard, rouge_l, least, rule.rounded, rule.share)
        self._bands = rule.bands
        self._saved = self._empty() if saved is None else self._opened(saved)
        self._grown = self._empty()
        self.ids = Ids(saved)
        self._marks = np.zeros(0, np.int64)
        self._saved_marks = np.zeros(max(1, int(self._saved.counts[0])), np.int64)
        self._stamp, self._learn_at = 0, _FIRST
        self._longest = self._longest_saved()
        """Tokens of the longest kept row that is compared by its words."""

    def judge(self, prepared: Prepared, order: np.ndarray, ids: np.ndarray) -> Judged:
        """Judge the rows in this ``order``; those that stay join the index under their ``ids``."""
        count = len(prepared)
        found = self._kernels.Found(
            np.zeros(count, np.uint8), np.full(count, -1, np.int64), np.zeros(count), np.full(count, np.nan)
        )
        rows = self._rows(prepared)
        for start in range(0, len(order), BLOCK):
            block = order[start : start + BLOCK]
            room = self._make_room(prepared, block)
            self._stamp = self._kernels.judge(
                rows, block, self._rule, self._saved, self._grown, room, found, self._stamp
            )
            self.ids.extend(ids[block[found.verdict[block] == KEPT]])
        return Judged(*found)

    def add(self, prepared: Prepared, order: np.ndarray, ids: np.ndarray) -> None:
        """Rows that are known to stay join the index, in this ``order``; those that are empty do not."""
        filled = order[np.diff(prepared.set_ends[:: self._rule.fields])[order] > 0]
        rows = self._rows(prepared)
        for start in range(0, len(filled), BLOCK):
            block = filled[start : start + BLOCK]
            room = self._make_room(prepared, block)
            self._kernels.add(rows, block, self._rule, self._grown, room)
            self.ids.extend(ids[block])

    def save(self, folder: Path) -> None:
        """Write the arrays into ``folder``; only for an index that was opened without a saved one."""
        if self._saved.counts[0]:
            raise ValueError("an index that stands on a saved one is not saved; make it anew")
        ends = self._ends()
        for name, values in self._grown._asdict().items():
            np.save(folder / f"{name}.npy", values[: ends[name]] if name in ends else values)
        self.ids.save(folder)

    def _ends(self) -> dict[str, int]:
        """How much is in use of each array that is not a table."""
        rows, postings = int(self._grown.counts[0]), int(self._grown.counts[1])
        fields = self._rule.fields
        return {
            "groups": rows, "short": rows, "band_links": rows,
            "set_ends": rows * fields + 1, "sets": int(self._grown.set_ends[rows * fields]),
            "word_ends": rows * fields + 1, "words": int(self._grown.word_ends[rows * fields]),
            "postings": postings, "summaries": postings,
        }  # fmt: skip

    def _empty(self) -> Any:
        int64, int32, uint64, uint32 = np.int64, np.int32, np.uint64, np.uint32
        slots = 64
        return self._kernels.Segment(
            counts=np.zeros(3, int64), groups=np.zeros(1, uint64), set_ends=np.zeros(2, int64),
            sets=np.zeros(1, uint32), word_ends=np.zeros(2, int64), words=np.zeros(1, uint64), short=np.zeros(1, bool),
            exact_keys=np.zeros(slots, uint64), exact_rows=np.full(slots, -1, int32),
            band_keys=np.zeros((self._bands, slots), uint32), band_rows=np.full((self._bands, slots), -1, int32),
            band_links=np.zeros((1, self._bands), int32),
            post_keys=np.zeros(slots, uint32), post_heads=np.full(slots, -1, int32),
            postings=np.zeros((1, 4), int32), summaries=np.zeros(1, uint64), frequencies=np.zeros(slots, uint32),
        )  # fmt: skip

    def _opened(self, folder: Path) -> Any:
        # Copy on write: the kernels take one kind of array, and nothing ever writes to these.
        names = self._kernels.Segment._fields
        return self._kernels.Segment(*(np.asarray(np.load(folder / f"{name}.npy", mmap_mode="c")) for name in names))

    def _longest_saved(self) -> int:
        rows, fields = int(self._saved.counts[0]), self._rule.fields
        lengths = np.diff(self._saved.word_ends[: rows * fields + 1 : fields])
        return int(lengths[self._saved.short[:rows]].max(initial=0))

    def _rows(self, prepared: Prepared) -> Any:
        return self._kernels.Rows(
            prepared.exact, prepared.groups, prepared.keys, prepared.set_ends, prepared.sets,
            prepared.word_ends, prepared.words, prepared.short,
        )  # fmt: skip

    def _make_room(self, prepared: Prepared, block: np.ndarray) -> Any:
        """Let the arrays hold the rows of ``block``, too, and learn the order of tokens where it is time."""
        fields, rule = self._rule.fields, self._rule
        sets = prepared.set_ends[(block + 1) * fields] - prepared.set_ends[block * fields]
        words = prepared.word_ends[(block + 1) * fields] - prepared.word_ends[block * fields]
        rows = int(self._grown.counts[0])
        self._grow_rows(rows, rows + len(block), int(sets.sum()), int(words.sum()))
        self._grow_tables(rows + len(block))
        by_words = np.where(prepared.short[block], words, 0) if rule.rouge_l <= 1 else np.zeros(1, np.int64)
        longest = int(by_words.max(initial=0))
        self._longest = max(self._longest, longest)
        postings = np.where(by_words > 0, by_words - np.ceil(rule.share * by_words - 1e-9) + 1, 0)
        room = self._room(int(sets.max(initial=0)), longest, rows + len(block))
        self._grow_postings(int(postings.sum()))
        if rule.rouge_l <= 1 and rows >= self._learn_at:
            self._learn_at = 2 * rows
            used = int(self._grown.word_ends[rows * fields])
            self._grown = self._grown._replace(frequencies=np.zeros(_power(used // 2), np.uint32))
            self._kernels.learn_order(self._grown, rule, self._room(0, self._longest, rows))
        return room

    def _room(self, sets: int, words: int, rows: int) -> Any:
        from filters.kernels.sequence_compiled import query_room

        size = _power(2 * sets + 8)
        _grow(self._marks, rows)
        fields = self._rule.fields
        queries = tuple(query_room(words, self._longest) for _ in range(fields + 1))
        return self._kernels.Room(
            table=np.zeros(size, np.uint64), stamps=np.zeros(size, np.int64), queries=queries,
            keys=np.zeros(words + 1, np.uint32), order=np.zeros(2 * words + 2, np.uint64),
            marks=self._marks, saved_marks=self._saved_marks,
        )  # fmt: skip

    def _grow_rows(self, used: int, rows: int, sets: int, words: int) -> None:
        grown, fields = self._grown, self._rule.fields
        for values in (grown.groups, grown.short, grown.band_links):
            _grow(values, rows)
        for ends, values, more in ((grown.set_ends, grown.sets, sets), (grown.word_ends, grown.words, words)):
            _grow(ends, rows * fields + 1)
            _grow(values, int(ends[used * fields]) + more)

    def _grow_tables(self, rows: int) -> None:
        grown = self._grown
        slots = _power(int(rows / _LOAD) + 1)
        if slots > len(grown.exact_keys):
            keys, heads = np.zeros(slots, np.uint64), np.full(slots, -1, np.int32)
            self._kernels.rehash(grown.exact_keys, grown.exact_rows, keys, heads)
            self._grown = grown._replace(exact_keys=keys, exact_rows=heads)
        if slots > grown.band_keys.shape[1]:
            keys, heads = np.zeros((self._bands, slots), np.uint32), np.full((self._bands, slots), -1, np.int32)
            for band in range(self._bands):
                self._kernels.rehash(grown.band_keys[band], grown.band_rows[band], keys[band], heads[band])
            self._grown = self._grown._replace(band_keys=keys, band_rows=heads)

    def _grow_postings(self, more: int) -> None:
        grown = self._grown
        for values in (grown.postings, grown.summaries):
            _grow(values, int(grown.counts[1]) + more)
        slots = _power(int((int(grown.counts[2]) + more) / _LOAD) + 1)
        if slots > len(grown.post_keys):
            keys, heads = np.zeros(slots, np.uint32), np.full(slots, -1, np.int32)
            self._kernels.rehash(grown.post_keys, grown.post_heads, keys, heads)
            self._grown = grown._replace(post_keys=keys, post_heads=heads)


def _grow(values: np.ndarray, rows: int) -> None:
    """Make room for ``rows`` rows, in place: no second copy in memory, and nobody holds a view."""
    if len(values) < rows:
        values.resize((max(rows, len(values) * 3 // 2), *values.shape[1:]), refcheck=False)


def _power(least: int) -> int:
    """A power of two, 64 or more."""
    return 1 << max(6, (least - 1).bit_length())
