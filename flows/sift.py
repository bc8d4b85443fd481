"""Divides the rows of a shard by a filter's verdicts: kept ones and rejects, with what was measured on either."""

from dataclasses import dataclass

import polars as pl

from schemas.reject import REJECT_SCHEMA
from schemas.row import polars_schema
from schemas.verdicts import Measured, Verdicts


@dataclass(frozen=True)
class Sifted:
    """Both parts of a shard, in row order."""

    kept: pl.DataFrame
    """A frame of ``ROW_SCHEMA``."""
    rejects: pl.DataFrame
    """A frame of ``REJECT_SCHEMA``."""
    reasons: dict[str, int]
    """How many rows went for which reason, by name."""


def sift(label: str, shard: int, frame: pl.DataFrame, verdicts: Verdicts) -> Sifted:
    """Divide ``frame``, of ``ROW_SCHEMA``, by the ``verdicts`` of the stage ``label`` on its rows.

    Raises:
        ValueError: there is not one verdict a row.
    """
    if len(verdicts) != frame.height:
        raise ValueError(f"{label}: {len(verdicts)} verdicts on {frame.height} rows")
    scored = _scored(frame, verdicts.measured)
    reasons = pl.Series("reason", verdicts.reasons, dtype=pl.String)
    dropped = reasons.is_not_null()
    head = pl.DataFrame(
        {
            "rejected_by": pl.repeat(label, frame.height, dtype=pl.String, eager=True),
            "reason": reasons,
            "kind": pl.repeat("row", frame.height, dtype=pl.String, eager=True),
            "shard": pl.repeat(shard, frame.height, dtype=pl.Int64, eager=True),
            "raw": pl.repeat("", frame.height, dtype=pl.String, eager=True),
        }
    )
    rejects = head.hstack(scored).filter(dropped).select(list(polars_schema(REJECT_SCHEMA)))
    counted = reasons.drop_nulls().value_counts().sort("reason")
    return Sifted(scored.filter(~dropped), rejects, dict(counted.iter_rows()))


def _scored(frame: pl.DataFrame, measured: tuple[Measured, ...]) -> pl.DataFrame:
    """The rows with what was measured on them behind the scores that they have."""
    if not any(each.known.any() for each in measured):
        return frame
    dtype = frame.schema["scores"]
    added = {f"score {place}": _as_lists(each).cast(dtype) for place, each in enumerate(measured)}
    joined = pl.concat_list(pl.col("scores").fill_null([]), *added)
    return frame.with_columns(**added).with_columns(scores=joined).select(frame.columns)


def _as_lists(each: Measured) -> pl.Series:
    """One list a row, of one score or none."""
    score = pl.DataFrame(
        {
            "known": pl.Series(each.known),
            "stage": pl.repeat(each.stage, len(each.known), dtype=pl.String, eager=True),
            "measure": pl.repeat(each.measure, len(each.known), dtype=pl.String, eager=True),
            "value": pl.Series(each.values, dtype=pl.Float64),
            "neighbour": pl.Series(list(each.neighbours), dtype=pl.String),
        }
    )
    one = pl.concat_list(pl.struct("stage", "measure", "value", "neighbour"))
    return score.select(pl.when("known").then(one).otherwise(one.list.head(0))).to_series()
