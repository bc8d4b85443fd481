"""Drops rows that hold somebody's personal data, or a key that opens something.

Looks at every text of a row for what has a form of its own: addresses, telephone numbers, cards, accounts, numbers of
citizens, public IP addresses (``personal``), keys and tokens (``credentials``). What is obviously an example may stay
(``placeholders``). It neither masks nor finds names: a filter keeps a row or drops it. A value that was found appears
in no reason and no score; but a dropped row is written to the rejects *as it is*, so these must be kept as safe as it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args

import polars as pl
from pydantic import Field

from filters import credentials, personal, placeholders
from schemas.errors import RecipeError
from schemas.row import Score
from schemas.stage import KEEP, StageConfig, Verdict

Personal = Literal["email", "phone", "credit_card", "iban", "national_id", "ip_address"]
Secret = Literal[
    "aws_key",
    "github_token",
    "gitlab_token",
    "openai_key",
    "anthropic_key",
    "huggingface_token",
    "google_api_key",
    "slack_token",
    "stripe_key",
    "jwt",
    "private_key",
]
KINDS: tuple[str, ...] = (*get_args(Secret), *get_args(Personal))
"""In the order in which they give a row its reason: what opens something first."""

_TEXTS = ("instruction", "input", "response", "reasoning", "answer", "system_generation", "system")


class Config(StageConfig):
    """What ``pii`` can be told."""

    use: str = "pii"
    kinds: list[Personal | Secret] | None = Field(
        default=None, min_length=1, description="What is looked for. Default: all kinds below."
    )
    regions: list[str] = Field(
        default=["US", "GB", "CN"],
        description="Countries (ISO 3166) whose telephone numbers are known without their +country code.",
    )
    allow_examples: bool = Field(
        default=True,
        description="Whether what is obviously an example may stay: user@example.com, 555-0123, test cards.",
    )


def check(config: Config) -> None:
    """Make sure that the regions are known.

    Raises:
        RecipeError: one is not.
    """
    unknown = personal.unknown_regions(config.regions)
    if unknown:
        raise RecipeError(f"pii.regions: {unknown[0]!r} is not a region; give ISO 3166 codes such as US, GB, CN")


def judge(frame: pl.DataFrame, config: Config) -> list[Verdict]:
    """A verdict a row, in order; how many values of each kind were found are its scores."""
    kinds = [kind for kind in KINDS if config.kinds is None or kind in config.kinds]
    return [_verdict(row, kinds, config) for row in frame.select(*_TEXTS, "turns").iter_rows(named=True)]


def _verdict(row: Mapping[str, Any], kinds: Sequence[str], config: Config) -> Verdict:
    texts = [text for text in (*(row[name] for name in _TEXTS), *_said_later(row)) if text]
    counts = {kind: sum(_count(kind, text, config) for text in texts) for kind in kinds}
    found = {_reason(kind): count for kind, count in counts.items() if count}
    if not found:
        return KEEP
    scores = tuple(Score(config.label, reason, float(count)) for reason, count in found.items())
    return Verdict(False, next(iter(found)), scores)


def _said_later(row: Mapping[str, Any]) -> Iterator[str]:
    for turn in row["turns"] or []:
        yield turn["content"] or ""


def _count(kind: str, text: str, config: Config) -> int:
    if kind in credentials.PATTERNS:
        values, is_example = credentials.find(kind, text), credentials.is_example
    else:
        values, is_example = personal.FINDERS[kind](text, config.regions), placeholders.is_example
    return sum(not (config.allow_examples and is_example(kind, value)) for value in values)


def _reason(kind: str) -> str:
    return f"secret_{kind}" if kind in credentials.PATTERNS else f"pii_{kind}"
