"""The circuit breaker of one endpoint: stops asking when nothing comes back, and tries with one request at a time.

Without it, an endpoint that restarts costs every request in flight all of its attempts within seconds; with it, a
request waits, and the endpoint is found again by a single probe (M. Nygard, "Release It!", "Circuit Breaker").

Pure: the caller says what time it is. Not here: how long the run waits for an endpoint before it stops
(``channel.py``).
"""

import random

from teachers.failures import Failure

GONE = 3
"""Failures in a row, none of them even a connection, after which an endpoint is taken for gone."""
USELESS = 12
"""Failures in a row of other kinds (5xx, 429, time-outs, broken connections) after which it is left alone."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before the first probe, and at most between two: doubled each time."""
_SAYS_NOTHING = frozenset({"refused_request", "wrong_key", "not_found", "no_quota"})
"""Failures of one request or of the recipe; the endpoint is up."""


class Breaker:
    """Closed while the endpoint works; open while it is left alone; half open while one probe is out."""

    def __init__(self) -> None:
        self.down_since: float | None = None
        self.why = ""
        """The last failure, for people."""
        self._in_a_row = 0
        self._pause = FIRST_PAUSE
        self._try_at = 0.0
        self._probing = False

    @property
    def closed(self) -> bool:
        """Whether the endpoint is asked as usual."""
        return self.down_since is None

    def wait(self, now: float) -> float | None:
        """Seconds until a request may be sent: 0.0 is now; None while a probe is out."""
        if self.closed:
            return 0.0
        return None if self._probing else max(0.0, self._try_at - now)

    def sent(self) -> None:
        """A request is sent: the probe, if the endpoint is down."""
        self._probing = not self.closed

    def answered(self) -> bool:
        """The endpoint answered, be it with a refusal of this one request; gives whether it had been down."""
        was_down = not self.closed
        self.down_since, self._in_a_row, self._pause, self._probing = None, 0, FIRST_PAUSE, False
        return was_down

    def failed(self, now: float, failure: Failure) -> None:
        """An attempt failed."""
        if failure.word in _SAYS_NOTHING:
            self.answered()
            return
        self._in_a_row += 1
        self.why = f"{failure.word} {failure.detail}".strip()
        if self.closed and self._in_a_row >= (GONE if failure.word == "unreachable" else USELESS):
            self.down_since = now
            self._open(now, failure)
        elif self._probing:
            self._open(now, failure)

    def released(self) -> None:
        """The probe ended without a word, as when it was cancelled; another may be sent."""
        self._probing = False

    def _open(self, now: float, failure: Failure) -> None:
        self._probing = False
        wanted = max(self._pause, min(failure.retry_after or 0.0, 10 * LONGEST_PAUSE))
        self._try_at = now + wanted * random.uniform(1.0, 1.1)
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)
