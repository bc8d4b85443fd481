"""Pass or fail: a list of marks passes if its average reaches one mark and no single one is below another."""

from decimal import Decimal

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_SETS = {
    "pass": (("pass", "fail"), ("合格", "不合格")),
    "accept": (("accepted", "rejected"), ("接收", "退回")),
    "go": (("go", "stop"), ("放行", "拦下")),
    "yes": (("yes", "no"), ("是", "否")),
    "keep": (("keep", "discard"), ("保留", "淘汰")),
    "ready": (("ready", "unready"), ("就绪", "未就绪")),
}


def _draw(d: Draw) -> dict[str, Value]:
    mark = d.fixed("mark", d.rng.randint(40, 80))
    floor = d.fixed("floor", (mark if isinstance(mark, int) else 0) - d.rng.randint(8, 25))
    if not isinstance(mark, int) or not isinstance(floor, int):
        raise TypeError("marks are ints")
    low = floor if d.rng.random() < 0.7 else max(1, floor - 6)
    marks = [d.rng.randint(low, mark + d.rng.randint(6, 20)) for _ in range(d.rng.randint(3, 5))]
    return {"mark": mark, "floor": floor, "marks": tuple(marks), "labels": d.rng.choice(list(_SETS))}


def _solve(p: Params) -> Solution:
    marks, mark, floor = p.wholes("marks"), p.whole("mark"), p.whole("floor")
    total, count, worst = sum(marks), len(marks), min(marks)
    good = total >= mark * count and worst >= floor
    # The sum is compared, not the average: that is exact.
    steps = [
        f"{' + '.join(str(number) for number in marks)} = {total}",
        p.say(
            f"The average needs {count} × {mark} = {mark * count} in all.",
            f"平均达标要求总和不低于{count} × {mark} = {mark * count}。",
        ),
        p.say(f"The lowest is {worst}; the floor is {floor}.", f"最低的是{worst}，底线是{floor}。"),
    ]
    label = p.say(*(texts[0 if good else 1] for texts in _SETS[p.text("labels")]))
    steps.append(p.say(f"So the verdict is {label}.", f"因此结论是{label}。"))
    return solved(label, p, steps, "{answer}")


def _holds(p: Params) -> bool:
    return (
        0 < p.whole("floor") < p.whole("mark") and len(p.wholes("marks")) > 1 and Decimal(min(p.wholes("marks"))) >= 0
    )


FAMILY = Family(
    wordings={
        "en": (
            "Answer {labels:pick}: does the average of the scores reach {mark:int} with none under {floor:int}? {name} "
            "tests {items} this way at {place}.\n{marks:ints}",
            "{name2} checks lots for {event}; the verdict is {labels:pick}. A lot is fine if its mean is at least "
            "{mark:int} "
            "and its worst value at least {floor:int}.\nValues from {town}: {marks:ints}",
            "Judge the trial run with one word, {labels:pick}. {Place} demands no reading below {floor:int} and a "
            "mean of "
            "{mark:int} or better.\nReadings in {doc}: {marks:ints}",
            "Which is right, {labels:pick}, when the {role} in {town} insists on a minimum of {floor:int} each and "
            "{mark:int} "
            "on average {purpose}?\nScored by {name}: {marks:ints}",
            "The jury of {event} gave {marks:ints}. With {mark:int} as the required average and {floor:int} as the "
            "lowest "
            "grade allowed, decide: {labels:pick}.",
            "{name}, {a_role}, got the grades {marks:ints} at {place}. Every grade must be {floor:int} or more and "
            "their "
            "mean {mark:int} or more. Is the outcome {labels:pick}?",
        ),
        "zh": (
            "请回答{labels:pick}：各分平均是否达到{mark:int}且没有低于{floor:int}的？{place}的{name}就"
            "这样检验{items}。\n{marks:ints}",
            "{name2}为{event}逐批检查，结论只有{labels:pick}。一批的均值不小于{mark:int}、最差值不小于{floor:int}才"
            "算好。\n{town}的数值：{marks:ints}",
            "请用一个词评判这次试运行：{labels:pick}。{place}要求读数都不低于{floor:int}，均值不低于{mark:int}。\n"
            "{doc}中的读数：{marks:ints}",
            "为了{purpose}，{town}的{role}坚持每项至少{floor:int}、平均至少{mark:int}。该选{labels:pick}中的哪个？"
            "\n{name}打的分：{marks:ints}",
            "{event}的评委打出{marks:ints}。平均须到{mark:int}，单项不得低于{floor:int}，请判定：{labels:pick}。",
            "{role}{name}在{place}得了{marks:ints}。每个成绩要有{floor:int}，平均要有{mark:int}。"
            "结果是{labels:pick}中的哪一个？",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    classification=True,
    picks={"labels": {key: (" or ".join(en), "或".join(zh)) for key, (en, zh) in _SETS.items()}},
    vary={"mark": ("the required average", "要求的平均分"), "floor": ("the lowest mark allowed", "单项底线")},
    rule=(
        "Both conditions must hold: the average and the lowest single value are checked separately.",
        "两个条件都要满足：平均值和最低的单项分开检查。",
    ),
)
