"""The settings that tasks take place in: who, where, with what, what for. The lists stand in ``words/``.

Topics are not here: a topic is free text, and the words that speak of it are made in ``topical.py``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random

WORD_SLOTS = (
    "name", "name2", "town", "role", "a_role", "place", "item", "items", "event", "purpose", "doc", "measures"
)  # fmt: skip
"""The scene words that a wording may use without declaring them; a capital first letter starts a sentence."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One setting. ``events`` and ``purposes`` have several values, so that a setting is not one fixed text."""

    role: str
    place: str
    item: str
    items: str
    goods: tuple[str, ...]
    events: tuple[str, ...]
    purposes: tuple[str, ...]
    doc: str
    measures: str

    def cast(self, rng: Random, language: str) -> dict[str, str]:
        """A value for every word slot."""
        name, name2 = rng.sample(names(language), 2)
        return {
            "name": name,
            "name2": name2,
            "town": rng.choice(towns(language)),
            "role": self.role,
            "a_role": with_article(self.role),
            "place": self.place,
            "item": self.item,
            "items": self.items,
            "event": rng.choice(self.events),
            "purpose": rng.choice(self.purposes),
            "doc": self.doc,
            "measures": self.measures,
        }


def with_article(noun: str) -> str:
    """``baker`` as ``a baker``; Chinese gets 一名."""
    if not noun.isascii():
        return f"一名{noun}"
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@cache
def scenes(language: str) -> tuple[Scene, ...]:
    """All settings of a language."""
    return tuple(_scene(line) for line in read_lines(f"scenes.{language}.txt"))


@cache
def studies(language: str) -> tuple[Scene, ...]:
    """Settings where any topic is at home. Tasks without a topic are never set there."""
    return tuple(_scene(line) for line in read_lines(f"study.{language}.txt"))


@cache
def names(language: str) -> tuple[str, ...]:
    """First names in English, full names in Chinese."""
    return tuple(" ".join(read_lines(f"names.{language}.txt")).split())


@cache
def towns(language: str) -> tuple[str, ...]:
    """Towns."""
    return tuple(part.strip() for line in read_lines(f"towns.{language}.txt") for part in line.split(";"))


@cache
def vocabulary(language: str) -> dict[str, frozenset[str]]:
    """For each word slot all values it can have: what stands elsewhere is not one of our texts."""
    found: dict[str, set[str]] = {
        "name": set(names(language)), "name2": set(names(language)), "town": set(towns(language))
    }  # fmt: skip
    for scene in (*scenes(language), *studies(language)):
        for slot, value in _slot_values(scene):
            found.setdefault(slot, set()).add(value)
    return {slot: frozenset(values) for slot, values in found.items()}


def nearest(words: dict[str, str], language: str) -> Scene | None:
    """The setting that shares most words with ``words``; ``None`` if no setting shares one."""
    best: tuple[int, Scene | None] = (0, None)
    for scene in (*scenes(language), *studies(language)):
        shared = sum(words.get(slot) == value for slot, value in _slot_values(scene))
        if shared > best[0]:
            best = (shared, scene)
    return best[1]


def _slot_values(scene: Scene) -> Iterator[tuple[str, str]]:
    yield from (("role", scene.role), ("a_role", with_article(scene.role)), ("place", scene.place))
    yield from (("item", scene.item), ("items", scene.items), ("doc", scene.doc), ("measures", scene.measures))
    yield from (("event", event) for event in scene.events)
    yield from (("purpose", purpose) for purpose in scene.purposes)


def _scene(line: str) -> Scene:
    role, place, item, items, goods, events, purposes, doc, measures = (part.strip() for part in line.split("|"))
    return Scene(role, place, item, items, _several(goods), _several(events), _several(purposes), doc, measures)


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";"))


def read_lines(name: str) -> list[str]:
    """The lines of a word list."""
    text = (files("teachers.builtin") / "words" / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
