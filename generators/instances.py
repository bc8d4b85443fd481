"""Instances of a task: read from replies of three layouts, and judged as Self-Instruct judges them.

The layouts are those of ``docs/prompts.md``: examples with the input first, labels first, and whole tasks in a row
(Alpaca). Labels are read bold, numbered, with full-width colons and in both languages; a new start without its heading
is seen all the same. Nothing raises, and each record found is returned, complete or not.

Rules: Self-Instruct (arXiv 2212.10560), App. A and ``prepare_for_finetuning.py``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from generators.replies import clean, unfenced, unwrap, without_input


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
    r"[ \t]*[#＃]?\d{1,3}[ \t]*[.:：)）、]?(?:\*\*)?[:：]?[ \t]*",
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
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")


def read_examples(reply: str) -> list[Record]:
    """The examples of an input-first reply: ``Example n``, ``Input:``, ``Output:``.

    With a heading, an example without ``Output:`` is an output as a whole, as in the paper; without any heading or
    label, nothing is found.
    """
    records: list[Record] = []
    for lines, headed in _split(clean(reply), _HEADING):
        for place, part in enumerate(_regroup(lines, "input", "output")):
            fields = _fields(part, "input", "output")
            if headed and not place and fields.keys() <= {""}:
                fields = {"output": fields.get("", "")}
            if fields.keys() & {"input", "output"}:
                records.append(_record(part, fields.get("output"), fields.get("input", fields.get(""))))
    return records


def read_labels(reply: str) -> list[Record]:
    """The examples of a label-first reply: ``Class label:``, then the input, with or without ``Input:``.

    If the reply begins with an input, the label that belongs to it is the one that follows.
    """
    text = clean(reply)
    kinds = [match.lastgroup for match in map(_FIELDS.match, text.split("\n")) if match]
    order = ("input", "label") if kinds[:1] == ["input"] else ("label", "input")
    records: list[Record] = []
    for lines, _ in _split(text, _HEADING):
        for part in _regroup(lines, order[0], "label"):
            fields = _fields(part, *order)
            if "label" in fields:
                first, _, rest = fields["label"].partition("\n")
                label, inline = _cut(first, "input")
                given = [text for text in (inline, rest.strip(), fields.get("input")) if text]
                records.append(_record(part, label, "\n".join(given)))
    return records


def read_tasks(reply: str) -> tuple[list[Record], tuple[str, ...]]:
    """The tasks of an Alpaca-style reply (``### Task n``, ``Instruction:``, ``Input:``, ``Output:``), and the rest."""
    records: list[Record] = []
    chatter: list[str] = []
    for lines, headed in _split(clean(reply), _TASK):
        for place, part in enumerate(_regroup(lines, "instruction", "output")):
            fields = _on_one_line(_fields(part, "instruction", "input", "output"))
            instruction = fields.get("instruction", fields.get("") if headed and not place else None)
            if headed or fields.keys() & {"instruction", "output"}:
                record = _record(part, fields.get("output"), fields.get("input"))
                records.append(replace(record, instruction=instruction and unwrap(instruction)))
            else:
                chatter.append("\n".join(part).strip())
    return records, tuple(chatter)


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


def _split(text: str, heading: re.Pattern[str]) -> list[tuple[list[str], bool]]:
    """The lines below each heading; what stands before the first one comes first, as not headed."""
    pieces: list[tuple[list[str], bool]] = [([], False)]
    for line, fenced in _lines(text):
        mark = None if fenced else heading.match(line)
        rest = line[mark.end() :] if mark else ""
        if mark and (not rest or heading is _TASK or _FIELDS.match(rest)):
            pieces.append(([rest] if rest else [], True))
        else:
            pieces[-1][0].append(line)
    return [(lines, headed) for lines, headed in pieces if headed or any(line.strip() for line in lines)]


def _regroup(lines: list[str], first: str, last: str) -> list[list[str]]:
    """Glued records apart: a ``first`` label begins the next record once a ``last`` one, or a task, was seen."""
    groups: list[list[str]] = [[]]
    seen: set[str | None] = set()
    for line, fenced in _lines("\n".join(lines)):
        label = None if fenced else _FIELDS.match(line)
        kind = label.lastgroup if label else None
        if kind == first and seen & {last, "instruction"}:
            groups.append([])
            seen = set()
        seen.add(kind)
        groups[-1].append(line)
    return groups


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
