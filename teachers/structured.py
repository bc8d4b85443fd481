"""Replies of a fixed form: the schema as endpoints take it, and the object as they really send it.

Servers that hold a model to a JSON schema still send raw control characters inside strings, models that are only asked
for JSON put fences and words around it. This reads both. Not a JSON Schema validator: it knows objects, arrays,
strings, booleans, numbers and enums, which is all that our shapes use. Whether an endpoint keeps to a schema at all is
found out by ``probe.py``; where no object can be read, the generators read the text instead.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from schemas.exchange import Shape

_LENGTHS = frozenset({"minLength", "maxLength", "pattern"})
"""Bounds on free text; under them xgrammar lets raw control characters through, which strict JSON refuses."""
_NAMED = frozenset({"properties", "$defs", "definitions"})
"""What stands in these is a name, though it may be spelt like a keyword."""
_VALUES = frozenset({"enum", "const", "default", "examples", "required"})

_WHOLE_STRING = r'"(?:[^"\\]++|\\.)*+"'
_STRING = r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)'
"""One that never ends matches too: were it tried again from each of its quotes, reading would take quadratic time."""
_MARK = re.compile(rf"{_STRING}|[{{}}]", re.DOTALL)
_LOOSE_COMMA = re.compile(rf"{_STRING}|,(?=\s*+[}}\]])", re.DOTALL)
_ITEM = re.compile(rf"({_WHOLE_STRING})\s*+(?:,\s*+|(?=\])|\Z)", re.DOTALL)

_KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def response_format(shape: Shape) -> dict[str, Any]:
    """What asks an endpoint for ``shape``: the form that OpenAI, vLLM, llama.cpp and others share."""
    schema = {"name": shape.name, "schema": clean_schema(shape.schema), "strict": True}
    return {"type": "json_schema", "json_schema": schema}


def clean_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """``schema`` as OpenAI's strict mode wants it, and without bounds on free text.

    Every object is closed (``additionalProperties: false``) and requires all of its properties.
    """
    cleaned = {key: _cleaned(key, value) for key, value in schema.items() if key not in _LENGTHS}
    if cleaned.get("type") == "object" or "properties" in cleaned:
        cleaned["additionalProperties"] = False
        cleaned["required"] = list(cleaned.get("properties", ()))
    return cleaned


def read_object(text: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The object of ``schema`` in a reply, or None: there is none, it broke off, or several contradict each other.

    Raw control characters in strings, commas before a closing bracket, fences and words around the object are
    accepted; keys that the schema does not name are left in. Where the schema has no ``required``, all of its
    properties are. Never raises, and takes time linear in the length of the text.
    """
    fitting = [each for each in _objects(text) if fits(each, schema)]
    return fitting[0] if fitting and all(each == fitting[0] for each in fitting) else None


def read_cut_list(text: str, name: str) -> tuple[list[str], str] | None:
    """The strings of the list ``name`` in an object that broke off, and the rest, which is no whole string.

    None if no such list begins in the text. In time linear in its length, like ``read_object``.
    """
    start = re.search(rf'\{{\s*+"{re.escape(name)}"\s*+:\s*+\[\s*+', text)
    if start is None:
        return None
    items: list[str] = []
    at = start.end()
    while (match := _ITEM.match(text, at)) is not None:
        item = _parsed(match[1])
        if not isinstance(item, str):  # an escape that is none
            break
        items.append(item)
        at = match.end()
    rest = text[at:].strip()
    return items, "" if rest.startswith("]") else rest.removeprefix('"')


def fits(value: object, schema: Mapping[str, Any]) -> bool:
    """Whether ``value`` has the type, the keys and, of enums, one of the values that ``schema`` names."""
    kind = str(schema.get("type"))
    if not isinstance(value, _KINDS.get(kind, object)) or (isinstance(value, bool) and kind in ("integer", "number")):
        return False
    if isinstance(value, float) and not math.isfinite(value):
        return False
    if "enum" in schema and not any(type(each) is type(value) and each == value for each in schema["enum"]):
        return False
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        whole = all(name in value for name in schema.get("required", properties))
        return whole and all(fits(value[name], each) for name, each in properties.items() if name in value)
    return not isinstance(value, list) or all(fits(each, schema.get("items", {})) for each in value)


def _cleaned(key: str, value: Any) -> Any:
    if key in _VALUES:
        return value
    if key in _NAMED and isinstance(value, Mapping):
        return {name: clean_schema(each) for name, each in value.items()}
    if isinstance(value, Mapping):
        return clean_schema(value)
    if isinstance(value, list | tuple):
        return [clean_schema(each) if isinstance(each, Mapping) else each for each in value]
    return value


def _objects(text: str) -> list[dict[str, Any]]:
    """The objects of a text that stand in no other one."""
    whole = _parsed(text)
    found = [whole] if isinstance(whole, dict) else [_parsed(span) for span in _spans(text)]
    return [each for each in found if isinstance(each, dict)]


def _spans(text: str) -> list[str]:
    """The outermost ``{…}`` that close. Quotes count only inside of braces: prose has apostrophes and inches."""
    spans: list[tuple[int, int]] = []
    start = text.find("{")
    while start >= 0:
        opened: list[int] = []
        end = len(text)
        for mark in _MARK.finditer(text, start):
            if mark[0] == "{":
                opened.append(mark.start())
            elif mark[0] == "}":
                inner = opened.pop()
                while spans and spans[-1][0] > inner:
                    spans.pop()
                spans.append((inner, mark.end()))
            if not opened:
                end = mark.end()
                break
        start = text.find("{", end)
    return [text[begin:end] for begin, end in spans]


def _parsed(text: str) -> Any:
    """The JSON value of a text, or None."""
    value = _loaded(text)
    if value is None and "," in text:
        value = _loaded(_LOOSE_COMMA.sub(lambda match: "" if match[0] == "," else match[0], text))
    if value is not None and "\\u" in text:
        # An escape may name half of a surrogate pair, which UTF-8, Arrow and Parquet cannot hold.
        said = json.dumps(value, ensure_ascii=False)
        value = _loaded(said.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return value


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
