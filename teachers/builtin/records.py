"""Small structured documents, written and read back exactly: JSON, YAML, XML, CSV, a Markdown table, Python code.

Only what ``complicate_input`` needs: named fields that hold a text, or a list of lines in the nested formats. A text
that is a plain integer is written as a number.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from html import escape, unescape

Field = tuple[str, str | list[str]]

FLAT = ("JSON", "YAML", "XML", "CSV", "Markdown", "Python")
NESTED = ("JSON", "YAML", "XML", "Python")
"""Those in which a field may hold several lines."""

_INT = re.compile(r"-?[1-9]\d*|0")
_XML_FIELD = re.compile(r"  <(\w+)>(.*?)</\1>(?:\n|$)", re.DOTALL)
_XML_LINE = re.compile(r"<line>(.*?)</line>")


def encode(form: str, fields: Sequence[Field]) -> str:
    """The document.

    Raises:
        ValueError: the fields cannot be written in this format so that ``decode`` gives them back.
    """
    text = _WRITERS[form](fields)
    if len({name for name, _ in fields}) < len(fields) or decode(form, text) != list(fields):
        raise ValueError(f"{form} cannot hold these fields")
    return text


def decode(form: str, text: str) -> list[Field]:
    """The fields of a document; empty if it is none of ours."""
    try:
        return _READERS[form](text)
    except (ValueError, KeyError, AttributeError, IndexError):
        return []


def _plain(value: str | list[str]) -> str | int | list[str]:
    return int(value) if isinstance(value, str) and _INT.fullmatch(value) else value


def _text(value: object) -> str | list[str]:
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value)


def _dump(value: str | list[str]) -> str:
    return json.dumps(_plain(value), ensure_ascii=False)


def _write_json(fields: Sequence[Field]) -> str:
    return json.dumps({name: _plain(value) for name, value in fields}, ensure_ascii=False, indent=2)


def _read_json(text: str) -> list[Field]:
    return [(name, _text(value)) for name, value in json.loads(text).items()]


def _write_yaml(fields: Sequence[Field]) -> str:
    lines: list[str] = []
    for name, value in fields:
        lines.append(f"{name}:" if isinstance(value, list) else f"{name}: {_dump(value)}")
        lines.extend(f"  - {_dump([item])[1:-1]}" for item in value if isinstance(value, list))
    return "\n".join(lines)


def _read_yaml(text: str) -> list[Field]:
    fields: list[Field] = []
    for line in text.split("\n"):
        held = fields[-1][1] if fields else None
        if line.startswith("  - ") and isinstance(held, list):
            held.append(str(json.loads(line[4:])))
        elif line.endswith(":"):
            fields.append((line[:-1], []))
        else:
            name, value = line.split(": ", 1)
            fields.append((name, _text(json.loads(value))))
    return fields


def _write_xml(fields: Sequence[Field]) -> str:
    lines = ["<record>"]
    for name, value in fields:
        inner = escape(value, quote=False) if isinstance(value, str) else _xml_lines(value)
        lines.append(f"  <{name}>{inner}</{name}>")
    return "\n".join([*lines, "</record>"])


def _xml_lines(lines: list[str]) -> str:
    return "\n" + "".join(f"    <line>{escape(line, quote=False)}</line>\n" for line in lines) + "  "


def _read_xml(text: str) -> list[Field]:
    body = text.removeprefix("<record>\n").removesuffix("</record>")
    fields: list[Field] = []
    for name, inner in _XML_FIELD.findall(body):
        lines = [unescape(line) for line in _XML_LINE.findall(inner)]
        fields.append((name, lines if inner.startswith("\n") else unescape(inner)))
    return fields


def _write_csv(fields: Sequence[Field]) -> str:
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows([("field", "value"), *fields])
    return target.getvalue().rstrip("\n")


def _read_csv(text: str) -> list[Field]:
    head, *rows = csv.reader(io.StringIO(text))
    return [(row[0], row[1]) for row in rows] if head == ["field", "value"] else []


def _write_markdown(fields: Sequence[Field]) -> str:
    return "\n".join(["| field | value |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in fields)])


def _read_markdown(text: str) -> list[Field]:
    rows = [line[2:-2].split(" | ") for line in text.split("\n")[2:]]
    return [(row[0], row[1]) for row in rows if len(row) == 2]


def _write_python(fields: Sequence[Field]) -> str:
    return "\n".join(f"{name} = {_python(value)}" for name, value in fields)


def _python(value: str | list[str]) -> str:
    if isinstance(value, str):
        return _dump(value)
    return "[\n" + "".join(f"    {_dump([line])[1:-1]},\n" for line in value) + "]"


def _read_python(text: str) -> list[Field]:
    fields: list[Field] = []
    for line in text.split("\n"):
        held = fields[-1][1] if fields else None
        if line.startswith("    ") and isinstance(held, list):
            held.append(str(json.loads(line.strip().removesuffix(","))))
        elif line.endswith(" = ["):
            fields.append((line.removesuffix(" = ["), []))
        elif line != "]":
            name, value = line.split(" = ", 1)
            fields.append((name, _text(json.loads(value))))
    return fields


_WRITERS: dict[str, Callable[[Sequence[Field]], str]] = {
    "JSON": _write_json, "YAML": _write_yaml, "XML": _write_xml,
    "CSV": _write_csv, "Markdown": _write_markdown, "Python": _write_python,
}  # fmt: skip
_READERS: dict[str, Callable[[str], list[Field]]] = {
    "JSON": _read_json, "YAML": _read_yaml, "XML": _read_xml,
    "CSV": _read_csv, "Markdown": _read_markdown, "Python": _read_python,
}  # fmt: skip
