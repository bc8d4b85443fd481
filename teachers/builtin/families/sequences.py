"""Sequences: arithmetic, geometric, Fibonacci-like and with growing steps; the next term, the n-th, the sum."""

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_RULES = {
    "equal": ("the step from term to term is always {0}", "相邻两项的差总是{0}"),
    "times": ("each term is {0} times the one before", "每一项是前一项的{0}倍"),
    "two": ("each term is the sum of the two before", "每一项等于前两项之和"),
    "growing": ("the steps grow by {0} each time", "相邻两项的差每次增加{0}"),
}
_MOST_TERMS = 60


def _draw(d: Draw) -> dict[str, Value]:
    rng = d.rng
    start, step, ratio = rng.randint(1, 60), rng.randint(2, 25), rng.randint(2, 4)
    second = start + rng.randint(1, 30)
    rule = rng.choice(list(_RULES))
    terms = {
        "equal": [start, start + step],
        "times": [start, start * ratio],
        "two": [start, second],
        "growing": [start, second, 2 * second - start + step],
    }[rule]
    while len(terms) < 5:
        terms.append(_next(rule, terms))
    return {
        "terms": tuple(terms),
        "start": start,
        "second": second,
        "step": step,
        "ratio": ratio,
        "nth": rng.randint(7, 9) if "terms" in d.given or rule == "times" else rng.randint(7, 16),
        "small": rng.randint(5, 10),
    }


def _next(rule: str, terms: list[int]) -> int:
    a, b = terms[-2:]
    if rule == "equal":
        return 2 * b - a
    if rule == "times":
        return b * b // a
    if rule == "two":
        return a + b
    return b + (b - a) + (b - 2 * a + terms[-3])


def _rule_of(terms: tuple[int, ...]) -> str | None:
    """The simplest rule that all terms obey."""
    for rule, shortest in (("equal", 2), ("times", 2), ("two", 2), ("growing", 3)):
        if all(term > 0 for term in terms) and len(terms) > shortest + 1:
            exact = rule != "times" or terms[1] % terms[0] == 0
            if exact and all(_next(rule, list(terms[:at])) == terms[at] for at in range(shortest, len(terms))):
                return rule
    return None


def _series(p: Params, count: int) -> tuple[str, list[int]]:
    """The rule and the first ``count`` terms."""
    if "terms" in p:
        terms = list(p.wholes("terms"))
        rule = _rule_of(tuple(terms)) or ""
    elif "step" in p:
        rule, terms = "equal", [p.whole("start"), p.whole("start") + p.whole("step")]
    elif "ratio" in p:
        rule, terms = "times", [p.whole("start"), p.whole("start") * p.whole("ratio")]
    else:
        rule, terms = "two", [p.whole("start"), p.whole("second")]
    while len(terms) < count:
        terms.append(_next(rule, terms))
    return rule, terms[:count]


def _count(p: Params) -> int:
    if p.text("kind") == "next":
        return len(p.wholes("terms")) + 1
    return p.whole("small" if "small" in p else "nth")


def _holds(p: Params) -> bool:
    if "terms" in p and _rule_of(p.wholes("terms")) is None:
        return False
    if any(p.whole(name) < 1 for name in p if name not in ("kind", "terms")) or ("ratio" in p and p.whole("ratio") < 2):
        return False
    return 3 <= _count(p) <= _MOST_TERMS and _series(p, _count(p))[1][-1] < 10**8


def _why(p: Params, rule: str, terms: list[int]) -> str:
    size = {"equal": terms[1] - terms[0], "times": terms[1] // terms[0], "two": 0}.get(
        rule, terms[2] - 2 * terms[1] + terms[0]
    )
    text = p.say(*_RULES[rule]).format(size)
    return p.say(f"In this sequence {text}.", f"规律是{text}。")


