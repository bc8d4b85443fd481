"""``instructloom filter``: rows that are there already, through any chain of filters, into a dataset."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from flows import filter_run
from flows.cli import app
from flows.filter_input import look_at, mapping_of
from flows.filter_publish import publish_filtered
from flows.filter_run import open_filter_run
from flows.filter_work import filter_shard
from flows.recipe_file import load_filter_recipe, validated
from outputs.dataset import Dataset, open_dataset, read_dataset, read_rejects, read_rows, verify
from schemas.errors import BadInput, RecipeError, RunFailed, SeedError
from schemas.recipe import FilterRecipe
from tests.filters.conftest import DATA
from tests.flows.conftest import Command

CHAIN = [{"use": "heuristics"}, {"use": "minhash"}, {"use": "novelty"}]
WORDS = st.sampled_from(["Name", "two", "rivers", "of", "Asia", "Europe", "3", "7", "and", "explain", "什么是猫"])
RECORDS = st.lists(
    st.builds(
        lambda words, answer: {"instruction": " ".join(words), "output": answer},
        st.lists(WORDS, max_size=6),
        st.sampled_from(["", "An answer.", "I'm sorry, but I can't assist with that."]),
    )
    | st.just({"instruction": 5}),
    min_size=1,
    max_size=14,
)


def made(where: Path | str, root: Path, shard: int = 20_000, stages: Any = None, **input: Any) -> Dataset:
    """Filter without Prefect."""
    recipe = FilterRecipe.model_validate({"dataset": "tried", "stages": stages or CHAIN})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filter_run, "SHARD", shard)
        run = open_filter_run(recipe, root, look_at(str(where), root, **input))
        try:
            run.prepare()
            records, number = run.records(), 0
            while parts := records.read(number):
                run.loaded[number] = parts
                filter_shard(run, number)
                number += 1
            return read_dataset(run.target(publish_filtered(run, number).version))
        finally:
            run.close()


def written(path: Path, records: list[Any]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def assert_conserved(dataset: Dataset, records: int) -> None:
    """Each record is a row of the kept or of the rejected, and the files are whole."""
    funnel = dataset.manifest.funnel
    assert verify(dataset) == []
    assert funnel[0].rows_in == records
    assert all(stage.balanced() for stage in funnel)
    kept, lost = read_rows(dataset).collect(), read_rejects(dataset).collect()
    assert kept.height + lost.height == records
    assert pl.concat([kept["id"], lost["id"]]).is_unique().all()
    assert sum(report.rows + sum(report.bad_lines.values()) for report in dataset.manifest.seeds) == records


def what_came(dataset: Dataset) -> tuple[list[bytes], list[dict[str, Any]]]:
    """The kept files' bytes, and the rejects, without the number of the shard."""
    files = [(dataset.folder / file.path).read_bytes() for file in dataset.manifest.files]
    return files, read_rejects(dataset).drop("shard").sort("id").collect().to_dicts()


@settings(max_examples=12, deadline=None)
@given(records=RECORDS, sizes=st.lists(st.integers(1, 6), min_size=2, max_size=2, unique=True))
def test_the_size_of_shards_never_changes_what_comes_out(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], sizes: list[int]
) -> None:
    path = written(
        tmp_path_factory.mktemp("in") / "rows.jsonl", [{"instruction": "Name a cat.", "output": "Tom."}, *records]
    )
    results = [made(path, tmp_path_factory.mktemp("out"), size) for size in sizes]
    for dataset in results:
        assert_conserved(dataset, len(records) + 1)
    assert what_came(results[0]) == what_came(results[1])
    assert [stage.model_dump() for stage in results[0].manifest.funnel] == [
        stage.model_dump() for stage in results[1].manifest.funnel
    ]


