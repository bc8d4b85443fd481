import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from generators import prompts
from generators.elimination import answer_flaw, instruction_flaw, read_verdict, says_nothing
from generators.evol_instruct import Config, Weights, draw, evolve, grow, read
from generators.tags import Task, enclose, read_task, thought
from generators.tags import read as read_tags
from schemas.exchange import Completion, Prompt
from schemas.row import Row, TeacherNote, new_row
from schemas.stage import Discard, Outcome, Reject, answer_with

DATA = Path(__file__).parents[3] / "shared" / "data"
OPERATIONS = tuple(Weights.model_fields)
PARENT = new_row(
    "Name a bird.",
    stage="seed",
    response="A sparrow.",
    topic="animals",
    subtopic="birds",
    task_type="open",
    source="s:1",
)
LONG_ANSWER = "The sparrow is a small bird that lives close to people."


def kind(prompt: Prompt) -> str:
    first = prompt.messages[0]
    if first.role == "user":
        return "answer"
    return "judge" if first.content.startswith(("# Equal", "# 是否")) else "evolve"


@dataclass
class Scripted:
    """A teacher that says what it was told to, by kind of request, and remembers what it was asked."""

    evolve: Callable[[str], str] | Sequence[str] = ()
    judge: str = "Not equal"
    answer: str = LONG_ANSWER
    finish: dict[str, str] = field(default_factory=dict)
    error: dict[int, str] = field(default_factory=dict)
    asked: list[Prompt] = field(default_factory=list)

    def __call__(self, prompt: Prompt) -> Completion:
        self.asked.append(prompt)
        name = kind(prompt)
        if len(self.asked) in self.error:
            return Completion("", finish_reason="error", error=self.error[len(self.asked)])
        if name == "evolve":
            number = self.kinds.count("evolve") - 1
            text = self.evolve(prompt.messages[1].content) if callable(self.evolve) else self.evolve[number]
        else:
            text = self.judge if name == "judge" else self.answer
        return Completion(text, finish_reason=self.finish.get(name, "stop"), model=f"model of {name}", cost=0.5)

    @property
    def kinds(self) -> list[str]:
        return [kind(prompt) for prompt in self.asked]


def longer(user: str) -> str:
    """A teacher that adds one condition to whatever it is given."""
    task = read_task(user)
    assert task is not None
    return enclose(instruction=f"{task.instruction} Give one more reason why.", input=task.input)


def run(teacher: Scripted, row: Row = PARENT, seed: int = 1, **config: object) -> Outcome:
    return answer_with(grow(row, Config.model_validate(config), random.Random(seed)), teacher)


def once(teacher: Scripted, row: Row = PARENT, operation: str = "deepen", **config: object) -> Row | Discard:
    return answer_with(evolve(row, operation, 1, Config.model_validate(config)), teacher)


# --- the loop -----------------------------------------------------------------------------------------------------


def test_each_success_is_the_parent_of_the_next_round() -> None:
    outcome = run(Scripted(longer), weights={"breadth": 0})
    chain = [PARENT, *outcome.created]
    assert outcome.passed is PARENT
    assert outcome.discarded == ()
    assert [row.depth for row in chain] == [0, 1, 2, 3, 4]
    assert [row.round for row in outcome.created] == [1, 2, 3, 4]
    assert [row.parents for row in outcome.created] == [(row.id,) for row in chain[:-1]]
    assert all(child.instruction.startswith(parent.instruction) for parent, child in pairwise(chain))
    assert len({row.id for row in chain}) == 5


def test_a_failed_evolution_sends_its_parent_into_the_next_round() -> None:
    replies = [
        "no tags here",
        enclose(instruction="Name a bird that cannot fly."),
        "",
        enclose(instruction="Name a penguin."),
    ]
    outcome = run(Scripted(replies))
    assert [discard.reason for discard in outcome.discarded] == ["unparsable", "empty"]
    first, second = outcome.created
    assert (first.parents, first.round) == ((PARENT.id,), 2)
    assert (second.parents, second.round) == ((first.id,), 4)


