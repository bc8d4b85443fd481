import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.answers import extract, states, words
from generators.equivalence import equivalent, plain, quantity, tidy

DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("2 + 3 = 5\nAnswer: 5", "2 + 3 = 5", "5"),
        ("2 + 3 = 5\nanswer : 5.", "2 + 3 = 5", "5"),
        ("Sum.\n**Answer:** 5", "Sum.", "5"),
        ("Sum.\n**Answer: 5**", "Sum.", "5"),
        ("Sum.\n**Answer**: 5", "Sum.", "5"),
        ("Sum.\n### Final Answer\n5", "Sum.", "5"),
        ("Sum.\n> Final answer (in euros): 5", "Sum.", "5"),
        ("求和。\n答案：5。", "求和。", "5"),
        ("求和。\n最终答案: 5", "求和。", "5"),
        ("求和。\n答：小明有5个苹果。", "求和。", "小明有5个苹果"),
        ("Sum.\n#### 1,234", "Sum.", "1,234"),
        ("#### Step 1\nAdd.\nAnswer: 5", "#### Step 1\nAdd.", "5"),
        ("Sum.\nAnswer: $\\boxed{\\frac{1}{2}}$", "Sum.", "\\frac{1}{2}"),
        ("Sum.\nSo $\\boxed{5}$.", "Sum.", "5"),
        ("First \\boxed{1}, then \\boxed{2}", "First \\boxed{1}, then 2", "2"),
        ("First \\boxed{1}, then \\boxed{2", "First 1, then \\boxed{2", "1"),
        ("Add them. So the answer is 3.14.", "Add them.", "3.14"),
        ("相加。所以答案是 5。", "相加。", "5"),
        ("The answer is not 5. The answer is 6.", "The answer is not 5.", "6"),
        ("It melts.\n(B)", "It melts.", "B"),
        ("It melts.\n**B**", "It melts.", "B"),
        ("It melts.\nSo the right one is (B) ice.", "It melts.", "B"),
        ("它会融化。\n选 (B)。", "它会融化。", "B"),
        ("Sum.\nAnswer: 5\n\nI hope this helps!", "Sum.", "5"),
        ("Sum.\nAnswer: 5\nThe shop sold five.", "Sum.", "5"),
        ("Trace.\nAnswer:\n1\n2\n3", "Trace.", "1\n2\n3"),
        ('Build.\nAnswer: {\n "a": 1\n}', "Build.", '{\n "a": 1\n}'),
        ("Write.\nAnswer:\n```python\nprint(1)\n```\nDone.", "Write.", "print(1)"),
        ("Write.\nAnswer: Dear Ann,\n\nthank you.\n\nBob", "Write.", "Dear Ann,\n\nthank you.\n\nBob"),
        ("Write.\nAnswer: Dear Ann,\nthank you.\n\nLet me know if it fits.", "Write.", "Dear Ann,\nthank you."),
        ("Sum.\n<answer>5</answer>", "Sum.", "5"),
        ("One.\nAnswer: 5\nChecked.\nAnswer: 5.0", "One.\nChecked.", "5.0"),
        ("3*4=12\nA: 12", "3*4=12", "12"),
        ("It melts.\nB.", "It melts.", "B"),
        ("It melts.\nOption B. ice", "It melts.", "B"),
        ("Go north.\nThe answer is St. Petersburg. It is cold.", "Go north.", "St. Petersburg"),
        ("He wrote.\nThe answer is Dr. Smith.", "He wrote.", "Dr. Smith"),
        ("Count.\nThe answer is U.S.A. because of the dollar.", "Count.", "U.S.A."),
        ("She wrote.\nThe answer is J. K. Rowling. It sold.", "She wrote.", "J. K. Rowling"),
        ("He ruled.\nThe answer is George W. Bush.", "He ruled.", "George W. Bush"),
        ("It melts.\nThe answer is B. Ice melts.", "It melts.", "B"),
        ("It melts.\nThe answer is plan B. Then stop.", "It melts.", "plan B"),
    ],
)
def test_an_answer_is_found_and_cut_off_from_its_reasoning(text: str, reasoning: str, answer: str) -> None:
    found = extract(text)
    assert (found.reasoning, found.answer, found.problem) == (reasoning, answer, None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no_answer"),
        ("As we know, water melts.\nBoth are right.", "no_answer"),
        ("Answering this is hard", "no_answer"),
        ("The options:\nA) one\nB) two", "no_answer"),
        ("A cat sat.", "no_answer"),
        ("…It was 3.\nA. Smith wrote it.", "no_answer"),
        ("We add.\nB. This case is special.", "no_answer"),
        ("We add.\nThe author is A. Smith", "no_answer"),
        ("Half a box: \\boxed{5", "no_answer"),
        ("Sum.\nAnswer:", "empty_answer"),
        ("Sum.\n答案：  ", "empty_answer"),
        ("So \\boxed{}", "empty_answer"),
        ("Answer: 5\nNo, wait.\nAnswer: 6", "several_answers"),
        ("So \\boxed{5}\nAnswer: 6", "several_answers"),
        ("The answer is 5. Or the answer is 6.", "several_answers"),
    ],
)
def test_a_solution_without_one_answer_says_why(text: str, problem: str) -> None:
    found = extract(text)
    assert (found.answer, found.problem) == (None, problem)


