"""Calendar: a date so many days later or earlier, days between dates, weekdays, leap years."""

from calendar import leapdays
from collections.abc import Callable
from datetime import date, timedelta

from teachers.builtin.family import Family, wording
from teachers.builtin.slots import KINDS
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ZH = ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日")
_FIRST, _SPAN = date(1990, 1, 1), 20_000
_ANCHOR = date(2024, 1, 1)
"""A Monday, named in the reasoning about weekdays."""


def _draw(d: Draw) -> dict[str, Value]:
    rng = d.rng
    start, days = _FIRST + timedelta(days=rng.randrange(_SPAN)), rng.randint(9, 400)
    first = rng.randint(1901, 2060)
    return {
        "start": start,
        "end": start + timedelta(days=days),
        "days": days,
        "weekday": rng.choice(_EN),
        "first": first,
        "last": first + rng.randint(9, 130),
    }


def _holds(p: Params) -> bool:
    if "first" in p:
        return 1 <= p.whole("first") < p.whole("last") <= 9999
    if "days" in p and not 0 < p.whole("days") < 2000:
        return False
    return "start" not in p or "end" not in p or p.day("start") < p.day("end")


def _show(day: date, p: Params) -> str:
    return KINDS["date"].show(day, p.language)


def _turns(first: date, last: date) -> list[date]:
    """Every first of a month after ``first`` up to ``last``."""
    months = range(first.year * 12 + first.month, last.year * 12 + last.month)
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def _moved(p: Params) -> Solution:
    later = p.text("kind") == "after"
    day, days = p.day("start" if later else "end"), p.whole("days")
    steps = [
        p.say(
            f"We count {days} days {'forward' if later else 'back'} from {_show(day, p)}.",
            f"从{_show(day, p)}{'往后' if later else '往前'}数{days}天。",
        )
    ]
    then = day + timedelta(days=days if later else -days)
    turns = [f"{turn.isoformat()}: {abs((turn - day).days)}" for turn in _turns(min(day, then), max(day, then))]
    if turns:
        listed = "; ".join(turns if later else reversed(turns))
        steps.append(p.say(f"Days used up at each first of a month: {listed}.", f"到各月1日所用的天数：{listed}。"))
    steps.append(p.say(f"Day {days} is {_show(then, p)}.", f"第{days}天是{_show(then, p)}。"))
    return solved(_show(then, p), p, steps, p.say("The date is {answer}.", "日期是{answer}。"))


def _weekday(p: Params) -> Solution:
    days, today = p.whole("days"), _EN.index(p.text("weekday"))
    weeks, rest = divmod(days, 7)
    steps = [
        p.say(
            f"{days} = {weeks} × 7 + {rest}, and whole weeks change nothing.",
            f"{days} = {weeks} × 7 + {rest}，整周不影响星期。",
        ),
        p.say(f"So we go {rest} on from {_EN[today]}.", f"因此从{_ZH[today]}往后数{rest}天。"),
    ]
    then = (today + rest) % 7
    return solved(p.say(_EN[then], _ZH[then]), p, steps, p.say("It will be a {answer}.", "那天是{answer}。"))


def _between(p: Params) -> Solution:
    start, end = p.day("start"), p.day("end")
    days = (end - start).days
    new_year = date(start.year + 1, 1, 1)
    steps = [p.say(f"From {_show(start, p)} to {_show(end, p)}.", f"从{_show(start, p)}到{_show(end, p)}。")]
    if start.year < end.year:
        to, rest = (new_year - start).days, (end - new_year).days
        steps.append(
            p.say(
                f"It takes {to} days to {_show(new_year, p)} and {rest} more.",
                f"到{_show(new_year, p)}有{to}天，此后{rest}天。",
            )
        )
    else:
        one, two = start.timetuple().tm_yday, end.timetuple().tm_yday
        steps.append(
            p.say(
                f"They are days {one} and {two} of the year: {two} - {one} = {days}.",
                f"它们是当年的第{one}天和第{two}天：{two} - {one} = {days}。",
            )
        )
    return solved(
        days, p, steps, p.say("{answer} day passes." if days == 1 else "{answer} days pass.", "相隔{answer}天。")
    )


