"""Reads a chat completion as endpoints really send it: missing fields, other finish reasons, content in parts.

Not here: what the text means. ``<think>`` in it stays where it is; parsers know what to do with it.
"""

import json
from typing import Any

from schemas.exchange import Completion
from schemas.recipe import Model, Price
from teachers.failures import DETAIL_CHARS, Failure
from teachers.payload import encodable

_FINISH = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "error": "error",
    "abort": "error",
}
"""Everything else (stop, eos, end_turn, tool_calls, null, …) is a reply that ended by itself."""
_TOKENS = 1_000_000


def read_reply(raw: bytes, payload: dict[str, Any], model: Model) -> Completion:
    """The completion in a response body. One without any text has an ``error``, and its price all the same.

    Raises:
        Failure: ``unreadable_reply``: this is no chat completion.
    """
    body = _parse(raw)
    choice = _choice(body)
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text, reasoning = _text(message.get("content")), _reasoning(message)
    if not text and not reasoning:
        text = _text(message.get("refusal"))
    finish = _FINISH.get(str(choice.get("finish_reason")).lower(), "stop")
    usage = body.get("usage")
    prompt_tokens, completion_tokens = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    return Completion(
        text=text,
        finish_reason=finish,
        reasoning=reasoning or None,
        model=model.model,
        temperature=payload.get("temperature"),
        top_p=payload.get("top_p"),
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        cost=cost_of(model.price, prompt_tokens, completion_tokens),
        error=None if text or reasoning else _why_empty(finish),
    )


def no_reply(failure: Failure, payload: dict[str, Any], model: Model) -> Completion:
    """The completion that says why there is none."""
    return Completion(
        text="",
        finish_reason="error",
        model=model.model,
        temperature=payload.get("temperature"),
        top_p=payload.get("top_p"),
        error=failure.word,
    )


def cost_of(price: Price, prompt_tokens: int, completion_tokens: int) -> float:
    """US dollars."""
    return (prompt_tokens * price.prompt + completion_tokens * price.completion) / _TOKENS


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    # Some gateways answer 200 with an error inside: worth asking again, like any other server error.
    if not isinstance(body, dict) or body.get("error"):
        raise Failure("unreadable_reply", raw[:DETAIL_CHARS].decode("utf-8", "replace"))
    return body


def _choice(body: dict[str, Any]) -> dict[str, Any]:
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _text(content: object) -> str:
    if isinstance(content, list):
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return encodable(content) if isinstance(content, str) else ""


def _reasoning(message: dict[str, Any]) -> str:
    return _text(message.get("reasoning_content")) or _text(message.get("reasoning"))


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


def _why_empty(finish: str) -> str:
    return "content_filter" if finish == "content_filter" else "empty_completion"
