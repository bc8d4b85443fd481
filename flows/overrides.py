"""Fields of a recipe by dotted path: ``models.teacher.temperature``, ``stages.evol_instruct.rounds``."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from schemas.errors import BadInput, RecipeError


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """What ``--set PATH=VALUE`` says; values are read as YAML, as in a recipe.

    Raises:
        BadInput: it is not of that form.
    """
    parsed = {}
    for setting in settings:
        path, sign, value = setting.partition("=")
        if not sign or not all(path.split(".")):
            raise BadInput(f"--set {setting}: give PATH=VALUE, such as models.teacher.temperature=0.9")
        try:
            parsed[path.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise BadInput(f"--set {setting}: the value is not YAML: {getattr(error, 'problem', error)}") from None
    return parsed


def overridden(data: Mapping[str, Any], overrides: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """A copy of recipe ``data`` in which each field that ``overrides`` names has its value from there.

    An entry of a list is named by its number from 0, or by its ``name`` or ``use``; a mapping that is not there yet is
    made.

    Raises:
        RecipeError: a path leads nowhere.
    """
    changed = dict(data)
    for path, value in overrides.items():
        changed = _with(changed, path.split("."), value, f"{origin}: {path}")
    return changed


def _with(node: Any, path: Sequence[str], value: Any, where: str) -> Any:
    if not path:
        return value
    first, *rest = path
    if isinstance(node, list):
        place = _place(node, first, where)
        return [*node[:place], _with(node[place], rest, value, where), *node[place + 1 :]]
    if node is None or isinstance(node, Mapping):
        fields = dict(node or {})
        return {**fields, first: _with(fields.get(first), rest, value, where)}
    raise RecipeError(f"{where}: {first!r} cannot be set in {node!r}, which has no fields; shorten the path")


def _place(entries: list[Any], name: str, where: str) -> int:
    if name.isdecimal() and int(name) < len(entries):
        return int(name)
    labels = [str(entry.get("name") or entry.get("use")) if isinstance(entry, Mapping) else "" for entry in entries]
    if labels.count(name) != 1:
        known = ", ".join(label for label in labels if label)
        how = "names several entries; give the number" if name in labels else f"names no entry; there are {known}"
        raise RecipeError(f"{where}: {name!r} {how}, from 0 to {len(entries) - 1}")
    return labels.index(name)
