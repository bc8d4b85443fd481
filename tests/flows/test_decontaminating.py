"""Benchmarks in a run: read before it, part of its digests, and a judge's silence is counted, not believed."""

import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flows import work
from flows.recipe_file import check_recipe
from flows.run import check_index, open_run
from flows.stages import Draw, Stage, resolve
from schemas.errors import RecipeError
from teachers.builtin.compose import compose, write

COPIED = "Ann's ducks lay 16 eggs a day. She eats 3 of them and sells the rest at 2 dollars each. What does she earn?"
ASKED = "Tom buys 5 pens for 4 dollars each and pays with a 50 dollar note. How much change does he get back?"
TOLD = "With a 50 dollar note Tom pays for 5 pens, each of which costs 4 dollars. What change is he given?"


def exam(folder: Path, *questions: str) -> str:
    path = folder / "exam.jsonl"
    path.write_text("\n".join(json.dumps({"question": text}) for text in questions))
    os.utime(path, ns=(1, len(questions)))  # two writes within one tick of the clock
    return str(path)


def recipe_of(*stages: dict[str, Any], **changes: Any) -> Any:
    return check_recipe({"dataset": "clean", "rows": 3, "stages": list(stages)} | changes, "test")


def stages_of(*stages: dict[str, Any], earlier: str = "") -> list[Stage]:
    return resolve(recipe_of(*stages), "", "test", Draw(earlier=earlier))


def test_a_run_drops_copies_and_counts_what_its_judges_could_not_tell(tmp_path: Path) -> None:
    path = exam(tmp_path, COPIED, ASKED)
    instruction, input = write(compose(Random(3), "en"))
    seeds = tmp_path / "seeds.jsonl"
    records = [{"instruction": COPIED}, {"instruction": TOLD}, {"instruction": instruction, "input": input}]
    seeds.write_text("\n".join(map(json.dumps, records)))
    judges: list[dict[str, Any]] = [{"use": "same_problem", "benchmarks": [path], "lowest": 0.5}, {"use": "safety"}]
    filters: list[dict[str, Any]] = [{"use": "decontaminate", "benchmarks": [path], "grey": True, "cosine": 0.99}]
    run = open_run(recipe_of(*filters, *judges, seeds={"path": str(seeds)}), tmp_path)
    try:
        run.prepare()
        counts = [
            work.make_source(run, 0),
            work.filter_shard(run, 1, 0),
            work.generate_shard(run, 2, 0),
            work.generate_shard(run, 3, 0),
        ]
        rows = run.store.shard(run.stages[-1], 0).rows()
    finally:
        run.close()
    assert [count.reasons for count in counts[1:]] == [
        {"benchmark_ngram": 1}, {"contamination_unknown": 1}, {"safety_unknown": 1}
    ]  # fmt: skip
    assert rows["instruction"].to_list() == [TOLD, instruction]
    measures = [[score["measure"] for score in scores] for scores in rows["scores"].to_list()]
    assert measures[0][-2:] == ["contamination_unknown", "safety_unknown"]
    assert "contamination_unknown" not in measures[1]


@pytest.mark.parametrize(("use", "more"), [("decontaminate", {}), ("same_problem", {"measured_by": "decontaminated"})])
def test_a_changed_benchmark_makes_the_stage_decide_anew(use: str, more: dict[str, str], tmp_path: Path) -> None:
    entry = {"use": use, "benchmarks": [exam(tmp_path, COPIED)], **more}
    stages: list[dict[str, Any]] = [{"use": "heuristics", "name": "decontaminated"}, entry]
    before, again = stages_of(*stages), stages_of(*stages)
    exam(tmp_path, COPIED, ASKED)
    after = stages_of(*stages)
    assert [one.digest == other.digest for one, other in zip(before, again, strict=True)] == [True] * 3
    assert [one.digest == other.digest for one, other in zip(before, after, strict=True)] == [True, True, False]


def test_a_judge_that_goes_by_the_scores_of_no_stage_is_refused(tmp_path: Path) -> None:
    path = exam(tmp_path, COPIED)
    judge = {"use": "same_problem", "benchmarks": [path]}
    clean = {"use": "decontaminate", "name": "clean", "benchmarks": [path]}
    with pytest.raises(
        RecipeError, match=r"\(same_problem\)\.measured_by: 'decontaminate' is not a stage before this one"
    ):
        stages_of(clean, judge)
    with pytest.raises(RecipeError, match="there is none"):
        stages_of(judge, clean)
    assert len(stages_of(clean, judge | {"measured_by": "clean"})) == 3


def test_a_missing_benchmark_stops_the_run_with_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"^decontaminate\.benchmarks: nowhere\.jsonl: cannot be opened") as caught:
        open_run(recipe_of({"use": "decontaminate", "benchmarks": ["nowhere.jsonl"]}), tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "runs").exists()


def test_it_compares_with_no_rows_so_a_run_that_adds_needs_another_filter(tmp_path: Path) -> None:
    entry = {"use": "decontaminate", "benchmarks": [exam(tmp_path, COPIED)], "embedding": False}
    with pytest.raises(RecipeError, match="none of them compares rows with those of earlier versions"):
        check_index(stages_of(entry), "test")
    check_index(stages_of(entry, {"use": "novelty"}), "test")


def test_its_verdicts_are_the_same_whatever_the_dataset_holds_already(tmp_path: Path) -> None:
    entry = {"use": "decontaminate", "benchmarks": [exam(tmp_path, COPIED)], "embedding": False}
    first, second = (stages_of(entry, {"use": "novelty"}, earlier=earlier) for earlier in ("", "rows"))
    assert [one.digest == other.digest for one, other in zip(first, second, strict=True)] == [True, True, False]
