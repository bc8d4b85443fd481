"""The topic tree: categories and their sub-topics, as data, and how they are dealt out evenly.

The built-in tree (``topics.json``) is our own, in English and Chinese. A tree of one's own is a JSON or YAML file of
the same shape: a list of ``{id, en, zh, …, subtopics: [{en, zh, …}, …]}``, with any languages, English where one is
missing, and a file in one language only may call it ``en``.
"""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.errors import RecipeError

BUILTIN = "builtin"
_FALLBACK = "en"


class _Category(BaseModel):
    model_config = ConfigDict(extra="allow")

    # Every further key is a language and its value the name in it.
    __pydantic_extra__: dict[str, str] = Field(init=False)
    id: str
    subtopics: list[dict[str, str]] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One sub-topic with its category, named in each language: (language, name) pairs."""

    category: str
    """The category's id."""
    topics: tuple[tuple[str, str], ...]
    subtopics: tuple[tuple[str, str], ...]

    def topic(self, language: str) -> str:
        """The category's name in ``language``, or in English, or in what there is."""
        return _name(self.topics, language)

    def subtopic(self, language: str) -> str:
        """The sub-topic's name, likewise."""
        return _name(self.subtopics, language)


@cache
def load(source: str = BUILTIN, categories: tuple[str, ...] = ()) -> tuple[Leaf, ...]:
    """The sub-topics of a tree in file order; with ``categories``, of those ids only.

    Raises:
        RecipeError: no such file, not a tree, no such category.
    """
    tree = _read(source)
    known = [category.id for category in tree]
    unknown = [wanted for wanted in categories if wanted not in known]
    if unknown:
        raise RecipeError(f"topic_guided.categories: {unknown[0]!r} is not in {source}; there are: {', '.join(known)}")
    return tuple(
        Leaf(category.id, tuple((category.__pydantic_extra__ or {}).items()), tuple(subtopic.items()))
        for category in tree
        if not categories or category.id in categories
        for subtopic in category.subtopics
    )


def deal(
    leaves: Sequence[Leaf], hands: int, each: int, rng: random.Random, most: int | None = None
) -> list[list[Leaf]]:
    """``each`` different sub-topics for every hand: first one for all hands in turn, then a second one, and so on.

    They come from one shuffled tree, over and over, so that all are dealt about equally often. With ``most`` none is
    dealt more often than that: later hands get fewer, or none.
    """
    order = rng.sample(leaves, len(leaves))
    dealt: list[list[Leaf]] = [[] for _ in range(hands)]
    times: Counter[int] = Counter()
    pointer = 0
    for hand in [hand for _ in range(each) for hand in dealt]:
        ahead = ((pointer + step) % len(order) for step in range(len(order)))
        place = next((at for at in ahead if order[at] not in hand and (most is None or times[at] < most)), None)
        if place is not None:
            hand.append(order[place])
            times[place] += 1
            pointer = place + 1
    return dealt


@cache
def digest(source: str = BUILTIN, categories: tuple[str, ...] = ()) -> str:
    """A hash of the tree's content: rows on other topics are other rows, also where the file's name is the same."""
    return hashlib.blake2b(repr(load(source, categories)).encode(), digest_size=16).hexdigest()


def _read(source: str) -> list[_Category]:
    try:
        if source == BUILTIN:
            content = json.loads(resources.files("generators").joinpath("topics.json").read_text(encoding="utf-8"))
        else:
            content = yaml.safe_load(Path(source).read_text(encoding="utf-8"))  # JSON is YAML
        tree = TypeAdapter(list[_Category]).validate_python(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        cause = " ".join(str(error).split())
        raise RecipeError(f"topic_guided.topics: cannot read {source!r} ({cause}); give a JSON or YAML file") from None
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        raise RecipeError(f"topic_guided.topics: {source}: {where}: {fault['msg']}; see docs/generators.md") from None
    nameless = [category.id for category in tree if not category.__pydantic_extra__ or not all(category.subtopics)]
    if not tree or nameless:
        where = f"category {nameless[0]!r} or a sub-topic of it has no name" if nameless else "the tree is empty"
        raise RecipeError(f"topic_guided.topics: {source}: {where}; see docs/generators.md")
    return tree


def _name(names: tuple[tuple[str, str], ...], language: str) -> str:
    found = dict(names)
    return found.get(language) or found.get(_FALLBACK) or names[0][1]
