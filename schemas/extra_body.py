"""What a model's ``extra_body`` may hold: whatever JSON has, but nothing that the program relies on being otherwise."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from schemas.stops import checked_stop

_OURS = {"model", "messages", "stream", "n", "best_of"}
_FORMS = {
    "response_format", "structured_outputs", "guided_json", "guided_regex", "guided_choice", "guided_grammar",  # vLLM
    "json_schema", "regex", "ebnf", "structural_tag", "grammar", "format",  # SGLang, llama.cpp, Ollama
}  # fmt: skip
_KEYS = {"api_key", "api-key", "apikey", "authorization"}
_COUNTS = {"max_tokens", "max_completion_tokens"}
_NUMBERS = {"temperature", "top_p"}


def check_extra_body(extra: Mapping[str, Any]) -> None:
    """Make sure that ``extra`` can be sent with every request of every stage.

    Raises:
        ValidationError: it cannot; the fault stands at its key.
    """
    for key, value in extra.items():
        try:
            _check(key, value)
        except ValueError as error:
            fault: Any = {"type": "value_error", "loc": (key,), "input": None, "ctx": {"error": error}}
            raise ValidationError.from_exception_data("extra_body", [fault]) from None


def _check(key: str, value: Any) -> None:
    if key in _OURS:
        raise ValueError("the program sets this itself, or relies on its default; remove it")
    if key in _FORMS:
        raise ValueError(
            "this would force one form on the replies of every stage; remove it: where a stage wants a form, the"
            " program asks for it (see structured)"
        )
    if key.lower() in _KEYS:
        # The value is not shown.
        raise ValueError("no key belongs in a recipe; remove it and name the key's variable in api_key_env")
    if key in _COUNTS and value is not None and (type(value) is not int or value < 1):
        raise ValueError(f"{value!r} is not a whole number of tokens; give one from 1 on")
    if key in _NUMBERS and type(value) not in (int, float, type(None)):
        raise ValueError(f"{value!r} is not a number; give one")
    if key == "stop":
        for stop in value if isinstance(value, list) else [] if value is None else [value]:
            checked_stop(str(stop))
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError("JSON cannot carry this; quote a date, and write no .nan or .inf") from None
