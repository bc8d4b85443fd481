"""The offline teacher as a chat endpoint: request bytes in, response bytes out, faults included.

Neither a socket nor a loop nor a clock: ``service.py`` gives it its pace, ``server.py`` puts it on HTTP,
``transport.py`` behind the client of the same process.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from schemas.faults import Faults
from schemas.latency import Latency
from teachers.builtin.faults import (
    CONTENT,
    DUPLICATE_SEEDS,
    TRANSIENT,
    content_fault,
    draw,
    malformed,
    narrowed,
    refusal,
    transient_fault,
    truncated,
)
from teachers.builtin.model import reply as builtin_reply
from teachers.builtin.shaped import shaped
from teachers.builtin.wire import (
    MODEL,
    BadRequest,
    Response,
    Spoken,
    answer,
    canonical,
    completion,
    read_request,
    refused,
    retry_after,
)


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
class Visit:
    """One attempt at a request: what goes back, after how many seconds."""

    response: Response
    seconds: float


class Endpoint:
    """The offline teacher, misbehaving as ``faults`` says. Its answers depend on nothing but the request."""

    def __init__(self, faults: Faults | None = None, reply: Reply | None = None) -> None:
        self.faults = faults or Faults()
        self.served = 0
        """Requests that got a completion."""
        self._reply: Reply = reply or builtin_reply
        asks_for = retry_after(self.faults.retry_after)
        self._instead = {**_INSTEAD, "rate_limit": refused(429, _LIMITED, asks_for, fault="rate_limit")}
        self._latency = Latency.read(self.faults.latency)
        self._passing = any(getattr(self.faults, name) for name in TRANSIENT)
        self._spoiling = any(getattr(self.faults, name) for name in CONTENT)
        # Only of requests whose last attempt met a fault that passes, so that it stays small.
        self._attempts: dict[bytes, int] = {}

    def chat(self, body: bytes) -> Response:
        """``POST /v1/chat/completions``, at once."""
        return self.visit(body).response

    def visit(self, body: bytes) -> Visit:
        """The next attempt at the request ``body``."""
        attempt, fault = self._next_attempt(body, self._fault) if self._passing else (0, None)
        if fault is None:
            response = self.answer_line(body)
        elif fault in _MANGLED:
            whole = self.answer_line(body)
            response = _MANGLED[fault](whole) if whole.usage is not None else whole
        else:
            response = self._instead[fault]
        self.served += response.usage is not None
        return Visit(response, self._seconds(body, attempt, response))

    def answer_line(self, body: bytes) -> Response:
        """The answer without faults that pass: to one line of a batch, say."""
        if self.faults.bad_request and draw(self.faults.seed, body, "bad_request") < self.faults.bad_request:
            return _BAD_REQUEST
        try:
            request = read_request(body)
            if request["schema"] and self.faults.structured == "error":
                return _NO_SCHEMAS
            fault = content_fault(self.faults, body) if self._spoiling else None
            choices = [self._choice(request, body, fault, place) for place in range(request["n"])]
        except BadRequest as error:
            return refused(400, str(error))
        if request["model"] != MODEL:
            return refused(404, f"The model {request['model']!r} does not exist; this server has {MODEL!r}")
        return completion(request, choices, body, fault)

    def batch_line(self, body: bytes) -> Response:
        """The answer to one line of a batch, which fails now and then."""
        if self.faults.batch_line:
            _, fault = self._next_attempt(body, lambda *attempt: self._drawn("batch_line", *attempt))
            if fault:
                return _BATCH_LINE
        response = self.answer_line(body)
        self.served += response.usage is not None
        return response

    def expires(self, batch: bytes) -> bool:
        """Whether the batch with this input expires half done, this time."""
        if not self.faults.batch_expiry:
            return False
        return self._next_attempt(batch, lambda *attempt: self._drawn("batch_expiry", *attempt))[1] is not None

    def unavailable(self, body: bytes) -> Response:
        """What a request gets in a spell; the next attempt at it is another one."""
        if self._passing:
            self._next_attempt(body, lambda *_: "unavailable")
        return self._instead["unavailable"]

    def models(self) -> Response:
        """``GET /v1/models``."""
        return answer(
            {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "instructloom"}]}
        )

    def health(self) -> Response:
        """``GET /health``."""
        return answer({"status": "ok", "served": self.served})

    def _next_attempt(self, body: bytes, meets: Callable[[bytes, int], str | None]) -> tuple[int, str | None]:
        name = hashlib.blake2b(body, digest_size=16).digest()
        attempt = self._attempts.pop(name, 0)
        fault = meets(body, attempt)
        if fault is not None:
            self._attempts[name] = attempt + 1
        return attempt, fault

    def _fault(self, body: bytes, attempt: int) -> str | None:
        return transient_fault(self.faults, body, attempt)

    def _drawn(self, fault: str, body: bytes, attempt: int) -> str | None:
        rate: float = getattr(self.faults, fault)
        return fault if draw(self.faults.seed, body, f"{fault}{attempt}") < rate else None

    def _seconds(self, body: bytes, attempt: int, response: Response) -> float:
        if self._latency.kind == "fixed":
            seconds = self._latency.at(0)
        else:
            seconds = self._latency.at(draw(self.faults.seed, canonical(body), f"latency{attempt}"))
        if self.faults.tokens_per_second and response.usage:
            seconds += response.usage[1] / self.faults.tokens_per_second
        return seconds

    def _choice(self, request: dict[str, Any], body: bytes, fault: str | None, place: int) -> Spoken:
        if fault == "empty":
            return Said("")
        share = draw(self.faults.seed, body, "share") if fault else 0.0
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
        text, finish = self._formed(_cut(said.text, request["stop"]), request["schema"]), said.finish_reason
        if fault == "malformed":
            text = malformed(text)
        elif fault == "truncated":
            text, finish = truncated(text, share), "length"
        return Said(text, finish)

    def _formed(self, text: str, schema: dict[str, Any] | None) -> str:
        if schema is None or self.faults.structured != "honour":
            return text
        formed = shaped(text, schema)
        if formed is None:
            raise BadRequest("the schema in 'response_format' has a part that this server cannot fill in")
        return formed


def _cut(text: str, stop: Sequence[str]) -> str:
    places = [place for place in map(text.find, stop) if place >= 0]
    return text[: min(places)] if places else text


def _broken_json(whole: Response) -> Response:
    return replace(whole, body=whole.body[: len(whole.body) * 2 // 3], fault="broken_json", usage=None)


_LIMITED = "Rate limit reached (injected)"
_INSTEAD = {
    "rate_limit_bare": refused(429, _LIMITED, fault="rate_limit_bare"),
    "server_error": refused(500, "Internal error (injected)", fault="server_error"),
    "unavailable": refused(503, "Service unavailable (injected)", fault="unavailable"),
    "timeout": Response(fate="hang", fault="timeout"),
    "wrong_type": Response(
        b"<html><head><title>Sign in</title></head><body>Sign in to go on.</body></html>",
        headers={"content-type": "text/html; charset=utf-8"},
        fault="wrong_type",
    ),
}
"""Faults that pass, and what goes back instead of an answer."""
_MANGLED: Mapping[str, Callable[[Response], Response]] = {
    "disconnect": lambda whole: replace(whole, fate="drop", fault="disconnect", usage=None),
    "reset": lambda whole: replace(whole, fate="reset", fault="reset", usage=None),
    "drip": lambda whole: replace(whole, fate="drip", fault="drip", usage=None),
    "broken_json": _broken_json,
}
"""Faults that pass, and what becomes of the answer."""
_BAD_REQUEST = refused(400, "This request is not accepted (injected)", fault="bad_request")
_NO_SCHEMAS = refused(500, "Internal error: structured outputs are not supported", fault="structured")
_BATCH_LINE = refused(500, "The line could not be executed (injected)", fault="batch_line")
