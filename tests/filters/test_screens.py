"""Screens change no verdict: what they keep from being checked would have passed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters import heuristics
from filters.heuristics import CHECKS, Config, judge
from schemas.row import Row, TeacherNote, Turn, new_row, to_frame
from tests.filters.conftest import Records
from tests.filters.test_finding import PIECES

PARTS = st.sampled_from(PIECES) | st.sampled_from(
    [
        " ", "\n", ". ", ":", "：", "the", ",", "```\n", "~~~", "<instruction>", "N/A", "无", "x" * 30, "一" * 29, "的" * 31,
        "sort the list ", "sort the list of names and count them ", "今天天气很好", "Привет, как дела? ", "ı", "ſ", "K", "İ", "\x1c",
        "\x00", "\ufffd", "\u3000", "\xa0", "ﬁ" * 30, "Straße STRASSE ", "naïve café ", "https://a.b ", "I'm sorry, but I can't", "AI",
    ]
)  # fmt: skip
TEXTS = st.lists(PARTS | st.text(max_size=4), max_size=9).map("".join)
LONG = st.lists(PARTS, min_size=1, max_size=4).flatmap(
    lambda parts: st.integers(1, 30).map(lambda n: "".join(parts) * n)
)
ROWS = st.builds(
    lambda instruction, input, response, language, depth, later, finish: new_row(
        instruction, stage="s", input=input, response=response, language=language, depth=depth,
        turns=tuple(Turn("assistant", text) for text in later), teacher=TeacherNote("m", finish_reason=finish),
    ),
    TEXTS, st.just("") | TEXTS, TEXTS | LONG, st.sampled_from(["en", "zh", "ja", "de", "ru", "xx", "EN-us", ""]), st.integers(0, 1),
    st.lists(TEXTS, max_size=1), st.sampled_from(["stop", "length"]),
)  # fmt: skip
CONFIGS = st.builds(
    Config,
    scope=st.sampled_from(["row", "row", "instruction"]),
    ignore=st.lists(st.sampled_from([*CHECKS]), unique=True, max_size=16),
    min_instruction=st.integers(0, 5), max_instruction=st.integers(5, 40),
    min_response=st.integers(0, 5), max_response=st.integers(5, 60),
    max_foreign=st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0]), max_repeated_ngrams=st.sampled_from([0.1, 0.5, 1.0]),
    max_repeated_lines=st.sampled_from([0.2, 0.5]),
)  # fmt: skip


@contextmanager
def without_screens() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heuristics, "suspects", lambda reason, columns: np.ones(columns.frame.height, dtype=bool))
        yield


@given(st.lists(ROWS, max_size=6), CONFIGS)
@settings(max_examples=300)
def test_rows_are_judged_as_without_screens(rows: list[Row], config: Config) -> None:
    frame = to_frame(rows)
    with without_screens():
        expected = judge(frame, config)
    assert judge(frame, config) == expected


def rows_of(records: Records, instruction: str, response: str, language: str) -> pl.DataFrame:
    texts: list[tuple[str, str, Any]] = [
        (str(each[instruction]), str(each.get(response) or ""), each.get("input") or "") for each in records
    ]
    return to_frame(
        new_row(text, stage="s", response=reply, input=str(input), source=str(n), language=language)
        for n, (text, reply, input) in enumerate(texts)
    )


@pytest.mark.parametrize(
    ("name", "instruction", "response", "language"),
    [
        ("gsm8k_train.jsonl", "question", "answer", "en"),
        ("zh_instructions_hikariming.jsonl", "instruction", "output", "zh"),
        ("huatuo_8658.jsonl", "instruction", "output", "zh"),
    ],
)
def test_real_rows_are_judged_as_without_screens(
    real_data: Callable[[str], Records], name: str, instruction: str, response: str, language: str
) -> None:
    frame = rows_of(real_data(name)[:3000], instruction, response, language)
    for config in (Config(), Config(max_foreign=0.1, max_repeated_ngrams=0.05, min_response=3, max_instruction=12)):
        with without_screens():
            expected = judge(frame, config)
        assert judge(frame, config) == expected
