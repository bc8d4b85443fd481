"""The data move into a structured input: the instruction's figures into fields, or the whole input into a record.

Unlike other riders these change texts, not the answer: ``apply`` does it, ``undo`` takes it back. The formats
themselves: ``teachers/builtin/records.py``.
"""

from collections.abc import Mapping
from random import Random

from teachers.builtin.draft import FRAME, Draft, RiderKind, Site
from teachers.builtin.pattern import Pattern
from teachers.builtin.records import FLAT, NESTED, decode, encode
from teachers.builtin.task import Params, Rows, Value

_EXTRAS = ("record_id", "entered_by", "sheet_no", "checked_on", "revision")
"""Fields of no account, as real records have them."""
_FIELDS = ("payload", "content", "body", "source_text", "attachment")


def apply(
    values: Mapping[str, Value], instruction: str, input: str, core: tuple[str, str], data: Mapping[str, str]
) -> tuple[str, str]:
    """Instruction and input after the move. ``core`` is the task's own sentence with its figures, and with holes.

    Raises:
        ValueError: the texts do not fit the format.
    """
    if "first" in values or "field" in values:
        if not input:
            raise ValueError("there is no input to dress")
        return instruction, _number(values, input) if "first" in values else _wrap(values, input)
    form, extras = str(values["format"]), _extras(values)
    if input or core[0] not in instruction or core[0] == core[1]:
        raise ValueError("there are no figures to move, or the input is in use")
    return instruction.replace(core[0], core[1], 1), encode(form, [*data.items(), *extras])


def _extras(values: Mapping[str, Value]) -> list[tuple[str, str]]:
    rows = Params(values, "en").rows("extra")
    return [(row[0], row[1]) for row in rows]


def _wrap(values: Mapping[str, Value], input: str) -> str:
    return encode(str(values["format"]), [(str(values["field"]), input.split("\n")), *_extras(values)])


def _number(values: Mapping[str, Value], input: str) -> str:
    first = Params(values, "en").whole("first")
    return "\n".join(f"{index} | {line}" for index, line in enumerate(input.split("\n"), first))


def _unnumber(values: Mapping[str, Value], input: str) -> str | None:
    lines = [line.partition(" | ") for line in input.split("\n")]
    plain = "\n".join(line for _, _, line in lines)
    return plain if _number(values, plain) == input else None


def undo(values: Mapping[str, Value], instruction: str, input: str) -> tuple[str, str, Rows] | None:
    """Instruction and input before the move, and the extra fields; ``None`` if ``apply`` did not write this."""
    if "first" in values:
        plain = _unnumber(values, input)
        return None if plain is None else (instruction, plain, ())
    fields = decode(str(values["format"]), input)
    if not fields:
        return None
    if "field" in values:
        (name, lines), *rest = fields
        if name != values["field"] or not isinstance(lines, list):
            return None
        return instruction, "\n".join(lines), tuple((field, str(text)) for field, text in rest)
    extra: list[tuple[str, str]] = []
    for field, text in fields:
        if f"[{field}]" in instruction:
            instruction = instruction.replace(f"[{field}]", str(text))
        else:
            extra.append((field, str(text)))
    return instruction, "", tuple(extra)


def holes(pattern: Pattern, shown: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The figures of a wording by slot, and what the slots show once the figures have moved out."""
    data = {slot.name: shown[slot.name] for slot in pattern.slots if slot.kind not in (None, "pick")}
    return data, {**shown, **{name: f"[{name}]" for name in data}}


def _draw_extra(rng: Random) -> Rows:
    names = rng.sample(_EXTRAS, rng.randint(0, 2))
    return tuple((name, f"{rng.choice('ABCDEFGHKMNPRSTW')}-{rng.randint(100, 9999)}") for name in names)


def _draw_move(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"format": rng.choice(FLAT), "extra": _draw_extra(rng)}


def _draw_wrap(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"format": rng.choice(NESTED), "field": rng.choice(_FIELDS), "extra": _draw_extra(rng)}


def _draw_first(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"first": rng.choice([1, 10, 100]) + rng.randrange(60), "extra": ()}


def _nothing(site: Site, draft: Draft, p: Params) -> None:
    """The data stand elsewhere; the answer stays."""


KINDS = (
    RiderKind(
        "move", "complicate_input", FRAME,
        {
            "en": (
                "Each name in square brackets stands for a field of the {format:text} input; look the values up there.",
                "The figures have been moved to the {format:text} record in the input, under the names in square "
                "brackets.",
                "What belongs in the brackets has to be read from the {format:text} data that come as input.",
                "Fill in the bracketed names from the {format:text} in the input before solving; further fields "
                "do not matter.",
                "Note that the input is a piece of {format:text} and that [brackets] refer to its entries by name.",
            ),
            "zh": (
                "方括号里的名称对应输入中{format:text}的字段，请到那里查取数值。",
                "各项数据已移到输入的{format:text}记录里，名称见方括号。",
                "方括号处的内容要从作为输入的{format:text}数据中读取。",
                "解题前请用输入里的{format:text}补全方括号中的名称，其余字段无关紧要。",
                "注意输入是一段{format:text}，[方括号]按名称引用其中的条目。",
            ),
        },
        _draw_move, _nothing, place="input",
    ),
    RiderKind(
        "record", "complicate_input", FRAME,
        {
            "en": (
                "The input now arrives as {format:text}: the original lines stand in the field \"{field:text}\", "
                "all else is metadata.",
                "Extract the lines of \"{field:text}\" from the {format:text} input first; the other fields can "
                "be ignored.",
                "As the data come from an interface, the input is {format:text} and only its \"{field:text}\" "
                "entry holds the content.",
                "Read the input as {format:text} and work with the lines listed under \"{field:text}\".",
            ),
            "zh": (
                "输入现在是{format:text}：原来的各行位于字段“{field:text}”，其余都是元数据。",
                "请先从{format:text}输入中取出“{field:text}”的各行，其他字段可以忽略。",
                "数据来自接口，因此输入为{format:text}，只有“{field:text}”一项是正文。",
                "请按{format:text}读取输入，并使用“{field:text}”下列出的各行。",
            ),
        },
        _draw_wrap, _nothing, place="input",
    ),
    RiderKind(
        "listing", "complicate_input", FRAME,
        {
            "en": (
                "The input is a program-style listing: a line number from {first:int} on and a bar precede each "
                "line and are no data.",
                "Every input line comes as in a code editor, with its number (starting at {first:int}) and a bar; "
                "disregard both.",
                "Mind that the input was exported with line numbers beginning at {first:int}; only what follows "
                "the bar counts.",
                "Strip the numbers {first:int} and up, with their bars, from the input table before you use its lines.",
            ),
            "zh": (
                "输入像程序清单：每行前面有从{first:int}起的行号和竖线，它们不是数据。",
                "输入的每一行都像在代码编辑器里那样带行号（从{first:int}开始）和竖线，请忽略这两样。",
                "注意输入导出时带有从{first:int}起的行号，只有竖线后面的内容算数。",
                "使用输入各行之前，请先去掉{first:int}起的编号及其竖线。",
            ),
        },
        _draw_first, _nothing, place="input",
    ),
)  # fmt: skip
