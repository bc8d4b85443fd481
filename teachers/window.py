"""How many requests an endpoint can take: a window that finds it out by itself.

Paid endpoints say 429 when they have enough. Self-hosted ones mostly queue without a word, and all that shows it is
that more requests in flight bring no more answers. So the judge is throughput: a window is right if the next larger
one would bring hardly more, and the next smaller one clearly less. Little's law gives the throughput of a window from
few answers and without a clock of its own: requests in flight / seconds an answer takes.

- **start**: the window grows with each answer, as TCP's slow start does (RFC 9438, §4.10), until answers take
  visibly longer or a quarter of them are refusals.
- **hold**: measure. From time to time try the next larger window, at growing intervals; where answers take longer than
  they once did, or refusals come, the next smaller one.
- **up**, **down**: a trial. It stands if throughput agrees, else the window goes back.

Refusals (429, 503, time-outs) that come as often in a smaller window are not caused by us, and are lived with.

Pure: no clock, no I/O; the caller says what happened when. Not here: who waits for a place (``gate.py``), fixed caps
by the minute (``rates.py``), endpoints that are down (``breaker.py``).
"""

import math
from dataclasses import replace
from typing import Literal

from teachers.measure import CHUNK, Measure, Outcome, Pace, Sample, least, ratio, slowdown, unit_of

START = 4
"""Requests in flight at first: few enough for a laptop."""
GROWTH, SMALL = 2, 48
"""By how much an answer widens the window at first: it is tripled with every round trip, and quadrupled while small."""
STEP = math.sqrt(2)
"""Ratio of a window to the next smaller one that is tried: two steps double it."""
LEAP = 4.0
"""The largest step down at once, where answers take several times as long as they need to."""
GAIN = 0.12
"""A window k times as large is worth it if it brings k**GAIN times the throughput: 4 % for one step of 41 %."""
SLOWER = 1.25
"""Answers that take so much longer than they once did may be waiting in a queue: a smaller window is worth a trial."""
FADE = 1.005
"""By how much the memory of the quickest answers fades with each measurement: slowly, or a queue that stands for a few
seconds is what it remembers."""
SLOW_START_ENDS = 2.0
"""Slow start ends when answers take so many times as long as the quickest did."""
REFUSED = 0.05
"""The share of refusals that is worth a trial of a smaller window, beyond what was found to be no fault of ours."""
STORM = 0.25
"""The share of refusals that ends slow start."""
BASE, MOST = 4, 16
"""Answers, at most, that a conclusion waits for, as multiples of the window: for what a trial is compared with, and for
the trial itself."""
FULL = 0.85
"""Of the window that must be in use for a measurement to mean anything."""
USUAL = 0.1
"""Weight of an answer in the running mean of what answers take."""
SOON, LATE = 2.0, 15.0
"""Seconds between two trials in the same direction: doubled, up to the second, while they fail; and no less than…"""
PATIENT = 4
"""…so many answers' times, doubled likewise."""

RARELY = 60.0
"""Seconds, and answers' times, after which a smaller window is tried for no reason at all: nothing else would show that
what seemed quick had always waited in a queue."""


