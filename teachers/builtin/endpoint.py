"""The offline teacher as a chat endpoint: request bytes in, response bytes out, faults included.

Neither a socket nor a loop: ``server.py`` puts it on HTTP, ``transport.py`` behind the client of the same process.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from schemas.faults import Faults
from teachers.builtin.faults import (
    DUPLICATE_SEEDS,
    content_fault,
    draw,
    malformed,
    narrowed,
    refusal,
    transient_fault,
    truncated,
)
from teachers.builtin.model import count_tokens
from teachers.builtin.model import reply as builtin_reply

MODEL = "builtin"
MOST_CHOICES = 128
"""The largest ``n``, as with OpenAI."""
RETRY_AFTER = {"retry-after": "1", "retry-after-ms": "100"}
"""What a 429 asks for: whole seconds for everyone, milliseconds for clients that know them."""

Fate = Literal["answer", "hang", "drop"]


class Spoken(Protocol):
    """What the model says: a text and why it ends."""

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def finish_reason(self) -> str: ...  # noqa: D102


class Reply(Protocol):
    """How the model is asked: as ``teachers.builtin.model.reply``."""

    def __call__(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        seed: int,
        temperature: float,
        max_tokens: int | None,
        wrong: bool,
    ) -> Spoken:
        """The reply to a conversation."""
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """A plain ``Spoken``."""

    text: str
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back. ``fate`` says whether it does: a server may also hang, or drop the connection."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    fate: Fate = "answer"


class BadRequest(Exception):
    """A request that this endpoint cannot read; the message says why."""


class Endpoint:
    """The offline teacher, misbehaving as ``faults`` says. Its answers depend on nothing but the request."""

    def __init__(self, faults: Faults | None = None, reply: Reply | None = None) -> None:
        self.faults = faults or Faults()
        self.served = 0
        """Requests that got a completion."""
        self._reply: Reply = reply or builtin_reply
        # Only of requests whose last attempt met a transient fault, so that it stays small.
        self._attempts: dict[bytes, int] = {}

    def chat(self, body: bytes) -> Response:
        """``POST /v1/chat/completions``."""
        fault = self._transient(body)
        return _TRANSIENT_RESPONSES[fault] if fault else self.answer_line(body)

    def answer_line(self, body: bytes) -> Response:
        """The same without the faults that pass: the answer to one line of a batch."""
        try:
            request = _read(body)
            choices = [self._choice(request, body, place) for place in range(request["n"])]
        except BadRequest as error:
            return _refused(400, str(error))
        if request["model"] != MODEL:
            return _refused(404, f"The model {request['model']!r} does not exist; this server has {MODEL!r}")
        self.served += 1
        return _completion(request, choices, body)

    def expires(self, batch: bytes) -> bool:
        """Whether the batch with this input expires half done."""
        return False

    def models(self) -> Response:
        """``GET /v1/models``."""
        return _json(
            {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "instructloom"}]}
        )

    def health(self) -> Response:
        """``GET /health``."""
        return _json({"status": "ok", "served": self.served})

    def _transient(self, body: bytes) -> str | None:
        name = hashlib.blake2b(body, digest_size=16).digest()
        attempt = self._attempts.pop(name, 0)
        fault = transient_fault(self.faults, body, attempt)
        if fault is not None:
            self._attempts[name] = attempt + 1
        return fault

    def _choice(self, request: dict[str, Any], body: bytes, place: int) -> Spoken:
        fault = content_fault(self.faults, body)
        share = draw(self.faults.seed, body, "share")
        if fault == "refusal":
            return Said(refusal(request["messages"][-1]["content"], share))
        messages, seed = request["messages"], request["seed"] + place
        if fault == "duplicate":
            messages, seed = narrowed(messages), int(share * DUPLICATE_SEEDS)
        said = self._reply(
            messages,
            seed=seed,
            temperature=request["temperature"],
            max_tokens=request["max_tokens"],
            wrong=fault == "wrong",
        )
        text, finish = _cut(said.text, request["stop"]), said.finish_reason
        if fault == "malformed":
            text = malformed(text)
        elif fault == "truncated":
            text, finish = truncated(text, share), "length"
        return Said(text, finish)


def _read(body: bytes) -> dict[str, Any]:
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
    }


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


def _cut(text: str, stop: Sequence[str]) -> str:
    places = [place for place in map(text.find, stop) if place >= 0]
    return text[: min(places)] if places else text


def _completion(request: dict[str, Any], choices: Sequence[Spoken], body: bytes) -> Response:
    # No clock: the same request gets the same bytes.
    head = {"id": f"chatcmpl-{hashlib.blake2b(body, digest_size=12).hexdigest()}", "created": 0, "model": MODEL}
    usage = _usage(request, choices)
    if request["stream"]:
        return _stream(head, choices, usage)
    said = [
        {
            "index": place,
            "message": {"role": "assistant", "content": choice.text},
            "logprobs": None,
            "finish_reason": choice.finish_reason,
        }
        for place, choice in enumerate(choices)
    ]
    return _json({**head, "object": "chat.completion", "choices": said, "usage": usage})


def _stream(head: dict[str, Any], choices: Sequence[Spoken], usage: dict[str, int]) -> Response:
    """Server-sent events: each choice in one piece, then why it ends, then the usage."""
    head = {**head, "object": "chat.completion.chunk"}
    events: list[dict[str, Any]] = []
    for place, choice in enumerate(choices):
        for delta, finish in (({"role": "assistant", "content": choice.text}, None), ({}, choice.finish_reason)):
            events.append({**head, "choices": [{"index": place, "delta": delta, "finish_reason": finish}]})
    events.append({**head, "choices": [], "usage": usage})
    lines = [f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in events]
    text = "".join([*lines, "data: [DONE]\n\n"])
    return Response(text.encode("utf-8", "replace"), headers={"content-type": "text/event-stream; charset=utf-8"})


def _json(data: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(body, status, {"content-type": "application/json", **(headers or {})})


def _refused(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return _json({"error": {"message": message, "type": "error", "param": None, "code": None}}, status, headers)


def _usage(request: dict[str, Any], choices: Sequence[Spoken]) -> dict[str, int]:
    asked = sum(count_tokens(message["content"]) for message in request["messages"])
    said = sum(count_tokens(choice.text) for choice in choices)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


_TRANSIENT_RESPONSES = {
    "rate_limit": _refused(429, "Rate limit reached (injected)", RETRY_AFTER),
    "server_error": _refused(500, "Internal error (injected)"),
    "timeout": Response(fate="hang"),
    "disconnect": Response(fate="drop"),
}
