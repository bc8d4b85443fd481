"""Shards: what is written is read back, and the bytes depend on the rows alone."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outputs import parquet
from outputs.files import sha256_of
from outputs.parquet import TRAIN_SCHEMA, RejectWriter
from schemas.recipe import Output
from schemas.reject import rejects_frame
from schemas.row import ROW_SCHEMA, Row, from_frame, to_frame
from tests.outputs.made import any_rows, cut, rejected, some_rows, write_train


@pytest.fixture(scope="module")
def many() -> pl.DataFrame:
    return to_frame(some_rows(2500))


@settings(max_examples=25, deadline=None)
@given(rows=any_rows, shard_rows=st.integers(1, 5))
def test_any_rows_are_read_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], shard_rows: int
) -> None:
    root = tmp_path_factory.mktemp("any")
    files = write_train(root, [to_frame(rows)], Output(shard_rows=shard_rows)).files
    assert from_frame(pl.read_parquet([root / file.path for file in files])) == rows


@settings(max_examples=12, deadline=None)
@given(sizes=st.lists(st.integers(0, 1200), max_size=6), shard_rows=st.sampled_from([300, 1000, 1300]))
def test_any_cut_of_the_frames_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, many: pl.DataFrame, sizes: list[int], shard_rows: int
) -> None:
    output = Output(shard_rows=shard_rows)
    whole = write_train(tmp_path_factory.mktemp("whole"), [many], output)
    in_pieces = write_train(tmp_path_factory.mktemp("pieces"), cut(many, sizes), output)
    assert in_pieces.files == whole.files


def test_shards_hold_exactly_as_many_rows_as_asked_and_the_last_one_the_rest(
    tmp_path: Path, many: pl.DataFrame
) -> None:
    files = write_train(tmp_path, [many], Output(shard_rows=1100)).files
    assert [file.rows for file in files] == [1100, 1100, 300]
    assert [file.path for file in files] == [f"data/train-0000{number}-of-00003.parquet" for number in range(3)]
    assert [pq.read_metadata(tmp_path / file.path).num_rows for file in files] == [1100, 1100, 300]


def test_rows_that_fill_the_last_shard_leave_no_empty_one(tmp_path: Path) -> None:
    assert [file.rows for file in write_train(tmp_path, [to_frame(some_rows(20))], Output(shard_rows=10)).files] == [
        10,
        10,
    ]


def test_the_files_are_as_the_writer_reports_them(tmp_path: Path) -> None:
    for file in write_train(tmp_path, [to_frame(some_rows(25))], Output(shard_rows=10)).files:
        path = tmp_path / file.path
        assert (path.stat().st_size, sha256_of(path)) == (file.bytes, file.sha256)


def test_the_file_has_the_rows_columns_and_then_messages_and_the_schema_version(tmp_path: Path) -> None:
    (file,) = write_train(tmp_path, [to_frame(some_rows(3))]).files
    schema = pq.read_schema(tmp_path / file.path)
    assert schema.names == [*ROW_SCHEMA.names, "messages"]
    assert schema.equals(TRAIN_SCHEMA)
    assert schema.metadata == {b"instructloom.schema_version": b"1"}


def test_a_dataset_of_no_rows_still_has_its_columns(tmp_path: Path) -> None:
    (file,) = write_train(tmp_path, []).files
    assert file.rows == 0
    assert pl.read_parquet(tmp_path / file.path).columns == TRAIN_SCHEMA.names


def test_no_rejects_leave_no_file(tmp_path: Path) -> None:
    with RejectWriter(tmp_path, Output()) as writer:
        writer.write(rejects_frame([]))
    assert writer.files == []
    assert list(tmp_path.rglob("*.parquet")) == []


def test_rejects_are_read_back_with_who_dropped_them_and_why(tmp_path: Path) -> None:
    with RejectWriter(tmp_path, Output(shard_rows=3)) as writer:
        writer.write(rejects_frame(rejected(4)))
    assert [file.path for file in writer.files] == [f"rejects/rejects-0000{n}-of-00002.parquet" for n in (0, 1)]
    frame = pl.read_parquet([tmp_path / file.path for file in writer.files])
    assert frame.equals(rejects_frame(rejected(4)))


def test_a_writer_left_by_an_exception_leaves_no_shard(tmp_path: Path) -> None:
    def frames() -> Iterator[pl.DataFrame]:
        yield to_frame(some_rows(10))
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_train(tmp_path, frames(), Output(shard_rows=4))
    assert list(tmp_path.rglob("*.parquet")) == []


def test_shards_have_no_visible_name_before_all_are_written(tmp_path: Path) -> None:
    with parquet.TrainWriter(tmp_path, Output(shard_rows=4)) as writer:
        writer.write(to_frame(some_rows(10)))
        assert [path for path in tmp_path.rglob("*.parquet") if not path.name.startswith(".")] == []


def test_memory_is_bounded_by_a_row_group_and_a_frame(tmp_path: Path, many: pl.DataFrame) -> None:
    with parquet.TrainWriter(tmp_path, Output(shard_rows=100_000)) as writer:
        for frame in many.iter_slices(7):
            writer.write(frame)
            assert writer._pending_rows < parquet.ROW_GROUP
