"""Publishing a version, finding it again, and trusting it."""

import importlib
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.dataset as pad
import pytest

from outputs.dataset import (
    find_row,
    latest,
    open_dataset,
    publish,
    read_dataset,
    read_rejects,
    read_rows,
    start_draft,
    verify,
    versions,
)
from outputs.parquet import RejectWriter
from schemas.errors import DatasetError
from schemas.recipe import Output
from schemas.row import from_frame, to_frame
from tests.outputs.made import make_dataset, manifest_of, rejected, some_rows, write_train


def test_a_published_version_is_whole_and_verifies(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    assert dataset.folder == tmp_path / "sums" / "v1"
    assert sorted(path.name for path in dataset.folder.iterdir()) == ["README.md", "data", "manifest.json", "rejects"]
    assert verify(dataset) == []
    assert read_dataset(dataset.folder) == dataset


def test_rows_and_rejects_come_back_in_order(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    assert from_frame(read_rows(dataset).collect()) == some_rows(25)
    assert from_frame(read_rejects(dataset).collect()) == [reject.row for reject in rejected(4)]


def test_rejects_of_a_dataset_without_any_are_an_empty_table(tmp_path: Path) -> None:
    frame = read_rejects(make_dataset(tmp_path, rejects=0)).collect()
    assert frame.height == 0
    assert "rejected_by" in frame.columns


def test_a_draft_is_no_version_until_it_is_published(tmp_path: Path) -> None:
    draft = start_draft(tmp_path, "sums")
    write_train(draft.folder, [to_frame(some_rows(3))])
    assert versions(tmp_path, "sums") == []
    assert draft.folder.name == ".v1.partial"


def test_a_version_is_not_there_while_its_manifest_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, value: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("outputs.dataset.write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        make_dataset(tmp_path)
    assert versions(tmp_path, "sums") == []
    assert not (tmp_path / "sums" / "v1").exists()
    monkeypatch.undo()
    assert verify(make_dataset(tmp_path)) == []


def test_what_a_killed_run_left_of_a_draft_is_replaced(tmp_path: Path) -> None:
    (start_draft(tmp_path, "sums").folder / "rubbish").write_text("half")
    assert list(start_draft(tmp_path, "sums").folder.iterdir()) == []


def test_each_run_publishes_the_next_version(tmp_path: Path) -> None:
    for _ in range(11):
        make_dataset(tmp_path, rows=1, rejects=0)
    assert versions(tmp_path, "sums") == list(range(1, 12))
    assert latest(tmp_path, "sums").manifest.version == 11


def test_a_published_version_never_changes(tmp_path: Path) -> None:
    make_dataset(tmp_path)
    with pytest.raises(DatasetError, match="already published"):
        start_draft(tmp_path, "sums", version=1)


def test_of_two_drafts_of_one_version_the_second_to_finish_is_refused(tmp_path: Path) -> None:
    draft = start_draft(tmp_path, "sums")
    kept = write_train(draft.folder, [to_frame(some_rows(1))])
    manifest = manifest_of(1, kept, RejectWriter(draft.folder, Output()))
    (tmp_path / "sums" / "v1").mkdir()
    with pytest.raises(DatasetError, match="already published"):
        publish(draft, manifest)


def test_a_manifest_of_another_version_is_refused(tmp_path: Path) -> None:
    draft = start_draft(tmp_path, "sums")
    manifest = manifest_of(2, write_train(draft.folder, []), RejectWriter(draft.folder, Output()))
    with pytest.raises(ValueError, match="sums@2 for sums@1"):
        publish(draft, manifest)


@pytest.fixture
def two_versions(tmp_path: Path) -> Path:
    make_dataset(tmp_path, rows=1)
    make_dataset(tmp_path, rows=2)
    return tmp_path


@pytest.mark.parametrize(
    ("asked", "version"),
    [("sums", 2), ("sums@1", 1), ("sums@v1", 1), ("{}/sums", 2), ("{}/sums/v1", 1), ("{}/sums@1", 1)],
)
def test_a_dataset_is_found_by_name_version_or_folder(two_versions: Path, asked: str, version: int) -> None:
    assert open_dataset(asked.format(two_versions), two_versions).manifest.version == version


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("products", "dataset 'products' is not in .*; there are sums"),
        ("products@1", "dataset 'products' is not in .*; there are sums"),
        ("sums@7", "dataset 'sums' has no version 7; it has 1, 2"),
        ("some/where", "some/where: no dataset here; give a name"),
        ("{}/sums/v9", "no dataset here"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(two_versions: Path, asked: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        open_dataset(asked.format(two_versions), two_versions)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "manifest.json: not there"),
        ("", "manifest.json: the file: Invalid JSON"),
        ('{"dataset": "sums"', "manifest.json: the file: Invalid JSON"),
        ('{"dataset": "sums"}', "manifest.json: version: Field required"),
        ("later", "schema_version is 99, this program reads up to 1; upgrade"),
    ],
    ids=["missing", "empty", "half", "fields missing", "later schema"],
)
def test_a_damaged_manifest_is_one_clear_line(tmp_path: Path, text: str | None, message: str) -> None:
    dataset = make_dataset(tmp_path)
    path = dataset.folder / "manifest.json"
    if text is None:
        path.unlink()
    elif text == "later":
        path.write_text(dataset.manifest.model_copy(update={"schema_version": 99}).model_dump_json())
    else:
        path.write_text(text)
    with pytest.raises(DatasetError, match=message) as caught:
        open_dataset(dataset.folder, tmp_path)
    assert "\n" not in str(caught.value)


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (_flip, "sha256 is"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "bytes, the manifest says"),
        (Path.unlink, "missing"),
        (lambda path: (path.parent / "train-9.parquet").write_bytes(b""), "not in the manifest"),
    ],
    ids=["one bit", "cut short", "removed", "one more"],
)
def test_damage_to_a_file_is_found(tmp_path: Path, damage: Any, problem: str) -> None:
    dataset = make_dataset(tmp_path)
    damage(dataset.folder / dataset.manifest.files[0].path)
    (found,) = verify(dataset)
    assert problem in found


