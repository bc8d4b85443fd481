"""Measures a row in the tokens of a named tokenizer, and drops what is too short or too long for a trainer.

``words`` needs no model: words, or characters in Chinese and other scripts without spaces. Any other name is a Hugging
Face tokenizer; the whole conversation is then counted through its chat template, if it has one, so that markers
of turns count as they will in training. Not a judge of verbosity, and it never cuts: a row is kept whole or goes.

Source: chat templates, https://huggingface.co/docs/transformers/chat_templating.
"""

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from filters.text import tokens, without_surrogates
from schemas.errors import RecipeError
from schemas.messages import NEEDED, Message, Reasoning, messages_of
from schemas.stage import StageConfig
from schemas.verdicts import Measured, Verdicts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WORDS = "words"
PARTS = ("instruction", "response", "conversation")

# What a usable chat template must be able to write.
_SAMPLE = [Message(role="user", content="2 + 2?"), Message(role="assistant", content="4")]

# A tokenizer of the tokenizers library is changed by a call (its padding and truncation), and is shared by threads.
_LOCK = threading.Lock()
_TOKENIZERS: dict[str, "PreTrainedTokenizerBase"] = {}

Limit = int | None


class Config(StageConfig):
    """What ``length`` can be told. Without limits it only measures."""

    use: str = "length"
    tokenizer: str = Field(
        default=WORDS,
        min_length=1,
        description="words (words, or characters in scripts without spaces; needs no model), a folder with a "
        "tokenizer, or a name in the local Hugging Face cache; never downloaded.",
    )
    min_instruction: Limit = Field(default=None, ge=0, description="Tokens an instruction with its input has at least.")
    max_instruction: Limit = Field(default=None, ge=1, description="Tokens an instruction with its input has at most.")
    min_response: Limit = Field(default=None, ge=0, description="Tokens a response has at least.")
    max_response: Limit = Field(default=None, ge=1, description="Tokens a response has at most.")
    min_conversation: Limit = Field(default=None, ge=0, description="Tokens the whole conversation has at least.")
    max_conversation: Limit = Field(
        default=None, ge=1, description="Tokens the whole conversation has at most: the trainer's window."
    )
    reasoning: Reasoning = Field(
        default="think", description="Where the trace stands in the conversation: as in output.reasoning."
    )

    @model_validator(mode="after")
    def _ranges_are_open(self) -> "Config":
        for part in PARTS:
            low, high = self.limits(part)
            if low is not None and high is not None and low > high:
                raise ValueError(f"min_{part} is {low}, above max_{part} {high}; no row could pass")
        return self

    def limits(self, part: str) -> tuple[Limit, Limit]:
        """The least and the most tokens that a part may have."""
        return getattr(self, f"min_{part}"), getattr(self, f"max_{part}")


def check(config: Config) -> None:
    """Load the tokenizer and try its chat template.

    Raises:
        RecipeError: it cannot be loaded, or its template cannot write a question and an answer.
    """
    if config.tokenizer == WORDS:
        return
    tokenizer = load_tokenizer(config.tokenizer)
    if tokenizer.chat_template and _rendered(tokenizer, _SAMPLE) is None:
        raise RecipeError(
            f"length.tokenizer: the chat template of {config.tokenizer!r} refuses a question with an answer; "
            "give a tokenizer with the template that you will train with, or none"
        )


def judge(frame: pl.DataFrame, config: Config) -> Verdicts:
    """A verdict a row, in order; the lengths are scores, ``instruction_tokens`` and so on.

    A conversation that the chat template refuses, such as one that begins with the assistant, could not be trained on
    and goes as ``template_refused``.
    """
    counter: _Counter = _Words() if config.tokenizer == WORDS else _HuggingFace(load_tokenizer(config.tokenizer))
    languages = frame["language"].to_list()
    pairs = zip(frame["instruction"], frame["input"], strict=True)
    chats = [messages_of(row, config.reasoning) for row in frame.select(NEEDED).iter_rows(named=True)]
    lengths = {
        "instruction": counter.texts(["\n\n".join(filter(None, pair)) for pair in pairs], languages),
        "response": counter.texts([text or "" for text in frame["response"]], languages),
        "conversation": counter.chats(chats, languages),
    }
    reasons: list[str | None] = [None] * frame.height
    for part in reversed(PARTS):  # the reason of the first part stands
        _mark(reasons, lengths[part], part, *config.limits(part))
    for row in np.flatnonzero(lengths["conversation"] < 0).tolist():
        reasons[row] = "template_refused"
    return Verdicts(reasons, tuple(_score(config.label, part, lengths[part]) for part in PARTS))


