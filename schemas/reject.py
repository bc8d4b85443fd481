"""What did not become a row of the dataset, and why."""

from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from schemas.row import ROW_SCHEMA, Row, polars_schema, to_frame

REJECT_SCHEMA: pa.Schema = pa.schema(
    [
        ("rejected_by", pa.string()),
        ("reason", pa.string()),
        ("kind", pa.string()),
        ("shard", pa.int64()),
        ("raw", pa.string()),
        *ROW_SCHEMA,
    ],
    metadata=ROW_SCHEMA.metadata,
)
"""The row as it stood, behind five columns that say who dropped it and why."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """One rejected row (``kind`` row) or candidate that never became one (``kind`` candidate)."""

    rejected_by: str
    """The stage's label."""
    reason: str
    kind: str
    shard: int
    row: Row
    raw: str = ""
    """The model's text it was read from, where there is one."""


def rejects_frame(rejects: list[Rejected]) -> pl.DataFrame:
    """Rejects as a frame of ``REJECT_SCHEMA``, in order."""
    names = ["rejected_by", "reason", "kind", "shard", "raw"]
    verdicts: list[dict[str, Any]] = [{name: getattr(reject, name) for name in names} for reject in rejects]
    schema = polars_schema(REJECT_SCHEMA)
    head = pl.DataFrame(verdicts, schema={name: schema[name] for name in names})
    return head.hstack(to_frame(reject.row for reject in rejects)).select(list(schema))