SAME = [
    ("5", "5.0"), ("1,234", "1234"), ("1/2", "0.5"), ("1/3", "0.33"), ("\\frac{1}{2}", "1/2"), ("\\dfrac12", "0.5"),
    ("1\\frac{1}{2}", "1.5"), ("1½", "3/2"), ("50%", "50"), ("50\\%", "50 percent"), ("$5", "5 dollars"),
    ("5 km", "5"), ("5元", "¥5"), ("5个", "5"), ("-5", "−5"), ("５", "5"), ("1e3", "1000"), ("x = 5", "5"),
    ("90^\\circ", "90 degrees"), ("18", "She makes $18 a day."), ("5", "小明有5个苹果。"),
    ("B", "(B) Paris"), ("B", "**B**"), ("B", "b)"), ("B", "option B"), ("(B) Paris", "Paris"), ("选B", "B."),
    ("Yes", "yes."), ("Yes", "是"), ("True", "对的"), ("No", "No, he can't."), ("否", "不是"),
    ('{"a": 1, "b": [2]}', '{"b":[2.0],"a":1}'), ("[1, 2]", "```json\n[1,2]\n```"), ("NaN", "NaN"),
    ("[NaN]", "[ NaN ]"),
    ("3, 5, 7", "[3,5,7]"), ("甲、乙", "甲，乙"), ("red and blue", "red, blue"), ("1. red\n2. blue", "red; blue"),
    ("['a', 'b']", '["a", "b"]'), ("Paris", "paris."), ("$\\text{Paris}$", "Paris"), ("“Paris”", "Paris"),
    ("the moon", "Moon"), ("3:30 PM", "3:30PM"), ("今天 下雨", "今天下雨"), ("2x + 1", "2x+1"),
    ("12 thousand", "12,000"), ("12万", "120000"), ("$1.5M", "$1,500,000"), ("1.5 million", "1500000"), ("12k", "12000"),
    ("2 dozen", "2"), ("5万元", "¥50000"), ("5千克", "5"), ("5m", "5 m"), ("300K", "300 K"), ("3亿", "300 million"),
    ("U.S.A.", "U.S.A"),
]  # fmt: skip

DIFFERENT = [
    ("5 km", "5 m"), ("5", "-5"), ("5", "negative 5"), ("5", "15"), ("5", "less than 5"), ("5", "至少5个"),
    ("5", "5 or 6"), ("5", "5!"), ("2", "2x"), ("3", "5 - 2"), ("0.33", "0.333"), ("1/3", "0.34"), ("1/3", "0.3"),
    ("1.5", "1.6"), ("1/2/2024", "0.5"), ("10", "1 0"), ("5%", "6%"), ("2*3", "23"),
    ("A", "A cat"), ("A", "As"), ("B", "C"), ("(B) Paris", "(B) London"), ("No", "No one"), ("yes", "no"), ("是", "否"),
    ("[true]", "[1]"), ('{"a": 1}', '{"a": "1"}'), ("[1, 2]", "[2, 1]"), ("(1,2)", "[1,2]"), ("3, 5", "5, 3"),
    ("3, 5", "3, 5, 7"), ("Paris", "London"), ("", ""), ("5", ""), (" ", "5"),
    ("12", "12 thousand"), ("12", "12万"), ("1.5", "$1.5M"), ("1.5", "1.5 million"), ("12", "12k"), ("3", "3 hundred"),
    ("3", "3 PM"), ("3", "3 a.m."), ("3", "下午3点"), ("12", "She earned 12 thousand dollars."), ("1", "1/23"),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "predicted"), SAME)
def test_two_spellings_of_an_answer_are_equivalent(gold: str, predicted: str) -> None:
    assert equivalent(gold, predicted)
    assert equivalent(predicted, gold)


@pytest.mark.parametrize(("gold", "predicted"), DIFFERENT)
def test_two_answers_are_not_equivalent(gold: str, predicted: str) -> None:
    assert not equivalent(gold, predicted)
    assert not equivalent(predicted, gold)


@pytest.mark.parametrize(
    ("text", "value"),
    [("$1,200.50", 1200.5), ("3 1/2 km", 3.5), ("-5%", -5), (".5", 0.5), ("-$3", -3), ("7.", 7), ("3/4 cup", 0.75)],
)
def test_an_amount_is_read_with_its_sign_and_fraction(text: str, value: float) -> None:
    found = quantity(text)
    assert found is not None
    assert found.value == value


@pytest.mark.parametrize(
    "text", ["", "five", "1/0", "3:30", "2024-01-05", "10-12", "5 x 3", "1,23", "9" * 200, "1. First"]
)
def test_what_is_not_one_amount_is_none(text: str) -> None:
    assert quantity(text) is None


