"""The chat protocol in bytes: reads a request, writes a completion or an error. Not what is said, nor by whom."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from teachers.builtin.model import count_tokens

MODEL = "builtin"
MOST_CHOICES = 128
"""The largest ``n``, as with OpenAI."""

Fate = Literal["answer", "hang", "drop", "reset", "drip"]


class Spoken(Protocol):
    """What the model says: a text and why it ends."""

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def finish_reason(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back. ``fate`` says whether it does: a server may also hang, or break the connection."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    fate: Fate = "answer"
    fault: str | None = None
    """The fault that was injected, if any."""
    usage: tuple[int, int] | None = None
    """Prompt and completion tokens, where this is a completion."""


class BadRequest(Exception):
    """A request that this endpoint cannot read; the message says why."""


def read_request(body: bytes) -> dict[str, Any]:
    """The request with every field that matters, checked.

    Raises:
        BadRequest: it is no JSON, or a field has the wrong type.
    """
    try:
        data = json.loads(body)
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(data, dict):
        raise BadRequest("the body is not a JSON object")
    stop = data.get("stop") or []
    return {
        "model": data.get("model"),
        "messages": _messages(data.get("messages")),
        "seed": _number(data, "seed", int, 0),
        "temperature": _number(data, "temperature", float, 1.0),
        "max_tokens": _number(data, "max_completion_tokens", int, None) or _number(data, "max_tokens", int, None),
        "n": min(MOST_CHOICES, max(1, _number(data, "n", int, 1))),
        "stop": [stop] if isinstance(stop, str) else [text for text in stop if isinstance(text, str) and text],
        "stream": bool(data.get("stream")),
        "schema": _schema(data.get("response_format")),
    }


def canonical(body: bytes) -> bytes:
    """The request in one spelling, so that clients which write the same in another are told apart by nothing."""
    try:
        return json.dumps(json.loads(body), sort_keys=True).encode()
    except ValueError:
        return body


def _messages(messages: object) -> list[dict[str, str]]:
    if not isinstance(messages, list) or not messages:
        raise BadRequest("'messages' is not a list with at least one message")
    read = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise BadRequest("a message has no 'role'")
        content = message.get("content")
        if isinstance(content, list):
            content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
        if not isinstance(content, str):
            raise BadRequest("a message has no text as its 'content'")
        read.append({"role": message["role"], "content": content})
    return read


def _number(data: dict[str, Any], name: str, kind: type[int] | type[float], default: Any) -> Any:
    value = data.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | kind):
        raise BadRequest(f"{name!r} is no {kind.__name__}")
    return value


def _schema(wanted: object) -> dict[str, Any] | None:
    """The JSON Schema of ``response_format``; ``None`` where any text will do."""
    if wanted is None:
        return None
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if not isinstance(wanted, dict) or kind not in ("text", "json_object", "json_schema"):
        raise BadRequest("'response_format' has no known 'type'")
    if kind != "json_schema":
        return None
    about = wanted.get("json_schema")
    schema = about.get("schema") if isinstance(about, dict) else None
    if not isinstance(schema, dict):
        raise BadRequest("'response_format' has no 'json_schema' with a 'schema'")
    return schema


def completion(request: Mapping[str, Any], choices: Sequence[Spoken], body: bytes, fault: str | None) -> Response:
    """The completion of a request, at once or as a stream."""
    # No clock: the same request gets the same bytes.
    head = {"id": f"chatcmpl-{hashlib.blake2b(body, digest_size=12).hexdigest()}", "created": 0, "model": MODEL}
    asked = sum(count_tokens(message["content"]) for message in request["messages"])
    said = sum(count_tokens(choice.text) for choice in choices)
    usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    if request["stream"]:
        return _stream(head, choices, usage, fault)
    spoken = [
        {
            "index": place,
            "message": {"role": "assistant", "content": choice.text},
            "logprobs": None,
            "finish_reason": choice.finish_reason,
        }
        for place, choice in enumerate(choices)
    ]
    written = _written({**head, "object": "chat.completion", "choices": spoken, "usage": usage})
    return Response(written, fault=fault, usage=(asked, said))


def _stream(head: dict[str, Any], choices: Sequence[Spoken], usage: dict[str, int], fault: str | None) -> Response:
    """Server-sent events: each choice in one piece, then why it ends, then the usage."""
    head = {**head, "object": "chat.completion.chunk"}
    events: list[dict[str, Any]] = []
    for place, choice in enumerate(choices):
        for delta, finish in (({"role": "assistant", "content": choice.text}, None), ({}, choice.finish_reason)):
            events.append({**head, "choices": [{"index": place, "delta": delta, "finish_reason": finish}]})
    events.append({**head, "choices": [], "usage": usage})
    lines = [b"data: " + _written(event) + b"\n\n" for event in events]
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    tokens = (usage["prompt_tokens"], usage["completion_tokens"])
    return Response(b"".join([*lines, b"data: [DONE]\n\n"]), headers=headers, fault=fault, usage=tokens)


def answer(data: Mapping[str, Any], status: int = 200) -> Response:
    """``data`` as JSON."""
    return Response(_written(data), status)


def refused(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    kind: str = "error",
    code: str | None = None,
    fault: str | None = None,
) -> Response:
    """An error, in OpenAI's form."""
    told = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return Response(_written(told), status, {"content-type": "application/json", **(headers or {})}, fault=fault)


def retry_after(seconds: float) -> dict[str, str]:
    """The headers that ask for a pause: whole seconds for everyone, milliseconds for clients that know them."""
    return {"retry-after": str(math.ceil(seconds)), "retry-after-ms": str(math.ceil(seconds * 1000))}


def _written(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
