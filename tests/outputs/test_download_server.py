"""What the download server answers, over a real socket."""

import base64
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path

import httpx
import pytest

from outputs.dataset import Dataset, open_dataset, start_draft
from outputs.download.app import create_app
from outputs.download.server import serve
from schemas.errors import BadInput
from tests.outputs.download_server import TOKEN, served
from tests.outputs.made import make_dataset

REPORT = "<!doctype html><script>document.title = 'run'</script>"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of ``sums``, the second with a report, and one of ``math``."""
    root = tmp_path_factory.mktemp("root")
    make_dataset(root / "datasets", rows=5)
    make_dataset(root / "datasets", rows=25)
    (root / "datasets/sums/v2/report.html").write_text(REPORT)
    make_dataset(root / "datasets", rows=3, rejects=0, dataset="math")
    return root


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[httpx.Client]:
    with served(root) as client:
        yield client


@pytest.fixture
def dataset(root: Path) -> Dataset:
    return open_dataset("sums@2", root / "datasets")


def files_of(dataset: Dataset) -> dict[str, bytes]:
    return {
        path.relative_to(dataset.folder).as_posix(): path.read_bytes()
        for path in sorted(dataset.folder.rglob("*"))
        if path.is_file()
    }


def test_every_file_of_a_version_is_served_as_it_is(client: httpx.Client, dataset: Dataset) -> None:
    kinds = {"parquet": "application/vnd.apache.parquet", "md": "text/markdown; charset=utf-8", "json": "application/json",
             "html": "text/html; charset=utf-8"}  # fmt: skip
    files = files_of(dataset)
    assert len(files) == 7
    for path, content in files.items():
        answer = client.get(f"/datasets/sums/v2/{path}")
        digest = hashlib.sha256(content)
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
        assert answer.headers["x-content-sha256"] == digest.hexdigest()
        assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        assert answer.headers["content-type"] == kinds[path.rpartition(".")[2]]
        assert answer.headers["content-length"] == str(len(content))
        assert "last-modified" in answer.headers


def test_head_tells_the_same_without_the_content(client: httpx.Client, dataset: Dataset) -> None:
    shard = dataset.manifest.files[0].path
    for url in (f"/datasets/sums/v2/{shard}", "/datasets/sums/v2.zip", "/datasets/sums/v2.tar", "/", "/api/datasets"):
        head, get = client.head(url), client.get(url)
        assert head.status_code == 200
        assert head.content == b""
        assert {name: value for name, value in head.headers.items() if name != "date"} == {
            name: value for name, value in get.headers.items() if name != "date"
        }


@pytest.mark.parametrize(
    ("spec", "start", "stop"),
    [("0-9", 0, 10), ("100-", 100, None), ("-7", -7, None), ("5-99999999999999999999", 5, None)],
)
def test_a_range_of_a_file(client: httpx.Client, dataset: Dataset, spec: str, start: int, stop: int | None) -> None:
    shard = dataset.manifest.files[0]
    content = (dataset.folder / shard.path).read_bytes()
    answer = client.get(f"/datasets/sums/v2/{shard.path}", headers={"range": f"bytes={spec}"})
    wanted = content[start:stop]
    first = content.index(wanted)
    assert (answer.status_code, answer.content) == (206, wanted)
    assert answer.headers["content-range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(content)}"
    assert answer.headers["content-length"] == str(len(wanted))
    assert answer.headers["x-content-sha256"] == shard.sha256


def test_several_ranges_come_as_several_parts(client: httpx.Client, dataset: Dataset) -> None:
    shard = dataset.manifest.files[0]
    content = (dataset.folder / shard.path).read_bytes()
    answer = client.get(f"/datasets/sums/v2/{shard.path}", headers={"range": "bytes=0-3,10-19,-4"})
    assert answer.status_code == 206
    assert len(answer.content) == int(answer.headers["content-length"])
    kind = answer.headers["content-type"].encode()
    message = BytesParser().parsebytes(b"content-type: " + kind + b"\r\n\r\n" + answer.content)
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part.get_payload(decode=True) for part in parts] == [content[:4], content[10:20], content[-4:]]
    assert parts[1]["content-range"] == f"bytes 10-19/{len(content)}"


def test_a_range_that_is_not_there_is_416(client: httpx.Client, dataset: Dataset) -> None:
    shard = dataset.manifest.files[0]
    for spec in ("999999999-", "5-2", "x", f"{'9' * 4000}-", ",".join(["0-0"] * 50)):
        answer = client.get(f"/datasets/sums/v2/{shard.path}", headers={"range": f"bytes={spec}"})
        assert (answer.status_code, answer.content) == (416, b"")
        assert answer.headers["content-range"] == f"bytes */{shard.bytes}"


def test_who_has_it_already_is_told_so(client: httpx.Client, dataset: Dataset) -> None:
    url = f"/datasets/sums/v2/{dataset.manifest.files[0].path}"
    first = client.get(url)
    for header, value in (
        ("if-none-match", first.headers["etag"]),
        ("if-modified-since", first.headers["last-modified"]),
    ):
        again = client.get(url, headers={header: value})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    assert client.get(url, headers={"if-match": '"other"'}).status_code == 412
    other = client.get(url, headers={"range": "bytes=5-", "if-range": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_version_in_one_file(client: httpx.Client, dataset: Dataset, kind: str) -> None:
    answer = client.get(f"/datasets/sums/v2.{kind}")
    assert answer.headers["content-disposition"] == f'attachment; filename="sums-v2.{kind}"'
    assert answer.headers["content-length"] == str(len(answer.content))
    wanted = {f"sums-v2/{path}": content for path, content in files_of(dataset).items()}
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            found = {name: archive.read(name) for name in archive.namelist()}
            assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    else:
        with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
            opened = {info.name: tar.extractfile(info) for info in tar.getmembers()}
            found = {name: file.read() for name, file in opened.items() if file}
    assert found == wanted
    assert next(iter(found)) == "sums-v2/README.md"
    assert list(found)[-1] == "sums-v2/manifest.json"


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_is_the_same_each_time_and_can_be_gone_on_with(client: httpx.Client, root: Path, kind: str) -> None:
    url = f"/datasets/sums/v2.{kind}"
    first = client.get(url)
    half = len(first.content) // 2
    with served(root) as other:
        rest = other.get(url, headers={"range": f"bytes={half}-", "if-range": first.headers["etag"]})
    assert rest.status_code == 206
    assert first.content[:half] + rest.content == first.content
    assert client.get(url, headers={"if-none-match": first.headers["etag"]}).status_code == 304


@pytest.mark.parametrize(
    ("below", "there"),
    [("latest", "v2"), ("latest/README.md", "v2/README.md"), ("latest.zip", "v2.zip"), ("latest/", "v2")],
)
def test_latest_leads_to_the_newest_version(client: httpx.Client, below: str, there: str) -> None:
    answer = client.get(f"/datasets/sums/{below}")
    assert (answer.status_code, answer.headers["location"]) == (307, f"/datasets/sums/{there}")
    assert client.get(f"/datasets/sums/{below}", follow_redirects=True).status_code == 200


def test_what_there_is_as_json(client: httpx.Client, dataset: Dataset) -> None:
    found = client.get("/api/datasets").json()["datasets"]
    assert [(each["name"], each["latest"]["version"]) for each in found] == [("math", 1), ("sums", 2)]
    versions = client.get("/api/datasets/sums").json()["versions"]
    assert [(each["version"], each["rows"], each["complete"]) for each in versions] == [(2, 25, True), (1, 5, True)]
    details = client.get("/api/datasets/sums/latest").json()
    assert details == client.get("/api/datasets/sums/v2").json()
    manifest = dataset.manifest
    assert [{name: value for name, value in each.items() if name != "url"} for each in details["files"]] == [
        shard.model_dump() for shard in manifest.files
    ]
    assert details["bytes"] == sum(shard.bytes for shard in [*manifest.files, *manifest.rejects])
    urls = [each["url"] for key in ("files", "rejects", "documents") for each in details[key]] + list(
        details["archives"].values()
    )
    assert len(urls) == 9
    assert all(client.head(url).status_code == 200 for url in urls)


def test_what_there_is_for_people(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path in ("/datasets/sums", "/datasets/sums/v2", "/datasets/sums/v2.zip", "/datasets/sums/v2/report.html"):
        assert f'href="{path}"' in page.text
        assert client.get(path).status_code == 200
    version = client.get("/datasets/sums/v2").text
    assert "25 rows" in version
    assert "instructloom download sums@2 --from http://127.0.0.1" in version
    assert client.get("/datasets/").text == page.text


def test_a_page_shows_text_as_text(tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "datasets")
    path = dataset.folder / "manifest.json"
    bad = {"stop_reason": "<script>alert(1)</script>", "complete": False, "finished": '"><img src=x>'}
    path.write_text(json.dumps(json.loads(path.read_text()) | bad))
    with served(tmp_path) as client:
        for url in ("/", "/datasets/sums", "/datasets/sums/v1"):
            page = client.get(url).text
            assert "&lt;script&gt;" in page
            assert "<script" not in page
            assert "<img" not in page


def test_a_report_may_run_its_own_script_and_ask_nobody(client: httpx.Client) -> None:
    policy = client.get("/datasets/sums/v2/report.html").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'unsafe-inline'"
    assert "connect-src" not in rules
    assert not any("http" in rule or "*" in rule or "'self'" in rule for rule in rules.values())


def test_every_answer_tells_browsers_to_be_careful(client: httpx.Client) -> None:
    for url in ("/", "/nothing", "/datasets/sums/v2/README.md", "/datasets/sums/v2.tar", "/api/datasets", "/health"):
        headers = client.get(url).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_only_get_and_head(client: httpx.Client) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        for url in ("/", "/datasets/sums/v2/README.md", "/api/datasets", "/health"):
            answer = client.request(method, url)
            assert answer.status_code == 405
            assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_version_in_the_making_is_not_there(tmp_path: Path) -> None:
    make_dataset(tmp_path / "datasets")
    draft = start_draft(tmp_path / "datasets", "sums")
    (draft.folder / "README.md").write_text("not yet")
    (tmp_path / "datasets/sums/v3").mkdir()  # as a copy that has not come to its manifest
    (tmp_path / "datasets/empty").mkdir()
    with served(tmp_path) as client:
        assert [each["version"] for each in client.get("/api/datasets/sums").json()["versions"]] == [1]
        assert [each["name"] for each in client.get("/api/datasets").json()["datasets"]] == ["sums"]
        assert ".partial" not in client.get("/").text
        for path in ("sums/.v2.partial/README.md", "sums/v2/README.md", "sums/v3", "empty", "sums/v3.zip"):
            assert client.get(f"/datasets/{path}").status_code == 404


def test_a_new_version_is_there_at_once(tmp_path: Path) -> None:
    with served(tmp_path) as client:
        assert client.get("/api/datasets").json() == {"datasets": []}
        for number in (1, 2):
            make_dataset(tmp_path / "datasets", rows=number)
            assert client.get("/api/datasets/sums/latest").json()["version"] == number


def test_a_manifest_that_cannot_be_read_hides_its_version_alone(tmp_path: Path) -> None:
    make_dataset(tmp_path / "datasets")
    make_dataset(tmp_path / "datasets")
    for content in ("", "{", '{"dataset": "sums"}', "[]", "\0"):
        (tmp_path / "datasets/sums/v2/manifest.json").write_text(content)
        with served(tmp_path) as client:
            assert [each["version"] for each in client.get("/api/datasets/sums").json()["versions"]] == [1]
            assert client.get("/datasets/sums/v2/README.md").status_code == 404
            assert client.get("/").status_code == 200
            assert client.get("/api/datasets").status_code == 200


def test_only_who_has_the_token_is_answered(root: Path) -> None:
    with served(root, TOKEN) as client:
        assert client.get("/api/datasets").status_code == 200
        basic = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
        wrong = base64.b64encode(b"anyone:wrong").decode()
        good = [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Basic {basic}"]
        bad = ["", TOKEN, f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", f"Basic {wrong}", f"Basic {TOKEN}", "Basic %",
               f"Digest {TOKEN}", "Bearer é", f"Basic {base64.b64encode(TOKEN.encode()).decode()}"]  # fmt: skip
        for header in good:
            assert client.get("/", headers={"authorization": header}).status_code == 200
        for header in bad:
            for url in ("/", "/datasets/sums/v2.zip", "/datasets/sums/v2/README.md", "/openapi.json", "/nothing"):
                answer = client.get(url, headers=[(b"authorization", header.encode())])
                assert answer.status_code == 401, header
                assert answer.headers.get_list("www-authenticate")[0].startswith("Bearer")
                assert answer.headers.get_list("www-authenticate")[1].startswith("Basic")
                assert b"sums" not in answer.content
        assert client.get("/health", headers={"authorization": ""}).json()["status"] == "ok"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_other_machines_are_not_served_without_a_token(tmp_path: Path, host: str) -> None:
    with pytest.raises(BadInput, match="a token is wanted"):
        serve(str(tmp_path), host, 0, None)


@pytest.mark.parametrize("token", ["", "with space", "línea", "two\nlines", "tab\t"])
def test_a_token_that_no_header_can_carry_is_refused(tmp_path: Path, token: str) -> None:
    with pytest.raises(BadInput, match="the token has characters") as caught:
        create_app(str(tmp_path), token)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(("make", "message"), [
    (lambda path: None, "No such file"), (lambda path: path.write_text(""), "not a folder"),
    (lambda path: (path.mkdir(), (path / "datasets").symlink_to("/etc")), "links are not followed"),
])  # fmt: skip
def test_a_root_that_cannot_be_served_is_refused(tmp_path: Path, make: object, message: str) -> None:
    make(tmp_path / "root")  # type: ignore[operator]
    with pytest.raises(BadInput, match=message):
        create_app(str(tmp_path / "root"), None)


def test_a_store_without_links_is_refused() -> None:
    with pytest.raises(BadInput, match="no presigned links"):
        create_app("memory://there", None)
    with pytest.raises(BadInput, match="--root nothing://there"):
        create_app("nothing://there", None)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "[::2]", ""]
)
def test_a_page_that_leads_a_browser_here_by_another_name_is_refused(client: httpx.Client, host: str) -> None:
    answer = client.get("/api/datasets", headers={"host": host})
    assert answer.status_code == 421
    assert b"sums" not in answer.content


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9", "[::1]:80", "::1", "localhost."])
def test_names_of_this_machine_are_its_own(client: httpx.Client, host: str) -> None:
    assert client.get("/health", headers={"host": host}).status_code == 200


def test_a_proxy_may_call_the_server_by_an_allowed_name(root: Path) -> None:
    with served(root, allow_hosts=("data.example.org",)) as client:
        headers = {"host": "data.example.org", "x-forwarded-proto": "https"}
        url = client.get("/api/datasets/sums/v1", headers=headers).json()["url"]
        assert url == "https://data.example.org/datasets/sums/v1"
        assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    with served(root, TOKEN) as client:
        assert client.get("/", headers={"host": "any.example"}).status_code == 200
