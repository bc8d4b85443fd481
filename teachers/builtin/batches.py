"""Files and batches of the OpenAI Batch API, kept in memory: a file of requests in, files of answers and errors out.

Not HTTP: ``batch_api.py`` puts it there. A batch goes *validating*, *in_progress*, *finalizing*, *completed*; or ends
*failed* (its file breaks a rule), *expired* (half done, where asked to) or *cancelled*. Passing faults of the endpoint
do not reach a batch, for the providers try again themselves; what a request is refused for does, in the error file.
As with OpenAI, answers come in an order of their own.
"""

import asyncio
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from teachers.builtin.wire import BadRequest, Response
from teachers.payload import encode

URL = "/v1/chat/completions"
MOST_REQUESTS = 50_000
"""In one batch, as with OpenAI."""
_MOST_ERRORS = 100
"""More are not listed: a file of the wrong kind is wrong in every line."""
_WINDOW_SECONDS = 86_400
_PIECES = 10
"""In so many steps a batch that takes time shows its progress."""
_FINAL = {"completed", "failed", "expired", "cancelled"}
_COUNTED = ("prompt_tokens", "completion_tokens", "total_tokens")


class Answering(Protocol):
    """What a batch needs of an endpoint."""

    def batch_line(self, body: bytes) -> Response:
        """The answer to one line of a batch."""
        ...

    def expires(self, batch: bytes) -> bool:
        """Whether the batch with this input expires half done."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """A file that was uploaded, or that a batch left."""

    id: str
    filename: str
    purpose: str
    content: bytes
    created_at: int

    def shown(self) -> dict[str, Any]:
        """The API's ``file`` object."""
        about = {"id": self.id, "object": "file", "bytes": len(self.content), "created_at": self.created_at}
        return {**about, "filename": self.filename, "purpose": self.purpose, "status": "processed", "expires_at": None}


class Files:
    """The files of a server. A file that is not there is a ``KeyError``."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def add(self, filename: str, purpose: str, content: bytes) -> File:
        """Keep a file under a new id."""
        made = File(f"file-{secrets.token_hex(12)}", filename, purpose, content, int(time.time()))
        self._files[made.id] = made
        return made

    def get(self, name: str) -> File:
        """The file with this id."""
        return self._files[name]

    def delete(self, name: str) -> None:
        """Forget the file with this id."""
        del self._files[name]

    def all(self) -> list[File]:
        """All files, the newest first."""
        return list(reversed(self._files.values()))


@dataclass(frozen=True, slots=True)
class Line:
    """One request of a batch."""

    custom_id: str
    body: bytes


@dataclass(slots=True)
class Batch:
    """A batch and how far it is."""

    id: str
    input_file_id: str
    metadata: dict[str, str] | None
    created_at: int
    status: str = "validating"
    times: dict[str, int] = field(default_factory=dict)
    """``in_progress_at`` and the like."""
    total: int = 0
    answers: list[tuple[Line, dict[str, Any]]] = field(default_factory=list)
    failures: list[tuple[Line, dict[str, Any]]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    output_file_id: str | None = None
    error_file_id: str | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it is cancelled."""

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in _FINAL

    def enter(self, status: str) -> None:
        """Go over to ``status`` and note when."""
        self.status = status
        self.times[f"{status}_at"] = int(time.time())

    def shown(self) -> dict[str, Any]:
        """The API's ``batch`` object."""
        stages = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": URL,
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.input_file_id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output_file_id,
            "error_file_id": self.error_file_id,
            "created_at": self.created_at,
            "expires_at": self.created_at + _WINDOW_SECONDS,
            **{f"{stage}_at": self.times.get(f"{stage}_at") for stage in stages},
            "request_counts": {
                "total": self.total,
                "completed": len(self.answers),
                "failed": len(self.failures),
            },
            "metadata": self.metadata,
            "usage": self._usage(),
        }

    def _usage(self) -> dict[str, Any]:
        used = [answer["body"]["usage"] for _, answer in self.answers]
        asked, said, both = (sum(usage[name] for usage in used) for name in _COUNTED)
        return {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": said,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": both,
        }


