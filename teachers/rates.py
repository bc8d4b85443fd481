"""So many requests and tokens a minute: the caps of a recipe, and what an endpoint says of its own.

A cap is a leaky bucket that may run into debt: a request is sent while there is anything left, and its tokens, which
nobody knows before, are taken when it is answered; a running mean stands in for them until then. An endpoint's own
``x-ratelimit-limit-*``, ``-remaining-*`` and ``-reset-*`` headers (OpenAI's form, which most gateways copy) hold
requests back before it has to say 429: once little is left, they are spaced as the endpoint's own bucket fills up.

Pure: the caller says what time it is. Not here: requests in flight (``window.py``).
"""

import re
from collections.abc import Mapping

BURST = 1.0
"""Seconds' worth of a cap that may be sent at once."""
LONGEST = 60.0
"""Seconds, at most, between two requests because of headers."""
LONGEST_RESET = 31 * 86_400.0
"""Seconds until a quota is whole again; more than this is no span of time, but a date: seconds since 1970."""
LITTLE = 0.05
"""Share of its limit below which an endpoint has little left."""
_LEARN = 0.1
"""Weight of an answer in the running mean of tokens a request."""
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_COUNT = re.compile(r"[0-9]{1,18}")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


class Bucket:
    """What is left of a cap of ``per_minute``."""

    def __init__(self, per_minute: float, left: float | None = None, now: float = 0.0) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * BURST, left or 0.0)
        self._left = self._most if left is None else left
        self._then = now

    def left(self, now: float) -> float:
        """How much there is; less than nothing is a debt."""
        return min(self._most, self._left + max(0.0, now - self._then) * self._rate)

    def take(self, now: float, amount: float) -> None:
        """Use some; may leave a debt."""
        self._left, self._then = self.left(now) - amount, now

    def wait(self, now: float) -> float:
        """Seconds until there is something left."""
        left = self.left(now)
        return 0.0 if left > 0 else (-left + 1e-6) / self._rate


class Rates:
    """The caps of one model."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._requests = Bucket(requests_per_minute) if requests_per_minute else None
        self._tokens = Bucket(tokens_per_minute) if tokens_per_minute else None
        self.usual_tokens = 0.0
        """Of a request; 0 while none was answered."""

    def wait(self, now: float) -> float:
        """Seconds until the next request may be sent; 0.0 is now."""
        return max((cap.wait(now) for cap in (self._requests, self._tokens) if cap is not None), default=0.0)

    def sent(self, now: float, guess: float = 0.0) -> float:
        """A request is sent; gives the tokens that were set aside for it: ``guess``, until some were answered."""
        set_aside = self.usual_tokens or guess
        if self._requests is not None:
            self._requests.take(now, 1)
        if self._tokens is not None:
            self._tokens.take(now, set_aside)
        return set_aside

    def answered(self, now: float, set_aside: float, tokens: int) -> None:
        """The request used so many tokens in all."""
        if self._tokens is not None:
            self._tokens.take(now, tokens - set_aside)
        if tokens:
            self.usual_tokens += (tokens - self.usual_tokens) * (_LEARN if self.usual_tokens else 1.0)


class Told:
    """What one endpoint's headers say of its own caps, while there is little left."""

    def __init__(self) -> None:
        self._left: dict[str, Bucket] = {}
        """Of requests, of tokens."""
        self._not_before: dict[str, float] = {}
        """Where nothing is left, and no limit was told that it could fill up to."""
        self._since = 0.0
        """When a request was last sent, or answered."""

    def wait(self, now: float) -> float:
        """Seconds until the next request may be sent; 0.0 is now."""
        # A progress display looks from another thread: it must not go through a dictionary that changes.
        waits = [bucket.wait(now) for bucket in tuple(self._left.values())]
        waits += [until - now for until in tuple(self._not_before.values())]
        return max(0.0, min(max(waits, default=0.0), self._since + LONGEST - now))

    def sent(self, now: float, tokens: float) -> None:
        """A request is sent that will use about so many tokens."""
        self._since = now
        for kind, bucket in self._left.items():
            bucket.take(now, 1 if kind == "requests" else tokens)

    def hear(self, now: float, headers: Mapping[str, str], usual_tokens: float = 0.0) -> None:
        """An answer's headers: what is left, and in which time all of it will be there again."""
        self._since = now
        for kind, least in (("requests", 1.0), ("tokens", max(1.0, usual_tokens))):
            left, limit = (_count(headers.get(f"x-ratelimit-{name}-{kind}")) for name in ("remaining", "limit"))
            if left is None:
                continue
            before = self._left.pop(kind, None)
            self._not_before.pop(kind, None)
            reset = duration(headers.get(f"x-ratelimit-reset-{kind}", "")) or 0.0
            if left > max(least, LITTLE * (limit or 0)) or not 0 < reset <= LONGEST_RESET:
                continue
            if limit and limit > left:
                # What was sent after this request is missing in its count, and not in ours.
                known = float(left) if before is None else min(left, before.left(now))
                self._left[kind] = Bucket(60 * (limit - left) / reset, known, now)
            elif left < least:
                self._not_before[kind] = now + reset


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and _COUNT.fullmatch(text.strip()) else None


def duration(text: str) -> float | None:
    """Seconds in ``6m0s``, ``120ms``, ``1h2m`` or ``3.5``; None where there are none."""
    text = text.strip().lower()
    found = _PARTS.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in found)