def test_rows_stay_in_order_and_each_reject_says_why_and_by_whom(tmp_path: Path) -> None:
    lines: list[Any] = [
        {
            "instruction": "Name two rivers of Asia and say how long each is.",
            "output": "Ganges and Indus.",
            "topic": "geography",
        },
        {"instruction": "Name two rivers of Asia and say how long each is!", "output": "The same."},
        {"instruction": "Explain what a cat is to a child.", "output": "I'm sorry, but I can't assist with that."},
        {"instruction": "什么是猫？请用一句话回答。", "output": "猫是一种动物。"},
        ["no object"],
    ]
    dataset = made(written(tmp_path / "rows.jsonl", lines), tmp_path)
    assert_conserved(dataset, 5)
    kept = read_rows(dataset).collect()
    assert kept["source"].to_list() == ["rows.jsonl:1", "rows.jsonl:4"]
    assert kept["language"].to_list() == ["en", "zh"]
    assert kept["topic"].to_list() == ["geography", None]
    assert kept["messages"][0].to_list() == [
        {"role": "user", "content": lines[0]["instruction"]},
        {"role": "assistant", "content": "Ganges and Indus."},
    ]
    lost = read_rejects(dataset).collect()
    told = {source: (by, why) for source, by, why in lost.select("source", "rejected_by", "reason").iter_rows()}
    assert told == {
        "rows.jsonl:2": ("minhash", "exact_duplicate"),
        "rows.jsonl:3": ("heuristics", "refusal"),
        "rows.jsonl:5": ("input", "not_an_object"),
    }
    duplicate = lost.filter(pl.col("rejected_by") == "minhash")
    assert kept["id"][0] in {score["neighbour"] for score in duplicate["scores"][0]}
    assert lost.filter(pl.col("rejected_by") == "input")["raw"].to_list() == ['["no object"]']


