"""Interest and savings: simple and compound interest, the rate behind a yield, savings plans."""

from collections.abc import Callable
from decimal import Decimal

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved


def _draw(d: Draw) -> dict[str, Value]:
    rng, kind = d.rng, d.given["kind"]
    rate, years = rng.randint(1, 15), rng.randint(2, 9)
    money, monthly = rng.randint(3, 98) * 100, rng.randint(4, 90) * 5
    if kind == "compound":
        rate, years, money = rng.choice([2, 4, 5, 6, 8, 10, 12, 15, 20]), rng.randint(2, 3), rng.randint(1, 49) * 10_000
    return {
        "money": money,
        "rate": rate,
        "years": years,
        "earned": money * rate * years // 100,
        "monthly": monthly,
        "months": rng.randint(5, 60),
        "target": money + rng.randint(6, 50) * monthly - rng.randint(0, 4),
    }


def _holds(p: Params) -> bool:
    if any(p.whole(name) < 1 for name in p if name != "kind"):
        return False
    kind, money = p.text("kind"), p.whole("money")
    if kind == "compound":
        rate, years = p.whole("rate"), p.whole("years")
        return years <= 12 and rate < 100 and money * (100 + rate) ** years * 100 % 100**years == 0
    if kind == "rate":
        return p.whole("earned") * 10_000 % (money * p.whole("years")) == 0
    return kind != "until" or p.whole("target") > money


def _simple(p: Params) -> Solution:
    money, rate, years = p.whole("money"), p.whole("rate"), p.whole("years")
    year, interest = Decimal(money * rate) / 100, Decimal(money * rate * years) / 100
    shown = [show_result(value, p.language) for value in (year, interest, money + interest)]
    steps = [
        p.say(f"One year brings {money} × {rate} / 100 = {shown[0]}.", f"一年得{money} × {rate} / 100 = {shown[0]}。"),
        f"{shown[0]} × {years} = {shown[1]}",
    ]
    if p.text("kind") == "simple":
        return solved(
            interest,
            p,
            steps,
            p.say(f"The interest over {years} years is {{answer}}.", f"{years}年的利息是{{answer}}。"),
        )
    steps.append(f"{money} + {shown[1]} = {shown[2]}")
    return solved(money + interest, p, steps, p.say("The account then holds {answer}.", "届时账上有{answer}。"))


def _compound(p: Params) -> Solution:
    money, rate = Decimal(p.whole("money")), p.whole("rate")
    steps = []
    for year in range(1, p.whole("years") + 1):
        grown = money * (100 + rate) / 100
        old, new = (show_result(value, p.language) for value in (money, grown))
        steps.append(
            p.say(f"Year {year}: {old} × {100 + rate} / 100 = {new}", f"第{year}年：{old} × {100 + rate} / 100 = {new}")
        )
        money = grown
    return solved(money, p, steps, p.say("With compound interest it becomes {answer}.", "按复利计算变成{answer}。"))


def _rate(p: Params) -> Solution:
    money, years, earned = p.whole("money"), p.whole("years"), p.whole("earned")
    rate = Decimal(earned * 100) / (money * years)
    steps = [
        p.say(
            f"At 1 % the {years} years would bring {money} × {years} / 100.",
            f"若年利率为1%，{years}年得{money} × {years} / 100。",
        ),
        f"{earned} × 100 / ({money} × {years}) = {show_result(rate, p.language)}",
    ]
    return solved(rate, p, steps, p.say("The rate was {answer} per cent a year.", "年利率是{answer}%。"))


def _save(p: Params) -> Solution:
    money, monthly, months = p.whole("money"), p.whole("monthly"), p.whole("months")
    steps = [f"{monthly} × {months} = {monthly * months}", f"{money} + {monthly * months} = {money + monthly * months}"]
    return solved(
        money + monthly * months,
        p,
        steps,
        p.say(f"After {months} months there are {{answer}}.", f"{months}个月后共有{{answer}}。"),
    )