def _solve(p: Params) -> Solution:
    count = _count(p)
    rule, terms = _series(p, count)
    listed = show_result(tuple(map(str, terms)), p.language)
    steps = [_why(p, rule, terms), p.say(f"The terms are {listed}.", f"各项依次为{listed}。")]
    if p.text("kind") == "sum":
        steps.append(f"{' + '.join(map(str, terms))} = {sum(terms)}")
        return solved(
            sum(terms), p, steps, p.say(f"The {count} terms add up to {{answer}}.", f"这{count}项的和是{{answer}}。")
        )
    return solved(terms[-1], p, steps, p.say(f"Term number {count} is {{answer}}.", f"第{count}项是{{answer}}。"))


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "The {role} of {place} stacks {items} in a pattern: {terms:ints}, and so on. What comes next, asks "
                "{name}?",
                kind="next",
            ),
            wording(
                "Continue the series {terms:ints} by one number; {name2} found it in {doc} while on the way to "
                "{event}.",
                kind="next",
            ),
            wording(
                "{name} begins with {start:int} {items} a day in {town} and makes {step:int} more every day. How "
                "many are due on day {nth:int}, that of {event}?",
                kind="nth",
            ),
            wording(
                "{terms:ints} ... Keep to the rule of this row from {place} and state its member number {nth:int} "
                "for {name2} in {town}.",
                kind="nth",
            ),
            wording(
                "On the first evening {event} draws {start:int} guests; each evening their number is multiplied by "
                "{ratio:int}. Predict the crowd of evening {small:int} {purpose}.",
                kind="nth",
            ),
            wording(
                "{Doc} opens with {start:int} and {second:int}; from then on each entry is the sum of the two before "
                "it. Which entry does {name} reach in place {nth:int} {purpose}?",
                kind="nth",
            ),
            wording(
                "In {town}, {name2} saves {start:int} coins in week one and {step:int} more in each week than in the "
                "last, {purpose}. Add up all {nth:int} weeks.",
                kind="sum",
            ),
            wording(
                "What is the total of the first {small:int} steps of the display at {place}, if the first holds "
                "{start:int} {items} and every further one {ratio:int} times as many? {name} builds it for {event}.",
                kind="sum",
            ),
            wording(
                "Find the number that follows in the row, which {name} drew on the wall of {place} for {event}.",
                "{terms:ints}",
                kind="next",
            ),
        ),
        "zh": (
            wording("{place}的{role}按规律堆放{items}：{terms:ints}……{name}问，接下来是几？", kind="next"),
            wording("{name2}去{event}的路上在{doc}里看到一列数{terms:ints}，请往后再写一个数。", kind="next"),
            wording(
                "{name}在{town}第一天做{start:int}份{items}，以后每天多做{step:int}份，"
                "到{event}那天即第{nth:int}天要做几份？",
                kind="nth",
            ),
            wording("{terms:ints}……照{place}这排数的规律，请为{town}的{name2}说出第{nth:int}个数。", kind="nth"),
            wording(
                "{event}头一晚来了{start:int}位客人，之后每晚人数都变为前一晚的{ratio:int}倍。为了{purpose}，"
                "请预计第{small:int}晚的人数。",
                kind="nth",
            ),
            wording(
                "{doc}开头两个数是{start:int}和{second:int}，往后每个数都是前两个之和。"
                "{name}为了{purpose}数到第{nth:int}个，它是多少？",
                kind="nth",
            ),
            wording(
                "为了{purpose}，{town}的{name2}第一周存{start:int}枚硬币，此后每周比上周多存{step:int}枚。"
                "把{nth:int}周全部加起来。",
                kind="sum",
            ),
            wording(
                "{name}为{event}在{place}搭展台，第一层放{items}{start:int}份，往上每层是下一层的{ratio:int}倍，"
                "前{small:int}层合计多少份？",
                kind="sum",
            ),
            wording("找出这排数的下一个，它是{name}为{event}画在{place}墙上的。", "{terms:ints}", kind="next"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={
        "start": ("the first number", "第一个数"),
        "step": ("the daily or weekly increase", "每次增加的量"),
        "nth": ("the number of the term", "项数"),
    },
    rule=(
        "Look at the differences first, then at the quotients, then at sums of neighbours; the rule that "
        "always holds continues the row.",
        "先看差，再看商，再看相邻两项之和，处处成立的规律就能往下推。",
    ),
)
