import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.respond import Config, answer, grow
from schemas.exchange import Completion, Prompt
from schemas.row import Row, TeacherNote, new_row
from schemas.stage import Outcome, Reject, answer_with

ROW = new_row("Sort the birds.", stage="seed", input="owl, crow", source="s:1")


@dataclass
class Scripted:
    reply: Completion
    asked: list[Prompt] = field(default_factory=list)

    def __call__(self, prompt: Prompt) -> Completion:
        self.asked.append(prompt)
        return self.reply


def run(teacher: Scripted, row: Row = ROW, **config: object) -> Outcome:
    return answer_with(grow(row, Config.model_validate(config), random.Random(0)), teacher)


def test_the_instruction_is_asked_as_it_is_and_the_reply_is_the_response() -> None:
    teacher = Scripted(Completion(" crow, owl\n", model="m", cost=0.1))
    outcome = run(teacher)
    assert [(m.role, m.content) for m in teacher.asked[0].messages] == [("user", "Sort the birds.\n\nowl, crow")]
    assert outcome.passed == ROW.with_(response="crow, owl", teacher=TeacherNote("m", cost=0.1))
    assert (outcome.created, outcome.discarded) == ((), ())


def test_an_answered_row_passes_untouched_and_unasked_unless_told_otherwise() -> None:
    answered = ROW.with_(response="owl")
    teacher = Scripted(Completion("crow"))
    assert run(teacher, answered).passed is answered
    assert teacher.asked == []
    again = run(teacher, answered, only_unanswered=False).passed
    assert again is not None
    assert again.response == "crow"


def test_a_system_message_is_sent_and_recorded_and_trained_on_only_if_asked_for() -> None:
    teacher = Scripted(Completion("crow"))
    row = run(teacher, system="Be brief.").passed
    assert row is not None
    assert [m.role for m in teacher.asked[0].messages] == ["system", "user"]
    assert (row.system_generation, row.system) == ("Be brief.", None)
    trained = run(teacher, system="Be brief.", train_on_system=True).passed
    assert trained is not None
    assert trained.system == "Be brief."


def test_a_rows_own_system_message_comes_before_the_configured_one() -> None:
    teacher = Scripted(Completion("crow"))
    row = run(teacher, ROW.with_(system="You are an owl."), system="Be brief.").passed
    assert row is not None
    assert teacher.asked[0].messages[0].content == "You are an owl."
    assert (row.system_generation, row.system) == ("You are an owl.", "You are an owl.")


def test_model_and_sampling_come_from_the_configuration() -> None:
    teacher = Scripted(Completion("crow"))
    run(teacher, model="student", temperature=0.3, top_p=0.9, max_tokens=64)
    prompt = teacher.asked[0]
    assert (prompt.model, prompt.temperature, prompt.top_p, prompt.max_tokens) == ("student", 0.3, 0.9, 64)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Completion(""), "empty_response"),
        (Completion(" \n"), "empty_response"),
        (Completion("<think>a</think>"), "empty_response"),
        (Completion("crow, o", finish_reason="length"), "truncated"),
        (Completion("", finish_reason="content_filter"), "content_filter"),
        (Completion("<think>a"), "unclosed_think"),
        (Completion("<think>a</think>b</think>"), "malformed_think"),
        (Completion("", error="timeout"), "timeout"),
    ],
)
def test_a_reply_that_cannot_be_used_rejects_the_row_by_name(reply: Completion, reason: str) -> None:
    with pytest.raises(Reject) as rejected:
        run(Scripted(reply))
    assert rejected.value.reason == reason


def test_a_cut_answer_is_kept_if_wanted() -> None:
    row = run(Scripted(Completion("crow, o", finish_reason="length")), keep_truncated=True).passed
    assert row is not None
    assert row.teacher is not None
    assert (row.response, row.teacher.finish_reason) == ("crow, o", "length")


def test_what_the_model_thought_becomes_the_reasoning() -> None:
    assert answer(ROW, Completion("<think>c < o</think>crow, owl")).reasoning == "c < o"
    assert answer(ROW, Completion("crow, owl", reasoning="c < o")).reasoning == "c < o"
    assert answer(ROW, Completion("crow, owl")).reasoning is None


@given(st.one_of(st.text(), st.lists(st.sampled_from(["<think>", "</think>", "a", " "])).map("".join)))
@settings(max_examples=200, deadline=None)
def test_any_reply_is_a_response_or_a_named_reason(text: str) -> None:
    result = attempt(text)
    if isinstance(result, Reject):
        assert result.reason in ("empty_response", "unclosed_think", "malformed_think")
    else:
        assert result.response.strip() == result.response != ""
        assert "<think>" not in result.response


def attempt(text: str) -> Row | Reject:
    try:
        return answer(ROW, Completion(text))
    except Reject as rejected:
        return rejected