class Batches:
    """The batches of a server, each worked through by a task of its own on the running loop.

    ``seconds`` is how long a batch takes beyond what its answers cost to compute. A batch that is not there is a
    ``KeyError``.
    """

    def __init__(self, endpoint: Answering, seconds: float = 0.0) -> None:
        self.files = Files()
        self._endpoint = endpoint
        self._seconds = seconds
        self._batches: dict[str, Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def create(self, data: object) -> Batch:
        """``POST /v1/batches``: start a batch.

        Raises:
            BadRequest: the order itself is wrong; what is wrong with the file shows in the batch.
        """
        order = _order(data)
        try:
            source = self.files.get(order["input_file_id"])
        except KeyError:
            raise BadRequest(f"there is no file {order['input_file_id']!r} to make a batch of") from None
        if source.purpose != "batch":
            raise BadRequest(f"file {source.id!r} has the purpose {source.purpose!r}; upload it with 'batch'")
        batch = Batch(f"batch_{secrets.token_hex(12)}", source.id, order["metadata"], int(time.time()))
        self._batches[batch.id] = batch
        task = asyncio.get_running_loop().create_task(self._work(batch, source.content))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return batch

    def get(self, name: str) -> Batch:
        """The batch with this id."""
        return self._batches[name]

    def all(self) -> list[Batch]:
        """All batches, the newest first."""
        return list(reversed(self._batches.values()))

    def cancel(self, name: str) -> Batch:
        """``POST /v1/batches/{id}/cancel``: stop it; what was answered stays answered.

        Raises:
            BadRequest: it is over already.
        """
        batch = self._batches[name]
        if batch.over:
            raise BadRequest(f"a batch that is {batch.status} cannot be cancelled")
        batch.enter("cancelling")
        batch.stop.set()
        return batch

    async def _work(self, batch: Batch, content: bytes) -> None:
        lines, batch.errors = validate(content)
        # One turn of the loop, so that who asks at once sees it validating.
        await asyncio.sleep(0)
        if batch.errors:
            batch.enter("failed")
            return
        batch.total = len(lines)
        if batch.status != "cancelling":
            batch.enter("in_progress")
        expires = self._endpoint.expires(content)
        done = await self._answer(batch, lines[: len(lines) // 2] if expires else lines)
        self._finish(batch, lines[done:], expires)

    async def _answer(self, batch: Batch, lines: Sequence[Line]) -> int:
        """Answer the lines in order; gives how many were answered before somebody cancelled."""
        piece = max(1, -(-len(lines) // _PIECES))
        for place, line in enumerate(lines):
            await _pause(batch, self._seconds / _PIECES if place % piece == 0 else 0)
            if batch.status == "cancelling":
                return place
            response = self._endpoint.batch_line(line.body)
            answer = {"status_code": response.status, "request_id": f"req_{secrets.token_hex(8)}"}
            answer["body"] = json.loads(response.body)
            (batch.answers if response.status == 200 else batch.failures).append((line, answer))
        return len(lines)

    def _finish(self, batch: Batch, unanswered: Sequence[Line], expires: bool) -> None:
        end, code = "completed", ""
        if batch.status == "cancelling":
            end, code = "cancelled", "batch_cancelled"
        elif expires:
            end, code = "expired", "batch_expired"
        else:
            batch.enter("finalizing")
        failed = [_result(line, answer, None) for line, answer in batch.failures]
        failed += [_result(line, None, {"code": code, "message": _UNANSWERED[code]}) for line in unanswered]
        batch.output_file_id = self._leave(batch, "output", [_result(*pair, None) for pair in batch.answers])
        batch.error_file_id = self._leave(batch, "error", failed)
        batch.enter(end)

    def _leave(self, batch: Batch, kind: str, lines: Sequence[dict[str, Any]]) -> str | None:
        if not lines:
            return None
        written = sorted((encode(line) for line in lines), key=lambda line: hashlib.blake2b(line).digest())
        return self.files.add(f"{batch.id}_{kind}.jsonl", "batch_output", b"\n".join([*written, b""])).id


async def _pause(batch: Batch, seconds: float) -> None:
    # One turn of the loop at least: a batch must not hold up the requests of others.
    await asyncio.sleep(0)
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(batch.stop.wait(), seconds)


def validate(content: bytes) -> tuple[list[Line], list[dict[str, Any]]]:
    """The requests of a file, and what is wrong with it as the API's ``errors``; one of the two is empty."""
    lines, errors, known = [], [], set[str]()
    for number, raw in _numbered(content):
        try:
            line = _line(raw, known)
        except _BadLine as error:
            errors.append({"code": error.code, "message": error.message, "param": error.param, "line": number})
            continue
        known.add(line.custom_id)
        lines.append(line)
    if not lines and not errors:
        errors.append({"code": "empty_file", "message": "The file has no requests.", "param": None, "line": None})
    if len(lines) > MOST_REQUESTS:
        told = f"The file has {len(lines)} requests; a batch takes {MOST_REQUESTS}."
        errors.append({"code": "too_many_requests", "message": told, "param": None, "line": None})
    return ([] if errors else lines), errors[:_MOST_ERRORS]


class _BadLine(Exception):
    """A line that breaks a rule."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.param = code, message, param


def _numbered(content: bytes) -> Iterator[tuple[int, bytes]]:
    # Only newlines end a line: JSON may hold other separators as they are.
    for number, raw in enumerate(content.split(b"\n"), 1):
        if raw.strip():
            yield number, raw


def _line(raw: bytes, known: set[str]) -> Line:
    data: object = None
    with contextlib.suppress(ValueError):
        data = json.loads(raw)
    if not isinstance(data, dict):
        raise _BadLine("invalid_json_line", "This line is not parseable as a JSON object.")
    name = data.get("custom_id")
    if not isinstance(name, str) or not name:
        raise _BadLine("missing_required_parameter", "The line has no custom_id.", "custom_id")
    if name in known:
        raise _BadLine("duplicate_custom_id", "The custom_id is that of an earlier line.", "custom_id")
    if data.get("method") != "POST":
        raise _BadLine("invalid_method", "The method is not POST.", "method")
    if data.get("url") != URL:
        raise _BadLine("invalid_url", "The url is not the endpoint of the batch.", "url")
    if not isinstance(data.get("body"), dict):
        raise _BadLine("missing_required_parameter", "The line has no body.", "body")
    return Line(name, encode(data["body"]))


def _order(data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise BadRequest("the body is not a JSON object")
    if not isinstance(data.get("input_file_id"), str):
        raise BadRequest("'input_file_id' is not the id of a file")
    if data.get("endpoint") != URL:
        raise BadRequest(f"'endpoint' is not {URL}, the only one this server has")
    if data.get("completion_window") != "24h":
        raise BadRequest("'completion_window' is not 24h")
    return {"input_file_id": data["input_file_id"], "metadata": data.get("metadata")}


def _result(line: Line, answer: dict[str, Any] | None, error: dict[str, str] | None) -> dict[str, Any]:
    name = f"batch_req_{secrets.token_hex(12)}"
    return {"id": name, "custom_id": line.custom_id, "response": answer, "error": error}


_UNANSWERED = {
    "batch_expired": "This request could not be executed before the completion window expired.",
    "batch_cancelled": "This request was not executed: the batch was cancelled.",
}
