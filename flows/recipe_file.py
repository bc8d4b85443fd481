"""A recipe file read and checked: YAML in, ``Recipe`` out, or one line that says what is wrong where."""

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from schemas.errors import RecipeError
from schemas.recipe import FilterRecipe, Recipe

M = TypeVar("M", bound=BaseModel)

MISSPELLT = 0.6
"""How alike (difflib ratio) a known key must be to be suggested for an unknown one."""


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands once: the second of two would win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See ``yaml.SafeLoader``."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} stands twice; keep one", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def load_recipe(
    path: str,
    *,
    seeds: Sequence[str] | None = None,
    concurrency: int | None = None,
    ray: Mapping[str, Any] | None = None,
    **values: Any,
) -> Recipe:
    """The recipe in the file ``path``, or our own of that name (``default``), with what the command line replaces.

    ``seeds`` replaces ``seeds.path``, ``concurrency`` that of every model, ``ray`` fields of ``ray``, ``values``
    top-level fields; ``None`` replaces nothing.

    Raises:
        RecipeError: the file is missing, is not YAML, or breaks a rule; the message names the field.
    """
    data = _mapping(path)
    data |= {key: value for key, value in values.items() if value is not None}
    if seeds and isinstance(data.setdefault("seeds", {}), dict):
        data["seeds"] = {**data["seeds"], "path": list(seeds)}
    if ray and isinstance(data.setdefault("ray", {}), dict):
        data["ray"] |= ray
    recipe = check_recipe(data, path)
    if concurrency is None:
        return recipe
    data = recipe.model_dump(mode="json")
    for model in data["models"].values():
        model["concurrency"] = concurrency
    return check_recipe(data, "--concurrency")


def load_filter_recipe(path: str, dataset: str | None = None) -> FilterRecipe:
    """The chain of filters in the file ``path``, or our own of that name (``filter``), for the dataset of that name.

    Raises:
        RecipeError: as ``load_recipe``.
    """
    data = _mapping(path)
    if needless := sorted({"rows", "seeds", "models", "limits"} & set(data)):
        raise RecipeError(
            f"{path}: {needless[0]}: filters work on the rows that are there and ask no model; take it out, or use"
            " `instructloom run`"
        )
    return validated(FilterRecipe, data if dataset is None else data | {"dataset": dataset}, path)


def _mapping(path: str) -> dict[Any, Any]:
    text = _read(path)
    try:
        data = yaml.load(text, _Loader)
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: a value cannot be read: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise RecipeError(f"{path}{where}: not valid YAML: {getattr(error, 'problem', error)}") from error
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of keys to values; see recipes/default.yaml")
    return data


def replaced(recipe: Recipe, fields: Mapping[str, Any], origin: str = "overrides") -> Recipe:
    """``recipe`` with other values for ``fields``, which are named by their path: ``models.teacher.temperature``.

    A stage is named by its place or its label: ``stages.evol_instruct.rounds``.

    Raises:
        RecipeError: there is no such field, or a value breaks a rule.
    """
    if not fields:
        return recipe
    data = recipe.model_dump(mode="json")
    for path, value in fields.items():
        *way, last = path.split(".")
        node = data
        for part in way:
            node = _step(node, part, path, origin)
        if not isinstance(node, dict):
            raise RecipeError(f"{origin}: {path}: {'.'.join(way)!r} has no fields; name one of the recipe's")
        node[last] = value
    return check_recipe(data, origin)


def _step(node: Any, part: str, path: str, origin: str) -> Any:
    known: dict[str, Any]
    if isinstance(node, list):
        known = {str(place): entry for place, entry in enumerate(node)}
        known |= {entry["name"] or entry["use"]: entry for entry in node if isinstance(entry, dict) and "use" in entry}
    else:
        known = node if isinstance(node, dict) else {}
    if part not in known:
        near = difflib.get_close_matches(part, known, n=1, cutoff=MISSPELLT)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        raise RecipeError(f"{origin}: {path}: there is no {part!r}; {hint}")
    return known[part]


def check_recipe(data: Mapping[str, Any], origin: str) -> Recipe:
    """A recipe from plain data; ``origin`` is what error messages call it."""
    return validated(Recipe, data, origin)


def validated(model: type[M], data: Mapping[str, Any], origin: str) -> M:
    """``data`` as a ``model``, or a ``RecipeError`` of one line with the first fault and how many more there are."""
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise RecipeError(_one_line(error, model, origin)) from None


def _one_line(error: ValidationError, model: type[BaseModel], origin: str) -> str:
    first, *rest = error.errors(include_url=False)
    field = ".".join(str(part) for part in first["loc"])
    more = f" (and {len(rest)} more)" if rest else ""
    return f"{origin}: {field + ': ' if field else ''}{_say(first, model)}{more}"


def _say(fault: Any, model: type[BaseModel]) -> str:
    match fault["type"]:
        case "extra_forbidden":
            return f"unknown key{_suggest(str(fault['loc'][-1]), fault['loc'], model)}"
        case "missing":
            return "this key is required; add it"
        case "value_error":
            return str(fault["ctx"]["error"])
        case _:
            shown = "" if isinstance(fault["input"], dict | list) else f"{fault['input']!r}: "
            return f"{shown}{fault['msg'][0].lower()}{fault['msg'][1:]}"


def _suggest(key: str, location: tuple[Any, ...], model: type[BaseModel]) -> str:
    known = _fields_at(model, location[:-1])
    near = difflib.get_close_matches(key, known, n=1, cutoff=MISSPELLT)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known keys: {', '.join(known)}" if known else ""


def _fields_at(model: Any, location: tuple[Any, ...]) -> list[str]:
    """The names of the fields that the model at ``location`` has; [] where that cannot be told."""
    schema: Any = model.model_json_schema()
    definitions = schema.get("$defs", {})
    node = schema
    for part in location:
        node = _resolved(node, definitions)
        if isinstance(part, int):
            node = node.get("items", {})
        else:
            node = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
    return list(_resolved(node, definitions).get("properties", {}))


def _resolved(node: Any, definitions: Any) -> Any:
    if not isinstance(node, dict):
        return {}
    for option in (node, *node.get("anyOf", ()), *node.get("allOf", ())):
        if "$ref" in option:
            return definitions[option["$ref"].rsplit("/", 1)[-1]]
    return node


def _read(path: str) -> str:
    file = Path(path)
    if not path.strip():
        raise RecipeError("the recipe's name is empty; give a recipe file, or one of ours")
    if file.is_dir():
        raise RecipeError(f"{path}: this is a folder; give a recipe file")
    if not file.exists():
        packaged = resources.files("recipes") / f"{Path(path).stem}.yaml"
        if Path(path).parent.name in ("", "recipes") and packaged.is_file():
            return packaged.read_text(encoding="utf-8")
        raise RecipeError(f"{path}: no such recipe file; give a path, or one of ours: {', '.join(packaged_recipes())}")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not UTF-8 at byte {error.start}; save the file as UTF-8") from None


def packaged_recipes() -> list[str]:
    """The names of the recipes that come with the program."""
    return sorted(
        item.name.removesuffix(".yaml") for item in resources.files("recipes").iterdir() if item.name.endswith(".yaml")
    )
