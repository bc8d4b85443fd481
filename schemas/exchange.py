"""What is asked of a model and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from schemas.row import TeacherNote


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message; ``role`` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A JSON reply of a fixed form. Where the endpoint cannot be held to it, the prompt is asked as it stands."""

    name: str
    """Letters, digits, ``_`` and ``-``."""
    schema: Mapping[str, Any]
    """A JSON Schema of an object, without ``minLength`` and ``maxLength`` (see ``teachers/structured.py``)."""
    hint: str
    """The words that ask for this form, in the prompt's language; they follow its last message."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request. ``None`` leaves a sampling value to the model's entry in the recipe.

    The request's ``seed`` is not here: the driver derives it from the run seed, the stage, the row and the
    step, so that a stage cannot get it wrong.
    """

    messages: tuple[Message, ...]
    model: str = "teacher"
    """The model's *name in the recipe*."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    """How many samples of the reply; see ``Completion.samples``."""
    shape: Shape | None = None
    """The form of the reply, where it has a fixed one and the endpoint can be held to it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One more reply to the same prompt."""

    text: str
    finish_reason: str = "stop"
    reasoning: str | None = None
    error: str | None = None
    """Why it says nothing, where it does not."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply, or the reason why there is none (``error``, a snake-case word)."""

    text: str
    finish_reason: str = "stop"
    """stop, length, content_filter, or error."""
    reasoning: str | None = None
    """What a reasoning model thought, where the endpoint keeps it apart (``reasoning_content``)."""
    model: str = ""
    temperature: float | None = None
    top_p: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt tokens, those that the endpoint had cached."""
    reasoning_tokens: int = 0
    """Of the completion tokens, those that a reasoning model thought with."""
    cost: float = 0.0
    """US dollars, for all samples."""
    error: str | None = None
    others: tuple[Sample, ...] = ()
    """The other samples, where ``n`` was more than one. Tokens and cost are counted once, here."""

    @property
    def truncated(self) -> bool:
        """Whether the reply was cut by the token limit."""
        return self.finish_reason == "length"

    def samples(self) -> "tuple[Completion, ...]":
        """All samples, this one first; the others without tokens and cost. May be fewer than were asked for."""
        free = replace(
            self, prompt_tokens=0, completion_tokens=0, cached_tokens=0, reasoning_tokens=0, cost=0.0, others=()
        )
        return (
            self,
            *(
                replace(
                    free, text=each.text, finish_reason=each.finish_reason, reasoning=each.reasoning, error=each.error
                )
                for each in self.others
            ),
        )

    def note(self) -> TeacherNote:
        """The part that is kept with a row."""
        return TeacherNote(
            model=self.model,
            temperature=self.temperature,
            top_p=self.top_p,
            finish_reason=self.finish_reason,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            cost=self.cost,
        )