class Window:
    """The window of one endpoint: at most ``cap`` requests, found out unless ``adaptive`` is off."""

    def __init__(self, cap: int, adaptive: bool = True) -> None:
        self.cap = cap
        self.adaptive = adaptive
        self.size = min(cap, START) if adaptive else cap
        self.in_flight = 0
        """Places taken, those of refused requests included."""
        self.mode: Literal["start", "hold", "up", "down"] = "start" if adaptive and cap > START else "hold"
        self._base: Measure | None = None
        self._quickest = (Pace(), Pace())
        self._tolerated = 0.0
        self._pause = {"up": SOON, "down": SOON}
        self._next = {"up": 0.0, "down": 0.0}
        self._now = 0.0
        self._usual = 0.0
        self._settled = math.inf
        """Seconds that answers took before slow start met any resistance."""
        self._grown_to = 0
        """How large it was when slow start was last looked at."""
        self._crowds = 0
        """Measurements in a row by which the window is too large."""
        self._backlog = 0
        """Looks in a row at which the endpoint said that requests wait."""
        self._idle = 0
        """Places of refused requests, which the endpoint is not working on."""
        self._begun = False
        self._sample = Sample(0.0, 0)

    @property
    def usual(self) -> float:
        """Seconds that answers take these days; 0 while there was none."""
        return self._usual

    def enter(self, now: float) -> None:
        """A request is sent."""
        self._pass(now)
        self.in_flight += 1
        if not self._begun:
            # The first to come back are the quickest of those that were sent together.
            self._sample = Sample(now, self.in_flight)
        elif self._sample.filling:
            self._sample.fill(now, self.in_flight - self._idle, self.in_flight >= self.size)

    def answer(self, now: float, seconds: float, tokens: int = 0) -> None:
        """A request was answered after ``seconds``, with so many completion ``tokens``; its place is free."""
        self._usual += (seconds - self._usual) * (USUAL if self._usual else 1.0)
        self._leave(now, "answered", seconds, tokens)

    def refuse(self, now: float, seconds: float) -> None:
        """A request was refused after ``seconds``. Its place stays taken until ``free``."""
        self._leave(now, "refused", seconds)
        self.in_flight += 1
        self._idle += 1

    def free(self, now: float) -> None:
        """The place of a refused request is free again."""
        self._pass(now)
        self._idle -= 1
        self.in_flight -= 1

    def drop(self, now: float, seconds: float) -> None:
        """A request ended in a way that says nothing about capacity: it was wrong, or cancelled."""
        self._leave(now, "void", seconds)

    def observe(self, now: float, waiting: int, full: bool = False) -> None:
        """What the endpoint itself says: so many requests wait in its queue; its memory is ``full``."""
        if not self.adaptive:
            return
        behind = waiting >= max(2, self.size // 10)
        self._backlog = self._backlog + 1 if behind else 0
        if behind or full:
            self._next["up"] = max(self._next["up"], now + SOON)
        if self._backlog >= 2:
            self._backlog = 0
            self._base = None
            self._go(now, "hold", self.size - waiting)

    def restart(self, now: float) -> None:
        """The endpoint was away: what it could take before may be too much now."""
        if self.adaptive:
            self._base = None
            self._go(now, "hold", self.size // 2)

    def _leave(self, now: float, outcome: Outcome, seconds: float, tokens: int = 0) -> None:
        self._pass(now)
        self.in_flight -= 1
        self._begun = True
        if not self.adaptive:
            return
        self._sample.add(now, outcome, seconds, tokens)
        if self.mode == "start":
            self._grow(now, outcome)
        elif self._sample.enough(now, self.size, self._usual, BASE if self.mode == "hold" else MOST) or self._plain(
            now
        ):
            self._conclude(now)

    # Slow start

    def _grow(self, now: float, outcome: Outcome) -> None:
        sample = self._sample
        # Answers tell how full it was when they were asked for; since then the window has tripled.
        calm = self._usual <= SLOWER * self._settled
        if outcome == "answered" and calm and self.in_flight >= FULL * self.size - 1:
            self.size = min(self.cap, self.size + GROWTH + (self.size < SMALL))
        if sample.count < max(CHUNK, self.size // 4):
            return
        found = sample.measure(now, self.size)
        if sample.refused > STORM * sample.count + 1.5:
            self._go(now, "hold", round(self.size / STEP))
        elif self._slow(found, SLOW_START_ENDS):
            self._go(now, "hold", self._fewer(found))
        elif self.size == self.cap or (not calm and self.size == self._grown_to):
            self._go(now, "hold", self.size)
        else:
            self._grown_to = self.size
            self._quickest = least(self._quickest, found.pace_of_growth())
            self._settled = min(self._settled, sample.mean * (1 + 2 * found.doubt(0)))
            self._sample = Sample(now, 0)

    # Trials

    def _conclude(self, now: float) -> None:
        sample = self._sample
        if sample.in_use(now) < FULL * self.size:
            # Too few requests to fill it: nothing can be said, and nothing hangs on it.
            self._go(now, "hold", self._base.size if self._base and self.mode != "hold" else self.size)
            return
        found = sample.measure(now, self.size)
        if self.mode == "hold" or self._base is None:
            self._hold(now, found)
        elif self._worth(found, self._base) is (self.mode == "up"):
            self._stands(now, found)
        else:
            self._goes_back(now, found)
        self._remember(found)

    def _plain(self, now: float) -> bool:
        """Whether a trial is decided although it has not run its course."""
        sample = self._sample
        if self.mode == "hold" or self._base is None or sample.count < max(CHUNK, self.size) or sample.count % CHUNK:
            return False
        found = sample.measure(now, self.size)
        large, small = (found, self._base) if found.size > self._base.size else (self._base, found)
        unit = unit_of(self._base)
        margin: float = ratio(large, small, unit) / (large.size / small.size) ** GAIN
        doubt = 2 * math.hypot(large.doubt(unit), small.doubt(unit))
        return margin > 1 + doubt or margin < 1 - doubt

    def _hold(self, now: float, found: Measure) -> None:
        before, self._base = self._base, found
        if before is not None and not 0.8 <= ratio(found, before, unit_of(before)) <= 1.25:
            self._next = {"up": now, "down": now}
            self._pause = {"up": SOON, "down": SOON}
        self._crowds = self._crowds + 1 if self._crowded(found) else 0
        due = now - self._next["down"]
        # Once may be a hiccup, of this machine or the other.
        if self.size > 1 and due >= (0 if self._crowds > 1 else max(RARELY, RARELY * self._usual)):
            self._go(now, "down", self._fewer(found))
        elif now >= self._next["up"] and self.size < self.cap:
            self._go(now, "up", min(self.cap, _larger(self.size)))
        else:
            self._go(now, "hold", self.size)

    def _stands(self, now: float, found: Measure) -> None:
        """The trial was right: one step more, at once, if there is reason to."""
        direction, self._base = self.mode, found
        self._pause["up"] = SOON
        if direction == "up":
            self._tolerated = max(self._tolerated, found.refused)
            if self.size < self.cap and not self._slow(found, SLOWER):
                # Far from enough, as it seems.
                self._go(now, "up", min(self.cap, 2 * self.size))
                return
        elif self._crowded(found) and self.size > 1:
            self._go(now, "down", self._fewer(found))
            return
        else:
            self._tolerated = found.refused
            self._put_off(now, "up")
        self._go(now, "hold", self.size)

    def _goes_back(self, now: float, found: Measure) -> None:
        assert self._base is not None, "a trial is compared with something"
        if self.mode == "down":
            # Fewer requests are answered no faster per request, or refused as often: that is how things are now.
            self._quickest = found.pace
            self._tolerated = max(found.refused, self._base.refused)
        self._put_off(now, self.mode)
        self._go(now, "hold", self._base.size)

    def _worth(self, found: Measure, base: Measure) -> bool:
        """Whether the larger of two windows is worth its size."""
        large, small = (found, base) if found.size > base.size else (base, found)
        unit = unit_of(base)
        doubt = math.hypot(large.doubt(unit), small.doubt(unit))
        needed: float = (large.size / small.size) ** GAIN * (1 + doubt)
        return ratio(large, small, unit) >= needed

    def _crowded(self, found: Measure) -> bool:
        return self._slow(found, SLOWER) or found.refused > REFUSED + 1.5 * self._tolerated

    def _slow(self, found: Measure, times: float) -> bool:
        """Whether answers take so many times as long as the quickest did, beyond chance."""
        slower, doubt = slowdown(found, self._quickest)
        return slower > times * (1 + 2 * doubt)

    def _remember(self, found: Measure) -> None:
        """The quickest answers so far; it fades, since tasks change and the least of many samples is chance."""
        one, other = self._quickest
        if self.mode == "hold":
            one, other = replace(one, seconds=one.seconds * FADE), replace(other, seconds=other.seconds * FADE)
        self._quickest = least((one, other), found.pace)

    def _fewer(self, found: Measure) -> int:
        """The next smaller window; a leap where answers take several times as long as they need to."""
        slower, _ = slowdown(found, self._quickest)
        return max(1, min(round(self.size / min(LEAP, max(STEP, slower / STEP))), self.size - 1))

    def _put_off(self, now: float, direction: str) -> None:
        pause = self._pause[direction]
        self._next[direction] = now + max(pause, PATIENT * self._usual * pause / SOON)
        self._pause[direction] = min(LATE, 2 * self._pause[direction])

    def _go(self, now: float, mode: Literal["hold", "up", "down"], size: int) -> None:
        if self.mode == "start":
            self._next = {"up": now, "down": now}
        changed = size != self.size
        self.mode, self.size = mode, max(1, min(self.cap, size))
        # What comes back first was sent into the window as it was, or into a queue that was not yet full.
        self._sample = Sample(now, self.in_flight - self._idle if changed else 0)
        self._sample.filling = mode == "up"

    def _pass(self, now: float) -> None:
        self._sample.taken += self.in_flight * (now - self._now)
        self._sample.worked += (self.in_flight - self._idle) * (now - self._now)
        self._now = now


def _larger(size: int) -> int:
    return max(size + 1, round(size * STEP))
