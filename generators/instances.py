"""Instances of a task: read from replies of three layouts, and judged as Self-Instruct judges them.

The layouts are those of ``docs/prompts.md``: examples with the input first, labels first, and whole tasks in a row
(Alpaca). Labels are read bold, numbered, with full-width colons and in both languages; a new start without its heading
is seen all the same. Nothing raises; each record found is returned, complete or not, and so is what is none. A reply
whose thoughts have no end (``replies.clean``) holds nothing.

Rules: Self-Instruct (arXiv 2212.10560), App. A and ``prepare_for_finetuning.py``.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from generators.replies import clean, farewell, unfenced, unwrap, without_input


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a reply; ``None`` is a field that it should have and has not."""

    output: str | None
    input: str = ""
    instruction: str | None = None
    raw: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Flawed:
    """A record that cannot be used."""

    reason: str
    record: Record


def _label(*names: str) -> str:
    """A label at the start of a line: ``Input:``, ``**Input 2:**``, ``3. Input：``, ``- __输入__：``."""
    number = r"(?:\d{1,3}[ \t]*[.)、．][ \t]*)?"
    return (
        rf"^[ \t\u3000]*(?:[-*+>][ \t]+)?(?:\#{{1,6}}[ \t]*)?{number}(?:\*\*|__)?{number}"
        rf"(?:{'|'.join(names)})[ \t]*\d{{0,3}}[ \t]*(?:\*\*|__)?[ \t]*[:：][ \t]*(?:\*\*|__)?[ \t]*"
    )


_INSTRUCTION = ("instructions?", "指令")
_INPUT = ("inputs?", "输入")
_OUTPUT = ("outputs?", "输出")
_CLASS = ("class[ _]labels?", "label", "class", "类别标签", "分类标签", "标签", "类别")

_FIELDS = re.compile(
    f"(?P<instruction>{_label(*_INSTRUCTION)})|(?P<input>{_label(*_INPUT)})"
    f"|(?P<output>{_label(*_OUTPUT)})|(?P<label>{_label(*_CLASS)})",
    re.IGNORECASE,
)
_HEADING = re.compile(
    r"[ \t\u3000]*(?:\#{1,6}[ \t]*)?(?:\*\*|__)?(?:example|示例|例子?)"
    r"[ \t]*[#＃]?\d{1,3}[ \t]*[.:：)）、]?(?:\*\*|__)?[:：]?[ \t]*",
    re.IGNORECASE,
)
_TASK = re.compile(
    # A heading by its marks; "Task 4:" alone on a line may be content.
    r"[ \t\u3000]*(?:\#{1,6}[ \t]*(?:\*\*)?|\*\*)(?:task|任务)"
    r"[ \t]*[#＃]?(?P<number>\d{1,3})[ \t]*[.:：)）、]?(?:\*\*)?[:：]?[ \t]*",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"[ \t]*(?:\#{2,6}|-{3,}|\*{3,}|={3,}"
    r"|\#{0,6}[ \t]*(?:\*\*)?(?:task|任务)[ \t]*\d{1,3}[.:：]?(?:\*\*)?[:：]?)[ \t]*",
    re.IGNORECASE,
)
_INLINE = {
    "input": re.compile(r"(?:(?<=[\s.?!。？！>])|^)(?:inputs?|输入)[ \t]*[:：][ \t]*", re.IGNORECASE),
    "output": re.compile(r"(?:(?<=[\s.?!。？！>])|^)(?:outputs?|输出)[ \t]*[:：][ \t]*", re.IGNORECASE),
}
_BORDER = r"(?<=[\s.?!。？！>;；,，|→])"
_PAIR = re.compile(
    # Both labels are in the line: a lone "Input:" in a sentence opens nothing.
    rf"{_BORDER}(?=(?:inputs?|输入)[ \t]*[:：].*{_BORDER}(?:outputs?|输出)[ \t]*[:：])",
    re.IGNORECASE,
)
_SECOND = re.compile(
    rf"[ \t]*(?:->|=>|→|[;；,，|])?[ \t]*{_BORDER}(?=(?:outputs?|输出)[ \t]*[:：])",
    re.IGNORECASE,
)
"""The place before ``Output:`` inside a line, with what joins it to the input."""
_PREFACE = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here (?:is|are)|here's)\b|好的|当然|没问题|以下|下面|.*[:：]\Z",
    re.IGNORECASE | re.DOTALL,
)
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")


