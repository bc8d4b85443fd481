"""Rows that leak a benchmark's questions go; whatever could not be compared is said."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.decontaminate import Config, open_index
from filters.text import tokens
from schemas.benchmarks import BenchmarkFile
from schemas.errors import RecipeError
from schemas.row import Row, Score, Turn, new_row, to_frame
from schemas.stage import Verdict

DUCKS = "Ann's ducks lay 16 eggs a day. She eats 3 of them and sells the rest at 2 dollars each. What does she earn?"
TOLD = "Each day 16 eggs are laid by the ducks of Ann. If 3 are eaten and every other one is sold for $2, how much is made?"
TALL = "How tall is Mount Everest?"
FROG = "一只青蛙白天往上爬三米，晚上滑下两米，问几天爬出井口？"
OTHER = "Explain how a bill becomes a law in Canada."


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Config]:
    def made(*questions: str, **values: Any) -> Config:
        path = tmp_path / "exam.jsonl"
        path.write_text("\n".join(json.dumps({"question": text}) for text in questions), encoding="utf-8")
        return Config(benchmarks=[BenchmarkFile(path=str(path))], **values)

    return made


def rows_of(*instructions: str, **values: Any) -> list[Row]:
    return [new_row(text, stage="seed", source=str(i), **values) for i, text in enumerate(instructions)]


def decide(rows: list[Row], config: Config, cuts: tuple[int, ...] = ()) -> list[Verdict]:
    index, verdicts = open_index(config), list[Verdict]()
    for start, end in zip((0, *cuts), (*cuts, len(rows)), strict=True):
        frame = to_frame(rows[start:end])
        verdicts += index.decide(frame, index.sign(frame))
    return verdicts


def reasons(rows: list[Row], config: Config) -> list[str | None]:
    return [verdict.reason for verdict in decide(rows, config)]


def test_a_copy_a_quoted_short_question_and_a_paraphrase_go_each_for_its_own_reason(
    config: Callable[..., Config],
) -> None:
    rows = rows_of(f"Solve: {DUCKS.upper()}", f"Tell me: {TALL}", TOLD, OTHER)
    verdicts = decide(rows, config(DUCKS, TALL))
    assert [verdict.reason for verdict in verdicts] == ["benchmark_ngram", "benchmark_text", "benchmark_meaning", None]
    assert [verdict.keep for verdict in verdicts] == [False, False, False, True]


def test_scores_say_how_much_of_which_question_on_kept_rows_too(config: Callable[..., Config]) -> None:
    half = " ".join(DUCKS.split()[:11])
    copied, kept = decide(rows_of(DUCKS, half), config(TALL, DUCKS, name="clean", embedding=False, coverage=0.8))
    assert copied.scores == (Score("clean", "coverage", 1.0, "exam:2"),)
    assert kept.keep
    assert kept.scores == (Score("clean", "coverage", 12 / 25, "exam:2"),)
    (cosine,) = decide(rows_of(OTHER), config(TALL, DUCKS))[0].scores
    assert (cosine.measure, cosine.neighbour in ("exam:1", "exam:2")) == ("cosine", True)
    assert cosine.value < 0.4


@pytest.mark.parametrize("part", ["task", "response", "turns"])
def test_a_question_is_found_in_each_part_of_a_row_and_only_where_it_is_looked_for(
    config: Callable[..., Config], part: str
) -> None:
    first, second = DUCKS.split(" She ")
    rows = {
        "task": new_row(first, input="She " + second, stage="s"),
        "response": new_row("Invent a word problem.", response=DUCKS, stage="s"),
        "turns": new_row("Hello.", response="Hello.", turns=(Turn("user", DUCKS), Turn("assistant", "18")), stage="s"),
    }
    frame = list(rows.values())
    found = reasons(frame, config(DUCKS, embedding=False, fields=[part]))
    assert found == ["benchmark_ngram" if name == part else None for name in rows]
    assert reasons(frame, config(DUCKS, embedding=False)) == ["benchmark_ngram"] * 3


def test_chinese_is_compared_by_character(config: Callable[..., Config]) -> None:
    rows = rows_of(f"请回答：{FROG}", "请写一首诗", language="zh")
    assert reasons(rows, config(DUCKS, FROG, embedding=False)) == ["benchmark_ngram", None]


def test_the_same_numbers_count_as_nearness_and_other_numbers_do_not(config: Callable[..., Config]) -> None:
    changed = TOLD.replace("16", "18")
    limits = {"cosine": 0.99, "cosine_same_numbers": 0.5}
    same, other = decide(rows_of(TOLD, changed), config(DUCKS, **limits))
    assert (same.reason, other.reason) == ("benchmark_meaning", None)
    assert other.scores[-1].value > 0.5


def test_a_nearer_question_does_not_hide_the_one_with_the_rows_numbers(config: Callable[..., Config]) -> None:
    nearer = TOLD.replace("16", "18")
    verdict = decide(rows_of(TOLD), config(nearer, DUCKS, cosine=0.9999, cosine_same_numbers=0.5, coverage=1))[0]
    assert (verdict.reason, verdict.scores[-1].neighbour) == ("benchmark_meaning", "exam:2")


def test_grey_rows_pass_with_their_score_and_certain_ones_still_go(config: Callable[..., Config]) -> None:
    limits = {"cosine": 0.95, "cosine_same_numbers": 0.5, "grey": True, "coverage": 1}
    grey, certain = decide(rows_of(TOLD, DUCKS.replace("What does", "How much does")), config(DUCKS, **limits))
    assert (grey.reason, grey.scores[-1].neighbour) == (None, "exam:1")
    assert 0.5 < grey.scores[-1].value < 0.95
    assert certain.reason == "benchmark_meaning"


def test_rows_that_the_model_cannot_read_pass_uncompared_and_are_counted(config: Callable[..., Config]) -> None:
    index = open_index(config(DUCKS))
    frame = to_frame(
        rows_of("请写一首诗", language="zh") + rows_of("请写一首诗", "", "word " * 400, DUCKS + " word" * 400)
    )
    verdicts = index.decide(frame, index.sign(frame))
    assert [verdict.reason for verdict in verdicts] == [None, None, None, None, "benchmark_ngram"]
    assert index.counts() == {
        "uncompared_language_zh": 1, "uncompared_script": 1, "uncompared_empty": 1, "uncompared_too_long": 2
    }  # fmt: skip


def test_questions_that_the_model_cannot_read_are_compared_by_their_wording_and_told(
    config: Callable[..., Config], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        found = reasons(rows_of(TOLD, FROG), config(FROG, "word " * 400))
    assert found == [None, "benchmark_ngram"]
    assert "decontaminate: 2 of 2 benchmark questions are in another language" in caplog.text


def test_without_embedding_no_model_is_asked_for(config: Callable[..., Config]) -> None:
    index = open_index(
        config(DUCKS, embedding=False, model="/no/such/folder", cosine=0.9, cosine_same_numbers=0.8, languages=["en"])
    )
    frame = to_frame(rows_of(TOLD))
    assert index.sign(frame) == {}
    assert index.decide(frame, {})[0].keep


def test_nothing_is_remembered_so_a_row_may_come_twice(config: Callable[..., Config]) -> None:
    index, frame = open_index(config(DUCKS, embedding=False)), to_frame(rows_of(OTHER))
    index.add(frame, index.sign(frame))
    assert [index.decide(frame, {})[0].keep for _ in range(2)] == [True, True]


WORDS = st.lists(st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join), max_size=8)


@settings(max_examples=30)
@given(WORDS, WORDS, st.data())
def test_verdicts_do_not_depend_on_the_shards(
    tmp_path_factory: pytest.TempPathFactory, questions: list[str], texts: list[str], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("exam") / "exam.jsonl"
    path.write_text("\n".join(json.dumps({"question": text}) for text in ["a b c d", *questions]))
    config, rows = Config(benchmarks=[BenchmarkFile(path=str(path))], embedding=False, ngram=4), rows_of(*texts)
    cuts = tuple(sorted(data.draw(st.sets(st.integers(0, len(rows)), max_size=3))))
    assert decide(rows, config, cuts) == decide(rows, config)


TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT, TEXT, TEXT)
def test_a_row_that_is_the_question_goes_and_no_text_is_too_odd(
    tmp_path_factory: pytest.TempPathFactory, question: str, text: str, response: str
) -> None:
    path = tmp_path_factory.mktemp("exam") / "exam.jsonl"
    path.write_text(json.dumps({"question": question or "?"}))
    if question.strip():
        rows = [new_row(text, response=response, stage="s"), new_row(question, stage="s")]
        _, same = decide(rows, Config(benchmarks=[BenchmarkFile(path=str(path))], embedding=False))
        assert same.keep is not bool(tokens(question, None))


BAD = [
    ({"model": "some/model"}, "needs cosine, cosine_same_numbers, languages"),
    ({"cosine": 0.6}, r"cosine_same_numbers is 0\.7, above cosine 0\.6"),
    ({"coverage": 0}, "coverage"),
    ({"fields": ["input"]}, "fields"),
    ({"benchmarks": []}, "benchmarks"),
]


@pytest.mark.parametrize(("values", "message"), BAD)
def test_a_wrong_setting_is_refused(config: Callable[..., Config], values: dict[str, Any], message: str) -> None:
    good = config(DUCKS).benchmarks
    with pytest.raises(ValueError, match=message):
        Config.model_validate({"benchmarks": good, **values})


def test_a_model_that_cannot_be_loaded_names_the_stages_field(config: Callable[..., Config]) -> None:
    with pytest.raises(RecipeError, match=r"^exams\.model: '/no/such/folder' cannot be loaded"):
        open_index(
            config(DUCKS, name="exams", model="/no/such/folder", cosine=0.9, cosine_same_numbers=0.8, languages=["en"])
        )


def test_rephrased_questions_are_caught_and_other_questions_of_their_kind_are_not(
    real_data: Callable[[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    exam = real_data("gsm8k_test.jsonl")[::20]
    (tmp_path / "exam.jsonl").write_text("\n".join(map(json.dumps, exam)))
    rephrased = [
        record["text"].removeprefix("Question: ").partition("\nAnswer:")[0]
        for record in real_data("gsm8k_test_rephrased.jsonl")[::20]
    ]
    others = [record["question"] for record in real_data("gsm8k_train.jsonl")[::100]]
    found = reasons(rows_of(*rephrased, *others), Config(benchmarks=[BenchmarkFile(path=str(tmp_path / "exam.jsonl"))]))
    gone = np.array([reason is not None for reason in found])
    assert gone[: len(rephrased)].mean() >= 0.85
    assert gone[len(rephrased) :].mean() <= 0.05
