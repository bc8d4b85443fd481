"""The download server and those who mean it no good: bytes that no client would send, disks that change meanwhile."""

import contextlib
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from outputs.download import connection, server
from outputs.download.body import PIECE
from outputs.download.local import LocalStore
from tests.outputs.download_server import PATIENCE, TOKEN, asked, connected, said, served
from tests.outputs.made import make_dataset

SECRET = b"nobody may read this"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version with links in it that lead out, and secrets around it."""
    root = tmp_path_factory.mktemp("outer") / "root"
    folder = make_dataset(root / "datasets").folder
    for path in (root / "secret", root.parent / "secret", root / "datasets/secret", root / "datasets/sums/secret", folder / "secret",
                 folder / "data/.secret.parquet", folder / "data/secret.parquet", root.parent / "outside" / "README.md"):  # fmt: skip
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(SECRET)
    outside = make_dataset(root.parent / "elsewhere", dataset="hidden").folder
    (outside / "README.md").write_bytes(SECRET)
    (root / "datasets/linked").symlink_to(root.parent / "elsewhere/hidden")
    (root / "datasets/sums/v7").symlink_to(outside)
    (folder / "report.html").symlink_to(root.parent / "secret")
    return root


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[httpx.Client]:
    with served(root) as client:
        yield client


TRAVERSALS = [
    "/../secret", "/datasets/../secret", "/datasets/../../secret", "/datasets/sums/../secret", "/datasets/sums/v1/../secret",
    "/datasets/sums/v1/secret", "/datasets/sums/v1/../../../../secret", "/datasets/sums/v1/data/../secret",
    "/datasets/sums/v1/data/secret.parquet", "/datasets/sums/v1/data/.secret.parquet", "/datasets/secret",
    "/datasets/sums/v1/data/../../../../../../../../../../etc/passwd", "/datasets//etc/passwd", "//etc/passwd",
    "/datasets/sums/v1/%2e%2e/secret", "/datasets/%2e%2e/secret", "/datasets/sums/v1/..%2fsecret", "/%2e%2e%2fsecret",
    "/datasets/sums/v1/%2e%2e%2f%2e%2e%2f%2e%2e%2fsecret", "/datasets/sums/v1/%252e%252e/secret", "/datasets/..%252fsecret",
    "/datasets/sums/v1/..%5csecret", "/datasets/sums/v1/..\\secret", "/datasets/..%c0%afsecret", "/datasets/sums/v1/%c0%ae%c0%ae/secret",
    "/datasets/sums/v1/README.md%00", "/datasets/sums/v1/%00/../secret", "/datasets/sums/v1/data/%2e%2e%2fsecret", "/datasets/%00",
    "/datasets/sums/v1/README.md%0a", "/datasets/sums/v1/README.md%0d%0aX-Evil:%201", "/datasets/linked/v1/README.md",
    "/datasets/linked/latest/README.md", "/datasets/sums/v7/README.md", "/datasets/sums/v7.zip", "/datasets/sums/v1/report.html",
    "/datasets/sums/v1/manifest.json/../secret", "/api/datasets/..", "/api/datasets/%2e%2e%2f", "/api/datasets/sums/..%2fv1",
    "/api/datasets/linked", "/api/datasets/sums/v7", "/api/datasets/linked/v1", "/datasets/%EF%BC%8E%EF%BC%8E/secret",
    "/datasets/sums/v1/data/" + "a" * 3000 + ".parquet", "/datasets/" + "a/" * 2000, "/datasets/sums/v" + "9" * 5000,
    "/datasets/sums/v1/secret?path=../secret", "/datasets/sums/v1/README.md;/../secret", "/static/../secret", "/datasets/~/secret",
]  # fmt: skip


@pytest.mark.parametrize("target", TRAVERSALS, ids=lambda target: target[:60])
def test_no_path_leads_out(client: httpx.Client, target: str) -> None:
    answer = asked(client.base_url, target.encode())
    assert answer.status in (400, 404)
    assert SECRET not in answer.body
    assert b"root:" not in answer.body
    assert "x-evil" not in answer.head.lower()
    assert str(client.base_url).encode() not in answer.body


def test_links_are_neither_listed_nor_packed(client: httpx.Client) -> None:
    assert [each["name"] for each in client.get("/api/datasets").json()["datasets"]] == ["sums"]
    assert [each["version"] for each in client.get("/api/datasets/sums").json()["versions"]] == [1]
    assert [each["path"] for each in client.get("/api/datasets/sums/v1").json()["documents"]] == [
        "README.md",
        "manifest.json",
    ]
    for kind in ("zip", "tar"):
        assert SECRET not in client.get(f"/datasets/sums/v1.{kind}").content


@pytest.mark.parametrize(
    "request_", [
        b"GET /health HTTP/1.1\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nBad Header: 1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", b"G\0T / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(20_000)) + b"\r\n",
    ], ids=range(11),
)  # fmt: skip
def test_what_is_no_request_is_refused(client: httpx.Client, request_: bytes) -> None:
    try:
        answer = said(client.base_url, request_)
    except ConnectionResetError:
        answer = b""  # closed while more was coming
    assert answer[:12] in (b"HTTP/1.1 400", b"")
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "framing",
    [b"Content-Length: 30\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked", b"Content-Length: 80"],
)
def test_nothing_hides_behind_a_body(client: httpx.Client, framing: bytes) -> None:
    hidden = b"0\r\n\r\nGET /datasets/sums/v1/manifest.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = said(client.base_url, b"GET /health HTTP/1.1\r\nHost: localhost\r\n%s\r\n\r\n%s" % (framing, hidden))
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert answer.count(b"HTTP/1.1") == 1


def test_other_forms_of_a_target_mean_the_same_or_nothing(client: httpx.Client) -> None:
    url = str(client.base_url)
    assert asked(url, b"http://evil.example/datasets/sums/v1/README.md").status in (200, 400, 404)
    assert SECRET not in asked(url, b"file:///etc/passwd").body
    assert asked(url, b"*").status in (400, 404)
    assert asked(url, b"/", method=b"CONNECT").status in (400, 404, 405)
    assert asked(url, b"/", method=b"TRACE").status == 405
    assert asked(url, b"/health", b"Upgrade: websocket\r\nConnection: Upgrade\r\n").status == 200


def test_http_1_0(client: httpx.Client) -> None:
    answer = said(client.base_url, b"GET /datasets/sums/v1/manifest.json HTTP/1.0\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b" 200 OK" in head
    assert json.loads(body)["dataset"] == "sums"
    assert said(client.base_url, b"GET / HTTP/1.0\r\nHost: evil.example\r\n\r\n").split(b" ")[1] == b"421"


def test_requests_one_behind_the_other_are_answered_in_order(client: httpx.Client) -> None:
    host = client.base_url.netloc
    one = b"GET /datasets/sums/v1.tar HTTP/1.1\r\nHost: %s\r\nRange: bytes=0-9\r\n\r\n" % host
    last = b"GET /health HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % host
    answer = said(client.base_url, one * 20 + b"HEAD / HTTP/1.1\r\nHost: %s\r\n\r\n" % host + last)
    assert answer.count(b"HTTP/1.1 206 Partial Content") == 20
    assert answer.count(b"sums-v1/RE") == 20
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.rpartition(b"\r\n\r\n")[2].startswith(b'{"status":"ok"')


def test_who_has_nothing_more_to_say_is_still_answered(client: httpx.Client) -> None:
    with connected(client.base_url) as connection_:
        connection_.sendall(b"GET /datasets/sums/v1.tar HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection_.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection_.recv(1 << 16):
            received += piece
    assert len(received.partition(b"\r\n\r\n")[2]) == int(
        client.head("/datasets/sums/v1.tar").headers["content-length"]
    )


def test_a_body_that_nobody_wants_is_not_kept(client: httpx.Client) -> None:
    with connected(client.base_url) as connection_:
        connection_.sendall(
            b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000000\r\n\r\n" + b"x" * 1000
        )
        assert connection_.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("begin", [b"", b"GET / HT", b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_who_never_finishes_a_request_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: bytes) -> None:
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.2)
    with served(tmp_path) as client, connected(client.base_url) as dawdler:
        dawdler.sendall(begin)
        with contextlib.suppress(ConnectionResetError):
            assert dawdler.recv(1) == b""
        assert client.get("/health").status_code == 200


Change = Callable[[Path], object]


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"x" * 10)


def _touch(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"y")


LARGE = 64 * PIECE


def large_version(root: Path) -> Path:
    """A version with one file that does not fit into the buffers of a socket."""
    dataset = make_dataset(root / "datasets", rejects=0)
    shard = dataset.manifest.files[0]
    path = dataset.folder / shard.path
    with path.open("wb") as file:
        file.truncate(LARGE)
    shard.bytes = LARGE
    dataset.manifest.files = [shard]
    (dataset.folder / "manifest.json").write_text(dataset.manifest.model_dump_json())
    return path


@pytest.mark.parametrize("target", ["file", "zip", "tar"])
@pytest.mark.parametrize(
    "change", [_grow, _touch, lambda path: os.truncate(path, PIECE)], ids=["longer", "overwritten", "shorter"]
)
def test_a_file_that_changes_under_way_never_comes_whole(tmp_path: Path, target: str, change: Change) -> None:
    path = large_version(tmp_path)
    url = (
        f"/datasets/sums/v1/{path.relative_to(path.parents[1])}" if target == "file" else f"/datasets/sums/v1.{target}"
    )
    with served(tmp_path) as client, client.stream("GET", url) as answer:
        pieces = answer.iter_raw(PIECE)
        next(pieces)
        change(path)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            for _ in pieces:
                pass


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_version_removed_under_way_breaks_the_archive_off(tmp_path: Path, kind: str) -> None:
    path = large_version(tmp_path)
    with served(tmp_path) as client:
        with client.stream("GET", f"/datasets/sums/v1.{kind}") as answer:
            pieces = answer.iter_raw(PIECE)
            next(pieces)
            shutil.rmtree(path.parents[1])
            # What is open is still sent; the manifest, which comes last, is gone.
            with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
                for _ in pieces:
                    pass
        assert client.get("/datasets/sums/v1.zip").status_code == 404
        assert client.get("/health").status_code == 200


LIES: list[dict[str, object]] = [
    {"bytes": 5}, {"bytes": 10**15}, {"bytes": -1}, {"sha256": ""}, {"sha256": "zz"}, {"path": "../../../secret"},
    {"path": "data/none.parquet"}, {"path": "/etc/passwd"}, {"path": "secret"}, {"path": "data"}, {"rows": -5},
    {"bytes": 10**400}, {"rows": 10**4000}, {"path": "data/" + "a" * 5000 + ".parquet"},
]  # fmt: skip


def test_a_manifest_that_lies_has_nothing_to_give(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(SECRET)
    dataset = make_dataset(tmp_path / "datasets")
    path = dataset.folder / "manifest.json"
    honest = path.read_text()
    with served(tmp_path) as client:
        for lie in LIES:
            content = json.loads(honest)
            content["files"][0] |= lie
            path.write_text(json.dumps(content))
            for url in (
                "/",
                "/datasets/sums",
                "/datasets/sums/v1",
                "/api/datasets/sums/v1",
                "/datasets/sums/v1/README.md",
            ):
                answer = client.get(url)
                assert answer.status_code == 200, lie
                assert SECRET not in answer.content
            for target in (f"/v1/{content['files'][0]['path']}", "/v1.zip", "/v1.tar"):
                raw = asked(client.base_url, f"/datasets/sums{target}".encode())
                assert raw.status in (200, 404), lie
                assert SECRET not in raw.body
                assert raw.status == 200 or str(tmp_path).encode() not in raw.body
            assert client.get(f"/datasets/sums/v1/{content['files'][1]['path']}").status_code == 200


def test_what_is_no_regular_file_is_not_there(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "datasets")
    first, second, third = (dataset.folder / shard.path for shard in dataset.manifest.files)
    for path in (first, second, third):
        path.unlink()
    os.mkfifo(first)
    second.mkdir()
    third.symlink_to(dataset.folder / "README.md")
    with served(tmp_path) as client:
        for path in (first, second, third):
            assert client.get(f"/datasets/sums/v1/{path.relative_to(dataset.folder)}").status_code == 404
        assert client.get("/datasets/sums/v1.zip").status_code == 404


def test_a_disk_that_cannot_be_read_is_told_without_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(tmp_path / "datasets")
    with served(tmp_path) as client:
        monkeypatch.setattr(LocalStore, "open", _broken)
        for url in ("/", "/api/datasets", "/datasets/sums/v1.zip"):
            answer = client.get(url)
            assert answer.status_code == 503
            assert "retry-after" in answer.headers
            assert str(tmp_path) not in answer.text


def _broken(*_: object, **__: object) -> int:
    raise OSError(5, "Input/output error", "/somewhere")


def test_slow_readers_keep_nobody_waiting(tmp_path: Path) -> None:
    path = large_version(tmp_path)
    url = f"/datasets/sums/v1/{path.relative_to(path.parents[1])}".encode()
    with served(tmp_path) as client:
        slow = [connected(client.base_url) for _ in range(30)]
        try:
            for connection_ in slow:
                connection_.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % url)
                assert connection_.recv(10) == b"HTTP/1.1 2"
            assert len(client.get(url.decode()).content) == LARGE
        finally:
            for connection_ in slow:
                connection_.close()


def test_who_takes_nothing_for_long_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "STALLED_SECONDS", 0.5)
    path = large_version(tmp_path)
    url = f"/datasets/sums/v1/{path.relative_to(path.parents[1])}".encode()
    with served(tmp_path) as client:
        client.get("/health")
        before = handles()
        with connected(client.base_url) as stalled:
            stalled.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % url)
            assert stalled.recv(10) == b"HTTP/1.1 2"
            # Our end is one of them; the server's end and its file are two more, until it lets go.
            ends = time.monotonic() + PATIENCE
            while handles() > before + 1 and time.monotonic() < ends:
                time.sleep(0.02)
            assert handles() <= before + 1


def test_connections_that_ask_nothing_make_room_for_those_that_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 20)
    with served(tmp_path) as client, ExitStack() as stack:
        idle = [stack.enter_context(connected(client.base_url)) for _ in range(60)]
        assert client.get("/health").status_code == 200
        for dropped in idle[:40]:
            with suppress(ConnectionResetError):
                assert dropped.recv(1) == b""


def test_more_readers_than_can_be_served_are_told_to_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 10)
    path = large_version(tmp_path)
    request = f"GET /datasets/sums/v1/{path.relative_to(path.parents[1])} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with served(tmp_path) as client, ExitStack() as stack:
        answers = []
        for _ in range(15):
            reader = stack.enter_context(connected(client.base_url))
            reader.sendall(request)
            answers.append(reader.recv(12))
        assert answers == [b"HTTP/1.1 200"] * 9 + [b"HTTP/1.1 503"] * 6


def handles() -> int:
    """How many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_is_opened_for_who_leaves_is_closed_again(tmp_path: Path) -> None:
    path = large_version(tmp_path)
    with served(tmp_path) as client:
        client.get("/health")
        before = handles()
        for target in (str(path.relative_to(path.parents[1])), ""):
            url = f"/datasets/sums/v1/{target}" if target else "/datasets/sums/v1.zip"
            for _ in range(20):
                with connected(client.base_url) as connection_:
                    connection_.sendall(f"GET {url} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    connection_.recv(1000)
        ends = time.monotonic() + PATIENCE
        while handles() > before and time.monotonic() < ends:
            time.sleep(0.02)
        assert handles() <= before


def test_the_token_is_nowhere_in_what_is_said(
    root: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with served(root, TOKEN) as client:
        for url in ("/", "/nothing", "/api/datasets/sums/v1", "/openapi.json", f"/datasets/{TOKEN}"):
            for header in ({}, {"authorization": "Bearer wrong"}):
                answer = client.get(url, headers=header)
                assert TOKEN not in answer.text
                assert TOKEN not in str(answer.headers)
    told = capfd.readouterr()
    assert TOKEN not in told.out + told.err + caplog.text


def test_many_who_ask_for_nonsense_at_once_leave_it_well(client: httpx.Client) -> None:
    def bother(number: int) -> None:
        for target in TRAVERSALS[number % 5 :: 5]:
            asked(client.base_url, target.encode(), b"Range: bytes=0-%d\r\n" % number)

    threads = [threading.Thread(target=bother, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("/datasets/sums/v1.zip").status_code == 200
