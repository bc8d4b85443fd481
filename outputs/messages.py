"""The ``messages`` column: a row as the chat that a trainer learns from.

Derived when a dataset is written, never stored anywhere else. It never holds an empty message: a row without any
answer ends with the user's question.
"""

from typing import Any, Literal, TypedDict

import polars as pl

from schemas.row import ROW_SCHEMA

Reasoning = Literal["think", "inline", "separate"]

MESSAGES = "messages"
NEEDED = ["instruction", "input", "response", "reasoning", "answer", "system", "turns"]
"""The columns that messages are made from."""
DTYPE = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


class Message(TypedDict):
    """One message in the form that chat templates take."""

    role: str
    content: str


def with_messages(frame: pl.DataFrame, reasoning: Reasoning) -> pl.DataFrame:
    """A frame of ``ROW_SCHEMA`` with ``messages`` behind its columns, all of them in the schema's order.

    Behind, not in front: dropping the last column gives the row as every other room knows it.
    """
    chats = [messages_of(row, reasoning) for row in frame.select(NEEDED).iter_rows(named=True)]
    return frame.select(ROW_SCHEMA.names).with_columns(pl.Series(MESSAGES, chats, dtype=DTYPE))


def messages_of(row: dict[str, Any], reasoning: Reasoning) -> list[Message]:
    """The chat of one row, given as a dictionary with the ``NEEDED`` fields."""
    chat: list[Message] = []
    if _said(row["system"]):
        chat.append(Message(role="system", content=row["system"]))
    chat.append(Message(role="user", content="\n\n".join(filter(None, [row["instruction"], row["input"]]))))
    answer = _answer(row, reasoning)
    if not answer:
        return chat
    chat.append(Message(role="assistant", content=answer))
    return chat + _later(row["turns"] or [])


def _answer(row: dict[str, Any], reasoning: Reasoning) -> str:
    """What the assistant says first. A row whose response is empty falls back on its short answer."""
    said: str = row["response"] if _said(row["response"]) else row["answer"] or ""
    trace = row["reasoning"]
    if reasoning == "separate" or not _said(trace) or not _said(said):
        return said if _said(said) else ""
    return f"<think>\n{trace}\n</think>\n\n{said}" if reasoning == "think" else f"{trace}\n\n{said}"


def _later(turns: list[dict[str, str]]) -> list[Message]:
    """Later turns, up to the first empty one; a question that nobody answered is left out."""
    chat: list[Message] = []
    for turn in turns:
        if not _said(turn["content"]):
            break
        chat.append(Message(role=turn["role"], content=turn["content"]))
    while chat and chat[-1]["role"] != "assistant":
        chat.pop()
    return chat


def _said(text: str | None) -> bool:
    return text is not None and bool(text.strip())
