"""The lines of a batch's files: a request a line on the way there, a reply a line on the way back.

Not here: where the files lie (``batch_store.py``) and how they travel (``batch_endpoint.py``). A file of replies may be
larger than memory should hold, so it is read a line at a time, and what is remembered of a reply is its place.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import openai

from teachers.failures import Failure, failure_of
from teachers.payload import encode

ASKED_PATH = "/v1/chat/completions"
LATE = frozenset({"batch_expired", "batch_cancelled", "batch_canceled"})
"""What an endpoint says of a request that it had not come to when the batch ended."""

_LINE_ENDS = {"\u0085": b"\\u0085", "\u2028": b"\\u2028", "\u2029": b"\\u2029"}
"""To some readers these end a line; JSON may hold them as they are or like this."""
_NOWHERE = httpx2.Request("POST", "http://batch.invalid" + ASKED_PATH)


class Place(NamedTuple):
    """Where a reply stands: a line of a file, by offset and length in bytes."""

    path: Path
    offset: int
    length: int


class Line(NamedTuple):
    """One reply, or why there is none."""

    mark: str
    """The ``custom_id``: the digest of the payload."""
    place: Place
    failure: Failure | None


def request_line(mark: str, payload: dict[str, Any]) -> bytes:
    """The line that asks for ``payload``; its ``body`` has the bytes that a live request would have."""
    body = encode(payload)
    for end, escape in _LINE_ENDS.items():
        body = body.replace(end.encode(), escape)
    head = json.dumps({"custom_id": mark, "method": "POST", "url": ASKED_PATH}, separators=(",", ":")).encode()
    return head[:-1] + b',"body":' + body + b"}\n"


def marks_of(path: Path) -> list[str]:
    """The ``custom_id`` of each request in a file of ours."""
    with path.open("rb") as file:
        return [json.loads(line)["custom_id"] for line in file]


def read_lines(path: Path) -> Iterator[Line]:
    """The replies of a file that came from the endpoint. Lines that are none are passed over.

    Raises:
        Failure: ``disconnected``: the file breaks off in the middle of its last line.
    """
    offset = 0
    with path.open("rb") as file:
        for raw in file:
            read = read_line(raw)
            if read is not None:
                yield Line(read[0], Place(path, offset, len(raw)), read[1])
            elif raw.strip() and not raw.endswith(b"\n"):
                raise Failure("disconnected", "a file of replies broke off")
            offset += len(raw)


def read_line(raw: bytes) -> tuple[str, Failure | None] | None:
    """The ``custom_id`` of a reply, and why it has no completion, if so; None where this is no reply."""
    data = _parse(raw)
    mark = data.get("custom_id")
    return (mark, _failure(data)) if isinstance(mark, str) else None


def body_at(place: Place) -> bytes:
    """The response body of the reply at ``place``, as a live response would have brought it."""
    with place.path.open("rb") as file:
        file.seek(place.offset)
        data = _parse(file.read(place.length))
    return json.dumps(data["response"]["body"]).encode()


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _failure(data: dict[str, Any]) -> Failure | None:
    response, error = data.get("response"), data.get("error")
    status = response.get("status_code") if isinstance(response, dict) else None
    if isinstance(response, dict) and status == 200 and "body" in response:
        return None
    if isinstance(response, dict) and isinstance(status, int) and 300 <= status < 600:
        body = response.get("body")
        words = body.get("error", body) if isinstance(body, dict) else body
        told = openai.APIStatusError("", response=httpx2.Response(status, request=_NOWHERE), body=words)
        # As it stands: the key was taken out of the line before it reached the disk.
        return failure_of(told, str)
    code, message = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
    detail = " ".join(str(part) for part in (code, message) if part)
    return Failure("timeout" if code in LATE else "server_error", detail or "a reply with neither response nor error")
