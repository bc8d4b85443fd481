"""What is sent for one prompt: the request as plain data, its one canonical encoding, and its digest.

Not here: where it is sent and with which key, how many at a time, for how long. None of these changes what a model is
asked, so none of them may change the digest under which a completion is logged.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from schemas.exchange import Prompt
from schemas.recipe import Model
from teachers.structured import response_format

USUAL_TOKENS = 256
"""Tokens of a reply, where nothing bounds it and nothing is known."""
LONG_REPLY = 4096
"""Tokens of one that is long, likewise."""
BYTES_A_TOKEN = 4
"""About."""
SEED_MASK = 0x7FFF_FFFF
"""Endpoints differ in how large a seed they take; all take 31 bits."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent and logged: encoded once."""

    name: str
    """Of the model, in the recipe."""
    payload: dict[str, Any]
    body: bytes
    """The payload's canonical encoding."""
    digest: str


def build_request(name: str, model: Model, prompt: Prompt, seed: int, *, structured: bool = False) -> Request:
    """The request for ``prompt`` to ``model``, which the recipe calls ``name``; ``structured`` as below."""
    payload = build_payload(model, prompt, seed, structured=structured)
    body = encode(payload)
    return Request(name, payload, body, digest_of(body))


def build_payload(model: Model, prompt: Prompt, seed: int, *, structured: bool = False) -> dict[str, Any]:
    """The request for ``prompt``; what the prompt leaves open comes from the model's entry in the recipe.

    ``structured`` says that the endpoint keeps to a JSON schema: a prompt with a shape then asks for it.
    """
    shape = prompt.shape if structured else None
    chosen = {
        "temperature": _first(prompt.temperature, model.temperature),
        "top_p": _first(prompt.top_p, model.top_p),
        "max_tokens": _first(prompt.max_tokens, model.max_tokens),
        "n": prompt.n if prompt.n > 1 else None,
        "stop": list(prompt.stop or model.stop) or None,
        "seed": seed & SEED_MASK if model.send_seed else None,
        "response_format": response_format(shape) if shape else None,
    }
    return {
        "model": model.model,
        "messages": _messages(prompt, shape.hint if shape else ""),
        **{name: value for name, value in chosen.items() if value is not None},
        **model.extra_body,
    }


def encode(payload: dict[str, Any]) -> bytes:
    """The bytes that are sent and hashed: the same for the same request, in every process."""
    return json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def guess_tokens(request: Request, unbounded: int = USUAL_TOKENS) -> float:
    """About how many tokens a request will use, before any was answered: its bytes, and what it may say."""
    said: int = request.payload.get("max_tokens") or unbounded
    samples: int = request.payload.get("n", 1)
    return len(request.body) / BYTES_A_TOKEN + said * samples


def digest(payload: dict[str, Any]) -> str:
    """Names a request by its content: 32 hexadecimal digits."""
    return digest_of(encode(payload))


def digest_of(body: bytes) -> str:
    """The same for an encoded payload."""
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def encodable(text: str) -> str:
    """``text`` without lone surrogates, which JSON may carry and UTF-8, Arrow and Parquet may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _messages(prompt: Prompt, hint: str) -> list[dict[str, str]]:
    """The messages, the last of the user's with ``hint`` below it."""
    messages = [{"role": message.role, "content": encodable(message.content)} for message in prompt.messages]
    asked = next((message for message in reversed(messages) if message["role"] == "user"), None)
    if hint and asked is not None:
        asked["content"] += f"\n\n{hint}"
    return messages


def _first(wanted: Any, default: Any) -> Any:
    return default if wanted is None else wanted
