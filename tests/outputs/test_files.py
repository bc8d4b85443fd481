"""Files are whole or not there."""

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outputs.files import sha256_of, write_atomically, write_json, write_parquet


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "counts.json"
    path.write_text("old")

    def fail(part: Path) -> None:
        part.write_text("ha")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_half_written_file_is_never_visible_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "rows.txt"
    seen = []

    def write(part: Path) -> None:
        part.write_text("half")
        seen.append(path.exists())
        seen.append(part.name.startswith(".") and part.parent == path.parent)
        part.write_text("whole")

    write_atomically(path, write)
    assert seen == [False, True]
    assert path.read_text() == "whole"


def test_writers_that_add_a_suffix_of_their_own_find_it_there_already(tmp_path: Path) -> None:
    write_atomically(tmp_path / "signatures.npz", lambda part: np.savez(part, a=np.arange(3)))
    assert [path.name for path in tmp_path.iterdir()] == ["signatures.npz"]


def test_json_is_readable_text_that_ends_in_a_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"名": [1, 2]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "名" in text
    assert text.endswith("\n")
    assert json.loads(text) == {"名": [1, 2]}


@pytest.mark.parametrize("table", [pl.DataFrame({"a": [1, 2]}), pa.table({"a": [1, 2]})], ids=["polars", "arrow"])
def test_parquet_of_either_library_reads_back(tmp_path: Path, table: pl.DataFrame | pa.Table) -> None:
    write_parquet(tmp_path / "a.parquet", table)
    assert pl.read_parquet(tmp_path / "a.parquet")["a"].to_list() == [1, 2]


@given(content=st.binary(max_size=200))
def test_the_digest_is_that_of_the_content(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "digest"
    path.write_bytes(content)
    assert sha256_of(path) == hashlib.sha256(content).hexdigest()
