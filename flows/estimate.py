"""What a full run will cost, judged by a small part of it."""

import math
from dataclasses import dataclass

from schemas.manifest import Usage
from schemas.recipe import Recipe

LUCK = 1.28
"""Standard errors on either side of a count of survivors: four previews in five are nearer the truth."""


@dataclass(frozen=True)
class Tried:
    """What came of the part that was tried."""

    survivors: int
    usage: Usage
    shard: float
    """How many times this work one shard of the full run is."""


def estimate(tried: Tried, recipe: Recipe) -> str:
    """What the full run of ``recipe`` will cost, in words.

    A range: a few survivors are a matter of luck, and the yield of a small run is the best case, since duplicates
    grow with the dataset. So from a lucky count at this yield to an unlucky one at half of it.
    """
    survivors, wanted = tried.survivors, recipe.rows
    if not survivors:
        return "No row survived: nothing can be estimated. The funnel shows where they went."
    luck, shard = LUCK * math.sqrt(survivors), tried.shard
    factors = [
        # A shard that is begun is finished, however few rows are missing.
        math.ceil(factor / shard) * shard
        for factor in (wanted / (survivors + luck), 2 * wanted / max(survivors - luck, survivors / 4))
    ]
    total = tried.usage
    requests = [(total.requests + total.replayed) * factor for factor in factors]
    tokens = [(total.prompt_tokens + total.completion_tokens) * factor for factor in factors]
    cost = [total.cost * factor for factor in factors]
    told = (
        f"Estimate for {wanted:,} rows: {requests[0]:,.0f} to {requests[1]:,.0f} requests,"
        f" {tokens[0]:,.0f} to {tokens[1]:,.0f} tokens, ${cost[0]:,.2f} to ${cost[1]:,.2f}"
        f" (from {survivors:,} rows that survived here; high end: unlucky, at half the yield)."
    )
    limits = recipe.limits
    rounds = [factor / shard for factor in factors]
    needs = {"budget_usd": cost, "budget_tokens": tokens, "budget_requests": requests, "max_rounds": rounds}
    tight = [name for name, need in needs.items() if (limit := getattr(limits, name)) and limit < need[1]]
    return f"{told} limits.{' and limits.'.join(tight)} may end it before." if tight else told
