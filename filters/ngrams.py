"""How much of a text its n-grams repeat, for all texts of a shard at once.

Exact, without hashes: the n-grams are numbered in turn, each by the number of its first n - 1 tokens and its last one.

Source: J. Rae et al., "Gopher", arXiv 2112.11446, appendix A1. Its duplicate n-grams are counted here from the second
occurrence on, as datatrove does, so that a share is what could be left out.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Corpus:
    """The tokens of many texts, end to end."""

    ids: np.ndarray
    """int64, a number for each different token."""
    owners: np.ndarray
    """int64, the text that each token is of; ascending."""
    sizes: np.ndarray
    """int64, the characters of each token."""
    count: int
    """How many texts there are."""

    def per_text(self, sizes: np.ndarray) -> np.ndarray:
        """``sizes``, one a token, as shares of all characters of each text; of an empty text 0."""
        total = np.bincount(self.owners, self.sizes, self.count)
        shares: np.ndarray = np.bincount(self.owners, sizes, self.count) / np.maximum(total, 1)
        return shares


@dataclass(frozen=True, slots=True)
class _Grams:
    """The n-grams of one length, by where they begin; those that reach into the next text are not ``within``."""

    n: int
    numbers: np.ndarray
    firsts: np.ndarray
    within: np.ndarray


def corpus(texts: Sequence[Sequence[str]]) -> Corpus:
    """Texts, given as tokens, as one ``Corpus``."""
    vocabulary: dict[str, int] = {}
    ids = [vocabulary.setdefault(token, len(vocabulary)) for text in texts for token in text]
    owners = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    sizes = np.array([len(token) for text in texts for token in text], dtype=np.int64)
    return Corpus(np.array(ids, dtype=np.int64), owners, sizes, len(texts))


def top_shares(texts: Corpus, lengths: Collection[int], occurrences: int = 2) -> dict[int, np.ndarray]:
    """By n: the share of characters in each text's most frequent n-gram, if it occurs at least so many times."""
    return {grams.n: _top(texts, grams, occurrences) for grams in _grams(texts, lengths)}


def duplicate_shares(texts: Corpus, lengths: Collection[int]) -> dict[int, np.ndarray]:
    """By n: the share of characters in n-grams that occurred before in the text; each character counts once."""
    shares = {}
    for grams in _grams(texts, lengths):
        windows = len(grams.numbers)
        again = grams.within & (grams.firsts[grams.numbers] != np.arange(windows))
        edges = np.zeros(len(texts.ids) + 1, dtype=np.int64)
        edges[:windows] += again
        edges[grams.n :][:windows] -= again
        shares[grams.n] = texts.per_text(texts.sizes * (np.cumsum(edges)[:-1] > 0))
    return shares


def _grams(texts: Corpus, lengths: Collection[int]) -> Iterator[_Grams]:
    vocabulary = int(texts.ids.max(initial=0)) + 1
    numbers = texts.owners * vocabulary + texts.ids
    for n in range(2, max(lengths, default=0) + 1):
        windows = max(len(texts.ids) - n + 1, 0)
        ends = texts.ids[n - 1 :][:windows]
        _, firsts, numbers = np.unique(numbers[:windows] * vocabulary + ends, return_index=True, return_inverse=True)
        if n in lengths:
            yield _Grams(n, numbers, firsts, texts.owners[:windows] == texts.owners[n - 1 :][:windows])


def _top(texts: Corpus, grams: _Grams, occurrences: int) -> np.ndarray:
    starts = np.flatnonzero(grams.within)
    numbers = grams.numbers[starts]
    times = np.bincount(numbers, minlength=len(grams.firsts))[numbers]
    ends = np.concatenate(([0], np.cumsum(texts.sizes)))
    sizes = ends[starts + grams.n] - ends[starts]
    # The most frequent one of each text; of several, the longest.
    order = np.lexsort((sizes, times, texts.owners[starts]))
    last = np.concatenate((np.diff(texts.owners[starts][order]) > 0, np.ones(min(len(order), 1), dtype=bool)))
    best = order[last]
    covered = np.zeros(texts.count, dtype=np.int64)
    covered[texts.owners[starts][best]] = np.where(times[best] >= occurrences, times[best] * sizes[best], 0)
    total = np.bincount(texts.owners, texts.sizes, texts.count)
    shares: np.ndarray = np.minimum(covered / np.maximum(total, 1), 1.0)  # occurrences may overlap
    return shares
