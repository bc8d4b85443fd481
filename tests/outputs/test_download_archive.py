"""A version in one file: what the usual programs make of it, however large it is."""

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outputs.download.archive import Entry, archive_parts, archive_tag, moment
from outputs.download.body import Part, length, stretch
from outputs.download.local import Changed, OpenFile

MADE = moment("2026-03-04T05:06:08+00:00")
GIB = 1 << 30

contents = st.dictionaries(st.from_regex(r"[a-z]{1,120}", fullmatch=True), st.binary(max_size=1500), max_size=6)


def entry(path: Path, size: int | None = None) -> Entry:
    found = path.stat().st_size if size is None else size
    return Entry(path.name, found, "0" * 64, lambda: OpenFile(os.open(path, os.O_RDONLY)))


def crc32(entry: Entry) -> int:
    with entry.open() as file:
        return zlib.crc32(file.read(0, entry.size))


def parts_of(kind: str, folder: str, files: dict[str, bytes]) -> list[Part]:
    for name, content in files.items():
        (Path(folder) / name).write_bytes(content)
    return archive_parts(kind, [entry(Path(folder) / name) for name in files], MADE, crc32)


def everything(parts: list[Part]) -> bytes:
    return b"".join(stretch(parts, 0, length(parts)))


@given(contents)
def test_a_zip_holds_the_files(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = parts_of("zip", folder, files)
        content = everything(parts)
        assert len(content) == length(parts)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            assert {info.filename: archive.read(info) for info in archive.infolist()} == files
            assert all(info.date_time == (2026, 3, 4, 5, 6, 8) for info in archive.infolist())


@given(contents)
def test_a_tar_holds_the_files(files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = parts_of("tar", folder, files)
        content = everything(parts)
        assert len(content) == length(parts)
        assert len(content) % tarfile.RECORDSIZE == 0
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found = {info.name: archive.extractfile(info) for info in archive.getmembers()}
            assert {name: file.read() for name, file in found.items() if file} == files


@given(contents, st.sampled_from(["zip", "tar"]), st.integers(0, 9000), st.integers(0, 9000))
def test_any_stretch_of_an_archive_is_that_stretch(files: dict[str, bytes], kind: str, start: int, stop: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parts = parts_of(kind, folder, files)
        assert b"".join(stretch(parts, start, stop)) == everything(parts)[start:stop]


def test_other_programs_unpack_them_too(tmp_path: Path) -> None:
    files = {f"f{number}": os.urandom(number * 100) for number in range(5)}
    (tmp_path / "in").mkdir()
    for kind, command in (
        ("zip", ["unzip", "-q", "a.zip", "-d", "zip"]),
        ("tar", ["tar", "-xf", "a.tar", "-C", "tar"]),
    ):
        (tmp_path / f"a.{kind}").write_bytes(everything(parts_of(kind, str(tmp_path / "in"), files)))
        (tmp_path / kind).mkdir()
        subprocess.run(command, cwd=tmp_path, check=True)
        assert {path.name: path.read_bytes() for path in (tmp_path / kind).iterdir()} == files


class Stretched(io.RawIOBase):
    """An archive that nobody holds in memory or on a disk, as a file."""

    def __init__(self, parts: list[Part]) -> None:
        self._parts, self._at = parts, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, length(self._parts))[whence]
        return self._at

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        got = b"".join(stretch(self._parts, self._at, self._at + len(buffer)))
        buffer[: len(got)] = got
        self._at += len(got)
        return len(got)


def large(tmp_path: Path) -> list[Entry]:
    """Files whose sizes and places take more than 32 bits; of holes, so that they take no room."""
    (tmp_path / "small").write_bytes(b"after all of that")
    entries = []
    for name, size in (("first", 5 * GIB), ("second", 3 * GIB), ("third", 9 * GIB)):
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)
        entries.append(entry(tmp_path / name))
    return [*entries, entry(tmp_path / "small")]


def test_a_zip_may_be_larger_than_4_gib(tmp_path: Path) -> None:
    sums = {"small": zlib.crc32(b"after all of that")}
    parts = archive_parts("zip", large(tmp_path), MADE, lambda entry: sums.get(entry.name, 0))
    with zipfile.ZipFile(Stretched(parts)) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        assert sizes == {"first": 5 * GIB, "second": 3 * GIB, "third": 9 * GIB, "small": 17}
        assert archive.read("small") == b"after all of that"
        with archive.open("third") as file:
            assert file.read(4) == bytes(4)


def test_a_tar_may_be_larger_than_4_gib(tmp_path: Path) -> None:
    parts = archive_parts("tar", large(tmp_path), MADE, crc32)
    with tarfile.open(fileobj=Stretched(parts)) as archive:
        last = archive.getmember("small")
        assert [info.size for info in archive.getmembers()] == [5 * GIB, 3 * GIB, 9 * GIB, 17]
        found = archive.extractfile(last)
        assert found is not None
        assert found.read() == b"after all of that"


def test_a_zip_may_have_more_files_than_16_bits_count(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x")
    one = entry(tmp_path / "one")
    entries = [Entry(f"f{number}", 1, "0" * 64, one.open) for number in range(66_000)]
    parts = archive_parts("zip", entries, MADE, lambda _: zlib.crc32(b"x"))
    with zipfile.ZipFile(Stretched(parts)) as archive:
        assert len(archive.infolist()) == 66_000
        assert archive.read("f65999") == b"x"


def test_a_file_that_became_shorter_breaks_the_archive_off(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 100)
    for kind in ("zip", "tar"):
        parts = archive_parts(kind, [entry(tmp_path / "one", size=200)], MADE, crc32)
        with pytest.raises(Changed):
            everything(parts)


def test_the_tag_names_the_content(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x")
    one = entry(tmp_path / "one")
    other = Entry("one", 1, hashlib.sha256(b"y").hexdigest(), one.open)
    tags = [
        archive_tag("zip", [one], 1),
        archive_tag("zip", [other], 1),
        archive_tag("tar", [one], 1),
        archive_tag("zip", [one], 2),
    ]
    assert len(set(tags)) == 4
    assert archive_tag("zip", [entry(tmp_path / "one")], 1) == tags[0]


@pytest.mark.parametrize(("text", "seconds"), [("", 315532800), ("soon", 315532800), ("1970-01-01T00:00:00", 315532800),
                                                ("2026-01-01T00:00:00", 1767225600), ("2026-01-01T02:00:00+02:00", 1767225600)])  # fmt: skip
def test_times_that_a_zip_cannot_have_are_its_first(text: str, seconds: int) -> None:
    assert moment(text) == seconds