def test_a_child_carries_its_lineage_its_answer_and_its_parents_labels() -> None:
    child = once(Scripted(longer), name="harder")
    assert isinstance(child, Row)
    assert (child.operation, child.round, child.stage, child.parents) == ("deepen", 1, "harder", (PARENT.id,))
    assert (child.topic, child.subtopic, child.task_type, child.language) == ("animals", "birds", "open", "en")
    assert child.response == LONG_ANSWER
    assert child.teacher == TeacherNote(model="model of answer", cost=0.5)
    assert [(score.stage, score.measure, score.value) for score in child.scores] == [("harder", "words_added", 5.0)]
    assert child.answer is None


def test_a_rarer_task_keeps_the_field_but_not_the_kind_nor_the_input_of_its_parent() -> None:
    row = PARENT.with_(input="sparrow, dog")
    child = once(Scripted([enclose(instruction="Draw up a feeding plan for a heron.")]), row, "breadth")
    assert isinstance(child, Row)
    assert (child.topic, child.subtopic, child.task_type, child.input) == ("animals", None, None, "")
    assert child.scores == ()


def test_what_costs_nothing_is_checked_first_and_the_answer_comes_last() -> None:
    teacher = Scripted(longer)
    once(teacher)
    assert teacher.kinds == ["evolve", "judge", "answer"]
    unchanged = Scripted([enclose(instruction="name a bird")])
    assert isinstance(once(unchanged), Discard)
    assert unchanged.kinds == ["evolve"]
    equal = Scripted(longer, judge="Equal")
    assert isinstance(once(equal), Discard)
    assert equal.kinds == ["evolve", "judge"]


def test_the_evolved_instruction_is_answered_as_it_is() -> None:
    teacher = Scripted([enclose(instruction="Sort the birds.", input="owl\ncrow")])
    once(teacher)
    (message,) = teacher.asked[-1].messages
    assert (message.role, message.content) == ("user", "Sort the birds.\n\nowl\ncrow")


def test_requests_go_to_the_models_and_settings_of_the_configuration() -> None:
    teacher = Scripted(longer)
    once(
        teacher,
        model="big",
        judge_model="small",
        answer_model="best",
        temperature=0.6,
        answer_temperature=0.1,
        top_p=0.5,
    )
    assert [(p.model, p.temperature, p.top_p) for p in teacher.asked] == [
        ("big", 0.6, 0.5),
        ("small", 0.0, None),
        ("best", 0.1, 0.5),
    ]


def test_without_a_judge_nothing_is_compared() -> None:
    teacher = Scripted(longer)
    assert isinstance(once(teacher, judge_model=None), Row)
    assert teacher.kinds == ["evolve", "answer"]


@pytest.mark.parametrize(("keep", "passed", "children"), [("all", True, 4), ("evolved", False, 4), ("last", False, 1)])
def test_keep_says_what_stays_of_a_chain(keep: str, passed: bool, children: int) -> None:
    outcome = run(Scripted(longer), keep=keep, weights={"breadth": 0})
    assert (outcome.passed is PARENT, len(outcome.created)) == (passed, children)
    assert outcome.created[-1].depth == 4
    assert len(outcome.created) + len(outcome.discarded) == 4
    assert {discard.reason for discard in outcome.discarded} <= {"superseded"}


@pytest.mark.parametrize("keep", ["all", "evolved", "last"])
def test_a_row_that_nothing_came_out_of_passes(keep: str) -> None:
    outcome = run(Scripted(lambda user: "?"), keep=keep)
    assert (outcome.passed, outcome.created, len(outcome.discarded)) == (PARENT, (), 4)


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_a_request_that_fails_costs_its_round_and_not_the_row(broken: int) -> None:
    outcome = run(Scripted(longer, error={broken: "timeout"}))
    assert [discard.reason for discard in outcome.discarded] == ["timeout"]
    assert (outcome.discarded[0].row is None) == (broken == 1)
    assert len(outcome.created) == 3


def test_the_same_seed_draws_the_same_operations_and_other_seeds_others() -> None:
    def operations(seed: int) -> tuple[str | None, ...]:
        return tuple(row.operation for row in run(Scripted(longer), seed=seed).created)

    assert operations(7) == operations(7)
    assert len({operations(seed) for seed in range(20)}) > 5


