"""The kinds of slot in a wording: for each the regex it has in a text, and the way to and from its value.

A kind is exact in both directions: ``read(show(value)) == value``. Families may bring kinds of their own.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import cast

from teachers.builtin.task import Language, Rows, Value

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ROW = r"\|[^\n]*\|"


@dataclass(frozen=True, slots=True)
class SlotKind:
    """One kind of slot."""

    pattern: Mapping[Language, str]
    """Regex without groups."""
    show: Callable[[Value, Language], str]
    read: Callable[[str, Language], Value]
    """Raises ``ValueError`` or ``KeyError`` where the text is not of the kind after all."""


def _same(pattern: str) -> dict[Language, str]:
    return {"en": pattern, "zh": pattern}


def comma(language: Language) -> str:
    """What stands between the items of a list."""
    return "、" if language == "zh" else ", "


def _show_date(value: Value, language: Language) -> str:
    day = cast(date, value)
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def _read_date(text: str, language: Language) -> Value:
    if language == "zh":
        year, month, day = (int(part) for part in re.findall(r"\d+", text))
        return date(year, month, day)
    number, name, year_text = text.split()
    return date(int(year_text), MONTHS.index(name) + 1, int(number))


def _show_time(value: Value, language: Language) -> str:
    minutes = cast(int, value)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _read_time(text: str, language: Language) -> Value:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _show_list(value: Value, language: Language) -> str:
    return comma(language).join(str(item) for item in cast("tuple[str, ...]", value))


def _show_pairs(value: Value, language: Language) -> str:
    colon, between = ("：", "；") if language == "zh" else (": ", "; ")
    return between.join(f"{name}{colon}{amount}" for name, amount in cast(Rows, value))


def _read_pairs(text: str, language: Language) -> Value:
    colon, between = ("：", "；") if language == "zh" else (": ", "; ")
    return tuple(_pair(part, colon) for part in text.split(between))


def _pair(text: str, colon: str) -> tuple[str, ...]:
    name, amount = text.split(colon)
    return name, amount


def _show_lines(value: Value, language: Language) -> str:
    return "\n".join(f"{name}: {amount}" for name, amount in cast(Rows, value))


def _read_lines(text: str, language: Language) -> Value:
    return tuple(_pair(line, ": ") for line in text.split("\n"))


def _show_table(value: Value, language: Language) -> str:
    head, *body = cast(Rows, value)
    rule = ("---",) * len(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *body))


def _read_table(text: str, language: Language) -> Value:
    head, _rule, *body = (tuple(line[2:-2].split(" | ")) for line in text.split("\n"))
    return (head, *body)


def _show_csv(value: Value, language: Language) -> str:
    return "\n".join(",".join(row) for row in cast(Rows, value))


def _read_csv(text: str, language: Language) -> Value:
    return tuple(tuple(line.split(",")) for line in text.split("\n"))


def _show_records(value: Value, language: Language) -> str:
    head, *body = cast(Rows, value)
    lines = [json.dumps(dict(zip(head, row, strict=True)), ensure_ascii=False) for row in body]
    return "[" + ",\n ".join(lines) + "]"


def _read_records(text: str, language: Language) -> Value:
    records = json.loads(text)
    return (tuple(records[0]), *(tuple(record.values()) for record in records))


def _show_decimal(value: Value, language: Language) -> str:
    return f"{cast(Decimal, value):f}"


def _show_money(value: Value, language: Language) -> str:
    return f"{cast(Decimal, value):.2f}"


def _split(text: str, language: Language) -> list[str]:
    return text.split(comma(language))


KINDS: Mapping[str, SlotKind] = {
    "int": SlotKind(_same(r"-?\d+"), lambda v, _: str(v), lambda t, _: int(t)),
    "num": SlotKind(_same(r"-?\d+(?:\.\d+)?"), _show_decimal, lambda t, _: Decimal(t)),
    "money": SlotKind(_same(r"\d+\.\d\d"), _show_money, lambda t, _: Decimal(t)),
    "time": SlotKind(_same(r"\d\d:\d\d"), _show_time, _read_time),
    "date": SlotKind(
        {"en": rf"\d{{1,2}} (?:{'|'.join(MONTHS)}) \d{{4}}", "zh": r"\d{4}年\d{1,2}月\d{1,2}日"}, _show_date, _read_date
    ),
    "iso": SlotKind(
        _same(r"\d{4}-\d\d-\d\d"), lambda v, _: cast(date, v).isoformat(), lambda t, _: date.fromisoformat(t)
    ),
    "text": SlotKind(_same(r"[^\n]+?"), lambda v, _: str(v), lambda t, _: t),
    "block": SlotKind(_same(r"[\s\S]+?"), lambda v, _: str(v), lambda t, _: t),
    "ints": SlotKind(
        {"en": r"-?\d+(?:, -?\d+)*", "zh": r"-?\d+(?:、-?\d+)*"},
        _show_list,
        lambda t, language: tuple(int(part) for part in _split(t, language)),
    ),
    "list": SlotKind(_same(r"[^\n]+?"), _show_list, lambda t, language: tuple(_split(t, language))),
    "pairs": SlotKind(_same(r"[^\n]+?"), _show_pairs, _read_pairs),
    "lines": SlotKind(_same(r"[^\n:]+: [^\n]+(?:\n[^\n:]+: [^\n]+)*"), _show_lines, _read_lines),
    "table": SlotKind(_same(rf"{_ROW}\n{_ROW}(?:\n{_ROW})+"), _show_table, _read_table),
    "csv": SlotKind(_same(r"[^\n,]+,[^\n]+(?:\n[^\n]+)+"), _show_csv, _read_csv),
    "records": SlotKind(_same(r"\[\{[\s\S]*\}\]"), _show_records, _read_records),
}
