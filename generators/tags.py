"""Reading replies whose parts stand in tags: ``<instruction>…</instruction>``, ``<think>…</think>``.

Not an XML parser: a reply is text with a few marks in it, and the text may well hold XML of its own. A tag is read
in any case, also with a number (``<input id=1>``), and when its end is missing, wrong or cut off. Other attributes only
``<instruction>`` may have: ``<input type="text">`` is HTML. No function here raises on any text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ALIASES = {"指令": "instruction", "输入": "input"}
"""A teacher that is asked in Chinese now and then translates the tags as well."""

_THINK = re.compile(r"<\s*(/?)\s*think(?:ing)?\s*>", re.IGNORECASE)

_ROLE = r"(?:(?:finally[ \t]+)?(?:re-?written|evolved|created|new|revised|updated|modified|harder)[ \t]+)"
_NOUN = r"(?:prompt|instruction|task|question)"
_FRESH = r"(?:(?:改写后?|重写后?|进化后?|修改后?|新|创建)的?)"
_INSTRUCTION = rf"{_ROLE}{_NOUN}|instruction|prompt|{_FRESH}(?:指令|提示|任务|题目|问题)|指令"
_INPUT = rf"{_ROLE}?input|{_FRESH}?输入"
_OTHER = r"explanation|answer|response|output|solution|reasoning|notes?|changes|说明|解释|答案|回答|输出|备注|注"
_LABEL = re.compile(
    rf"^[ \t>#*_]*(?:(?P<instruction>{_INSTRUCTION})|(?P<input>{_INPUT})|(?P<other>{_OTHER}))"
    # "Rewritten prompt 2:", "**New task**:", or, where it is marked as a heading, no colon at all
    r"[ \t]*\d{0,2}(?:[ \t#*_]*[:：][ \t#*_]*|[ \t]*[#*_]+[ \t]*$|(?<=[^\W_])$)",
    re.IGNORECASE | re.MULTILINE,
)
_ATTRIBUTES = r"(?:(?:(?<=instruction)|(?<=指令))\s+[^<>\n/]{1,80}|\s+(?:id|n|no|number|index)\s*=\s*[\"']?\d+[\"']?)?"
_PREAMBLE = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok|great)\b[^\w\n]{0,3}\s*)?"
    r"(?:here(?:['’]s| is| are)|below is)[ \t][^:：\n.]{0,60}\b(?:prompt|instruction|task|question|version)s?"
    r"[^:：\n.]{0,20}[:：]\s*"
    r"|(?:(?:当然|好的|没问题)[^\w\n]{0,2}\s*)?(?:以下|下面|这)(?:就?是)[^:：\n。]{0,30}[:：]\s*",
    re.IGNORECASE,
)
"""Only what announces a task: "Here is my diary: …" may be one."""
_FENCE = re.compile(r"(`{3,}|~{3,})[^\n`]*\n(.*?)\n?\1", re.DOTALL)
_PAIRS = (('"', '"'), ("“", "”"), ("「", "」"), ("『", "』"), ("'", "'"), ("`", "`"))
_NOTHING = re.compile(r"[\W_]*(?:no[ _-]?input|none|n/?a|null|empty|无输入|无|没有|空)[\W_]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Task:
    """A task as a reply gives it. ``input`` is "" where the reply has none."""

    instruction: str
    input: str = ""


@dataclass(frozen=True, slots=True)
class Thought:
    """A reply without what the model thought before it."""

    text: str
    reasoning: str | None = None
    problem: str | None = None
    """``unclosed_think`` or ``malformed_think``, where nobody can say what belongs to the reply."""


def enclose(**parts: str) -> str:
    """The parts in tags, one below the other; an empty part is left out."""
    return "\n".join(f"<{name}>\n{part}\n</{name}>" for name, part in parts.items() if part)


def read(text: str, *names: str) -> dict[str, str]:
    """The content of the first tag of each name, stripped; names that do not occur are absent.

    A tag inside its own kind is content (``<input><form><input></form></input>``). An open tag that never closes
    reaches to the next tag; a closing tag that was never opened reaches back to the last one.
    """
    spoken = "|".join((*map(re.escape, names), *(alias for alias, name in _ALIASES.items() if name in names)))
    marks = list(re.finditer(rf"<\s*([/\\]?)\s*({spoken}){_ATTRIBUTES}\s*>", text, re.IGNORECASE))
    opened = {_name(mark) for mark in marks if not mark[1]}
    found: dict[str, str] = {}
    position, at = 0, 0
    while at < len(marks):
        mark, name = marks[at], _name(marks[at])
        if name not in found and not mark[1]:
            end = _end(marks, at)
            found[name] = text[mark.end() : len(text) if end is None else marks[end].start()].strip()
            # A wrong end (<input>…</instruction>) is used up; a next opening tag is still to be read.
            at = end if end is not None and marks[end][1] else at
        elif name not in found and name not in opened:
            found[name] = text[position : mark.start()].strip()
        position = marks[at].end()
        at += 1
    return found


def read_task(text: str) -> Task | None:
    """The task of a reply: from its tags, or else from labels such as ``Rewritten instruction:``.

    What stands around it (an explanation, an answer, more alternatives) is left. ``None`` if neither is there: a
    bare text cannot be told from an answer.
    """
    parts = read(text, "instruction", "input")
    if "instruction" not in parts:
        parts = _labelled(text)
    if "instruction" not in parts:
        return None
    given = _unlabelled(parts.get("input", ""), "input")
    return Task(_bare(parts["instruction"]), "" if _NOTHING.fullmatch(given) else given)


def thought(text: str, apart: str | None = None) -> Thought:
    """Take ``<think>…</think>`` off a reply. ``apart`` is reasoning that the endpoint kept apart.

    The opening tag may be missing, since some chat templates put it into the prompt.
    """
    text = text or ""  # what some clients hand on for an empty reply is None
    marks = list(_THINK.finditer(text))
    if not marks:
        return Thought(text.strip(), (apart or "").strip() or None)
    if not any(mark[1] for mark in marks):
        return Thought(text[: marks[0].start()].strip(), problem="unclosed_think")
    depth, blocks = (0, 0) if not marks[0][1] else (1, 0)
    for mark in marks:
        depth += -1 if mark[1] else 1
        blocks += depth == 0
    if blocks > 1 or depth < 0 or (blocks and depth) or not marks[-1][1]:
        return Thought(_THINK.sub("", text).strip(), problem="malformed_think")
    # Nested and one end short: the last end is the end.
    last = max(mark.end() for mark in marks if mark[1])
    start = marks[0].start() if not marks[0][1] else 0
    inner = _THINK.sub("", text[start:last]).strip()
    return Thought((text[:start] + text[last:]).strip(), (apart or "").strip() or inner or None)


def _name(mark: re.Match[str]) -> str:
    spoken = mark[2].lower()
    return _ALIASES.get(spoken, spoken)


def _end(marks: Sequence[re.Match[str]], at: int) -> int | None:
    """Which mark ends the tag at ``at``: where its kind balances, else its last end, else the next of another kind."""
    name, depth = _name(marks[at]), 0
    ends = []
    for index in range(at, len(marks)):
        if _name(marks[index]) == name:
            depth += -1 if marks[index][1] else 1
            if marks[index][1]:
                ends.append(index)
            if depth == 0:
                return index
    return ends[-1] if ends else next((at + n for n, mark in enumerate(marks[at:]) if _name(mark) != name), None)


def _labelled(text: str) -> dict[str, str]:
    labels = list(_LABEL.finditer(text))
    found: dict[str, str] = {}
    for at, label in enumerate(labels):
        kind = label.lastgroup or "other"
        if found and kind in (*found, "other"):
            break  # the next alternative, or what follows the task
        if kind != "other" and (kind == "instruction" or found):
            stop = labels[at + 1].start() if at + 1 < len(labels) else len(text)
            found[kind] = text[label.end() : stop].strip()
    return found


def _unlabelled(text: str, kind: str) -> str:
    label = _LABEL.match(text)
    return text[label.end() :].strip() if label is not None and label.lastgroup == kind else text


def _bare(text: str) -> str:
    """A text without a fence, a label, quotes or bold around the whole of it."""
    text = text.strip()
    preamble = _PREAMBLE.match(text)
    text = _unlabelled(text[preamble.end() :] if preamble else text, "instruction")
    fence = _FENCE.fullmatch(text)
    if fence is not None:
        text = _unlabelled(fence[2].strip(), "instruction")
    if text.startswith("**") and text.endswith("**") and len(text) > 4 and "**" not in text[2:-2]:
        text = text[2:-2].strip()
    for left, right in _PAIRS:
        inner = text[1:-1]
        if len(text) > 2 and text[0] == left and text[-1] == right and left not in inner and right not in inner:
            return inner.strip()
    return text
