"""Drops near-duplicates by wording: MinHash and LSH find candidates, exact similarity decides.

Three steps, each on what the one before let through: rows that differ in case, blanks and the last mark at most
(``exact_duplicate``); rows whose shingle sets have Jaccard >= 0.7; short rows with ROUGE-L >= 0.8 (both
``near_duplicate``). Instruction and input are compared *field by field*: two questions about one long article are not
duplicates, one task with two inputs is not.

Not a semantic filter: a paraphrase in other words passes (see ``embedding``), and one changed word in a long
instruction is a duplicate even where that word is the point. Nor connected components: a row goes only if it is
near a row that *stays*.

Sources: A. Broder, "On the resemblance and containment of documents", 1997; P. Indyk and R. Motwani, "Approximate
nearest neighbors", 1998; https://ekzhu.com/datasketch/ (MinHash, MinHashLSH). The confirming step and explicit
bands answer datasketch's issues 105 and 129: its own choice for 0.8 finds a pair *at* 0.8 with probability 0.40.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from filters import kernels
from filters.codepoints import GONE, PUNCTUATION, SPACE, Block, encode, flags
from filters.ids import as_bytes
from filters.kernels import text_plain
from filters.keys import texts as compared
from filters.near import EMPTY, EXACT, Judged, Prepared, Rule
from filters.near_index import WORTH, NearIndex
from filters.order import BestBy, Keep, judging_order
from filters.text import base_language, calculation
from schemas.stage import Index, Signatures, StageConfig
from schemas.verdicts import Measured, Verdicts

Fields = Literal["instruction_and_input", "instruction", "conversation"]

SHORT, CHARACTERS, LONG = 0, 1, 2
"""How one text is cut into shingles, by script and length.

- ``SHORT``: character 5-grams. One word changed in ten leaves Jaccard .72; of word 5-grams, .30.
- ``CHARACTERS`` (Chinese and other scripts without spaces): tokens and pairs of them. Character 5-grams find 5 % of
  one- or two-word edits there, these 91 % (with ROUGE-L).
