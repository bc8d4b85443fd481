from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.ngrams import corpus, duplicate_shares, top_shares

TEXTS = st.lists(st.lists(st.sampled_from(["a", "bb", "ccc", "d"]), max_size=14), max_size=4)


def duplicates(words: list[str], n: int) -> float:
    """By the definition: mark each word that lies in an n-gram seen before."""
    seen, marked = set[tuple[str, ...]](), set[int]()
    for start in range(len(words) - n + 1):
        gram = tuple(words[start : start + n])
        if gram in seen:
            marked.update(range(start, start + n))
        seen.add(gram)
    return sum(len(words[place]) for place in marked) / max(1, sum(map(len, words)))


def top(words: list[str], n: int, occurrences: int) -> float:
    """By the definition: the most frequent n-gram, of several the longest."""
    grams = Counter(tuple(words[start : start + n]) for start in range(len(words) - n + 1))
    times, size = max(((times, len("".join(gram))) for gram, times in grams.items()), default=(0, 0))
    return min(1.0, times * size / max(1, sum(map(len, words)))) if times >= occurrences else 0.0


@given(TEXTS, st.sets(st.integers(2, 6), min_size=1))
def test_duplicate_ngrams_are_those_of_the_definition(texts: list[list[str]], lengths: set[int]) -> None:
    shares = duplicate_shares(corpus(texts), lengths)
    assert set(shares) == lengths
    for n, values in shares.items():
        assert values.tolist() == pytest.approx([duplicates(words, n) for words in texts])


@given(TEXTS, st.sets(st.integers(2, 6), min_size=1), st.integers(2, 4))
def test_the_most_frequent_ngram_is_that_of_the_definition(
    texts: list[list[str]], lengths: set[int], occurrences: int
) -> None:
    shares = top_shares(corpus(texts), lengths, occurrences)
    assert set(shares) == lengths
    for n, values in shares.items():
        assert values.tolist() == pytest.approx([top(words, n, occurrences) for words in texts])
