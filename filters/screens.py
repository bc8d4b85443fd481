"""Which rows of a frame may be wrong on their face: a first look by columns, so that few rows are looked at closely.

Each screen lets through at least the rows that its check in ``heuristics`` would drop, most often few others. It never
decides: a row that is let through is checked as if there were no screens, and one that is not would have passed.

A screen knows texts as polars and numpy see them. Where they and Python disagree about a character (``ODD``: letters
with more than two cases, and blanks that only Python strips), all screens let the row through.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from filters import kernels, phrases
from filters.codepoints import encode, flags
from filters.finding import required
from filters.text import base_language

ODD = "[\u0130\u0131\u017f\u212a\x1c-\x1f]"
LONGEST_RUN = 29
"""One character may be repeated so often."""
NGRAM = 4
_LATIN = frozenset(["en", "de", "fr", "es", "pt", "it", "nl", "pl", "tr", "vi", "id", "sv"])


@dataclass(frozen=True)
class Columns:
    """A frame as the screens see it; what several of them need is worked out once."""

    frame: pl.DataFrame
    config: Any
    """Of ``heuristics``."""

    @cached_property
    def instruction(self) -> pl.Series:
        """The instructions, "" where there is none."""
        return self.frame["instruction"].fill_null("")

    @cached_property
    def input(self) -> pl.Series:
        """The inputs."""
        return self.frame["input"].fill_null("")

    @cached_property
    def response(self) -> pl.Series:
        """The responses."""
        return self.frame["response"].fill_null("")

    @cached_property
    def later(self) -> pl.Series:
        """Whether there are later turns, which no screen looks at."""
        return self.frame["turns"].list.len().fill_null(0) > 0

    @cached_property
    def odd(self) -> pl.Series:
        """Whether a text has characters about which Python and polars disagree."""
        return self.instruction.str.contains(ODD) | self.input.str.contains(ODD) | self.response.str.contains(ODD)

    @cached_property
    def languages(self) -> np.ndarray:
        """The languages, as two letters."""
        return np.array([base_language(language) for language in self.frame["language"]], dtype=object)


Screen = Callable[[Columns], pl.Series]


def suspects(reason: str, columns: Columns) -> np.ndarray:
    """Whether each row may be dropped for ``reason``."""
    screen = SCREENS.get(reason)
    if screen is None:
        return np.ones(columns.frame.height, dtype=bool)
    return (screen(columns) | columns.odd).to_numpy()


def _has(texts: pl.Series, pattern: re.Pattern[str]) -> pl.Series:
    """Whether a text has a word that every match of ``pattern`` has."""
    words = required(pattern)
    if words is None:
        return pl.repeat(True, len(texts), eager=True)
    return texts.str.contains_any(list(words), ascii_case_insensitive=bool(pattern.flags & re.IGNORECASE))


def _filled(texts: pl.Series) -> pl.Series:
    return texts.str.contains(r"\S")


def _fewer_units(texts: pl.Series, least: int) -> pl.Series:
    """Whether there may be fewer units than ``least``: words that begin with a letter of ASCII, and Chinese ones."""
    words = texts.str.count_matches(r"[A-Za-z0-9]\S*")
    return (words < least) & (texts.str.count_matches("[\u4e00-\u9fff]") < least)


def _leaked(columns: Columns) -> pl.Series:
    found = _has(columns.instruction, phrases.SCAFFOLD) | _has(columns.instruction, phrases.INSTRUCTION_SCAFFOLD)
    found |= (columns.frame["depth"].fill_null(0) > 0) & _has(columns.instruction, phrases.EVOLUTION)
    if columns.config.scope == "instruction":
        return found
    response = _has(columns.response, phrases.SCAFFOLD) | _has(columns.response, phrases.SCAFFOLD_TAGS)
    return found | columns.later | response


def _control(columns: Columns) -> pl.Series:
    control = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]"
    texts = (columns.instruction, columns.input, columns.response)
    found = columns.later
    for each in texts:
        found = found | each.str.contains(control)
    return found


def _truncated(columns: Columns) -> pl.Series:
    cut: pl.Series = (columns.frame["teacher"].struct.field("finish_reason") == "length").fill_null(False)
    open_end = columns.response.str.contains(r"[A-Za-z,(\[{，、（《“和与或及]\s*$")
    fenced: pl.Series = columns.response.str.contains("```|~~~")
    return cut | open_end | fenced


def _echo(columns: Columns) -> pl.Series:
    response = columns.response.str.strip_chars()
    return (response == columns.instruction.str.strip_chars()) | (response == columns.input.str.strip_chars())


def _wrong_language(columns: Columns) -> pl.Series:
    latin = pl.Series([language in _LATIN for language in columns.languages.tolist()], dtype=pl.Boolean)
    most = columns.config.max_foreign
    own = columns.response.str.count_matches("[\u4e00-\u9fff]")
    foreign = columns.response.str.len_chars() - own
    mostly = pl.repeat(most < 1, len(own), eager=True) & (foreign * (1 - most) >= own * most)
    found: pl.Series = (latin & columns.response.str.contains(r"[^\x00-\x7f]")) | (~latin & mostly)
    return found


def _repetition(columns: Columns) -> pl.Series:
    responses = columns.response.to_list()
    long = np.array([len(text) > LONGEST_RUN for text in responses], dtype=bool)
    places = np.flatnonzero(long)
    texts = [responses[place] for place in places.tolist()]
    english = columns.languages[places] == "en"
    ascii_only = np.array([text.isascii() for text in texts], dtype=bool)
    found = np.zeros(len(responses), dtype=bool)
    found[places] = _has_run(texts) | _repeats(texts, english, columns.config.max_repeated_ngrams)
    found[places] |= english & ~ascii_only  # of which rouge_score's tokens are others
    return pl.Series(found) | (columns.response.str.count_matches("\n") >= 5)


def _has_run(texts: list[str]) -> np.ndarray:
    """Whether one character stands more than ``LONGEST_RUN`` times in a row."""
    points = np.frombuffer("\0".join(texts).encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    ends = np.cumsum([len(text) + 1 for text in texts])
    change = np.flatnonzero(np.concatenate((np.ones(1, dtype=bool), points[1:] != points[:-1], np.ones(1, dtype=bool))))
    begins = change[:-1][np.diff(change) > LONGEST_RUN]
    found = np.zeros(len(texts), dtype=bool)
    found[np.searchsorted(ends, begins, side="right").clip(max=max(len(texts) - 1, 0))] = True
    return found


def _repeats(texts: list[str], english: np.ndarray, most: float) -> np.ndarray:
    """Whether more than ``most`` of a text's token n-grams occurred in it before, or perhaps not quite so many."""
    kernel, block = kernels.text(len(texts)), encode(texts)
    words, starts, _ = kernel.tokens(block.points, block.starts, flags(), english)
    _, ends = kernel.token_sets(words, starts, np.array([NGRAM]))
    total = np.diff(starts) - NGRAM + 1
    repeated: np.ndarray = (total > 0) & (1 - np.diff(ends) / np.maximum(total, 1) >= most - 0.01)
    return repeated


