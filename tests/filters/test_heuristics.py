import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.heuristics import CHECKS, INSTRUCTION_REASONS, Config, Reason, judge
from schemas.row import Row, TeacherNote, Turn, new_row, to_frame

PROMPTS = Path(__file__).parents[2] / "docs" / "prompts.md"

EN = "Explain how rain forms in the sky."
ZH = "请解释雨是怎样形成的。"


def reason_of(row: Row, **config: Any) -> str | None:
    (verdict,) = judge(to_frame([row]), Config(**config))
    assert verdict.keep is (verdict.reason is None)
    return verdict.reason


def answered(response: str, instruction: str = EN, **values: Any) -> Row:
    return new_row(instruction, response=response, stage="s", **values)


BAD: list[tuple[str, Row]] = [
    ("instruction_too_short", answered("Fine.", "Explain")),
    ("instruction_too_short", answered("好的。", "雨", language="zh")),
    ("instruction_too_long", answered("Fine.", "word " * 2001)),
    ("missing_input", answered("Done.", "Translate the following sentence:")),
    ("missing_input", answered("好的。", "请翻译以下句子：", language="zh")),
    ("no_input_marker", answered("Rain falls.", input="<noinput>")),
    ("no_input_marker", answered("Rain falls.", input="No input required.")),
    ("no_input_marker", answered("雨水下落。", ZH, input="无输入", language="zh")),
    ("no_input_marker", answered("Rain falls.", input="N/A")),
    ("hallucinated_attachment", answered("It is a cat.", "Describe the picture.", input="[image attached]")),
    ("hallucinated_attachment", answered("It is a blog.", "Summarise this article.", input="https://example.com/a1")),
    ("leaked_scaffold", answered("Rain.", "#Rewritten Prompt#: Explain rain to a child.")),
    ("leaked_scaffold", answered("Rain.", "<instruction>Explain rain.</instruction>")),
    ("leaked_scaffold", answered("Rain.", "### Task 4\nExplain rain.")),
    ("leaked_scaffold", answered("Class label: weather\nInput: rain")),
    ("leaked_scaffold", answered("Rain falls.\n\n5. Instruction: Explain snow.")),
    ("leaked_scaffold", answered("Rain.", "Explain the given prompt in depth.", depth=1)),
    ("leaked_scaffold", answered("雨。", "改写后的指令：请解释雨。", language="zh")),
    ("control_characters", answered("Rain\x08 falls.")),
    ("control_characters", answered("Rain \ufffd falls.")),
    ("empty_response", answered(" \n ")),
    ("empty_response", answered("N/A")),
    ("empty_response", answered("<no output>")),
    ("truncated", answered("Rain forms when", teacher=TeacherNote("m", finish_reason="length"))),
    ("truncated", answered("Here:\n```python\nprint(1)\n")),
    ("truncated", answered("Rain forms when warm wet air rises and cools, so that small drops " * 2 + "meet in the")),
    ("response_ends_with_colon", answered("Rain forms in these steps:")),
    ("echo", answered(EN)),
    ("echo", answered("Cats sleep.", "Put this into the past.", input="Cats sleep.")),
    ("refusal", answered("I'm sorry, but I can't assist with that request.")),
    ("no_input_marker", answered("Rain falls.", "Generate a list of five words.", input="None")),
    ("no_input_marker", answered("def add(): ...", "Write a Python function that adds.", input="N/A")),
    ("hallucinated_attachment", answered("一只猫。", "描述图片。", input="[图片：一只猫]", language="zh")),
    ("hallucinated_attachment", answered("一只猫。", "请总结。", input="见附件", language="zh")),
    ("leaked_scaffold", answered("Rain.", "<instruction id=1>Explain rain.")),
    ("leaked_scaffold", answered("Rain.", "Here it is: <instruction>Explain rain.</instruction>")),
    ("leaked_scaffold", answered("Rain.", "Explain rain in short words.</instruction>")),
    ("leaked_scaffold", answered("<verdict>equal</verdict>")),
    ("leaked_scaffold", answered('Rain falls. <instruction n="2">Explain snow.')),
    ("truncated", answered("Here:\n````markdown\n```python\nprint(1)\n```\n")),
    ("refusal", answered("I'm sorry, but I cannot process this request.")),
    ("refusal", answered("Unfortunately, I cannot recommend specific stocks.")),
    ("refusal", answered("I'm sorry, but I can't discuss that topic, nor can I support it.")),
    ("refusal", answered("I’m unable to help with that.")),
    ("refusal", answered("I apologize, but as an AI language model I cannot browse the internet.")),
    ("refusal", answered("As an AI language model, I don't have personal opinions.")),
    ("refusal", answered("Hello!", turns=(Turn("user", "Help me."), Turn("assistant", "I cannot assist with that.")))),
    ("refusal", answered("对不起，我不能提供这类信息。", ZH, language="zh")),
    ("refusal", answered("作为一个人工智能语言模型，我没有情感。", ZH, language="zh")),
    ("identity", answered("I am ChatGPT, ready to explain. Rain forms …")),
    ("identity", answered("I'm an AI assistant made by Anthropic.")),
    ("identity", answered("I'm Claude, made by Anthropic.")),
    ("identity", answered("No, my creators are researchers from LMSYS.")),
    ("identity", answered("我是由百度开发的语言模型。", ZH, language="zh")),
    ("wrong_language", answered("雨是由水蒸气遇冷凝结成的水滴，从云中落到地面上来的。")),
    (
        "wrong_language",
        answered("Rain forms when warm air rises and cools, and the drops in the cloud fall.", ZH, language="zh"),
    ),
    ("repetition", answered("Rain falls on the hills again. " * 12)),
    ("repetition", answered("Rai" + "n" * 60)),
    ("repetition", answered("雨水落下来，" * 20 + "完。", ZH, language="zh")),
]

