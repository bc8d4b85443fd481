import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.embedding import Config, open_index
from schemas.errors import RecipeError
from schemas.row import Row, new_row, to_frame
from schemas.stage import Verdict

ROOT = Path(__file__).parents[2]

POEM, SAME, OTHER = (
    "Write a poem about the sea.",
    "Please write a poem about the sea",
    "Explain how a bill becomes a law in Canada.",
)


def rows_of(*instructions: str, **values: Any) -> list[Row]:
    return [new_row(text, stage="seed", source=str(i), **values) for i, text in enumerate(instructions)]


def decide(rows: list[Row], cuts: tuple[int, ...] = (), /, **config: Any) -> list[Verdict]:
    index, verdicts = open_index(Config(**config)), list[Verdict]()
    for start, end in zip((0, *cuts), (*cuts, len(rows)), strict=True):
        frame = to_frame(rows[start:end])
        verdicts += index.decide(frame, index.sign(frame))
    return verdicts


def test_the_first_of_two_paraphrases_stays() -> None:
    rows = rows_of(POEM, OTHER, SAME)
    verdicts = decide(rows)
    assert [verdict.reason for verdict in verdicts] == [None, None, "same_meaning"]
    (score,) = verdicts[2].scores
    assert (score.measure, score.neighbour) == ("cosine", rows[0].id)
    assert 0.92 <= score.value <= 1


def test_kept_rows_carry_a_neighbour_where_one_comes_into_sight() -> None:
    rows = rows_of(POEM, OTHER, SAME)
    _, other, same = decide(rows, threshold=0.97)
    assert other.scores == ()
    (score,) = same.scores
    assert same.keep
    assert (score.neighbour, 0.92 <= score.value < 0.97) == (rows[0].id, True)


@pytest.mark.parametrize("cuts", [(), (1,), (2,)])
def test_rows_are_compared_with_kept_rows_only(cuts: tuple[int, ...]) -> None:
    # Three directions, 20 degrees apart (cosine .94): the second goes, and does not take the third with it.
    angles = np.deg2rad([0, 20, 40])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float16)
    index, verdicts, rows = open_index(Config()), list[Verdict](), rows_of("a", "b", "c")
    for start, end in zip((0, *cuts), (*cuts, 3), strict=True):
        all_of_them = np.ones(end - start, dtype=bool)
        signatures = {"compared": all_of_them, "fits": all_of_them, "vectors": vectors[start:end]}
        signatures["groups"] = np.zeros(end - start, dtype=np.uint64)
        verdicts += index.decide(to_frame(rows[start:end]), signatures)
    assert [verdict.keep for verdict in verdicts] == [True, False, True]


def test_vectors_are_unit_float16_and_zero_where_not_compared() -> None:
    signatures = open_index(Config()).sign(to_frame(rows_of(POEM, "", OTHER)))
    assert signatures["vectors"].dtype == np.float16
    assert signatures["compared"].tolist() == [True, False, True]
    assert np.linalg.norm(signatures["vectors"].astype(float), axis=1) == pytest.approx([1, 0, 1], abs=1e-3)


def test_languages_the_model_does_not_know_pass_and_are_counted() -> None:
    index = open_index(Config())
    rows = rows_of("请写一首诗", "请写一首诗", language="zh") + rows_of("请写一首诗", "", "word " * 400, "word " * 400)
    frame = to_frame(rows)
    assert all(verdict.keep and not verdict.scores for verdict in index.decide(frame, index.sign(frame)))
    assert index.counts() == {
        "uncompared_language_zh": 2,
        "uncompared_script": 1,
        "uncompared_empty": 1,
        "uncompared_too_long": 2,
    }


@pytest.mark.parametrize(("guard", "kept"), [(True, True), (False, False)])
def test_the_digit_guard_keeps_other_calculations(guard: bool, kept: bool) -> None:
    rows = rows_of("What is the sum of 24 and 31?", "What is the sum of 24 and 37?")
    for cuts in [(), (1,)]:
        assert decide(rows, cuts, digit_guard=guard, threshold=0.85)[1].keep is kept


def test_one_instruction_with_two_inputs_is_two_tasks() -> None:
    rows = [
        new_row("Rewrite the sentence.", input=text, stage="s", source=text)
        for text in ("Cats sleep a lot.", "The economy of Peru grew.")
    ]
    assert [verdict.keep for verdict in decide(rows)] == [True, True]
    assert [verdict.keep for verdict in decide(rows, text="instruction")] == [True, False]


def test_the_best_of_a_shard_stays() -> None:
    rows = [new_row(text, response="x" * i, stage="s", source=str(i)) for i, text in enumerate([POEM, OTHER, SAME])]
    assert [verdict.keep for verdict in decide(rows, keep="best")] == [False, True, True]


def test_verdicts_do_not_depend_on_the_shards() -> None:
    rows = rows_of(
        *[f"{verb} a poem about the {noun}." for verb in ("Write", "Compose") for noun in ("sea", "moon")] * 2
    )
    whole = decide(rows)
    assert [verdict.keep for verdict in whole].count(False) >= 4
    for cuts in [(1,), (3, 5), (2, 2, 7)]:
        assert decide(rows, cuts) == whole


def test_a_resumed_run_decides_as_one_run() -> None:
    rows = rows_of(POEM, SAME, OTHER, POEM, OTHER + "!")
    whole, index = decide(rows), open_index(Config())
    kept = to_frame([rows[0]])
    index.add(kept, index.sign(kept))
    rest = to_frame(rows[2:])
    assert [v.reason for v in index.decide(rest, index.sign(rest))] == [v.reason for v in whole[2:]]


def test_an_empty_shard_is_no_trouble() -> None:
    assert decide([]) == []


def test_odd_text_never_crashes() -> None:
    odd = ["\0", "\u200b", "😀", "a" * 5000, "\U0010ffff", "a", "", "word " * 200_000]
    assert len(decide(rows_of(*odd))) == len(odd)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(max_size=60), max_size=6), st.integers(0, 6))
def test_any_text_gets_the_verdict_that_it_gets_in_any_shard(texts: list[str], cut: int) -> None:
    rows = rows_of(*texts)
    assert decide(rows, (min(cut, len(rows)),)) == decide(rows)


@pytest.mark.parametrize("model", ["/no/such/folder", "no such name!"])
def test_a_model_that_cannot_be_loaded_is_one_clear_line(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RecipeError) as caught:
        open_index(Config(model=model, threshold=0.9, languages=["en"]))
    assert str(caught.value).startswith(f"embedding.model: {model!r} cannot be loaded")
    assert "give minilm" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_model_needs_its_threshold_and_languages() -> None:
    with pytest.raises(ValueError, match="needs threshold and languages"):
        Config(model="some/model")
    assert Config(model="some/model", threshold=0.9, languages=["zh-CN"]).known_languages == {"zh"}


def test_the_default_model_asks_no_network_and_prints_nothing() -> None:
    code = """
import socket
def refuse(*args, **kwargs):
    raise AssertionError("a connection was tried")
socket.socket.connect = refuse
from filters.embedding import Config, open_index
from schemas.row import new_row, to_frame
index = open_index(Config())
index.sign(to_frame([new_row("Write a poem", stage="s")]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
