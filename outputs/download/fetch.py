"""One file over HTTP, however often the connection breaks: what has come stays, and the rest is asked for."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from outputs.download.target import Target
from schemas.errors import BadInput, DatasetError, RunFailed
from schemas.manifest import ShardFile

ATTEMPTS = 6
"""In a row that bring next to nothing, the first included."""
_PROGRESS = 1 << 16
"""Bytes that an attempt must bring to count as one that did."""
_BEGINNINGS = 3
"""How often a file is begun anew."""
_LONGEST_WAIT = 30.0


class Broken(Exception):
    """The connection failed, or the server is not able at the moment; ``wait`` is what it asks for, in seconds."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Fetcher:
    """Fetches from one server. ``got`` is told of bytes that came, or have to come again (then negative).

    ``pause`` is the first pause after a failure, in seconds; each further one is twice as long.
    """

    def __init__(
        self, server: str, token: str | None, got: Callable[[int], None] = lambda _: None, pause: float = 0.5
    ) -> None:
        headers = {"accept-encoding": "identity", "user-agent": "instructloom"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        # Where a link leads to another server, httpx leaves the token out.
        self._client = httpx.AsyncClient(
            base_url=server, headers=headers, timeout=httpx.Timeout(60.0, connect=20.0), follow_redirects=True
        )
        self._got = got
        self._pause = pause

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def small(self, path: str, known: str = "") -> bytes | None:
        """A page or document; ``None`` if its sha256 is still ``known``.

        Raises:
            DatasetError: it is not there.
            BadInput: the server wants a token, or another one.
            RunFailed: it cannot be had.
        """
        headers = {"if-none-match": f'"{known}"'} if known else {}

        async def once() -> bytes | None:
            async with self._asked(path, headers) as response:
                return None if response.status_code == 304 else await response.aread()

        failures = 0
        while True:
            try:
                return await once()
            except Broken as error:
                failures += 1
                await self._wait(path, failures, error)

    async def shard(self, path: str, shard: ShardFile, target: Target) -> None:
        """Fetch a file to its place; ``path`` is where the server has it.

        Raises:
            DatasetError, BadInput, RunFailed: as ``small``; or the file is not what the manifest says.
        """
        part = target.part(shard)
        if _size(part) > shard.bytes:
            part.unlink()
        resumed = _size(part)
        self._got(resumed)
        await self._whole(path, shard, part)
        try:
            await asyncio.to_thread(target.put, shard)
        except RunFailed:
            if not resumed:
                raise
            # What an earlier attempt left may have been of another state of the file.
            self._got(-shard.bytes)
            await self._whole(path, shard, part)
            await asyncio.to_thread(target.put, shard)
        _tag(part).unlink(missing_ok=True)

    async def _whole(self, path: str, shard: ShardFile, part: Path) -> None:
        """Ask until all of a file is there."""
        failures = beginnings = 0
        while _size(part) < shard.bytes or not part.exists():
            before = _size(part)
            beginnings += not before
            if beginnings > _BEGINNINGS * ATTEMPTS:
                raise RunFailed(f"{shard.path}: the server never sends all of it")
            try:
                await self._more(path, shard, part)
            except Broken as error:
                failures = failures + 1 if _size(part) < before + _PROGRESS else 1
                await self._wait(shard.path, failures, error)

    async def _more(self, path: str, shard: ShardFile, part: Path) -> None:
        """One request for what is missing of a file."""
        have = _size(part)
        headers = _continued(part, have) if have else {}
        async with self._asked(path, headers) as response:
            if response.status_code == 416:
                self._got(-have)
                part.unlink()
                raise Broken("it has not the rest of the file")
            if response.status_code != 206 and have:
                self._got(-have)
                have = 0
            _check_size(response, shard, have)
            if not have and (tag := response.headers.get("etag", "")).startswith('"'):
                _tag(part).write_text(tag)
            with part.open("ab" if have else "wb") as file:
                async for piece in response.aiter_raw():
                    have += len(piece)
                    if have > shard.bytes:
                        raise RunFailed(f"{shard.path}: the server sends more than the {shard.bytes} bytes it has")
                    file.write(piece)
                    self._got(len(piece))
        if have < shard.bytes:
            raise Broken("the file ended early")

    @asynccontextmanager
    async def _asked(self, path: str, headers: dict[str, str]) -> AsyncIterator[httpx.Response]:
        """A response that is worth reading."""
        try:
            async with self._client.stream("GET", path, headers=headers) as response:
                if response.status_code not in (200, 206, 304, 416):
                    await _refuse(path, response)
                yield response
        except httpx.TransportError as error:
            raise Broken(_why(error)) from error
        except (httpx.InvalidURL, httpx.TooManyRedirects, httpx.DecodingError) as error:
            raise RunFailed(f"{path}: {_why(error)}; is this a server of instructloom?") from error

    async def _wait(self, path: str, failures: int, error: Broken) -> None:
        if failures >= ATTEMPTS:
            raise RunFailed(
                f"{path}: {error}, {failures} times in a row; what has come is kept: run the same command again"
            ) from error
        longest = min(_LONGEST_WAIT, self._pause * 2**failures)
        await asyncio.sleep(min(error.wait, _LONGEST_WAIT) if error.wait is not None else longest * random.random())


async def _refuse(path: str, response: httpx.Response) -> None:
    status, said = response.status_code, await _detail(response)
    if status in (401, 403):
        raise BadInput(f"the server refuses {path} ({status}): put its token into the variable that --token-env names")
    if status in (404, 410):
        raise DatasetError(f"the server has no {path}: {said}")
    if status == 429 or status >= 500:
        wait = response.headers.get("retry-after", "")
        raise Broken(f"the server answers {status}", float(wait) if wait.isdecimal() else None)
    raise RunFailed(f"{path}: the server answers {status} ({said}); is this a server of instructloom?")


async def _detail(response: httpx.Response) -> str:
    try:
        said = (await response.aread())[:2000]
        return printable(str(json.loads(said)["detail"]))
    except (ValueError, KeyError, TypeError, httpx.HTTPError):
        return "it does not say why"


def printable(said: str) -> str:
    """What a server says, as a terminal may show it: without control characters, and not endless."""
    return "".join(letter if letter.isprintable() else " " for letter in said[:300])


def _check_size(response: httpx.Response, shard: ShardFile, have: int) -> None:
    """The server must have as many bytes of a file as the manifest says."""
    told = response.headers.get("content-length", "")
    if have:
        unit, _, rest = response.headers.get("content-range", "").partition(" ")
        first, _, total = rest.partition("-")[0], "", rest.partition("/")[2]
        if unit != "bytes" or first != str(have):
            raise RunFailed(f"{shard.path}: the server does not send the rest, from byte {have} on, as it was asked to")
        told = total
    if told.isdecimal() and told != str(shard.bytes):
        raise RunFailed(f"{shard.path}: the server has {told[:20]} bytes of it, and the manifest says {shard.bytes}")


def _continued(part: Path, have: int) -> dict[str, str]:
    headers = {"range": f"bytes={have}-"}
    if _tag(part).exists():
        headers["if-range"] = _tag(part).read_text()
    return headers


def _tag(part: Path) -> Path:
    """Where the ETag of what has come so far stands."""
    return part.with_name(f"{part.name}.etag")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _why(error: Exception) -> str:
    return " ".join(f"{type(error).__name__} {error}".split())