- ``LONG``: token 5-grams. In a long text shorter ones meet by chance, and are many.
"""


class Config(StageConfig):
    """What ``minhash`` can be told."""

    use: str = "minhash"
    fields: Fields = Field(
        default="instruction_and_input",
        description="What is compared, field by field: instruction and input, the instruction, or the conversation "
        "(all its turns as one text).",
    )
    jaccard: float = Field(default=0.7, gt=0, le=1, description="Near from this Jaccard similarity of shingles on.")
    rouge_l: float | None = Field(
        default=0.8, gt=0, le=1, description="Short texts are also near from this ROUGE-L F on; null: by Jaccard only."
    )
    long_tokens: int = Field(default=300, ge=5, description="Texts of more tokens are long: token 5-grams, no ROUGE-L.")
    num_perm: int = Field(default=128, ge=2, le=4096, description="Hash functions in one signature.")
    bands: int = Field(default=25, ge=2, description="LSH bands. More bands find more candidates.")
    rows: int = Field(default=5, ge=1, description="Rows in a band. Fewer rows find more candidates.")
    seed: int = Field(default=1, ge=0, lt=2**32, description="Draws the hash functions.")
    digit_guard: bool = Field(
        default=True,
        description="Rows whose numbers, operators or brackets differ, or their order, are never near: they are other "
        "tasks.",
    )
    keep: Keep = Field(default="first", description="Which of near rows stays: the first, or the best of a shard.")
    best_by: BestBy = Field(
        default="response_length", description="What best means: the longest response, or the highest such score."
    )

    @model_validator(mode="after")
    def _bands_fit(self) -> "Config":
        if self.bands * self.rows > self.num_perm:
            raise ValueError(
                f"bands * rows is {self.bands} * {self.rows} = {self.bands * self.rows}, more than num_perm "
                f"{self.num_perm}; lower bands or rows, or raise num_perm"
            )
        return self


INDEX_VERSION = 1
"""Goes up when signatures or saved indexes change their meaning."""

_BLOCK = 2048
"""Rows whose texts are looked at together."""
_LETTERS = 1_000_000
"""Characters of such a block, at most, unless one row has more."""
_REASONS = np.array([None, "exact_duplicate", "near_duplicate", None], dtype=object)


def open_index(config: Config, saved: Path | None = None, worth: int = WORTH) -> Index:
    """The index that ``saved`` holds, which it leaves as it is; an empty one without.

    From ``worth`` rows on it is a compiled one; that is faster, and decides the same.
    """
    return _MinHashIndex(config, saved, worth)


class _MinHashIndex:
    def __init__(self, config: Config, saved: Path | None, worth: int) -> None:
        self._config = config
        fields = 2 if config.fields == "instruction_and_input" else 1
        rule = Rule(fields, config.jaccard, config.rouge_l, config.bands)
        self._index = NearIndex(rule, saved, worth)
        self._counts: dict[str, int] = {}

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """The arrays of ``near.Prepared``, by name."""
        texts = list(zip(*compared(frame, self._config.fields), strict=True))
        languages = [base_language(each) for each in frame["language"]]
        parts = [
            _prepared(texts[start:stop], languages[start:stop], self._config) for start, stop in _blocks(texts)
        ] or [_prepared([], [], self._config)]
        return {
            name: _ends(np.concatenate([np.diff(part[name]) for part in parts]))
            if name.endswith("_ends")
            else np.concatenate([part[name] for part in parts])
            for name in parts[0]
        }

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> Verdicts:
        order = np.array(judging_order(frame, self._config.keep, self._config.best_by), dtype=np.int64)
        judged = self._index.judge(Prepared(**signatures), order, as_bytes(frame["id"]))
        if empty := int((judged.verdicts == EMPTY).sum()):
            self._counts["uncompared_empty"] = self._counts.get("uncompared_empty", 0) + empty
        return Verdicts(_REASONS[judged.verdicts].tolist(), self._measured(judged))

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        self._index.add(Prepared(**signatures), as_bytes(frame["id"]))

    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def save(self, folder: Path) -> bool:
        return self._index.save(folder)

    def _measured(self, judged: Judged) -> tuple[Measured, ...]:
        label, neighbours, known = self._config.label, self._index.ids.of(judged.rows), judged.rows >= 0
        by_words = known & ~np.isnan(judged.rouge_l) & (judged.verdicts != EXACT)
        return (
            Measured(label, "jaccard", judged.jaccard, known, neighbours),
            Measured(label, "rouge_l", judged.rouge_l, by_words, neighbours),
        )


def _blocks(texts: Sequence[tuple[str, ...]]) -> Iterator[tuple[int, int]]:
    """Where blocks of rows begin and end that are small enough to be looked at together."""
    start = letters = 0
    for place, row in enumerate(texts):
        size = sum(map(len, row))
        if place > start and (letters + size > _LETTERS or place - start >= _BLOCK):
            yield start, place
            start, letters = place, 0
        letters += size
    if start < len(texts):
        yield start, len(texts)


def _prepared(texts: Sequence[tuple[str, ...]], languages: Sequence[str], config: Config) -> Signatures:
    """A block of rows, ready to be compared. All fields of all rows are one list of texts, row by row."""
    kernel, known = kernels.text(len(texts)), flags()
    fields = len(texts[0]) if texts else 1
    flat = [text for row in texts for text in row]
    block = encode(flat)
    spoken = np.repeat(np.array(languages, dtype=object), fields)
    plain = Block(*kernel.fold(block.points, block.starts, known, SPACE, GONE))
    words, word_starts, alone = kernel.tokens(block.points, block.starts, known, spoken == "en")
    counts = np.diff(word_starts)
    profiles = np.where(counts > config.long_tokens, LONG, np.where(2 * alone > counts, CHARACTERS, SHORT))
    sets, set_ends = _shingle(kernel, plain, words, word_starts, profiles)
    ends = kernel.sentence_ends(plain.points, plain.starts, known)
    exact = _row_keys(languages, kernel.hashes(plain.points, plain.starts, ends), fields)
    groups = _row_keys(languages, _guards(kernel, flat, block, config.digit_guard), fields)
    short = (counts <= config.long_tokens).reshape(-1, fields).all(axis=1) & (config.rouge_l is not None)
    compared = np.flatnonzero(np.repeat(short, fields))
    kept_words, kept_starts = _take(words, word_starts, compared)
    lengths = np.zeros(len(flat), dtype=np.int64)
    lengths[compared] = np.diff(kept_starts)
    return {
        "exact": exact, "groups": groups, "keys": _keys(kernel, sets, set_ends, groups, fields, config),
        "set_ends": set_ends, "sets": sets, "word_ends": _ends(lengths), "words": kept_words, "short": short,
    }  # fmt: skip


def _shingle(
    kernel: Any, plain: Block, words: np.ndarray, word_starts: np.ndarray, profiles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The set of shingles of each text, end to end, and where each ends."""
    bare = Block(*kernel.fold(plain.points, plain.starts, flags(), SPACE | PUNCTUATION, GONE))
    # A text of punctuation alone is compared as it is.
    marks = (np.diff(bare.starts) == 0) & (np.diff(plain.starts) > 0) & (profiles == SHORT)
    short, unspaced, long = (np.flatnonzero((profiles == profile) & ~marks) for profile in (SHORT, CHARACTERS, LONG))
    parts = [
        (short, kernel.character_sets(*_take(bare.points, bare.starts, short), 5)),
        (np.flatnonzero(marks), kernel.character_sets(*_take(plain.points, plain.starts, np.flatnonzero(marks)), 5)),
        (unspaced, kernel.token_sets(*_take(words, word_starts, unspaced), np.array([1, 2]))),
        (long, kernel.token_sets(*_take(words, word_starts, long), np.array([5]))),
    ]
    return _merged(parts, len(profiles))


