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

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from filters import shingles
from filters.order import BestBy, Keep, judging_order
from filters.rouge_l import Join, Vocabulary, similarities
from filters.shingles import Sets
from filters.text import base_language, calculation, is_unspaced, normalise, same_but_for_case, tokens
from schemas.row import Score
from schemas.stage import Index, Signatures, StageConfig, Verdict

if TYPE_CHECKING:
    from datasketch import LeanMinHash

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


def open_index(config: Config) -> Index:
    """An empty index."""
    return _MinHashIndex(config)


@dataclass(frozen=True, slots=True)
class _Row:
    """One row, ready to be compared."""

    exact: int
    """Equal for rows that differ in case, blanks and the last mark at most."""
    group: int
    """Only rows of one group are compared: same language, and same calculation where it counts."""
    sets: tuple[np.ndarray, ...]
    """Shingles by field."""
    encoded: tuple[str | None, ...]
    """Tokens by field, for ROUGE-L; none where a text is long."""
    sketch: "LeanMinHash | None"
    """None where all fields are empty."""


@dataclass(frozen=True, slots=True)
class _Match:
    """How like a kept row is; each score is the lowest of the row's fields, since all fields must be near."""

    near: bool
    closeness: float
    number: int
    jaccard: float
    rouge_l: float | None