def _until(p: Params) -> Solution:
    money, monthly, target = p.whole("money"), p.whole("monthly"), p.whole("target")
    months = -(-(target - money) // monthly)
    steps = [
        p.say(f"Still missing: {target} - {money} = {target - money}.", f"还差{target} - {money} = {target - money}。"),
        p.say(
            f"{months - 1} × {monthly} = {(months - 1) * monthly} is too little, {months} × {monthly} = {months * monthly} is enough.",
            f"{months - 1} × {monthly} = {(months - 1) * monthly}不够，{months} × {monthly} = {months * monthly}够了。",
        ),
    ]
    return solved(months, p, steps, p.say("It takes {answer} monthly payments.", "需要存{answer}个月。"))


_SOLVERS: dict[str, Callable[[Params], Solution]] = {
    "compound": _compound,
    "rate": _rate,
    "save": _save,
    "until": _until,
}


def _solve(p: Params) -> Solution:
    return _SOLVERS.get(p.text("kind"), _simple)(p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{name} lends {place} {money:int} euros {purpose} at {rate:int} % simple interest a year. How much "
                "interest is due after {years:int} years?",
                kind="simple",
            ),
            wording(
                "An account of the {role} in {town} starts with {money:int} francs and earns {rate:int} % per year, "
                "never compounded. State the balance after {years:int} years, the time of {event}.",
                kind="balance",
            ),
            wording(
                "At {place} the profit from {items}, {money:int} dollars, is put aside at {rate:int} %, compounded "
                "yearly. What will {name2} find {years:int} years later {purpose}?",
                kind="compound",
            ),
            wording(
                "To which amount do {money:int} crowns grow in {years:int} years at {rate:int} % if interest is "
                "added every year? {name} of {town} copies the contract from {doc}.",
                kind="compound",
            ),
            wording(
                "Find the yearly rate in per cent: {doc} shows {earned:int} pounds of simple interest on {money:int} "
                "pounds over {years:int} years, paid to {name2} for {event}.",
                kind="rate",
            ),
            wording(
                "{name} already has {money:int} euros and adds {monthly:int} a month {purpose}. Without interest, "
                "what is in the box at {place} when {months:int} months are over?",
                kind="save",
            ),
            wording(
                "New {items} for {event} cost {target:int} dollars. With {money:int} in hand and {monthly:int} more "
                "each month, after how many months can {name2} in {town} pay?",
                kind="until",
            ),
            wording(
                "Work out the final savings of the {role} at {place}, meant for {event}; no interest is paid.",
                "Start: {money:int}\nEach month: {monthly:int}\nMonths: {months:int}",
                kind="save",
            ),
        ),
        "zh": (
            wording(
                "{name}为了{purpose}借给{place}{money:int}元，单利年利率{rate:int}%，{years:int}年后应收利息多少？",
                kind="simple",
            ),
            wording(
                "{town}的{role}开户存入{money:int}元，每年按{rate:int}%计息，不计复利。到{years:int}年后的{event}时，"
                "本息合计几元？",
                kind="balance",
            ),
            wording(
                "{place}把卖{items}赚的{money:int}元存起来，年利率{rate:int}%，逐年复利。"
                "{name2}在{years:int}年后能取出多少来{purpose}？",
                kind="compound",
            ),
            wording(
                "利息每年并入本金，{money:int}元以{rate:int}%的年利率经过{years:int}年会增长到多少？"
                "{town}的{name}正从{doc}抄写合同。",
                kind="compound",
            ),
            wording(
                "求年利率（百分之几）：{doc}显示，{name2}的本金{money:int}元在{years:int}年里得到单利{earned:int}元，"
                "用于{event}。",
                kind="rate",
            ),
            wording(
                "{name}手上有{money:int}元，为了{purpose}每月再存{monthly:int}元，不计利息，"
                "过{months:int}个月后{place}的钱箱里有多少？",
                kind="save",
            ),
            wording(
                "{event}要用的新{items}值{target:int}元。{town}的{name2}现有{money:int}元，"
                "往后每月攒{monthly:int}元，几个月后买得起？",
                kind="until",
            ),
            wording(
                "算出{place}的{role}为{event}攒下的总数，不计息。",
                "起始：{money:int}\n每月：{monthly:int}\n月数：{months:int}",
                kind="save",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={
        "rate": ("the yearly rate in per cent", "年利率的百分数"),
        "years": ("the number of years", "年数"),
        "monthly": ("the monthly payment", "每月存的钱"),
        "months": ("the number of months", "月数"),
    },
    rule=(
        "Simple interest is capital × rate × years / 100; compound interest multiplies by (100 + rate) / 100 "
        "once a year.",
        "单利等于本金 × 利率 × 年数 / 100；复利则每年乘一次(100 + 利率) / 100。",
    ),
)
