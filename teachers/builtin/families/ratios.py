"""Ratios: sharing a sum, scaling a recipe, lowest terms, the whole from one part."""

from math import gcd

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved


def _draw(d: Draw) -> dict[str, Value]:
    rng = d.rng
    a, b, c = rng.sample(range(1, 12), 3)
    shares = tuple(rng.randint(1, 9) for _ in range(rng.randint(3, 5)))
    parts = {"three": a + b + c, "split": sum(shares)}.get(str(d.given["kind"]), a + b)
    unit = rng.randint(3, 75)
    lowest = gcd(a, b)
    return {
        "a": a,
        "b": b,
        "c": c,
        "shares": shares,
        "total": parts * unit,
        "first": a * unit,
        "x": a // lowest * unit,
        "y": b // lowest * unit,
    }


def _parts(p: Params) -> tuple[int, ...]:
    return p.wholes("shares") if "shares" in p else tuple(p.whole(name) for name in ("a", "b", "c") if name in p)


def _holds(p: Params) -> bool:
    if "x" in p:
        return p.whole("x") > 0 and p.whole("y") > 0 and gcd(p.whole("x"), p.whole("y")) > 1
    parts = _parts(p)
    if min(parts) < 1 or (p.text("kind") == "larger" and len(set(parts)) < len(parts)):
        return False
    given, one = ("first", parts[0]) if "first" in p else ("total", sum(parts))
    return p.whole(given) > 0 and p.whole(given) % one == 0


def _lowest(p: Params) -> Solution:
    x, y = p.whole("x"), p.whole("y")
    common = gcd(x, y)
    steps = [
        p.say(f"The greatest common divisor of {x} and {y} is {common}.", f"{x}和{y}的最大公约数是{common}。"),
        f"{x} / {common} = {x // common}; {y} / {common} = {y // common}",
    ]
    said = p.say("In lowest terms the ratio is {answer}.", "最简整数比是{answer}。")
    return solved(f"{x // common}:{y // common}", p, steps, said)


def _solve(p: Params) -> Solution:
    kind = p.text("kind")
    if kind == "lowest":
        return _lowest(p)
    parts = _parts(p)
    if kind in ("match", "whole"):
        one = p.whole("first") // parts[0]
        steps = [
            p.say(
                f"One part is {p.whole('first')} / {parts[0]} = {one}.",
                f"一份是{p.whole('first')} / {parts[0]} = {one}。",
            )
        ]
        if kind == "match":
            steps.append(f"{parts[1]} × {one} = {parts[1] * one}")
            return solved(
                parts[1] * one, p, steps, p.say("{answer} spoons of the second belong to them.", "第二种要{answer}勺。")
            )
        steps.append(f"({parts[0]} + {parts[1]}) × {one} = {sum(parts) * one}")
        return solved(sum(parts) * one, p, steps, p.say("The whole sum is {answer}.", "总数是{answer}。"))
    one = p.whole("total") // sum(parts)
    added = " + ".join(map(str, parts))
    steps = [
        p.say(f"There are {added} = {sum(parts)} parts.", f"一共{added} = {sum(parts)}份。"),
        p.say(
            f"One part is {p.whole('total')} / {sum(parts)} = {one}.",
            f"一份是{p.whole('total')} / {sum(parts)} = {one}。",
        ),
    ]
    if kind in ("three", "split"):
        sizes = tuple(str(part * one) for part in parts)
        steps.append(p.say(f"The shares are {show_result(sizes, 'en')}.", f"各得{show_result(sizes, 'zh')}。"))
        return solved(sizes, p, steps, p.say("In this order they get {answer}.", "依次分得{answer}。"))
    part = max(parts) if kind == "larger" else parts[1]
    steps.append(f"{part} × {one} = {part * one}")
    return solved(part * one, p, steps, p.say("The share asked for is {answer}.", "所求的一份是{answer}。"))


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{name} and {name2} sell {items} in {town} and split {total:int} euros in the ratio {a:int}:{b:int}, "
                "{name} first. What does {name2} receive?",
                kind="second",
            ),
            wording(
                "{total:int} {items} from {place} go to three stalls at {event} in the proportion {a:int} : {b:int} "
                ": {c:int}. List what each stall gets, in that order.",
                kind="three",
            ),
            wording(
                "For {event}, {doc} divides {total:int} hours of work between {name} and {name2} as {a:int} to "
                "{b:int}; how long must the busier one be at {place}?",
                kind="larger",
            ),
            wording(
                "At {place} the mix for {items} takes {a:int} spoons of one powder to {b:int} of another. {name} has "
                "measured {first:int} of the first {purpose}. And of the second?",
                kind="match",
            ),
            wording(
                "Bring {x:int} to {y:int}, the relation of {items} to {measures} in {doc}, to lowest terms for "
                "{name2} in {town}.",
                kind="lowest",
            ),
            wording(
                "The takings of {event} are shared {a:int}:{b:int} by {place} and the {role}. If the former gets "
                "{first:int} dollars, which whole sum did {name} count in {town}?",
                kind="whole",
            ),
            wording(
                "Split the sum among the helpers of {event} by their shares, and give {name2} the amounts in the "
                "same order {purpose}.",
                "Sum: {total:int}\nShares: {shares:ints}",
                kind="split",
            ),
        ),
        "zh": (
            wording(
                "{name}和{name2}在{town}合卖{items}，所得{total:int}元按{a:int}:{b:int}分（{name}在前）。"
                "{name2}分到几元？",
                kind="second",
            ),
            wording(
                "{place}有{items}{total:int}份，按{a:int}：{b:int}：{c:int}的比例送往{event}的三个摊位，"
                "请依次列出各摊的份数。",
                kind="three",
            ),
            wording(
                "{doc}把{event}的{total:int}小时工作按{a:int}比{b:int}派给{name}与{name2}，忙的那位要在{place}待多久？",
                kind="larger",
            ),
            wording(
                "{place}调制{items}时，甲粉{a:int}勺配乙粉{b:int}勺。{name}为了{purpose}已量好甲粉{first:int}勺，"
                "乙粉该量几勺？",
                kind="match",
            ),
            wording(
                "{doc}中{items}与{measures}数之比为{x:int}比{y:int}，请替{town}的{name2}化成最简整数比。", kind="lowest"
            ),
            wording(
                "{event}的收入由{place}和{role}按{a:int}:{b:int}分成，前者得{first:int}元。"
                "{name}在{town}清点的总额是多少？",
                kind="whole",
            ),
            wording(
                "按份额把总数分给{event}的帮手，并依原顺序向{name2}报出各人所得，以便{purpose}。",
                "总数：{total:int}\n份额：{shares:ints}",
                kind="split",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={
        "total": ("the sum to be shared", "要分的总数"),
        "first": ("the known amount of the first part", "第一部分的已知量"),
        "b": ("the second term of the ratio", "比的第二项"),
    },
    rule=(
        "Add the parts of the ratio, find out what one part is worth, and multiply.",
        "先求总份数，再求每份是多少，最后乘以所占份数。",
    ),
)
