"""What it takes to say that rows are near by wording, and what is said: shared by ``near_plain`` and ``near_fast``."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows ready to be compared. Field ``f`` of row ``i`` is number ``i * fields + f`` of ``sets`` and ``words``."""

    exact: np.ndarray
    """uint64: equal for rows that differ in case, blanks and the last mark at most."""
    groups: np.ndarray
    """uint64: only rows of one group are compared."""
    keys: np.ndarray
    """uint32 (rows, bands)."""
    set_ends: np.ndarray
    """int64, with a 0 in front; so is ``word_ends``."""
    sets: np.ndarray
    """uint32: shingles."""
    word_ends: np.ndarray
    words: np.ndarray
    """uint64: tokens in order."""
    short: np.ndarray
    """bool: whether the row is compared by its words, too."""

    def __len__(self) -> int:
        return len(self.exact)


@dataclass(frozen=True, slots=True)
class Rule:
    """When two rows are near: in each of ``fields`` fields by shingles or by words."""

    fields: int
    jaccard: float | None
    """None: shingles are not compared, and ROUGE-L must *exceed* its threshold."""
    rouge_l: float | None
    """None: words are not compared."""
    bands: int
    least: float | None = None
    """The ROUGE-L from which on a row is looked for, lower than ``rouge_l``; only where shingles are not compared."""
    rounded: bool = False
    """Whether F is rounded as ``rouge_score`` does it."""

    @property
    def looked_for(self) -> float | None:
        """The ROUGE-L from which on a row is looked for."""
        return self.rouge_l if self.least is None else self.least

    @property
    def share(self) -> float:
        """The Jaccard similarity that bags of words have at least where ROUGE-L F is that."""
        return 1.0 if self.looked_for is None else self.looked_for / (2 - self.looked_for)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found, row by row."""

    verdicts: np.ndarray
    """uint8: ``KEPT``, ``EXACT``, ``NEAR`` or ``EMPTY``."""
    rows: np.ndarray
    """int64: the number of the nearest kept row, or -1."""
    jaccard: np.ndarray
    rouge_l: np.ndarray
    """NaN where it was not compared."""


KEPT, EXACT, NEAR, EMPTY = 0, 1, 2, 3
