"""What a run may spend, and what it has spent: dollars, tokens, requests.

A request is let through while what was spent, plus what those under way will probably cost, is below the limit: so a
run ends within about one request of its budget, whatever is in flight. Where only those under way stand in its way a
request waits for one of them to end, since they may cost less than was thought; once the limit is really spent, all
that wait are refused. What is under way is waited for, logged and paid.

What a request will cost is learned for each kind of request by itself: a judge says nothing of what an answer costs.
The first of a kind are reckoned by a guess; one that was too high is given up little by little.

Counts requests that were answered, over all attempts at a run. Used on the event loop only.
"""

import asyncio
import heapq
from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field

from schemas.errors import BudgetSpent
from schemas.exchange import Completion
from schemas.recipe import Limits

GUESSES = 5
"""Answers that a guess weighs as much as where it is higher: one that was short says little about the next."""


@dataclass(slots=True)
class Spent:
    """A sum of what completions cost."""

    usd: float = 0.0
    tokens: float = 0.0
    requests: float = 0.0

    def add(self, usd: float, tokens: float, requests: float = 1.0) -> None:
        """So much more."""
        self.usd += usd
        self.tokens += tokens
        self.requests += requests


@dataclass(slots=True)
class _Kind:
    """Requests that are alike."""

    guessed: Spent = field(default_factory=Spent)
    """What those under way were guessed to cost…"""
    answered: Spent = field(default_factory=Spent)
    """…and what those that brought a reply did cost."""

    def will_cost(self, name: str) -> float:
        """What those under way will cost: each the mean of the answers, of which a guess that is higher is part."""
        before = self.answered.requests
        guessed: float = GUESSES * getattr(self.guessed, name)
        seen: float = self.guessed.requests * getattr(self.answered, name)
        return max((guessed + seen) / (GUESSES + before), seen / (before or 1.0))


@dataclass(frozen=True, slots=True)
class Reserved:
    """What is set aside for a request that was admitted."""

    kind: _Kind
    guess: Spent


class Budget:
    """The limits of a run, and what was ``spent`` before it was opened."""

    def __init__(self, limits: Limits, spent: Spent | None = None) -> None:
        self.limits = limits
        self.spent = spent or Spent()
        limit_of = {"usd": limits.budget_usd, "tokens": limits.budget_tokens, "requests": limits.budget_requests}
        self._limits = {name: limit for name, limit in limit_of.items() if limit is not None}
        self._kinds: defaultdict[Hashable, _Kind] = defaultdict(_Kind)
        self._open = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None], Reserved]] = []
        self._number = 0

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self._limits)

    def check(self) -> None:
        """Make sure that something is left.

        Raises:
            BudgetSpent: there is nothing left.
        """
        name = self._over()
        if name is not None:
            raise BudgetSpent(name)

    async def admit(self, kind: Hashable, guess: Spent, rank: int = 0) -> Reserved:
        """Wait until there is enough for a request, to ``settle`` later; the lowest ``rank`` of those who wait is next.

        Requests of one ``kind`` cost about the same, and about ``guess`` as far as anybody knows.

        Raises:
            BudgetSpent: there is nothing left for it.
        """
        self.check()
        reserved = Reserved(self._kinds[kind], guess)
        if not self._full():
            self._reserve(reserved)
            return reserved
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number += 1
        heapq.heappush(self._waiting, (rank, self._number, granted, reserved))
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self.settle(reserved, None)
            raise
        return reserved

    def settle(self, reserved: Reserved, completion: Completion | None) -> None:
        """A request that was admitted ended; None: without a completion, so that it cost nothing."""
        guess, kind = reserved.guess, reserved.kind
        kind.guessed.add(-guess.usd, -guess.tokens, -1.0)
        self._open -= 1
        if completion is not None:
            tokens = completion.prompt_tokens + completion.completion_tokens
            self.spent.add(completion.cost, tokens)
            if tokens:  # else it failed, which says nothing about what an answer costs
                kind.answered.add(completion.cost, tokens)
        self._let_in()

    def _reserve(self, reserved: Reserved) -> None:
        self._open += 1
        reserved.kind.guessed.add(reserved.guess.usd, reserved.guess.tokens)

    def _over(self) -> str | None:
        """The limit that is spent, whatever is under way."""
        spent = (name for name, limit in self._limits.items() if getattr(self.spent, name) >= limit)
        return next((f"budget_{name}" for name in spent), None)

    def _full(self) -> bool:
        """Whether those under way may use up what is left."""
        if not self._open:  # nobody is there to wait for
            return False
        return any(
            getattr(self.spent, name) + sum(kind.will_cost(name) for kind in self._kinds.values()) >= limit
            for name, limit in self._limits.items()
        )

    def _let_in(self) -> None:
        """Admit of those who wait as many as there is enough for, or refuse them all."""
        over = self._over()
        while self._waiting and (over or not self._full()):
            _, _, granted, reserved = heapq.heappop(self._waiting)
            if granted.done():  # cancelled
                continue
            if over:
                granted.set_exception(BudgetSpent(over))
            else:
                self._reserve(reserved)
                granted.set_result(None)