def test_equal_rows_have_ids_of_their_own_even_in_files_of_one_name(tmp_path: Path) -> None:
    same = [{"instruction": "Name a cat.", "output": "Tom."}] * 2
    for folder in ("a", "b"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        written(tmp_path / "in" / folder / "rows.jsonl", same)
    for where in (tmp_path / "in", tmp_path / "in" / "*" / "rows.jsonl"):
        dataset = made(where, tmp_path / where.name.replace("*", "x"))
        assert_conserved(dataset, 4)
        assert dataset.manifest.rows == 1
        assert len(dataset.manifest.seeds) == 2


def test_a_dataset_of_ours_keeps_its_rows_as_they_are(tmp_path: Path) -> None:
    lines = [
        {"instruction": f"Say {word} in French, please.", "output": word} for word in ("cat", "dog", "tree", "moon")
    ]
    first = made(written(tmp_path / "rows.jsonl", lines), tmp_path, stages=[{"use": "heuristics"}])
    again = made("tried@1", tmp_path, stages=[{"use": "heuristics", "min_response": 0}])
    assert again.manifest.version == 2
    assert read_rows(again).collect().equals(read_rows(first).collect())
    by_folder = made(first.folder, tmp_path / "other", stages=[{"use": "heuristics"}])
    assert by_folder.manifest.files == first.manifest.files
    twice = tmp_path / "twice"
    twice.mkdir()
    for name in ("a.parquet", "b.parquet"):
        (twice / name).write_bytes((first.folder / first.manifest.files[0].path).read_bytes())
    both = made(twice, tmp_path / "more", 3, [{"use": "minhash", "jaccard": 1.0, "rouge_l": 1.0}])
    assert_conserved(both, 8)
    assert read_rows(both).collect()["id"].to_list() == read_rows(first).collect()["id"].to_list()


@pytest.mark.parametrize(
    ("name", "records"),
    [
        ("gsm8k_train.jsonl", 7_473),
        ("zh_instructions_hikariming.jsonl", 10_282),
        ("huatuo_8658.jsonl", 8_658),
        ("sharegpt_demo_500.json", 500),
        ("gsm8k_test_rephrased.jsonl", 1_319),
    ],
)
def test_every_record_of_real_data_is_kept_or_rejected(tmp_path: Path, name: str, records: int) -> None:
    if not (DATA / name).exists() and not os.environ.get("CI"):
        pytest.skip(f"no real data here: {DATA / name}")
    stages = [{"use": "heuristics", "scope": "instruction"}]
    dataset = made(DATA / name, tmp_path, 4_000, stages)
    assert_conserved(dataset, records)
    assert dataset.manifest.rows > 0.9 * records


STRUCK = """
import errno, os, signal, sys
from flows import filter_run, indexes
filter_run.SHARD = 40
how, where = sys.argv[1].split(":")
decide = indexes.OpenIndex.decide
def deadly(self, shard, frame, signatures):
    if where == f"{self.stage.label}-{shard}":
        if how == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "rows.parquet")
        os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGINT)
    return decide(self, shard, frame, signatures)
indexes.OpenIndex.decide = deadly
sys.argv = ["instructloom", "filter", "rows.jsonl", "--recipe", "chain.yaml", "--root", sys.argv[2]]
from flows.cli import main
main()
"""


def test_a_run_that_is_struck_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    texts = [
        f"{verb} the {thing} number {n % 7} of my list."
        for n in range(8)
        for verb in ("Name", "Draw", "Weigh")
        for thing in ("river", "cat", "stone", "town", "song", "wheel")
    ]
    written(tmp_path / "rows.jsonl", [{"instruction": text, "output": "Done."} for text in texts])
    stages = [{"use": "minhash"}, {"use": "heuristics"}, {"use": "novelty"}]
    (tmp_path / "chain.yaml").write_text(json.dumps({"dataset": "tried", "stages": stages}))

    def run(strike: str, root: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", STRUCK, strike, root],
            env=prefect_environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=tmp_path,
            # A test run started in the background of a shell inherits an ignored Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    struck = [run(strike, "hit") for strike in ("kill:novelty-1", "full:novelty-1", "stop:novelty-2")]
    assert [each.returncode for each in struck] == [-9, 1, 130]
    assert "error: rows.parquet: No space left on device" in struck[1].stderr
    assert "Stopped. Nothing is lost" in struck[2].stderr
    resumed = run("calm:", "hit")
    assert resumed.returncode == 0, resumed.stderr
    assert re.search(r"resumed: [23] shards are done already", resumed.stdout)
    calm = made(tmp_path / "rows.jsonl", tmp_path / "calm", 40, stages)
    versions = [calm, read_dataset(tmp_path / "hit" / "datasets" / "tried" / "v1")]
    assert_conserved(versions[0], len(texts))
    assert versions[0].manifest.files == versions[1].manifest.files
    assert versions[0].manifest.rejects == versions[1].manifest.rejects
    assert versions[0].manifest.funnel == versions[1].manifest.funnel


def test_a_chain_with_an_embedding_goes_on_from_its_saved_vectors(tmp_path: Path) -> None:
    texts = ["Name a river in Asia.", "Explain gravity.", "Tell me the name of a river in Asia.", "Sort 3, 1 and 2."]
    path = written(tmp_path / "rows.jsonl", [{"instruction": text, "output": "Done."} for text in texts])
    stages = [{"use": "heuristics"}, {"use": "embedding", "threshold": 0.8}]
    calm = made(path, tmp_path / "calm", 1, stages)
    recipe = FilterRecipe.model_validate({"dataset": "tried", "stages": stages})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filter_run, "SHARD", 1)
        run = open_filter_run(recipe, tmp_path / "hit", look_at(str(path), tmp_path / "hit"))
        run.prepare()
        records = run.records()
        for number in range(2):
            run.loaded[number] = records.read(number)
            filter_shard(run, number)
        run.close()
    resumed = made(path, tmp_path / "hit", 1, stages)
    assert what_came(resumed) == what_came(calm)
    assert read_rejects(resumed).select("source", "reason").collect().rows() == [("rows.jsonl:3", "same_meaning")]


def test_the_command_writes_a_dataset_that_the_other_commands_read(command: Command, tmp_path: Path) -> None:
    asked = ["What is the capital of Chad?", "Who wrote Hamlet, and when?", "Add 3 to 4."]
    lines = [{"frage": text, "antwort": "I looked it up.", "mark": 1} for text in asked]
    written(tmp_path / "rows.jsonl", [*lines, lines[0], {"frage": None}])
    done = command("filter", "rows.jsonl", "--name", "capitals", "--map", "instruction=frage,response=antwort")
    assert done.returncode == 0, done.stderr
    assert "left out: mark" in done.stdout
    assert "3 rows of capitals@1" in done.stdout
    dataset = open_dataset("capitals", tmp_path / "datasets")
    assert_conserved(dataset, 5)
    assert (dataset.folder / "report.html").is_file()
    assert "5 records passed every filter" in (dataset.folder / "README.md").read_text(encoding="utf-8")
    again = command("filter", "rows.jsonl", "--name", "capitals", "--map", "instruction=frage,response=antwort")
    assert "Already made: 3 rows of capitals@1" in again.stdout
    runner = CliRunner()
    row = read_rows(dataset).collect()["id"][0]
    lost = read_rejects(dataset).filter(pl.col("rejected_by") == "minhash").collect()["id"][0]
    for arguments, told in [
        (("show", "capitals"), "input rows.jsonl: 4 rows, read as alpaca; skipped: missing_instruction 1"),
        (("explain", "capitals", row), "kept in capitals@1"),
        (("explain", "capitals", lost), "rejected by minhash: exact_duplicate"),
        (("report", "capitals"), "report.html"),
        (("download", "capitals", "--to", str(tmp_path / "copy")), "capitals"),
    ]:
        shown = runner.invoke(app, [*arguments, "--root", str(tmp_path)], env={"COLUMNS": "200"})
        assert (shown.exit_code, told in shown.output) == (0, True), shown.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nowhere.jsonl",), "nowhere.jsonl: there is no such file; check the path"),
        (("empty.jsonl",), "empty.jsonl: is empty"),
        (("blank.jsonl",), "blank.jsonl: holds no record"),
        (("odd.jsonl",), "none of its first 1 records can be used; found the fields x"),
        (("*.nothing",), "*.nothing: no file is named so"),
        (
            ("rows.jsonl", "--map", "instruction=frage"),
            "rows.jsonl has no field 'frage'; it has the fields instruction",
        ),
        (("rows.jsonl", "--map", "question=instruction"), "--map: there is no 'question' to fill"),
        (("rows.jsonl", "--map", "instruction"), "--map: 'instruction' is no pair"),
        (("rows.jsonl", "--runner", "ray"), "--runner ray: filters ask no model"),
        (("rows.jsonl", "--recipe", "default"), "default: models: filters work on the rows that are there"),
        (
            ("rows.jsonl", "--recipe", "evolve.yaml"),
            "'evol_instruct' makes rows; `filter` takes filters only: ",
        ),
        (("rows.jsonl", "--name", "No Name"), "'No Name' is not a dataset name"),
        (("rows.jsonl", "--recipe", "english.yaml", "--language", "zh"), "it knows en, and most rows are zh"),
    ],
)
def test_what_cannot_be_filtered_is_one_line_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "rows.jsonl", [{"instruction": "Name a cat.", "output": "Tom."}])
    written(tmp_path / "odd.jsonl", [{"x": 1}])
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "blank.jsonl").write_text("\n \n")
    (tmp_path / "evolve.yaml").write_text("stages: [{use: evol_instruct}]")
    (tmp_path / "english.yaml").write_text("stages: [{use: embedding}]")
    done = CliRunner().invoke(app, ["filter", *arguments], env={"COLUMNS": "300"})
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())
    assert not (tmp_path / "runs").exists()


