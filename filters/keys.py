"""What of a row is compared with other rows, and 64-bit keys of it: equal texts, equal keys.

Not a similarity: texts that differ in anything that the caller has not folded away have different keys. The keys are
the same on every machine and in every process, which Python's own ``hash`` of a string is not.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal

import numpy as np
import polars as pl

Fields = Literal["instruction_and_input", "instruction", "response", "conversation"]


def texts(frame: pl.DataFrame, fields: Fields) -> list[list[str]]:
    """The texts of each compared field, row by row; a conversation is one text, with all its turns."""
    if fields == "response":
        return [[text or "" for text in frame["response"]]]
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


def keys(languages: Sequence[str], fields: Sequence[Sequence[str]]) -> np.ndarray:
    """One uint64 a row, of its language and fields; two different rows in ten million share one with p = 3e-6."""
    rows = ["\0".join(row).encode("utf-8", "surrogatepass") for row in zip(languages, *fields, strict=True)]
    return np.array([int.from_bytes(blake2b(row, digest_size=8).digest(), "big") for row in rows], dtype=np.uint64)
