"""Stages over shards without Prefect: whatever an earlier process left undone, the result is the same."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import work
from flows.recipe_file import check_recipe
from flows.run import Run, open_run

RECIPE = {
    "dataset": "worked",
    "rows": 100,
    "seeds": {"path": ["builtin:en", "builtin:zh"], "shard_rows": 25, "limit": 75, "passes": 2},
    "stages": [{"use": "heuristics"}, {"use": "novelty"}, {"use": "respond"}, {"use": "minhash"}],
}
SHARDS = 6
FILES = ("counts.json", "rows.parquet", "signatures.npz", "completions.log", "")


@contextmanager
def opened(root: Path) -> Iterator[Run]:
    run = open_run(check_recipe(RECIPE, "test"), root)
    try:
        run.prepare()
        yield run
    finally:
        run.close()


def work_through(run: Run) -> list[pl.DataFrame]:
    """All shards through all stages; the rows that the last stage kept."""
    for shard in range(SHARDS):
        work.make_source(run, shard)
        for place, stage in enumerate(run.stages):
            if stage.kind == "generator":
                work.generate_shard(run, place, shard)
            elif place:
                work.filter_shard(run, place, shard)
    return [run.store.shard(run.stages[-1], shard).rows() for shard in range(SHARDS)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[pl.DataFrame]]:
    root = tmp_path_factory.mktemp("finished")
    with opened(root) as run:
        return root, work_through(run)


def test_the_second_pass_over_the_seeds_brings_only_duplicates(finished: tuple[Path, list[pl.DataFrame]]) -> None:
    _, kept = finished
    assert all(frame.height > 20 for frame in kept[:3])
    assert [frame.height for frame in kept[3:]] == [0, 0, 0]


@settings(max_examples=12)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, SHARDS - 1), st.sampled_from(FILES)), max_size=6))
def test_a_run_goes_on_from_whatever_is_left_and_ends_the_same(
    finished: tuple[Path, list[pl.DataFrame]],
    tmp_path_factory: pytest.TempPathFactory,
    lost: list[tuple[int, int, str]],
) -> None:
    complete, kept = finished
    root = tmp_path_factory.mktemp("resumed") / "root"
    shutil.copytree(complete, root)
    with opened(root) as run:
        for place, shard, name in lost:
            lose(run.store.shard(run.stages[place], shard).path, name)
        assert all(before.equals(after) for before, after in zip(kept, work_through(run), strict=True))


def lose(folder: Path, name: str) -> None:
    """Remove a file of a shard, or all of it; rows without counts are what a kill leaves, counts without rows is not."""
    if not name:
        shutil.rmtree(folder, ignore_errors=True)
        return
    (folder / name).unlink(missing_ok=True)
    if name == "rows.parquet":
        (folder / "counts.json").unlink(missing_ok=True)


def test_what_a_filter_counts_beside_its_reasons_stands_in_the_balance(tmp_path: Path) -> None:
    stages = [{"use": "language", "min_units": 1000}]
    run = open_run(check_recipe({**RECIPE, "stages": stages}, "test"), tmp_path)
    try:
        work.make_source(run, 0)
        counts = work.filter_shard(run, 1, 0)
    finally:
        run.close()
    assert (counts.passed, counts.notes) == (25, {"unknown": 25})
