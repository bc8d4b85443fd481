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
"""Seconds, at most, that a header makes us wait: these caps are by the minute."""
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
        self._most = max(1.0, self._rate * BURST)
        self._left = self._most if left is None else left
        self._then = now

    def take(self, now: float, amount: float) -> None:
        """Use some; may leave a debt."""
        self._fill(now)
        self._left -= amount

    def wait(self, now: float) -> float:
        """Seconds until there is something left."""
        self._fill(now)
        return 0.0 if self._left > 0 else (-self._left + 1e-6) / self._rate

    def _fill(self, now: float) -> None:
        self._left = min(self._most, self._left + max(0.0, now - self._then) * self._rate)
        self._then = now


class Rates:
    """The caps of one model."""

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._requests = Bucket(requests_per_minute) if requests_per_minute else None
        self._tokens = Bucket(tokens_per_minute) if tokens_per_minute else None
        self._told: dict[str, Bucket] = {}
        """What the endpoint's headers say is nearly used up: requests, tokens."""
        self._usual_tokens = 0.0
        self._not_before = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may be sent; 0.0 is now."""
        caps = (self._requests, self._tokens, *self._told.values())
        buckets = [bucket.wait(now) for bucket in caps if bucket is not None]
        return max([self._not_before - now, 0.0, *buckets])

    def sent(self, now: float, guess: float = 0.0) -> float:
        """A request is sent; gives the tokens that were set aside for it: ``guess``, until some were answered."""
        set_aside = self._usual_tokens or guess
        if self._requests is not None:
            self._requests.take(now, 1)
        if self._tokens is not None:
            self._tokens.take(now, set_aside)
        for kind, bucket in self._told.items():
            bucket.take(now, 1 if kind == "requests" else set_aside)
        return set_aside

    def answered(self, now: float, set_aside: float, tokens: int) -> None:
        """The request used so many tokens in all."""
        if self._tokens is not None:
            self._tokens.take(now, tokens - set_aside)
        if tokens:
            self._usual_tokens += (tokens - self._usual_tokens) * (_LEARN if self._usual_tokens else 1.0)

    def told(self, now: float, headers: Mapping[str, str]) -> None:
        """What the endpoint's headers say is left, and in which time all of it will be there again."""
        for kind, least in (("requests", 1.0), ("tokens", max(1.0, self._usual_tokens))):
            left, limit = (_count(headers.get(f"x-ratelimit-{name}-{kind}")) for name in ("remaining", "limit"))
            if left is None:
                continue
            wait = duration(headers.get(f"x-ratelimit-reset-{kind}", "")) or 0.0
            if left > max(least, LITTLE * (limit or 0)):
                self._told.pop(kind, None)
            elif limit and wait and limit > left:
                if kind not in self._told:
                    self._told[kind] = Bucket(60 * (limit - left) / wait, float(left), now)
            elif left < least:
                self._not_before = max(self._not_before, now + min(LONGEST, wait))


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and _COUNT.fullmatch(text.strip()) else None


def duration(text: str) -> float | None:
    """Seconds in ``6m0s``, ``120ms``, ``1h2m`` or ``3.5``; None where there are none."""
    text = text.strip().lower()
    found = _PARTS.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in found)
