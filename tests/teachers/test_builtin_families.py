"""The answers of the first families against another way of computing them: from the text, not from the params."""

import contextlib
import io
import re
from collections.abc import Callable
from random import Random

import pytest

from teachers.builtin.compose import compose, solve, write
from teachers.builtin.task import Language, Solution, Task

LANGUAGES: tuple[Language, ...] = ("en", "zh")
FACTORS = {
    "inches": 0.0254 / 0.01, "feet": 0.3048 / 0.01, "miles": 1609.344 / 1000, "jin": 500 / 1000,
    "hectares": 10_000 / (2000 / 3),
    "grams": 1 / 1000, "tonnes": 1e6 / 1e3, "litres": 1e3, "hours": 3600 / 60, "days": 1440 / 60, "dozen": 12.0,
    "knots": 1852 / 1000, "pounds": 453.59237 / 1000,
    "英寸": 2.54, "英尺": 30.48, "英里": 1.609344, "斤": 0.5, "公顷": 15.0, "克": 0.001, "吨": 1000.0, "升": 1000.0,
    "小时": 60.0, "天": 24.0, "打": 12.0, "节": 1.852, "磅": 0.45359237,
}  # fmt: skip


LABELS = (
    "light, normal, heavy", "low, medium, urgent", "small, standard, oversized", "scarce, adequate, plentiful",
    "budget, mid-range, premium", "green, amber, red", "fresh, mature, expired", "轻载、正常、超载", "不急、一般、紧急",
    "小号、标准、特大", "短缺、够用、充足", "平价、中档、高档", "绿、黄、红", "新鲜、成熟、过期",
)  # fmt: skip


def integers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def stock(instruction: str, input: str, solution: Solution) -> object:
    sum_ = re.search(r"(\d+) \+ (\d+) × (\d+) - (\d+)", solution.response)
    assert sum_ is not None
    shown = integers(instruction)
    assert sorted(shown) == sorted(integers(sum_[0]))
    return str(eval(sum_[0].replace("×", "*")))


def trace(instruction: str, input: str, solution: Solution) -> object:
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        exec(input, {})
    return screen.getvalue().strip()


def convert(instruction: str, input: str, solution: Solution) -> object:
    unit = re.search(r"from ([a-z]+) to |由(.+?)换算成", instruction)
    assert unit is not None
    factor = FACTORS[unit[1] or unit[2]]
    amounts = integers(input) if input else integers(instruction)
    results = [float(number) for number in re.split(r", |、", solution.answer)]
    assert results == pytest.approx([amount * factor for amount in amounts])
    return solution.answer


def table(instruction: str, input: str, solution: Solution) -> object:
    head, _, *body = [line.strip("| ").split(" | ") for line in input.splitlines()]
    asked = next(name for name in head[1:] if f'"{name}"' in instruction or f"“{name}”" in instruction)
    numbers = {row[0]: int(row[head.index(asked)]) for row in body}
    ranked = sorted(numbers, key=lambda name: numbers[name])
    wants_low = re.search("smallest|最少", instruction)
    wants_top = re.search("largest|leads|最大|领先", instruction)
    wants_sum = re.search("Add up|come to|加起来|合计", instruction)
    if wants_low or wants_top:
        return ranked[0] if wants_low else ranked[-1]
    spread = numbers[ranked[-1]] - numbers[ranked[0]]
    return str(sum(numbers.values()) if wants_sum else spread)


def label(instruction: str, input: str, solution: Solution) -> object:
    numbers = integers(instruction)
    reading = integers(input)[0] if input else numbers.pop()
    labels = next(text for text in LABELS if text in instruction)
    return re.split(", |、", labels)[(reading >= min(numbers)) + (reading > max(numbers))]


def ranking(instruction: str, input: str, solution: Solution) -> object:
    pairs = re.split(r"; |；|\n", input) if input else re.findall(r"[^:：;；(（,，。.]+(?:: |：)\d+", instruction)
    amounts = {re.split(": |：", pair)[0].strip(): int(re.split(": |：", pair)[1]) for pair in pairs}
    found = re.search(r"(over|under|大于|小于) ?(\d+)", instruction)
    assert found is not None
    side = 1 if found[1] in ("over", "大于") else -1
    kept = [name for name, amount in amounts.items() if side * amount > side * int(found[2])]
    down = bool(re.search("largest number to|从大到小", instruction))
    return sorted(kept, key=lambda name: amounts[name], reverse=down)


CHECKS: dict[str, Callable[[str, str, Solution], object]] = {
    "stock_count": stock,
    "code_trace": trace,
    "unit_conversion": convert,
    "table_lookup": table,
    "rule_label": label,
    "list_sorting": ranking,
}


def solved(name: str, language: Language, seed: int) -> tuple[Task, str, str, Solution]:
    task = compose(Random(seed), language, names=[name])
    task = Task(task.family, task.language, task.template, task.params, task.words)
    solution = solve(task)
    assert solution is not None
    return task, *write(task), solution


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CHECKS)
def test_the_answer_is_right(name: str, language: Language) -> None:
    for seed in range(60):
        _, instruction, input, solution = solved(name, language, seed)
        expected = CHECKS[name](instruction, input, solution)
        if isinstance(expected, list):
            # The sentence before the first name cannot be told from it, so the names are compared by their ends.
            got = re.split(", |、", solution.answer)
            assert [long.endswith(short) for long, short in zip(expected, got, strict=True)] == [True] * len(got)
        else:
            assert solution.answer == expected, instruction
