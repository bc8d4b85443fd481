"""A version fetched: whole and verified, however often the connection breaks, and nothing of it twice."""

import hashlib
import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from outputs.dataset import Dataset, open_dataset, read_dataset, verify
from outputs.download.app import create_app
from outputs.download.client import copy, download
from schemas.errors import BadInput, DatasetError, RunFailed
from tests.outputs.download_server import TOKEN, serving
from tests.outputs.made import make_dataset


class Between:
    """Stands before a server, notes what it is asked for, and may break its answers off or forge them."""

    def __init__(self, app: ASGIApp, forge: Callable[[str], ASGIApp | None] = lambda _: None) -> None:
        self.app, self.forge = app, forge
        self.cut: list[int] = []
        """The next answers with a shard end after so many bytes each."""
        self.asked: list[tuple[str, str, str]] = []
        """Path, range and if-range."""
        self.authorized: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["path"], headers.get("range", ""), headers.get("if-range", "")))
        self.authorized.append(headers.get("authorization", ""))
        app = self.forge(scope["path"]) or self.app
        cut = self.cut.pop(0) if self.cut and scope["path"].endswith(".parquet") else None

        async def cutting(message: Message) -> None:
            nonlocal cut
            if cut is not None and message["type"] == "http.response.body":
                piece = message.get("body", b"")[:cut]
                cut -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if not cut:
                    raise ConnectionResetError
            else:
                await send(message)

        await app(scope, receive, cutting)

    def shards_asked(self) -> list[tuple[str, str, str]]:
        return [each for each in self.asked if each[0].endswith(".parquet")]


@contextmanager
def between(
    root: Path, forge: Callable[[str], ASGIApp | None] = lambda _: None, token: str | None = None
) -> Iterator[tuple[str, Between]]:
    middle = Between(create_app(str(root), token), forge)
    with serving(middle) as url:
        yield url, middle


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    dataset = make_dataset(tmp_path / "there/datasets")
    (dataset.folder / "report.html").write_text("<p>report")
    return dataset


def fetch(url: str, to: Path, name: str = "sums", **more: Any) -> Dataset:
    return download(url, name, to=to, pause=0.001, **more)


