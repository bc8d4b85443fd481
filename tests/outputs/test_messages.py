"""What a trainer sees of a row."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outputs.messages import with_messages
from schemas.messages import NEEDED, Reasoning, messages_of
from schemas.row import Row, Turn, to_frame
from tests.outputs.made import any_rows

A_ROW = {"id": "1", "instruction": "Add.", "input": "1 2", "response": "3", "reasoning": "1 + 2", "answer": "3"}


def chat(reasoning: Reasoning = "think", **values: Any) -> list[tuple[str, str]]:
    frame = with_messages(to_frame([Row(**{**A_ROW, **values})]), reasoning)
    return [(message["role"], message["content"]) for message in frame["messages"][0]]


@pytest.mark.parametrize(
    ("reasoning", "content"),
    [("think", "<think>\n1 + 2\n</think>\n\n3"), ("inline", "1 + 2\n\n3"), ("separate", "3")],
)
def test_the_trace_goes_where_the_recipe_says(reasoning: Reasoning, content: str) -> None:
    assert chat(reasoning) == [("user", "Add.\n\n1 2"), ("assistant", content)]


def test_the_trained_system_message_comes_first_and_the_teachers_stays_out() -> None:
    assert chat(system="Be brief.", system_generation="SECRET")[0] == ("system", "Be brief.")
    assert all("SECRET" not in content for _, content in chat(system_generation="SECRET"))


def test_later_turns_follow_the_answer() -> None:
    turns = (Turn("user", "And 4?"), Turn("assistant", "7"))
    assert chat("separate", turns=turns)[2:] == [("user", "And 4?"), ("assistant", "7")]


@pytest.mark.parametrize(
    "turns",
    [
        [Turn("user", "And 4?")],
        [Turn("user", "And 4?"), Turn("assistant", " ")],
        [Turn("user", "And 4?"), Turn("assistant", ""), Turn("user", "So?"), Turn("assistant", "7")],
    ],
    ids=["no answer", "blank answer", "a gap"],
)
def test_a_dialogue_ends_before_the_first_question_without_an_answer(turns: list[Turn]) -> None:
    assert len(chat(turns=tuple(turns))) == 2


def test_an_empty_response_falls_back_on_the_short_answer() -> None:
    assert chat("separate", response=" ")[-1] == ("assistant", "3")


def test_a_row_without_any_answer_ends_with_the_question() -> None:
    assert chat(response="", answer=None, turns=(Turn("user", "x"), Turn("assistant", "y")))[-1][0] == "user"


@given(rows=any_rows)
def test_no_assistant_message_is_ever_empty(rows: list[Row]) -> None:
    for row in to_frame(rows).iter_rows(named=True):
        for reasoning in ("think", "inline", "separate"):
            said = [turn["content"] for turn in messages_of(row, reasoning) if turn["role"] == "assistant"]
            assert all(content.strip() for content in said)


HARDLY = st.sampled_from(["", " ", "\x1c", "\u3000", "a", "\n b"])
OFTEN_EMPTY = st.lists(st.tuples(HARDLY, HARDLY, HARDLY, *[HARDLY | st.none()] * 3), min_size=12, max_size=12)


@given(rows=any_rows, texts=OFTEN_EMPTY, reasoning=st.sampled_from(["think", "inline", "separate"]))
def test_chats_of_a_frame_are_those_of_its_rows(
    rows: list[Row], texts: list[tuple[str | None, ...]], reasoning: Reasoning
) -> None:
    names = ("instruction", "input", "response", "reasoning", "answer", "system")
    blank = [row.with_(**dict(zip(names, some, strict=True))) for row, some in zip(rows, texts, strict=False)]
    frame = to_frame([*rows, *blank])
    wanted = [messages_of(row, reasoning) for row in frame.select(NEEDED).iter_rows(named=True)]
    assert with_messages(frame, reasoning)["messages"].to_list() == wanted
