"""A row as the chat that a trainer learns from: what ``messages`` holds, and what a tokenizer's chat template is given.

It never holds an empty message: a row without any answer ends with the user's question.
"""

from typing import Any, Literal, TypedDict

Reasoning = Literal["think", "inline", "separate"]
"""Where the trace goes; see ``schemas.recipe.Output``."""

NEEDED = ["instruction", "input", "response", "reasoning", "answer", "system", "turns"]
"""The columns that messages are made from."""


class Message(TypedDict):
    """One message in the form that chat templates take."""

    role: str
    content: str


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
