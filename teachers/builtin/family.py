"""The contract of a family: what one file in ``families/`` brings, and what the framework makes of it.

A family is wordings with slots, a way to draw what stands in the slots, and a way to solve. Composing, reading back,
evolving and moving to topics are the framework's; a family knows none of it. How to add one: ``families/README.md``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from teachers.builtin.pattern import Pattern, Picks
from teachers.builtin.scenes import Scene
from teachers.builtin.task import Draw, Language, Params, Solution, Value

_TRIES = 60
"""Draws until one ``holds``; a family that needs more draws badly."""


@dataclass(frozen=True, slots=True)
class Wording:
    """One way to put a task: one line of instruction, an input if the data stand there, and what the text implies."""

    instruction: str
    input: str = ""
    fixed: Mapping[str, Value] = field(default_factory=dict)
    """Params that this wording expresses without a slot."""


def wording(instruction: str, input: str = "", **fixed: Value) -> Wording:
    """A ``Wording``: ``wording("How many are left of {n:int}?", ask="left")``."""
    return Wording(instruction, input, fixed)


@dataclass(frozen=True)
class Family:
    """One kind of task. Everything but the first three fields is optional."""

    wordings: Mapping[Language, Sequence[Wording | str]]
    """At least five a language, different in structure. An instruction is one line and ends a sentence; a plain text
    with more lines is an instruction and an input."""
    draw: Callable[[Draw], Mapping[str, Value]]
    """Values for all slots of all wordings; a wording takes what it shows. Slots in ``given`` are fixed."""
    solve: Callable[[Params], Solution]
    """The computed answer. It sees only what the text shows (and what the wording fixes)."""
    holds: Callable[[Params], bool] = lambda p: True
    """Whether the values make a sensible task; drawn again until they do. Also asked before a what-if."""
    classification: bool = False
    """The answer is one of a few labels."""
    picks: Picks = field(default_factory=dict)
    """For each ``pick`` slot: key → (English text, Chinese text)."""
    vary: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """``int`` slots that a what-if may change → their names as noun phrases, en and zh."""
    rule: tuple[str, str] | None = None
    """The method as one full sentence, en and zh."""
    movable: bool = True
    """Whether a task can be moved to another topic (code tracing cannot)."""

    @cached_property
    def templates(self) -> dict[Language, tuple["Template", ...]]:
        """The wordings, ready to write and to read."""
        return {
            language: tuple(Template(item, index, language, self.picks) for index, item in enumerate(items))
            for language, items in self.wordings.items()
        }


class Template:
    """A wording of a family in both directions."""

    def __init__(self, item: Wording | str, index: int, language: Language, picks: Picks) -> None:
        made = wording(*item.split("\n", 1)) if isinstance(item, str) else item
        self.index = index
        self.language = language
        self.fixed = dict(made.fixed)
        self.instruction = Pattern(made.instruction, language, picks)
        self.input = Pattern(made.input, language, picks) if made.input else None
        inside = self.input.data if self.input else ()
        self.data = tuple(dict.fromkeys((*self.instruction.data, *inside)))
        self.words = tuple(dict.fromkeys((*self.instruction.words, *(self.input.words if self.input else ()))))

    def draw(self, family: Family, scene: Scene, rng: Random, given: Mapping[str, Value]) -> dict[str, Value]:
        """Values for every slot, those in ``given`` kept.

        Raises:
            ValueError: no draw held; the family's ``draw`` and ``holds`` do not fit each other.
        """
        known = {**self.fixed, **given}
        for _ in range(_TRIES):
            drawn = {**family.draw(Draw(rng, self.language, scene, known)), **known}
            params = {name: drawn[name] for name in (*self.data, *self.fixed)}
            if family.holds(Params(params, self.language)):
                return params
        raise ValueError(f"no draw held in {_TRIES} tries for {self.instruction.text!r} with {dict(given)!r}")

    def write(self, params: Mapping[str, Value], words: Mapping[str, str]) -> str:
        """The instruction."""
        return self.instruction.fill({**words, **self.instruction.show(params)})

    def write_input(self, params: Mapping[str, Value], words: Mapping[str, str]) -> str:
        """The input, empty if the wording has none."""
        return self.input.fill({**words, **self.input.show(params)}) if self.input else ""

    def read(self, instruction: str, input: str) -> tuple[dict[str, Value], dict[str, str], bool] | None:
        """Params, scene words and whether the input is still open; ``None`` if the text is not this wording."""
        found = _read_part(self.instruction, instruction)
        if found is None or (input and self.input is None):
            return None
        params, words = found
        if self.input is None or not input:
            return {**params, **self.fixed}, words, self.input is not None
        inside = _read_part(self.input, input)
        if inside is None or not (_agree(params, inside[0]) and _agree(words, inside[1])):
            return None
        return {**params, **inside[0], **self.fixed}, {**words, **inside[1]}, False


def _read_part(pattern: Pattern, text: str) -> tuple[dict[str, Value], dict[str, str]] | None:
    shown = pattern.full(text)
    if shown is None:
        return None
    params, words = pattern.read(shown), pattern.read_words(shown)
    return (params, words) if params is not None and words is not None else None


def _agree(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    return all(one.get(name, value) == value for name, value in other.items())
