"""Makes a wrong answer that looks right, for tests and benchmarks that need a known error. Never used unasked."""

import re
from dataclasses import replace
from decimal import Decimal
from random import Random

from teachers.builtin.compose import complete, reopen, solve
from teachers.builtin.task import Result, Solution, Task, show_result

_TRIES = 30


def spoil(task: Task, solution: Solution, rng: Random) -> Solution:
    """A solution with another answer of the same sort; the last step and the response agree with it."""
    value = _wrong_value(task, solution, rng)
    answer = show_result(value, task.language)
    if isinstance(value, type(solution.value)) and solution.answer != show_result(solution.value, task.language):
        # The answer is in a form that a rider asked for; the slip shows there as a changed digit or letter.
        answer = _slip(solution.answer, rng)
    *early, last = solution.steps or ("",)
    steps = (*early, _swap(last, solution.answer, answer))
    return Solution(answer, steps, _swap(solution.response, solution.answer, answer), value)


def _wrong_value(task: Task, solution: Solution, rng: Random) -> Result:
    value = solution.value
    if isinstance(value, int | Decimal):
        return value + rng.choice([-10, -3, -2, -1, 1, 2, 3, 10])
    if isinstance(value, tuple) and len(value) > 1:
        at = rng.randrange(len(value))
        return value[:at] + value[at + 1 :]
    return _other_text(task, str(solution.answer), rng)


def _other_text(task: Task, right: str, rng: Random) -> str:
    """The answer of a sister task, so that a wrong label is a real label."""
    bare = replace(task, riders=())
    for _ in range(_TRIES):
        other = solve(complete(reopen(bare), rng)) if reopen(bare).open else None
        if other is not None and other.answer != right:
            return other.answer
    return _slip(right, rng)


def _slip(text: str, rng: Random) -> str:
    digits = [found.start() for found in re.finditer(r"\d", text)]
    if digits:
        at = rng.choice(digits)
        return f"{text[:at]}{(int(text[at]) + rng.randint(1, 9)) % 10}{text[at + 1 :]}"
    return f"{text}{text[-1:]}" if text else "?"


def _swap(text: str, right: str, wrong: str) -> str:
    bounded = rf"(?<![\w.]){re.escape(right)}(?![\w]|\.\d)" if right.isascii() else re.escape(right)
    swapped = re.sub(bounded, lambda _: wrong, text, flags=re.ASCII)
    return swapped if wrong in swapped else f"{text} {wrong}".strip()
