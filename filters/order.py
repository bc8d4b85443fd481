"""In which order the rows of one shard are judged: as they come, or the best first.

A filter that compares with kept rows keeps the first of each group of duplicates, so the order decides *which* one
stays. This is the only place that knows about quality; verdicts always go back in row order.
"""

import math
from typing import Literal

import polars as pl

Keep = Literal["first", "best"]
BestBy = Literal["response_length", "votes", "judge"]


def judging_order(frame: pl.DataFrame, keep: Keep, best_by: BestBy) -> list[int]:
    """Row numbers in the order in which they are judged; ties by row number."""
    if keep == "first":
        return list(range(frame.height))
    quality = _quality(frame, best_by)
    return sorted(range(frame.height), key=lambda row: (-quality[row], row))


def _quality(frame: pl.DataFrame, best_by: BestBy) -> list[float]:
    if best_by == "response_length":
        return [float(len(response or "")) for response in frame["response"]]
    return [_last_score(scores, best_by) for scores in frame["scores"].to_list()]


def _last_score(scores: list[dict[str, object]] | None, measure: str) -> float:
    """The latest value of a measure. A row without one comes last: nothing speaks for it."""
    values = [score["value"] for score in scores or [] if score["measure"] == measure]
    value = values[-1] if values else None
    return value if isinstance(value, float) and not math.isnan(value) else -math.inf
