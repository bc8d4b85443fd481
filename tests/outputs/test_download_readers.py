"""Plain URLs: what polars and the datasets library make of them, with a token and without."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest

from tests.outputs.download_server import TOKEN, served
from tests.outputs.made import make_dataset, some_rows

IDS = [row.id for row in some_rows(25)]
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    make_dataset(root / "datasets")
    return root


@pytest.fixture(scope="module")
def urls(root: Path) -> Iterator[list[str]]:
    """Of the shards, on a server without a token."""
    with served(root) as client:
        yield shards(client.get("/api/datasets/sums/latest").json())


@pytest.fixture(scope="module")
def guarded(root: Path) -> Iterator[list[str]]:
    """The same with one."""
    with served(root, TOKEN) as client:
        yield shards(client.get("/api/datasets/sums/latest").json())


def shards(version: Any) -> list[str]:
    return [each["url"].replace("/v1/", "/latest/") for each in version["files"]]


def loaded(urls: list[str], cache: Path, **options: Any) -> list[str]:
    hub = importlib.import_module("datasets")
    rows = hub.load_dataset("parquet", data_files=urls, split="train", cache_dir=str(cache), **options)
    ids: list[str] = rows["id"][:]
    return ids


def test_polars_reads_urls(urls: list[str]) -> None:
    assert pl.read_parquet(urls)["id"].to_list() == IDS
    assert pl.scan_parquet(urls).filter(pl.col("id") == IDS[13]).select("instruction").collect().height == 1


def test_polars_reads_urls_with_a_token_through_fsspec(guarded: list[str]) -> None:
    files = fsspec.open_files(guarded, headers=BEARER)
    frames = []
    for file in files:
        with file as opened:
            frames.append(pl.read_parquet(opened))
    assert pl.concat(frames)["id"].to_list() == IDS
    with pytest.raises(PermissionError):
        pl.read_parquet(guarded)


def test_the_datasets_library_loads_urls(urls: list[str], tmp_path: Path) -> None:
    assert loaded(urls, tmp_path) == IDS


def test_the_datasets_library_loads_urls_with_a_token(guarded: list[str], tmp_path: Path) -> None:
    assert loaded(guarded, tmp_path, storage_options={"headers": BEARER}) == IDS
    with pytest.raises(Exception, match="Unable to find"):
        loaded(guarded, tmp_path / "other", storage_options={"headers": {"Authorization": "Bearer wrong"}})


def test_the_examples_of_the_docs_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "download.md").read_text(encoding="utf-8")
    plain, every, with_token = re.findall(r"```python\n(.*?)```", text, re.S)
    monkeypatch.setattr(importlib.import_module("datasets").config, "HF_DATASETS_CACHE", tmp_path / "cache")
    make_dataset(tmp_path / "datasets", shard_rows=100, dataset="demo")
    for token, code in ((None, plain + every), (TOKEN, plain.partition("rows =")[0] + with_token)):
        with served(tmp_path, token) as client:
            names: dict[str, Any] = {"token": token}
            exec(code.replace("http://127.0.0.1:4300", str(client.base_url)), names)
            rows = names["rows"].lazy().collect()
            assert (rows.height, names["train"].num_rows) == (25, 25)