SCREENS: dict[str, Screen] = {
    "instruction_too_short": lambda columns: _fewer_units(columns.instruction, columns.config.min_instruction),
    "instruction_too_long": lambda columns: columns.instruction.str.len_chars() > columns.config.max_instruction,
    "missing_input": lambda columns: ~_filled(columns.input) & _has(columns.instruction, phrases.POINTING),
    "no_input_marker": lambda columns: _filled(columns.input),
    "hallucinated_attachment": lambda columns: _has(columns.input, phrases.ATTACHMENT),
    "leaked_scaffold": _leaked,
    "control_characters": _control,
    "empty_response": lambda columns: ~_filled(columns.response) | _has(columns.response, phrases.NO_RESPONSE),
    "truncated": _truncated,
    "response_too_short": lambda columns: _fewer_units(columns.response, columns.config.min_response),
    "response_too_long": lambda columns: columns.response.str.len_chars() > columns.config.max_response,
    "response_ends_with_colon": lambda columns: columns.response.str.contains(r"[:：]\s*$"),
    "echo": _echo,
    "refusal": lambda columns: columns.later | _has(columns.response, phrases.REFUSAL),
    "identity": lambda columns: columns.later | _has(columns.response, phrases.IDENTITY),
    "wrong_language": _wrong_language,
    "repetition": _repetition,
}
"""By the reasons of ``heuristics``."""