def test_operations_are_drawn_equally_by_default_and_by_weight_otherwise() -> None:
    rng = random.Random(0)
    counts = Counter(draw(Weights(), rng) for _ in range(6000))
    assert set(counts) == set(OPERATIONS)
    assert all(880 < count < 1120 for count in counts.values())
    only = Weights.model_validate(dict.fromkeys(OPERATIONS, 0) | {"deepen": 2})
    assert {draw(only, rng) for _ in range(50)} == {"deepen"}


def test_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ValidationError, match="give at least one operation a weight above 0"):
        Config.model_validate({"weights": dict.fromkeys(OPERATIONS, 0)})


# --- elimination --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "empty"),
        ("<instruction></instruction>", "empty"),
        ("<instruction>…</instruction>", "empty"),
        ("A sparrow is a bird.", "unparsable"),
        ("I'm sorry, but I can't help with that.", "refused_to_evolve"),
        ("As an AI language model, I cannot do this.", "refused_to_evolve"),
        ("很抱歉，我无法完成。", "refused_to_evolve"),
        ("<instruction>I'm sorry, but I cannot rewrite this.</instruction>", "refused_to_evolve"),
        ("<instruction>Name a bird.</instruction>", "unchanged"),
        ("<instruction>  NAME a “bird”! </instruction>", "unchanged"),
        ("<instruction>A sparrow.</instruction>", "answered_instead"),
        ("<instruction>Name a bird that the given prompt does not name.</instruction>", "copied_prompt_words"),
        ("<instruction>Name a bird. #Rewritten Prompt#: Name a rare bird.</instruction>", "copied_prompt_words"),
        ("<instruction>Name a bird, as in the Original Instruction.</instruction>", "copied_prompt_words"),
        ("<instruction>说出一种会游泳的鸟。</instruction>", "language_drift"),
        ("<instruction>Question: Name two birds\nAnswer: an owl, a crow</instruction>", "holds_answer"),
        ("<instruction>Write a short poem about rain. Answer: rain is wet</instruction>", "holds_answer"),
        ("Rewritten instruction:\n1. Name a wader\n2. Name a diver", "several_tasks"),
        ('<instruction>Fill <instruction n="2"> for a bird.</instruction>', "copied_prompt_words"),
        (f"<instruction>Name a bird{' that sings' * 300}.</instruction>", "too_long"),
        ("<think>Let me see", "unclosed_think"),
    ],
)
def test_a_rewriting_that_fails_by_its_own_text_is_named(reply: str, reason: str) -> None:
    teacher = Scripted([reply])
    failed = once(teacher)
    assert isinstance(failed, Discard)
    assert (failed.reason, failed.raw, failed.row) == (reason, reply, None)
    assert teacher.kinds == ["evolve"]


@pytest.mark.parametrize("finish", ["length", "content_filter"])
@pytest.mark.parametrize("step", ["evolve", "answer"])
def test_a_reply_that_was_cut_or_blocked_is_not_used(step: str, finish: str) -> None:
    failed = once(Scripted(longer, finish={step: finish}))
    assert isinstance(failed, Discard)
    assert failed.reason == {"length": "truncated"}.get(finish, finish)
    assert (failed.row is None) == (step == "evolve")


ANSWERS = [
    ("Sorry, I do not know.", "sorry_short"),
    ("抱歉，我不知道。", "sorry_short"),
    ("...", "only_punctuation_or_stopwords"),
    ("It is the.", "only_punctuation_or_stopwords"),
    ("这 是 的", None),
    ("我的。", "only_punctuation_or_stopwords"),
    ("Understood! What would you like to know?", "stagnant"),
    ("Thank you for the details. Shall I begin?", "stagnant"),
    ("收到。您想先看哪一部分？", "stagnant"),
    ("Sure! Which bird do you mean?", "under_qualified"),
    ("当然，您指的是哪种鸟？", "under_qualified"),
    ("Could you please provide the list?", "lost_information"),
    ("请提供原文。", "lost_information"),
    ("Sure, here it is: a crow.", None),
    ("Is it a crow? It is.", None),
    (f"I am sorry to hear it. {'The crow is black and clever. ' * 20}", None),
    ("42", None),
    ("No", None),
    ("A.", None),
    ("是", None),
    (">", None),
    ("Not all.", None),
]


