"""The layouts of a seed record: a dictionary from a file in, seed tasks out.

A layout is told from the fields of a record, never from the file's name. Field names are compared in lower case.
How files are found, opened and cut into records is in ``generators/seeds.py``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from schemas.row import Turn

Fields = Mapping[str, Any]

TASK = ["instruction", "指令"]
QUESTION = ["question", "问题", "提问", "text"]
PROMPT = ["prompt", "query", "task", "text", "data", "input"]
INSTRUCTION = [*TASK, *QUESTION, *PROMPT]
"""Fields that may hold what is asked, the likeliest first. ``input`` is last: beside another one it is the input."""
INPUT = ["input", "context", "inputs", "输入"]
OUTPUT = ["output", "response", "completion", "answer", "solution", "输出", "回答", "答案"]
SYSTEM = ["system", "system_prompt"]
CHATS = {"messages": "messages", "conversations": "sharegpt", "conversation": "sharegpt"}
"""Fields that hold a list of turns, and the layout they mean."""

EXPECTED = (
    "instruction (and input, output), question and answer, prompt and completion, messages, conversations,"
    " or instruction and instances"
)
"""For error messages."""

ROLES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bard": "assistant", "bing": "assistant",
    "model": "assistant",
}  # fmt: skip

_GOLD = re.compile(r"\n?[ \t]*####[ \t]*(?P<answer>[^\n]+?)\s*\Z")
"""How GSM8K ends a worked solution."""
_QUESTION_TEXT = re.compile(r"Question:\s*(?P<question>.+?)\s*\nAnswer:[ \t]*\n?(?P<answer>.*)", re.DOTALL)
"""Question and answer in one field."""


class BadRecord(Exception):
    """A record that gives no seed; the message is the reason, a snake-case word."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What a record says, before it gets an id, a source and a language. Field names are those of ``Row``."""

    instruction: str
    input: str = ""
    response: str = ""
    answer: str | None = None
    system: str | None = None
    turns: tuple[Turn, ...] = ()
    task_type: str | None = None


def layout_of(fields: Fields) -> str | None:
    """The name of the layout that these fields (see ``lower``) mean; ``None`` if they mean none."""
    if isinstance(fields.get("instances"), list):
        return "self_instruct"
    if any(name in fields for name in TASK):
        return "alpaca"
    for name, layout in CHATS.items():
        if isinstance(fields.get(name), list):
            return layout
    if any(name in fields for name in QUESTION[:-1]) or _QUESTION_TEXT.fullmatch(str(fields.get("text"))):
        return "question_answer"
    if any(name in fields for name in PROMPT):
        return "prompt_completion" if any(name in fields for name in OUTPUT) else "text"
    return None


def read_record(record: Fields, layout: str) -> list[Seed]:
    """The seeds of one record, whose field names are in lower case.

    Raises:
        BadRecord: there is none in it.
    """
    seeds = _LAYOUTS[layout](record)
    if any(not seed.instruction for seed in seeds):
        raise BadRecord("empty_instruction")
    return seeds


def lower(record: Mapping[object, Any]) -> dict[str, Any]:
    """The record with its field names stripped and in lower case."""
    return {str(name).strip().lower(): value for name, value in record.items()}


def _self_instruct(fields: Fields) -> list[Seed]:
    if "instances" not in fields:
        raise BadRecord("missing_instances")
    instances = fields["instances"] or [{}]
    if not isinstance(instances, list) or not all(isinstance(instance, Mapping) for instance in instances):
        raise BadRecord("wrong_type")
    instruction = _required(fields, TASK)
    task_type = None
    if isinstance(fields.get("is_classification"), bool):
        task_type = "classification" if fields["is_classification"] else "generation"
    return [
        Seed(
            instruction,
            input=_optional(instance, INPUT) or "",
            response=_optional(instance, OUTPUT) or "",
            task_type=task_type,
        )
        for instance in instances
    ]


