"""Shared n-grams and whole short questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.coverage import Coverage, Found
from filters.text import tokens

LONG = "Janet's ducks lay sixteen eggs per day and she eats three of them for breakfast"
SHORT = "How tall is Mount Everest?"
CHINESE = "一只青蛙白天往上爬三米，晚上滑下两米，问几天爬出井口？"


def find(text: str, *questions: str, words: int = 8, characters: int = 13) -> Found | None:
    return Coverage(questions, words=words, characters=characters).find(text)


def test_a_copy_covers_its_question_wholly_whatever_stands_around_it() -> None:
    text = f"Solve this: {LONG.upper()}!! Think step by step."
    assert find(text, SHORT, LONG) == Found(1, 1.0)


def test_the_share_is_that_of_the_questions_tokens_not_of_the_text() -> None:
    half = " ".join(LONG.split()[:9])  # 10 of 16 tokens: "janet", "s", …
    assert find(half + " word" * 500, LONG) == Found(0, 10 / 16)


def test_parts_in_another_order_add_up() -> None:
    words = LONG.split()
    assert find(" ".join([*words[8:], "and", *words[:8]]), LONG, words=5) == Found(0, 1.0)


def test_less_than_an_ngram_in_common_is_nothing() -> None:
    assert find(" ".join(LONG.split()[:6]), LONG) is None


def test_the_first_of_equally_covered_questions_is_named() -> None:
    assert find(LONG, SHORT, LONG, LONG) == Found(1, 1.0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("how tall is mount everest", Found(0, 1.0, whole=True)),
        ("Tell me: how tall is Mount Everest, in feet?", Found(0, 1.0, whole=True)),
        ("How tall is Mount Everesting?", None),
        ("How tall is mount Fuji, and Everest?", None),
    ],
)
def test_a_question_shorter_than_an_ngram_is_found_whole(text: str, found: Found | None) -> None:
    assert find(text, SHORT) == found


def test_the_shortest_questions_are_found_only_where_they_are_all_there_is() -> None:
    assert find("Who am I?", "who am i") == Found(0, 1.0, whole=True)
    assert find("Who am I to judge a film, they say.", "who am i") is None
    assert find("请问中国首都的历史", "中国首都") is None
    assert find("“中国首都”", "中国首都") == Found(0, 1.0, whole=True)


def test_chinese_is_compared_by_character_with_its_own_size() -> None:
    assert find(f"请回答：{CHINESE}", LONG, CHINESE) == Found(1, 1.0)
    assert find("一只青蛙白天往上爬三米", CHINESE) is None  # eleven characters
    assert find("一只青蛙白天往上爬三米", CHINESE, characters=8) == Found(0, 11 / 24)
    assert find("问：什么是神经网络？", "什么是神经网络") == Found(0, 1.0, whole=True)


@pytest.mark.parametrize("text", ["", "?!", "\0", "\ud800", "😀", "a"])
def test_odd_texts_and_questions_are_no_trouble(text: str) -> None:
    assert find(text, LONG, "", "?!", "\ud800") is None
    assert Coverage([text], words=8, characters=13).find(LONG) is None


TEXTS = st.lists(st.sampled_from("abc"), max_size=14).map(" ".join)


def slow(text: str, question: str, n: int) -> float:
    """The share, by looking at every pair of places."""
    own, other = tokens(text), tokens(question)
    covered = {
        place + step
        for place in range(len(other) - n + 1)
        for start in range(len(own) - n + 1)
        if other[place : place + n] == own[start : start + n]
        for step in range(n)
    }
    return len(covered) / len(other) if other else 0.0


@given(TEXTS, st.lists(TEXTS, max_size=5), st.integers(2, 4))
def test_shares_are_those_of_the_definition(text: str, questions: list[str], n: int) -> None:
    long = [question for question in questions if len(tokens(question)) >= max(n, 4)]
    shares = [slow(text, question, n) for question in long]
    best = max(shares, default=0.0)
    found = find(text, *long, words=n)
    assert found == (Found(shares.index(best), best) if best else None)


@given(TEXTS, TEXTS, TEXTS)
def test_what_holds_a_question_is_always_found(before: str, question: str, after: str) -> None:
    if len(tokens(question)) >= 4:
        found = find(f"{before} {question} {after}", question)
        assert found is not None
        assert found.share == 1
