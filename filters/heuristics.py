"""Drops rows that are wrong on their face: empty, refused, cut, repeated, leaked, in the wrong language.

Each check is one small function with a reason of its own, so that a report says what went and why; a row is counted
under the first that holds. Not a judge of quality, and no check of facts: a fluent wrong answer passes here. Phrases
stand in ``phrases.py``; limits of length are in units, a unit being a word or, in Chinese and the like, a character.

Sources: Self-Instruct's instance filter (arXiv 2212.10560, appendix A); WizardLM's elimination (arXiv 2304.12244,
section 3.2); the classes of errors of https://github.com/gururise/AlpacaDataCleaned; repetition after J. Rae et al.,
"Gopher", arXiv 2112.11446, appendix A1.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from filters import phrases
from filters.finding import finds
from filters.screens import Columns, suspects
from filters.text import foreign_share, prose, script_letters, tokens
from schemas.stage import StageConfig
from schemas.verdicts import Verdicts

Reason = Literal[
    "instruction_too_short",
    "instruction_too_long",
    "missing_input",
    "no_input_marker",
    "hallucinated_attachment",
    "leaked_scaffold",
    "control_characters",
    "empty_response",
    "truncated",
    "response_too_short",
    "response_too_long",
    "response_ends_with_colon",
    "echo",
    "refusal",
    "identity",
    "wrong_language",
    "repetition",
]

# A refusal or its excuse opens a response; further in, the same words are somebody's speech.
_HEAD = 200

# Below these a text is too short to be judged: a name or a formula is in no language, and three equal items are a list.
_LANGUAGE_UNITS = 12
_REPETITION_UNITS = 40
_CUT_UNITS = 20

# English prose has about 40 % function words, a list of English names hardly any.
_PROSE_SHARE = 0.15

# Repeated characters that draw lines, tables, blanks and dots are no fault.
_RUN = re.compile(r"([^\s\-=_*#.~+|·—…─│0])\1{29,}")
# Code that a text shows: tags in it are quoted, not left over.
_QUOTED_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
# A fence stands at the beginning of a line; elsewhere three backticks are spoken of, or are a string in the code.
_FENCE = re.compile(r"^[\s>]*(`{3,}|~{3,})[^`\n]*$", re.MULTILINE)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")


class Config(StageConfig):
    """What ``heuristics`` can be told."""

    use: str = "heuristics"
    scope: Literal["row", "instruction"] = Field(
        default="row",
        description="row: all checks; instruction: before rows are answered, those that need no response.",
    )
    ignore: list[Reason] = Field(default_factory=list, description="Checks to leave out, by their reasons.")
    min_instruction: int = Field(
        default=2, ge=0, description="Units an instruction has at least; its input counts too."
    )
    max_instruction: int = Field(default=2000, ge=1, description="Units an instruction has at most.")
    min_response: int = Field(default=1, ge=0, description="Units a response has at least; 1 lets '42' pass.")
    max_response: int = Field(default=8000, ge=1, description="Units a response has at most.")
    max_foreign: float = Field(
        default=0.8, ge=0, le=1, description="Share of a response's letters in other scripts than its language's."
    )
    max_repeated_ngrams: float = Field(
        default=0.5, gt=0, le=1, description="Share of a long response's word 4-grams that occurred in it before."
    )
    max_repeated_lines: float = Field(
        default=0.5, gt=0, le=1, description="Share of a long response's lines that occurred in it before."
    )

    @model_validator(mode="after")
    def _ranges_are_open(self) -> "Config":
        for part in ("instruction", "response"):
            low, high = getattr(self, f"min_{part}"), getattr(self, f"max_{part}")
            if low > high:
                raise ValueError(f"min_{part} is {low}, above max_{part} {high}; no row could pass")
        return self


def judge(frame: pl.DataFrame, config: Config) -> Verdicts:
    """A verdict a row, in order; the reason is the first check that holds."""
    columns, rows = Columns(frame, config), _Rows(frame, config)
    reasons: list[str | None] = [None] * frame.height
    left = np.ones(frame.height, dtype=bool)
    for reason, check in CHECKS.items():
        if reason in config.ignore or (config.scope == "instruction" and reason not in INSTRUCTION_REASONS):
            continue
        for place in np.flatnonzero(left & suspects(reason, columns)).tolist():
            if check(rows[place]):
                reasons[place], left[place] = reason, False
    return Verdicts(reasons)


class _Rows:
    """The rows of a frame, made when they are looked at."""

    def __init__(self, frame: pl.DataFrame, config: Config) -> None:
        names = ["instruction", "input", "response", "language", "depth", "turns", "teacher"]
        self._columns = {name: frame[name] for name in names}
        self._texts = {name: frame[name].to_list() for name in ("instruction", "input", "response", "language")}
        self._config = config
        self._made: dict[int, _Row] = {}

    def __getitem__(self, place: int) -> "_Row":
        if place not in self._made:
            record = {name: texts[place] for name, texts in self._texts.items()}
            record |= {name: self._columns[name][place] for name in ("depth", "turns", "teacher")}
            turns = record["turns"]
            record["turns"] = turns.to_list() if isinstance(turns, pl.Series) else turns
            self._made[place] = _Row(record, self._config)
        return self._made[place]


@dataclass(frozen=True)
class _Row:
    """One row as the checks see it; what several of them need is worked out once."""

    record: dict[str, Any]
    config: Config

    @cached_property
    def instruction(self) -> str:
        return str(self.record["instruction"] or "").strip()

    @cached_property
    def input(self) -> str:
        return str(self.record["input"] or "").strip()

    @cached_property
    def response(self) -> str:
        return str(self.record["response"] or "").strip()

    @cached_property
    def language(self) -> str | None:
        language: str | None = self.record["language"]
        return language

    @cached_property
    def replies(self) -> list[str]:
        """All that the assistant says."""
        turns = self.record["turns"] or []
        return [self.response, *(turn["content"] or "" for turn in turns if turn["role"] == "assistant")]

    @cached_property
    def instruction_units(self) -> int:
        return len(tokens(self.instruction, self.language))

    @cached_property
    def response_tokens(self) -> list[str]:
        return tokens(self.response, self.language)


def _instruction_too_short(row: _Row) -> bool:
    units = row.instruction_units
    if units and row.input and units < row.config.min_instruction:
        units += len(tokens(row.input, row.language))  # "Translate" says enough beside a text
    return units < row.config.min_instruction


def _no_input(row: _Row) -> bool:
    if finds(phrases.NO_INPUT_WORD, row.input):
        return not finds(phrases.ABOUT_VALUES, row.instruction)
    return finds(phrases.NO_INPUT, row.input)


def _empty_response(row: _Row) -> bool:
    return not row.response or finds(phrases.NO_RESPONSE, row.response)


def _truncated(row: _Row) -> bool:
    finish = (row.record["teacher"] or {}).get("finish_reason")
    if finish == "length" or _fence_is_open(row.response):
        return True
    return len(row.response_tokens) >= _CUT_UNITS and finds(phrases.DANGLING, row.response[-40:])


def _fence_is_open(text: str) -> bool:
    opened = ""
    for fence in _FENCE.findall(text):
        if not opened:
            opened = fence
        elif fence.startswith(opened):  # a longer fence holds shorter ones
            opened = ""
    return bool(opened)


def _response_too_short(row: _Row) -> bool:
    # Signs without a word count as one unit: "+" answers "Which operator adds?".
    return (len(row.response_tokens) or int(bool(row.response))) < row.config.min_response


def _attachment(row: _Row) -> bool:
    return finds(phrases.ATTACHMENT, row.input) and not finds(phrases.ABOUT_ADDRESSES, row.instruction)


def _leaked(row: _Row) -> bool:
    if finds(phrases.SCAFFOLD, row.instruction) or finds(phrases.INSTRUCTION_SCAFFOLD, row.instruction):
        return True
    if (row.record["depth"] or 0) > 0 and finds(phrases.EVOLUTION, row.instruction):
        return True
    return row.config.scope == "row" and any(
        finds(phrases.SCAFFOLD, reply) or _leaked_tag(row, reply) for reply in row.replies
    )


def _leaked_tag(row: _Row, reply: str) -> bool:
    """Whether a tag of a prompt stands in a reply, and neither as quoted code nor because the row is about tags."""
    asked = f"{row.instruction}\n{row.input}"
    wanted = {name.lower() for name in phrases.SCAFFOLD_TAGS.findall(asked)}
    found = {name.lower() for name in phrases.SCAFFOLD_TAGS.findall(_QUOTED_CODE.sub(" ", reply))}
    return bool(found - wanted) and not finds(phrases.MARKUP, asked)


def _control(row: _Row) -> bool:
    return any(_CONTROL.search(text) for text in (row.instruction, row.input, *row.replies))


def _echo(row: _Row) -> bool:
    if row.response == row.instruction:
        return not finds(phrases.REPEATING, row.instruction)
    return row.response == row.input and not finds(phrases.SAME_IS_RIGHT, row.instruction)


def _refusal(row: _Row) -> bool:
    return any(finds(phrases.REFUSAL, reply[:_HEAD]) for reply in row.replies)


def _identity(row: _Row) -> bool:
    return any(finds(phrases.IDENTITY, reply) for reply in row.replies)


def _wrong_language(row: _Row) -> bool:
    """Whether most of the prose is in a foreign script, and nothing asked for that."""
    said = prose(row.response)
    words = tokens(said, row.language)
    if len(words) < _LANGUAGE_UNITS or foreign_share(said, row.language) <= row.config.max_foreign:
        return False
    if _mostly_latin(said) and sum(word in phrases.FUNCTION_WORDS for word in words) < _PROSE_SHARE * len(words):
        return False
    asked = f"{row.instruction}\n{row.input}"
    return not finds(phrases.TRANSLATION, asked) and foreign_share(asked, row.language) <= row.config.max_foreign / 4


def _mostly_latin(text: str) -> bool:
    letters = script_letters(text)
    return 2 * letters.get("latin", 0) > sum(letters.values())


def _repetition(row: _Row) -> bool:
    if finds(phrases.REPEATING, row.instruction):
        return False
    if _RUN.search(row.response):
        return True
    words = row.response_tokens
    if len(words) < _REPETITION_UNITS:
        return False
    grams = list(zip(words, words[1:], words[2:], words[3:], strict=False))
    lines = [line.strip() for line in row.response.splitlines() if len(line.strip()) > 3]
    return _repeated(grams) > row.config.max_repeated_ngrams or (
        len(lines) >= 6 and _repeated(lines) > row.config.max_repeated_lines
    )


def _repeated(items: Sequence[object]) -> float:
    """The share of items that occurred before."""
    return 1 - len(Counter(items)) / len(items) if items else 0.0


# In this order: what cannot be read before what reads badly, the cause (cut) before its effects.
CHECKS: dict[Reason, Callable[[_Row], bool]] = {
    "instruction_too_short": _instruction_too_short,
    "instruction_too_long": lambda row: row.instruction_units > row.config.max_instruction,
    "missing_input": lambda row: not row.input and finds(phrases.POINTING, row.instruction),
    "no_input_marker": _no_input,
    "hallucinated_attachment": _attachment,
    "leaked_scaffold": _leaked,
    "control_characters": _control,
    "empty_response": _empty_response,
    "truncated": _truncated,
    "response_too_short": _response_too_short,
    "response_too_long": lambda row: len(row.response_tokens) > row.config.max_response,
    "response_ends_with_colon": lambda row: row.response.endswith((":", "：")),
    "echo": _echo,
    "refusal": _refusal,
    "identity": _identity,
    "wrong_language": _wrong_language,
    "repetition": _repetition,
}

INSTRUCTION_REASONS: tuple[Reason, ...] = get_args(Reason)[:7]
"""The checks that do not need a response."""
