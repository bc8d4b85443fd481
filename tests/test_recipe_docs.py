"""docs/recipe.md is held to the recipe's schema: every field, with its default and description."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from schemas.faults import Faults
from schemas.recipe import Batch, FilterRecipe, Limits, Model, Output, Price, Ray, Recipe, Seeds

DOCS = Path(__file__).resolve().parent.parent / "docs" / "recipe.md"
PARTS: dict[str, type[BaseModel]] = {
    "": Recipe, "seeds": Seeds, "models.<name>": Model, "models.<name>.price": Price, "models.<name>.batch": Batch,
    "models.<name>.faults": Faults, "output": Output, "limits": Limits, "ray": Ray,
}  # fmt: skip


def table(model: type[BaseModel]) -> str:
    """The table of a part of the recipe, as docs/recipe.md prints it."""
    lines = ["| field | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        lines.append(f"| `{name}` | {shown(field)} | {field.description or ''} |")
    return "\n".join(lines)


def shown(field: Any) -> str:
    """A default as a user writes it."""
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined:
        return "see below"
    return "" if field.default is None else f"`{json.dumps(field.default)}`".replace('"', "")


def test_every_field_of_a_recipe_is_documented_as_it_is() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for part, model in PARTS.items():
        assert table(model) in text, f"docs/recipe.md: the table of {part or 'the recipe'} should be\n{table(model)}"


def test_every_field_of_a_chain_of_filters_is_documented_as_it_is() -> None:
    text = (DOCS.parent / "filter_command.md").read_text(encoding="utf-8")
    assert table(FilterRecipe) in text, f"docs/filter_command.md should have\n{table(FilterRecipe)}"
