"""The mathematical families: each answer against another way to find it, brute force wherever that is possible."""

import calendar
import re
import statistics
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, count, permutations, product
from random import Random

import pytest
from rapidfuzz.distance import LCSseq

from teachers.builtin.catalog import families
from teachers.builtin.compose import compose, read_text, solve, text_of, write
from teachers.builtin.evolve import evolve
from teachers.builtin.task import Language, Params, Result, Task

LANGUAGES: tuple[Language, ...] = ("en", "zh")
OPERATIONS = ("add_constraints", "deepen", "concretize", "increase_reasoning", "complicate_input")
Expected = Fraction | int | str | tuple[str, ...]
NOON = datetime(2024, 5, 5)


def percentages(p: Params) -> Expected:
    kind = p.text("kind")
    if kind == "part":
        return Fraction(p.whole("part"), p.whole("whole")) * 100
    rate, amount = Fraction(p.whole("percent"), 100), p.whole("amount")
    if kind == "before":
        return amount / (1 - rate)
    return amount * (1 - rate if kind in ("discount", "fall") else 1 + rate)


def ratios(p: Params) -> Expected:
    kind = p.text("kind")
    if kind == "lowest":
        ratio = Fraction(p.whole("x"), p.whole("y"))
        return f"{ratio.numerator}:{ratio.denominator}"
    parts = p.wholes("shares") if "shares" in p else [p.whole(name) for name in "abc" if name in p]
    sizes = next(
        [part * unit for part in parts]
        for unit in count(1)
        if (parts[0] * unit == p.whole("first") if "first" in p else sum(parts) * unit == p.whole("total"))
    )
    if kind in ("three", "split"):
        return tuple(map(str, sizes))
    return {"second": sizes[1], "match": sizes[1], "larger": max(sizes), "whole": sum(sizes)}[kind]


def travel(p: Params) -> Expected:
    """Moves by the minute."""
    kind = p.text("kind")
    if kind == "far":
        return sum(Fraction(p.whole("speed"), 60) for _ in range(p.whole("minutes")))
    if kind == "pace":
        return Fraction(p.whole("km") * 60, p.whole("minutes"))
    for minute in count(1):
        way = Fraction(p.whole("speed") * minute, 60)
        if kind == "chase":
            if Fraction(p.whole("speed2") * minute, 60) == way + Fraction(p.whole("speed") * p.whole("early"), 60):
                return minute
        elif way + (Fraction(p.whole("speed2") * minute, 60) if kind == "meet" else 0) == p.whole("km"):
            return minute + (p.whole("pause") if kind == "stop" else 0)
    raise AssertionError


def averages(p: Params) -> Expected:
    numbers = list(p.wholes("values")) if "values" in p else [int(row[1]) for row in p.rows("pairs")]
    kind = p.text("kind")
    if kind == "lift":
        return next(n for n in count(1) if statistics.fmean([*numbers, n]) == p.whole("target"))
    exact = [Fraction(number) for number in numbers]
    return {"mean": statistics.mean(exact), "median": statistics.median(exact), "range": max(exact) - min(exact)}[kind]


def geometry(p: Params) -> Expected:
    kind, a = p.text("kind"), p.whole("a")
    if kind == "circle":
        return f"{a * a}π"
    if kind == "square":
        return next(side * side for side in count(1) if 4 * side == a)
    b = p.whole("b")
    if kind == "area":
        return sum(1 for _ in product(range(a), range(b)))
    if kind == "volume":
        return sum(a * b for _ in range(p.whole("c")))
    if kind == "triangle":
        return Fraction(sum(b for _ in range(a)), 2)
    if kind == "tiles":
        return len(range(0, a, p.whole("tile"))) * len(range(0, b, p.whole("tile")))
    gap = p.whole("gap")
    if kind == "fence":
        return a + b + a + b - gap
    wide, high = range(-gap, a + gap), range(-gap, b + gap)
    return sum(1 for x, y in product(wide, high) if not (0 <= x < a and 0 <= y < b))


def _said(day: date, p: Params) -> str:
    return p.say(f"{day.day} {calendar.month_name[day.month]} {day.year}", f"{day.year}年{day.month}月{day.day}日")