def same(one: Path, other: Path) -> bool:
    def files(folder: Path) -> dict[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return files(one) == files(other)


def test_a_download_is_the_version(tmp_path: Path, dataset: Dataset) -> None:
    with between(tmp_path / "there") as (url, middle):
        got = fetch(url, tmp_path / "got")
        assert verify(got) == []
        assert same(got.folder, dataset.folder)
        middle.asked.clear()
        assert fetch(url, tmp_path / "got").manifest == got.manifest
        assert middle.shards_asked() == []
    assert open_dataset(tmp_path / "got", tmp_path).manifest.rows == 25


def test_datasets_loads_what_was_downloaded(tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = importlib.import_module("datasets")
    monkeypatch.setattr(hub.config, "HF_DATASETS_OFFLINE", True)
    with between(tmp_path / "there") as (url, _):
        fetch(url, tmp_path / "got")
    loaded = hub.load_dataset(str(tmp_path / "got"), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == 25


def test_an_older_version_and_the_newest(tmp_path: Path, dataset: Dataset) -> None:
    make_dataset(tmp_path / "there/datasets", rows=7)
    with between(tmp_path / "there") as (url, _):
        assert fetch(url, tmp_path / "one", version=1).manifest.version == 1
        assert fetch(url + "/", tmp_path / "two").manifest.version == 2
        with pytest.raises(BadInput, match=r"holds sums@1; give another for sums@2"):
            fetch(url, tmp_path / "one")
        with pytest.raises(DatasetError, match="there is no version 3 of sums"):
            fetch(url, tmp_path / "three", version=3)
        with pytest.raises(DatasetError, match="there is no such dataset"):
            fetch(url, tmp_path / "none", "other")
    assert not (tmp_path / "three").exists()


def test_without_rejects_the_folder_is_a_whole_dataset_of_its_own(tmp_path: Path, dataset: Dataset) -> None:
    with between(tmp_path / "there") as (url, middle):
        got = fetch(url, tmp_path / "got", rejects=False)
        assert got.manifest.rejects == []
        assert not (tmp_path / "got/rejects").exists()
        assert verify(got) == []
        middle.asked.clear()
        with_rejects = fetch(url, tmp_path / "got")
        assert [path for path, _, _ in middle.shards_asked()] == [
            "/datasets/sums/v1/rejects/rejects-00000-of-00001.parquet"
        ]
        assert same(with_rejects.folder, dataset.folder)
        assert verify(fetch(url, tmp_path / "got", rejects=False)) == []


def test_what_came_before_the_connection_broke_is_not_asked_for_again(tmp_path: Path, dataset: Dataset) -> None:
    got: list[int] = []

    class Watch:
        def begin(self, label: str, files: int, size: int) -> None:
            got.append(-size)

        def got(self, size: int) -> None:
            got.append(size)

    with between(tmp_path / "there") as (url, middle):
        middle.cut = [4000] * 4
        assert same(fetch(url, tmp_path / "got", watch=Watch()).folder, dataset.folder)
    for shard in [*dataset.manifest.files, *dataset.manifest.rejects]:
        asked = [each[1:] for each in middle.shards_asked() if each[0].endswith(shard.path)]
        assert asked == [("", ""), ("bytes=4000-", f'"{shard.sha256}"')]
    assert sum(got) == 0


def test_a_download_that_was_stopped_goes_on_where_it_stopped(tmp_path: Path, dataset: Dataset) -> None:
    with between(tmp_path / "there") as (url, middle):
        middle.cut = [3000] * 4 + [0] * 100
        with pytest.raises(RunFailed, match=r"6 times in a row; what has come is kept: run the same command again"):
            fetch(url, tmp_path / "got")
        assert not (tmp_path / "got/manifest.json").exists()
        kept = {path.name: path.stat().st_size for path in (tmp_path / "got").rglob(".*.part")}
        assert kept
        middle.cut, middle.asked = [], []
        assert same(fetch(url, tmp_path / "got").folder, dataset.folder)
        assert all(
            wanted.startswith("bytes=")
            for path, wanted, _ in middle.shards_asked()
            if any(Path(path).name in name for name in kept)
        )


def test_what_is_left_of_another_state_of_a_file_is_not_used(tmp_path: Path, dataset: Dataset) -> None:
    shard = dataset.manifest.files[0]
    (tmp_path / "got/data").mkdir(parents=True)
    for left in (b"rubbish", b"x" * (shard.bytes + 10), b"y" * shard.bytes):
        (tmp_path / f"got/{Path(shard.path).parent}/.{Path(shard.path).name}.{shard.sha256[:16]}.part").write_bytes(
            left
        )
        (tmp_path / f"got/{shard.path}").unlink(missing_ok=True)
        with between(tmp_path / "there") as (url, _):
            assert same(fetch(url, tmp_path / "got").folder, dataset.folder)


@pytest.mark.parametrize(
    "damage",
    [lambda path: path.write_bytes(b"x" * path.stat().st_size), Path.unlink, lambda path: path.write_bytes(b"")],
)
def test_a_damaged_file_of_ours_is_fetched_anew(
    tmp_path: Path, dataset: Dataset, damage: Callable[[Path], object]
) -> None:
    with between(tmp_path / "there") as (url, middle):
        fetch(url, tmp_path / "got")
        middle.asked.clear()
        damage(tmp_path / "got" / dataset.manifest.files[1].path)
        (tmp_path / "got/README.md").write_text("changed")
        assert same(fetch(url, tmp_path / "got").folder, dataset.folder)
        assert [path for path, _, _ in middle.shards_asked()] == [f"/datasets/sums/v1/{dataset.manifest.files[1].path}"]


def test_a_version_that_was_made_anew_replaces_the_old_one(tmp_path: Path, dataset: Dataset) -> None:
    with between(tmp_path / "there") as (url, _):
        fetch(url, tmp_path / "got")
        shutil.rmtree(dataset.folder)
        other = make_dataset(tmp_path / "there/datasets", rows=12)
        assert other.manifest.version == 1
        got = fetch(url, tmp_path / "got")
        assert same(got.folder, other.folder)
        assert verify(got) == []


def test_a_file_with_another_sum_is_an_error_that_names_it(tmp_path: Path, dataset: Dataset) -> None:
    path = dataset.folder / dataset.manifest.files[1].path
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with (
        between(tmp_path / "there") as (url, _),
        pytest.raises(
            RunFailed,
            match=rf"{dataset.manifest.files[1].path}: the sha256 of what came is [0-9a-f]{{64}}, the manifest says",
        ),
    ):
        fetch(url, tmp_path / "got")
    assert not (tmp_path / "got/manifest.json").exists()
    assert not (tmp_path / "got" / dataset.manifest.files[1].path).exists()


def forging(part: str, app: ASGIApp) -> Callable[[str], ASGIApp | None]:
    """Answers by ``app`` where the path has ``part`` in it."""
    return lambda path: app if part in path else None


def text(content: bytes, status: int = 200, **headers: str) -> ASGIApp:
    return Response(content, status, headers)


@pytest.mark.parametrize(
    ("forged", "message"),
    [
        (text(b"x" * 10), "the server has 10 bytes of it, and the manifest says"),
        (text(b"", 404), "the server has no /datasets/sums/v1/data/"),
        (text(b"", 403), "the server refuses .*403"),
        (text(b"", 204), "the server answers 204"),
        (text(b"", 500), "the server answers 500, 6 times in a row"),
        (text(b"", 429, **{"retry-after": "0"}), "the server answers 429, 6 times in a row"),
        (RedirectResponse("/datasets/sums/v1/data/train-00000-of-00003.parquet"), "TooManyRedirects"),
    ],
    ids=["short", "missing", "refused", "no content", "failing", "busy", "in circles"],
)
def test_a_server_that_does_not_give_a_file_is_told_apart(
    tmp_path: Path, dataset: Dataset, forged: ASGIApp, message: str
) -> None:
    forge = forging("/data/train-00000-of-00003.parquet", forged)
    with (
        between(tmp_path / "there", forge) as (url, _),
        pytest.raises((RunFailed, BadInput), match=message) as caught,
    ):
        fetch(url, tmp_path / "got")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "got/manifest.json").exists()


def test_a_server_that_is_busy_for_a_while_is_waited_for(tmp_path: Path, dataset: Dataset) -> None:
    answers = [text(b"", 503, **{"retry-after": "0"})] * 3
    with between(
        tmp_path / "there", lambda path: answers.pop() if answers and path.endswith("manifest.json") else None
    ) as (url, _):
        assert verify(fetch(url, tmp_path / "got")) == []


@pytest.mark.parametrize(
    "path", ["../outside.parquet", "/tmp/outside.parquet", "data/../../outside.parquet", "data\\x.parquet", "README.md"]
)
def test_a_manifest_cannot_make_a_file_outside(tmp_path: Path, dataset: Dataset, path: str) -> None:
    evil = json.loads((dataset.folder / "manifest.json").read_text())
    evil["files"][0]["path"] = path
    forged = text(json.dumps(evil).encode())
    with (
        between(tmp_path / "there", forging("manifest.json", forged)) as (url, middle),
        pytest.raises(RunFailed, match="no version holds such a file"),
    ):
        fetch(url, tmp_path / "got")
    assert middle.shards_asked() == []
    assert not (tmp_path / "got").exists()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"dataset": "sums"}', b"<html>", b'{"version": 1, "documents": 5}']
)
def test_what_is_no_server_of_ours_is_said_to_be_none(tmp_path: Path, dataset: Dataset, content: bytes) -> None:
    for part in ("/api/", "manifest.json"):
        with (
            between(tmp_path / "there", forging(part, text(content))) as (url, _),
            pytest.raises(RunFailed, match=r"a server of instructloom|a later one"),
        ):
            fetch(url, tmp_path / "got")
    assert not (tmp_path / "got").exists()


