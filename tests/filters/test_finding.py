"""A search that first looks for words finds what the pattern finds."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from filters import phrases
from filters.finding import finds, required

PATTERNS = {name: pattern for name, pattern in vars(phrases).items() if isinstance(pattern, re.Pattern)}
PIECES = sorted({word for pattern in PATTERNS.values() for word in required(pattern) or ()})
TEXTS = st.lists(
    st.sampled_from(PIECES) | st.sampled_from([" ", "\n", ". ", "ı", "ſ", "K", "ı'm"]) | st.text(max_size=3), max_size=8
)


@pytest.mark.parametrize("name", PATTERNS)
@given(TEXTS.map("".join), st.booleans())
@example("I am an AI language model", True)
@example("As an aı language model, ſorry", False)
def test_what_it_finds_is_what_the_pattern_finds(name: str, text: str, upper: bool) -> None:
    text = text.upper() if upper else text
    assert finds(PATTERNS[name], text) == (PATTERNS[name].search(text) is not None)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"cat|dog", ("cat", "dog")),
        (r"cats?", ("cat",)),
        (r"(?:big )?dog", ("dog",)),
        (r"\bDog(?= house)", ("Dog", )),
        (r"[a-z]+", None),
        (r"x*", None),
        (r"cat|\d", None),
        (r"(?i:cat)", None),
        (r"(cat)\1{0}", ("cat",)),
        (r"什么|怎么", ("怎么", "什么")),
    ],
)  # fmt: skip
def test_the_words_are_read_from_the_pattern(pattern: str, words: tuple[str, ...] | None) -> None:
    found = required(re.compile(pattern))
    assert found == words or (found is not None and words is not None and set(found) in ({*words}, {" house"}))


def test_case_is_ignored_where_the_pattern_ignores_it() -> None:
    assert required(re.compile("CAT", re.IGNORECASE)) == ("cat",)
    assert finds(re.compile("CAT", re.IGNORECASE), "a Cat")
    assert not finds(re.compile("CAT"), "a cat")
    assert required(re.compile("ΟΔΟΣ", re.IGNORECASE)) is None


def test_most_phrases_have_words() -> None:
    assert sum(required(pattern) is not None for pattern in PATTERNS.values()) > len(PATTERNS) / 2
