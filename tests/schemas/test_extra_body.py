"""What an ``extra_body`` may hold, as a recipe file says it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.recipe_file import load_recipe
from schemas.errors import RecipeError
from schemas.recipe import Model

FORCED = "this would force one form on the replies of every stage; remove it"
OURS = "the program sets this itself, or relies on its default; remove it"
NOT_JSON = "JSON cannot carry this"
BAD = [
    *((f"{key}: x", key, OURS) for key in ("model", "messages", "stream", "n", "best_of")),
    *((f"{key}: x", key, FORCED) for key in ("response_format", "guided_regex", "guided_json", "structured_outputs")),
    *((f"{key}: many", key, "'many' is not a whole number") for key in ("max_tokens", "max_completion_tokens")),
    ("max_tokens: true", "max_tokens", "True is not a whole number"),
    ("max_tokens: 0", "max_tokens", "0 is not a whole number"),
    ("temperature: hot", "temperature", "'hot' is not a number"),
    ("top_p: true", "top_p", "True is not a number"),
    ("since: 2020-01-01", "since", NOT_JSON),
    ("deep: {list: [1, .nan]}", "deep", NOT_JSON),
    ("top_a: .inf", "top_a", NOT_JSON),
    ("set: !!set {a, b}", "set", NOT_JSON),
    ("stop: ['20.']", "stop", "'20.' can stand in an answer"),
    ("api_key: planted-secret", "api_key", "no key belongs in a recipe"),
    ("Authorization: planted-secret", "Authorization", "no key belongs in a recipe"),
]


@pytest.mark.parametrize(("extra", "key", "message"), BAD)
def test_what_would_fail_later_is_refused_at_its_key(extra: str, key: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    model = f"{{model: m, extra_body: {{{extra}}}}}"
    path.write_text(f"dataset: d\nrows: 5\nstages: [{{use: heuristics}}]\nmodels: {{teacher: {model}}}\n")
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(path))
    assert str(caught.value).startswith(f"{path}: models.teacher.extra_body.{key}: {message}")
    assert "\n" not in str(caught.value)
    assert "planted" not in str(caught.value)


def test_whatever_else_json_has_is_let_through() -> None:
    written = """
    {top_k: 4, stop: null, stop_token_ids: [2], max_tokens: null, max_completion_tokens: 4096, seed: 3,
    chat_template_kwargs: {enable_thinking: false}, repetition_penalty: 1.05, since: "2020-01-01"}
    """
    extra: dict[str, Any] = yaml.safe_load(written)
    assert Model(model="m", extra_body=extra).extra_body == extra