def test_the_token_is_sent_to_its_server_and_to_no_other(tmp_path: Path, dataset: Dataset) -> None:
    with between(tmp_path / "there") as (other, elsewhere):
        leads = {
            path: RedirectResponse(other + path)
            for path in (f"/datasets/sums/v1/{shard.path}" for shard in dataset.manifest.files)
        }
        with between(tmp_path / "there", leads.get, TOKEN) as (url, middle):
            with pytest.raises(BadInput, match="put its token into the variable"):
                fetch(url, tmp_path / "got")
            assert verify(fetch(url, tmp_path / "got", token=TOKEN)) == []
        assert middle.authorized[-1] == f"Bearer {TOKEN}"
        assert len(elsewhere.asked) == 3
        assert set(elsewhere.authorized) == {""}


@pytest.mark.parametrize("there", ["mine.txt", "data/mine.parquet", "rejects/mine.txt", "models/mine"])
def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, dataset: Dataset, there: str) -> None:
    (tmp_path / "got" / there).parent.mkdir(parents=True)
    (tmp_path / "got" / there).write_text("mine")
    with (
        between(tmp_path / "there") as (url, _),
        pytest.raises(BadInput, match=r"which is not of sums@1; give an empty folder"),
    ):
        fetch(url, tmp_path / "got")
    assert (tmp_path / "got" / there).read_text() == "mine"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="not a folder"):
        copy(dataset, tmp_path / "file")


def test_two_downloads_into_one_folder_do_not_mix(tmp_path: Path, dataset: Dataset) -> None:
    class Watch:
        def begin(self, label: str, files: int, size: int) -> None:
            with pytest.raises(BadInput, match="another download is at work there"):
                copy(dataset, tmp_path / "got")

        def got(self, size: int) -> None:
            pass

    assert verify(copy(dataset, tmp_path / "got", watch=Watch())) == []


def test_a_copy_is_the_version(tmp_path: Path, dataset: Dataset) -> None:
    got = copy(dataset, tmp_path / "got")
    assert same(got.folder, dataset.folder)
    before = {path: path.stat().st_mtime_ns for path in got.folder.rglob("*.parquet")}
    assert copy(dataset, tmp_path / "got").manifest == dataset.manifest
    assert {path: path.stat().st_mtime_ns for path in got.folder.rglob("*.parquet")} == before
    assert copy(dataset, tmp_path / "got", rejects=False).manifest.rejects == []
    assert verify(read_dataset(tmp_path / "got")) == []
    with pytest.raises(BadInput, match="the dataset is there already"):
        copy(dataset, dataset.folder)


def test_a_copy_of_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, dataset: Dataset) -> None:
    path = dataset.folder / dataset.manifest.files[2].path
    path.write_bytes(b"x" * path.stat().st_size)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(RunFailed, match=f"{dataset.manifest.files[2].path}: the sha256 of what came is {digest}"):
        copy(dataset, tmp_path / "got")
    path.unlink()
    with pytest.raises(RunFailed, match="not there, and the manifest lists it"):
        copy(dataset, tmp_path / "got")
    assert not (tmp_path / "got/manifest.json").exists()
    assert not list((tmp_path / "got").rglob(".*.part"))
