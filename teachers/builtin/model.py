"""The offline teacher's face: messages in, a text out. Pure: no clock, no network, no state between calls.

The same messages, seed and temperature give the same text on every machine. At temperature 0 the seed does not
matter. What is asked is told by the title in the system message (docs/prompts.md); a request without one is a user's.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from teachers.builtin.compose import language_of
from teachers.builtin.protocol import SPEECH, TITLES
from teachers.builtin.replies import REPLIES, Request, reason, respond
from teachers.builtin.task import Language

_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]{1,8}|[^\w\s]|\n+")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says."""

    text: str
    finish_reason: Literal["stop", "length"]


def reply(
    messages: Sequence[Mapping[str, str]],
    *,
    seed: int = 0,
    temperature: float = 0.0,
    max_tokens: int | None = None,
    wrong: bool = False,
) -> Reply:
    """The reply to a conversation; ``wrong`` orders wrong answers where an answer is computed."""
    system = "\n".join(message["content"] for message in messages if message["role"] == "system")
    users = [message["content"] for message in messages if message["role"] == "user"]
    rng = _rng(messages, seed if temperature > 0 else 0)
    text = _said(system.strip(), users[-1] if users else "", rng, wrong)
    return _cut(text, max_tokens)


def count_tokens(text: str) -> int:
    """Tokens of a text: Chinese characters, signs, and pieces of words of up to eight letters."""
    return len(_TOKEN.findall(text))


def _said(system: str, user: str, rng: Random, wrong: bool) -> str:
    title = system.partition("\n")[0].strip()
    if title in TITLES:
        name, language = TITLES[title]
        return REPLIES[name](Request(user, language, rng, wrong, system))
    marked = [language for language, speech in SPEECH.items() if any(mark in system for mark in speech.answer_marks)]
    if marked:
        return reason(Request(user, marked[0], rng, wrong))
    return respond(Request(user, _language(user), rng, wrong))


def _language(user: str) -> Language:
    # The instruction's language: an English task may hold a Chinese word, and data in the input prove nothing.
    return language_of(user.strip().partition("\n")[0])


def _rng(messages: Sequence[Mapping[str, str]], seed: int) -> Random:
    digest = hashlib.blake2b(str(seed).encode(), digest_size=16)
    for message in messages:
        digest.update(f"\x1e{message['role']}\x1f{message['content']}".encode("utf-8", "surrogatepass"))
    return Random(int.from_bytes(digest.digest(), "big"))


def _cut(text: str, max_tokens: int | None) -> Reply:
    if max_tokens is None or count_tokens(text) <= max_tokens:
        return Reply(text, "stop")
    ends = [found.end() for found in _TOKEN.finditer(text)]
    return Reply(text[: ends[max_tokens - 1]] if max_tokens > 0 else "", "length")
