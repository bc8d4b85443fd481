"""Averages of inline data: mean, median, range, and the next figure that a wished mean asks for."""

from collections.abc import Callable
from decimal import Decimal

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved


def _draw(d: Draw) -> dict[str, Value]:
    rng, low = d.rng, d.rng.randint(2, 300)
    goods = d.goods(rng.randint(4, 6))
    values = [rng.randint(low, low + rng.randint(20, 200)) for _ in range(len(goods) + rng.randint(0, 2))]
    if d.given["kind"] == "mean":
        values = values[: len(goods)]
        values[-1] += -sum(values) % len(values)
    mean = sum(values) // len(values)
    return {
        "values": tuple(values),
        "pairs": tuple((name, str(value)) for name, value in zip(goods, values, strict=False)),
        "target": mean + rng.randint(1, 9),
    }


def _numbers(p: Params) -> list[int]:
    return list(p.wholes("values")) if "values" in p else [int(row[1]) for row in p.rows("pairs")]


def _holds(p: Params) -> bool:
    numbers, kind = _numbers(p), p.text("kind")
    if kind == "mean":
        return sum(numbers) * 100 % len(numbers) == 0
    return kind != "lift" or p.whole("target") * (len(numbers) + 1) > sum(numbers)


def _mean(p: Params, numbers: list[int]) -> Solution:
    mean = Decimal(sum(numbers)) / len(numbers)
    steps = [
        f"{' + '.join(map(str, numbers))} = {sum(numbers)}",
        f"{sum(numbers)} / {len(numbers)} = {show_result(mean, p.language)}",
    ]
    return solved(mean, p, steps, p.say("The mean is {answer}.", "平均数是{answer}。"))


def _median(p: Params, numbers: list[int]) -> Solution:
    ranked, half = sorted(numbers), len(numbers) // 2
    middle = ranked[half : half + 1] if len(ranked) % 2 else ranked[half - 1 : half + 1]
    median = Decimal(sum(middle)) / len(middle)
    listed, both = (show_result(tuple(map(str, part)), p.language) for part in (ranked, middle))
    steps = [
        p.say(f"In order of size: {listed}.", f"按大小排列：{listed}。"),
        p.say(f"The middle of the row: {both}.", f"位于中间的是{both}。"),
    ]
    if len(middle) > 1:
        steps.append(f"({middle[0]} + {middle[1]}) / 2 = {show_result(median, p.language)}")
    return solved(median, p, steps, p.say("The median is {answer}.", "中位数是{answer}。"))


def _range(p: Params, numbers: list[int]) -> Solution:
    top, low = max(numbers), min(numbers)
    steps = [
        p.say(f"The largest value is {top}, the smallest {low}.", f"最大值是{top}，最小值是{low}。"),
        f"{top} - {low} = {top - low}",
    ]
    return solved(top - low, p, steps, p.say("The range is {answer}.", "极差是{answer}。"))


def _lift(p: Params, numbers: list[int]) -> Solution:
    target, count = p.whole("target"), len(numbers) + 1
    steps = [
        p.say(
            f"For a mean of {target}, {count} values must add up to {target} × {count} = {target * count}.",
            f"平均数要达到{target}，{count}个数之和须为{target} × {count} = {target * count}。",
        ),
        p.say(f"So far they add up to {sum(numbers)}.", f"目前的和是{sum(numbers)}。"),
        f"{target * count} - {sum(numbers)} = {target * count - sum(numbers)}",
    ]
    return solved(
        target * count - sum(numbers),
        p,
        steps,
        p.say("The next figure has to be {answer}.", "下一个数必须是{answer}。"),
    )


_SOLVERS: dict[str, Callable[[Params, list[int]], Solution]] = {
    "mean": _mean,
    "median": _median,
    "range": _range,
    "lift": _lift,
}


def _solve(p: Params) -> Solution:
    return _SOLVERS[p.text("kind")](p, _numbers(p))


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{name} counted visitors at {place} on successive days: {values:ints}. What was the daily average "
                "before {event}?",
                kind="mean",
            ),
            wording(
                "Give the arithmetic mean of these stocks, which {name2} from {town} noted {purpose}: {pairs:pairs}.",
                kind="mean",
            ),
            wording(
                "{values:ints} is the series in {doc}. Which value is the median, asks the {role} of {place}?",
                kind="median",
            ),
            wording(
                "{Place} in {town} ranks its suppliers of {items} by days of delay. Find the middle of the ranking, "
                "that is the median, for {name}.",
                "{values:ints}",
                kind="median",
            ),
            wording(
                "How wide is the range, from smallest to largest, of what was sold at {event}? {name2} reads "
                "{pairs:pairs} from {doc}.",
                kind="range",
            ),
            wording(
                "Report the span between the extreme entries that {name} made in {town} {purpose}.",
                "{pairs:lines}",
                kind="range",
            ),
            wording(
                "So far {event} brought {values:ints} points to the team of {name} and {name2}. What must the next "
                "round yield so that the mean becomes {target:int}?",
                kind="lift",
            ),
            wording(
                "Aiming at {target:int} {items} per shift on average, {place} has made {values:ints} until now; "
                "calculate the output {name2} needs in the coming shift.",
                kind="lift",
            ),
        ),
        "zh": (
            wording("{name}在{place}连日清点来客：{values:ints}。{event}之前平均每天多少人？", kind="mean"),
            wording("{town}的{name2}为了{purpose}记下这些存量：{pairs:pairs}。请求出它们的算术平均数。", kind="mean"),
            wording("{values:ints}是{doc}里的一列数，{place}的{role}想知道中位数是几？", kind="median"),
            wording(
                "{town}的{place}按误期天数给{items}的供货商排名，请替{name}找出居中的那个值，即中位数。",
                "{values:ints}",
                kind="median",
            ),
            wording("{event}的销量最多与最少相差多大？{name2}从{doc}里念出：{pairs:pairs}，请给出极差。", kind="range"),
            wording("报出{name}在{town}为了{purpose}所记各项中最大与最小之差。", "{pairs:lines}", kind="range"),
            wording(
                "{name}和{name2}的队伍在{event}中已得{values:ints}分，下一轮拿几分才能使平均分变成{target:int}？",
                kind="lift",
            ),
            wording(
                "{place}想让每班平均做出{target:int}份{items}，目前各班为{values:ints}，"
                "请算出{name2}下一班须完成的份数。",
                kind="lift",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={"target": ("the wished mean", "期望的平均数")},
    rule=(
        "The mean is the sum divided by the count, the median the middle of the ordered values, the range "
        "the largest minus the smallest.",
        "平均数等于总和除以个数，中位数是排序后居中的值，极差是最大值减最小值。",
    ),
)