def test_rows_of_a_dataset_with_a_file_missing_are_refused(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    (dataset.folder / dataset.manifest.files[0].path).unlink()
    with pytest.raises(DatasetError, match="the manifest lists this file"):
        read_rows(dataset)


def test_a_row_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path)
    row = some_rows(25)[17]
    found = find_row(dataset, row.id[:8])
    assert (found.row, found.rejected) == (row, None)


def test_a_rejected_row_is_found_with_who_dropped_it(tmp_path: Path) -> None:
    reject = rejected(4)[2]
    assert find_row(make_dataset(tmp_path), reject.row.id).rejected == reject


@pytest.mark.parametrize(
    ("row_id", "message"), [("zz", "no row of sums@1 has the id 'zz'"), ("", "is empty"), ("*", "no row of")]
)
def test_an_id_that_is_not_there_is_said_so(tmp_path: Path, row_id: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        find_row(make_dataset(tmp_path), row_id)


def test_a_beginning_that_several_ids_share_is_refused(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path, rows=60)
    firsts = [row.id[0] for row in some_rows(60)]
    shared = max(firsts, key=firsts.count)
    with pytest.raises(DatasetError, match=f"rows of sums@1 begin with '{shared}', such as"):
        find_row(dataset, shared)


def hub_library() -> Any:
    """The datasets library. By its name in a string: mypy would take the folder of results for it."""
    return importlib.import_module("datasets")


@pytest.fixture
def offline_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for the datasets library, and no network."""
    datasets = hub_library()
    cache = tmp_path / "hub"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    return cache


def test_datasets_loads_the_train_split_and_nothing_else(tmp_path: Path, offline_hub: Path) -> None:
    datasets = hub_library()
    dataset = make_dataset(tmp_path / "out")
    loaded = datasets.load_dataset(str(dataset.folder), cache_dir=str(offline_hub))
    assert list(loaded) == ["train"]
    train = loaded["train"]
    assert train.num_rows == 25
    assert "rejected_by" not in train.column_names
    assert train["id"][:] == [row.id for row in some_rows(25)]
    assert train[0]["messages"][0] == {"role": "user", "content": "Add 0 and 0."}


def test_polars_and_pyarrow_read_the_folder(tmp_path: Path) -> None:
    data = make_dataset(tmp_path).folder / "data"
    ids = [row.id for row in some_rows(25)]
    assert pl.read_parquet(data / "train-*.parquet")["id"].to_list() == ids
    assert pad.dataset(data, format="parquet").to_table()["id"].to_pylist() == ids
