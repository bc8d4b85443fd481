"""Replies that cost next to nothing, for load tests: a line that names the request, then words to the length asked.

Not the offline teacher: no parser finds anything in such a text.
"""

import hashlib
from collections.abc import Mapping, Sequence

from teachers.builtin.endpoint import Said

_TEXT = "one lamp over the wide river turns slowly while a small boat waits for rain and calm wind to come"
_WORDS = _TEXT.split()
_MARK_TOKENS = 3
"""What ``echo`` and the 16 digits that name the request count for."""


class Echo:
    """Says about ``tokens`` tokens, the same for the same messages and seed."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        # Each word is one token, so that a text is a slice.
        self._words = (_WORDS * (tokens // len(_WORDS) + 2))[: tokens + len(_WORDS)]

    def __call__(
        self,
        messages: Sequence[Mapping[str, str]],
        *,
        seed: int,
        temperature: float,
        max_tokens: int | None,
        wrong: bool,
    ) -> Said:
        """The reply; ``temperature`` and ``wrong`` change nothing."""
        digest = hashlib.blake2b(str(seed).encode(), digest_size=8)
        for message in messages:
            digest.update(message["content"].encode("utf-8", "surrogatepass"))
        mark = digest.digest()
        cut = max_tokens is not None and max_tokens < self._tokens
        length = max_tokens if cut and max_tokens is not None else self._tokens
        start = mark[0] % len(_WORDS)
        words = self._words[start : start + max(0, length - _MARK_TOKENS)]
        return Said(" ".join(["echo", mark.hex(), *words]), "length" if cut else "stop")
