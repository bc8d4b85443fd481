"""Texts as arrays of code points, a block of rows at once, and what each code point is to a filter.

Not a second opinion on text: the rules are those of ``text`` (``same_but_for_case``, ``normalise``, ``tokens``,
``calculation``), told as flags of code points, so that a loop over an array can follow them. A test holds the two
together.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from filters.text import TYPOGRAPHY, UNSPACED, WORD, is_dropped

# What a code point is, as bits.
SPACE = 1
"""White space, or a control character."""
GONE = 2
"""Has no shape of its own: zero-width marks."""
PUNCTUATION = 4
"""Carries no meaning between words; ``-*/%&#@\\`` do."""
ENGLISH = 8
"""Part of a word to ``rouge_score``: ``[a-z0-9]``."""
ALONE = 16
"""A word by itself, as in Chinese."""
PART_OF_WORD = 32
"""Part of a word in any language."""
LETTER = 64
WORDISH = 128
"""What a regular expression calls ``\\w``."""
FORMAL = 256
"""May be part of a calculation, wherever it stands."""
BETWEEN = 512
"""May be part of a calculation, but not right behind a word, as in "and/or"."""
STOP = 1024
"""Ends a sentence."""
BANG = 2048
"""Ends a sentence behind a word."""

_COUNT = 0x110000
_ASSIGNED = 0x40000
"""Above are no letters: a quarter of the work."""


@dataclass(frozen=True, slots=True)
class Block:
    """Texts end to end, folded by NFKC and to lower case; text ``i`` is ``points[starts[i]:starts[i + 1]]``."""

    points: np.ndarray
    """uint32."""
    starts: np.ndarray
    """int64, one more than there are texts."""

    def __len__(self) -> int:
        return len(self.starts) - 1


def encode(texts: Sequence[str], fold: Callable[[str], str] = str.casefold) -> Block:
    """The block of ``texts``, in lower case after ``fold``. Takes any text: empty, with NUL, with lone surrogates."""
    # NFKC of the whole block costs twelve times that of the few texts that need it.
    folded = [text if text.isascii() else fold(unicodedata.normalize("NFKC", text)) for text in texts]
    joined = "".join(folded).lower()
    starts = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum([len(text) for text in folded], out=starts[1:])
    if len(joined) != starts[-1]:  # a folded text grew once more: no lower case of ours does, but Unicode may
        lowered = [text.lower() for text in folded]
        joined = "".join(lowered)
        np.cumsum([len(text) for text in lowered], out=starts[1:])
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if not joined.isascii():
        points = _typography(points)
    return Block(points, starts)


def _typography(points: np.ndarray) -> np.ndarray:
    """Quotes and dashes in one form each."""
    changed = points.copy()
    for code, plain in TYPOGRAPHY.items():
        changed[points == code] = plain
    return changed


@cache
def flags() -> np.ndarray:
    """uint16, one a code point: what it is, as bits. Made on first use, in about a tenth of a second."""
    found = np.zeros(_COUNT, dtype=np.uint16)
    every = "".join(map(chr, range(_ASSIGNED)))
    for bit, pattern in _PATTERNS.items():
        for run in re.finditer(f"(?:{pattern})+", every):
            found[run.start() : run.end()] |= np.uint16(bit)
    for code in range(0x10000):
        to = is_dropped(code)
        if to is not None:
            control = unicodedata.category(chr(code)) == "Cc"
            found[code] |= np.uint16(GONE if to == "" else SPACE if control else PUNCTUATION)
    return found


_PATTERNS = {
    SPACE: r"\s",
    ENGLISH: "[a-z0-9]",
    ALONE: f"[{UNSPACED}]",
    PART_OF_WORD: WORD,
    LETTER: r"[^\W\d_]",
    WORDISH: r"\w",
    FORMAL: r"[\d+<=>|^%&\\#*()\[\]{}\u00ac\u00b1\u00d7\u00f7\u2190-\u22ff\u2a00-\u2aff]",
    BETWEEN: r"[-/:!]",
    STOP: r"[.?\u3002]",
    BANG: "!",
}
