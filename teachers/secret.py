"""A key, and how it is blotted out of what an endpoint says: some repeat it in errors, a few even in completions.

What stands in an error is shown and logged, what stands in a completion becomes a row, so both are cleaned where they
enter, before anything is cut, logged or shown. Not here: where the key comes from and where it is sent (``access.py``).
"""

import re

BLOT = "***"
LONG = 12
"""Characters from which a key is told from a word. Local servers take any key, and people give them `x`, `test` or
`EMPTY`: blotting those out of completions would spoil the rows and protect nothing."""

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")
"""What no encoding of text escapes."""
_BEARER = r"(?i:bearer)(?:\s|%20|\+|\\u0020)+"


class Secret:
    """A key; None is none, and leaves everything as it is."""

    def __init__(self, key: str | None) -> None:
        self._key = key
        if key is None:
            return
        spelt = "".join(map(_spelt, key))
        in_words = in_body = f"(?:{_BEARER})?{spelt}"
        if len(key) < LONG:
            in_words = rf"(?:{_BEARER})?(?<![A-Za-z0-9]){spelt}(?![A-Za-z0-9])"
            in_body = rf"{_BEARER}{spelt}(?![A-Za-z0-9])"
        self._in_words, self._in_body = re.compile(in_words), re.compile(in_body.encode())
        self._anchor = max(_PLAIN.findall(key), key=len, default="")
        self._anchor_bytes = self._anchor.encode()

    def __repr__(self) -> str:
        return f"Secret({BLOT})"

    def blotted(self, words: str) -> str:
        """An endpoint's ``words`` for people, without the key, however short it is."""
        if self._key is None or self._anchor not in words:
            return words
        return self._in_words.sub(BLOT, words)

    def blotted_body(self, body: bytes) -> bytes:
        """The ``body`` of an answer without the key, as JSON may spell it; a short one only where it is sent as one."""
        # Nearly every answer passes here, and nearly none holds the key.
        if self._key is None or self._anchor_bytes not in body:
            return body
        return self._in_body.sub(BLOT.encode(), body)


def _spelt(character: str) -> str:
    """A character of a key in a regular expression: as it is, or as JSON, in JSON once more, and URLs escape it."""
    plain = re.escape(character)
    if _PLAIN.fullmatch(character):
        return plain
    code = f"{ord(character):02x}"
    return rf"(?:\\*{plain}|\\+u00(?i:{code})|%(?i:{code}))"