def _guards(kernel: Any, texts: Sequence[str], block: Block, guarded: bool) -> np.ndarray:
    """A hash of each text's calculation, 0 where it has none: what has another one is another task."""
    found = np.zeros(len(texts), dtype=np.uint64)
    if guarded:
        places = np.flatnonzero(kernel.formal(block.points, block.starts, flags()))
        told = encode([calculation(texts[place]) for place in places.tolist()])
        found[places] = np.where(np.diff(told.starts), kernel.hashes(told.points, told.starts, told.starts[1:]), 0)
    return found


def _row_keys(languages: Sequence[str], parts: np.ndarray, fields: int) -> np.ndarray:
    """One 64-bit key a row, of its language and its parts; two rows in ten million share one with probability 3e-6."""
    named = encode(languages)
    key = text_plain.hashes(named.points, named.starts, named.starts[1:])
    for part in parts.reshape(-1, fields).T:
        key = text_plain.mix(key * np.uint64(0x9E3779B97F4A7C15) + part)
    return key


def _keys(
    kernel: Any, sets: np.ndarray, set_ends: np.ndarray, groups: np.ndarray, fields: int, config: Config
) -> np.ndarray:
    """The keys of the bands of each row's signature: of the union of its fields' sets, kept apart by a constant.

    If every field has Jaccard >= t then so has the union, so one LSH finds what all fields together decide on.
    """
    marks = np.tile(np.array([0, 0x9E3779B9], dtype=np.uint32)[:fields], len(groups))
    union = sets if fields == 1 else sets ^ np.repeat(marks, np.diff(set_ends))
    values = kernel.minhashes(union, set_ends[::fields], *permutations(config.num_perm, config.seed))
    keys: np.ndarray = kernel.band_keys(values, groups, config.bands, config.rows)
    return keys


@cache
def permutations(num_perm: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Factors and summands, uint32: datasketch's own, so that signatures are its signatures."""
    # Imported here, not above: datasketch brings scipy, and listing the filters must stay cheap.
    from datasketch import MinHash

    # The scheme is written out: datasketch 2.0 changed the default, and saved signatures must not change meaning.
    a, b = MinHash(num_perm=num_perm, seed=seed, scheme="affine32").permutations
    return np.ascontiguousarray(a, dtype=np.uint32), np.ascontiguousarray(b, dtype=np.uint32)


def _ends(lengths: np.ndarray) -> np.ndarray:
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)))


def _take(values: np.ndarray, starts: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The texts, or sets, of these places."""
    if len(places) == len(starts) - 1:
        return values, starts
    lengths = np.diff(starts)[places]
    ends = _ends(lengths)
    return values[np.arange(ends[-1]) + np.repeat(starts[places] - ends[:-1], lengths)], ends


def _merged(
    parts: Sequence[tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]], count: int
) -> tuple[np.ndarray, np.ndarray]:
    """``count`` sets in order, from parts that each hold the sets of the given places."""
    lengths = np.zeros(count, dtype=np.int64)
    for places, (_, starts) in parts:
        lengths[places] = np.diff(starts)
    ends = _ends(lengths)
    merged = np.zeros(ends[-1], dtype=np.uint32)
    for places, (values, starts) in parts:
        merged[np.arange(len(values)) + np.repeat(ends[places] - starts[:-1], np.diff(starts))] = values
    return merged, ends
