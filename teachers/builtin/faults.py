"""How the offline teacher misbehaves on purpose, at the rates of ``schemas.faults.Faults``.

Two kinds. *Transient* faults (``TRANSIENT``) fall anew for each attempt at a request, so that a retry gets through.
*Content* faults (``CONTENT``) depend on the request alone: the same request always gets the same completion, on any
day and in any order. Both are drawn from the fault seed and the bytes of the request, never from a clock or a counter
of requests. A *wrong* answer is the model's own doing (``reply(…, wrong=True)``), because only it knows which part of
a text is the answer. A fault that is new comes last in its tuple, so that the others hit whom they hit before.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

from schemas.faults import Faults

TRANSIENT = (
    "rate_limit",
    "server_error",
    "timeout",
    "disconnect",
    "rate_limit_bare",
    "reset",
    "broken_json",
    "wrong_type",
    "drip",
    "unavailable",
)
CONTENT = ("malformed", "truncated", "refusal", "duplicate", "wrong", "empty")
DUPLICATE_SEEDS = 3
"""A duplicate is what one of so few seeds gives, whatever seed and examples the request has."""

_CJK = re.compile(r"[㐀-鿿]")
_ASKS_FOR_NEW = re.compile(r"(?:Write|请写).*\d")
_STRUCTURE = re.compile(r"</?[^<>\n]{1,40}>|^\s*(?:#+|\d+[.)、]|[-*])\s*|[:：\n]", re.MULTILINE)
_REFUSALS = {
    "en": ("I'm sorry, but I can't help with that.", "As an AI language model, I cannot assist with this request."),
    "zh": ("抱歉，我无法帮助完成这个请求。", "作为一个人工智能语言模型，我不能提供这方面的协助。"),
}


def draw(seed: int, body: bytes, purpose: str) -> float:
    """A number in [0, 1) that depends on the arguments alone."""
    mark = hashlib.blake2b(f"{seed}/{purpose}/".encode() + body, digest_size=8).digest()
    return int.from_bytes(mark, "big") / 2**64


def transient_fault(faults: Faults, body: bytes, attempt: int) -> str | None:
    """What happens to this attempt (0, 1, …) at the request, if anything does."""
    return _pick(faults, TRANSIENT, draw(faults.seed, body, f"attempt{attempt}"))


def content_fault(faults: Faults, body: bytes) -> str | None:
    """What is wrong with the completion of this request, if anything is."""
    return _pick(faults, CONTENT, draw(faults.seed, body, "content"))


def malformed(text: str) -> str:
    """``text`` without the tags, numbers, labels and lines that a parser looks for."""
    return " ".join(_STRUCTURE.sub(" ", text).split())


def truncated(text: str, share: float) -> str:
    """The first part of ``text``, between a tenth and nine tenths of it."""
    return text[: max(1, int(len(text) * (0.1 + 0.8 * share)))]


def refusal(asked: str, share: float) -> str:
    """A refusal in the language of the request."""
    phrases = _REFUSALS["zh" if _CJK.search(asked) else "en"]
    return phrases[int(share * len(phrases))]


def narrowed(messages: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The request without the examples it shows, where it asks for new texts: then many requests are one."""
    *before, last = messages
    lines = last["content"].strip().splitlines()
    if not before or not lines or not _ASKS_FOR_NEW.match(lines[-1]):
        return list(messages)
    kept = [line for line in lines[:-1] if line.startswith("<topics>")]
    return [*before, {"role": last["role"], "content": "\n".join([*kept, lines[-1]])}]


def _pick(faults: Faults, names: tuple[str, ...], place: float) -> str | None:
    for name in names:
        place -= getattr(faults, name)
        if place < 0:
            return name
    return None