@pytest.mark.parametrize(("answer", "reason"), ANSWERS)
def test_an_answer_is_eliminated_for_one_named_reason_or_none(answer: str, reason: str | None) -> None:
    result = once(Scripted(longer, answer=answer))
    assert (result.reason if isinstance(result, Discard) else None) == reason
    if isinstance(result, Discard):
        assert result.raw == answer
        assert result.row is not None
        assert result.row.response == answer


def test_an_empty_answer_is_a_discard() -> None:
    failed = once(Scripted(longer, answer="  "))
    assert isinstance(failed, Discard)
    assert failed.reason == "empty_response"


VERDICTS = [
    ("Equal", True), ("equal.", True), ("**Equal**", True), ("The two are equal.", True), ("Identical", True),
    ("There is no difference.", True), ("They don't differ", True), ("相同", True), ("“相同”", True),
    ("两者没有不同", True),
    ("Not equal", False), ("Not Equal.", False), ("**Not equal**", False), ("not-equal", False), ("Unequal", False),
    ("They are not equal because equal tasks have the same depth.", False), ("They aren't equal", False),
    ("The two are not quite the same.", False), ("Different", False), ("They cannot be called equal", False),
    ("不同", False), ("不相同。", False), ("并不完全相同", False), ("两者有所不同", False), ("不一样", False),
    ("Equal/Not Equal", None), ("Equal or not equal", None), ("Not equal / Equal", None), ("相同或不同", None),
    ("", None), ("Yes", None), ("I cannot say", None), ("…", None),
    ("Equal? No.", False), ("Equal: No", False), ("Equal: false", False), ("相同吗？不", False), ("Equal: yes", True),
    ("Not equal? Yes", False), ("相同吗？不相同", False), ("是否相同：不同", False), ("相同：是", True),
    ("The second is equal in depth but not in breadth", False), ("The two are not just similar but equal", True),
    ("无法判断是否相同", None), ("I cannot tell whether they are equal", None), ("Unclear if they are the same.", None),
    ("It is not clear if they are equal", None), ("At first I was unsure whether they are equal. Not equal", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "equal"), VERDICTS)
def test_the_judges_words_have_three_values(text: str, equal: bool | None) -> None:
    assert read_verdict(text) is equal


def test_equal_means_no_information_gain() -> None:
    failed = once(Scripted(longer, judge="Equal"))
    assert isinstance(failed, Discard)
    assert failed.reason == "no_information_gain"
    assert failed.row is not None
    assert failed.row.parents == (PARENT.id,)


@pytest.mark.parametrize(
    ("language", "verdict", "equal"),
    [
        ("en", '{"verdict": "Equal"}', True),
        ("en", '{"verdict": "Not equal"}', False),
        ("en", '```json\n{"verdict": "not equal",}\n```', False),
        ("zh", '{"verdict": "相同"}', True),
        ("zh", '{"verdict": "不同"}', False),
    ],
)
def test_a_verdict_in_json_is_read_like_one_in_words(language: str, verdict: str, equal: bool) -> None:
    result = once(Scripted(longer, judge=verdict), PARENT.with_(language=language))
    assert isinstance(result, Discard) is equal
    assert not isinstance(result, Discard) or (result.reason, result.raw) == ("no_information_gain", verdict)


def test_only_the_judge_is_asked_for_json_and_in_the_rows_language() -> None:
    teacher = Scripted(longer)
    once(teacher, PARENT.with_(language="zh"))
    shapes = [prompt.shape for prompt in teacher.asked]
    assert [shape and shape.schema["properties"]["verdict"]["enum"] for shape in shapes] == [
        None,
        ["相同", "不同"],
        None,
    ]


def test_an_undecided_judge_is_recorded_or_eliminates_as_configured() -> None:
    kept = once(Scripted(longer, judge="Hm."))
    assert isinstance(kept, Row)
    assert [score.measure for score in kept.scores] == ["words_added", "undecided"]
    failed = once(Scripted(longer, judge="Hm."), on_undecided="eliminate")
    assert isinstance(failed, Discard)
    assert failed.reason == "undecided"