@pytest.mark.parametrize(
    ("text", "answer", "stated"),
    [
        ("Natalia sold 72 clips.", "72", True),
        ("48 + 24 clips", "72", False),
        ("She sold 48 in April. Answer: 72", "48", False),
        ("First 48.\nAnswer: 72", "48", False),
        ("The capital of France is Paris.", "Paris", True),
        ("A comparison", "Paris", False),
        ("There is no way to tell.", "no", False),
        ("No, it is not.", "no", True),
        ("It is (B), ice.", "B", True),
        ("Bananas", "B", False),
        ("法国的首都是巴黎。", "巴黎", True),
        ("The probability is 2/3.", "2/3", True),
        ("概率是1/23。\n如有变动请再问。", "1/23", True),
        ("概率是1/23。\n如有变动请再问。", "1", False),
        ("It is 3 1/2 km.", "3 1/2 km", True),
        ("x is 3/4", "0.75", True),
        ("It is about 0.67.", "2/3", True),
        ("two stars\n<value>two stars</value>", "<value>two stars</value>", True),
        ("It costs 1.5 million.", "1500000", True),
        ("It costs $1.5M.", "1.5", None),
        ("It costs $1.5M.", "15", False),
        ("Tom had 17 apples and ate 3, so he has 14 left.", "17", False),
        ("Tom had 17 apples and ate 3, so he has 14 left.", "14", True),
        ("汤姆有17个，吃了3个，所以还剩14个。", "17", False),
        ("She does not have 17 apples; she has 14.", "17", False),
        ("She does not have 17 apples; she has 14.", "14", True),
        ("It is Lyon, not Paris.", "Paris", False),
        ("17 is not prime, so no.", "yes", False),
        ("It has no divisor, so yes.", "yes", True),
        ("The answer is below.\nParis", "Paris", True),
        ('B. "B" has 1 letters. This holds for 27 September 2021.', "1", None),
        ("She gets 72. This holds for 27 September 2021.", "72", None),
        ("Delivery is not before 12 May.", "12", None),
        ("There are three apples.", "3", None),
        ("The primes are 3, 5 and 7.", "3, 5, 7", None),
        ("The primes are 3 and 7.", "3, 5, 7", False),
    ],
)
def test_a_response_states_an_answer_or_does_not_or_nobody_can_say(text: str, answer: str, stated: bool | None) -> None:
    assert states(text, answer) is stated


def test_chinese_characters_count_as_two_thirds_of_a_word() -> None:
    assert (words("Don't add 1,000 words"), words("写一首关于春天的诗"), words("")) == (4, 6, 0)


_FRAGMENTS = st.sampled_from(
    ["Answer:", "答案：", "####", "\\boxed{", "}", "{", "**", "The answer is ", "(B)", "<answer>", "```", "\n", "\n\n",
     "5", "1/2", "$", "1,000", "-", "[", "]", '"', "\\frac", "：", "％", "½", " ", "A", "."]
)  # fmt: skip
_TEXTS = st.one_of(st.text(max_size=200), st.lists(_FRAGMENTS, max_size=25).map("".join))


@given(_TEXTS)
@settings(max_examples=300, deadline=None)
def test_any_text_has_an_answer_or_a_reason_and_nothing_is_made_up(text: str) -> None:
    found = extract(text)
    assert (found.answer is None) != (found.problem is None)
    assert found.answer is None or found.answer.strip() == found.answer != ""


@given(_TEXTS, _TEXTS)
@settings(max_examples=300, deadline=None)
def test_equivalence_is_symmetric_and_reflexive_for_any_text(one: str, other: str) -> None:
    assert equivalent(one, other) == equivalent(other, one)
    assert equivalent(one, one) == bool(tidy(one))
    assert states(one, other) in (True, False, None)
    assert isinstance(plain(one), str)


@pytest.mark.parametrize(
    "text", ["\\boxed{" * 5000, "Answer:\n" * 2000, "1," * 5000, "<" * 9000, "`" * 9000, "[" * 9000]
)
def test_hostile_text_takes_no_quadratic_time(text: str) -> None:
    extract(text)
    equivalent(text, f"{text}x")
    states(text, "5")


@pytest.mark.skipif(not DATA.is_dir(), reason="the shared data folder is not there")
def test_every_gsm8k_gold_is_found_and_is_equivalent_to_itself_rewritten() -> None:
    rows = [json.loads(line) for line in (DATA / "gsm8k_train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 7473
    for row in rows:
        solution, _, gold = row["answer"].rpartition("#### ")
        found = extract(row["answer"])
        assert found.reasoning == solution.strip()
        assert found.answer is not None
        assert equivalent(gold.strip(), found.answer)
        assert equivalent(gold.strip(), f"${float(gold.replace(',', '')):,.2f}")
        assert not equivalent(gold.strip(), f"{int(gold.replace(',', '')) + 1}")
