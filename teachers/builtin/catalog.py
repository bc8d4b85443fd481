"""Finds the families: every module in ``families/`` with a ``FAMILY`` is one, named after its file."""

import pkgutil
from functools import cache
from importlib import import_module

from teachers.builtin import families as rooms
from teachers.builtin.family import Family, Template
from teachers.builtin.task import Language


@cache
def families() -> dict[str, Family]:
    """All families by name, in alphabetical order, so that a seed means the same everywhere."""
    names = sorted(module.name for module in pkgutil.iter_modules(rooms.__path__) if not module.name.startswith("_"))
    return {name: _load(name) for name in names}


@cache
def by_key(language: Language) -> tuple[tuple[str, str, Template], ...]:
    """Every wording as (its longest literal, its family, the wording): the literal decides whether to try it."""
    return tuple(
        (template.instruction.key, name, template)
        for name, family in families().items()
        for template in family.templates[language]
    )


def _load(name: str) -> Family:
    family = import_module(f"{rooms.__name__}.{name}").FAMILY
    if not isinstance(family, Family):
        raise TypeError(f"FAMILY in families/{name}.py is {type(family).__name__}; make it a Family")
    return family
