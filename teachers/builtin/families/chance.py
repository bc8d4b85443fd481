"""Probability and counting: draws, dice, choices, orders; probabilities as reduced fractions."""

from collections.abc import Callable
from fractions import Fraction
from math import comb, factorial, prod

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_COLOURS = {
    "red": ("red", "红"),
    "blue": ("blue", "蓝"),
    "green": ("green", "绿"),
    "yellow": ("yellow", "黄"),
    "white": ("white", "白"),
    "purple": ("purple", "紫"),
}


def _draw(d: Draw) -> dict[str, Value]:
    rng = d.rng
    colour, colour2 = rng.sample(list(_COLOURS), 2)
    n = rng.randint(5, 14)
    goods = list(d.goods(rng.randint(3, 5)))
    which = str(d.fixed("which", rng.choice(goods)))
    if which not in goods:
        goods[rng.randrange(len(goods))] = which
    pairs = tuple((name, str(rng.randint(2, 30))) for name in goods)
    return {
        "a": rng.randint(2, 19),
        "b": rng.randint(2, 19),
        "c": rng.randint(2, 12),
        "colour": colour,
        "colour2": colour2,
        "sum": rng.randint(3, 11),
        "n": n,
        "k": rng.randint(2, n - 2),
        "row": rng.randint(3, 7),
        "pairs": pairs,
        "which": which,
    }


def _holds(p: Params) -> bool:
    kind = p.text("kind")
    if any(isinstance(value, int) and not 0 < value < 1000 for value in p.values()):
        return False
    if kind == "dice":
        return 2 <= p.whole("sum") <= 12
    if kind == "choose":
        return p.whole("k") < p.whole("n") <= 60
    if kind in ("pairs", "not"):
        counts = {row[0]: int(row[1]) for row in p.rows("pairs")}
        return p.text("which") in counts and min(counts.values()) > 0 and len(counts) > 1
    if kind == "order":
        return p.whole("row") <= 12
    return kind != "both" or (p.whole("a") > 1 and p.text("colour") != p.text("colour2"))


def _fraction(p: Params, steps: list[str], hits: int, cases: int) -> Solution:
    chance = Fraction(hits, cases)
    steps.append(
        p.say(f"The fraction is {hits}/{cases}, in lowest terms {chance}.", f"概率是{hits}/{cases}，约分得{chance}。")
    )
    return solved(str(chance), p, steps, p.say("The probability is {answer}.", "概率是{answer}。"))


def _one(p: Params) -> Solution:
    a, b, c = p.whole("a"), p.whole("b"), p.whole("c")
    return _fraction(p, [f"{a} + {b} + {c} = {a + b + c}"], a, a + b + c)


def _both(p: Params) -> Solution:
    a, total = p.whole("a"), p.whole("a") + p.whole("b")
    steps = [
        p.say(
            f"First {a} of {total} suit, then {a - 1} of {total - 1}.",
            f"第一次{total}个里有{a}个符合，第二次{total - 1}个里有{a - 1}个。",
        ),
        f"{a}/{total} × {a - 1}/{total - 1} = {a * (a - 1)}/{total * (total - 1)}",
    ]
    return _fraction(p, steps, a * (a - 1), total * (total - 1))


def _dice(p: Params) -> Solution:
    goal = p.whole("sum")
    ways = [f"{i} + {goal - i}" for i in range(1, 7) if 1 <= goal - i <= 6]
    steps = [
        p.say(
            f"Two dice fall in 36 ways; {len(ways)} suit: {'; '.join(ways)}.",
            f"两枚骰子共36种结果，符合的有{len(ways)}种：{'；'.join(ways)}。",
        )
    ]
    return _fraction(p, steps, len(ways), 36)


def _lots(p: Params) -> Solution:
    counts = {row[0]: int(row[1]) for row in p.rows("pairs")}
    total, hits = sum(counts.values()), counts[p.text("which")]
    steps = [f"{' + '.join(map(str, counts.values()))} = {total}"]
    if p.text("kind") == "not":
        steps.append(f"{total} - {hits} = {total - hits}")
        hits = total - hits
    return _fraction(p, steps, hits, total)


def _choose(p: Params) -> Solution:
    n, k = p.whole("n"), p.whole("k")
    less = min(k, n - k)
    above, below = (" × ".join(map(str, part)) for part in (range(n, n - less, -1), range(less, 0, -1)))
    steps = [
        p.say(f"The order does not count: choose {k} of {n}.", f"不计顺序：从{n}个里选{k}个。"),
        f"({above}) / ({below}) = {comb(n, k)}",
    ]
    return solved(comb(n, k), p, steps, p.say("There are {answer} possible choices.", "共有{answer}种选法。"))


def _order(p: Params) -> Solution:
    row = p.whole("row")
    steps = [
        p.say(
            f"For the first place there are {row} candidates, then one less each time.",
            f"第一个位置有{row}种选择，往后每次少一种。",
        ),
        f"{' × '.join(map(str, range(row, 0, -1)))} = {factorial(row)}",
    ]
    return solved(factorial(row), p, steps, p.say("There are {answer} orders.", "共有{answer}种顺序。"))


