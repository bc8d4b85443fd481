"""A body as a response: its tag, its digest, the parts of it that were asked for."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.responses import Response

from outputs.download.body import BodyResponse, FileBytes, Part, length, stretch
from outputs.download.conditions import NotSatisfiable, http_date, ranges, state
from outputs.download.local import Changed, Missing, OpenFile

TYPES = {
    ".parquet": "application/vnd.apache.parquet",
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".zip": "application/zip",
    ".tar": "application/x-tar",
}
_BOUNDARY = "instructloom-{}"


@dataclass(frozen=True)
class Content:
    """Something that can be sent, whole or in parts."""

    parts: Sequence[Part]
    media_type: str
    tag: str
    """What names this state of it; the ETag without its quotes."""
    modified: int | None = None
    """Seconds since 1970."""
    sha256: str = ""
    """Of all of it, in hexadecimal, where it is known."""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """The tag as a header has it."""
        return f'"{self.tag}"'


def media_type(path: str) -> str:
    """Of a file, by the end of its name."""
    return TYPES[path[path.rindex(".") :]]


def file_content(path: str, file: OpenFile, sha256: str, again: Callable[[], OpenFile]) -> Content:
    """A file of a version. ``again`` opens it anew when it is sent."""
    part = FileBytes(file.stamp.size, same_file(file, again))
    return Content([part], media_type(path), sha256, file.stamp.modified, sha256)


def same_file(file: OpenFile, again: Callable[[], OpenFile]) -> Callable[[], OpenFile]:
    """Opens a file once more, and sees to it that it is still the one that was seen."""
    stamp = file.stamp

    def opened() -> OpenFile:
        try:
            found = again()
        except Missing as error:
            raise Changed("a file was removed before it was sent") from error
        if found.stamp != stamp:
            found.close()
            raise Changed("a file changed before it was sent")
        return found

    return opened


def respond(content: Content, method: str, headers: Headers) -> Response:
    """The response to a GET or HEAD with these request headers."""
    described = describe(content)
    found = state(headers, content.etag, content.modified)
    if found != 200:
        return Response(status_code=found, headers=described)
    size = length(content.parts)
    try:
        # Of HEAD, a range has no meaning.
        wanted = ranges(headers, size, content.etag, content.modified) if method == "GET" else None
    except NotSatisfiable:
        return Response(status_code=416, headers={"content-range": f"bytes */{size}", "accept-ranges": "bytes"})
    if wanted is None:
        return _sent(content.parts, 0, size, 200, content.media_type, described)
    if len(wanted) > 1:
        return _several(content, wanted, size, described)
    start, stop = wanted[0]
    described["content-range"] = _content_range(start, stop, size)
    return _sent(content.parts, start, stop, 206, content.media_type, described)


def describe(content: Content) -> dict[str, str]:
    """The headers that hold for all of it, whatever part is sent."""
    described = {"etag": content.etag, "accept-ranges": "bytes", "cache-control": "no-cache"} | content.headers
    if content.modified is not None:
        described["last-modified"] = http_date(content.modified)
    return described | digests(content.sha256)


def digests(sha256: str) -> dict[str, str]:
    """The headers that say a sha256: RFC 9530's, and in hexadecimal as manifests have it."""
    if not sha256:
        return {}
    coded = base64.b64encode(bytes.fromhex(sha256)).decode()
    return {"repr-digest": f"sha-256=:{coded}:", "x-content-sha256": sha256}


def _sent(
    parts: Sequence[Part], start: int, stop: int, status: int, kind: str, described: dict[str, str]
) -> BodyResponse:
    headers = described | {"content-type": kind, "content-length": str(stop - start)}
    return BodyResponse(stretch(parts, start, stop), status, headers)


def _several(content: Content, wanted: list[tuple[int, int]], size: int, described: dict[str, str]) -> BodyResponse:
    """Several ranges in one response: multipart/byteranges."""
    boundary = _BOUNDARY.format(content.tag[:16])
    kind = f"multipart/byteranges; boundary={boundary}"
    heads = [
        f"\r\n--{boundary}\r\ncontent-type: {content.media_type}\r\n"
        f"content-range: {_content_range(start, stop, size)}\r\n\r\n".encode()
        for start, stop in wanted
    ]
    end = f"\r\n--{boundary}--\r\n".encode()
    total = sum(map(len, heads)) + sum(stop - start for start, stop in wanted) + len(end)

    def pieces() -> Iterator[bytes]:
        for head, (start, stop) in zip(heads, wanted, strict=True):
            yield head
            yield from stretch(content.parts, start, stop)
        yield end

    return BodyResponse(pieces(), 206, described | {"content-type": kind, "content-length": str(total)})


def _content_range(start: int, stop: int, size: int) -> str:
    return f"bytes {start}-{stop - 1}/{size}"
