"""Reads a chat completion as endpoints really send it: missing fields, other finish reasons, content in parts.

Not here: what the text means. ``<think>`` in it stays where it is; parsers know what to do with it.
"""

import json
from collections.abc import Sequence
from typing import Any

from schemas.exchange import Completion, Sample
from schemas.recipe import Model, Price
from teachers.failures import DETAIL_CHARS, Failure
from teachers.payload import BYTES_A_TOKEN, encodable, encode

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
_BROKEN_OFF = "unreadable_reply"
"""What a sample is that the endpoint ended before the model did: half an answer would pass for a whole one."""
_THOUGHTS = {
    "reasoning.text": "text",
    "reasoning.summary": "summary",
    "thinking": "thinking",
    "reasoning": "reasoning",
}
"""Kinds of parts that hold thoughts, and where: OpenRouter's details, and the content of Mistral and Anthropic."""
_TOKENS = 1_000_000


def read_reply(raw: bytes, payload: dict[str, Any], model: Model) -> Completion:
    """The completion in a response body. One without any text has an ``error``, and its price all the same.

    Of several samples (``n``) the first one that has a text stands for all; the others keep their order.

    Raises:
        Failure: ``unreadable_reply``: this is no chat completion, or the endpoint broke it off.
    """
    body = _parse(raw)
    samples = [_sample(choice) for choice in _choices(body, payload)]
    first = next((sample for sample in samples if sample.error is None), samples[0])
    if first.error == _BROKEN_OFF:
        raise Failure(_BROKEN_OFF, "the endpoint broke it off")
    tokens = _tokens(body.get("usage"), payload, samples)
    return Completion(
        text=first.text,
        finish_reason=first.finish_reason,
        reasoning=first.reasoning,
        model=model.model,
        temperature=payload.get("temperature"),
        top_p=payload.get("top_p"),
        cost=cost_of(model.price, tokens["prompt_tokens"], tokens["completion_tokens"], tokens["cached_tokens"]),
        error=first.error,
        others=tuple(sample for sample in samples if sample is not first),
        **tokens,
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


def cost_of(price: Price, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> float:
    """US dollars. ``cached_tokens`` are those of the prompt that the endpoint had cached."""
    cached = price.prompt if price.cached is None else price.cached
    fresh_cost = (prompt_tokens - cached_tokens) * price.prompt
    return (fresh_cost + cached_tokens * cached + completion_tokens * price.completion) / _TOKENS


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    # Some gateways answer 200 with an error inside: worth asking again, like any other server error.
    if not isinstance(body, dict) or body.get("error"):
        raise Failure("unreadable_reply", raw[:DETAIL_CHARS].decode("utf-8", "replace"))
    return body


def _choices(body: dict[str, Any], payload: dict[str, Any]) -> list[dict[str, Any]]:
    """The choices, at most as many as were asked for; an empty one where there is none at all."""
    choices = body.get("choices")
    found = choices[: payload.get("n", 1)] if isinstance(choices, list) else []
    return [choice if isinstance(choice, dict) else {} for choice in found] or [{}]


def _sample(choice: dict[str, Any]) -> Sample:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    text, reasoning = _text(message.get("content")), _reasoning(message)
    if not text and not reasoning:
        text = _text(message.get("refusal"))
    finish = _FINISH.get(str(choice.get("finish_reason")).lower(), "stop")
    error = _BROKEN_OFF if finish == "error" else None if text or reasoning else _why_empty(finish)
    return Sample(text, finish, reasoning or None, error=error)


def _text(content: object) -> str:
    if isinstance(content, list):
        said = [part for part in content if isinstance(part, dict) and str(part.get("type")) not in _THOUGHTS]
        content = "".join(str(part.get("text") or "") for part in said)
    return encodable(content) if isinstance(content, str) else ""


def _reasoning(message: dict[str, Any]) -> str:
    """What the model thought: vLLM, llama.cpp and DeepSeek, then Ollama, OpenRouter and Mistral."""
    return (
        _text(message.get("reasoning_content"))
        or _text(message.get("reasoning"))
        or _thoughts(message.get("reasoning_details"))
        or _thoughts(message.get("content"))
    )


def _thoughts(parts: object) -> str:
    """The thoughts among the parts of a message, each under the key that is named like its kind."""
    thought = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    fields = [(part, _THOUGHTS.get(str(part.get("type")))) for part in thought]
    return "".join(_text(part.get("text") or part.get(field)) for part, field in fields if field is not None)


def _tokens(usage: object, payload: dict[str, Any], samples: Sequence[Sample]) -> dict[str, int]:
    """The four counts of a completion, the main two by what was sent and said where the endpoint does not say."""
    usage = usage if isinstance(usage, dict) else {}
    prompt = _count(usage, "prompt_tokens")
    # Some count what the model thought only in the total (Gemini, xAI), and bill it.
    unseen = _count(usage, "total_tokens") - prompt if prompt else 0
    completion = max(_count(usage, "completion_tokens"), unseen) or _reckoned(
        *(text.encode() for sample in samples for text in (sample.text, sample.reasoning or ""))
    )
    cached = _count(usage.get("prompt_tokens_details"), "cached_tokens") or _count(usage, "prompt_cache_hit_tokens")
    reasoning = _count(usage.get("completion_tokens_details"), "reasoning_tokens")
    return {
        "prompt_tokens": prompt or _reckoned(encode(payload)),
        "completion_tokens": completion,
        "cached_tokens": min(cached, prompt),
        "reasoning_tokens": min(reasoning, completion),
    }


def _reckoned(*parts: bytes) -> int:
    return -(-sum(map(len, parts)) // BYTES_A_TOKEN)


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) and value > 0 else 0


def _why_empty(finish: str) -> str:
    """Why nothing is there; the token limit may be spent on thoughts that the endpoint does not show."""
    return {"content_filter": "content_filter", "length": "truncated"}.get(finish, "empty_completion")
