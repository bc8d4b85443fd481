"""Word problems with one or two unknowns and whole-number solutions: tickets, ages, mixtures, secret numbers."""

from collections.abc import Callable

from teachers.builtin.family import Family, wording
from teachers.builtin.numbers import noun
from teachers.builtin.task import Draw, Params, Solution, Value, solved


def _draw(d: Draw) -> dict[str, Value]:
    rng, kind = d.rng, d.given["kind"]
    low, high = sorted(rng.sample(range(2, 40), 2))
    many, few = rng.randint(3, 140), rng.randint(3, 140)
    times, later, plus = rng.randint(2, 6), rng.randint(2, 20), rng.randint(3, 90)
    young = rng.randint(-(-21 // times), 72 // times)
    total = {"sum": (times + 1) * young, "later": (times + 1) * young + 2 * later}.get(str(kind), many + few)
    return {
        "high": high,
        "low": low,
        "count": many + few,
        "takings": many * high + few * low,
        "times": times,
        "later": later,
        "total": total,
        "gap": abs(many - few),
        "plus": plus,
        "result": times * many + plus,
        "kilos": (high - low) * rng.randint(2, 9),
        "mean": rng.randint(low + 1, max(low + 1, high - 1)),
    }


def _twice(p: Params) -> tuple[int, int]:
    """What is left above the cheap price for all, and the difference of the prices."""
    if p.text("kind") == "blend":
        return p.whole("kilos") * (p.whole("mean") - p.whole("low")), p.whole("high") - p.whole("low")
    return p.whole("takings") - p.whole("low") * p.whole("count"), p.whole("high") - p.whole("low")


def _holds(p: Params) -> bool:
    kind = p.text("kind")
    if any(p.whole(name) < 1 for name in p if name != "kind"):
        return False
    if kind in ("tickets", "blend"):
        rest, step = _twice(p)
        return (
            step > 0
            and rest > 0
            and rest % step == 0
            and rest // step < p.whole("count" if kind == "tickets" else "kilos")
        )
    if kind == "secret":
        return p.whole("result") > p.whole("plus") and (p.whole("result") - p.whole("plus")) % p.whole("times") == 0
    if kind == "apart":
        return p.whole("total") > p.whole("gap") and (p.whole("total") - p.whole("gap")) % 2 == 0
    now = p.whole("total") - (2 * p.whole("later") if kind == "later" else 0)
    return p.whole("times") > 1 and now > 0 and now % (p.whole("times") + 1) == 0


def _tickets(p: Params) -> Solution:
    high, low, count, takings = (p.whole(name) for name in ("high", "low", "count", "takings"))
    rest, step = _twice(p)
    steps = [
        p.say(
            f"If all were cheap, they would bring {low} × {count} = {low * count}.",
            f"若全是便宜的，应得{low} × {count} = {low * count}。",
        ),
        p.say(
            f"{takings} - {low * count} = {rest} are left over.", f"{takings} - {low * count} = {rest}，多出{rest}。"
        ),
        p.say(
            f"Each dear one adds {high} - {low} = {step}: {rest} / {step} = {rest // step}.",
            f"每份贵的多{high} - {low} = {step}：{rest} / {step} = {rest // step}。",
        ),
    ]
    return solved(rest // step, p, steps, p.say("There were {answer} of the dearer kind.", "较贵的一种有{answer}。"))


def _blend(p: Params) -> Solution:
    high, low, mean, kilos = (p.whole(name) for name in ("high", "low", "mean", "kilos"))
    rest, step = _twice(p)
    steps = [
        p.say(
            f"The mixture costs {kilos} × ({mean} - {low}) = {rest} more than the cheap sort alone.",
            f"混合后比全用便宜的贵{kilos} × ({mean} - {low}) = {rest}。",
        ),
        p.say(
            f"A kilogram of the dear sort adds {high} - {low} = {step}: {rest} / {step} = {rest // step}.",
            f"每千克贵的多{high} - {low} = {step}：{rest} / {step} = {rest // step}。",
        ),
    ]
    return solved(
        rest // step, p, steps, p.say("{answer} kilograms of the dearer sort are needed.", "较贵的要{answer}千克。")
    )


def _secret(p: Params) -> Solution:
    times, plus, result = p.whole("times"), p.whole("plus"), p.whole("result")
    steps = [f"{result} - {plus} = {result - plus}", f"{result - plus} / {times} = {(result - plus) // times}"]
    return solved((result - plus) // times, p, steps, p.say("The number is {answer}.", "这个数是{answer}。"))


def _apart(p: Params) -> Solution:
    total, gap = p.whole("total"), p.whole("gap")
    steps = [
        p.say(
            f"Without the surplus both have the same: {total} - {gap} = {total - gap}.",
            f"去掉多出的部分，两者相等：{total} - {gap} = {total - gap}。",
        ),
        f"{total - gap} / 2 = {(total - gap) // 2}",
    ]
    return solved((total - gap) // 2, p, steps, p.say("The smaller quantity is {answer}.", "较少的一方是{answer}。"))


def _ages(p: Params) -> Solution:
    kind, times, now = p.text("kind"), p.whole("times"), p.whole("total")
    steps = []
    if kind == "later":
        later = p.whole("later")
        steps.append(
            p.say(
                f"Today they are {now} - 2 × {later} = {now - 2 * later} years old together.",
                f"如今两人共{now} - 2 × {later} = {now - 2 * later}岁。",
            )
        )
        now -= 2 * later
    steps += [
        p.say(
            f"These are {times} + 1 = {times + 1} times the younger age.",
            f"这是年幼者年龄的{times} + 1 = {times + 1}倍。",
        ),
        f"{now} / {times + 1} = {now // (times + 1)}",
    ]
    return solved(
        now // (times + 1),
        p,
        steps,
        p.say(f"The younger one is {{answer}} {noun(now // (times + 1), 'year')} old.", "年幼者{answer}岁。"),
    )


_SOLVERS: dict[str, Callable[[Params], Solution]] = {
    "tickets": _tickets,
    "blend": _blend,
    "secret": _secret,
    "apart": _apart,
}


def _solve(p: Params) -> Solution:
    return _SOLVERS.get(p.text("kind"), _ages)(p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{Event} sold {count:int} tickets, at {high:int} euros for adults and {low:int} for children, and "
                "took {takings:int}. How many adults does {name} of {place} enter?",
                kind="tickets",
            ),
            wording(
                "{Doc} says: {count:int} {items}, large ones for {high:int} and small ones for {low:int}, bought for "
                "{takings:int} in {town}. Find the number of large ones {purpose}.",
                kind="tickets",
            ),
            wording(
                "{name}, {a_role}, is {times:int} times as old as {name2}; together they count {total:int} years at "
                "{event}. What is the age of {name2}?",
                kind="sum",
            ),
            wording(
                "In {later:int} years {name} and {name2} from {town} will be {total:int} years old together. {name}, "
                "now {times:int} times as old as {name2}, helps at {place}. What is the age of {name2}?",
                kind="later",
            ),
            wording(
                "Two sorts cost {high:int} and {low:int} francs a kilogram. {Place} wants {kilos:int} kg of a blend "
                "worth {mean:int} a kilogram for {event}; how much of the dearer sort does {name2} weigh out?",
                kind="blend",
            ),
            wording(
                "{name} thinks of a number while counting {items}, multiplies it by {times:int}, adds {plus:int} and "
                "arrives at {result:int}. Which number was it, {name2} in {town} wonders?",
                kind="secret",
            ),
            wording(
                "Together {name} and {name2} packed {total:int} {items} at {place} {purpose}. {name} has {gap:int} "
                "more; how many did {name2} pack?",
                kind="apart",
            ),
            wording(
                "Solve the puzzle on the wall of {place} for {name2}: what is the smaller of the two amounts that "
                "the {role} in {town} split for {event}?",
                "Sum: {total:int}\nDifference: {gap:int}",
                kind="apart",
            ),
        ),
        "zh": (
            wording(
                "{event}卖出{count:int}张票，成人票{high:int}元，儿童票{low:int}元，收入{takings:int}元。"
                "{place}的{name}该登记几张成人票？",
                kind="tickets",
            ),
            wording(
                "{doc}写着：在{town}买了{count:int}份{items}，大份{high:int}元，小份{low:int}元，共{takings:int}元。"
                "为了{purpose}，请算大份有几份。",
                kind="tickets",
            ),
            wording(
                "{role}{name}的年龄是{name2}的{times:int}倍，{event}那天两人加起来{total:int}岁。{name2}几岁？",
                kind="sum",
            ),
            wording(
                "再过{later:int}年，{town}的{name}和{name2}一共{total:int}岁。"
                "今天在{place}帮忙的{name}年龄是{name2}的{times:int}倍，{name2}今年几岁？",
                kind="later",
            ),
            wording(
                "两种货每千克{high:int}元和{low:int}元，{place}要为{event}配出{kilos:int}千克、"
                "每千克值{mean:int}元的混合品。{name2}该称多少千克贵的？",
                kind="blend",
            ),
            wording(
                "{name}数{items}时想了一个数，乘以{times:int}再加{plus:int}，得到{result:int}。"
                "{town}的{name2}猜不出，原来是几？",
                kind="secret",
            ),
            wording(
                "为了{purpose}，{name}和{name2}在{place}合装{items}{total:int}份，{name}多装{gap:int}份，"
                "{name2}装了多少份？",
                kind="apart",
            ),
            wording(
                "替{name2}解开{place}墙上的谜题：{town}的{role}为{event}分出的两个数，小的是多少？",
                "两数之和：{total:int}\n两数之差：{gap:int}",
                kind="apart",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={
        "takings": ("the total price", "总金额"),
        "total": ("the total", "总数"),
        "result": ("the final number", "最后得到的数"),
        "kilos": ("the weight of the blend", "混合品的千克数"),
        "gap": ("the difference", "差"),
    },
    rule=(
        "Name the unknown, write the story as an equation, and undo its operations one by one.",
        "设出未知数，把题意列成方程，再逐步逆运算。",
    ),
)
