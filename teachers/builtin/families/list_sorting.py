"""Filter and sort a list of named amounts: keep those over or under a mark, in the order that is asked for."""

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved


def _draw(d: Draw) -> dict[str, Value]:
    goods = d.goods(d.rng.randint(4, 7))
    mark = d.fixed("mark", d.rng.randint(24, 160))
    side = d.fixed("side", d.rng.choice(["over", "under"]))
    if not isinstance(mark, int):
        raise TypeError("the mark is an int")
    over, under = range(mark + 1, mark + 120), range(1, mark)
    many = d.rng.randint(2, len(goods) - 1)
    kept, cut = (over, under) if side == "over" else (under, over)
    amounts = d.rng.sample(kept, many) + d.rng.sample(cut, len(goods) - many)
    d.rng.shuffle(amounts)
    pairs = tuple((name, str(amount)) for name, amount in zip(goods, amounts, strict=True))
    return {"pairs": pairs, "mark": mark, "side": side, "order": d.rng.choice(["up", "down"])}


def _kept(p: Params) -> list[tuple[str, int]]:
    mark, side = p.whole("mark"), p.text("side")
    pairs = [(row[0], int(row[1])) for row in p.rows("pairs")]
    return [pair for pair in pairs if (pair[1] > mark if side == "over" else pair[1] < mark)]


def _holds(p: Params) -> bool:
    return "pairs" not in p or len(_kept(p)) >= 2


def _solve(p: Params) -> Solution:
    kept = _kept(p)
    ranked = sorted(kept, key=lambda pair: pair[1], reverse=p.text("order") == "down")
    side, side_zh = ("over", "大于") if p.text("side") == "over" else ("under", "小于")
    shown = [show_result(tuple(f"{name} ({amount})" for name, amount in pairs), p.language) for pairs in (kept, ranked)]
    steps = [
        p.say(
            f"{side.capitalize()} {p.whole('mark')} are: {shown[0]}.", f"{side_zh}{p.whole('mark')}的有：{shown[0]}。"
        ),
        p.say(f"In the order asked for: {shown[1]}.", f"按要求排序：{shown[1]}。"),
    ]
    return solved(tuple(name for name, _ in ranked), p, steps, p.say("The list is: {answer}.", "结果是：{answer}。"))


FAMILY = Family(
    wordings={
        "en": (
            "{name} at {place} wrote: {pairs:pairs}. Keep what is {side:pick} {mark:int} and list the names, "
            "{order:pick}.",
            "From these figures of {doc} ({pairs:pairs}) pick the names with amounts {side:pick} {mark:int}; "
            "arrange them {order:pick}.",
            "For {event} in {town}, only goods {side:pick} {mark:int} count. Out of {pairs:pairs}, which are "
            "they, {order:pick}?",
            "{pairs:pairs} are what {name2} found at {place}. Report the names whose number is {side:pick} "
            "{mark:int}, sorted {order:pick}.",
            "Strike every line that is not {side:pick} {mark:int} and give {name} at {place} the remaining names "
            "{order:pick}.\n{pairs:lines}",
            "The {role} wants a short list for {event}: names with a number {side:pick} {mark:int}, ranked "
            "{order:pick}.\n{pairs:lines}",
            "Filter {doc} for {name2} in {town}, keeping numbers {side:pick} {mark:int}, then order the names "
            "{order:pick}.\n{pairs:lines}",
        ),
        "zh": (
            "{name}在{place}写下：{pairs:pairs}。请留下{side:pick}{mark:int}的，{order:pick}列出名称。",
            "从{doc}的这些数字（{pairs:pairs}）里挑出数量{side:pick}{mark:int}的名称，并{order:pick}排好。",
            "{town}的{event}只算{side:pick}{mark:int}的货品。在{pairs:pairs}当中有哪些？请{order:pick}回答。",
            "{pairs:pairs}，这是{name2}在{place}点到的。请{order:pick}报出数目{side:pick}{mark:int}的名称。",
            "划掉所有不是{side:pick}{mark:int}的行，把剩下的名称{order:pick}交给{place}的{name}。\n{pairs:lines}",
            "{role}要为{event}列个短名单：数字{side:pick}{mark:int}的名称，{order:pick}排列。\n{pairs:lines}",
            "替{town}的{name2}筛选{doc}，保留数字{side:pick}{mark:int}的，再把名称{order:pick}排出来。\n{pairs:lines}",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={
        "side": {"over": ("over", "大于"), "under": ("under", "小于")},
        "order": {
            "up": ("from the smallest number to the largest", "按数字从小到大"),
            "down": ("from the largest number to the smallest", "按数字从大到小"),
        },
    },
    rule=(
        "Filter first, then sort what is left by number; the names travel with their numbers.",
        "先筛选，再把剩下的按数字排序，名称随数字一起移动。",
    ),
)
