"""A solution while the riders of a task still change it, and what a rider is. The riders themselves: ``riders/``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Literal

from teachers.builtin.family import Family
from teachers.builtin.leads import gap
from teachers.builtin.pattern import Pattern
from teachers.builtin.task import Language, Params, Result, Solution, Task, Value, show_result

Operation = Literal["add_constraints", "deepen", "concretize", "increase_reasoning", "complicate_input"]

REASONING, DEEPENING, FORM, FRAME, LIMIT = range(5)
"""Phases: a value is final before it is explained, explained before it is formatted, formatted before it is framed."""


_STOPS = (".", "!", "?", ":", ",", "。", "！", "？", "：")


class Unfit(Exception):
    """A rider does not apply to a task, or no longer can be obeyed."""


@dataclass
class Draft:
    """What will become the solution. ``final`` is the answer in the form that the riders ask for."""

    language: Language
    value: Result
    steps: list[str]
    body: list[str]
    extra: list[str] = field(default_factory=list)
    final: str | None = None
    start: str = ""
    end: str = ""

    @property
    def answer(self) -> str:
        """The short answer as it stands."""
        return show_result(self.value, self.language) if self.final is None else self.final

    def say(self, en: str, zh: str) -> str:
        """The text in the task's language."""
        return zh if self.language == "zh" else en

    def go_on(self, value: Result, en: str, zh: str) -> None:
        """The value changes; the sentence says how and holds the new one as ``{answer}``."""
        self.value = value
        text = self.say(en, zh).replace("{answer}", self.answer)
        self.steps.append(text)
        self.body.append(text)

    def add(self, en: str, zh: str) -> None:
        """One more sentence of explanation."""
        text = self.say(en, zh)
        self.extra.append(text)
        self.steps.append(text)

    def shape(self, final: str) -> None:
        """The answer takes another form."""
        self.final = final
        self.steps.append(self.say(f"In the form that is asked for: {final}", f"按要求的形式写：{final}"))

    def text(self) -> str:
        """The response."""
        space = gap(self.language)
        parts = [part for part in (self.start, *self.body, *self.extra) if part]
        prose = space.join([*(self._ended(part) for part in parts[:-1]), *parts[-1:]])
        return "\n".join(part for part in (prose, self.final, self.end) if part)

    def _ended(self, part: str) -> str:
        """The part with a full stop, if it is a bare word or figure that another sentence follows."""
        return part if part.endswith(_STOPS) else part + self.say(".", "。")

    def finish(self) -> Solution:
        """The solution."""
        return Solution(self.answer, tuple(self.steps), self.text(), self.value)


@dataclass(frozen=True)
class Site:
    """Where a rider is put: the task as it is, and a way to work it out with other data."""

    task: Task
    family: Family
    draft: Draft
    """The solution up to the rider's phase."""
    cast: Mapping[str, str]
    rework: Callable[[Mapping[str, Value]], Draft]
    """Core and reasoning riders again, with some params changed. Raises ``Unfit`` if that makes no sense."""

    @property
    def value(self) -> Result:
        """The answer so far."""
        return self.draft.value

    def whole(self) -> int | None:
        """The answer so far if it is an integer of a size that a person can handle."""
        value = self.draft.value
        if isinstance(value, Decimal) and value == value.to_integral_value():
            value = int(value)
        return value if isinstance(value, int) and abs(value) < 10**9 else None

    def number(self) -> Decimal | None:
        """The answer so far if it is a number."""
        return Decimal(self.draft.value) if isinstance(self.draft.value, int | Decimal) else None


@dataclass(frozen=True)
class RiderKind:
    """One thing that an evolution can ask for."""

    name: str
    operation: Operation
    phase: int
    wordings: Mapping[Language, tuple[str, ...]]
    """Each begins with a literal, is one or two sentences, and shows all values. No entry: not in that language."""
    draw: Callable[[Site, Random], Mapping[str, Value] | None]
    """Values of the slots, or ``None`` where the rider does not apply."""
    change: Callable[[Site, Draft, Params], None]
    """Does what the rider asks. Raises ``Unfit``."""
    group: str = ""
    """Riders of one group exclude each other, such as those that claim the last line. Default: the name."""
    place: Literal["end", "front", "input"] = "end"

    @cached_property
    def patterns(self) -> dict[Language, tuple[Pattern, ...]]:
        """The wordings, ready to write and to read."""
        return {language: tuple(Pattern(text, language) for text in texts) for language, texts in self.wordings.items()}


def plain(site: Site, rng: Random) -> Mapping[str, Value] | None:
    """The draw of a rider without slots that applies everywhere."""
    return {}
