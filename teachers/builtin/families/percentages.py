"""Percentages: discounts, tips, taxes, growth and loss, a share in per cent, and the price before a discount."""

from decimal import Decimal

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_LESS = ("discount", "fall")
_WHOLE = ("growth", "fall")
_SAID = {
    "discount": ("After the discount the price is {answer}.", "打折后的价格是{answer}。"),
    "tip": ("With the tip they hand over {answer}.", "连小费一共付{answer}。"),
    "tax": ("With the tax the gross sum is {answer}.", "含税金额是{answer}。"),
    "growth": ("The number to plan with is {answer}.", "应按{answer}来计划。"),
    "fall": ("In the end there were {answer}.", "最后有{answer}。"),
}


def _draw(d: Draw) -> dict[str, Value]:
    kind, rng = d.given.get("kind"), d.rng
    if kind in ("discount", "tip", "tax"):
        return {"amount": rng.randint(12, 980), "percent": rng.randint(3, 45)}
    amount, percent = rng.randint(4, 95) * 20, rng.randint(1, 15) * 5
    part = amount * percent // 100
    return {"amount": amount - part if kind == "before" else amount, "percent": percent, "part": part, "whole": amount}


def _holds(p: Params) -> bool:
    kind = p.text("kind")
    if kind == "part":
        return 0 < p.whole("part") < p.whole("whole") and p.whole("part") * 10_000 % p.whole("whole") == 0
    amount, percent = p.whole("amount"), p.whole("percent")
    if kind == "before":
        return amount > 0 and 0 < percent < 100 and amount * 10_000 % (100 - percent) == 0
    return amount > 0 and 0 < percent < 100 and (kind not in _WHOLE or amount * percent % 100 == 0)


def _part(p: Params) -> Solution:
    part, whole = p.whole("part"), p.whole("whole")
    share = Decimal(part * 100) / whole
    steps = [
        p.say(f"The part is {part} out of {whole}.", f"部分是{part}，整体是{whole}。"),
        f"{part} × 100 / {whole} = {show_result(share, p.language)}",
    ]
    return solved(share, p, steps, p.say("That is {answer} per cent.", "占{answer}%。"))


def _before(p: Params) -> Solution:
    amount, left = p.whole("amount"), 100 - p.whole("percent")
    price = Decimal(amount * 100) / left
    steps = [
        p.say(
            f"What was paid is 100 - {100 - left} = {left} % of the old price.",
            f"实付是原价的100% - {100 - left}% = {left}%。",
        ),
        f"{amount} × 100 / {left} = {show_result(price, p.language)}",
    ]
    return solved(price, p, steps, p.say("The label said {answer} before.", "原来的标价是{answer}。"))


def _solve(p: Params) -> Solution:
    kind = p.text("kind")
    if kind in ("part", "before"):
        return _part(p) if kind == "part" else _before(p)
    amount, percent = p.whole("amount"), p.whole("percent")
    change = Decimal(amount * percent) / 100
    value, sign = (amount - change, "-") if kind in _LESS else (amount + change, "+")
    shown = show_result(change, p.language)
    steps = [f"{amount} × {percent} / 100 = {shown}", f"{amount} {sign} {shown} = {show_result(value, p.language)}"]
    return solved(value, p, steps, p.say(*_SAID[kind]))


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{name} finds {items} marked at {amount:int} euros in {place}; thanks to {event} the price drops by "
                "{percent:int} %. What does the till show?",
                kind="discount",
            ),
            wording(
                "Complete the sales tag that {name2} pinned up in {town} {purpose}: which price is still missing?",
                "About {items}: formerly {amount:int}, now {percent:int} % cheaper",
                kind="discount",
            ),
            wording(
                "After {event}, {name} and {name2} share a bill of {amount:int} francs in {town} and leave "
                "{percent:int} % on top as a tip. How much do they hand over?",
                kind="tip",
            ),
            wording(
                "{Doc} lists {items} at {amount:int} crowns net. {Place} in {town} has to add {percent:int} % sales "
                "tax; state the gross sum.",
                kind="tax",
            ),
            wording(
                "Last year {amount:int} people came to {event}. {name2} of {place} expects {percent:int} % more: "
                "with what number should the {role} plan?",
                kind="growth",
            ),
            wording(
                "Between {event} and closing time the {amount:int} {items} at {place} shrank by {percent:int} %. "
                "Tell {name} how many stood there in the end.",
                kind="fall",
            ),
            wording(
                "{part:int} of the {whole:int} {items} that {name} inspected in {town} {purpose} had a flaw. Express "
                "this share in per cent.",
                kind="part",
            ),
            wording(
                "Which percentage did {event} use up? {name2}, {a_role} from {town}, keeps both counts.",
                "Stock of {items}: {whole:int}\nUsed: {part:int}",
                kind="part",
            ),
            wording(
                "Having got {percent:int} % off, {name} paid {amount:int} pounds for the {items} {purpose}. What had "
                "been on the label at {place}?",
                kind="before",
            ),
        ),
        "zh": (
            wording(
                "{place}的{items}标价{amount:int}元，因为{event}降价{percent:int}%，{name}结账时该付多少元？",
                kind="discount",
            ),
            wording(
                "{name2}为了{purpose}在{town}挂出价签，请补上缺少的现价。",
                "{items}：原价{amount:int}元，立减{percent:int}%",
                kind="discount",
            ),
            wording(
                "{event}散场后，{name}和{name2}在{town}吃饭花了{amount:int}元，另给{percent:int}%的小费，"
                "两人合计付出多少？",
                kind="tip",
            ),
            wording(
                "{doc}上{items}的不含税金额是{amount:int}元。{town}的{place}须加收{percent:int}%的税，求含税总额。",
                kind="tax",
            ),
            wording(
                "去年有{amount:int}人参加{event}，{place}的{name2}估计今年增加{percent:int}%。{role}应按多少人准备？",
                kind="growth",
            ),
            wording(
                "从{event}到打烊，{place}的{amount:int}份{items}减少了{percent:int}%。告诉{name}最后剩几份。",
                kind="fall",
            ),
            wording(
                "{name}在{town}为了{purpose}抽查{items}{whole:int}份，其中{part:int}份有瑕疵。瑕疵品占百分之几？",
                kind="part",
            ),
            wording(
                "{event}用掉了百分之多少？{town}的{role}{name2}留有两个数字。",
                "{items}库存：{whole:int}\n已用：{part:int}",
                kind="part",
            ),
            wording(
                "打掉{percent:int}%之后，{name}为{items}付了{amount:int}元，好{purpose}。{place}原先标的是什么价？",
                kind="before",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={
        "amount": ("the given amount", "题中的数额"),
        "percent": ("the percentage", "百分比"),
        "part": ("the smaller count", "较小的数目"),
        "whole": ("the larger count", "较大的数目"),
    },
    rule=(
        "A percentage is a fraction of 100: multiply by it, divide by 100, then add or subtract.",
        "百分之几就是除以100的份数：先乘再除以100，然后相加或相减。",
    ),
)