def dates(p: Params) -> Expected:
    kind, zh = p.text("kind"), "一二三四五六日"
    if kind == "leap":
        return sum(calendar.isleap(year) for year in range(p.whole("first"), p.whole("last") + 1))
    if kind == "between":
        return next(n for n in count(1) if p.day("start") + timedelta(days=n) == p.day("end"))
    if kind in ("after", "before"):
        step = timedelta(days=1 if kind == "after" else -1)
        day = p.day("start" if kind == "after" else "end")
        for _ in range(p.whole("days")):
            day += step
        return _said(day, p)
    if kind == "falls":
        at = calendar.weekday(p.day("start").year, p.day("start").month, p.day("start").day)
    else:
        at = (list(calendar.day_name).index(p.text("weekday")) + p.whole("days")) % 7
    return p.say(calendar.day_name[at], f"星期{zh[at]}")


def clock(p: Params) -> Expected:
    kind = p.text("kind")
    if kind == "ride":
        first, last = (datetime.strptime(p.rows("stops")[at][1], "%H:%M") for at in (0, -1))
        return int((last - first).total_seconds()) // 60
    start = NOON + timedelta(minutes=p.whole("start" if "start" in p else "end"))
    if kind == "lasts":
        return int((NOON + timedelta(minutes=p.whole("end")) - start).total_seconds()) // 60
    if kind == "next":
        leaving = (p.whole("start") + n * p.whole("every") for n in count())
        return next(time for time in leaving if time >= p.whole("now")) - p.whole("now")
    move = {
        "arrival": lambda: timedelta(minutes=p.whole("minutes")),
        "latest": lambda: -timedelta(minutes=p.whole("minutes")),
        "ahead": lambda: timedelta(hours=p.whole("hours")),
        "behind": lambda: -timedelta(hours=p.whole("hours")),
        "nth": lambda: timedelta(minutes=list(range(0, 10_000, p.whole("every")))[p.whole("nth") - 1]),
        "plan": lambda: sum((timedelta(minutes=int(row[1])) for row in p.rows("plan")), timedelta()),
    }[kind]()
    return (start + move).strftime("%H:%M")


def interest(p: Params) -> Expected:
    kind, money = p.text("kind"), Fraction(p.whole("money"))
    if kind == "until":
        return next(n for n in count(1) if money + n * p.whole("monthly") >= p.whole("target"))
    if kind == "save":
        return money + sum(p.whole("monthly") for _ in range(p.whole("months")))
    if kind == "rate":
        return p.whole("earned") / (money / 100) / p.whole("years")
    rate = Fraction(p.whole("rate"), 100)
    if kind == "compound":
        return money * (1 + rate) ** p.whole("years")
    return money * rate * p.whole("years") + (money if kind == "balance" else 0)


def linear_problems(p: Params) -> Expected:
    """The one number that satisfies the story, found by trying."""
    fits: dict[str, Callable[[int], bool]] = {
        "tickets": lambda x: (
            x * p.whole("high") + (p.whole("count") - x) * p.whole("low") == p.whole("takings") and x < p.whole("count")
        ),
        "sum": lambda x: x + x * p.whole("times") == p.whole("total"),
        "later": lambda x: x + p.whole("later") + x * p.whole("times") + p.whole("later") == p.whole("total"),
        "blend": lambda x: (
            x * p.whole("high") + (p.whole("kilos") - x) * p.whole("low") == p.whole("kilos") * p.whole("mean")
        ),
        "secret": lambda x: x * p.whole("times") + p.whole("plus") == p.whole("result"),
        "apart": lambda x: x + x + p.whole("gap") == p.whole("total"),
    }
    (only,) = (x for x in range(1, 1500) if fits[p.text("kind")](x))
    return only


def _divisors(n: int) -> set[int]:
    return {d for d in range(1, n + 1) if n % d == 0}


