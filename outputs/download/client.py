"""A version fetched: over HTTP from a server, or from a folder of this machine; verified, and in place when whole."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from pydantic import ValidationError

from outputs.dataset import MANIFEST, Dataset
from outputs.download.fetch import Fetcher, printable
from outputs.download.paths import CARD, DOCUMENTS, LATEST, REPORT, Place, is_name
from outputs.download.target import Target
from outputs.files import sha256_of, write_atomically
from schemas.errors import BadInput, DatasetError, RunFailed
from schemas.manifest import ShardFile

AT_ONCE = 8
"""Files under way at a time."""
_COPY = 1 << 20


class Watch(Protocol):
    """Who is told how it goes."""

    def begin(self, label: str, files: int, size: int) -> None:
        """So many files with so many bytes are missing."""
        ...

    def got(self, size: int) -> None:
        """So many bytes came; fewer than none: they have to come again."""
        ...


class Unwatched:
    """Nobody is told."""

    def begin(self, label: str, files: int, size: int) -> None:
        """See ``Watch``."""

    def got(self, size: int) -> None:
        """See ``Watch``."""


def download(
    server: str,
    name: str,
    version: int | None = None,
    to: Path | None = None,
    token: str | None = None,
    rejects: bool = True,
    watch: Watch | None = None,
    pause: float = 0.5,
) -> Dataset:
    """Fetch a version (default: the newest) from the server at the URL ``server``, and say where it is.

    What ``to`` (default: ``<name>-v<version>``) holds already is not fetched again, and a file that came in part goes
    on where it stopped. Without ``rejects`` they are left out, of the manifest too. ``pause``: see ``Fetcher``.

    Raises:
        BadInput: the URL or the token is wrong, or ``to`` holds something else.
        DatasetError: the server has no such dataset, version or file.
        RunFailed: a file cannot be had, or is not what the manifest says.
    """
    if urlsplit(server).scheme not in ("http", "https") or not urlsplit(server).hostname or "@" in server:
        raise BadInput("--from: give the server's address, such as http://localhost:4300, without a user in it")
    if not is_name(name):
        raise DatasetError(f"{name!r} is not a dataset's name; give NAME or NAME@VERSION")
    return asyncio.run(_download(server.rstrip("/"), name, version, to, token, rejects, watch or Unwatched(), pause))


async def _download(
    server: str, name: str, version: int | None, to: Path | None, token: str | None, rejects: bool, watch: Watch,
    pause: float,
) -> Dataset:  # fmt: skip
    fetcher = Fetcher(server, token, watch.got, pause)
    try:
        number, documents = await _what_there_is(fetcher, name, version)
        content = await fetcher.small(Place(name, number, path=MANIFEST).url)
        target = _target(to or Path(f"{name}-v{number}"), content or b"", rejects)
        with target.taken():
            missing = await _missing(target)
            watch.begin(f"{name}@{number}", len(missing), sum(shard.bytes for shard in missing))
            if missing or not target.is_whole:
                target.begin()
            places = {shard.path: Place(name, number, path=shard.path).url for shard in missing}
            await _all([partial(fetcher.shard, places[shard.path], shard, target) for shard in missing])
            for document in (CARD, REPORT):
                await _document(fetcher, Place(name, number, path=document), document in documents, target)
            return target.finish()
    finally:
        await fetcher.close()


async def _what_there_is(fetcher: Fetcher, name: str, version: int | None) -> tuple[int, list[str]]:
    """The number of the version that is meant, and which documents it has."""
    path = f"/api/datasets/{quote(name)}/{f'v{version}' if version else LATEST}"
    answer = await fetcher.small(path)
    try:
        told = json.loads(answer or b"")
        number = int(told["version"])
        return number, [document["path"] for document in told["documents"] if document["path"] in DOCUMENTS]
    except (ValueError, TypeError, KeyError):
        raise RunFailed(f"{path}: the answer makes no sense; is this a server of instructloom?") from None


def _target(folder: Path, content: bytes, rejects: bool) -> Target:
    try:
        return Target(folder, content, rejects)
    except ValidationError as error:
        first = error.errors()[0]
        where = printable(".".join(map(str, first["loc"]))) or "the file"
        raise RunFailed(f"the server's {MANIFEST}: {where}: {first['msg']}; is its instructloom a later one?") from None


async def _missing(target: Target) -> list[ShardFile]:
    return [shard for shard in target.shards if not await asyncio.to_thread(target.has, shard)]


async def _document(fetcher: Fetcher, place: Place, there: bool, target: Target) -> None:
    path = target.folder / place.path
    if not there:
        path.unlink(missing_ok=True)
        return
    known = sha256_of(path) if path.is_file() else ""
    content = await fetcher.small(place.url, known)
    if content is not None:
        _write(path, content)


def _write(path: Path, content: bytes) -> None:
    write_atomically(path, lambda part: part.write_bytes(content))


async def _all(jobs: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Do them all, some at a time; the first that fails ends it."""
    waiting = list(reversed(jobs))

    async def work() -> None:
        while waiting:
            await waiting.pop()()

    workers = [asyncio.create_task(work()) for _ in range(min(AT_ONCE, len(jobs)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


def copy(dataset: Dataset, to: Path | None = None, rejects: bool = True, watch: Watch | None = None) -> Dataset:
    """The same from a folder of this machine.

    Raises:
        BadInput: ``to`` is the dataset's own folder, or holds something else.
        RunFailed: a file is not what the manifest says.
    """
    watch = watch or Unwatched()
    folder = to or Path(f"{dataset.manifest.dataset}-v{dataset.manifest.version}")
    if folder.resolve() == dataset.folder.resolve():
        raise BadInput(f"--to {folder}: the dataset is there already; give another folder")
    target = Target(folder, (dataset.folder / MANIFEST).read_bytes(), rejects)
    with target.taken():
        missing = [shard for shard in target.shards if not target.has(shard)]
        watch.begin(dataset.label, len(missing), sum(shard.bytes for shard in missing))
        if missing or not target.is_whole:
            target.begin()
        for shard in missing:
            _copy_file(dataset.folder / shard.path, target.part(shard), watch)
            target.put(shard)
        for document in (CARD, REPORT):
            (target.folder / document).unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                content = (dataset.folder / document).read_bytes()
                _write(target.folder / document, content)
        return target.finish()


def _copy_file(source: Path, part: Path, watch: Watch) -> None:
    try:
        with source.open("rb") as file, part.open("wb") as copied:
            while piece := file.read(_COPY):
                copied.write(piece)
                watch.got(len(piece))
    except FileNotFoundError:
        raise RunFailed(f"{source}: not there, and the manifest lists it; restore it") from None
