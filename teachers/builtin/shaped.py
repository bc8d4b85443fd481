"""Puts a reply of the offline teacher into the JSON that a schema asks for, as an endpoint with guided decoding does.

An enum becomes the member that the text names, an array of strings the numbered items of the text, a string the whole
text. As with a model that is held to a grammar, something of the right form comes out of any text: an enum that the
text does not name becomes its first member. Not a validator, and not all of JSON Schema: what it does not know
(``pattern``, ``allOf``, references to elsewhere, …) it does not fill in.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_ITEM = re.compile(r"^\s*(?:\d+[.)、．]|[-*•])\s*", re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_YES = re.compile(r"\s*(?:yes|true|equal|是|相同|对)", re.IGNORECASE)
_UNKNOWN = {"allOf", "oneOf", "not", "if", "pattern", "patternProperties", "format", "prefixItems", "contains", "$ref"}
_BOUNDS = {"minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}


class _NotKnown(Exception):
    """A part of the schema that cannot be filled in."""


def shaped(text: str, schema: Mapping[str, Any]) -> str | None:
    """JSON that is valid against ``schema`` and says what ``text`` says; ``None``: the schema is not understood."""
    try:
        return json.dumps(_value(text, schema), ensure_ascii=False)
    except _NotKnown:
        return None


def _value(text: str, schema: Any) -> Any:
    if not isinstance(schema, Mapping) or _UNKNOWN & schema.keys():
        raise _NotKnown
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return _member(text, schema["enum"])
    if "anyOf" in schema:
        return _value(text, schema["anyOf"][0])
    kind = schema.get("type")
    fill = _FILLED.get(kind[0] if isinstance(kind, list) and kind else kind)
    if fill is None or _BOUNDS & schema.keys():
        raise _NotKnown
    return fill(text, schema)


def _object(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    parts = schema.get("properties") or {}
    missing = set(schema.get("required") or ()) - parts.keys()
    if missing:
        raise _NotKnown
    return {name: _value(text, part) for name, part in parts.items()}


def _array(text: str, schema: Mapping[str, Any]) -> list[Any]:
    items = _items(text)[: schema.get("maxItems")]
    if len(items) < schema.get("minItems", 0) or schema.get("uniqueItems"):
        raise _NotKnown
    return [_value(item, schema.get("items")) for item in items]


def _items(text: str) -> list[str]:
    """The numbered items of a text; all of it where nothing is numbered."""
    starts = list(_ITEM.finditer(text))
    if not starts:
        return [text.strip()] if text.strip() else []
    ends = [start.start() for start in starts[1:]] + [len(text)]
    items = [text[start.end() : end].strip() for start, end in zip(starts, ends, strict=True)]
    return [item for item in items if item]


def _member(text: str, members: Sequence[Any]) -> Any:
    """The member that the text names: where it begins with one, the longest such, else the last one it mentions."""
    if not members:
        raise _NotKnown
    said = text.strip().casefold()
    names = sorted((str(member).casefold() for member in members), key=len, reverse=True)
    named = next((name for name in names if said.startswith(name)), None)
    if named is None:
        # The longest first: "not equal" holds "equal".
        found = [(said.rfind(name) + len(name), len(name), name) for name in names if name in said]
        named = max(found)[2] if found else str(members[0]).casefold()
    return next(member for member in members if str(member).casefold() == named)


def _number(text: str, schema: Mapping[str, Any]) -> float:
    found = _NUMBER.findall(text)
    return float(found[-1]) if found else 0.0


_FILLED: Mapping[Any, Any] = {
    "object": _object,
    "array": _array,
    "string": lambda text, _: text.strip(),
    "integer": lambda text, schema: int(_number(text, schema)),
    "number": _number,
    "boolean": lambda text, _: _YES.match(text) is not None,
    "null": lambda text, _: None,
}
"""How each type is filled in."""
