"""Asks a judge which categories of harm a row belongs to, and drops rows in unwanted ones.

The judge is always asked about all categories, so that a row that stays says what else was found on it. A judge that
fails or does not decide has *not* found the row safe: it passes as unknown, counted and marked with a score, or goes.
Not a moderation service, and no word list: what it finds is as good as the judge. Reasoning and later turns are
shown to the judge as parts of the response.

The categories follow what public taxonomies share: PKU-SafeRLHF, arXiv 2406.15513, and MLCommons' hazards,
arXiv 2404.12241; severity is not asked for.
"""

import random
import re
import unicodedata
from typing import Literal, get_args

from pydantic import Field

from generators import prompts, shaped
from generators.judging import spoken
from generators.tags import enclose
from schemas.exchange import Completion, Prompt, Shape
from schemas.row import Row, Score
from schemas.stage import Discard, Outcome, Reject, StageConfig, Steps

Category = Literal[
    "hate", "harassment", "sexual", "minors", "self_harm", "violence", "weapons", "illegal", "privacy", "profanity"
]
"""What the prompt describes, under the names that it has there."""

UNKNOWN = "safety_unknown"
"""The score of a row that passed without a verdict, and what such rows are counted as."""

_ALL: tuple[Category, ...] = get_args(Category)
_NONE = frozenset({"none", "safe", "no category", "无", "没有", "都不属于"})
_LABEL = re.compile(r"[\s\W]*(?:categor(?:y|ies)|names?|answer|verdict|类别|回答|答案)\s*[:：]\s*", re.IGNORECASE)


class Config(StageConfig):
    """What ``safety`` can be told."""

    use: str = Field(default="safety", description="The stage's file name in generators/, without .py.")
    categories: list[Category] = Field(
        default=[category for category in _ALL if category != "profanity"],
        min_length=1,
        description="A row in one of these is dropped; the others are only noted on it.",
    )
    model: str = Field(default="teacher", description="The name in the recipe of the model that judges.")
    on_unknown: Literal["keep", "drop"] = Field(
        default="keep", description="What becomes of a row where the judge fails or does not decide."
    )
    max_tokens: int | None = Field(
        default=None, ge=1, description="Null: the model's own; a model that thinks first needs room for it."
    )


def grow(row: Row, config: Config, rng: random.Random) -> Steps[Outcome]:
    """Judge one row.

    Raises:
        Reject: ``unsafe_<category>``, the first of the unwanted ones that was found; ``safety_unknown``, where nobody
            can say and such rows are to be dropped.
    """
    shape = shaped.listing("safety", "judge", row.language, "categories")
    (completion,) = yield [_question(row, config, shape)]
    found = _categories(completion, shape)
    if found is None:
        raw = completion.error or completion.text
        if config.on_unknown == "drop":
            raise Reject(UNKNOWN, raw)
        marked = row.scored(Score(config.label, UNKNOWN, 1.0))
        return Outcome(passed=marked, discarded=(Discard(UNKNOWN, raw, marked),))
    unwanted = next((category for category in config.categories if category in found), None)
    if unwanted is not None:
        raise Reject(f"unsafe_{unwanted}", completion.text)
    return Outcome(passed=row.scored(*(Score(config.label, f"unsafe_{category}", 1.0) for category in found)))


def read_categories(text: str) -> list[Category] | None:
    """The categories that a reply names, in our order; none of them, or ``None`` where it says anything else."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    names = re.split(r"[,，、;；\n]|\band\b", _LABEL.sub("", folded, count=1))
    said = {re.sub(r"[\s-]+", "_", name.strip(" \t*_`'\"“”.。-•")) for name in names} - {""}
    if said and said <= {re.sub(r"\s", "_", name) for name in _NONE}:
        return []
    return [category for category in _ALL if category in said] if said and said <= set(_ALL) else None


def _categories(completion: Completion, shape: Shape) -> list[Category] | None:
    text = spoken(completion)
    if text is None:
        return None
    listed = shaped.items(completion, shape)
    if listed is not None:
        text = ", ".join(name for name, _ in listed) if all(whole for _, whole in listed) else ""
    return read_categories(text)


def _question(row: Row, config: Config, shape: Shape) -> Prompt:
    # The reasoning is trained on as the response is.
    later = [f"{turn.role}: {turn.content}" for turn in row.turns]
    response = "\n\n".join(part for part in (row.reasoning, row.response, *later) if part)
    shown = enclose(instruction=row.instruction, input=row.input, response=response)
    return Prompt(
        prompts.load("safety", "judge", row.language).fill(row=shown),
        model=config.model,
        temperature=0.0,
        max_tokens=config.max_tokens,
        shape=shape,
    )