def read_examples(reply: str) -> tuple[list[Record], tuple[str, ...]]:
    """The examples of an input-first reply (``Example n``, ``Input:``, ``Output:``), and the rest.

    With a heading, an example without ``Output:`` is an output as a whole, as in the paper; without any heading or
    label, nothing is found. A second output of one input is a record of its own, so that ``judge`` sees the conflict.
    """
    records: list[Record] = []
    chatter: list[str] = []
    text, remark = farewell(clean(reply).text)  # a closing remark is nobody's output
    for lines, headed in _split(text, _HEADING):
        given: str | None = None
        for place, part in enumerate(_regroup(_unfolded(lines), "input", "output", again=True)):
            fields = _fields(part, "input", "output")
            before = fields.get("", "")
            if headed and not place and fields.keys() <= {""}:
                fields, before = {"output": before}, ""
            elif "input" in fields or "output" not in fields or (not headed and _PREFACE.match(before)):
                chatter.append(before)
                before = ""
            if fields.keys() & {"input", "output"}:
                given = fields.get("input", given if place else before)
                records.append(_record(part, fields.get("output"), given))
    return records, _said(*chatter, remark)


def read_labels(reply: str) -> tuple[list[Record], tuple[str, ...]]:
    """The examples of a label-first reply (``Class label:``, then the input, with or without ``Input:``), and the rest.

    If the reply begins with an input, the label that belongs to it is the one that follows.
    """
    records: list[Record] = []
    chatter: list[str] = []
    text, remark = farewell(clean(reply).text)  # a closing remark is nobody's output
    kinds = [match.lastgroup for match in map(_FIELDS.match, text.split("\n")) if match]
    order = ("input", "label") if kinds[:1] == ["input"] else ("label", "input")
    for lines, _ in _split(text, _HEADING):
        for part in _regroup(lines, order[0], "label"):
            fields = _fields(part, *order)
            chatter.append(fields.get("", "") if "label" in fields else "\n".join(part))
            if "label" in fields:
                first, _, rest = fields["label"].partition("\n")
                label, inline = _cut(first, "input")
                given = [text for text in (inline, rest.strip(), fields.get("input")) if text]
                records.append(_record(part, label, "\n".join(given)))
    return records, _said(*chatter, remark)


def read_tasks(reply: str) -> tuple[list[Record], tuple[str, ...]]:
    """The tasks of an Alpaca-style reply (``### Task n``, ``Instruction:``, ``Input:``, ``Output:``), and the rest."""
    records: list[Record] = []
    chatter: list[str] = []
    text, remark = farewell(clean(reply).text)
    for lines, headed in _split(text, _TASK):
        for place, part in enumerate(_regroup(lines, "instruction", "output")):
            fields = _on_one_line(_fields(part, "instruction", "input", "output"))
            instruction = fields.get("instruction", fields.get("") if headed and not place else None)
            if headed or fields.keys() & {"instruction", "output"}:
                record = _record(part, fields.get("output"), fields.get("input"))
                records.append(replace(record, instruction=instruction and unwrap(instruction)))
            else:
                chatter.append("\n".join(part))
    return records, _said(*chatter, remark)


def judge(records: Sequence[Record], *, truncated: bool) -> tuple[list[Record], list[Flawed]]:
    """The usable instances of one task, and the others with their reasons; together they are ``records``.

    If two share an input and differ in the output, nobody knows which is right: all are out.
    """
    kept: list[Record] = []
    flawed: list[Flawed] = []
    for place, record in enumerate(records):
        reason = "truncated" if truncated and place == len(records) - 1 else flaw(record)
        if reason is None and record in kept:
            reason = "duplicate_instance"
        if reason is None:
            kept.append(record)
        else:
            flawed.append(Flawed(reason, record))
    outputs: dict[str, str | None] = {}
    for record in kept:
        if record.input and outputs.setdefault(record.input, record.output) != record.output:
            return [], [*flawed, *(Flawed("conflicting_outputs", each) for each in kept)]
    return kept, flawed


