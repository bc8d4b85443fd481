"""Drops rows whose response or reasoning repeats itself, by the measures of Gopher's repetition rules.

Lines and paragraphs that occurred before, the most frequent 2- to 4-gram, and 5- to 10-grams that occurred before:
each as a share of the text, each a score. Two things differ from web pages, for which the rules were made. Texts are
short, so an n-gram counts as frequent from ``min_occurrences`` on, and duplicate n-grams may take two and a half
times the share: with the paper's own limits 32 % of GSM8K's answers of 40 words and more would go. And in Chinese and
other scripts without spaces tokens are characters, so n-grams are twice as long there: a word has about two.

Rows that ask for repetition are not judged. ``heuristics`` has a coarser check of its own.

Source: J. Rae et al., "Scaling Language Models: Methods, Analysis & Insights from Training Gopher", arXiv 2112.11446,
appendix A1, table A1.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import polars as pl
from pydantic import Field

from filters.ngrams import corpus, duplicate_shares, top_shares
from filters.phrases import REPEATING
from filters.text import is_unspaced, tokens
from schemas.stage import StageConfig
from schemas.verdicts import Measured, Verdicts

Share = Annotated[float, Field(gt=0, le=1)]
Length = Annotated[int, Field(ge=2, le=20)]

# Fewer lines or paragraphs are no pattern, and a line of three characters is a bracket.
_FEW = 4
_LINE = 4

# A word has about so many characters where a character is a token.
_CHARACTERS = 2


class Config(StageConfig):
    """What ``repetition`` can be told."""

    use: str = "repetition"
    min_tokens: int = Field(
        default=50,
        ge=1,
        description="Words of a text that is judged (twice as many characters in Chinese and the like).",
    )
    max_duplicate_lines: Share = Field(default=0.3, description="Share of lines that occurred before.")
    max_duplicate_paragraphs: Share = Field(default=0.3, description="Share of paragraphs that occurred before.")
    max_top_ngram: dict[Length, Share] = Field(
        default={2: 0.2, 3: 0.18, 4: 0.16}, description="By n: share of characters in the most frequent n-gram."
    )
    min_occurrences: int = Field(default=8, ge=2, description="Times that an n-gram occurs to be called frequent.")
    max_duplicate_ngrams: dict[Length, Share] = Field(
        default={5: 0.38, 6: 0.35, 7: 0.32, 8: 0.3, 9: 0.28, 10: 0.25},
        description="By n: share of characters in n-grams that occurred before.",
    )

    def limits(self) -> dict[str, tuple[float, str]]:
        """By measure: the highest share that passes, and the reason of a row that exceeds it."""
        return {
            "duplicate_lines": (self.max_duplicate_lines, "repeated_lines"),
            "duplicate_paragraphs": (self.max_duplicate_paragraphs, "repeated_paragraphs"),
            **{f"top_{n}gram": (share, "frequent_ngram") for n, share in self.max_top_ngram.items()},
            **{f"duplicate_{n}gram": (share, "repeated_ngrams") for n, share in self.max_duplicate_ngrams.items()},
        }


def judge(frame: pl.DataFrame, config: Config) -> Verdicts:
    """A verdict a row, in order; each measure is that of the row's worst text: response, reasoning or a later turn."""
    owners, texts, words = _texts(frame, config)
    shares = {name: np.zeros(frame.height) for name in config.limits()}
    for name, values in _measures(texts, words, config).items():
        np.maximum.at(shares[name], owners, values)
    known = np.zeros(frame.height, dtype=bool)
    known[owners] = True
    reasons: list[str | None] = [None] * frame.height
    for name, (limit, reason) in reversed(config.limits().items()):  # the reason of the first measure stands
        for row in np.flatnonzero(shares[name] > limit).tolist():
            reasons[row] = reason
    nobody: list[str | None] = [None] * frame.height
    measured = (Measured(config.label, name, values, known, nobody) for name, values in shares.items())
    return Verdicts(reasons, tuple(measured))


def _texts(frame: pl.DataFrame, config: Config) -> tuple[np.ndarray, list[str], list[list[str]]]:
    """The texts that are long enough to be judged: the rows that they stand in, the texts, and their tokens."""
    owners, texts, words = [], [], []
    columns = ["instruction", "response", "reasoning", "turns", "language"]
    for number, row in enumerate(frame.select(columns).iter_rows(named=True)):
        for text in [] if REPEATING.search(row["instruction"] or "") else _said(row):
            found = tokens(text, row["language"])
            if len(found) >= config.min_tokens * (_CHARACTERS if is_unspaced(found) else 1):
                owners.append(number)
                texts.append(text)
                words.append(found)
    return np.array(owners, dtype=np.int64), texts, words


def _said(row: Mapping[str, Any]) -> list[str]:
    later = [turn["content"] for turn in row["turns"] or [] if turn["role"] == "assistant"]
    return [text for text in (row["response"], row["reasoning"], *later) if text]


def _measures(texts: Sequence[str], words: Sequence[list[str]], config: Config) -> dict[str, np.ndarray]:
    """Each measure of each text."""
    found = {
        "duplicate_lines": np.array([_repeated(_lines(text)) for text in texts]),
        "duplicate_paragraphs": np.array([_repeated(_paragraphs(text)) for text in texts]),
    }
    unspaced = np.array([is_unspaced(each) for each in words], dtype=bool)
    for factor, places in ((1, np.flatnonzero(~unspaced)), (_CHARACTERS, np.flatnonzero(unspaced))):
        part = corpus([words[place] for place in places.tolist()])
        tops = top_shares(part, {n * factor for n in config.max_top_ngram}, config.min_occurrences)
        duplicates = duplicate_shares(part, {n * factor for n in config.max_duplicate_ngrams})
        for kind, by_length in (("top", tops), ("duplicate", duplicates)):
            for n, shares in by_length.items():
                found.setdefault(f"{kind}_{n // factor}gram", np.zeros(len(texts)))[places] = shares
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if len(line.strip()) >= _LINE]


def _paragraphs(text: str) -> list[str]:
    blocks = "\n".join(line.strip() for line in text.splitlines()).split("\n\n")
    return [block.strip() for block in blocks if len(block.strip()) >= _LINE]


def _repeated(items: Sequence[str]) -> float:
    """The share of items that occurred before."""
    return 1 - len(set(items)) / len(items) if len(items) >= _FEW else 0.0
