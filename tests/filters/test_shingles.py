from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import shingles

CHARACTER_HASHES = [496747394, 4151910229]
WORD_HASHES = [1834057575, 2407011369, 3937979504]
TEXTS = st.lists(st.text("abc ", max_size=12), max_size=6)


def grams(text: str, n: int) -> set[str]:
    return {text[i : i + n] for i in range(max(1, len(text) - n + 1))} if text else set()


@given(TEXTS, st.integers(1, 6))
def test_character_sets_have_the_similarities_of_true_sets(texts: list[str], n: int) -> None:
    sets, true = shingles.characters(texts, n), [grams(text, n) for text in texts]
    assert [len(sets[i]) for i in range(len(sets))] == [len(one) for one in true]
    for i, one in enumerate(true):
        found = shingles.jaccards(sets[i], [sets[j] for j in range(len(sets))])
        assert found.tolist() == [len(one & other) / len(one | other) if one and other else 0 for other in true]


@given(st.lists(st.lists(st.sampled_from(["a", "b", "cd"]), max_size=8), max_size=5))
def test_word_sets_hold_unigrams_and_bigrams(texts: list[list[str]]) -> None:
    sets = shingles.words(texts, (1, 2))
    true = [{(word,) for word in text} | set(pairwise(text)) for text in texts]
    for i, one in enumerate(true):
        found = shingles.jaccards(sets[i], [sets[j] for j in range(len(sets))])
        assert found.tolist() == [len(one & other) / len(one | other) if one and other else 0 for other in true]


def test_short_texts_are_one_shingle_each_and_not_alike() -> None:
    sets = shingles.characters(["ab", "ac", "ab", ""], 5)
    assert [len(sets[i]) for i in range(4)] == [1, 1, 1, 0]
    assert shingles.jaccards(sets[0], [sets[1], sets[2], sets[3]]).tolist() == [0, 1, 0]


def test_short_token_lists_are_one_shingle_each() -> None:
    sets = shingles.words([["a", "b"], ["a", "c"], []], (5,))
    assert [len(sets[i]) for i in range(3)] == [1, 1, 0]
    assert shingles.jaccards(sets[0], [sets[1]]).tolist() == [0]


def test_empty_sets_are_not_alike() -> None:
    empty = np.zeros(0, dtype=np.uint32)
    assert shingles.jaccards(empty, [empty]).tolist() == [0]


def test_hashes_stay_the_same_between_versions() -> None:
    """Signatures are saved; a change here needs a new dataset version."""
    assert shingles.characters(["hello!"], 5).hashes.tolist() == CHARACTER_HASHES
    assert shingles.words([["hello", "world"]], (1, 2)).hashes.tolist() == WORD_HASHES


@pytest.mark.parametrize("text", ["\ud800\udfff", "\0\0\0\0\0\0", "\U0010ffff"])
def test_odd_text_is_shingled(text: str) -> None:
    assert len(shingles.characters([text], 5)[0]) >= 1
    assert len(shingles.words([[text]], (1, 2))[0]) == 1