@pytest.mark.parametrize(
    "instruction",
    [
        "Name a bird. End with a line of the form\nAnswer: the bird",
        "Name a bird and write:\nAnswer: bird",
        "Name a bird, its colour and its food.\nAnswer: <bird>",
        "Name a bird like this:\n1. its colour\n2. its food",
        "Name a bird whose song is an answer: which one is it?",
    ],
)
def test_a_form_for_the_answer_and_a_list_within_the_task_are_no_flaw(instruction: str) -> None:
    assert instruction_flaw(Task(instruction), PARENT) is None


def test_a_verdict_in_malformed_thoughts_is_undecided() -> None:
    kept = once(Scripted(longer, judge="<think>Equal</think>Not equal<think>Hm.</think>"))
    assert isinstance(kept, Row)
    assert "undecided" in {score.measure for score in kept.scores}


def test_words_that_the_parent_uses_itself_are_not_copied_from_the_prompt() -> None:
    parent = PARENT.with_(instruction="Explain the term “original instruction”.")
    assert instruction_flaw(Task("Explain the term “original instruction” to a child."), parent) is None


def test_a_chinese_task_may_quote_english_but_not_become_english() -> None:
    parent = PARENT.with_(instruction="把下面的句子翻译成英文：今天下雨。", language="zh")
    assert instruction_flaw(Task("把句子“It rains today”改写成过去时，并说明理由。"), parent) is None
    assert instruction_flaw(Task("Translate the sentence and explain the grammar of it."), parent) == "language_drift"


def test_a_chinese_row_is_asked_in_chinese() -> None:
    row = PARENT.with_(instruction="说出一种鸟。", language="zh")
    teacher = Scripted(
        [enclose(instruction="说出一种不会飞的鸟，并说明原因。")], judge="不同", answer="企鹅不会飞，因为翅膀退化。"
    )
    assert isinstance(once(teacher, row), Row)
    assert [p.messages[0].content.splitlines()[0] for p in teacher.asked[:2]] == ["# 指令进化：加深", "# 是否相同"]


# --- reading ------------------------------------------------------------------------------------------------------

EVOLVED = "Name a bird that cannot fly."


@pytest.mark.parametrize(
    "reply",
    [
        f"<instruction>{EVOLVED}</instruction>",
        f"<instruction>\n{EVOLVED}\n</instruction>\n<input></input>",
        f"<INSTRUCTION>{EVOLVED}</Instruction>",
        f"< instruction >{EVOLVED}< / instruction >".replace("< / ", "</ "),
        f"<instruction>{EVOLVED}",
        f"<instruction>{EVOLVED}</input>",
        f"{EVOLVED}</instruction>",
        f"Sure!\n<instruction>{EVOLVED}</instruction>\nAnswer: a penguin.",
        f"<instruction>{EVOLVED}</instruction>\n\nExplanation: it adds a condition.",
        f"<instruction id=1>{EVOLVED}</instruction>",
        f'<instruction lang="en">{EVOLVED}</instruction>\n<input id="1">None</input>',
        f"<instruction>Sure! Here is the rewritten task: {EVOLVED}</instruction>",
        f"<instruction>Here's a more complex version:\n{EVOLVED}</instruction>",
        f"<instruction>好的，以下是改写后的任务：{EVOLVED}</instruction>",
        f"1. <instruction>{EVOLVED}</instruction>\n2. <instruction>Name an owl.</instruction>",
        f"```xml\n<instruction>{EVOLVED}</instruction>\n```",
        f"<instruction>\n```\n{EVOLVED}\n```\n</instruction>",
        f"<instruction>#Rewritten Prompt#: {EVOLVED}</instruction>",
        f'<instruction>"{EVOLVED}"</instruction>',
        f"<instruction>**{EVOLVED}**</instruction>",
        f"<instruction>{EVOLVED}</instruction><input>None</input>",
        f"<think>easy</think><instruction>{EVOLVED}</instruction>",
        f"#Rewritten Prompt#:\n{EVOLVED}",
        f"#Created Prompt#: {EVOLVED}",
        f"Rewritten instruction: {EVOLVED}",
        f"**Rewritten Instruction:** {EVOLVED}",
        f"**New task**: “{EVOLVED}”",
        f"## New instruction\n{EVOLVED}\n\n## Explanation\nIt is harder.",
        f"Here it is.\nNew prompt: {EVOLVED}\nInput: None\nAnswer: a penguin",
        f"Rewritten prompt 1: {EVOLVED}\nRewritten prompt 2: Name an owl.",
        f"<指令>{EVOLVED}</指令>",
        f"改写后的指令：{EVOLVED}\n说明：更难了。",
    ],
)
def test_an_evolved_instruction_is_read_from_what_teachers_really_send(reply: str) -> None:
    assert read(Completion(reply), PARENT, "deepen", Config()) == Task(EVOLVED)


