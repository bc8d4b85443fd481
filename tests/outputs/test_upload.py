"""A version copied to another folder: whole, or not there."""

import shutil
from pathlib import Path

import fsspec
import pytest
from pydantic import ValidationError

from flows.recipe_file import check_recipe
from flows.run import open_run
from outputs.dataset import Dataset, open_dataset, verify, versions
from outputs.upload import copy_version
from schemas.errors import RunFailed
from schemas.recipe import Output
from tests.outputs.made import make_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return make_dataset(tmp_path / "here/datasets")


def test_a_copy_is_a_version_of_its_own(tmp_path: Path, dataset: Dataset) -> None:
    place = copy_version(dataset, str(tmp_path / "there"))
    assert place == f"{tmp_path}/there/datasets/sums/v1"
    copied = open_dataset("sums", tmp_path / "there/datasets")
    assert verify(copied) == []
    assert copied.manifest == dataset.manifest
    assert (copied.folder / "README.md").read_bytes() == (dataset.folder / "README.md").read_bytes()
    assert copy_version(dataset, f"file://{tmp_path}/there") == f"file://{tmp_path}/there/datasets/sums/v1"


def test_a_copy_that_was_stopped_is_no_version_and_is_made_anew(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = []

    def stopping(source: Path, target: Path) -> None:
        copies.append(source)
        if len(copies) == 3:
            raise KeyboardInterrupt
        target.write_bytes(source.read_bytes())

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", stopping)
        with pytest.raises(KeyboardInterrupt):
            copy_version(dataset, str(tmp_path / "there"))
    assert versions(tmp_path / "there/datasets", "sums") == []
    assert not (tmp_path / "there/datasets/sums/v1").exists()
    copy_version(dataset, str(tmp_path / "there"))
    assert verify(open_dataset("sums", tmp_path / "there/datasets")) == []
    assert [path.name for path in (tmp_path / "there/datasets/sums").iterdir()] == ["v1"]


def test_in_a_store_the_manifest_comes_last(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = fsspec.filesystem("memory")
    put = type(fs).put_file
    seen = []

    def noted(self: object, source: str, target: str, **options: object) -> None:
        seen.append(target.rpartition("/")[2])
        if len(seen) == 4:
            raise OSError("no room")
        put(self, source, target, **options)

    with monkeypatch.context() as patch:
        patch.setattr(type(fs), "put_file", noted)
        with pytest.raises(RunFailed, match=r"could not be copied to memory://there/datasets/sums/v1 .*no room"):
            copy_version(dataset, "memory://there")
    assert not fs.exists("there/datasets/sums/v1/manifest.json")
    seen.clear()
    copy_version(dataset, "memory://there")
    for path in dataset.folder.rglob("*"):
        if path.is_file():
            assert fs.cat_file(f"there/datasets/sums/v1/{path.relative_to(dataset.folder)}") == path.read_bytes()
    assert not [path for path in fs.find("there") if path.endswith(".part")]
    fs.rm("there", recursive=True)


def test_a_file_that_does_not_come_whole_is_found(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    fs = fsspec.filesystem("memory")
    monkeypatch.setattr(type(fs), "put_file", lambda self, source, target, **options: self.pipe_file(target, b"short"))
    with pytest.raises(RunFailed, match="has 5 bytes there"):
        copy_version(dataset, "memory://short")
    assert not fs.exists("short/datasets/sums/v1/manifest.json")
    fs.rm("short", recursive=True)


def test_another_version_of_the_same_number_is_left_alone(tmp_path: Path, dataset: Dataset) -> None:
    make_dataset(tmp_path / "there/datasets", rows=3)
    with pytest.raises(RunFailed, match="another version of that number; a version never changes"):
        copy_version(dataset, str(tmp_path / "there"))
    assert open_dataset("sums@1", tmp_path / "there/datasets").manifest.rows == 3


@pytest.mark.parametrize("place", ["nothing://x", "/proc/none"])
def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path, dataset: Dataset, place: str) -> None:
    with pytest.raises(RunFailed, match="could not be copied") as caught:
        copy_version(dataset, place)
    assert "\n" not in str(caught.value)


def test_where_it_is_copied_to_changes_no_run(tmp_path: Path) -> None:
    recipe = {"dataset": "sums", "rows": 5, "stages": [{"use": "self_instruct"}]}
    digests = set()
    for output in ({}, {"copy_to": "s3://bucket/x"}, {"copy_to": "elsewhere"}, {"shard_rows": 7}):
        run = open_run(check_recipe(recipe | {"output": output}, "recipe"), tmp_path)
        digests.add(run.digest)
        run.close()
    assert len(digests) == 2


@pytest.mark.parametrize("place", ["", "s3://"])
def test_a_place_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(ValidationError, match=r"names no place|at least 1 character"):
        Output(copy_to=place)


def test_a_login_in_the_url_is_refused_and_not_shown() -> None:
    with pytest.raises(ValidationError, match="there is a user name in the URL") as caught:
        Output(copy_to="s3://key:hidden@bucket/x")
    assert "hidden" not in caught.value.errors()[0]["msg"]