def _menu(p: Params) -> Solution:
    parts = [p.whole(name) for name in ("a", "b", "c")]
    steps = [
        p.say("The choices are free of each other, so they multiply.", "各项选择互不影响，所以相乘。"),
        f"{' × '.join(map(str, parts))} = {prod(parts)}",
    ]
    return solved(prod(parts), p, steps, p.say("There are {answer} combinations.", "共有{answer}种搭配。"))


_SOLVERS: dict[str, Callable[[Params], Solution]] = {
    "one": _one,
    "both": _both,
    "dice": _dice,
    "pairs": _lots,
    "not": _lots,
    "choose": _choose,
    "order": _order,
    "menu": _menu,
}


def _solve(p: Params) -> Solution:
    return _SOLVERS[p.text("kind")](p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{name} draws one of {a:int} {colour:pick}, {b:int} black and {c:int} orange balls at {event} in "
                "{town}. As a reduced fraction, how likely is {colour:pick}?",
                kind="one",
            ),
            wording(
                "A sack at {place} holds {a:int} {colour:pick} and {b:int} {colour2:pick} tokens, of which {name2} "
                "takes two at once {purpose}. With what probability, as a fraction in lowest terms, are both "
                "{colour:pick}?",
                kind="both",
            ),
            wording(
                "Two fair dice decide whether {name} or {name2} carries the {items} from {place} to {event}. What "
                "reduced fraction is the probability of a total of {sum:int}?",
                kind="dice",
            ),
            wording(
                "How many different groups of {k:int} can the {role} of {place} form from {n:int} helpers for "
                "{event} in {town} {purpose}?",
                kind="choose",
            ),
            wording(
                "{row:int} different {items} stand in one row at {place} for {event}. Calculate the number of orders "
                "that {name2} can try {purpose}.",
                kind="order",
            ),
            wording(
                "{Doc} offers {a:int} starters, {b:int} main parts and {c:int} extras for {event}. Count the sets "
                "{name} can put together in {town} with one of each.",
                kind="menu",
            ),
            wording(
                "What is the chance, as a reduced fraction, that {name2} of {town} blindly picks a piece of the line "
                '"{which:text}" {purpose}?',
                "Stock at {place}\n{pairs:lines}",
                kind="pairs",
            ),
            wording(
                "{pairs:pairs} lie mixed at {place}. Find the probability, in lowest terms, that {name} blindly "
                'grabs one piece other than "{which:text}" {purpose}.',
                kind="not",
            ),
        ),
        "zh": (
            wording(
                "{town}的{event}上，{name}从{a:int}个{colour:pick}球、{b:int}个黑球和{c:int}个橙球里摸一个，"
                "摸到{colour:pick}球的概率是几分之几？",
                kind="one",
            ),
            wording(
                "{place}的袋子里装着{a:int}枚{colour:pick}牌和{b:int}枚{colour2:pick}牌，"
                "{name2}为了{purpose}不放回地取两枚。两枚都是{colour:pick}牌的概率用分数表示是多少？",
                kind="both",
            ),
            wording(
                "{name}和{name2}掷两枚均匀骰子，决定谁把{items}搬去{event}。点数之和为{sum:int}的概率是多少？"
                "请用最简分数作答。",
                kind="dice",
            ),
            wording(
                "为了{purpose}，{place}的{role}要从{n:int}名帮手里派{k:int}名去{town}的{event}，有多少种不同的组合？",
                kind="choose",
            ),
            wording(
                "{row:int}份不同的{items}要在{place}为{event}排成一行，请算出{name2}为了{purpose}有几种排法可试。",
                kind="order",
            ),
            wording(
                "{doc}为{event}列出{a:int}种前菜、{b:int}种主菜和{c:int}种配料，{town}的{name}各选一种，"
                "数数能搭出几套。",
                kind="menu",
            ),
            wording(
                "{place}的{name2}闭眼从存货里拿一件，拿到“{which:text}”的可能性是几分之几（最简分数）？",
                "{place}存货\n{pairs:lines}",
                kind="pairs",
            ),
            wording(
                "{place}的一只箱子里混放着{pairs:pairs}。{name}为了{purpose}摸黑抓一件，"
                "求它不属于“{which:text}”的概率，写成最简分数。",
                kind="not",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"colour": _COLOURS, "colour2": _COLOURS},
    vary={
        "a": ("the first number", "第一个数"),
        "b": ("the second number", "第二个数"),
        "n": ("the number of helpers", "帮手的人数"),
        "row": ("the number of pieces in the row", "一行的份数"),
    },
    rule=(
        "A probability is the number of suitable cases over all equally likely cases; independent choices multiply.",
        "概率等于符合的情形数除以所有等可能的情形数；互不影响的选择相乘。",
    ),
)