def flaw(record: Record) -> str | None:
    """Why one instance cannot be used, or ``None``."""
    given, output = record.input, record.output
    checks = {
        "missing_output": output is None,
        "empty_output": output == "",
        "echo": output is not None and output == given,
        "ends_with_colon": given.endswith((":", "：")) or (output or "").endswith((":", "：")),
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def _said(*chatter: str) -> tuple[str, ...]:
    return tuple(text.strip() for text in chatter if text.strip())


def _split(text: str, heading: re.Pattern[str]) -> list[tuple[list[str], bool]]:
    """The lines below each heading; what stands before the first one comes first, as not headed."""
    pieces: list[tuple[list[str], bool]] = [([], False)]
    lines = _lines(text)
    marks = [None if fenced else heading.match(line) for line, fenced in lines]
    content = _inner(lines, marks) if heading is _TASK else set()
    for at, (line, _) in enumerate(lines):
        mark = None if at in content else marks[at]
        rest = line[mark.end() :] if mark else ""
        if mark and (not rest or heading is _TASK or _FIELDS.match(rest)):
            pieces.append(([rest] if rest else [], True))
        else:
            pieces[-1][0].append(line)
    return [(lines, headed) for lines, headed in pieces if headed or any(line.strip() for line in lines)]


def _inner(lines: Sequence[tuple[str, bool]], marks: Sequence[re.Match[str] | None]) -> set[int]:
    """The task headings that belong to an output: no label below, and a number that is not a new task's.

    That is one that is not above the current number, that goes on counting inside the output, or that a task with
    labels has too.
    """
    numbers = {at: int(mark["number"]) for at, mark in enumerate(marks) if mark}
    labelled: set[int] = set()
    for start, end in itertools.pairwise([*numbers, len(lines)]):
        mark = marks[start]
        below = [line for line, fenced in lines[start + 1 : end] if not fenced]
        if any(map(_FIELDS.match, [lines[start][0][mark.end() if mark else 0 :], *below])):
            labelled.add(start)
    content: set[int] = set()
    current, inner = 0, 0
    for at, number in numbers.items():
        taken = any(numbers[other] == number for other in labelled if other > at)
        if current and at not in labelled and (number <= current or number == inner + 1 or taken):
            content.add(at)
            inner = number
        else:
            current, inner = number, 0
    return content


def _regroup(lines: list[str], first: str, last: str, *, again: bool = False) -> list[list[str]]:
    """Glued records apart: a ``first`` label begins the next record once a ``last`` one, or a task, was seen.

    With ``again`` so does a second ``last`` label.
    """
    groups: list[list[str]] = [[]]
    seen: set[str | None] = set()
    for line, fenced in _lines("\n".join(lines)):
        label = None if fenced else _FIELDS.match(line)
        kind = label.lastgroup if label else None
        if (kind == first and seen & {last, "instruction"}) or (again and kind == last and last in seen):
            groups.append([])
            seen = set()
        seen.add(kind)
        groups[-1].append(line)
    return groups


def _unfolded(lines: list[str]) -> list[str]:
    """A line for each label of ``Input: a Output: b``, unless the output has a line of its own below."""
    marked = _lines("\n".join(lines))
    kinds = [None if fenced else getattr(_FIELDS.match(line), "lastgroup", None) for line, fenced in marked]
    unfolded: list[str] = []
    for at, line in enumerate(lines):
        following = next((kind for kind in kinds[at + 1 :] if kind), None)
        if kinds[at] == "input" and following != "output" and _SECOND.search(line):
            starts = [0, *(pair.start() for pair in _PAIR.finditer(line)), len(line)]
            for start, end in itertools.pairwise(starts):
                unfolded += [part.strip() for part in _SECOND.split(line[start:end], maxsplit=1)]
        else:
            unfolded.append(line)
    return unfolded


def _fields(lines: list[str], *order: str) -> dict[str, str]:
    """The fields of one record by label; "" is text before the first. A label out of order, or again, is content."""
    fields: dict[str, list[str]] = {"": []}
    current = ""
    for line, fenced in _lines("\n".join(lines)):
        label = None if fenced else _FIELDS.match(line)
        kind = label.lastgroup if label else None
        if label and kind in order and (not current or order.index(kind) > order.index(current)):
            current = kind
            fields[current] = [line[label.end() :]]
        else:
            fields[current].append(line)
    texts = {kind: _tidy(content) for kind, content in fields.items()}
    return {kind: text for kind, text in texts.items() if kind or text}


def _on_one_line(fields: dict[str, str]) -> dict[str, str]:
    """A whole task on one line: ``Instruction: … Input: … Output: …``."""
    if "instruction" not in fields or "output" in fields:
        return fields
    holder = "input" if "input" in fields else "instruction"
    before, output = _cut(fields[holder], "output")
    if output is None:
        return fields
    if holder == "input":
        return {**fields, "input": before, "output": output}
    instruction, given = _cut(before, "input")
    return {**fields, "instruction": instruction, "input": given or "", "output": output}


def _cut(text: str, label: str) -> tuple[str, str | None]:
    found = _INLINE[label].search(text)
    return (text[: found.start()].strip(), text[found.end() :].strip()) if found else (text.strip(), None)


def _record(lines: list[str], output: str | None, given: str | None) -> Record:
    return Record(
        output=None if output is None else unfenced(output),
        input=without_input(unfenced(given or "")),
        raw="\n".join(lines).strip(),
    )


def _tidy(lines: list[str]) -> str:
    """A field without the separators, headings and loose fences of the next record at its end."""
    lines = list(lines)
    while lines and (not lines[-1].strip() or _SEPARATOR.fullmatch(lines[-1])):
        lines.pop()
    return "\n".join(lines).strip()


def _lines(text: str) -> list[tuple[str, bool]]:
    """Each line, and whether it stands inside a closed code fence, where labels are content."""
    lines = text.split("\n")
    fences = [at for at, line in enumerate(lines) if _FENCE.match(line)]
    pairs = list(zip(fences[::2], fences[1::2], strict=False))
    inside = {at for start, end in pairs for at in range(start, end + 1)}
    return [(line, at in inside) for at, line in enumerate(lines)]
