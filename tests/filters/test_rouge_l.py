import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import rouge_scorer

from filters.rouge_l import Join, Nearest, Vocabulary, exact_f_measures, f_measures, similarities

SEQUENCES = st.lists(st.text("abcd", max_size=9), max_size=25)


def test_the_float_trap_falls_as_in_rouge_score() -> None:
    # 7 of 10 and 10 is 0.7, 7 of 8 and 12 is 0.7000000000000001: a strict > tells them apart.
    f = f_measures(np.array([7, 7]), np.array([10, 8]), np.array([10, 12]))
    assert f.tolist() == [0.7, 0.7000000000000001]


@pytest.mark.parametrize("percent", [60, 70, 75, 80, 85, 90, 95])
def test_an_exact_f_compares_with_a_threshold_as_fractions_do(percent: int) -> None:
    common, target, prediction = (grid.ravel() for grid in np.meshgrid(*[np.arange(1, 81)] * 3))
    f, lengths = exact_f_measures(common, target, prediction), target + prediction
    assert ((f > percent / 100) == (200 * common > percent * lengths)).all()
    assert ((f >= percent / 100) == (200 * common >= percent * lengths)).all()


@given(st.text("abc ", max_size=20), st.text("abc ", max_size=20))
def test_f_is_that_of_rouge_score_to_the_last_bit(one: str, other: str) -> None:
    vocabulary, pool = Vocabulary(), Nearest()
    pool.add(vocabulary.encode(other.split()))
    scores, _ = pool.search([vocabulary.encode(one.split())])
    expected = rouge_scorer.RougeScorer(["rougeL"]).score(one, other)["rougeL"].fmeasure
    assert scores.tolist() == [expected]


def test_of_equally_near_texts_the_first_is_the_nearest() -> None:
    pool = Nearest()
    for text in ["xyz", "abc", "abc"]:
        pool.add(text)
    assert [values.tolist() for values in pool.search(["abc", "q"])] == [[1.0, 0.0], [1, -1]]


def test_an_empty_pool_has_no_nearest() -> None:
    assert [values.tolist() for values in Nearest().search(["abc"])] == [[0.0], [-1]]


def test_the_pool_grows_past_its_first_array() -> None:
    pool = Nearest()
    for number in range(3000):
        pool.add(chr(number + 1))
    assert pool.search([chr(2501)])[1].tolist() == [2500]


@given(SEQUENCES, st.sampled_from([0.5, 0.7, 0.8, 1.0]))
def test_the_join_misses_no_pair(texts: list[str], threshold: float) -> None:
    join = Join(threshold)
    for number, text in enumerate(texts):
        join.add(number, 0, text)
    for text in filter(None, texts):
        expected = np.flatnonzero(similarities(text, texts) >= threshold).tolist()
        assert join.near(0, text) == expected


@pytest.mark.parametrize("threshold", [0.7, 0.8])
def test_the_join_misses_no_pair_after_it_has_learned_its_order_anew(threshold: float) -> None:
    rng = random.Random(5)
    letters = "eeeeeeettttaaooiinn" + "".join(map(chr, range(300, 400)))
    texts = ["".join(rng.choices(letters, k=rng.randint(4, 14))) for _ in range(700)]
    texts += [text[:-1] + rng.choice(letters) for text in texts[:200]]
    join = Join(threshold)
    for number, text in enumerate(texts):
        join.add(number, number % 2, text)
    for text in texts[::9]:
        near = np.flatnonzero(similarities(text, texts) >= threshold).tolist()
        assert join.near(1, text) == [number for number in near if number % 2]