def number_theory(p: Params) -> Expected:
    kind = p.text("kind")
    if kind == "gcd":
        return max(_divisors(p.whole("a")) & _divisors(p.whole("b")))
    if kind == "lcm":
        return next(n for n in count(p.whole("a"), p.whole("a")) if n % p.whole("b") == 0)
    if kind == "primes":
        return tuple(str(n) for n in range(p.whole("low"), p.whole("high") + 1) if len(_divisors(n)) == 2)
    if kind == "multiples":
        return tuple(str(n) for n in p.wholes("numbers") if n in range(0, 10**6, p.whole("by")))
    n = p.whole("n")
    if kind == "divisors":
        return len(_divisors(n))
    if kind == "digits":
        total = 0
        while n:
            n, digit = divmod(n, 10)
            total += digit
        return total
    primes = [d for d in sorted(_divisors(n)) if len(_divisors(d)) == 2]
    powers = ((d, sum(1 for k in range(1, 11) if n % d**k == 0)) for d in primes)
    return " × ".join(str(d) for d, power in powers for _ in range(power))


def _rules(a: int, b: int) -> list[Callable[[int], int]]:
    """Every closed form that a row beginning with ``a`` and ``b`` may have."""
    ratio, step = Fraction(b, a), b - a
    growing = [lambda k, more=more: a + step * k + more * k * (k - 1) // 2 for more in range(1, 60)]
    return [lambda k: a + step * k, lambda k: int(a * ratio**k), lambda k: _fibonacci(a, b, k), *growing]


def _fibonacci(a: int, b: int, k: int) -> int:
    for _ in range(k):
        a, b = b, a + b
    return a


def sequences(p: Params) -> Expected:
    kind = p.text("kind")
    nth = len(p.wholes("terms")) + 1 if kind == "next" else p.whole("small" if "small" in p else "nth")
    if "terms" in p:
        known = p.wholes("terms")
        found = {rule(nth - 1) for rule in _rules(*known[:2]) if tuple(rule(k) for k in range(len(known))) == known}
        (term,) = found
        return term
    start = p.whole("start")
    if "step" in p:
        last = start + (nth - 1) * p.whole("step")
        return (start + last) * nth // 2 if kind == "sum" else last
    if "ratio" in p:
        ratio = p.whole("ratio")
        return sum(start * int(ratio**k) for k in range(nth)) if kind == "sum" else start * int(ratio ** (nth - 1))
    return _fibonacci(start, p.whole("second"), nth - 1)


def _share(cases: Sequence[object], hit: Callable[[object], bool]) -> str:
    return str(Fraction(sum(map(hit, cases)), len(cases)))


def chance(p: Params) -> Expected:
    kind = p.text("kind")
    if kind == "dice":
        return _share([x + y for x, y in product(range(1, 7), repeat=2)], lambda total: total == p.whole("sum"))
    if kind in ("pairs", "not"):
        lots = [name for name, amount in p.rows("pairs") for _ in range(int(amount))]
        return _share(lots, lambda lot: (lot == p.text("which")) == (kind == "pairs"))
    if kind == "choose":
        return sum(1 for _ in combinations(range(p.whole("n")), p.whole("k")))
    if kind == "order":
        return sum(1 for _ in permutations(range(p.whole("row"))))
    balls = ["a"] * p.whole("a") + ["b"] * p.whole("b")
    if kind == "both":
        return _share(list(combinations(balls, 2)), lambda pair: pair == ("a", "a"))
    if kind == "one":
        return _share([*balls, *("c" * p.whole("c"))], lambda ball: ball == "a")
    return sum(1 for _ in product(*(range(p.whole(name)) for name in "abc")))


def _roman(number: int) -> str:
    ones = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    places = zip(f"{number:04d}", ("M__", "CDM", "XLC", "IVX"), strict=True)
    return "".join(ones[int(digit)].translate(str.maketrans("IVX", letters)) for digit, letters in places)


ROMAN = {_roman(number): number for number in range(1, 4000)}


def number_forms(p: Params) -> Expected:
    kind = p.text("kind")
    if kind == "from":
        return int(p.text("code"), int(p.text("base")))
    if kind == "read":
        return ROMAN[p.text("roman")]
    if kind == "gap":
        values = [ROMAN[text] for text in p.texts("years")]
        return max(values) - min(values)
    if kind == "to_roman":
        return next(text for text, number in ROMAN.items() if number == p.whole("n"))
    base = int(p.text("base"))
    digits = next(
        row
        for size in count(1)
        if base**size > p.whole("n")
        for row in ["".join("0123456789abcdef"[p.whole("n") // base**at % base] for at in reversed(range(size)))]
    )
    return digits.upper()


CHECKS: dict[str, Callable[[Params], Expected]] = {
    check.__name__: check
    for check in (
        percentages,
        ratios,
        travel,
        averages,
        geometry,
        dates,
        clock,
        interest,
        linear_problems,
        number_theory,
        sequences,
        chance,
        number_forms,
    )
}
each = pytest.mark.parametrize(("name", "language"), [(name, language) for name in CHECKS for language in LANGUAGES])


def same(value: Result, expected: Expected) -> bool:
    if isinstance(value, int | Decimal):
        return not isinstance(expected, str | tuple) and Fraction(value) == expected
    return value == expected


@each
def test_the_answer_is_what_another_way_finds(name: str, language: Language) -> None:
    seen: set[int] = set()
    for seed in range(120):
        task = read_text(text_of(compose(Random(seed), language, names=[name])))
        assert task is not None
        solution = solve(task)
        assert solution is not None
        expected = CHECKS[name](Params(dict(task.params), language))
        assert same(solution.value, expected), (text_of(task), solution, expected)
        assert solution.answer in solution.response
        seen.add(task.template)
    assert seen == set(range(len(families()[name].templates[language])))


@each
def test_every_wording_reads_back_with_riders(name: str, language: Language) -> None:
    for seed in range(60):
        rng = Random(seed)
        task = compose(rng, language, names=[name], topic=rng.choice([None, "A", "光学"]))
        assert read_text(text_of(task)) == task
        for _ in range(3):
            task = evolve(task, rng.choice(OPERATIONS), rng) or task
        assert read_text(text_of(task)) == task
        solution = solve(task)
        assert solution is not None
        assert solution.answer in solution.response


@each
def test_equations_in_the_reasoning_are_true(name: str, language: Language) -> None:
    """Every ``a × b = c`` of plain figures in a step, worked out exactly."""
    checked = 0
    for seed in range(60):
        solution = solve(compose(Random(seed), language, names=[name]))
        assert solution is not None
        for left, right in re.findall(
            r"([\d.()][\d.()+×/ -]*[\d)]) = (\d+(?:[./]\d+)?)(?![\d:])", "\n".join(solution.steps)
        ):
            if re.search(r"[+×/-]", left) and left.count("(") == left.count(")"):
                exact = re.sub(r"\d+(?:\.\d+)?", lambda found: f"Fraction('{found[0]}')", left.replace("×", "*"))
                worked = eval(exact, {"Fraction": Fraction})
                whole = name == "number_forms" and "/" in left
                assert (int(worked) if whole else worked) == Fraction(right), (left, right)
                checked += 1
    assert checked > 5 or name == "dates"


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_of_200_tasks_are_novel(language: Language) -> None:
    """ROUGE-L over words (Chinese: characters) of each instruction against its nearest neighbour."""
    rng = Random(7)
    tasks: list[Task] = [compose(rng, language, names=list(CHECKS)) for _ in range(200)]
    tokens = [re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", write(task)[0].lower()) for task in tasks]
    nearest = [0.0] * len(tokens)
    for (i, one), (j, other) in combinations(enumerate(tokens), 2):
        score = 2 * LCSseq.similarity(one, other) / (len(one) + len(other))
        nearest[i], nearest[j] = max(nearest[i], score), max(nearest[j], score)
    assert sum(score <= 0.7 for score in nearest) >= 0.7 * len(nearest)


def test_a_text_with_senseless_data_is_not_a_task() -> None:
    """Our words, but a sum that the ratio does not divide."""
    tasks = [task for seed in range(80) if (task := compose(Random(seed), "en", names=["ratios"])).template == 0]
    assert tasks
    for task in tasks:
        text = text_of(task)
        assert read_text(text) == task
        assert read_text(re.sub(r"split (\d+)", lambda found: f"split {int(found[1]) + 1}", text)) is None
