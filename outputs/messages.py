"""The ``messages`` column: a row as the chat that a trainer learns from.

Derived when a dataset is written, never stored anywhere else; what a chat holds is said in ``schemas.messages``.
"""

import polars as pl

from schemas.messages import NEEDED, Reasoning, messages_of
from schemas.row import ROW_SCHEMA

MESSAGES = "messages"
DTYPE = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def with_messages(frame: pl.DataFrame, reasoning: Reasoning) -> pl.DataFrame:
    """A frame of ``ROW_SCHEMA`` with ``messages`` behind its columns, all of them in the schema's order.

    Behind, not in front: dropping the last column gives the row as every other room knows it.
    """
    chats = [messages_of(row, reasoning) for row in frame.select(NEEDED).iter_rows(named=True)]
    return frame.select(ROW_SCHEMA.names).with_columns(pl.Series(MESSAGES, chats, dtype=DTYPE))
