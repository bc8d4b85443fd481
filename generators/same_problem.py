"""Asks a judge whether a row is a benchmark question in other words, where the ``decontaminate`` filter is in doubt.

That filter leaves on each row how near in meaning it is to which question. Rows in the grey zone between ``lowest`` and
``highest`` are asked about; the others pass unasked. The same problem goes, a different one passes. A judge that fails
or does not decide has *not* found the row clean: it passes as unknown, counted and marked with a score, or goes.

The LLM decontaminator, S. Yang et al., arXiv 2311.04850 (whose code takes a failed judge for a clean row).
"""

import random
from typing import Literal, Self

from pydantic import Field, model_validator

from generators import prompts, shaped
from generators.judging import option, spoken
from schemas.benchmarks import BenchmarkConfig, Item
from schemas.exchange import Completion, Prompt, Shape
from schemas.row import Row, Score, text_of
from schemas.stage import Discard, Outcome, Reject, Steps

UNKNOWN = "contamination_unknown"
"""The score of a row that passed without a verdict, and what such rows are counted as."""

# "Cannot tell" first: a reply that names none of them is taken for the first.
_OPTIONS = {"en": ("Cannot tell", "Same", "Different"), "zh": ("无法判断", "相同", "不同")}


class Config(BenchmarkConfig):
    """What ``same_problem`` can be told."""

    use: str = Field(default="same_problem", description="The stage's file name in generators/, without .py.")
    measured_by: str = Field(
        default="decontaminate", description="The stage whose cosine says which rows are in doubt, by its name."
    )
    lowest: float = Field(default=0.7, ge=0, le=1, description="Rows are asked about from this cosine on…")
    highest: float = Field(default=1.0, ge=0, le=1, description="…to this one; both included.")
    model: str = Field(default="teacher", description="The name in the recipe of the model that judges.")
    on_unknown: Literal["keep", "drop"] = Field(
        default="keep", description="What becomes of a row where the judge fails or does not decide."
    )
    max_tokens: int | None = Field(
        default=None, ge=1, description="Null: the model's own; a model that thinks first needs room for it."
    )

    @model_validator(mode="after")
    def _zone_is_open(self) -> Self:
        if self.lowest > self.highest:
            raise ValueError(f"lowest is {self.lowest}, above highest {self.highest}; no row would be asked about")
        return self


def grow(row: Row, config: Config, rng: random.Random) -> Steps[Outcome]:
    """Judge one row, if it is in doubt.

    Raises:
        Reject: ``benchmark_judged``, where it is a benchmark question; ``contamination_unknown``, where nobody can say
            and such rows are to be dropped.
    """
    near = _nearest(row, config)
    if near is None:
        return Outcome(passed=row)
    item = config.named(near.neighbour or "")
    if item is None:  # the files of the two stages differ
        return _unknown(row, f"no question is called {near.neighbour}", near, config)
    (completion,) = yield [_question(row, item, config)]
    same = _verdict(completion, row.language)
    if same:
        raise Reject("benchmark_judged", completion.text)
    if same is None:
        return _unknown(row, completion.error or completion.text, near, config)
    return Outcome(passed=row)


def _nearest(row: Row, config: Config) -> Score | None:
    """The filter's latest cosine, if it is in the grey zone."""
    found = [score for score in row.scores if (score.stage, score.measure) == (config.measured_by, "cosine")]
    return found[-1] if found and config.lowest <= found[-1].value <= config.highest else None


def _question(row: Row, item: Item, config: Config) -> Prompt:
    return Prompt(
        prompts.load("same_problem", "judge", row.language).fill(benchmark=item.text, task=text_of(row)),
        model=config.model,
        temperature=0.0,
        max_tokens=config.max_tokens,
        shape=_shape(row.language),
    )


def _shape(language: str) -> Shape:
    return shaped.choice("same_problem", "judge", language, "verdict", **_OPTIONS)


def _verdict(completion: Completion, language: str) -> bool | None:
    """Whether it is the same problem; ``None`` where the reply failed, was cut, or does not decide."""
    text, shape = spoken(completion), _shape(language)
    if text is None:
        return None
    words = _OPTIONS[prompts.load("same_problem", "judge", language).language]
    said = shaped.chosen(completion, shape) or option(text, words)
    return {words[1]: True, words[2]: False}.get(said or "")


def _unknown(row: Row, raw: str, near: Score, config: Config) -> Outcome:
    if config.on_unknown == "drop":
        raise Reject(UNKNOWN, raw)
    marked = row.scored(Score(config.label, UNKNOWN, 1.0, near.neighbour))
    return Outcome(passed=marked, discarded=(Discard(UNKNOWN, raw, marked),))
