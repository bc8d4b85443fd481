"""What a judge says counts only where it says it plainly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.judging import option, spoken
from schemas.exchange import Completion

ENGLISH, CHINESE = ("Cannot tell", "Same", "Different"), ("无法判断", "相同", "不同")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Same", "Same"),
        (" **different** ", "Different"),
        ("cannot tell.", "Cannot tell"),
        ("Verdict: **Same**", "Same"),
        ("The same problem.", "Same"),
        ("Same. Only the names are different.", "Same"),
        ("Different: 5 apples are not 6", "Different"),
        ("Different\nBecause a figure differs.", "Different"),
        ("The figures agree.\n\n**Answer:** same", "Same"),
        ("same\nSame problem.", "Same"),
    ],
)
def test_a_plain_verdict_is_read_with_its_marks_label_and_reason(text: str, said: str) -> None:
    assert option(text, ENGLISH) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Same, Different, or Cannot tell",
        "Same or different? Cannot tell.",
        "Same problem, different wording",
        "Same\n\nDifferent",
        "Not the same",
        "It is a different problem, even though the story is the same.",
        "I can't tell whether they are the same",
        "Sameness is a hard question.",
        "I cannot compute an answer to this task offline.",
    ],
)
def test_who_gives_the_options_back_or_only_mentions_one_has_not_decided(text: str) -> None:
    assert option(text, ENGLISH) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("不同。", "不同"),
        ("“相同”", "相同"),
        ("判断：无法判断", "无法判断"),
        ("不同，数字不一样", "不同"),
        ("相同还是不同？", None),
        ("相同或不同", None),
    ],
)
def test_chinese_verdicts_are_read_likewise(text: str, said: str | None) -> None:
    assert option(text, CHINESE) == said


@given(st.text(), st.sampled_from([ENGLISH, CHINESE]))
def test_no_text_is_read_as_anything_but_an_option(text: str, options: tuple[str, ...]) -> None:
    assert option(text, options) in (None, *options)


@pytest.mark.parametrize(
    "completion",
    [
        Completion("Same", error="timeout"),
        Completion("Same", finish_reason="length"),
        Completion("Same", finish_reason="content_filter"),
        Completion("<think>Are they the Same?"),
        Completion("<think>a</think>Same<think>b</think>"),
    ],
)
def test_a_reply_that_failed_was_cut_or_cannot_be_told_from_thoughts_says_nothing(completion: Completion) -> None:
    assert spoken(completion) is None


def test_thoughts_are_not_the_verdict() -> None:
    assert spoken(Completion("<think>Different?</think>\nSame")) == "Same"
