"""Datasets in an S3 store: a real server of that API on this machine, real presigned links."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import polars as pl
import pytest

from outputs.dataset import Dataset, open_dataset, verify
from outputs.download.app import create_app
from outputs.download.client import download
from outputs.upload import copy_version
from schemas.errors import BadInput, RunFailed
from tests.outputs.download_server import TOKEN, served
from tests.outputs.made import make_dataset, some_rows

s3fs = pytest.importorskip("s3fs")
pytest.importorskip("moto")


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """The endpoint of a store with an empty bucket ``data``."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
        }.items():  # fmt: skip
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        s3fs.S3FileSystem().mkdir("data")
        yield f"http://{host}:{port}"
        s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    dataset = make_dataset(tmp_path_factory.mktemp("here") / "datasets")
    (dataset.folder / "report.html").write_text("<p>report")
    return dataset


@pytest.fixture(scope="module")
def root(store: str, dataset: Dataset) -> str:
    """The URL of a store that holds the dataset."""
    assert copy_version(dataset, "s3://data/made/") == "s3://data/made/datasets/sums/v1"
    return "s3://data/made"


@pytest.fixture(scope="module")
def client(root: str) -> Iterator[httpx.Client]:
    with served(root) as client:
        yield client


def test_a_store_is_listed_like_a_folder(client: httpx.Client, dataset: Dataset) -> None:
    assert [each["name"] for each in client.get("/api/datasets").json()["datasets"]] == ["sums"]
    details = client.get("/api/datasets/sums/latest").json()
    assert [each["path"] for each in details["files"]] == [shard.path for shard in dataset.manifest.files]
    assert [each["path"] for each in details["documents"]] == ["README.md", "report.html", "manifest.json"]
    assert details["archives"] == {}
    page = client.get("/").text
    assert "/datasets/sums/v1/report.html" in page
    assert ".zip" not in page
    assert client.get("/datasets/sums/v1.zip").status_code == 404


def test_a_file_is_a_presigned_link(client: httpx.Client, store: str, dataset: Dataset) -> None:
    shard = dataset.manifest.files[0]
    answer = client.get(f"/datasets/sums/v1/{shard.path}")
    assert answer.status_code == 307
    assert answer.headers["location"].startswith(f"{store}/data/made/datasets/sums/v1/{shard.path}?")
    assert "Signature=" in answer.headers["location"]
    assert "hidden" not in answer.headers["location"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-sha256"] == shard.sha256
    assert httpx.get(answer.headers["location"]).content == (dataset.folder / shard.path).read_bytes()
    head = client.head(f"/datasets/sums/v1/{shard.path}")
    assert (head.status_code, head.headers["content-length"]) == (200, str(shard.bytes))
    assert client.get("/datasets/sums/v1/data/other.parquet").status_code == 404
    assert client.get("/datasets/sums/v1/secret").status_code == 404


def test_readers_follow_the_links(client: httpx.Client, tmp_path: Path) -> None:
    urls = [each["url"] for each in client.get("/api/datasets/sums/latest").json()["files"]]
    assert pl.read_parquet(urls)["id"].to_list() == [row.id for row in some_rows(25)]
    hub = importlib.import_module("datasets")
    assert hub.load_dataset("parquet", data_files=urls, split="train", cache_dir=str(tmp_path)).num_rows == 25


def test_a_download_follows_the_links(root: str, tmp_path: Path, dataset: Dataset) -> None:
    with served(root, TOKEN) as client:
        got = download(str(client.base_url), "sums", to=tmp_path / "got", token=TOKEN)
        left = dataset.manifest.files[0]
        path = tmp_path / "got" / left.path
        part = path.with_name(f".{path.name}.{left.sha256[:16]}.part")
        part.write_bytes(path.read_bytes()[:5000])
        path.unlink()
        assert verify(download(str(client.base_url), "sums", to=tmp_path / "got", token=TOKEN)) == []
    assert got.manifest == dataset.manifest
    assert verify(open_dataset(tmp_path / "got", tmp_path)) == []
    assert (tmp_path / "got/report.html").read_text() == "<p>report"


def test_a_version_without_its_manifest_is_not_there(store: str, dataset: Dataset) -> None:
    copy_version(dataset, "s3://data/half")
    s3fs.S3FileSystem().rm("data/half/datasets/sums/v1/manifest.json")
    with served("s3://data/half") as client:
        assert client.get("/api/datasets").json() == {"datasets": []}
        assert client.get(f"/datasets/sums/v1/{dataset.manifest.files[0].path}").status_code == 404


def test_a_copy_is_made_once_and_never_over_another_version(store: str, dataset: Dataset, tmp_path: Path) -> None:
    fs = s3fs.S3FileSystem()
    copy_version(dataset, "s3://data/once")
    before = {path: found["LastModified"] for path, found in fs.find("data/once", detail=True).items()}
    assert len(before) == 7
    assert copy_version(dataset, "s3://data/once") == "s3://data/once/datasets/sums/v1"
    fs.invalidate_cache()
    assert {path: found["LastModified"] for path, found in fs.find("data/once", detail=True).items()} == before
    other = make_dataset(tmp_path / "datasets", rows=3)
    with pytest.raises(RunFailed, match="another version of that number"):
        copy_version(other, "s3://data/once")


def test_a_store_that_does_not_answer_is_one_clear_line(
    store: str, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        RunFailed, match=r"sums@1 is published in .* but could not be copied to s3://nowhere/"
    ) as caught:
        copy_version(dataset, "s3://nowhere/x")
    assert "\n" not in str(caught.value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(BadInput, match="--root s3://data/made: cannot be listed"):
        create_app("s3://data/made", None)
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_store_that_stops_answering_is_503_without_its_words(store: str, root: str) -> None:
    with served(root) as client:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(s3fs.S3FileSystem, "_info", _down)
            answer = client.get("/datasets/sums/v1/README.md")
        assert answer.status_code == 503
        assert "internal words" not in answer.text


async def _down(*_: object, **__: object) -> None:
    raise RuntimeError("internal words")
