"""What a window brought: throughput from few answers, and how sure one can be of it.

Little's law gives the throughput from what is in flight and what an answer takes, so that no clock has to run for long
and bursts do not matter. Pure; not here: what follows from it (``window.py``).
"""

import math
from dataclasses import dataclass
from typing import Literal

SURE = 0.03
"""Relative error of a throughput that a decision may rest on, where that does not take too many answers."""
CHUNK = 8
"""Answers, at least, that anything is concluded from."""

Outcome = Literal["answered", "refused", "void"]
"""``void`` says nothing about capacity: a request that is wrong, or was cancelled."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long answers take, or tokens: the geometric mean, which a long tail does not move."""

    seconds: float = math.inf
    doubt: float = 0.0
    """Relative standard error."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a window brought."""

    size: int
    rate: tuple[float, float]
    """Answers a second; completion tokens a second."""
    pace: tuple[Pace, Pace]
    """Of an answer; of a token."""
    spread: tuple[float, float]
    """How much these vary from answer to answer: standard deviation / mean."""
    refused: float
    """Share of refusals."""
    answers: int = 0

    def pace_of_growth(self) -> tuple[Pace, Pace]:
        """The pace, had the window not tripled with each round trip: short answers are back first then, and so are
        too many of those counted. Tilting a log-normal by 1/t lowers its mean logarithm by its variance, by 1/t² by
        twice that; growth does something between.
        """
        first, second = (_shifted(pace, min(1.0, 1.5 * pace.doubt**2 * self.answers)) for pace in self.pace)
        return first, second

    def doubt(self, unit: int) -> float:
        """Relative standard error of ``rate``."""
        return self.spread[unit] / math.sqrt(self.answers) if self.answers > 1 else 0.0


class Sample:
    """What happened since ``start``, once ``before`` requests, all but a few, are gone."""

    def __init__(self, start: float, before: int) -> None:
        self.start = self._changed = start
        self._cohort = before > 0
        self.filling = False
        """Whether the window, as it is now, has not been full yet."""
        self._before = before - before // 10
        self.taken = 0.0
        """Seconds times places taken."""
        self.worked = 0.0
        """Seconds times requests that the endpoint was working on."""
        self.count = 0
        self.refused = 0
        self._lost = 0.0
        self._seconds = Moments()
        self._a_token = Moments()
        self._tokens = 0

    def fill(self, now: float, before: int, full: bool) -> None:
        """A request was sent into a window that had just become larger: it met a queue that was not yet full."""
        self._changed, self._cohort, self._before, self.filling = now, True, before - before // 10, not full

    def add(self, now: float, outcome: Outcome, seconds: float, tokens: int) -> None:
        """A request ended after ``seconds``; an answer had so many completion ``tokens``."""
        old = self._cohort and now - seconds <= self._changed
        if self._before > 0:
            self._before -= old
            self.start, self.taken, self.worked = now, 0.0, 0.0
            return
        if old:
            return
        self.refused += outcome == "refused"
        self.count += outcome != "void"
        if outcome != "answered":
            self._lost += min(seconds, now - self.start)
            return
        self._seconds.add(seconds)
        self._tokens += tokens
        if tokens:
            self._a_token.add(seconds / tokens)

    def enough(self, now: float, size: int, usual: float, most: int) -> bool:
        """Whether a conclusion can rest on it: sure enough, or ``most`` times a window of ``size`` answers."""
        if now - self.start < usual or self.count < max(CHUNK, size):
            return self.count > 0 and now - self.start > 20 * usual + 1
        spread = min(self._seconds.spread, self._a_token.spread) if self._tokens else self._seconds.spread
        return self.count >= min(most * size, 2 * (spread / SURE) ** 2)

    def in_use(self, now: float) -> float:
        """Places taken, on the average."""
        return self.taken / max(now - self.start, 1e-9)

    @property
    def mean(self) -> float:
        """Seconds an answer takes."""
        return self._seconds.mean

    def measure(self, now: float, size: int) -> Measure:
        """What a window of ``size`` brought."""
        answers, total = self._seconds.count, self._seconds.mean * self._seconds.count
        useful = max(0.0, self.worked - self._lost) / max(now - self.start, 1e-9)
        rate = (useful * answers / total, useful * self._tokens / total) if total else (0.0, 0.0)
        pace, spread = (self._seconds.pace, self._a_token.pace), (self._seconds.spread, self._a_token.spread)
        return Measure(size, rate, pace, spread, self.refused / max(1, self.count), answers)


class Moments:
    """Mean and spread of a stream of positive numbers, plain and by logarithm (Welford)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self._squares = 0.0
        self._log_mean = 0.0
        self._log_squares = 0.0

    def add(self, value: float) -> None:
        """One number more."""
        self.count += 1
        gap = value - self.mean
        self.mean += gap / self.count
        self._squares += gap * (value - self.mean)
        log = math.log(max(value, 1e-9))
        gap = log - self._log_mean
        self._log_mean += gap / self.count
        self._log_squares += gap * (log - self._log_mean)

    @property
    def spread(self) -> float:
        """Standard deviation / mean; infinite where nothing can be said."""
        if self.count < 2 or not self.mean:
            return math.inf
        return math.sqrt(self._squares / self.count) / self.mean

    @property
    def pace(self) -> Pace:
        """The geometric mean."""
        if not self.count:
            return Pace()
        return Pace(math.exp(self._log_mean), math.sqrt(self._log_squares) / self.count)


def _shifted(pace: Pace, shift: float) -> Pace:
    return Pace(pace.seconds * math.exp(shift), math.hypot(pace.doubt, shift / 3))


def unit_of(base: Measure) -> int:
    """What to count in: answers, or tokens where the time of an answer goes by its length."""
    return int(base.spread[1] < base.spread[0])


def ratio(found: Measure, base: Measure, unit: int) -> float:
    """How many times the throughput of ``base`` it is."""
    if base.rate[unit] <= 0:
        return math.inf if found.rate[unit] > 0 else 1.0
    return found.rate[unit] / base.rate[unit]


def slowdown(found: Measure, best: tuple[Pace, Pace]) -> tuple[float, float]:
    """How many times as long as at its ``best`` an answer takes, and how uncertain that is (relative).

    By the answer or by the token, whichever has grown less: a queue makes both slower, another kind of task only one.
    """
    measured = [
        (now.seconds / once.seconds, math.hypot(now.doubt, once.doubt))
        for now, once in zip(found.pace, best, strict=True)
        if math.isfinite(now.seconds)
    ]
    return min(measured, default=(0.0, 0.0))


def least(one: tuple[Pace, Pace], other: tuple[Pace, Pace]) -> tuple[Pace, Pace]:
    """The quicker of two paces, of answers and of tokens."""
    first, second = (min(pair, key=lambda pace: pace.seconds) for pair in zip(one, other, strict=True))
    return first, second