def _falls(p: Params) -> Solution:
    day = p.day("start")
    away = (day - _ANCHOR).days
    steps = [
        p.say(f"{_show(_ANCHOR, p)} was a Monday.", f"{_show(_ANCHOR, p)}是星期一。"),
        p.say(
            f"{_show(day, p)} lies {abs(away)} days {'after' if away >= 0 else 'before'} it; {away} leaves {away % 7} on division by 7.",
            f"{_show(day, p)}在它{'之后' if away >= 0 else '之前'}{abs(away)}天，{away}除以7余{away % 7}。",
        ),
    ]
    return solved(p.say(_EN[away % 7], _ZH[away % 7]), p, steps, p.say("It is a {answer}.", "是{answer}。"))


def _leap(p: Params) -> Solution:
    first, last = p.whole("first"), p.whole("last")
    fours, hundreds, four_hundreds = (last // step - (first - 1) // step for step in (4, 100, 400))
    steps = [
        p.say(
            f"{fours} years are multiples of 4, {hundreds} of them of 100, {four_hundreds} of 400.",
            f"4的倍数有{fours}个，其中100的倍数{hundreds}个，400的倍数{four_hundreds}个。",
        ),
        f"{fours} - {hundreds} + {four_hundreds} = {leapdays(first, last + 1)}",
    ]
    return solved(leapdays(first, last + 1), p, steps, p.say("There are {answer} leap years.", "共有{answer}个闰年。"))


_SOLVERS: dict[str, Callable[[Params], Solution]] = {
    "weekday": _weekday,
    "between": _between,
    "falls": _falls,
    "leap": _leap,
}


def _solve(p: Params) -> Solution:
    return _SOLVERS.get(p.text("kind"), _moved)(p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{name} delivers {items} to {place} on {start:date} and again {days:int} days later. On which date "
                "is the second visit?",
                kind="after",
            ),
            wording(
                "Today is {weekday:pick} in {town}. {name2} promises {items} in {days:int} days, {purpose}; name the "
                "day of the week.",
                kind="weekday",
            ),
            wording(
                "How many days pass from {start:date} to {end:date}, the period that {doc} of {place} covers for "
                "{event}?",
                kind="between",
            ),
            wording(
                "Count the days between two stamps which {name2} found in {town} {purpose}, the later date included.",
                "Earlier: {start:iso}\nLater: {end:iso}",
                kind="between",
            ),
            wording(
                "{Event} starts on {end:date}; {name}, {a_role}, has to book {items} {days:int} days ahead. Give the "
                "booking date.",
                kind="before",
            ),
            wording(
                "Tell {name2} of {place} the weekday of {start:date}, when {event} was entered in {doc}.", kind="falls"
            ),
            wording(
                "{Doc} runs from {first:int} to {last:int}, both included. {name} in {town} asks how many leap years "
                "that makes.",
                kind="leap",
            ),
            wording(
                "Every birth year from {first:int} up to {last:int} gets a card at {event}, leap years a golden one: "
                "how many golden ones does {place} print for {name2}?",
                kind="leap",
            ),
        ),
        "zh": (
            wording(
                "{name}在{start:date}给{place}送了{items}，{days:int}天后还要再送。第二次是几月几日（含年份）？",
                kind="after",
            ),
            wording(
                "今天{town}是{weekday:pick}，{name2}答应{days:int}天后交出{items}，好{purpose}。请问那天星期几？",
                kind="weekday",
            ),
            wording("{place}的{doc}为{event}记录了{start:date}至{end:date}的情况，前后相隔多少天？", kind="between"),
            wording(
                "{name2}为了{purpose}在{town}找到两枚日期戳，数一数从前一天到后一天经过了几天。",
                "较早：{start:iso}\n较晚：{end:iso}",
                kind="between",
            ),
            wording(
                "{event}定于{end:date}，{role}{name}必须提前{days:int}天预订{items}，请写出预订日期。", kind="before"
            ),
            wording("{start:date}那天，{event}被写进了{doc}。告诉{place}的{name2}当天是星期几。", kind="falls"),
            wording(
                "{doc}从{first:int}年写到{last:int}年（首尾都算），{town}的{name}想知道其间有几个闰年。", kind="leap"
            ),
            wording(
                "{event}给{first:int}年到{last:int}年（含）的每个出生年份发卡，闰年发金卡，"
                "{place}该替{name2}印几张金卡？",
                kind="leap",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"weekday": dict(zip(_EN, zip(_EN, _ZH, strict=True), strict=True))},
    vary={"days": ("the number of days", "天数"), "last": ("the final year", "最后一年")},
    rule=(
        "Weekdays repeat every 7 days; a year is a leap year if 4 divides it, but not 100 unless 400 does.",
        "星期每7天一循环；能被4整除而不能被100整除，或能被400整除的年份是闰年。",
    ),
)
