import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.exact import Config, Kept, open_index
from filters.text import same_but_for_case
from schemas.row import Row, Turn, new_row, to_frame
from schemas.stage import Verdict

TEXTS = st.lists(st.sampled_from(["a", "A", "a.", "b", "ab", "", " ", "你好", "你好。", "\0"]), max_size=12)


def rows_of(*instructions: str, **values: Any) -> list[Row]:
    return [new_row(text, stage="seed", source=str(i), **values) for i, text in enumerate(instructions)]


def decide(rows: list[Row], cuts: tuple[int, ...] = (), /, **config: Any) -> list[Verdict]:
    index, verdicts = open_index(Config(**config)), list[Verdict]()
    for start, end in zip((0, *cuts), (*cuts, len(rows)), strict=True):
        frame = to_frame(rows[start:end])
        verdicts += index.decide(frame, index.sign(frame))
    return verdicts


def kept(rows: list[Row], **config: Any) -> list[bool]:
    return [verdict.keep for verdict in decide(rows, **config)]


def test_a_row_that_differs_in_case_and_the_last_mark_goes_and_names_the_row_it_equals() -> None:
    rows = rows_of("Sort the list", "Add the numbers", "sort  the LIST.")
    *first, last = decide(rows)
    assert [verdict.keep for verdict in first] == [True, True]
    assert all(not verdict.scores for verdict in first)
    assert last.reason == "exact_duplicate"
    assert [(score.measure, score.value, score.neighbour) for score in last.scores] == [("equal", 1.0, rows[0].id)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("Sort the list", "Sort a list"), ("Let's eat, grandma", "Lets eat grandma"), ("2 + 3", "2 - 3"), ("?", "!")],
)
def test_other_words_or_marks_make_another_row(one: str, other: str) -> None:
    assert kept(rows_of(one, other)) == [True, True]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("instruction_and_input", [True, True, True, True, False]),
        ("instruction", [True, False, False, True, False]),
        ("response", [True, False, True, False, False]),
        ("conversation", [True, True, True, True, True]),
    ],
)
def test_only_the_fields_that_were_asked_for_are_compared(fields: str, expected: list[bool]) -> None:
    rows = [
        new_row("Sort", input="b a", response="done", stage="s", source="0"),
        new_row("Sort", input="d c", response="Done.", stage="s", source="1"),
        new_row("Sort", input="", response="a b", stage="s", source="2"),
        new_row("Add", input="b a", response="done", stage="s", source="3"),
        new_row("Sort", input="b a", response="done", turns=(Turn("user", "Thanks"),), stage="s", source="4"),
    ]
    assert kept(rows, fields=fields) == expected


def test_a_text_cannot_move_from_one_field_to_the_next_unseen() -> None:
    rows = [new_row("a b", input="c", stage="s"), new_row("a", input="b c", stage="s")]
    assert kept(rows) == [True, True]


def test_rows_of_other_languages_are_never_equal() -> None:
    assert kept(rows_of("No", language="en") + rows_of("No", language="es")) == [True, True]


def test_rows_without_a_text_stay_and_are_counted() -> None:
    index, frame = open_index(Config(fields="response")), to_frame(rows_of("a", "b"))
    assert [verdict.keep for verdict in index.decide(frame, index.sign(frame))] == [True, True]
    assert index.counts() == {"uncompared_empty": 2}


def test_the_best_of_a_shard_stays() -> None:
    rows = [new_row("Sort", response="x" * length, stage="s", source=str(length)) for length in (1, 3, 2)]
    verdicts = decide(rows, keep="best")
    assert [verdict.keep for verdict in verdicts] == [False, True, False]
    assert {verdicts[place].scores[0].neighbour for place in (0, 2)} == {rows[1].id}


def test_signatures_survive_a_file() -> None:
    frame = to_frame(rows_of("a", "A", ""))
    index, file = open_index(Config()), io.BytesIO()
    np.savez(file, **index.sign(frame))  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file) as loaded:
        verdicts = index.decide(frame, dict(loaded))
    assert [verdict.keep for verdict in verdicts] == [True, False, True]


@given(TEXTS, st.data())
def test_the_first_of_equal_rows_stays_however_rows_are_cut_into_shards(texts: list[str], data: st.DataObject) -> None:
    rows = rows_of(*texts)
    cuts = tuple(sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=4))))
    seen: dict[str, str] = {}
    for row, verdict in zip(rows, decide(rows, cuts), strict=True):
        key = same_but_for_case(row.instruction)
        earlier = seen.setdefault(key, row.id) if key else row.id
        assert verdict.keep is (earlier == row.id)
        assert [score.neighbour for score in verdict.scores] == ([] if verdict.keep else [earlier])


@given(TEXTS, TEXTS)
def test_rows_of_an_earlier_run_are_known(earlier: list[str], texts: list[str]) -> None:
    old = to_frame(rows_of(*earlier))
    index, new = open_index(Config()), to_frame(rows_of(*texts))
    index.add(old, index.sign(old))
    known = {same_but_for_case(text) for text in earlier} - {""}
    for text, verdict in zip(texts, index.decide(new, index.sign(new)), strict=True):
        assert not (verdict.keep and same_but_for_case(text) in known)


@given(st.lists(st.lists(st.integers(0, 9), max_size=7), max_size=9))
def test_the_earliest_row_of_a_key_is_found_whatever_the_runs(runs: list[list[int]]) -> None:
    kept, first = Kept(), dict[int, str]()
    for number, keys in enumerate(runs):
        ids = [f"{number}-{place}" for place in range(len(keys))]
        for key, id in zip(keys, ids, strict=True):
            first.setdefault(key, id)
        kept.add(np.array(keys, dtype=np.uint64), ids)
    assert kept.find(np.arange(10, dtype=np.uint64)) == [first.get(key) for key in range(10)]
