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
FEW, MANY = 5, 12
"""Failures in a row of other kinds (5xx, 429, time-outs, broken connections) after which it is left alone: as many as
requests are in flight, within these bounds…"""
DIFFERENT = 6
"""…where they were about so many requests, or could not be the fault of any."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before the first probe, and at most between two: doubled each time."""


class Breaker:
    """Closed while the endpoint works; open while it is left alone; half open while one probe is out."""

    def __init__(self) -> None:
        self.down_since: float | None = None
        self.why = ""
        """The last failure, for people."""
        self._in_a_row = 0
        self._its_own = 0
        """Of the failures in a row, those that no single request can be the cause of."""
        self._requests: set[str] = set()
        """The requests that the failures in a row were about."""
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

    def sent(self) -> bool:
        """A request is sent; gives whether it is the probe."""
        self._probing = not self.closed
        return self._probing

    def answered(self) -> bool:
        """The endpoint answered; gives whether it had been down."""
        was_down = not self.closed
        self.down_since, self._in_a_row, self._its_own, self._pause = None, 0, 0, FIRST_PAUSE
        self._requests.clear()
        self._probing = False
        return was_down

    def failed(self, now: float, failure: Failure, request: str, probe: bool, in_flight: int = MANY) -> None:
        """An attempt at the ``request`` (its digest) failed, and says something about the endpoint."""
        # Who says 429 is up, and says when to come back: the request itself waits for that.
        useless = MANY if failure.word == "rate_limited" else min(MANY, max(FEW, in_flight))
        self._in_a_row += 1
        self._its_own += not failure.perhaps_the_request
        if len(self._requests) < DIFFERENT:
            self._requests.add(request)
        self.why = f"{failure.word} {failure.detail}".strip()
        if self.closed:
            if failure.word == "unreachable":
                convinced = self._in_a_row >= GONE
            else:
                # A few requests that always get a 500 say nothing about the endpoint.
                convinced = self._its_own >= useless or (self._in_a_row >= useless and self._many)
            if convinced:
                self.down_since = now
                self._open(now, failure)
        elif probe:
            self._open(now, failure)

    def released(self, probe: bool) -> None:
        """An attempt ended without a word of the endpoint; if it was the probe, another may be sent."""
        if probe:
            self._probing = False

    @property
    def _many(self) -> bool:
        """Whether the failures were about many requests."""
        return len(self._requests) >= DIFFERENT

    def _open(self, now: float, failure: Failure) -> None:
        self._probing = False
        if failure.retry_after is None:
            wanted, self._pause = self._pause, min(LONGEST_PAUSE, 2 * self._pause)
        else:
            wanted = failure.retry_after
        self._try_at = now + wanted * random.uniform(1.0, 1.1)
