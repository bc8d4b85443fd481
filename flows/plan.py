"""How many more shards it takes to end with exactly N rows, and when to give up.

The source is a stream of shards whose content depends on the shards before it and never on N. So the plan decides
only how far to run ahead: the dataset is the first N rows that survive, whatever was made beyond them.
"""

from dataclasses import dataclass, field
from math import ceil

from schemas.recipe import Limits

FIRST_GUESS = 64
"""Rows expected of a shard before any has been seen: about what eight prompts of eight tasks leave over."""
FIRST_SHARDS = 2
"""Shards started before a yield is known: enough to keep an endpoint busy, few enough to waste little."""
AHEAD = 16
"""Shards under way, at most: they hold threads and memory."""
RECENT = 8
"""Shards that the estimate looks back on: yields fall as the space fills up, so the far past misleads."""


@dataclass
class Plan:
    """The state of "exactly N": start the shards of ``more``, and ``record`` each, in order, as it is through."""

    wanted: int
    limits: Limits
    available: int | None = None
    """Shards that the source has; None where it never ends."""
    kept: int = 0
    shards: int = 0
    stop_reason: str | None = None
    history: list[int] = field(default_factory=list)
    _lean: int = 0

    def more(self, under_way: int) -> list[int]:
        """The shards to start now, where ``under_way`` were started and not recorded; empty when enough are."""
        self._check()
        if self.stop_reason is not None:
            return []
        end = min(self.shards + self._needed(), self.limits.max_rounds)
        if self.available is not None:
            end = min(end, self.available)
        return list(range(self.shards + under_way, end))

    def record(self, made: int, kept: int) -> None:
        """The next shard in order went through: ``made`` candidates reached the filters, ``kept`` survived."""
        if self.stop_reason is not None:
            return  # made ahead and not needed
        self.shards += 1
        self.kept += kept
        self.history.append(kept)
        self._lean = self._lean + 1 if kept <= made * self.limits.min_yield else 0
        self._check()

    @property
    def complete(self) -> bool:
        """Whether enough rows survived."""
        return self.kept >= self.wanted

    def remaining(self) -> float | None:
        """Shards still to come by the present yield; None while it cannot be told."""
        recent = self.history[-RECENT:]
        if not any(recent):
            return None
        return max(0.0, (self.wanted - self.kept) * len(recent) / sum(recent))

    def total(self) -> tuple[int | None, bool]:
        """Shards of the whole run by the present yield, None while it cannot be told; and whether there is no more."""
        remaining = self.remaining()
        if remaining is None:
            return None, False
        most = min(self.limits.max_rounds, self.available or self.limits.max_rounds)
        total = self.shards + ceil(remaining)
        return (most, True) if total >= most else (total, False)

    def _needed(self) -> int:
        remaining = self.remaining()
        if remaining is None:
            return min(FIRST_SHARDS, -(-self.wanted // FIRST_GUESS))
        # Rounded, not up: the last shard is often not needed, and one too few is started a little later.
        return min(AHEAD, max(1, round(remaining)))

    def _check(self) -> None:
        if self.stop_reason is not None:
            return
        if self.complete:
            self.stop_reason = "complete"
        elif self._lean >= self.limits.patience:
            self.stop_reason = "falling_yield"
        elif self.available is not None and self.shards >= self.available:
            self.stop_reason = "exhausted_seeds"
        elif self.shards >= self.limits.max_rounds:
            self.stop_reason = "max_rounds"
