"""A wording with slots, usable in both directions: ``fill`` writes it, ``full``, ``head`` and ``tail`` read it.

``{name}`` is a scene word, ``{count:int}`` a slot of a kind, ``{{`` a brace. A word slot that starts with a capital
has its first letter raised. Reading checks cheap things first (does the text contain the longest literal? do all
literals come in order?), so that a regex runs only where it will nearly always match.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from teachers.builtin.scenes import WORD_SLOTS, vocabulary
from teachers.builtin.slots import KINDS, SlotKind
from teachers.builtin.task import Language, Value
from teachers.builtin.topical import is_word, phrases, regexes

_SLOT = re.compile(r"\{\{|\}\}|\{(\w+)(?::(\w+))?\}")
_TOPIC = r"[^\n]{1,160}?"
Picks = Mapping[str, Mapping[str, tuple[str, str]]]
"""For a ``pick`` slot: its keys, each with its English and Chinese text."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A gap in a wording; ``kind`` is ``None`` for a scene word or the topic."""

    name: str
    kind: str | None

    @property
    def word(self) -> str:
        """The scene word that a word slot shows, without the capital."""
        return self.name[0].lower() + self.name[1:]


class Pattern:
    """One wording in one language."""

    def __init__(self, text: str, language: Language, picks: Picks | None = None) -> None:
        self.text = text
        self.language = language
        self.picks = picks or {}
        self.parts = tuple(_parts(text))
        self.slots = tuple(part for part in self.parts if isinstance(part, Slot))
        self.literals = tuple(part for part in self.parts if isinstance(part, str))
        self.key = max(self.literals, key=len, default="")
        self.data = tuple(dict.fromkeys(slot.name for slot in self.slots if slot.kind))
        self.words = tuple(dict.fromkeys(slot.word for slot in self.slots if not slot.kind))
        for slot in self.slots:
            self._check(slot)

    def fill(self, shown: Mapping[str, str]) -> str:
        """The text with ``shown`` in its slots."""
        return "".join(part if isinstance(part, str) else _capital(part, shown) for part in self.parts)

    def full(self, text: str) -> dict[str, str] | None:
        """What stands in the slots if the whole text is this wording."""
        if not self._fits(text):
            return None
        # The plain words first: looking for topics takes longer, and most texts have none.
        found = self._regex.fullmatch(text) or (self._topical.fullmatch(text) if self._topical else None)
        return self._groups(found) if found else None

    def head(self, text: str) -> tuple[dict[str, str], str] | None:
        """What stands in the slots if the text begins with this wording, and the rest."""
        if self.key not in text:
            return None
        found = self._regex.match(text) or (self._topical.match(text) if self._topical else None)
        groups = self._groups(found) if found else None
        return (groups, text[found.end() :]) if found and groups is not None else None

    def tail(self, text: str) -> tuple[dict[str, str], str] | None:
        """What stands in the slots if the text ends with this wording, and what stands before it."""
        at = text.rfind(self.literals[0]) if self.key in text else -1
        groups = self.full(text[at:]) if at > 0 else None
        return (groups, text[:at]) if groups is not None else None

    def show(self, values: Mapping[str, Value]) -> dict[str, str]:
        """Values as the texts that stand in the slots."""
        return {slot.name: self._show(slot, values[slot.name]) for slot in self.slots if slot.kind}

    def read(self, shown: Mapping[str, str]) -> dict[str, Value] | None:
        """The values behind the texts; ``None`` where a text is not of its kind."""
        try:
            return {slot.name: self._read(slot, shown[slot.name]) for slot in self.slots if slot.kind}
        except (ValueError, KeyError, ArithmeticError, AttributeError, TypeError):
            return None

    def read_words(self, shown: Mapping[str, str]) -> dict[str, str] | None:
        """The scene words behind the texts; ``None`` where a text is no word of its slot."""
        words: dict[str, str] = {}
        for slot in (slot for slot in self.slots if not slot.kind):
            text = shown[slot.name]
            if slot.word == "topic":
                words["topic"] = text
                continue
            plain = text if slot.name == slot.word else text[0].lower() + text[1:]
            word = plain if is_word(slot.word, plain, self.language) else text
            if not is_word(slot.word, word, self.language) or words.setdefault(slot.word, word) != word:
                return None
        return words

    def _check(self, slot: Slot) -> None:
        if slot.kind is None and slot.word not in (*WORD_SLOTS, "topic"):
            raise ValueError(
                f"slot {{{slot.name}}} in {self.text!r} is no scene word; give a kind, or one of {WORD_SLOTS}"
            )
        if slot.kind == "pick" and slot.name not in self.picks:
            raise ValueError(f"slot {{{slot.name}:pick}} in {self.text!r} has no entry in picks")
        if slot.kind not in (None, "pick", *KINDS):
            raise ValueError(
                f"slot kind {slot.kind!r} in {self.text!r} is unknown; give one of {sorted(KINDS)} or pick"
            )

    def _kind(self, slot: Slot) -> SlotKind:
        return KINDS[slot.kind or "text"]

    def _pick(self, slot: Slot) -> dict[str, str]:
        at = 1 if self.language == "zh" else 0
        return {key: texts[at] for key, texts in self.picks[slot.name].items()}

    def _show(self, slot: Slot, value: Value) -> str:
        return self._pick(slot)[str(value)] if slot.kind == "pick" else self._kind(slot).show(value, self.language)

    def _read(self, slot: Slot, text: str) -> Value:
        if slot.kind == "pick":
            return {shown: key for key, shown in self._pick(slot).items()}[text]
        return self._kind(slot).read(text, self.language)

    def _fits(self, text: str) -> bool:
        if self.key not in text or not (text.startswith(self._start) and text.endswith(self._end)):
            return False
        at = 0
        for literal in self.literals:
            at = text.find(literal, at)
            if at < 0:
                return False
            at += len(literal)
        return True

    @cached_property
    def _start(self) -> str:
        return self.parts[0] if self.parts and isinstance(self.parts[0], str) else ""

    @cached_property
    def _end(self) -> str:
        return self.parts[-1] if self.parts and isinstance(self.parts[-1], str) else ""

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return self._compiled(topical=False)

    @cached_property
    def _topical(self) -> re.Pattern[str] | None:
        """The same where words may speak of a topic; ``None`` if this wording has no such word."""
        return self._compiled(topical=True) if set(self.words) & phrases(self.language).keys() else None

    def _compiled(self, *, topical: bool) -> re.Pattern[str]:
        seen: set[str] = set()
        return re.compile("".join(self._piece(part, seen, topical) for part in self.parts))

    def _piece(self, part: str | Slot, seen: set[str], topical: bool) -> str:
        if isinstance(part, str):
            return re.escape(part)
        if part.name in seen:
            return f"(?P={part.name})"
        seen.add(part.name)
        return f"(?P<{part.name}>{self._body(part, topical)})"

    def _body(self, slot: Slot, topical: bool) -> str:
        if slot.kind is None:
            raised = slot.name != slot.word
            plain = _TOPIC if slot.word == "topic" else _word_regex(slot.word, raised, self.language)
            about = regexes(slot.word, self.language) if topical else ()
            return "|".join((plain, *(_raised(text) if raised else text for text in about)))
        if slot.kind == "pick":
            return _any_of(self._pick(slot).values())
        return self._kind(slot).pattern[self.language]

    @staticmethod
    def _groups(found: re.Match[str]) -> dict[str, str]:
        return found.groupdict()


def _any_of(texts: Iterable[str]) -> str:
    # The longest first: "oak" must not be taken for "oak plank".
    return "|".join(re.escape(text) for text in sorted(texts, key=lambda text: (-len(text), text)))


@cache
def _word_regex(word: str, capital: bool, language: Language) -> str:
    known = vocabulary(language)[word]
    return _any_of(_raised(text) if capital else text for text in known)


def _capital(slot: Slot, shown: Mapping[str, str]) -> str:
    if slot.kind or slot.name == slot.word:
        return shown[slot.name]
    return _raised(shown[slot.word])


def _raised(text: str) -> str:
    return text[0].upper() + text[1:]


def _parts(text: str) -> Iterator[str | Slot]:
    literal, at = "", 0
    for found in _SLOT.finditer(text):
        literal += text[at : found.start()]
        at = found.end()
        if found[1] is None:
            literal += found[0][0]
            continue
        if literal:
            yield literal
        literal = ""
        yield Slot(found[1], found[2])
    if literal + text[at:]:
        yield literal + text[at:]