GOOD: list[Row] = [
    answered("42", "What is six times seven?"),
    answered("+", "Which operator adds?"),
    answered("None", "Which of these is a fish? Answer None if none is.", input="cat, dog"),
    answered("Here you are.", "List the turning points of the war:"),
    answered("La pluie tombe.", "Translate the following sentence:", input="Rain falls."),
    answered("example.com", "Extract the domain from the URL.", input="https://example.com/a1"),
    answered("Dear Tom,\nI'm sorry I can't come to your party.", "Write a short note."),
    answered("I'm sorry, but I can't make it tonight.", "Write a text message."),
    answered("I cannot wait to see you! Unfortunately, I cannot attend the opening.", "Write a text message."),
    answered("对不起，我不能去参加你的生日聚会了。", "写一条短信给朋友", language="zh"),
    answered("作为人工智能专业的学生，我每天都没有时间。", "写一条短信给朋友", language="zh"),
    answered("OpenAI released ChatGPT in 2022.", "When was ChatGPT released?"),
    answered("I am Claude, a baker from Lyon. My sister is a Gemini.", "Write a short introduction."),
    answered("My name is Ann and I work as an assistant at Google.", "Write a short introduction."),
    answered("I'm sorry, but I cannot support your proposal this year.", "Write a letter that declines it."),
    answered("Unfortunately, I cannot recommend this candidate because he is late.", "Write a reference."),
    answered("I'm sorry, but I cannot process your refund without a receipt.", "Reply to the customer."),
    answered("<task><instruction>Do it</instruction></task>", "Write an XML file with a task and its instruction."),
    answered("The `<instruction>` element holds text.", "What does it hold?"),
    answered("<verdict>x</verdict>", "Put the label into <verdict> and </verdict>."),
    answered("The cat sleeps.", "Proofread the sentence.", input="The cat sleeps."),
    answered("1, 2, 3", "Sort the numbers.", input="1, 2, 3"),
    answered("Repeat this sentence.", "Repeat this sentence."),
    answered("It is of type NoneType.", "What type does this value have in Python?", input="None"),
    answered("It is falsy.", "Is the value truthy or falsy?", input="null"),
    answered("It says that nothing applies.", "What does this abbreviation stand for?", input="N/A"),
    answered("没有。", "解释这个字的意思", input="无", language="zh"),
    answered("Spam.", "Classify as spam or not.", input="http://win.example/now"),
    answered("平静。", "判断语气", input="附件已收到", language="zh"),
    answered("Use three backticks: ``` to open.", "How does a block of code begin?"),
    answered("Here:\n```python\nprint('```')\n```", "Print three backticks."),
    answered(
        "It is 米饭，茶是茶，水是水，面包是面包，苹果是苹果。", "What is the Chinese for rice, tea, water and bread?"
    ),
    answered(
        "Dear Tom, we are glad to send you the offer that you asked for, and it is attached to this mail.",
        "写一封商务邮件，收件人是英国客户",
        language="zh",
    ),
    answered("echo " * 50, "Repeat the word 'echo' 50 times."),
    answered("Bonjour.", "Translate", input="Good morning."),
    answered("Rain falls.", turns=(Turn("user", "I am ChatGPT, you know."), Turn("assistant", "Nice."))),
    answered("雨是由水蒸气遇冷凝结成的水滴，从云中落到地面上来的。", "Translate into Chinese: rain is …"),
    answered(
        "用 `sorted(list)`：\n```python\nfor x in sorted(list):\n    print(x)\n```", "怎样排序列表？", language="zh"
    ),
    answered("LEGO BOOST, LEGO WeDo 2.0, Go Direct Force, micro:bit, Makey Makey, Pen, Music", ZH, language="zh"),
    answered("### Task 1\nAdd 2 and 3.\n### Task 2\nAdd 4 and 5.", "Make a worksheet with two tasks."),
    answered("<form><input type='text'></form>", "Write an HTML form."),
    answered("| a | b |\n|-----|-----|\n| 1 | 2 |\n" + "-" * 80, "Draw a table, please."),
    answered("Once upon a time.", "Write a story from the given prompt.", input="A fox and a crow."),
    answered("雨水下落，形成河流。", ZH, language="zh"),
]


