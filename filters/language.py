"""Drops rows that are not written in the language that their label says, or not in one that is wanted.

Scripts come first: Chinese, Japanese, Korean, Thai, Greek and others are told by their letters alone. Languages that
share a script (Latin, Cyrillic, Arabic, Devanagari) are told apart by py3langid, whose model comes with the package.
Code, addresses and formulas are left out before. Not a guess: a text too short, too mixed or too unlike any
language is *unknown*, and kept. Nor a judge of tasks about languages: where a translation or another language is
spoken of, nothing is said. ``heuristics`` has a coarser check of its own, by script.

Sources: M. Lui and T. Baldwin, "langid.py: An off-the-shelf language identification tool", 2012;
https://github.com/adbar/py3langid.
"""

import re
import threading
from collections.abc import Mapping, Set
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
from pydantic import Field

from filters.phrases import ABOUT_LANGUAGE, TRANSLATION
from filters.text import base_language, prose, without_surrogates
from schemas.language import detect, script_units
from schemas.row import Score
from schemas.stage import StageConfig, Verdict
from schemas.verdicts import Verdicts, columns

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Scripts that several languages share, by the code that schemas.language has for them.
_SHARED = frozenset({"en", "ru", "ar", "hi", "bn"})

# What py3langid calls a text that is in no language.
_NO_LANGUAGE = "zxx"

# Below this for the likeliest of 139 languages a text is like none: names, formulas.
_LIKELIEST = 0.3

# Words that a line has at least to be a sentence: a list of Italian dishes is not Italian.
_SENTENCE = 4
_WORD = re.compile(r"[^\W\d_]+")

# The script of a code that schemas.language tells by a letter, and that of Han characters with and without kana.
_SCRIPT = {"uk": ("ru",), "ur": ("ar",), "fa": ("ar",), "zh": ("zh", "ja"), "ja": ("zh", "ja")}

# Han characters from which on a text without kana is not Japanese: names and headings have none.
_KANA_EXPECTED = 15

# Languages that are called by several codes, or that short texts do not tell apart.
_SAME = {
    **dict.fromkeys(["nb", "nn"], "no"),
    **dict.fromkeys(["bs", "sr", "sh"], "hr"),
    **dict.fromkeys(["yue", "wuu"], "zh"),
    **dict.fromkeys(["ary", "arz"], "ar"),
    **dict.fromkeys(["uzs"], "uz"),
    "ms": "id",
    "fil": "tl",
    "iw": "he",
    "hbo": "he",
    "grc": "el",
}

_LOCK = threading.Lock()
_IDENTIFIERS: list["LanguageIdentifier"] = []


class Config(StageConfig):
    """What ``language`` can be told."""

    use: str = "language"
    languages: list[str] | None = Field(
        default=None, min_length=1, description="The languages that are wanted (ISO 639-1). Default: any."
    )
    as_labelled: bool = Field(default=True, description="Whether a row must be in the language that its label says.")
    min_units: int = Field(
        default=6, ge=1, description="Units (words, or characters in Chinese and the like) of which a language is told."
    )
    min_confidence: float = Field(
        default=0.98, gt=0.5, lt=1, description="How sure it must be that a text is in none of the allowed languages."
    )
    min_share: float = Field(
        default=0.8, gt=0.5, le=1, description="Share of a text's units in one script; below, it is mixed."
    )


class Told(NamedTuple):
    """What languages a text may be in: the likeliest, and each one's probability (or the share of its script)."""

    language: str
    probabilities: Mapping[str, float]


def judge(frame: pl.DataFrame, config: Config) -> Verdicts:
    """A verdict a row, in order: the instruction is looked at, then the response.

    The score ``language_xx`` names the language that was found, with its confidence. Rows in which none was found are
    counted as ``unknown``; of them only the label is held against ``languages``.
    """
    wanted = None if config.languages is None else frozenset(map(_plain, config.languages))
    verdicts, unknown = [], 0
    for row in frame.select("instruction", "input", "response", "language").iter_rows(named=True):
        found = _found(row, config)
        unknown += not found
        verdicts.append(_verdict(_plain(row["language"]), found, wanted, config))
    return replace(columns(verdicts), notes={"unknown": unknown} if unknown else {})


def told(text: str, config: Config) -> Told | None:
    """The language of ``text``; none where there is too little of any."""
    said = without_surrogates(prose(text))
    units, script = script_units(said), detect(said)
    total = sum(units.values())
    if total < config.min_units:
        return None
    scripts = _SCRIPT.get(script, (script,))
    share = sum(units.get(code, 0) for code in scripts) / total
    if share < config.min_share:
        return None
    if not _SHARED.isdisjoint(scripts):
        return _identified(said, config.min_units)
    maybe = {"ja": share} if script == "zh" and total < _KANA_EXPECTED else {}
    return Told(script, {script: share, **maybe})


def _identified(text: str, min_units: int) -> Told | None:
    said = "\n".join(line for line in text.splitlines() if len(_WORD.findall(line)) >= _SENTENCE)
    if len(_WORD.findall(said)) < min_units:
        return None
    probabilities: dict[str, float] = {}
    for code, probability in _identifier().rank(said):
        probabilities[_plain(code)] = probabilities.get(_plain(code), 0.0) + float(probability)
    language = max(probabilities, key=lambda code: probabilities[code])
    if language == _NO_LANGUAGE or probabilities[language] < _LIKELIEST:
        return None
    return Told(language, probabilities)


def _found(row: dict[str, str | None], config: Config) -> list[Told]:
    asked = f"{row['instruction'] or ''}\n{row['input'] or ''}"
    if TRANSLATION.search(asked) or ABOUT_LANGUAGE.search(asked):
        return []
    texts = (row["instruction"] or "", row["response"] or "")
    return [found for text in texts if (found := told(text, config)) is not None]


def _verdict(label: str, found: list[Told], wanted: frozenset[str] | None, config: Config) -> Verdict:
    for each in found:
        if wanted is not None and _ruled_out(each, wanted, config):
            return Verdict(False, "language_not_wanted", (_score(each, config),))
        if config.as_labelled and label in _known() and _ruled_out(each, {label}, config):
            return Verdict(False, "wrong_language", (_score(each, config),))
    if not found and wanted is not None and label not in wanted:
        return Verdict(False, "language_not_wanted")
    return Verdict(True, scores=tuple(_score(each, config) for each in found[:1]))


def _score(found: Told, config: Config) -> Score:
    return Score(config.label, f"language_{found.language}", found.probabilities[found.language])


def _ruled_out(found: Told, languages: Set[str], config: Config) -> bool:
    return sum(found.probabilities.get(language, 0.0) for language in languages) <= 1 - config.min_confidence


def _plain(language: str | None) -> str:
    code = base_language(language)
    return _SAME.get(code, code)


@cache
def _known() -> frozenset[str]:
    """The languages that can be told: of a label beside these nothing is known."""
    return frozenset(map(_plain, _identifier().labels))


def _identifier() -> "LanguageIdentifier":
    """The model, loaded once a process: half a second and 100 MB."""
    with _LOCK:
        if not _IDENTIFIERS:
            # Imported here, not above: listing the filters must stay cheap.
            from py3langid.langid import MODEL_FILE, LanguageIdentifier

            _IDENTIFIERS.append(LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True))
        return _IDENTIFIERS[0]
