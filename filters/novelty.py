"""Keeps a row only if its instruction is unlike all that were kept before: Self-Instruct's ROUGE-L filter, exactly.

A row goes if its highest ROUGE-L F to an earlier row *exceeds* the threshold (0.7 passes, as in the authors' code;
the paper says "less than 0.7"). Rows are compared with rows of their own language only, each language with its own
tokens and threshold. Not a duplicate filter for whole datasets: it looks at every earlier row (0.1 to 0.5 ms a row,
short or long, while the pool grows to 7,000), and 0.7 also drops different tasks in the same words; use ``minhash``.

Source: Y. Wang et al., "Self-Instruct", arXiv 2212.10560, section 2.2 step 4, and bootstrap_instructions.py of
https://github.com/yizhongw/self-instruct.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from filters.rouge_l import Nearest, Vocabulary
from filters.text import CHARACTER_LANGUAGES, base_language, tokens
from schemas.row import Score
from schemas.stage import Index, Signatures, StageConfig, Verdict

Threshold = Annotated[float, Field(gt=0, le=1)]

# English, and other languages with words: the value of the Self-Instruct code.
WORD_THRESHOLD = 0.7

# Languages with character tokens. Chinese instructions share many characters by chance: of 20,465 translated
# instructions whose English sources have no pair above 0.7, 9.8 % exceed 0.7 by characters and 2.0 % exceed 0.8.
CHARACTER_THRESHOLD = 0.8


class Config(StageConfig):
    """What ``novelty`` can be told."""

    use: str = "novelty"
    field: Literal["instruction", "text"] = Field(
        default="instruction", description="What is compared: the instruction, or text: instruction and input."
    )
    thresholds: dict[str, Threshold] = Field(
        default_factory=dict,
        description="ROUGE-L F by language, above which a row is not new. Default: 0.7, and 0.8 for languages "
        "compared by characters (zh, ja, th, lo, my, km).",
    )


class Novelty:
    """The pool by itself, for a method that asks about one text at a time."""

    def __init__(self, thresholds: Mapping[str, float] | None = None) -> None:
        self._thresholds = {base_language(language): value for language, value in (thresholds or {}).items()}
        self._vocabulary = Vocabulary()
        self._pools: dict[str, Nearest] = {}
        self._ids: dict[str, list[str]] = {}

    def threshold(self, language: str | None) -> float:
        """The F above which a text of ``language`` is not new."""
        code = base_language(language)
        return self._thresholds.get(code, CHARACTER_THRESHOLD if code in CHARACTER_LANGUAGES else WORD_THRESHOLD)

    def add(self, id: str, text: str, language: str | None) -> None:
        """``text`` joins the pool untested, as seeds do. A text without tokens is near nothing and stays out."""
        self._join(id, self._encode(text, language), base_language(language))

    def nearest(self, text: str, language: str | None) -> tuple[float, str | None]:
        """The highest F to a text of the pool, and that text's id (the earliest, if several; none, if F is 0)."""
        code = base_language(language)
        if code not in self._pools:
            return 0.0, None
        scores, numbers = self._pools[code].search([self._encode(text, language)])
        return float(scores[0]), self._ids[code][numbers[0]] if numbers[0] >= 0 else None

    def is_new(self, text: str, language: str | None) -> bool:
        """Whether ``text`` is far enough from the whole pool."""
        return self.nearest(text, language)[0] <= self.threshold(language)

    def sift(self, ids: Sequence[str], texts: Sequence[str], language: str | None) -> list[tuple[float, str | None]]:
        """``nearest`` for each text in turn, the new ones joining the pool before the next is looked at.

        The same as a loop over ``nearest`` and ``add``, and several times faster: the pool is searched for all
        texts at once, then each text only among those that have just joined.
        """
        code, limit = base_language(language), self.threshold(language)
        encoded = [self._encode(text, language) for text in texts]
        found = self._pools.setdefault(code, _empty_pool(code)).search(encoded)
        joined, joined_ids = _empty_pool(code), list[str]()
        results: list[tuple[float, str | None]] = []
        for id, query, score, number in zip(ids, encoded, *map(np.ndarray.tolist, found), strict=True):
            neighbour = self._ids[code][number] if number >= 0 else None
            (latest,), (place,) = joined.search([query])
            if latest > score:  # on a tie the earlier row is the neighbour
                score, neighbour = float(latest), joined_ids[place]
            results.append((score, neighbour))
            if query and score <= limit:
                joined.add(query)
                joined_ids.append(id)
                self._join(id, query, code)
        return results

    def _encode(self, text: str, language: str | None) -> str:
        return self._vocabulary.encode(tokens(text, language))

    def _join(self, id: str, encoded: str, code: str) -> None:
        if encoded:
            self._pools.setdefault(code, _empty_pool(code)).add(encoded)
            self._ids.setdefault(code, []).append(id)


def _empty_pool(code: str) -> Nearest:
    # English has the threshold of the Self-Instruct code, and so its rounding; the others have thresholds of ours.
    return Nearest(exact=code != "en")


def open_index(config: Config) -> Index:
    """An empty index."""
    return _NoveltyIndex(config)


class _NoveltyIndex:
    def __init__(self, config: Config) -> None:
        self._config = config
        self._novelty = Novelty(config.thresholds)
        self._counts: dict[str, int] = {}

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Nothing: splitting into tokens is too cheap (some microseconds a row) to be worth a file."""
        return {}

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> list[Verdict]:
        verdicts: dict[int, Verdict] = {}
        ids, texts = frame["id"].to_list(), _texts(frame, self._config.field)
        languages = [base_language(language) for language in frame["language"]]
        for language in sorted(set(languages)):
            rows = [row for row in range(frame.height) if languages[row] == language]
            limit = self._novelty.threshold(language)
            nearest = self._novelty.sift([ids[row] for row in rows], [texts[row] for row in rows], language)
            for row, (score, neighbour) in zip(rows, nearest, strict=True):
                keep = score <= limit
                scores = (Score(self._config.label, "rouge_l", score, neighbour),)
                verdicts[row] = Verdict(keep, None if keep else "not_novel", scores)
        uncompared = sum(not tokens(text, language) for text, language in zip(texts, languages, strict=True))
        if uncompared:
            self._counts["uncompared_empty"] = self._counts.get("uncompared_empty", 0) + uncompared
        return [verdicts[row] for row in range(frame.height)]

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        texts = _texts(frame, self._config.field)
        for id, text, language in zip(frame["id"], texts, frame["language"], strict=True):
            self._novelty.add(id, text, language)

    def counts(self) -> dict[str, int]:
        return dict(self._counts)


def _texts(frame: pl.DataFrame, field: str) -> list[str]:
    instructions = [instruction or "" for instruction in frame["instruction"]]
    if field == "instruction":
        return instructions
    return [f"{text}\n\n{input}" if input else text for text, input in zip(instructions, frame["input"], strict=True)]
