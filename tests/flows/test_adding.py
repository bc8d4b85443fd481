"""Versions that add to a dataset: new rows each time, whatever became of the runs before."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.earlier import INTERRUPTED, earlier_of
from flows.stages import Draw
from outputs.dataset import publish, read_dataset, start_draft
from outputs.files import write_parquet
from schemas.manifest import Manifest, ShardFile
from teachers.builtin.server import serving_app
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import Counter, assert_sound, shards

WriteRecipe = Callable[..., str]
STAGES = [
    {"use": "self_instruct", "prompts_per_round": 3},
    {"use": "evol_instruct", "rounds": 1},
    {"use": "respond"},
    {"use": "minhash"},
]


def rows_of(folder: Path) -> pl.DataFrame:
    paths = sorted(folder.glob("v*/data/*.parquet"))
    return pl.concat(
        pl.read_parquet(path).select("id", "instruction", "input", version=pl.lit(path.parts[-3])) for path in paths
    )


def assert_none_repeated(rows: pl.DataFrame) -> None:
    text = pl.col("instruction", "input").str.to_lowercase().str.replace_all(r"\W+", " ")
    assert rows["id"].n_unique() == rows.height
    assert rows.select(text).is_unique().all()


def test_versions_that_are_added_never_repeat_a_row(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    recipe = write_recipe(rows=25, stages=STAGES)
    for _ in range(3):
        done = command("run", recipe, "--add")
        assert done.returncode == 0, done.stderr
    folder = tmp_path / "datasets" / "tried"
    manifests = [assert_sound(folder / f"v{number}") for number in (1, 2, 3)]
    assert [manifest.edition for manifest in manifests] == [1, 2, 3]
    assert [manifest.earlier for manifest in manifests] == [[], [1], [1, 2]]
    assert "50 rows of v1, v2" in done.stdout
    rows = rows_of(folder)
    assert rows.height == 75
    assert_none_repeated(rows)


def test_a_version_that_could_not_be_copied_is_copied_by_the_next_run_that_adds_none_meanwhile(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    recipe = write_recipe(rows=5, stages=STAGES, output={"copy_to": "elsewhere"})
    (tmp_path / "elsewhere").write_text("in the way")
    failed = command("run", recipe, "--add")
    assert failed.returncode == 1
    assert "could not be copied to elsewhere/datasets/tried/v1" in failed.stderr
    (tmp_path / "elsewhere").unlink()
    copied = command("run", recipe, "--add")
    assert copied.returncode == 0, copied.stderr
    assert "Made by an earlier run, and copied now: 5 rows of tried@1" in copied.stdout
    assert command("run", recipe, "--add").returncode == 0
    for version in (1, 2):
        assert_sound(tmp_path / "elsewhere" / "datasets" / "tried" / f"v{version}")
    assert not (tmp_path / "datasets" / "tried" / "v3").exists()


def test_a_budget_that_ends_a_version_is_said_to_be_for_that_one_alone(
    command: Command, write_recipe: WriteRecipe
) -> None:
    # Enough for the first shards, whichever of those under way is the quickest.
    stages = [{"use": "self_instruct", "prompts_per_round": 3}, {"use": "minhash"}]
    recipe = write_recipe(rows=5000, stages=stages, limits={"budget_requests": 600})
    done = command("run", recipe, "--add")
    assert done.returncode == 1
    assert "limits.budget_requests is spent; another run adds another version" in done.stderr


def test_seeds_that_are_only_answered_are_used_up_over_the_versions(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    seeds = {"path": "builtin:en", "limit": 15}
    recipe = write_recipe(rows=10, seeds=seeds, stages=[{"use": "respond"}, {"use": "minhash"}])
    assert command("run", recipe, "--add").returncode == 0
    rest = command("run", recipe, "--add")
    assert rest.returncode == 1
    assert "4 of 10 rows: the seeds are used up" in rest.stderr
    nothing = command("run", recipe, "--add")
    assert nothing.returncode == 1
    assert "no row survived (minhash: exact_duplicate 1" in nothing.stderr
    rows = rows_of(tmp_path / "datasets" / "tried")
    assert rows.height == 14
    assert_none_repeated(rows)


def test_a_killed_run_that_adds_resumes_with_the_same_bytes_also_after_another_recipe_came_between(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    counter = Counter()
    with serving_app(counter.app()) as url:
        models = {"teacher": {"model": "builtin", "base_url": url, "concurrency": 8}}
        recipe = write_recipe(rows=25, stages=STAGES, models=models)
        calm, rough = tmp_path / "calm", tmp_path / "rough"
        for root in (calm, calm, rough):
            assert command("run", recipe, "--add", "--root", str(root)).returncode == 0
        before = counter.asked
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "run", recipe, "--add", "--root", str(rough)],
            env=prefect_environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        counter.at, counter.then = before + 40, process.kill
        assert process.wait(120) == -signal.SIGKILL
        assert command("run", recipe, "--add", "--root", str(rough)).returncode == 0
        assert shards(rough / "datasets" / "tried" / "v2") == shards(calm / "datasets" / "tried" / "v2")
        other = write_recipe("other.yaml", rows=15, stages=STAGES, models=models, seed=99)
        assert command("run", other, "--add", "--root", str(rough)).returncode == 0
        assert command("run", recipe, "--add", "--root", str(rough)).returncode == 0
    assert_none_repeated(rows_of(rough / "datasets" / "tried"))
    last = read_dataset(rough / "datasets" / "tried" / "v4").manifest
    assert (last.edition, last.earlier) == (3, [1, 2, 3])


def test_a_recipe_that_compares_nothing_cannot_add(command: Command, write_recipe: WriteRecipe) -> None:
    done = command("run", write_recipe(stages=[{"use": "respond"}]), "--add")
    assert done.returncode == 2
    assert "none of them compares rows with those of earlier versions; add `- use: minhash`" in done.stderr


def published(
    root: Path, source: str, rows: int, stop: str, supersedes: list[int], draw: Draw, folders: list[str]
) -> Manifest:
    draft = start_draft(root / "datasets", "tried")
    path = draft.folder / "data" / "train-00000-of-00001.parquet"
    write_parquet(path, pl.DataFrame({"language": ["en"]}))
    file = ShardFile(path="data/train-00000-of-00001.parquet", rows=1, bytes=1, sha256=f"{draft.version}")
    manifest = Manifest(
        dataset="tried", version=draft.version, instructloom="0", recipe={}, recipe_digest="", rows_requested=rows,
        rows=rows, complete=stop == "complete", stop_reason=stop, source=source, edition=draw.edition,
        supersedes=supersedes, files=[file], stage_folders=folders,
    )  # fmt: skip
    return publish(draft, manifest).manifest


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["complete", INTERRUPTED, "budget_usd"]), st.integers(1, 3)),
        max_size=8,
    )
)
def test_whatever_was_published_a_draw_is_taken_once_and_only_the_same_work_goes_on(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[str, str, int]]
) -> None:
    root = tmp_path_factory.mktemp("history")
    manifests: dict[int, Manifest] = {}
    for source, stop, rows in history:

        def folders(draw: Draw, source: str = source) -> list[str]:
            return [f"{source}-{draw.edition}-{draw.earlier}"]

        earlier = earlier_of(root, "tried", source, rows, folders)
        same = [each for each in manifests.values() if (each.source, each.edition) == (source, earlier.draw.edition)]
        if earlier.goes_on is None:
            assert same == []
        else:
            before = manifests[earlier.goes_on]
            assert same[-1] == before
            assert (before.stop_reason, before.stage_folders) == (INTERRUPTED, folders(earlier.draw))
            assert before.rows <= rows
        assert earlier.goes_on not in earlier.numbers
        gone = {number for each in manifests.values() for number in each.supersedes}
        assert {*earlier.numbers} == {*manifests} - gone - {earlier.goes_on}
        assert bool(earlier.draw.earlier) == bool(earlier.numbers)
        supersedes = [earlier.goes_on] if earlier.goes_on else []
        made = published(root, source, rows, stop, supersedes, earlier.draw, folders(earlier.draw))
        manifests[made.version] = made
