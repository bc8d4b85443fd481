"""Stop strings: only marks that no text can hold may be sent."""

import ast
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.recipe import Model
from schemas.stops import checked_stop

GENERATORS = Path(__file__).resolve().parents[2] / "generators"

CUTS_TEXT = [
    # what published pipelines really send
    "\n20", "20.", "\n16", "16.", "16 .", "\n\n", "\n", "Task", "Task:", "Example 6", "assistant", "}", "###",
    # and what looks harmless
    "", " ", "\t", "-", "---", "```", "[C]", "END", "[END]", "User:", "Human:", "Q:", "答案", "。", "<", ">", "<>", "<||>",
    "<b>", "</b>", "<br>", "<p>", "</div>", "<s>", "<s/>", "<first_name>", "<user_id>", "[REDACTED]", "[/quote]", "[|]",
    # marks with something beside them
    "<|end|> ", "\n<|im_end|>", "x</task>", "</task>x", "<| end |>",
    # tags that our replies have
    "</input>", "</instruction>", "</example>", "</verdict>", "<task>", "</think>", "<think>",
]  # fmt: skip
MARKS = [
    "<|end|>", "<|im_end|>", "<|im_start|>", "<|eot_id|>", "<|endoftext|>", "<|start_header_id|>", "<end_of_turn>",
    "<start_of_turn>", "</s>", "<eos>", "[/INST]", "[INST]", "<<SYS>>", "<</SYS>>", "<|user|>",
    "<｜end▁of▁sentence｜>", "[|endofturn|]", "</task>", "</hint>", "</second>",
]  # fmt: skip


@pytest.mark.parametrize("stop", CUTS_TEXT)
def test_a_stop_that_a_text_can_hold_is_refused_with_the_reason(stop: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Model(model="m", stop=["<|end|>", stop])
    (fault,) = caught.value.errors()
    assert fault["loc"] == ("stop", 1)
    assert str(fault["ctx"]["error"]) == (
        f"{stop!r} can stand in an answer and would cut it; use a mark such as <|end|>"
    )


@pytest.mark.parametrize("stop", MARKS)
def test_a_mark_is_let_through(stop: str) -> None:
    assert Model(model="m", stop=[stop], extra_body={"stop": stop}).stop == [stop]


@pytest.mark.parametrize("stop", ["20.", ["<|end|>", "20."], [20], 20])
def test_stop_strings_of_an_extra_body_obey_the_same_rule(stop: Any) -> None:
    with pytest.raises(ValidationError, match=r"stop\n.*'20\.?' can stand in an answer"):
        Model(model="m", extra_body={"stop": stop})


@given(st.text(string.ascii_letters + string.digits + string.whitespace + ".,:;!?-#*'\"(){}/_=+"))
def test_no_text_without_a_bracket_of_a_mark_is_let_through(text: str) -> None:
    with pytest.raises(ValueError, match="can stand in an answer"):
        checked_stop(text)


def test_the_generators_own_stop_strings_obey_the_rule() -> None:
    calls = [
        keyword.value
        for path in sorted(GENERATORS.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Prompt", "replace"))
        for keyword in node.keywords
        if keyword.arg == "stop"
    ]
    for value in calls:
        assert all(checked_stop(stop) for stop in ast.literal_eval(value))
