"""Topic control: what is dealt, what is read, and what becomes of rows that no topic suits."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators import topics
from generators.tags import Task
from generators.topic_guided import Config, coverage, grow_shard, pasted, read_rewrite
from generators.topics import Leaf
from schemas.errors import RecipeError
from schemas.exchange import Completion, Prompt
from schemas.row import Row, new_row, to_frame
from schemas.stage import Job, Outcome, Reject, answer_with

TREE = [
    {"id": "a", "en": "Money", "zh": "金钱", "subtopics": [{"en": "bitcoin", "zh": "比特币"}, {"en": "rent"}]},
    {"id": "b", "en": "Sound", "subtopics": [{"en": "folk songs"}, {"en": "drums"}]},
]
BITCOIN = Leaf("a", (("en", "Money"), ("zh", "金钱")), (("en", "bitcoin"), ("zh", "比特币")))
POEM = new_row("Write a short poem about the sea.", stage="seed", source="1", response="Blue", task_type="generation")
SORT = new_row("Sort these words.", stage="seed", source="2", input="pear, apple", response="apple, pear")
GOOD = "<verdict>ok</verdict>\n<instruction>Write a short ode to a lost bitcoin wallet.</instruction>"
UNSUITABLE = "<verdict>unsuitable</verdict>"


def rows(count: int, language: str = "en") -> list[Row]:
    return [new_row(f"Task number {n} about things", stage="s", source=f"{n}", language=language) for n in range(count)]


def says(*texts: str, **values: Any) -> Callable[[Prompt], Completion]:
    replies = iter(texts)
    return lambda prompt: Completion(next(replies), model="m", **values)


def moved(*replies: str, row: Row = POEM, config: Config | None = None, **values: Any) -> Outcome:
    (job,) = grow_shard([row], config or Config(), random.Random(0))
    return answer_with(job.steps, says(*replies, **values))


def reasons(outcome: Outcome) -> list[str]:
    return [discard.reason for discard in outcome.discarded]


def first_prompts(jobs: list[Job]) -> list[str]:
    """The user message of each job that asks anything."""
    prompts = [next(job.steps, None) for job in jobs]
    return [prompt[0].messages[-1].content for prompt in prompts if prompt is not None]


def dealt(jobs: list[Job]) -> Counter[str]:
    return Counter(text.partition("<subtopic>")[2].partition("</subtopic>")[0] for text in first_prompts(jobs))


@pytest.fixture
def tree(tmp_path: Path) -> str:
    path = tmp_path / "tree.json"
    path.write_text(json.dumps(TREE, ensure_ascii=False), encoding="utf-8")
    return str(path)


def test_a_rewritten_row_replaces_its_parent_and_loses_its_answer() -> None:
    outcome = moved(GOOD)
    (row,) = outcome.created
    assert (outcome.passed, reasons(outcome)) == (None, [])
    assert row.instruction == "Write a short ode to a lost bitcoin wallet."
    assert (row.response, row.answer, row.task_type, row.depth) == ("", None, "generation", 1)
    assert (row.parents, row.operation, row.stage) == ((POEM.id,), "rewrite_to_topic", "topic_guided")
    assert [(score.measure, score.value) for score in row.scores] == [("topic_attempts", 1.0)]
    assert (row.topic, row.subtopic) in {(leaf.topic("en"), leaf.subtopic("en")) for leaf in topics.load()}


def test_the_original_stays_beside_it_if_asked() -> None:
    outcome = moved(GOOD, config=Config(keep_original=True))
    assert (outcome.passed, len(outcome.created)) == (POEM, 1)


def test_the_prompt_names_topic_and_input() -> None:
    (text,) = first_prompts(grow_shard([SORT], Config(), random.Random(0)))
    assert text.startswith("<topic>")
    assert text.endswith("<instruction>\nSort these words.\n</instruction>\n<input>\npear, apple\n</input>")


def test_another_topic_is_tried_where_one_does_not_suit() -> None:
    asked: list[str] = []
    replies = iter([UNSUITABLE, "What a poem!", GOOD])

    def reply(prompt: Prompt) -> Completion:
        asked.append(prompt.messages[-1].content)
        return Completion(next(replies))

    (job,) = grow_shard([POEM], Config(), random.Random(0))
    outcome = answer_with(job.steps, reply)
    assert len(set(asked)) == 3
    assert reasons(outcome) == ["unsuitable", "unparsable"]
    assert outcome.created[0].scores[0].value == 3.0


def test_a_row_that_no_topic_suits_passes_as_it_was_and_is_counted() -> None:
    outcome = moved(*[UNSUITABLE] * 3)
    assert (outcome.passed, outcome.created) == (POEM, ())
    assert reasons(outcome) == ["unsuitable"] * 3 + ["topic_exhausted"]


def test_a_row_that_no_topic_suits_can_be_dropped() -> None:
    with pytest.raises(Reject, match="topic_exhausted"):
        moved(*[UNSUITABLE] * 3, config=Config(on_exhausted="drop"))


def test_a_failed_request_costs_an_attempt_and_not_the_row() -> None:
    outcome = moved("", "", "", error="timeout")
    assert (outcome.passed, reasons(outcome)) == (POEM, ["timeout"] * 3 + ["topic_exhausted"])


REPLIES = [
    ("unchanged", POEM, "<verdict>ok</verdict><instruction>write a short poem about the sea</instruction>"),
    ("unsuitable", POEM, "<verdict>Unsuitable.</verdict>"),
    ("unsuitable", POEM, "This instruction is not suitable for the topic."),
    ("unsuitable", POEM, "<verdict>不适合"),
    ("unsuitable", POEM, "<verdict>unsuitable</verdict><instruction>Write about something else</instruction>"),
    ("unparsable", POEM, "<verdict>ok</verdict>"),
    ("unparsable", POEM, "Waves of coins, they come and go."),
    ("refused", POEM, "I'm sorry, but I can't help with that."),
    ("empty", POEM, ""),
    ("empty", POEM, "<instruction></instruction>"),
    ("answered_instead", POEM, "<instruction>Blue</instruction>"),
    ("answered_instead", POEM, "<instruction>Write an ode to bitcoin.\nAnswer: O coin!</instruction>"),
    ("leaked_markup", POEM, "<instruction>Write about <topic>bitcoin</topic> and rent.</instruction>"),
    ("answered_instead", POEM, "<instruction>Write an ode to bitcoin. Answer: O coin!</instruction>"),
    ("leaked_markup", POEM, '<instruction>Write about <topic id="1">bitcoin</topic> and rent.</instruction>'),
    ("malformed_think", POEM, f"<think>{GOOD}</think>\n<think>more</think>{GOOD}"),
    ("unclosed_think", POEM, f"{GOOD}<think>"),
    ("lost_input", SORT, "<instruction>Sort these coins.</instruction>"),
    ("lost_input", SORT, "<instruction>Sort these coins.</instruction><input>N/A</input>"),
    ("topic_pasted", SORT, "<instruction>Bitcoin: sort these words.</instruction><input>pear, apple</input>"),
    ("topic_pasted", POEM, "<instruction>In the context of Money, write a short poem about the sea.</instruction>"),
    ("language_drift", POEM, "<instruction>写一首关于比特币钱包的短诗，要押韵。</instruction>"),
]


@pytest.mark.parametrize(("reason", "row", "reply"), REPLIES)
def test_a_bad_rewrite_is_named(reason: str, row: Row, reply: str) -> None:
    found = read_rewrite(Completion(reply), row, BITCOIN)
    assert not isinstance(found, Task)
    assert (found.reason, found.raw) == (reason, reply)


@pytest.mark.parametrize(
    "reply",
    [
        "<verdict>OK</verdict>\n<instruction>\nSort these coins.\n</instruction>\n<input>euro, bitcoin</input>",
        "<instruction>Sort these coins.</instruction><input>euro, bitcoin</input>",
        "```\n<verdict>ok</verdict><instruction>Sort these coins.<input>euro, bitcoin\n```",
        "<think>unsuitable?</think>Sure!\n<Instruction>Sort these coins.</Instruction>\n<Input>euro, bitcoin</Input>\nDone.",
        "**Rewritten instruction:** Sort these coins.\n**Input:** euro, bitcoin",
    ],
)
def test_a_rewrite_is_read_however_it_is_marked(reply: str) -> None:
    assert read_rewrite(Completion(reply), SORT, BITCOIN) == Task("Sort these coins.", "euro, bitcoin")


def test_a_cut_rewrite_is_lost_unless_its_last_tag_is_closed() -> None:
    cut = Completion("<verdict>ok</verdict><instruction>Write a short ode to", finish_reason="length")
    assert getattr(read_rewrite(cut, POEM, BITCOIN), "reason", None) == "truncated"
    whole = Completion(f"{GOOD} And let me", finish_reason="length")
    assert isinstance(read_rewrite(whole, POEM, BITCOIN), Task)


@pytest.mark.parametrize(
    ("instruction", "is_pasted"),
    [
        ("Write a short poem about the sea (bitcoin).", True),
        ("On the topic of bitcoin: write a short poem about the sea.", True),
        ("Write a short poem about bitcoin.", False),
        ("Write a short poem about bitcoin and the sea.", False),
    ],
)
def test_pasting_is_told_from_rewriting(instruction: str, is_pasted: bool) -> None:
    assert pasted(Task(instruction), POEM, BITCOIN) is is_pasted


@pytest.mark.parametrize(
    ("instruction", "is_pasted"),
    [("在比特币方面，写一首短诗", True), ("写一首短诗（比特币）", True), ("写一首关于比特币的短诗", False)],
)
def test_pasting_is_seen_in_chinese(instruction: str, is_pasted: bool) -> None:
    row = POEM.with_(instruction="写一首短诗", language="zh")
    assert pasted(Task(instruction), row, BITCOIN) is is_pasted


@settings(max_examples=150)
@given(
    st.text() | st.lists(st.sampled_from(["<verdict>", "ok", "</verdict>", "<instruction>", "写诗", "</input>", "\n"]))
)
def test_no_reply_breaks_the_reading(reply: str | list[str]) -> None:
    found = read_rewrite(Completion("".join(reply)), SORT, BITCOIN)
    assert isinstance(found, Task) or found.reason


def test_a_share_of_the_rows_is_moved_and_every_row_has_its_job() -> None:
    shard = rows(100)
    jobs = grow_shard(shard, Config(share=0.3), random.Random(1))
    assert [job.row for job in jobs] == shard
    assert len({job.key for job in jobs}) == 100
    assert 30 <= len(first_prompts(jobs)) <= 31


def test_rows_that_are_not_moved_pass_without_a_request() -> None:
    for job in grow_shard(rows(3), Config(share=0.0), random.Random(1)):
        assert answer_with(job.steps, says()) == Outcome(passed=job.row)


def test_topics_are_dealt_evenly_and_the_same_each_time(tree: str) -> None:
    config = Config(topics=tree)
    counts = dealt(grow_shard(rows(10), config, random.Random(1)))
    assert sorted(counts.values()) == [2, 2, 3, 3]
    assert counts == dealt(grow_shard(rows(10), config, random.Random(1)))


def test_no_subtopic_is_given_out_more_often_than_its_quota(tree: str) -> None:
    jobs = grow_shard(rows(10), Config(topics=tree, max_per_subtopic=2, max_attempts=3), random.Random(1))
    counts: Counter[str] = Counter()

    def unsuitable(prompt: Prompt) -> Completion:
        counts[prompt.messages[-1].content.partition("<subtopic>")[2].partition("</")[0]] += 1
        return Completion(UNSUITABLE)

    outcomes = [answer_with(job.steps, unsuitable) for job in jobs]
    assert set(counts.values()) == {2}
    assert [outcome.passed for outcome in outcomes] == rows(10)
    assert sum(not outcome.discarded for outcome in outcomes) == 2


@given(st.integers(0, 30), st.integers(1, 6), st.integers(1, 5) | st.none(), st.integers())
def test_a_hand_never_holds_a_topic_twice(hands: int, each: int, most: int | None, rng: int) -> None:
    leaves = topics.load()[:4]
    dealt = topics.deal(leaves, hands, each, random.Random(rng), most)
    assert len(dealt) == hands
    assert all(len(set(hand)) == len(hand) for hand in dealt)
    counts = Counter(leaf for hand in dealt for leaf in hand)
    assert most is None or not counts or max(counts.values()) <= most
    assert most is not None or all(len(hand) == min(each, 4) for hand in dealt)


EXAMPLES = Config(mode="examples")


def invented(reply: str, language: str = "en", config: Config = EXAMPLES, **values: Any) -> Outcome:
    job = grow_shard(rows(20, language), config, random.Random(0))[-1]
    assert job.row is None
    return answer_with(job.steps, says(reply, **values))


def test_examples_mode_passes_every_row_on_and_asks_beside_them() -> None:
    shard = rows(50)
    jobs = grow_shard(shard, EXAMPLES, random.Random(0))
    assert [job.row for job in jobs] == [*shard, None, None, None]
    assert [job.key for job in jobs[50:]] == ["en.p0000", "en.p0001", "en.p0002"]
    assert answer_with(jobs[0].steps, says()) == Outcome(passed=shard[0])
    texts = first_prompts(jobs[50:])
    assert [text.rpartition("\n")[2] for text in texts] == ["Write 20 examples."] * 2 + ["Write 10 examples."]
    assert all(text.count("<example>\nTask number") == 3 for text in texts)
    named = [text.partition("<topics>")[2].partition("</topics>")[0].split(", ") for text in texts]
    assert len({topic for names in named for topic in names}) == 9


def test_examples_of_a_prompt_share_its_language() -> None:
    jobs = grow_shard([*rows(5), *rows(5, "zh"), *rows(2, "sw")], EXAMPLES, random.Random(0))
    assert [job.key for job in jobs[12:]] == ["en.p0000", "sw.p0000", "zh.p0000"]
    assert "、" in first_prompts([jobs[14]])[0].partition("<topics>")[2]


def test_growth_says_how_many_are_asked_for() -> None:
    assert len(grow_shard(rows(10), Config(mode="examples", growth=4.0), random.Random(0))) == 12


def test_invented_rows_know_their_examples_and_topic(tree: str) -> None:
    config = Config(mode="examples", topics=tree, categories=["b"])
    outcome = invented(
        "<example>Describe how drums are tuned.</example>\n<example>Compare drums with folk songs.</example>\n"
        "<example>Name a famous musician.</example>",
        config=config,
    )
    assert (outcome.created[0].topic, outcome.created[0].subtopic) == ("Sound", "drums")
    assert {row.subtopic for row in outcome.created[1:]} <= {"drums, folk songs", "folk songs, drums"}
    assert {row.topic for row in outcome.created} == {"Sound"}
    assert [row.source for row in outcome.created] == ["en.p0000.i0", "en.p0000.i1", "en.p0000.i2"]
    assert {(len(row.parents), row.operation, row.response) for row in outcome.created} == {(3, "write_on_topics", "")}
    assert len({row.id for row in outcome.created}) == 3


@pytest.mark.parametrize(
    ("reply", "kept", "lost"),
    [
        ("<example>Name two seas.</example><example>Add 2 and 3.</example>", ["Name two seas.", "Add 2 and 3."], []),
        ("<example>1. Name two seas.</example>\n<example>2. Add 2 and 3.</example>", ["Name two seas.", "Add 2 and 3."], []),
        ("<example>3 is a prime. Why?</example><example>Add.</example>", ["3 is a prime. Why?", "Add."], []),
        ("1. Name two seas.\n2. Add 2 and 3.", ["Name two seas.", "Add 2 and 3."], []),
        ("<example>Name two seas.\n<example>Add 2 and 3.", ["Name two seas.", "Add 2 and 3."], []),
        ("Sure:\n<example>Name two seas.</example>", ["Name two seas."], ["chatter"]),
        ("<example>Name two seas.</example><example></example>", ["Name two seas."], ["empty"]),
        ("<example>Name two seas.</example><example>Name two seas</example>", ["Name two seas."], ["repeated_example"]),
        ("<example>Add 2 and 3.\nAnswer: 5</example>", [], ["answered_instead"]),
        ("<example>写一首关于海的诗</example>", [], ["wrong_language"]),
        ("<example>Name <topics>A</topics> now</example>", [], ["leaked_markup"]),
        ("<example>List seas (the Red Sea,", [], ["truncated"]),
        ("<example>Add 2 and 3. Answer: 5</example>", [], ["answered_instead"]),
        ("<think>1. a</think><think>2. b</think><example>Name two seas.</example>", [], ["malformed_think"]),
        ("<think>1. Name two seas.\n2. Add 2 and 3.", [], ["unclosed_think"]),
        ("Seas are large.", [], ["unparsable"]),
        ("", [], ["empty"]),
    ],
)  # fmt: skip
def test_invented_instructions_are_read_and_each_is_counted(reply: str, kept: list[str], lost: list[str]) -> None:
    outcome = invented(reply)
    assert [row.instruction for row in outcome.created] == kept
    assert reasons(outcome) == lost


@pytest.mark.parametrize("form", ["{text}", "{place}. {text}", "<example>{text}</example>"])
def test_invented_instructions_are_read_of_json_as_of_tags(form: str) -> None:
    texts = ["Explain how rent is set.", "Compare two drums.", "Compare two drums."]
    tags = "\n".join(f"<example>{text}</example>" for text in texts)
    written = [form.format(text=text, place=place) for place, text in enumerate(texts, start=1)]
    assert invented(json.dumps({"instructions": written})) == invented(tags)
    assert invented(json.dumps({"instructions": [tags]})) == invented(tags)
    assert len(invented(tags).created) == 2


def test_the_list_of_instructions_has_a_shape_and_a_rewrite_has_none() -> None:
    (job,) = [job for job in grow_shard(rows(3), EXAMPLES, random.Random(0)) if job.row is None]
    (prompt,) = next(job.steps)
    assert prompt.shape is not None
    assert list(prompt.shape.schema["properties"]) == ["instructions"]
    assert next(grow_shard([POEM], Config(), random.Random(0))[0].steps)[0].shape is None


def test_only_the_broken_string_of_a_cut_json_list_is_lost() -> None:
    outcome = invented('{"instructions": ["Explain how rent is set.", "Compare tw', finish_reason="length")
    assert [row.instruction for row in outcome.created] == ["Explain how rent is set."]
    assert [(discard.reason, discard.raw) for discard in outcome.discarded] == [("truncated", "Compare tw")]


def test_copied_examples_are_discarded() -> None:
    copies = "".join(f"<example>{row.instruction}!</example>" for row in rows(20))
    outcome = invented(copies)
    assert (len(outcome.created), reasons(outcome)) == (17, ["repeated_example"] * 3)


def test_only_the_last_example_of_a_cut_reply_is_lost() -> None:
    outcome = invented("<example>Name two seas.</example><example>Add 2", finish_reason="length")
    assert ([row.instruction for row in outcome.created], reasons(outcome)) == (["Name two seas."], ["truncated"])


def test_a_failed_request_is_a_discard() -> None:
    assert reasons(invented("", error="timeout")) == ["timeout"]


def test_the_builtin_tree_has_a_name_in_both_languages_for_everything() -> None:
    tree = topics.load()
    assert len(tree) >= 293
    assert len({leaf.category for leaf in tree}) >= 15
    assert all(dict(names).keys() >= {"en", "zh"} for leaf in tree for names in (leaf.topics, leaf.subtopics))
    assert not any(mark in name for leaf in tree for _, name in leaf.subtopics for mark in ",，、<>")


def test_categories_restrict_the_tree(tree: str) -> None:
    assert {leaf.category for leaf in topics.load(tree, ("b",))} == {"b"}
    assert Config(topics=tree, categories=["b"]).topics_digest != Config(topics=tree).topics_digest


def test_a_yaml_tree_is_read_and_english_stands_in_for_a_missing_name(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    path.write_text("- id: x\n  en: Sea\n  subtopics: [{en: tides}, {en: waves, zh: 波浪}]\n", encoding="utf-8")
    assert [leaf.subtopic("zh") for leaf in topics.load(str(path))] == ["tides", "波浪"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        ("{", "cannot read"),
        ("[]", "is empty"),
        ("{a: 1}", "valid list"),
        ("[{id: x, en: X, subtopics: []}]", "at least 1 item"),
        ("[{id: x, subtopics: [{en: y}]}]", "has no name"),
        ("[{id: x, en: X, subtopics: [{}]}]", "has no name"),
        ("[{id: x, en: X, subtopics: [y]}]", "valid dictionary"),
    ],
)
def test_a_tree_that_cannot_be_used_stops_the_run_before_anything_is_asked(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "tree.yaml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(RecipeError, match=message) as caught:
        Config(topics=str(path))
    assert "\n" not in str(caught.value)


def test_an_unknown_category_is_named_with_those_there_are(tree: str) -> None:
    with pytest.raises(RecipeError, match=r"'c' is not in .*; there are: a, b"):
        Config(topics=tree, categories=["c"])


def test_coverage_counts_every_subtopic_in_any_language(tree: str) -> None:
    made = [
        POEM.with_(topic="Money", subtopic="bitcoin"),
        POEM.with_(topic="金钱", subtopic="比特币", language="zh"),
        POEM.with_(topic="Sound", subtopic="drums"),
        POEM.with_(topic="Sound", subtopic="drums, folk songs"),
        POEM,
    ]
    table = coverage(to_frame(made), Config(topics=tree))
    assert table.columns == ["topic", "subtopic", "rows"]
    assert table.rows() == [
        ("Money", "bitcoin", 2),
        ("Money", "rent", 0),
        ("Sound", "folk songs", 0),
        ("Sound", "drums", 1),
    ]
    assert coverage(to_frame(made[1:2]), Config(topics=tree)).rows()[0] == ("金钱", "比特币", 1)
    assert coverage(to_frame([]), Config(topics=tree))["rows"].sum() == 0
    assert table.schema["rows"] == pl.Int64
