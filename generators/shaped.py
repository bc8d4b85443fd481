"""Replies that a prompt asked for as JSON: the shapes themselves, and how they are read.

A generator hangs a shape on its prompt and asks here what the reply holds. It never learns whether the endpoint kept to
the shape, ignored it or was not asked to: where a function says None, the reply is read as text, as it always was. Not
here: how a shape is sent and how nearly-JSON is read (``teachers/structured.py``).
"""

from functools import cache
from typing import Any

from generators import prompts
from generators.replies import clean, numbered
from schemas.exchange import Completion, Shape
from teachers.structured import read_cut_list, read_object


@cache
def choice(stage: str, name: str, language: str, field: str, **options: tuple[str, ...]) -> Shape:
    """``{"<field>": "<option>"}``, with the options of the language that the prompt ``name`` is written in.

    ``options`` are by language; the hint is the prompt's ``[shape]`` part.
    """
    written = prompts.load(stage, name, language).language
    return _shape(stage, name, language, field, {"type": "string", "enum": list(options[written])})


@cache
def listing(stage: str, name: str, language: str, field: str) -> Shape:
    """``{"<field>": ["…", …]}``; the hint is the prompt's ``[shape]`` part."""
    return _shape(stage, name, language, field, {"type": "array", "items": {"type": "string"}})


def chosen(completion: Completion, shape: Shape | None) -> str | None:
    """The option that a reply to a ``choice`` names, or None where it is not of that shape."""
    value = _value(completion, shape)
    return value if isinstance(value, str) else None


def items(completion: Completion, shape: Shape | None) -> list[tuple[str, bool]] | None:
    """The strings of a reply to a ``listing``, each with whether it is whole; None where it is not of that shape.

    Of a list that broke off, all strings but the last are whole. Numbers go only if every string has one.
    """
    if shape is None:
        return None
    value = _value(completion, shape)
    if isinstance(value, list):
        return [(text, True) for text in _unnumbered(value)]
    texts, rest = read_cut_list(_said(completion), _field(shape)) or ([], "")
    if not texts:
        return None
    return [(text, True) for text in _unnumbered(texts)] + ([(rest, False)] if rest else [])


def _unnumbered(texts: list[str]) -> list[str]:
    texts = [text.strip() for text in texts]
    inner = [numbered(text) for text in texts]
    alike = all(len(each.items) == 1 and not each.chatter for each in inner)
    return [each.items[0] for each in inner] if alike else texts


def _shape(stage: str, name: str, language: str, field: str, schema: dict[str, Any]) -> Shape:
    hint = prompts.load(stage, name, language).shape
    if not hint:
        raise ValueError(f"prompt {stage}/{name}.{language} has no [shape] part; add the hint that asks for JSON")
    return Shape(name, {"type": "object", "properties": {field: schema}, "required": [field]}, hint)


def _value(completion: Completion, shape: Shape | None) -> object:
    if shape is None:
        return None
    found = read_object(_said(completion), shape.schema)
    return None if found is None else found[_field(shape)]


def _said(completion: Completion) -> str:
    """The text in which JSON is looked for."""
    text, thoughts = completion.text.strip(), (completion.reasoning or "").strip()
    if text.startswith("{"):
        # A think tag in here belongs to one of its strings.
        return text
    # Some vLLM versions file a whole reply of a fixed form under the reasoning.
    return thoughts if not text and thoughts.startswith("{") else clean(text).text


def _field(shape: Shape) -> str:
    (field,) = shape.schema["properties"]
    return str(field)
