"""Searches for a pattern that few texts match: first for a word that every match of it has.

The words are read from the pattern itself, so they cannot fall behind it. Looking for fifty of them takes two
microseconds in a text where the pattern takes a hundred.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

# Letters that Python's re takes for i or s where case is ignored, though str.lower() does not make them that.
_ODD = re.compile("[\u0130\u0131\u017f]")


def finds(pattern: re.Pattern[str], text: str) -> bool:
    """Whether ``pattern`` occurs in ``text``."""
    words, any_case = _looked_for(pattern)
    if words and (text.isascii() or not _ODD.search(text)):
        low = text.lower() if any_case else text
        for word in words:  # a loop, since any() of a generator takes three times as long
            if word in low:
                break
        else:
            return False
    return pattern.search(text) is not None


@cache
def _looked_for(pattern: re.Pattern[str]) -> tuple[tuple[str, ...], bool]:
    return required(pattern) or (), bool(pattern.flags & re.IGNORECASE)


@cache
def required(pattern: re.Pattern[str]) -> tuple[str, ...] | None:
    """Words of which every match of ``pattern`` has at least one; None where there are none to be told."""
    try:
        from re import _parser  # type: ignore[attr-defined]  # how re reads a pattern; not public, so it may go

        words = _needed(_parser.parse(pattern.pattern, pattern.flags))
    except (ImportError, AttributeError, TypeError, ValueError):
        return None
    if words is None:
        return None
    if pattern.flags & re.IGNORECASE:
        words = {word.lower() for word in words}
        if any(not word.isascii() and word.lower() != word.upper() for word in words):
            return None  # letters such as sigma have more than two cases
    return tuple(sorted(words, key=lambda word: (len(word), word)))


def _needed(parsed: Iterable[tuple[Any, Any]]) -> set[str] | None:
    """The same of a sequence of a parsed pattern: of its parts the one whose shortest word is longest."""
    options: list[set[str]] = []
    run = ""
    for kind, value in parsed:
        if str(kind) == "LITERAL":
            run += chr(value)
            continue
        if run:
            options.append({run})
            run = ""
        if inner := _of_part(str(kind), value):
            options.append(inner)
    if run:
        options.append({run})
    return max(options, key=lambda words: (min(map(len, words)), -len(words)), default=None)


def _of_part(kind: str, value: Any) -> set[str] | None:
    if kind == "BRANCH":
        parts = [_needed(part) for part in value[1]]
        return None if None in parts else set().union(*(part for part in parts if part))
    if kind == "SUBPATTERN":
        _, switched_on, switched_off, part = value
        return None if switched_on or switched_off else _needed(part)
    if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _needed(value[2]) if value[0] else None
    if kind == "ASSERT":
        return _needed(value[1])
    return _needed(value) if kind == "ATOMIC_GROUP" else None
