"""The index of kept rows by wording: plain while it is small, compiled once that is worth a compiler's seconds."""

from pathlib import Path

import numpy as np

from filters import kernels
from filters.ids import Ids
from filters.near import KEPT, Judged, Prepared, Rule
from filters.near_fast import FastIndex
from filters.near_plain import PlainIndex

WORTH = 10_000
"""Rows from which on the compiled index is used. To compile it takes some twenty seconds, once on a machine; plain,
so many real rows would take three or four."""


class NearIndex:
    """Kept rows by number; those of the ``saved`` folder come first."""

    def __init__(self, rule: Rule, saved: Path | None, worth: int) -> None:
        self._rule, self._worth = rule, worth
        self._held: list[tuple[Prepared, np.ndarray, np.ndarray]] = []
        self._index: PlainIndex | FastIndex = PlainIndex(rule)
        if saved is not None:
            self._index = FastIndex(rule, saved)

    @property
    def ids(self) -> Ids:
        """The rows' ids, by number."""
        return self._index.ids

    def judge(self, prepared: Prepared, order: np.ndarray, ids: np.ndarray) -> Judged:
        """Judge the rows in this ``order``; those that stay join the index under their ``ids``."""
        self._choose(len(order))
        judged = self._index.judge(prepared, order, ids)
        self._hold(prepared, order[judged.verdicts[order] == KEPT], ids)
        return judged

    def add(self, prepared: Prepared, ids: np.ndarray) -> None:
        """Rows that are known to stay join the index."""
        order = np.arange(len(prepared))
        self._choose(len(order))
        self._index.add(prepared, order, ids)
        self._hold(prepared, order, ids)

    def save(self, folder: Path) -> bool:
        """Write the index into ``folder``, from where it opens at once; false if it is too small for that."""
        if isinstance(self._index, PlainIndex):
            return False
        self._index.save(folder)
        return True

    def _choose(self, more: int) -> None:
        if isinstance(self._index, FastIndex) or not kernels.compiled() or len(self.ids) + more < self._worth:
            return
        fast = FastIndex(self._rule)
        for prepared, order, ids in self._held:
            fast.add(prepared, order, ids)
        self._index, self._held = fast, []

    def _hold(self, prepared: Prepared, order: np.ndarray, ids: np.ndarray) -> None:
        """Remember the rows, for the compiled index to come."""
        if isinstance(self._index, PlainIndex) and kernels.compiled():
            self._held.append((prepared, order, ids))
