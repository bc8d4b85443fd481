"""Replies of several items: what a model sends instead of a tidy list, and that no line of it is lost."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.instances import Record, judge, read_examples, read_labels, read_tasks
from generators.replies import (
    Cleaned,
    Listing,
    answered,
    clean,
    farewell,
    fingerprint,
    numbered,
    tagged,
    unfenced,
    unfinished,
    untagged,
    unwrap,
    without_input,
    yes_or_no,
)
from generators.wording import WORDS, flaw, length, mentions, wrong_language

LISTS = [
    ("plain", "9. add\n10. sort", ["add", "sort"], []),
    ("parentheses", "9) add\n10) sort", ["add", "sort"], []),
    ("both parentheses", "(9) add\n(10) sort", ["add", "sort"], []),
    ("ideographic comma", "9、写诗\n10、排序", ["写诗", "排序"], []),
    ("full-width point", "９．写诗\n１０．排序", ["写诗", "排序"], []),
    ("no space", "9.写诗\n10.排序", ["写诗", "排序"], []),
    ("bold label", "**9.** add\n**10**. sort", ["add", "sort"], []),
    ("bold task label", "**Task 9:** add\n**Task 10:** sort", ["add", "sort"], []),
    ("bold item", "**9. add**\n10. **sort**", ["add", "sort"], []),
    ("bold words inside", "9. **Sums:** add\n10. sort **all**", ["**Sums:** add", "sort **all**"], []),
    ("task label with space", "Task 9 : add\nTask 10 : sort", ["add", "sort"], []),
    ("heading", "### Task 9\nadd\n### Task 10\nsort", ["add", "sort"], []),
    ("chinese label", "任务 9：写诗\n第10个任务：排序", ["写诗", "排序"], []),
    ("first number left out", "add\n10. sort", ["add", "sort"], []),
    ("numbering restarts", "1. add\n2. sort", ["add", "sort"], []),
    ("numbering restarts in the middle", "9. add\n10. sort\n1. draw\n2. move", ["add", "sort", "draw", "move"], []),
    ("always the same number", "1. add\n1. sort", ["add", "sort"], []),
    ("a number is skipped", "9. add\n11. sort", ["add", "sort"], []),
    ("quotes", '9. "add"\n10. “排序”', ["add", "排序"], []),
    ("fenced", "```text\n9. add\n10. sort\n```", ["add", "sort"], []),
    ("fenced after a remark", "Here:\n```\n9. add\n10. sort\n```", ["add", "sort"], ["Here:"]),
    ("remarks", "Sure!\n\n9. add\n10. sort\n\nLet me know.", ["add", "sort"], ["Sure!", "Let me know."]),
    ("thoughts", "<think>9. no</think>9. add\n10. sort", ["add", "sort"], []),
    ("glued", "9. Add. 10. Sort? 11. Go", ["Add.", "Sort?", "Go"], []),
    ("glued in chinese", "9. 写诗。10、排序。", ["写诗。", "排序。"], []),
    ("a list inside, after a colon", "9. sort:\n1. b\n2. a\n10. add", ["sort:\n1. b\n2. a", "add"], []),
    ("a list inside, indented", "9. sort\n   1. b\n   2. a\n10. add", ["sort\n   1. b\n   2. a", "add"], []),
    ("a list inside the last item", "9. add\n10. sort:\n1. b\n2. a", ["add", "sort:\n1. b\n2. a"], []),
    ("numbers inside", "9. Sum 9. 5 and 3.14\n10. In 2020. Why?", ["Sum 9. 5 and 3.14", "In 2020. Why?"], []),
    ("an ending number", "9. Count up to 10. Stop.\n10. sort", ["Count up to 10. Stop.", "sort"], []),
    ("a year begins a line", "9. Explain:\n1999. A year\n10. sort", ["Explain:\n1999. A year", "sort"], []),
    ("a time begins a line", "9. Plan\n9:30 rise\n9.5 km\n10. sort", ["Plan\n9:30 rise\n9.5 km", "sort"], []),
    ("bullets", "Tasks:\n- add\n- sort", ["add", "sort"], ["Tasks:"]),
    ("an empty last item", "9. add\n10.", ["add", ""], []),
    ("prose", "The answer is 42.", [], ["The answer is 42."]),
    ("one bullet", "- the answer", [], ["- the answer"]),
    ("nothing", " \n ", [], []),
]


@pytest.mark.parametrize(("text", "items", "chatter"), [case[1:] for case in LISTS], ids=[case[0] for case in LISTS])
def test_a_list_is_read_however_it_is_written(text: str, items: list[str], chatter: list[str]) -> None:
    assert numbered(clean(text).text, 9, 16) == Listing(tuple(items), tuple(chatter))


@given(st.text())
def test_no_text_raises(text: str) -> None:
    numbered(clean(text).text, 9, 16)
    tagged(text, "example")
    untagged(text, "example")
    yes_or_no(text)
    without_input(text)
    unwrap(text)
    flaw(text, "zh", words=WORDS, characters=WORDS, banned=("图", "map"), programs=False)
    farewell(text)
    answered(text)
    for read in (read_examples, read_labels, read_tasks):
        judge(read(text)[0], truncated=True)


PIECES = st.sampled_from(
    [
        "9. ",
        "10)",
        "1、",
        "Task 9 :",
        "**",
        "Add 3 and 4.",
        "写一首诗。",
        "\n",
        "\n\n",
        "```",
        " ",
        "Input:",
        "输出：",
        "12",
        "### Task 4\n",
        "Instruction: ",
        "Example 1\n",
        "Class label: ",
        "<example>",
        "</example>",
        "###",
        "N/A",
        "：",
        "- ",
    ]
)


@settings(max_examples=200)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_mutated_replies_lose_no_words_and_do_not_raise(text: str) -> None:
    listing = numbered(clean(text).text, 9, 16)
    kept = fingerprint("".join([*listing.items, *listing.chatter]))
    for words in ("Add 3 and 4.", "写一首诗。"):
        assert kept.count(fingerprint(words)) == fingerprint(clean(text).text).count(fingerprint(words))
    for read in (read_examples, read_labels, read_tasks):
        records, chatter = read(text)
        raw = fingerprint("".join([*(record.raw for record in records), *chatter]))
        assert raw.count("add3and4") >= fingerprint(clean(text).text).count("add3and4")


@given(
    st.lists(st.from_regex(r"[A-Z][a-z]{1,9}( [a-z]{1,9}){2,8}\.", fullmatch=True), min_size=2, max_size=8), st.data()
)
def test_a_well_formed_list_comes_back_as_it_is(items: list[str], data: st.DataObject) -> None:
    mark = data.draw(st.sampled_from(["{}. ", "{}) ", "{}、", "**{}.** ", "Task {}: ", "**Task {}:** "]))
    text = "\n".join(mark.format(number) + item for number, item in enumerate(items, start=9))
    assert numbered(text, 9, 16) == Listing(tuple(items))


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        *[(text, True) for text in ("Yes", "yes.", "**Yes**", "Yes, it has labels", "是", "是。", "是的", "答案：是")],
        *[(text, False) for text in ("No", "no!", "Not a classification task", "否", "不是", "No, it's open")],
        *[(text, True) for text in ("It is a classification task.", "Is it? Yes", "是否分类？是")],
        *[(text, False) for text in ("It is not a classification task.", "这不是分类任务", "<think>yes</think>No")],
        *[(text, None) for text in ("", "Maybe", "Hard to say", "Well: yes and no", "也许", "Nothing")],
        *[(text, True) for text in ("Y", "Yes, although it is not clear-cut")],
        *[
            (text, False)
            for text in ("N", "N.", "Not really", "No, I am not sure that it is", "不，不确定", "是不是？否")
        ],
        *[(text, None) for text in ("Not sure", "I'm not sure.", "It is not clear", "No idea", "Yes and no", "N/A")],
        *[
            (text, None)
            for text in ("不确定", "我不确定", "不是很确定", "不好说", "对不起，我无法判断", "无法判断是否相同")
        ],
        *[(text, None) for text in ("<think>hm</think>Yes</think>", "Yes <think>or")],
    ],
)
def test_yes_and_no_are_told_from_neither(reply: str, said: bool | None) -> None:
    assert yes_or_no(reply) is said


NO_INPUT = [
    "<noinput>",
    "<NoInput>.",
    "noinput",
    "No input",
    '"No input."',
    "N/A",
    "n/a",
    "NA",
    "None",
    "none.",
    "null",
]
NO_INPUT += [
    "<无输入>",
    "无输入",
    "无",
    "（无）",
    "没有",
    "-",
    "—",
    "[No input required]",
    "Input not needed",
    "",
    "...",
    "无需输入",
]


@pytest.mark.parametrize("text", NO_INPUT)
def test_every_way_to_say_no_input_is_an_empty_input(text: str) -> None:
    assert without_input(text) == ""


@pytest.mark.parametrize(
    "text", ["None of them came.", "Nashville", "无锡", "0", "no", "-3", "No inputs were lost on us."]
)
def test_an_input_that_only_looks_empty_stays(text: str) -> None:
    assert without_input(text) == text


@pytest.mark.parametrize(
    ("text", "blocks", "outside"),
    [
        ("<example>a</example><example>b</example>", [("a", True), ("b", True)], ()),
        ("<example>\na\n</example>\n<Example 2>b</example>", [("a", True), ("b", True)], ()),
        ("<example>a\n<example>b</example>", [("a", False), ("b", True)], ()),
        ("Sure:\n<example>a</example>\nand\n<example>b", [("a", True), ("b", False)], ("Sure:", "and")),
        ("<examples>a</examples>", [], ("<examples>a</examples>",)),
        ("no tags", [], ("no tags",)),
    ],
)
def test_tags_are_read_without_their_ends(text: str, blocks: list[tuple[str, bool]], outside: tuple[str, ...]) -> None:
    assert [(block.text, block.closed) for block in tagged(text, "example")] == blocks
    assert untagged(text, "example") == outside


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Name a colour (", True),
        ("List fruits, ", True),
        ("列出水果、", True),
        ("```\ncode", True),
        ("Name a colour", False),
    ],
)
def test_a_text_that_breaks_off_is_seen(text: str, wrong: bool) -> None:
    assert unfinished(text) is wrong


@pytest.mark.parametrize(
    ("text", "is_answered"),
    [
        ("Add 2 and 3.\n**Answer:** 5", True),
        ("Write a short poem about rain. Answer: rain is wet", True),
        ("What is two plus two? **Answer:** 4", True),
        ("What has keys but opens no lock? (Answer: a piano)", True),
        ("写一首关于雨的诗。答案：雨很湿", True),
        ("Explain the answer: why 5?", False),
        ("Is this mail spam? Answer: yes or no.", False),
        ("Say what it is. Answer: positive/negative/neutral", False),
        ("Choose one. Answer: A, B or C", False),
        ("Fill in the gap. Answer: ___", False),
        ("判断对错。答案：对或错", False),
        ('Explain the joke "Why? Answer: because"', False),
        ("List the names. Output: JSON only", False),
    ],
)
def test_an_answer_is_seen_by_its_label_and_told_from_the_form_asked_for(text: str, is_answered: bool) -> None:
    assert answered(text) is is_answered


THOUGHTS = [
    ("<think>\n1. Maybe a poem\n2. Maybe a joke\n</think>\n<think>more</think>\n9. Write.", "malformed_think"),
    ("<think>a</think>Input: 3\nOutput: 9</think>", "malformed_think"),
    ("Input: 3\nOutput: 9\n<think>so", "unclosed_think"),
    ("<think>Input: 3\nOutput: 9", "unclosed_think"),
]


@pytest.mark.parametrize(("reply", "problem"), THOUGHTS)
def test_a_reply_whose_thoughts_have_no_clear_end_holds_nothing_and_says_why(reply: str, problem: str) -> None:
    assert clean(reply) == Cleaned("", problem)
    assert [read(reply) for read in (read_examples, read_labels, read_tasks)] == [([], ())] * 3


def test_a_missing_reply_is_an_empty_one() -> None:
    assert clean(None) == Cleaned("")


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("Output: b\n\nLet me know if you want more.", "Let me know if you want more."),
        ("Input: b\nI hope these help!", "I hope these help!"),
        ("输出：好\n\n希望这些示例对你有帮助！", "希望这些示例对你有帮助！"),
        ("输出：好\n如果需要更多示例，请告诉我。", "如果需要更多示例，请告诉我。"),
        ("Output: Dear Ann,\n\nI hope to see you soon.", ""),
        ("Output: She wrote:\nI hope this helps!", ""),
        ("Output: Let me know if you want more.", ""),
        ("I hope this helps!", ""),
    ],
)
def test_a_closing_remark_is_told_from_the_end_of_an_output(text: str, remark: str) -> None:
    assert farewell(text) == (text[: len(text) - len(remark)].rstrip(), remark)


def test_a_loose_fence_goes_and_a_whole_one_stays() -> None:
    assert unfenced("x\n```") == "x"
    assert unfenced("```\nx\n```") == "```\nx\n```"


def instance(output: str | None, given: str = "", instruction: str | None = None) -> tuple[str | None, str, str | None]:
    return instruction, given, output


def shown(records: list[Record]) -> list[tuple[str | None, str, str | None]]:
    return [(record.instruction, record.input, record.output) for record in records]


EXAMPLES = [
    ("blocks", "Example 1\nInput: 3\nOutput: 9\n\nExample 2\nInput: 4\nOutput: 16", [("9", "3"), ("16", "4")]),
    ("bold", "**Example 1:**\n**Input:** 3\n**Output:** 9", [("9", "3")]),
    ("one line", "Example 1: Input: 3\nOutput: 9", [("9", "3")]),
    ("no headings", "Input: 3\nOutput: 9\nInput: 4\nOutput: 16", [("9", "3"), ("16", "4")]),
    ("numbered labels", "Input 1: 3\nOutput 1: 9\nInput 2: 4\nOutput 2: 16", [("9", "3"), ("16", "4")]),
    ("chinese", "示例 1\n输入：三\n输出：九\n示例2：\n输入: 四\n输出: 十六", [("九", "三"), ("十六", "四")]),
    ("no input", "Output: A poem\nin two lines", [("A poem\nin two lines", "")]),
    ("said to have no input", "Example 1\nInput: N/A\nOutput: A poem", [("A poem", "")]),
    ("own field names", "Example 1\nPlace: Rome\nOutput: Italy", [("Italy", "Place: Rome")]),
    ("no output label", "Example 1\nRome", [("Rome", "")]),
    ("no output", "Example 1\nInput: 3\nOutput: 9\nExample 2\nInput: 4", [("9", "3"), (None, "4")]),
    ("fenced", "```\nInput: 3\nOutput: 9\n```", [("9", "3")]),
    ("labels in code", "Output:\n```\nInput: 3\nOutput: 9\n```", [("```\nInput: 3\nOutput: 9\n```", "")]),
    ("numbers stay", "Example 1\nInput: 1. a\n2. b\nOutput: 1. b", [("1. b", "1. a\n2. b")]),
    ("quotes stay", 'Example 1\nInput: "a"\nOutput: "b"', [('"b"', '"a"')]),
    ("prose", "I cannot do that.", []),
    ("numbered outputs", "Output 1: a\nOutput 2: b", [("a", ""), ("b", "")]),
    ("outputs alone", "Output: b\n\nOutput: c", [("b", ""), ("c", "")]),
    ("two outputs of one input", "Input: 3\nOutput: 9\nOutput: 8", [("9", "3"), ("8", "3")]),
    ("all on one line", "Example 1: Input: 3 Output: 9", [("9", "3")]),
    ("lines of pairs", "Input: 3 Output: 9\nInput: 4, Output: 16", [("9", "3"), ("16", "4")]),
    ("a line of pairs", "Input: 3 Output: 9 Input: 4 Output: 16", [("9", "3"), ("16", "4")]),
    ("chinese on one line", "示例 1：输入：三；输出：九", [("九", "三")]),
    ("a label in a sentence", "Input: See Output: x\nOutput: 9", [("9", "See Output: x")]),
]


@pytest.mark.parametrize(("reply", "found"), [case[1:] for case in EXAMPLES], ids=[case[0] for case in EXAMPLES])
def test_examples_are_read(reply: str, found: list[tuple[str | None, str]]) -> None:
    records, chatter = read_examples(reply)
    assert shown(records) == [instance(output, given) for output, given in found]
    assert chatter == (() if found else (reply,))


LABELS = [
    ("plain", "Class label: Spam\nInput: Win!\nClass label: Ham\nInput: Hi", [("Spam", "Win!"), ("Ham", "Hi")]),
    ("input without label", "Class label: Spam\nWin!\n\nClass label: Ham\nHi", [("Spam", "Win!"), ("Ham", "Hi")]),
    ("one line", "Class label: Spam Input: Win!", [("Spam", "Win!")]),
    ("chinese", "类别标签：好评\n输入：好吃\n**类别标签：** 差评\n输入：难吃", [("好评", "好吃"), ("差评", "难吃")]),
    ("no input", "Class label: Spam", [("Spam", "")]),
    ("input first all the same", "Input: Win!\nClass label: Spam\nInput: Hi\nClass label: Ham", [("Spam", "Win!"), ("Ham", "Hi")]),
    ("headings", "Example 1\nClass label: Spam\nInput: Win!\nExample 2\nClass label: Ham\nInput: Hi", [("Spam", "Win!"), ("Ham", "Hi")]),
    ("prose", "It is spam.", []),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "found"), [case[1:] for case in LABELS], ids=[case[0] for case in LABELS])
def test_labels_are_read(reply: str, found: list[tuple[str | None, str]]) -> None:
    records, chatter = read_labels(reply)
    assert shown(records) == [instance(output, given) for output, given in found]
    assert chatter == (() if found else (reply,))


BYE = "I hope these help!"
REMARKS = [
    (read_examples, f"Sure! Here are two:\nInput: 3\nOutput: 9\n\n{BYE}", [("9", "3")], ("Sure! Here are two:", BYE)),
    (read_examples, f"Here:\nExample 1\nInput: 3\nOutput: 9\n{BYE}", [("9", "3")], ("Here:", BYE)),
    (read_examples, "好的，这是一首诗\n输出：诗", [("诗", "")], ("好的，这是一首诗",)),
    (read_examples, "Place: Rome\nOutput: Italy", [("Italy", "Place: Rome")], ()),
    (read_labels, f"Sure:\nClass label: Spam\nInput: Win!\n\n{BYE}", [("Spam", "Win!")], ("Sure:", BYE)),
    (read_labels, "Sure:\nExample 1\nClass label: Spam", [("Spam", "")], ("Sure:",)),
    (read_tasks, f"Sure:\nInstruction: Add\nOutput: 4\n\n{BYE}", [("4", "")], (BYE,)),
]


@pytest.mark.parametrize(("read", "reply", "found", "remarks"), REMARKS)
def test_what_stands_around_the_records_is_in_none_of_them_and_not_lost(
    read: Callable[[str], tuple[list[Record], tuple[str, ...]]],
    reply: str,
    found: list[tuple[str, str]],
    remarks: tuple[str, ...],
) -> None:
    records, chatter = read(reply)
    assert [(record.output, record.input) for record in records] == found
    assert chatter == remarks


A, B = instance("4", "", "Add"), instance("2", "1", "Sub")
TASKS = [
    ("plain", "### Task 4\nInstruction: Add\nInput: <noinput>\nOutput: 4\n\n### Task 5\nInstruction: Sub\nInput: 1\nOutput: 2", [A, B]),
    ("bold", "**Task 4:**\n**Instruction:** Add\n**Input:** none\n**Output:** 4", [A]),
    ("alpaca", "4. Instruction: Add\n4. Input:\n<noinput>\n4. Output:\n4\n###\n5. Instruction: Sub\n5. Input: 1\n5. Output: 2", [A, B]),
    ("numbering restarts", "Task 1:\nInstruction: Add\nOutput: 4\nTask 1:\nInstruction: Sub\nInput: 1\nOutput: 2", [A, B]),
    ("glued", "Instruction: Add\nOutput: 4\nInstruction: Sub\nInput: 1\nOutput: 2", [A, B]),
    ("one line", "Instruction: Add Output: 4\nInstruction: Sub Input: 1 Output: 2", [A, B]),
    ("heading holds the instruction", "### Task 4: Add\nOutput: 4", [A]),
    ("chinese", "### 任务 4\n指令：写诗\n输入：<无输入>\n输出：诗", [instance("诗", "", "写诗")]),
    ("no output", "### Task 4\nInstruction: Add\nInput: 1", [instance(None, "1", "Add")]),
    ("cut at the heading", "### Task 4\nInstruction: Add\nOutput: 4\n\n### Task 5", [A, instance(None)]),
    ("fenced", "```\n### Task 4\nInstruction: Add\nOutput: 4\n```", [A]),
    ("prose", "I cannot.", []),
    ("headings in an output", "### Task 4\nInstruction: Plan\nOutput: So\n### Task 1\nDo it\n### Task 2\nRest\n\n### Task 5\nInstruction: Sub\nInput: 1\nOutput: 2",
     [instance("So\n### Task 1\nDo it\n### Task 2\nRest", "", "Plan"), B]),
    ("a heading in an output that looks like the next", "### Task 4\nInstruction: Plan\nOutput: So\n### Task 5\nDo it\n\n### Task 5\nInstruction: Sub\nInput: 1\nOutput: 2",
     [instance("So\n### Task 5\nDo it", "", "Plan"), B]),
    ("marked numbering restarts", "### Task 1\nInstruction: Add\nOutput: 4\n### Task 1\nInstruction: Sub\nInput: 1\nOutput: 2", [A, B]),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "found"), [case[1:] for case in TASKS], ids=[case[0] for case in TASKS])
def test_whole_tasks_are_read(reply: str, found: list[tuple[str | None, str, str | None]]) -> None:
    records, chatter = read_tasks(reply)
    assert shown(records) == found
    assert chatter == (() if found else (reply,))


@pytest.mark.parametrize(
    ("records", "truncated", "reasons"),
    [
        ([Record("9", "3"), Record("16", "4")], False, []),
        ([Record("9", "3"), Record("16", "4")], True, ["truncated"]),
        ([Record("3", "3")], False, ["echo"]),
        ([Record("", "3")], False, ["empty_output"]),
        ([Record(None, "3")], False, ["missing_output"]),
        ([Record("The sum is:", "3")], False, ["ends_with_colon"]),
        ([Record("和为：", "3")], False, ["ends_with_colon"]),
        ([Record("9", "Numbers:")], False, ["ends_with_colon"]),
        ([Record("9", "3", raw="a"), Record("9", "3", raw="b")], False, ["duplicate_instance"]),
        ([Record("9", "3"), Record("8", "3"), Record("1", "2")], False, ["conflicting_outputs"] * 3),
        ([Record("one poem"), Record("another poem")], False, []),
    ],
)
def test_instances_are_judged_by_the_papers_rules(records: list[Record], truncated: bool, reasons: list[str]) -> None:
    kept, flawed = judge(records, truncated=truncated)
    assert [each.reason for each in flawed] == reasons
    assert len(kept) + len(flawed) == len(records)


@pytest.mark.parametrize(
    ("text", "language", "reason"),
    [
        ("", "en", "empty"),
        ("Write a poem", "en", "too_short"),
        ("word " * 151, "en", "too_long"),
        ("Describe the pictures on this page", "en", "banned_word"),
        ("Tell me where to Go To for lunch", "en", "banned_word"),
        ("Write a program that adds two numbers", "en", "starts_with_program"),
        ("? Why is the sky blue today", "en", "starts_with_punctuation"),
        ("请写一首关于春天的诗", "en", "wrong_language"),
        ("Summarise the profile of a mapmaker", "en", None),
        ("Écrire: name three French dishes you like", "en", None),
        ("Translate “你好，今天天气很好” into English please", "en", None),
        ("List the numbers NASA and eBay publish", "en", None),
        ("写首诗吧", "zh", "too_short"),
        ("写" * 251, "zh", "too_long"),
        ("描述这张图片里的人物", "zh", "banned_word"),
        ("编写一个程序计算两数之和", "zh", "starts_with_program"),
        ("，写一首关于春天的诗", "zh", "starts_with_punctuation"),
        ("Write a poem about spring, please", "zh", "wrong_language"),
        ("《红楼梦》的作者是谁？", "zh", None),
        ("用 Python 的 list 举一个排序的例子", "zh", None),
        ("Напиши короткое стихотворение о весне", "ru", None),
        ("Write a short poem about spring", "ru", "wrong_language"),
        ("Andika shairi fupi kuhusu mvua", "sw", None),
    ],
)
def test_proposals_are_filtered_by_their_wording(text: str, language: str, reason: str | None) -> None:
    banned = ("pictures", "map", "go to") if language == "en" else ("图片",)
    assert flaw(text, language, words=WORDS, characters=(5, 250), banned=banned, programs=False) == reason


def test_length_counts_words_or_characters() -> None:
    assert (length("two  words", "en"), length("用 Python 写 12 行", "zh")) == (2, 5)


def test_banned_words_are_whole_in_english() -> None:
    assert not mentions("roadmap and filet", ("map", "file"))
    assert mentions("A MAP.", ("map",))


def test_a_text_without_letters_is_in_no_wrong_language() -> None:
    assert not wrong_language("3 + 5 = ?", "zh")
