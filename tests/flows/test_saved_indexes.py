"""An index that was saved is used where it is good, and made anew where it is not; what is decided is the same."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from filters import kernels, minhash, novelty
from flows.earlier import Earlier
from flows.saved_indexes import open_knowing
from flows.stages import Stage
from schemas.row import to_frame
from schemas.stage import Index, StageConfig, Verdict
from tests.outputs.made import make_dataset, some_rows

pytestmark = pytest.mark.skipif(not kernels.compiled(), reason="numba is not installed")


class Spy:
    """A filter whose index is worth saving from the first row on, and that tells what is done with it."""

    def __init__(self, filter: ModuleType, version: int = 1) -> None:
        self.filter, self.version = filter, version
        self.signed, self.opened = 0, list[Path | None]()

    def stage(self, config: StageConfig) -> Stage:
        module = SimpleNamespace(open_index=self.open_index, INDEX_VERSION=self.version, __name__="filters.spy")
        return Stage(config.label, config.use, "index", config, cast(ModuleType, module), "digest")

    def open_index(self, config: Any, saved: Path | None = None) -> Index:
        self.opened.append(saved)
        index = self.filter.open_index(config, saved, worth=0)
        sign = index.sign

        def counted(frame: pl.DataFrame) -> Any:
            self.signed += frame.height
            return sign(frame)

        index.sign = counted
        return cast(Index, index)


Knowing = Callable[[Spy, int], Index]


@pytest.fixture
def knowing(tmp_path: Path) -> Knowing:
    """The index that knows the first so many versions, of 20, 40, 20 and 20 rows."""
    made = [
        make_dataset(tmp_path / "datasets", rows=rows, start=start)
        for rows, start in ((20, 0), (40, 20), (20, 60), (20, 80))
    ]

    def open(spy: Spy, versions: int) -> Index:
        config: Any = spy.filter
        return open_knowing(spy.stage(config.Config()), tmp_path / "runs", Earlier(tuple(made[:versions])))

    return open


def decided(index: Index) -> list[Verdict]:
    frame = to_frame(some_rows(120))
    return list(index.decide(frame, index.sign(frame)))


@pytest.mark.parametrize("filter", [minhash, novelty])
def test_it_is_saved_and_opened_without_looking_at_a_row(filter: ModuleType, knowing: Knowing) -> None:
    first, second = Spy(filter), Spy(filter)
    fresh = decided(knowing(first, 2))
    assert not any(verdict.keep for verdict in fresh[:60])
    assert all(verdict.keep for verdict in fresh[60:61])
    assert [saved is None for saved in first.opened] == [True, False]
    assert decided(knowing(second, 2)) == fresh
    assert second.signed == 120  # the new rows alone
    assert [saved is None for saved in second.opened] == [False]


def test_a_few_rows_stand_beside_it_and_many_make_it_anew(knowing: Knowing) -> None:
    knowing(Spy(minhash), 3)
    few, many = Spy(minhash), Spy(minhash)
    assert all(not verdict.keep for verdict in decided(knowing(few, 4))[:100])
    assert [saved is None for saved in few.opened] == [False]
    knowing(Spy(minhash), 1)
    assert all(not verdict.keep for verdict in decided(knowing(many, 3))[:80])
    assert [saved is None for saved in many.opened] == [False, True, False]


def spoil_version(folder: Path) -> None:
    head = json.loads((folder / "index.json").read_text())
    head["made_by"]["unicode"] = "1.0"
    (folder / "index.json").write_text(json.dumps(head))


SPOILT: dict[str, Callable[[Path], object]] = {
    "another version of Unicode": spoil_version,
    "a head that is no JSON": lambda folder: (folder / "index.json").write_text("{"),
    "no head": lambda folder: (folder / "index.json").unlink(),
    "an array that is missing": lambda folder: (folder / "sets.npy").unlink(),
    "an array that was cut": lambda folder: (folder / "band_keys.npy").write_bytes(b"\x93NUMPY"),
    "an array of another kind": lambda folder: np.save(folder / "ids.npy", np.array([{}], dtype=object)),
}


@pytest.mark.parametrize("how", SPOILT)
def test_one_that_is_stale_or_damaged_is_made_anew(how: str, knowing: Knowing, tmp_path: Path) -> None:
    fresh = decided(knowing(Spy(minhash), 2))
    (folder,) = (tmp_path / "runs" / "indexes").glob("*/*")
    SPOILT[how](folder)
    spy = Spy(minhash)
    assert decided(knowing(spy, 2)) == fresh
    assert None in spy.opened
    assert spy.signed == 120  # the signatures are still there


def test_another_version_of_the_filter_signs_anew(knowing: Knowing) -> None:
    fresh = decided(knowing(Spy(minhash), 2))
    newer = Spy(minhash, version=2)
    assert decided(knowing(newer, 2)) == fresh
    assert newer.signed == 60 + 120


def test_a_draft_that_a_kill_left_behind_is_no_index(knowing: Knowing, tmp_path: Path) -> None:
    fresh = decided(knowing(Spy(minhash), 2))
    (folder,) = (tmp_path / "runs" / "indexes").glob("*/*")
    folder.rename(folder.parent / "draft-00000000")
    (folder.parent / "draft-00000000" / "index.json").unlink()
    assert decided(knowing(Spy(minhash), 2)) == fresh
    assert not list(folder.parent.glob("draft-*"))


def test_nothing_is_saved_of_no_rows(knowing: Knowing, tmp_path: Path) -> None:
    assert all(verdict.keep for verdict in decided(knowing(Spy(minhash), 0))[:1])
    assert not list((tmp_path / "runs").glob("indexes/*/*"))