@pytest.mark.parametrize(("reason", "row"), BAD, ids=[f"{reason}-{i}" for i, (reason, _) in enumerate(BAD)])
def test_a_bad_row_goes_for_its_reason(reason: str, row: Row) -> None:
    assert reason_of(row) == reason


@pytest.mark.parametrize("row", GOOD, ids=[row.response[:24] for row in GOOD])
def test_a_good_row_passes(row: Row) -> None:
    assert reason_of(row) is None


@pytest.mark.parametrize(
    ("config", "reason"), [({"min_response": 9}, "response_too_short"), ({"max_response": 3}, "response_too_long")]
)
def test_lengths_are_counted_in_words(config: dict[str, int], reason: str) -> None:
    row = answered("Drops fall out of the clouds.")
    assert reason_of(row, **config) == reason
    assert reason_of(row, min_response=6, max_response=6) is None


def test_an_input_makes_up_for_a_short_instruction_but_not_for_none() -> None:
    assert reason_of(answered("Bonjour.", "Translate", input="Hi.")) is None
    assert reason_of(answered("Bonjour.", "Translate", input="Hi."), min_instruction=3) == "instruction_too_short"
    assert reason_of(answered("Bonjour.", "", input="Good morning to you.")) == "instruction_too_short"


def test_lengths_are_counted_in_characters_in_chinese() -> None:
    assert reason_of(answered("雨水下落", ZH, language="zh"), min_response=4, max_response=4) is None


def test_every_check_has_an_example_and_can_be_left_out() -> None:
    assert list(CHECKS) == list(get_args(Reason))
    covered = {reason for reason, _ in BAD} | {"response_too_short", "response_too_long"}
    assert covered == set(CHECKS)
    for reason, row in BAD:
        assert reason_of(row, ignore=[reason]) != reason


def test_before_rows_are_answered_only_instructions_are_judged() -> None:
    unanswered = new_row(EN, stage="s")
    assert reason_of(unanswered) == "empty_response"
    assert reason_of(unanswered, scope="instruction") is None
    assert all(reason_of(row, scope="instruction") in {None, *INSTRUCTION_REASONS} for _, row in BAD)
    assert reason_of(new_row("Explain", stage="s"), scope="instruction") == "instruction_too_short"


def test_the_titles_of_our_prompts_are_known_as_scaffold() -> None:
    titles = re.findall(r"`(# [^`]+)`", PROMPTS.read_text(encoding="utf-8"))
    assert len(titles) >= 30
    assert [title for title in titles if reason_of(answered(f"{title}\nRain falls.")) != "leaked_scaffold"] == []


@pytest.mark.parametrize(
    ("file", "language", "keys", "most"),
    [
        ("self_instruct_seed_tasks.jsonl", "en", ("instruction", "instances"), 0.0),
        ("gsm8k_test.jsonl", "en", ("question", "answer"), 0.0),
        ("huatuo_8658.jsonl", "zh", ("instruction", "output"), 0.0),
        ("zh_instructions_hikariming.jsonl", "zh", ("instruction", "output"), 0.005),
    ],
)
def test_real_rows_pass(
    real_data: Callable[[str], Any], file: str, language: str, keys: tuple[str, str], most: float
) -> None:
    rows = []
    for place, record in enumerate(real_data(file)[:3000]):
        response = record[keys[1]]
        first = response[0] if isinstance(response, list) else {"input": record.get("input") or "", "output": response}
        rows.append(
            answered(first["output"], record[keys[0]], input=first["input"], language=language, source=str(place))
        )
    flagged = Counter(verdict.reason for verdict in judge(to_frame(rows), Config()) if not verdict.keep)
    assert flagged.total() <= most * len(rows), flagged


def test_real_self_identifications_are_all_found(real_data: Callable[[str], Any]) -> None:
    rows = []
    for place, record in enumerate(real_data("sharegpt_demo_500.json")):
        turns = [Turn({"human": "user", "gpt": "assistant"}[m["from"]], m["value"]) for m in record["conversations"]]
        rows.append(answered(turns[1].content, turns[0].content, turns=tuple(turns[2:]), source=str(place)))
    assert {verdict.reason for verdict in judge(to_frame(rows), Config())} == {"identity"}


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30), st.text(max_size=60)), max_size=4))
def test_any_text_gets_a_verdict(texts: list[tuple[str, str, str]]) -> None:
    rows = [
        answered(response, instruction, input=input, source=str(place))
        for place, (instruction, input, response) in enumerate(texts)
    ]
    verdicts = judge(to_frame(rows), Config())
    assert len(verdicts) == len(rows)
    assert all(verdict.reason in {None, *CHECKS} for verdict in verdicts)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"min_response": 10, "max_response": 5}, "min_response is 10, above max_response 5"),
        ({"ignore": ["refusals"]}, "refusal"),
        ({"max_foreign": 2}, "max_foreign"),
    ],
)
def test_a_wrong_setting_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Config(**config)