def _mark(reasons: list[str | None], lengths: np.ndarray, part: str, low: Limit, high: Limit) -> None:
    for row, length in enumerate(lengths.tolist()):
        if low is not None and length < low:
            reasons[row] = f"{part}_too_short"
        elif high is not None and length > high:
            reasons[row] = f"{part}_too_long"


def _score(stage: str, part: str, lengths: np.ndarray) -> Measured:
    return Measured(stage, f"{part}_tokens", lengths.astype(np.float64), lengths >= 0, [None] * len(lengths))


class _Counter(Protocol):
    def texts(self, texts: Sequence[str], languages: Sequence[str | None]) -> np.ndarray:
        """Tokens a text, int64."""
        ...

    def chats(self, chats: Sequence[Sequence[Message]], languages: Sequence[str | None]) -> np.ndarray:
        """Tokens a conversation, int64; -1 where it cannot be written as one."""
        ...


class _Words:
    def texts(self, texts: Sequence[str], languages: Sequence[str | None]) -> np.ndarray:
        pairs = zip(texts, languages, strict=True)
        return np.array([len(tokens(text, language)) for text, language in pairs], dtype=np.int64)

    def chats(self, chats: Sequence[Sequence[Message]], languages: Sequence[str | None]) -> np.ndarray:
        pairs = zip(chats, languages, strict=True)
        counts = [sum(len(tokens(message["content"], language)) for message in chat) for chat, language in pairs]
        return np.array(counts, dtype=np.int64)


class _HuggingFace:
    def __init__(self, tokenizer: "PreTrainedTokenizerBase") -> None:
        self._tokenizer = tokenizer

    def texts(self, texts: Sequence[str], languages: Sequence[str | None]) -> np.ndarray:
        return self._count(texts, special=False)

    def chats(self, chats: Sequence[Sequence[Message]], languages: Sequence[str | None]) -> np.ndarray:
        if not self._tokenizer.chat_template:
            joined = ["\n\n".join(message["content"] for message in chat) for chat in chats]
            return self._count(joined, special=True)
        written = [_rendered(self._tokenizer, chat) for chat in chats]
        # A template writes the special tokens itself.
        counted = self._count([text or "" for text in written], special=False)
        return np.where([text is None for text in written], -1, counted)

    def _count(self, texts: Sequence[str], *, special: bool) -> np.ndarray:
        if not texts:
            return np.zeros(0, dtype=np.int64)
        with _LOCK:
            encoded = self._tokenizer(
                [without_surrogates(text) for text in texts],
                add_special_tokens=special,
                truncation=False,
                return_attention_mask=False,
                verbose=False,
            )
        return np.array([len(ids) for ids in encoded["input_ids"]], dtype=np.int64)


def _rendered(tokenizer: "PreTrainedTokenizerBase", chat: Sequence[Message]) -> str | None:
    """The conversation as the template writes it; none where the template raises an error."""
    from jinja2 import TemplateError

    plain: Any = [{**message, "content": without_surrogates(message["content"])} for message in chat]
    try:
        return str(tokenizer.apply_chat_template(plain, tokenize=False))
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError):  # a template is a program
        return None


def load_tokenizer(name: str) -> "PreTrainedTokenizerBase":
    """The tokenizer, loaded once a process; code that comes with one is never run.

    Raises:
        RecipeError: it cannot be loaded.
    """
    with _LOCK:
        if name not in _TOKENIZERS:
            try:
                _TOKENIZERS[name] = _load(name)
            except Exception as error:  # whatever transformers or the hub raise, the recipe names the tokenizer
                first = (str(error).strip().splitlines() or [type(error).__name__])[0]
                raise RecipeError(
                    f"length.tokenizer: {name!r} cannot be loaded ({first}); give {WORDS}, or a folder with a "
                    "tokenizer.json, or fetch it first: hf download NAME"
                ) from error
        return _TOKENIZERS[name]


def _load(name: str) -> "PreTrainedTokenizerBase":
    if find_spec("transformers") is None:
        raise ModuleNotFoundError("the package transformers is not installed")
    path = str(Path(name).expanduser())
    if name.startswith((".", "/", "~")) and not Path(path).is_dir():
        raise FileNotFoundError("no such folder")
    # Imported here, not above: it takes seconds, and listing the filters must stay cheap.
    from transformers import AutoTokenizer

    # Only what is here: a download would differ from one day to the next, and a wrong name would be asked for again
    # and again, for a minute.
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        path if Path(path).is_dir() else name, local_files_only=True, trust_remote_code=False
    )
    return loaded
