import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score import tokenize

from filters.text import (
    base_language,
    calculation,
    foreign_share,
    is_unspaced,
    normalise,
    numbers,
    prose,
    same_but_for_case,
    tokens,
    without_surrogates,
)

ODD = ["", " ", "\0", "\ud800", "a\udfffb", "\u200b", "😀", "?!", "\U0010ffff", "ﬁ\u0301"]


@given(st.text(st.characters(max_codepoint=0x2FFF, exclude_categories=["Cs"])))
def test_english_tokens_are_those_of_rouge_score(text: str) -> None:
    expected = tokenize.tokenize(text, None)
    if expected:
        assert [token for token in tokens(text, "en") if token.isascii()] == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("What's 3.5 km?", "en", ["what", "s", "3", "5", "km"]),
        ("用Python3写 bubble_sort", "zh", ["用", "python3", "写", "bubble", "sort"]),
        ("Say 你好 to Tom", "en", ["say", "你", "好", "to", "tom"]),
        ("L'été à Paris", "fr", ["l", "été", "à", "paris"]),
        ("Привет, мир", "ru", ["привет", "мир"]),
        ("Привет, мир", "en", ["привет", "мир"]),
        ("हिन्दी भाषा", "hi", ["हिन्दी", "भाषा"]),
        ("ＧＰＴ４", "zh", ["gpt4"]),
        ("カタカナ・です", "ja", list("カタカナです")),
        ("한국어 문장", "ko", ["한국어", "문장"]),
    ],
)
def test_tokens_suit_the_script(text: str, language: str, expected: list[str]) -> None:
    assert tokens(text, language) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hello,  World!", "hello world"), ("ＡＢＣ", "abc"), ("你好。", "你好"), ("a\0b", "a b"), ("a\u200bb", "ab")],
)
def test_writing_does_not_matter_after_normalising(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), [("3-5", "3/5"), ("3+5", "35"), ("C#", "C"), ("?", "!"), ("x<5", "x>5")])
def test_meaning_survives_normalising(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Write a  POEM!", "write a poem."),
        ("ＡＢＣ", "abc"),
        ("你好。", "你好"),
        ("Don’t “go”", 'don\'t "go"'),
        ("Straße", "STRASSE"),
        ("a\u200bb", "ab"),
        ("Really?!", "really"),
    ],
)
def test_case_blanks_and_the_last_mark_make_no_other_text(one: str, other: str) -> None:
    assert same_but_for_case(one) == same_but_for_case(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Lets eat, grandma", "Lets eat grandma!"),
        ("5!?", "5?"),
        ("Compute n!", "Compute n"),
        ("What is {}?", "What is []?"),
        ("?", "!"),
        ("[1, 2][0]", "(1, 2)[0]"),
    ],
)
def test_other_punctuation_makes_another_text(one: str, other: str) -> None:
    assert same_but_for_case(one) != same_but_for_case(other)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("3 apples and 5 pears", "3 apples, 5 pears!", True),
        ("5 apples less 3", "3 apples less 5", False),
        ("1.25 plus 2", "1, 25 plus 2", False),
        ("Simplify 2:3", "Simplify 2.3", False),
        ("(2 + 3) * 4", "2 + (3 * 4)", False),
        ("( 2 + 3 ) * 4", "（2+3）*4", True),
        ("not (a and b)", "(not a) and b", False),
        ("(a and b) or c", "a and (b or c)", False),
        ("x - y", "x + y", False),
        ("a * b", "a / b", False),
        ("total * tax", "total / tax", False),
        ("a ** b", "a * b", False),
        ("What is 5!?", "What is 5?", False),
        ("!done", "done", False),
        ("C#", "C", False),
        ("C++", "C", False),
        ("a && b", "a || b", False),
        ("10% of 50", "10 of 50", False),
        ('{"a": 1}', '{"a", 1}', False),
        ("The sea - and the sky!", "The sea, and the sky.", True),
        ("* one\n* two", "- one\n- two", True),
        ("a **bold** word", "a bold word", True),
        ("Well: he said 'go'!", "Well, he said go.", True),
        ("3 apples and 5 pears", "3 apples and 6 pears", False),
        ("What is 3+5?", "What is 3 - 5?", False),
        ("What is 3 - 5?", "What is 3−5?", True),
        ("ｗalk ５ km", "walk 5 km", True),
        ("costs 1,250,000 dollars", "costs 1250000 dollars", True),
        ("a 60-minute walk", "a 60 minute walk", True),
        ("below -5 degrees", "below 5 degrees", False),
        ("no numbers", "none and/or well-known", True),
    ],
)
def test_calculations_are_told_apart_and_prose_is_not(one: str, other: str, same: bool) -> None:
    assert (calculation(one) == calculation(other)) is same


@pytest.mark.parametrize(
    ("text", "language", "foreign"),
    [
        ("The cat sat on the mat", "en", False),
        ("猫坐在垫子上面睡觉", "en", True),
        ("我用 Python 写程序", "zh", False),
        ("Nothing Chinese in here at all", "zh", True),
        ("ひらがなと漢字", "ja", False),
        ("12345", "en", False),
        ("whatever", "xx", False),
    ],
)
def test_foreign_script_is_noticed(text: str, language: str, foreign: bool) -> None:
    assert (foreign_share(text, language) > 0.5) is foreign


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Run `ls -l` now.", ["Run", "now."]),
        ("Look:\n```python\nx = 1\n```\nDone.", ["Look:", "Done."]),
        ("Look:\n```\nnever closed", ["Look:"]),
        ("See https://example.com/a?b=c for more.", ["See", "for", "more."]),
        ("If $a^2 + b^2$ holds <b>then</b> stop.", ["If", "holds", "then", "stop."]),
        ("Say:\nfor i in range(3):\nprint(i)\nThat is all.", ["Say:", "That", "is", "all."]),
    ],
)
def test_prose_is_what_is_said_in_a_language(text: str, expected: list[str]) -> None:
    assert prose(text).split() == expected


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("language", ["en", "zh", "", None])
def test_odd_text_never_crashes(text: str, language: str | None) -> None:
    assert "\0" not in normalise(text)
    assert all(tokens(text, language))
    assert calculation(text) == ""
    assert "\0" not in same_but_for_case(text)
    assert foreign_share(text, language) == 0 or text.startswith("a")
    without_surrogates(text).encode("utf-8")


@pytest.mark.parametrize(("given_language", "code"), [("zh-CN", "zh"), ("EN", "en"), ("pt_BR", "pt"), (None, "")])
def test_a_language_is_its_first_part(given_language: str | None, code: str) -> None:
    assert base_language(given_language) == code


def test_mixed_text_is_unspaced_by_majority() -> None:
    assert is_unspaced(tokens("用 Python 写一个程序", "zh"))
    assert not is_unspaced(tokens("What does 你好 mean in English?", "en"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("He pays $1,234.50 for 3 of 12", ("12", "1234.5", "3")),
        ("3.0 and 03 and 3", ("3", "3", "3")),
        ("０.5 or .50", ("0.5", "50")),
        ("one of two", ()),
        ("v1.2.3", ("1.2", "3")),
        ("10, 20,000 and 30", ("10", "20000", "30")),
        ("000 and 0.00", ("0", "0")),
    ],
)
def test_numbers_are_those_in_digits_without_the_way_they_are_written(text: str, found: tuple[str, ...]) -> None:
    assert numbers(text) == found


@given(st.text())
def test_numbers_do_not_depend_on_order(text: str) -> None:
    words = text.split()
    assert numbers(" ".join(words)) == numbers(" ".join(reversed(words)))
