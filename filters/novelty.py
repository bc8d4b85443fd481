"""Keeps a row only if its instruction is unlike all that were kept before: Self-Instruct's ROUGE-L filter, exactly.

A row goes if its highest ROUGE-L F to an earlier row *exceeds* the threshold (0.7 passes, as in the authors' code;
the paper says "less than 0.7"). Rows are compared with rows of their own language only, each language with its own
tokens and threshold. Not a duplicate filter for whole datasets: it looks at every earlier row (0.1 to 0.5 ms a row,
short or long, while the pool grows to 7,000), and 0.7 also drops different tasks in the same words; use ``minhash``.

Source: Y. Wang et al., "Self-Instruct", arXiv 2212.10560, section 2.2 step 4, and bootstrap_instructions.py of
https://github.com/yizhongw/self-instruct.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import polars as pl
from pydantic import Field

from filters import kernels
from filters.codepoints import encode, flags
from filters.ids import as_bytes
from filters.kernels import text_plain
from filters.near import EXACT, NEAR, Prepared, Rule
from filters.near_fast import FastIndex
from filters.near_index import WORTH
from filters.rouge_l import Nearest, Vocabulary
from filters.text import CHARACTER_LANGUAGES, base_language, tokens
from schemas.stage import Index, Signatures, StageConfig
from schemas.verdicts import Measured, Verdicts

Threshold = Annotated[float, Field(gt=0, le=1)]

_HEAD = "head.json"

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
    record_from: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Rows that stay are scored, too, from this F on; the lower, the slower. Default: those that go.",
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
    return Nearest(exact=not _is_rounded(code))


def _is_rounded(code: str) -> bool:
    # English has the threshold of the Self-Instruct code, and so its rounding; the others have thresholds of ours.
    return code == "en"


INDEX_VERSION = 1
"""Goes up when signatures or saved indexes change their meaning."""


def open_index(config: Config, saved: Path | None = None, worth: int = WORTH) -> Index:
    """The index that ``saved`` holds, which it leaves as it is; an empty one without.

    From ``worth`` rows on it is a compiled one; that is faster, and decides the same.
    """
    return _NoveltyIndex(config, saved, worth)


class _NoveltyIndex:
    """A pool while there are few rows; then an index a language, which looks at few of them and finds the same."""

    def __init__(self, config: Config, saved: Path | None, worth: int) -> None:
        self._config, self._worth = config, worth
        self._novelty = Novelty(config.thresholds)
        self._held: list[tuple[pl.DataFrame, Signatures]] = []
        self._rows = 0
        self._indexes: dict[str, FastIndex] | None = None
        self._counts: dict[str, int] = {}
        if saved is not None:
            head = json.loads((saved / _HEAD).read_text(encoding="utf-8"))
            self._rows = head["rows"]
            self._indexes = {code: self._fast(code, saved / str(place)) for place, code in enumerate(head["languages"])}

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Arrays: ``words`` (uint64, the tokens of all rows) and ``word_ends`` (n + 1, where each row's end)."""
        texts, languages = _texts(frame, self._config.field), [base_language(each) for each in frame["language"]]
        return _hashed(texts, languages)

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> Verdicts:
        self._choose(frame.height)
        decide = self._by_pool if self._indexes is None else self._by_index
        found = decide(frame, signatures)
        empty = int((np.diff(signatures["word_ends"]) == 0).sum())
        if empty:
            self._counts["uncompared_empty"] = self._counts.get("uncompared_empty", 0) + empty
        return found

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        self._choose(frame.height)
        if self._indexes is None:
            texts = _texts(frame, self._config.field)
            for id, text, language in zip(frame["id"], texts, frame["language"], strict=True):
                self._novelty.add(id, text, language)
            self._hold(frame, signatures)
            return
        for language, rows in _by_language(frame):
            index = self._index_of(language)
            index.add(self._prepared(signatures, language), rows, as_bytes(frame["id"]))

    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def save(self, folder: Path) -> bool:
        if self._indexes is None:
            return False
        head = {"rows": self._rows, "languages": list(self._indexes)}
        (folder / _HEAD).write_text(json.dumps(head), encoding="utf-8")
        for place, index in enumerate(self._indexes.values()):
            (folder / str(place)).mkdir()
            index.save(folder / str(place))
        return True

    def _by_pool(self, frame: pl.DataFrame, signatures: Signatures) -> Verdicts:
        ids, texts = frame["id"].to_list(), _texts(frame, self._config.field)
        scores, near = np.zeros(frame.height), np.zeros(frame.height, dtype=bool)
        known = np.zeros(frame.height, dtype=bool)
        neighbours: list[str | None] = [None] * frame.height
        for language, rows in _by_language(frame):
            limit, least = self._novelty.threshold(language), self._least(language)
            places = rows.tolist()
            nearest = self._novelty.sift([ids[row] for row in places], [texts[row] for row in places], language)
            for row, (score, neighbour) in zip(places, nearest, strict=True):
                scores[row], near[row], known[row] = score, score > limit, score > limit or score >= least
                neighbours[row] = neighbour
        self._hold(frame.filter(~pl.Series(near)), _of_rows(signatures, np.flatnonzero(~near)))
        return self._verdicts(near, scores, known, neighbours)

    def _by_index(self, frame: pl.DataFrame, signatures: Signatures) -> Verdicts:
        ids = as_bytes(frame["id"])
        scores, near = np.zeros(frame.height), np.zeros(frame.height, dtype=bool)
        known = np.zeros(frame.height, dtype=bool)
        neighbours: list[str | None] = [None] * frame.height
        for language, rows in _by_language(frame):
            index = self._index_of(language)
            judged = index.judge(self._prepared(signatures, language), rows, ids)
            twins = judged.verdicts[rows] == EXACT
            scores[rows] = np.where(twins, 1.0, np.nan_to_num(judged.rouge_l[rows]))
            near[rows] = twins | (judged.verdicts[rows] == NEAR)
            known[rows] = judged.rows[rows] >= 0
            for row, neighbour in zip(rows.tolist(), index.ids.of(judged.rows[rows]), strict=True):
                neighbours[row] = neighbour
        return self._verdicts(near, scores, known, neighbours)

    def _verdicts(
        self, near: np.ndarray, scores: np.ndarray, known: np.ndarray, neighbours: list[str | None]
    ) -> Verdicts:
        reasons = ["not_novel" if each else None for each in near.tolist()]
        return Verdicts(reasons, (Measured(self._config.label, "rouge_l", scores, known, neighbours),))

    def _least(self, language: str) -> float:
        """The F from which on it is recorded."""
        limit = self._novelty.threshold(language)
        return limit if self._config.record_from is None else min(limit, self._config.record_from)

    def _index_of(self, language: str) -> FastIndex:
        assert self._indexes is not None, "the pool has been left"
        if language not in self._indexes:
            self._indexes[language] = self._fast(language)
        return self._indexes[language]

    def _fast(self, language: str, saved: Path | None = None) -> FastIndex:
        limit = self._novelty.threshold(language)
        rule = Rule(1, None, limit, 0, least=self._least(language), rounded=_is_rounded(language))
        return FastIndex(rule, saved)

    def _prepared(self, signatures: Signatures, language: str) -> Prepared:
        """The rows as the index takes them: by their words alone, each under the hash of them all."""
        words, ends = signatures["words"], signatures["word_ends"]
        count = len(ends) - 1
        exact = text_plain.hashes(words, ends, ends[1:])
        if self._novelty.threshold(language) >= 1:  # nothing exceeds that, not even a twin
            exact = text_plain.mix(np.arange(self._rows, self._rows + count, dtype=np.uint64) + np.uint64(1))
        self._rows += count
        filled = np.diff(ends) > 0
        marks = np.concatenate((np.zeros(1, np.int64), np.cumsum(filled)))
        return Prepared(
            exact, np.zeros(count, np.uint64), np.zeros((count, 0), np.uint32), marks,
            np.zeros(marks[-1], np.uint32), ends, words, np.ones(count, dtype=bool),
        )  # fmt: skip

    def _hold(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        """Remember kept rows, for the indexes to come."""
        self._rows += frame.height
        if kernels.compiled():
            self._held.append((frame.select("id", "language"), signatures))

    def _choose(self, more: int) -> None:
        if self._indexes is not None or not kernels.compiled() or self._rows + more < self._worth:
            return
        self._indexes = {}
        for frame, signatures in self._held:
            self.add(frame, signatures)
        self._held = []


def _by_language(frame: pl.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """The languages, in order, and the places of their rows."""
    languages = np.array([base_language(language) for language in frame["language"]], dtype=object)
    for language in sorted(set(languages.tolist())):
        yield language, np.flatnonzero(languages == language)


def _hashed(texts: Sequence[str], languages: Sequence[str]) -> Signatures:
    """The tokens of each text, as ``text.tokens`` finds them, by their hashes."""
    kernel = kernels.text(len(texts))
    english = np.array([language == "en" for language in languages], dtype=bool)
    # rouge_score sees English as it is written; the kernels see NFKC, which for ASCII is the same.
    odd = np.array([language == "en" and not text.isascii() for text, language in zip(texts, languages, strict=True)])
    block = encode(["" if skip else text for text, skip in zip(texts, odd.tolist(), strict=True)], fold=str)
    words, ends, _ = kernel.tokens(block.points, block.starts, flags(), english)
    if not odd.any():
        return {"words": words, "word_ends": ends}
    found = np.split(words, ends[1:-1])
    for place in np.flatnonzero(odd).tolist():
        raw = [token.encode("utf-32-le", "surrogatepass") for token in tokens(texts[place], "en")]
        points = np.frombuffer(b"".join(raw), dtype=np.uint32)
        starts = np.cumsum([0, *(len(token) // 4 for token in raw)])
        found[place] = text_plain.hashes(points, starts, starts[1:])
    lengths = [len(each) for each in found]
    return {"words": np.concatenate(found), "word_ends": np.cumsum([0, *lengths])}


def _of_rows(signatures: Signatures, rows: np.ndarray) -> Signatures:
    words, ends = signatures["words"], signatures["word_ends"]
    parts = [words[ends[row] : ends[row + 1]] for row in rows.tolist()]
    return {
        "words": np.concatenate([np.zeros(0, np.uint64), *parts]),
        "word_ends": np.cumsum([0, *map(len, parts)]),
    }


def _texts(frame: pl.DataFrame, field: str) -> list[str]:
    instructions = frame["instruction"].fill_null("").to_list()
    if field == "instruction":
        return instructions
    return [f"{text}\n\n{input}" if input else text for text, input in zip(instructions, frame["input"], strict=True)]
