"""The rules of the benchmark, and what it says where its files are not there."""

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.decontamination import RULES, Compared, halves, main

EXAM = ["Ann has 3 hats and buys 12 more of them in May.", "Tom has 5 dogs and 7 cats, and no other animal at all."]
ROWS = Compared(
    EXAM,
    [EXAM[0], "In May Ann, with 3 hats, buys 12.", "Tom has 9 dogs and 7 cats, it seems to me now."],
    np.array([[1.0, 0.2], [0.75, 0.7], [0.3, 0.84]], dtype=np.float32),
)


@pytest.mark.parametrize(
    ("caught", "expected"),
    [
        (ROWS.covered(8, 0.5), [True, False, False]),
        (ROWS.near(0.8), [True, False, True]),
        (ROWS.ahead(0.7, 0.15), [True, False, True]),
        (ROWS.alike(0.7), [True, True, False]),
        (ROWS.alike(0.8), [True, False, False]),
    ],
)
def test_rules_catch_what_they_say(caught: np.ndarray, expected: list[bool]) -> None:
    assert caught.tolist() == expected


def test_every_rule_says_something_of_every_row() -> None:
    assert all(rule(ROWS).shape == (3,) and rule(ROWS).dtype == bool for rule in RULES.values())


def test_the_halves_are_all_rows_once() -> None:
    assert [half.tolist() for half in halves(np.array([1, 2, 3]))] == [[1, 3], [2]]


def test_missing_files_are_one_line_that_names_the_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["decontamination", "--data", str(tmp_path)])
    with pytest.raises(SystemExit, match=r"^--data: .* has no gsm8k_test\.jsonl; give the folder"):
        main()