class _MinHashIndex:
    def __init__(self, config: Config) -> None:
        # Imported here, not above: datasketch brings scipy, and listing the filters must stay cheap.
        from datasketch import MinHashLSH

        self._config = config
        self._lsh = MinHashLSH(num_perm=config.num_perm, params=(config.bands, config.rows))
        self._join = None if config.rouge_l is None else Join(config.rouge_l)
        self._vocabulary = Vocabulary()
        self._ids: list[str] = []
        self._rows: list[_Row] = []
        self._exact: dict[int, int] = {}
        self._counts: dict[str, int] = {}

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Arrays: ``exact`` and ``group`` (n), ``hashes`` (n, num_perm), and by field profile, shingles, offsets."""
        texts = _texts(frame, self._config.fields)
        languages = [base_language(language) for language in frame["language"]]
        exact = [[same_but_for_case(text) for text in field] for field in texts]
        guards = [[calculation(text) if self._config.digit_guard else "" for text in field] for field in texts]
        signatures: Signatures = {"exact": _keys(languages, exact), "group": _keys(languages, guards)}
        parts = []
        for place, field in enumerate(texts):
            profiles, sets = _shingle(field, languages, self._config.long_tokens)
            signatures[f"profile_{place}"] = profiles
            signatures[f"shingles_{place}"], signatures[f"offsets_{place}"] = sets.hashes, sets.offsets
            parts.append(sets)
        signatures["hashes"] = _minhashes(parts, self._config.num_perm, self._config.seed)
        return signatures

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> list[Verdict]:
        rows, ids = self._read(frame, signatures), frame["id"].to_list()
        verdicts: dict[int, Verdict] = {}
        for place in judging_order(frame, self._config.keep, self._config.best_by):
            verdicts[place] = verdict = self._judge(rows[place])
            if verdict.keep:
                self._insert(ids[place], rows[place])
        return [verdicts[place] for place in range(frame.height)]

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        for id, row in zip(frame["id"], self._read(frame, signatures), strict=True):
            self._insert(id, row)

    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def _judge(self, row: _Row) -> Verdict:
        label = self._config.label
        if row.sketch is None:
            self._counts["uncompared_empty"] = self._counts.get("uncompared_empty", 0) + 1
            return Verdict(keep=True)
        twin = self._exact.get(row.exact)
        if twin is not None:
            return Verdict(False, "exact_duplicate", (Score(label, "jaccard", 1.0, self._ids[twin]),))
        match = self._nearest(row)
        if match is None:
            return Verdict(keep=True)
        scores = [Score(label, "jaccard", match.jaccard, self._ids[match.number])]
        if match.rouge_l is not None:
            scores.append(Score(label, "rouge_l", match.rouge_l, self._ids[match.number]))
        return Verdict(not match.near, "near_duplicate" if match.near else None, tuple(scores))

    def _nearest(self, row: _Row) -> _Match | None:
        found = {number for number in self._lsh.query(row.sketch) if self._rows[number].group == row.group}
        whole = _whole(row)
        if self._join is not None and whole is not None:
            found.update(self._join.near(row.group, whole))
        matches = self._compare(row, sorted(found))
        return max(matches, key=lambda match: (match.near, match.closeness, -match.number), default=None)

    def _compare(self, row: _Row, candidates: list[int]) -> list[_Match]:
        others = [self._rows[number] for number in candidates]
        jaccard, rouge = np.ones(len(others)), np.ones(len(others))
        closeness, near = np.ones(len(others)), np.ones(len(others), dtype=bool)
        rouge_threshold = self._config.rouge_l or np.inf
        for place in range(len(row.sets)):
            by_shingles = _field_jaccards(row, others, place)
            by_sequence = _field_rouges(row, others, place)
            near &= (by_shingles >= self._config.jaccard) | (by_sequence >= rouge_threshold)
            jaccard, rouge = np.minimum(jaccard, by_shingles), np.minimum(rouge, by_sequence)
            closeness = np.minimum(closeness, np.maximum(by_shingles, by_sequence))
        known = self._config.rouge_l is not None
        return [
            _Match(bool(near[i]), float(closeness[i]), number, float(jaccard[i]), float(rouge[i]) if known else None)
            for i, number in enumerate(candidates)
        ]

    def _insert(self, id: str, row: _Row) -> None:
        if row.sketch is None:
            return
        number = len(self._rows)
        self._ids.append(id)
        self._rows.append(row)
        self._exact.setdefault(row.exact, number)
        self._lsh.insert(number, row.sketch, check_duplication=False)
        whole = _whole(row)
        if self._join is not None and whole is not None:
            self._join.add(number, row.group, whole)

    def _read(self, frame: pl.DataFrame, signatures: Signatures) -> list[_Row]:
        from datasketch import LeanMinHash

        texts = _texts(frame, self._config.fields)
        sets = [Sets(signatures[f"shingles_{i}"], signatures[f"offsets_{i}"]) for i in range(len(texts))]
        rows = []
        for place, language in enumerate(frame["language"]):
            encoded = tuple(
                self._encode(field[place], language, signatures[f"profile_{i}"][place]) for i, field in enumerate(texts)
            )
            group = int(signatures["group"][place])
            # The group is folded into the sketch, so that LSH keeps groups apart: a bijection leaves equal bands
            # equal, and ten thousand sums that differ in their numbers do not become each other's candidates.
            hashes = signatures["hashes"][place] ^ np.uint32(group & 0xFFFFFFFF)
            own = tuple(field[place] for field in sets)
            sketch = LeanMinHash(seed=self._config.seed, hashvalues=hashes, scheme="affine32")
            filled = any(len(part) for part in own)
            rows.append(_Row(int(signatures["exact"][place]), group, own, encoded, sketch if filled else None))
        return rows

    def _encode(self, text: str, language: str | None, profile: int) -> str | None:
        if self._config.rouge_l is None or profile == LONG:
            return None
        return self._vocabulary.encode(tokens(text, language))


def _texts(frame: pl.DataFrame, fields: Fields) -> list[list[str]]:
    """The texts of each compared field, row by row."""
    instructions = [text or "" for text in frame["instruction"]]
    if fields == "instruction":
        return [instructions]
    inputs = [text or "" for text in frame["input"]]
    if fields == "instruction_and_input":
        return [instructions, inputs]
    later = [[turn["content"] or "" for turn in turns or []] for turns in frame["turns"].to_list()]
    responses = [text or "" for text in frame["response"]]
    rows = zip(instructions, inputs, responses, later, strict=True)
    return [["\n".join([*first, *turns]).strip() for *first, turns in rows]]


def _keys(languages: Sequence[str], fields: Sequence[Sequence[str]]) -> np.ndarray:
    """One 64-bit key a row; two different rows in ten million share one with probability 3e-6."""
    rows = ["\0".join(row).encode("utf-8", "surrogatepass") for row in zip(languages, *fields, strict=True)]
    return np.array([int.from_bytes(blake2b(row, digest_size=8).digest(), "big") for row in rows], dtype=np.uint64)


def _shingle(texts: Sequence[str], languages: Sequence[str], long_tokens: int) -> tuple[np.ndarray, Sets]:
    """The profile of each text, and its set of shingles."""
    words = [tokens(text, language) for text, language in zip(texts, languages, strict=True)]
    profiles = np.array([_profile(text, long_tokens) for text in words], dtype=np.uint8)
    short, unspaced, long = (np.flatnonzero(profiles == profile).tolist() for profile in (SHORT, CHARACTERS, LONG))
    parts = [
        (short, shingles.characters([normalise(texts[place]) for place in short], 5)),
        (unspaced, shingles.words([words[place] for place in unspaced], (1, 2))),
        (long, shingles.words([words[place] for place in long], (5,))),
    ]
    return profiles, shingles.join(parts, len(texts))


def _profile(words: list[str], long_tokens: int) -> int:
    if len(words) > long_tokens:
        return LONG
    return CHARACTERS if words and is_unspaced(words) else SHORT


def _minhashes(fields: Sequence[Sets], num_perm: int, seed: int) -> np.ndarray:
    """One signature a row, of the union of its fields' sets, each field's hashes kept apart by a constant.

    If every field has Jaccard >= t then so has the union, so one LSH finds what all fields together decide on.
    """
    from datasketch import MinHash

    marks = [np.uint32(0x9E3779B9 * place & 0xFFFFFFFF) for place in range(len(fields))]
    unions: Any = (
        np.concatenate([sets[row] ^ mark for sets, mark in zip(fields, marks, strict=True)]).tolist()
        for row in range(len(fields[0]))
    )
    # The scheme is written out: datasketch 2.0 changed the default, and saved signatures must not change meaning.
    sketches = MinHash.generator(unions, num_perm=num_perm, seed=seed, scheme="affine32", hashfunc=_hashed_already)
    rows = [sketch.hashvalues for sketch in sketches]
    return np.array(rows, dtype=np.uint32).reshape(len(rows), num_perm)


def _hashed_already(shingle: int) -> int:
    """The hash function for datasketch: shingles are 32-bit hashes."""
    return shingle


def _whole(row: _Row) -> str | None:
    """All tokens of a short row; two rows near in each field by ROUGE-L are near as a whole."""
    return "".join(text or "" for text in row.encoded) if None not in row.encoded else None


def _field_jaccards(row: _Row, others: Sequence[_Row], place: int) -> np.ndarray:
    """Of two empty fields 1; of fields cut in different ways 0, since their hashes have nothing in common."""
    if not len(row.sets[place]):
        return np.array([float(not len(other.sets[place])) for other in others])
    return shingles.jaccards(row.sets[place], [other.sets[place] for other in others])


def _field_rouges(row: _Row, others: Sequence[_Row], place: int) -> np.ndarray:
    """Of two empty fields 1, of a long one 0."""
    own = row.encoded[place]
    if own is None:
        return np.zeros(len(others))
    if not own:
        return np.array([float(other.encoded[place] == "" and not len(other.sets[place])) for other in others])
    return similarities(own, [other.encoded[place] or "" for other in others])