@pytest.mark.parametrize(
    ("reply", "task"),
    [
        ("<instruction>A</instruction><input>b</input>", Task("A", "b")),
        ("<instruction>A\n<input>b", Task("A", "b")),
        ("<instruction>A</instruction><input><form><input></form></input>", Task("A", "<form><input></form>")),
        (
            '<instruction>Explain <input type="text">.</instruction>\n<input type="text"> is HTML.',
            Task('Explain <input type="text">.'),
        ),
        ("<instruction>Here is my diary: edit it.</instruction>", Task("Here is my diary: edit it.")),
        ("<instruction>Explain the <input> element.</instruction>", Task("Explain the <input> element.")),
        ("<instruction>A</instruction><input>```\ncode\n```</input>", Task("A", "```\ncode\n```")),
        ("<instruction>A</instruction><input>无</input>", Task("A")),
        ("<指令>甲</指令><输入>乙</输入>", Task("甲", "乙")),
        ("改写后的指令：甲\n输入：乙", Task("甲", "乙")),
        ("Instruction: A\nInput: b\nOutput: c", Task("A", "b")),
        ('<instruction>He said "yes" and "no"</instruction>', Task('He said "yes" and "no"')),
        ("nothing of it", None),
        ("", None),
    ],
)
def test_a_task_is_its_instruction_and_its_input(reply: str, task: Task | None) -> None:
    assert read_task(reply) == task


def test_an_input_that_the_reply_forgot_is_kept_unless_the_instruction_holds_it() -> None:
    parent = PARENT.with_(input="owl, crow")

    def reading(reply: str, operation: str = "deepen") -> str:
        return read(Completion(reply), parent, operation, Config()).input

    assert reading("<instruction>Sort them by size.</instruction>") == "owl, crow"
    assert reading("<instruction>Sort owl,\n crow by size.</instruction>") == ""
    assert reading("<instruction>Sort them.</instruction><input>owl, crow, emu</input>") == "owl, crow, emu"
    assert reading("<instruction>Build a nest.</instruction>", "breadth") == ""


@pytest.mark.parametrize(
    ("text", "reply", "reasoning", "problem"),
    [
        ("plain", "plain", None, None),
        ("<think>a</think>b", "b", "a", None),
        ("a</think>b", "b", "a", None),
        ("<thinking>\na\n</thinking>\nb", "b", "a", None),
        ("<think></think>b", "b", None, None),
        ("<think>a<think>b</think>c</think>d", "d", "abc", None),
        ("<think>a<think>b</think>d", "d", "ab", None),
        ("Hm. <think>a</think>b", "Hm. b", "a", None),
        ("<think>a", "", None, "unclosed_think"),
        ("<think>a</think>b<think>c</think>d", "abcd", None, "malformed_think"),
        ("<think>a</think>b<think>c", "abc", None, "malformed_think"),
        ("<think>a</think>b</think>c", "abc", None, "malformed_think"),
    ],
)
def test_what_a_model_thought_is_taken_off_its_reply(
    text: str, reply: str, reasoning: str | None, problem: str | None
) -> None:
    found = thought(text)
    assert (found.text, found.reasoning, found.problem) == (reply, reasoning, problem)


def test_reasoning_that_the_endpoint_kept_apart_comes_first() -> None:
    assert thought("b", " a ").reasoning == "a"
    assert thought("<think>x</think>b", "a").reasoning == "a"