def _pair(fields: Fields, names: Sequence[str]) -> list[Seed]:
    """One question, under the first of ``names`` that is there, and perhaps one answer."""
    asked = next((name for name in names if fields.get(name) is not None), None)
    question = _required(fields, names)
    response, answer = _answer(fields)
    if asked == "text" and not response and (both := _QUESTION_TEXT.fullmatch(question)):
        question = both["question"].strip()
        response, answer = _split_gold(both["answer"])
    context = _optional(fields, [name for name in INPUT if name != asked])
    system = _optional(fields, SYSTEM)
    return [Seed(question, input=context or "", response=response, answer=answer, system=system)]


def _answer(fields: Fields) -> tuple[str, str | None]:
    """The response, and the gold answer: after ``####``, or in ``answer`` beside another field for the response."""
    response, gold = _split_gold(_optional(fields, OUTPUT) or "")
    if gold is None and response and any(fields.get(name) is not None for name in OUTPUT if name != "answer"):
        gold = _optional(fields, ["answer"])
    return response, gold


def _split_gold(worked: str) -> tuple[str, str | None]:
    found = _GOLD.search(worked)
    if found is None:
        return worked, None
    return worked[: found.start()].rstrip(), found["answer"].replace(",", "")


def _chat(fields: Fields) -> list[Seed]:
    raw = next((fields[name] for name in CHATS if fields.get(name) is not None), None)
    if raw is None:
        raise BadRecord("missing_messages")
    if not isinstance(raw, list) or not all(isinstance(turn, Mapping) for turn in raw):
        raise BadRecord("wrong_type")
    turns = [_turn(turn) for turn in raw]
    system = _optional(fields, SYSTEM)
    if turns and turns[0].role == "system":
        system, turns = turns[0].content, turns[1:]
    _check_alternation(turns)
    response = turns[1].content if len(turns) > 1 else ""
    later = turns[2:] if len(turns) % 2 == 0 else turns[2:-1]  # a last question that nobody answered
    return [Seed(turns[0].content.strip(), response=response, system=system or None, turns=tuple(later))]


def _check_alternation(turns: Sequence[Turn]) -> None:
    if not turns:
        raise BadRecord("no_turns")
    expected = ["user", "assistant"] * (len(turns) // 2 + 1)
    if any(turn.role != role for turn, role in zip(turns, expected, strict=False)):
        raise BadRecord("roles_do_not_alternate")
    if any(not turn.content.strip() for turn in turns):
        raise BadRecord("empty_turn")


def _turn(turn: Fields) -> Turn:
    role = ROLES.get(str(turn.get("role", turn.get("from"))).lower())
    if role is None:
        raise BadRecord("unknown_role")
    content = turn.get("content", turn.get("value"))
    if isinstance(content, list):  # OpenAI's content parts
        texts = [part.get("text") if isinstance(part, Mapping) else None for part in content]
        content = "\n".join(text for text in texts if isinstance(text, str)) if all(texts) else None
    if not isinstance(content, str):
        raise BadRecord("wrong_type")
    return Turn(role, content)


def _required(fields: Fields, names: Sequence[str]) -> str:
    """The first of ``names`` that is there, without surrounding white space."""
    name = next((name for name in names if fields.get(name) is not None), None)
    if name is None:
        raise BadRecord("missing_instruction")
    if not isinstance(fields[name], str):
        raise BadRecord("wrong_type")
    return str(fields[name]).strip()


def _optional(fields: Fields, names: Sequence[str]) -> str | None:
    """The first of ``names`` that says something, as it is; white space alone says nothing."""
    for value in (fields[name] for name in names if fields.get(name) is not None):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BadRecord("wrong_type")
        if str(value).strip():
            return str(value)
    return None


_LAYOUTS: dict[str, Callable[[Fields], list[Seed]]] = {
    "self_instruct": _self_instruct,
    "alpaca": partial(_pair, names=TASK),
    "question_answer": partial(_pair, names=QUESTION),
    "prompt_completion": partial(_pair, names=PROMPT),
    "text": partial(_pair, names=PROMPT),
    "messages": _chat,
    "sharegpt": _chat,
}
LAYOUTS = tuple(_LAYOUTS)
KNOWN = frozenset([*INSTRUCTION, *INPUT, *OUTPUT, *SYSTEM, *CHATS, "instances", "is_classification"])
"""Every field that a layout looks at."""
