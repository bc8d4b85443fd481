"""So many requests and tokens a minute: the caps of a recipe, and what an endpoint says of its own.

A cap is a leaky bucket that may run into debt: a request is sent while there is anything left, and its tokens, which
nobody knows before, are taken when it is answered; a running mean stands in for them until then. An endpoint's own
``x-ratelimit-remaining-*`` and ``x-ratelimit-reset-*`` headers (OpenAI's form, which most gateways copy) hold requests
back before it has to say 429.

Pure: the caller says what time it is. Not here: requests in flight (``window.py``).
"""

import re
from collections.abc import Mapping

BURST = 1.0
"""Seconds' worth of a cap that may be sent at once."""
LONGEST = 60.0
"""Seconds, at most, that a header makes us wait: these caps are by the minute."""
_LEARN = 0.1
"""Weight of an answer in the running mean of tokens a request."""
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_COUNT = re.compile(r"[0-9]{1,18}")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


class Bucket:
    """What is left of a cap of ``per_minute``."""

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * BURST)
        self._left = self._most
        self._then = 0.0

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
        self._usual_tokens = 0.0
        self._not_before = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next request may be sent; 0.0 is now."""
        buckets = [bucket.wait(now) for bucket in (self._requests, self._tokens) if bucket is not None]
        return max([self._not_before - now, 0.0, *buckets])

    def sent(self, now: float, guess: float = 0.0) -> float:
        """A request is sent; gives the tokens that were set aside for it: ``guess``, until some were answered."""
        set_aside = self._usual_tokens or guess
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
            self._usual_tokens += (tokens - self._usual_tokens) * (_LEARN if self._usual_tokens else 1.0)

    def told(self, now: float, headers: Mapping[str, str]) -> None:
        """What the endpoint's headers say is left."""
        for kind, least in (("requests", 1.0), ("tokens", max(1.0, self._usual_tokens))):
            left = headers.get(f"x-ratelimit-remaining-{kind}")
            if left is None or not _COUNT.fullmatch(left.strip()) or int(left) >= least:
                continue
            wait = duration(headers.get(f"x-ratelimit-reset-{kind}", ""))
            self._not_before = max(self._not_before, now + min(LONGEST, wait or 0.0))


def duration(text: str) -> float | None:
    """Seconds in ``6m0s``, ``120ms``, ``1h2m`` or ``3.5``; None where there are none."""
    text = text.strip().lower()
    found = _PARTS.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in found)
