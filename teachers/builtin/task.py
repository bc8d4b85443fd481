"""What a task of the offline teacher is: plain frozen data, and the typed views that a family works with.

A ``Task`` is what a text *means*. It is never stored: it is composed, written out as text, and read back from the
text alone. This file knows neither wordings nor families; see ``family.py`` and ``compose.py``.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import Literal

from teachers.builtin.scenes import Scene

Language = Literal["en", "zh"]
Rows = tuple[tuple[str, ...], ...]
Value = int | Decimal | date | str | tuple[int, ...] | tuple[str, ...] | Rows
Values = tuple[tuple[str, Value], ...]
"""A mapping, frozen: pairs sorted by name."""
Words = tuple[tuple[str, str], ...]
Result = int | Decimal | str | tuple[str, ...]
"""What an answer is as data: a number, a text, or a list."""


@dataclass(frozen=True, slots=True)
class Rider:
    """One evolution of a task: a sentence that adds a demand, or a change of the input's form."""

    kind: str
    """Name of the kind, unique over all operations."""
    wording: int
    values: Values = ()


@dataclass(frozen=True, slots=True)
class Lead:
    """The sentence in front of a task that sets the scene or names the topic."""

    wording: int
    words: Words


@dataclass(frozen=True, slots=True)
class Task:
    """A task: its meaning (family, params, riders) and its wording (template, words, lead)."""

    family: str
    language: Language
    template: int
    params: Values
    words: Words
    lead: Lead | None = None
    riders: tuple[Rider, ...] = ()
    open: bool = False
    """The input is still to be written: ``params`` lacks what stands there."""

    @property
    def meaning(self) -> tuple[object, ...]:
        """What two tasks must share to be the same, whatever the wording and the setting."""
        return self.family, self.language, self.params, tuple(sorted((r.kind, repr(r.values)) for r in self.riders))


@dataclass(frozen=True, slots=True)
class Solution:
    """A computed answer. ``response`` contains ``answer`` word for word."""

    answer: str
    steps: tuple[str, ...]
    """The reasoning, one line a step."""
    response: str
    """What a user would like to read."""
    value: Result
    """The answer as data, for evolutions that go on from it."""


class Params(Mapping[str, Value]):
    """The data of a task with typed access, and its language. Wrong types raise, as they are a family's bug."""

    def __init__(self, values: Mapping[str, Value], language: Language, words: Mapping[str, str] | None = None) -> None:
        self.language = language
        self._values = dict(values)
        self._words = dict(words or {})

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def say(self, en: str, zh: str) -> str:
        """The text in the task's language."""
        return zh if self.language == "zh" else en

    def word(self, name: str, en: str, zh: str) -> str:
        """A scene word, or a general one where the wording does not show it."""
        return self._words.get(name) or self.say(en, zh)

    def whole(self, name: str) -> int:
        """An ``int`` or ``time`` slot (minutes since midnight)."""
        value = self._values[name]
        if not isinstance(value, int):
            raise TypeError(f"{name} is {value!r}; expected an int")
        return value

    def number(self, name: str) -> Decimal:
        """An ``int``, ``num`` or ``money`` slot, exact."""
        value = self._values[name]
        if not isinstance(value, int | Decimal):
            raise TypeError(f"{name} is {value!r}; expected a number")
        return Decimal(value)

    def text(self, name: str) -> str:
        """A ``text``, ``block`` or ``pick`` slot; a pick gives its key."""
        value = self._values[name]
        if not isinstance(value, str):
            raise TypeError(f"{name} is {value!r}; expected a text")
        return value

    def day(self, name: str) -> date:
        """A ``date`` or ``iso`` slot."""
        value = self._values[name]
        if not isinstance(value, date):
            raise TypeError(f"{name} is {value!r}; expected a date")
        return value

    def wholes(self, name: str) -> tuple[int, ...]:
        """An ``ints`` slot."""
        value = self._values[name]
        if not isinstance(value, tuple):
            raise TypeError(f"{name} is {value!r}; expected a list of ints")
        return tuple(item for item in value if isinstance(item, int))

    def texts(self, name: str) -> tuple[str, ...]:
        """A ``list`` slot."""
        value = self._values[name]
        if not isinstance(value, tuple):
            raise TypeError(f"{name} is {value!r}; expected a list of texts")
        return tuple(item for item in value if isinstance(item, str))

    def rows(self, name: str) -> Rows:
        """A ``pairs`` or ``lines`` slot, or a ``table``, ``csv`` or ``records`` slot with the header as first row."""
        value = self._values[name]
        if not isinstance(value, tuple):
            raise TypeError(f"{name} is {value!r}; expected rows")
        return tuple(item for item in value if isinstance(item, tuple))


@dataclass(frozen=True, slots=True)
class Draw:
    """What a family draws its data from."""

    rng: Random
    language: Language
    scene: Scene
    given: Mapping[str, Value]
    """Slots that are fixed already, because the instruction names them and only the input is to be written."""

    def say(self, en: str, zh: str) -> str:
        """The text in the task's language."""
        return zh if self.language == "zh" else en

    def goods(self, count: int) -> tuple[str, ...]:
        """Different goods of the scene."""
        return tuple(self.rng.sample(self.scene.goods, count))

    def fixed(self, name: str, drawn: Value) -> Value:
        """The given value of a slot, else ``drawn``."""
        return self.given.get(name, drawn)


def freeze(values: Mapping[str, Value]) -> Values:
    """A mapping as sorted pairs."""
    return tuple(sorted(values.items()))


def freeze_words(words: Mapping[str, str]) -> Words:
    """Words as sorted pairs."""
    return tuple(sorted(words.items()))


def show_result(value: Result, language: Language) -> str:
    """An answer as text: decimals without trailing zeros, list items with commas."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, tuple):
        return ("、" if language == "zh" else ", ").join(value)
    return str(value)


def solved(value: Result, p: Params, steps: list[str], response: str) -> Solution:
    """A solution whose ``answer`` is the value's usual text; ``{answer}`` in ``response`` stands for it."""
    answer = show_result(value, p.language)
    return Solution(answer, tuple(steps), response.replace("{answer}", answer), value)
