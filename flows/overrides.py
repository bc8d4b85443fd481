"""``--set PATH=VALUE``: fields of a recipe by their path, as ``recipe_file.replaced`` takes them."""

from collections.abc import Sequence
from typing import Any

import yaml

from schemas.errors import BadInput


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """What each ``PATH=VALUE`` says; values are read as YAML, as in a recipe.

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
