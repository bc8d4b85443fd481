"""Kept rows, and the nearest of them to a new one by wording, without a compiler: dictionaries, numpy and rapidfuzz.

Decides what ``near_fast`` decides, some twenty times slower; and, being so short, it is what that one is tested
against.
"""

from dataclasses import dataclass

import numpy as np

from filters.ids import Ids
from filters.near import EMPTY, EXACT, KEPT, NEAR, Judged, Prepared, Rule
from filters.rouge_l import Join, Vocabulary, similarities


@dataclass(frozen=True, slots=True)
class _Row:
    """One row, ready to be compared."""

    exact: int
    group: int
    keys: list[int]
    """One a band."""
    sets: tuple[np.ndarray, ...]
    """Sorted shingles by field."""
    words: tuple[str, ...] | None
    """Tokens by field, a character each; None where the row is not compared by words."""

    @property
    def empty(self) -> bool:
        return not any(len(field) for field in self.sets)


@dataclass(frozen=True, slots=True)
class _Match:
    """How like a kept row is; each similarity is the lowest of the row's fields, since all fields must be near."""

    number: int
    near: bool
    closeness: float
    jaccard: float
    rouge_l: float


class PlainIndex:
    """The index without numba."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._jaccard = 2.0 if rule.jaccard is None else rule.jaccard
        self._join = None if rule.rouge_l is None else Join(rule.rouge_l)
        self._vocabulary = Vocabulary()
        self._rows: list[_Row] = []
        self._exact: dict[int, int] = {}
        self._bands: list[dict[int, list[int]]] = [{} for _ in range(rule.bands)]
        self.ids = Ids()

    def judge(self, prepared: Prepared, order: np.ndarray, ids: np.ndarray) -> Judged:
        """Judge the rows in this ``order``; those that stay join the index under their ``ids``."""
        count = len(prepared)
        found = Judged(np.zeros(count, np.uint8), np.full(count, -1), np.zeros(count), np.full(count, np.nan))
        for place in order.tolist():
            row = self._read(prepared, place)
            found.verdicts[place], match = self._judge(row)
            if match is not None:
                found.rows[place] = match.number
                found.jaccard[place], found.rouge_l[place] = match.jaccard, match.rouge_l
            if found.verdicts[place] == KEPT:
                self._insert(row, ids[place : place + 1])
        return found

    def add(self, prepared: Prepared, order: np.ndarray, ids: np.ndarray) -> None:
        """Rows that are known to stay join the index, in this ``order``; those that are empty do not."""
        for place in order.tolist():
            row = self._read(prepared, place)
            if not row.empty:
                self._insert(row, ids[place : place + 1])

    def _judge(self, row: _Row) -> tuple[int, _Match | None]:
        if row.empty:
            return EMPTY, None
        twin = self._exact.get(row.exact)
        if twin is not None:
            return EXACT, _Match(twin, True, 1.0, 1.0, np.nan)
        proposed = {number for key, band in zip(row.keys, self._bands, strict=True) for number in band.get(key, ())}
        proposed = {number for number in proposed if self._rows[number].group == row.group}
        matches = [self._compare(row, number) for number in sorted(proposed)]
        best = max(matches, key=lambda match: (match.jaccard, -match.number), default=None)
        if best is not None and best.jaccard >= self._jaccard:
            return NEAR, best
        if self._join is not None and row.words is not None:
            alike = set(self._join.near(row.group, "".join(row.words))) - proposed
            matches += [self._compare(row, number) for number in sorted(alike)]
        near = [match for match in matches if match.near]
        closest = max(near, key=lambda match: (match.closeness, -match.number), default=None)
        return (KEPT, best) if closest is None else (NEAR, closest)

    def _compare(self, row: _Row, number: int) -> _Match:
        other, rule = self._rows[number], self._rule
        jaccard = np.array([_jaccard(*pair) for pair in zip(row.sets, other.sets, strict=True)])
        if row.words is None or other.words is None:
            lowest = float(jaccard.min())
            return _Match(number, lowest >= self._jaccard, lowest, lowest, np.nan)
        rouge_l = np.array([_rouge_l(row, other, field) for field in range(rule.fields)])
        near = (jaccard >= self._jaccard) | (rouge_l >= (rule.rouge_l or np.inf))
        closeness = float(np.maximum(jaccard, rouge_l).min())
        return _Match(number, bool(near.all()), closeness, float(jaccard.min()), float(rouge_l.min()))

    def _insert(self, row: _Row, id: np.ndarray) -> None:
        number = len(self._rows)
        self.ids.extend(id)
        self._rows.append(row)
        self._exact.setdefault(row.exact, number)
        for key, band in zip(row.keys, self._bands, strict=True):
            band.setdefault(key, []).append(number)
        if self._join is not None and row.words is not None:
            self._join.add(number, row.group, "".join(row.words))

    def _read(self, prepared: Prepared, place: int) -> _Row:
        fields = range(place * self._rule.fields, (place + 1) * self._rule.fields)
        sets = (np.sort(prepared.sets[prepared.set_ends[n] : prepared.set_ends[n + 1]]) for n in fields)
        words = None
        if self._join is not None and prepared.short[place]:
            texts = (prepared.words[prepared.word_ends[n] : prepared.word_ends[n + 1]].tolist() for n in fields)
            words = tuple(self._vocabulary.encode(text) for text in texts)
        exact, group = int(prepared.exact[place]), int(prepared.groups[place])
        return _Row(exact, group, prepared.keys[place].tolist(), tuple(sets), words)


def _jaccard(own: np.ndarray, other: np.ndarray) -> float:
    """Of two sorted sets; of two empty ones 1."""
    if not len(own) or not len(other):
        return float(len(own) == len(other))
    common = int((own[np.minimum(np.searchsorted(own, other), len(own) - 1)] == other).sum())
    return common / (len(own) + len(other) - common)


def _rouge_l(row: _Row, other: _Row, field: int) -> float:
    """Of two empty fields 1."""
    assert row.words is not None
    assert other.words is not None
    own, their = row.words[field], other.words[field]
    if not own or not their:
        return float(not len(row.sets[field]) and not len(other.sets[field]))
    return float(similarities(own, [their])[0])
