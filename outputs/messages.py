"""The ``messages`` column: a row as the chat that a trainer learns from.

Derived when a dataset is written, never stored anywhere else; what a chat holds is said in ``schemas.messages``.
"""

import numpy as np
import polars as pl
import pyarrow as pa

from schemas.messages import NEEDED, Reasoning, messages_of
from schemas.row import ROW_SCHEMA

MESSAGES = "messages"
DTYPE = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
_SAID = r"[^\s\x1c-\x1f]"
"""What ``str.strip`` does not take for white space."""


def with_messages(frame: pl.DataFrame, reasoning: Reasoning) -> pl.DataFrame:
    """A frame of ``ROW_SCHEMA`` with ``messages`` behind its columns, all of them in the schema's order.

    Behind, not in front: dropping the last column gives the row as every other room knows it.
    """
    rows = frame.select(ROW_SCHEMA.names)
    long = (rows["turns"].list.len() > 0).fill_null(False)
    chats = _short_chats(rows, reasoning)
    if long.any():
        others = [messages_of(row, reasoning) for row in rows.select(NEEDED).filter(long).iter_rows(named=True)]
        chats = _replaced(chats, long.arg_true(), pl.Series(others, dtype=DTYPE))
    return rows.with_columns(chats.alias(MESSAGES))


def _short_chats(rows: pl.DataFrame, reasoning: Reasoning) -> pl.Series:
    """``messages_of`` over the columns, for rows without later turns."""
    parts = rows.select(*_parts(reasoning))
    contents = pl.concat([parts["system"], parts["user"], parts["assistant"]])
    # Row by row, the places in ``contents`` of what is said there.
    places = np.arange(rows.height)[:, None] + rows.height * np.arange(len(_ROLES))
    said = parts.select(pl.all().is_not_null()).to_numpy()
    places = places[said]
    roles = pl.Series(_ROLES).gather(places // max(rows.height, 1))
    messages = pa.StructArray.from_arrays(
        [roles.to_arrow(), contents.gather(places).to_arrow()], fields=list(_MESSAGE_TYPE)
    )
    offsets = np.concatenate([[0], said.sum(axis=1).cumsum()])
    return pl.Series(pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), messages), dtype=DTYPE)


_ROLES = ["system", "user", "assistant"]
_MESSAGE_TYPE = pa.struct([("role", pa.large_string()), ("content", pa.large_string())])


def _parts(reasoning: Reasoning) -> list[pl.Expr]:
    """What each role says, null if it says nothing."""
    said = pl.coalesce(_if_said(pl.col("response")), _if_said(pl.col("answer")))
    if reasoning != "separate":
        form = "<think>\n{}\n</think>\n\n{}" if reasoning == "think" else "{}\n\n{}"
        said = pl.coalesce(pl.format(form, _if_said(pl.col("reasoning")), said), said)
    texts = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in ("instruction", "input")]
    asked = pl.concat_str(*texts, separator="\n\n", ignore_nulls=True).fill_null("")
    return [_if_said(pl.col("system")).alias("system"), asked.alias("user"), said.alias("assistant")]


def _if_said(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.contains(_SAID)).then(text)


def _replaced(chats: pl.Series, places: pl.Series, others: pl.Series) -> pl.Series:
    """``chats`` with ``others`` in their places."""
    order = np.arange(len(chats))
    order[places.to_numpy()] = np.arange(len(chats), len(chats) + len(others))
    return pl.concat([chats, others]).gather(order)
