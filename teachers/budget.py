"""What a run may spend, and what it has spent: dollars, tokens, requests.

A request is let through while what was spent, plus what those under way will probably cost (the mean so far, or a guess
before there is any), is below the limit: so a run ends within about one request of its budget, whatever is in flight.
What is under way is waited for, logged and paid; only new requests are refused.

Counts requests that were answered, over all attempts at a run. Used on the event loop only.
"""

from dataclasses import dataclass

from schemas.errors import BudgetSpent
from schemas.exchange import Completion
from schemas.recipe import Limits


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


class Budget:
    """The limits of a run, and what was ``spent`` before it was opened."""

    def __init__(self, limits: Limits, spent: Spent | None = None) -> None:
        self.limits = limits
        self.spent = spent or Spent()
        self._limits = {
            "usd": limits.budget_usd,
            "tokens": limits.budget_tokens,
            "requests": limits.budget_requests,
        }
        self._open = 0

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return any(limit is not None for limit in self._limits.values())

    def admit(self, guess: Spent) -> None:
        """A request is about to be sent, which will cost about ``guess`` as far as anybody knows.

        Raises:
            BudgetSpent: there is nothing left for it.
        """
        usual = self._usual() or guess
        for name, limit in self._limits.items():
            used = getattr(self.spent, name) + self._open * getattr(usual, name)
            if limit is not None and used >= limit:
                raise BudgetSpent(f"budget_{name}")
        self._open += 1

    def settle(self, completion: Completion | None) -> None:
        """A request that was admitted ended; None: without a completion, so that it cost nothing."""
        self._open -= 1
        if completion is not None:
            self.spent.add(completion.cost, completion.prompt_tokens + completion.completion_tokens)

    def _usual(self) -> Spent | None:
        """What a request costs, by all that were answered."""
        count = self.spent.requests
        return Spent(self.spent.usd / count, self.spent.tokens / count, 1.0) if count else None