def test_where_no_row_survives_nothing_is_published(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", [{"instruction": "Name a cat.", "output": ""}] * 3)
    with pytest.raises(RunFailed, match=r"no row survived \(heuristics: empty_response 3\); nothing was published"):
        made(path, tmp_path)
    assert not (tmp_path / "datasets").exists()


def test_a_file_that_breaks_off_stops_the_run_and_says_where(tmp_path: Path) -> None:
    records = [{"instruction": f"Name cat number {n}.", "output": "Tom."} for n in range(9_000)]
    (tmp_path / "rows.json").write_text(json.dumps(records, indent=1)[:-40])
    with pytest.raises(SeedError, match=r"rows.json: line \d+: broken JSON .* after 8999 whole records"):
        made(tmp_path / "rows.json", tmp_path, 2_000, [{"use": "heuristics"}])


def test_the_packaged_chain_is_heuristics_and_then_minhash() -> None:
    recipe = load_filter_recipe("filter", "mine")
    assert (recipe.dataset, [stage.use for stage in recipe.stages]) == ("mine", ["heuristics", "minhash"])


def test_a_map_is_read_in_pairs() -> None:
    assert mapping_of(["instruction=A,response = B", "topic=c"]) == {"instruction": "a", "response": "b", "topic": "c"}
    with pytest.raises(BadInput):
        mapping_of(["instruction="])


def test_a_filter_recipe_has_stages_with_names_of_their_own() -> None:
    with pytest.raises(RecipeError, match="two stages are named 'minhash'"):
        validated(FilterRecipe, {"stages": [{"use": "minhash"}] * 2}, "r")