_PIECES = st.sampled_from(
    ["<instruction>", "</instruction>", "<input>", "</input>", "<think>", "</think>", "#Rewritten Prompt#:", "```",
     "\n", "**", '"', "Name a bird that cannot fly.", "Input:", "Answer:", "指令：", "<", "/", " ", "Equal", "not "]
)  # fmt: skip
_REPLIES = st.one_of(st.text(max_size=150), st.lists(_PIECES, max_size=20).map("".join))


def attempt(reply: str, operation: str) -> Task | Reject:
    try:
        return read(Completion(reply), PARENT, operation, Config())
    except Reject as failure:
        return failure


@given(_REPLIES, st.sampled_from(OPERATIONS))
@settings(max_examples=300, deadline=None)
def test_any_reply_becomes_a_task_or_a_named_reason(reply: str, operation: str) -> None:
    result = attempt(reply, operation)
    if isinstance(result, Reject):
        assert result.reason.isidentifier()
        assert result.raw == reply
    else:
        assert result.instruction.strip()
    assert set(read_tags(reply, "instruction", "input")) <= {"instruction", "input"}


@given(_REPLIES)
@settings(max_examples=200, deadline=None)
def test_rules_and_verdicts_take_any_text(text: str) -> None:
    assert read_verdict(text) in (True, False, None)
    assert isinstance(says_nothing(text), bool)
    assert answer_flaw(text) is None or text is not None
    assert thought(text).problem in (None, "unclosed_think", "malformed_think")


@given(st.lists(_REPLIES, min_size=12, max_size=12))
@settings(max_examples=100, deadline=None)
def test_every_round_is_a_child_or_a_discard_whatever_is_replied(replies: list[str]) -> None:
    feed = iter(replies)
    outcome = answer_with(grow(PARENT, Config(), random.Random(0)), lambda prompt: Completion(next(feed)))
    assert len(outcome.created) + len(outcome.discarded) == 4
    assert outcome.passed is PARENT


@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_what_is_enclosed_is_read_back(instruction: str, given_input: str) -> None:
    parts = {"instruction": instruction.strip(), "input": given_input.strip()}
    if any("<" in part for part in parts.values()):
        return
    assert read_tags(enclose(**parts), "instruction", "input") == {name: part for name, part in parts.items() if part}


# --- the prompts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", [*OPERATIONS, "equal"])
def test_every_prompt_has_a_title_in_its_language_and_its_own_words(name: str, language: str) -> None:
    template = prompts.load("evol_instruct", name, language)
    assert template.language == language
    assert template.title.startswith("# ")
    assert template.fields == ({"first", "second"} if name == "equal" else {"task"})
    assert name == "equal" or template.user == "{{task}}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_complicate_input_shows_six_formats_that_its_own_reader_reads(language: str) -> None:
    system = prompts.load("evol_instruct", "complicate_input", language).system
    shown = [f"<instruction>{part}" for part in system.split("<instruction>")[2:]]
    tasks = [read_task(text) for text in shown[:-1]]
    demonstrations = [task for task in tasks if task is not None and task.input]
    assert len(demonstrations) == 6
    assert all(instruction_flaw(task, PARENT) in (None, "language_drift") for task in demonstrations)
    assert json.loads(demonstrations[4].input)["port"] == 8443


def test_prompt_words_are_not_given_to_the_row() -> None:
    child = once(Scripted(longer))
    assert isinstance(child, Row)
    assert (child.system, child.system_generation) == (None, None)


# --- real text ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not there")
def test_real_evolved_prompts_pass_and_their_bad_answers_are_named() -> None:
    samples = json.loads((DATA / "evolved_samples.json").read_text(encoding="utf-8"))
    reasons: Counter[str] = Counter()
    for sample in samples:
        teacher = Scripted([enclose(instruction=sample["input"])], answer=sample["output"])
        result = once(teacher, replace(PARENT, response=""), max_words=1000)
        reasons[result.reason if isinstance(result, Discard) else "kept"] += 1
    assert sum(reasons.values()) == 61
    assert reasons["empty_response"] == 6
    assert reasons["kept"] >= 50
    assert set(reasons) <= {"kept", "empty_response", "sorry_short", "lost_information", "under_qualified", "stagnant"}
