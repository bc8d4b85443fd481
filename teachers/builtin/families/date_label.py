"""Labels for dates: season, quarter, weekday or weekend, part of the month. The scheme stands in the instruction."""

from datetime import date, timedelta

from teachers.builtin.family import Family
from teachers.builtin.slots import KINDS
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_SCHEMES = {
    "season": (
        ("spring", "summer", "autumn", "winter"), ("春", "夏", "秋", "冬"),
        ("by season from March on in blocks of three months", "从三月起每三个月为一季"),
    ),
    "quarter": (
        ("Q1", "Q2", "Q3", "Q4"), ("一季度", "二季度", "三季度", "四季度"),
        ("by calendar quarter", "按日历季度"),
    ),
    "week": (
        ("weekday", "weekend"), ("工作日", "周末"),
        ("with Saturday and Sunday as the weekend", "周六周日为周末"),
    ),
    "third": (
        ("early", "middle", "late"), ("上旬", "中旬", "下旬"),
        ("by day of the month: up to 10, up to 20, above 20", "按日子：10日止、20日止、20日后"),
    ),
    "half": (
        ("first half", "second half"), ("上半年", "下半年"),
        ("by half-year", "按半年"),
    ),
    "even": (
        ("even", "odd"), ("双号", "单号"),
        ("by the parity of the day of the month", "看日子是双是单"),
    ),
}  # fmt: skip
_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
}


def _draw(d: Draw) -> dict[str, Value]:
    return {
        "day": date(2019, 1, 1) + timedelta(days=d.rng.randrange(3650)),
        "scheme": d.rng.choice(list(_SCHEMES)),
    }


def _at(scheme: str, day: date) -> int:
    return {
        "season": (day.month - 3) % 12 // 3,
        "quarter": (day.month - 1) // 3,
        "week": int(day.weekday() > 4),
        "third": min(2, (day.day - 1) // 10),
        "half": int(day.month > 6),
        "even": day.day % 2,
    }[scheme]


def _solve(p: Params) -> Solution:
    scheme, day = p.text("scheme"), p.day("day")
    en, zh, _ = _SCHEMES[scheme]
    at = _at(scheme, day)
    shown = KINDS["date"].show(day, p.language)
    fact = {
        "week": p.say(f"{shown} is a {_DAYS['en'][day.weekday()]}.", f"{shown}是{_DAYS['zh'][day.weekday()]}。"),
        "third": p.say(f"The day of the month is {day.day}.", f"日子是{day.day}日。"),
        "even": p.say(f"The day of the month is {day.day}.", f"日子是{day.day}日。"),
    }.get(scheme, p.say(f"The month is number {day.month}.", f"月份是{day.month}月。"))
    label = p.say(en[at], zh[at])
    return solved(label, p, [fact, p.say(f"That means {label}.", f"也就是{label}。")], "{answer}")


def _told(key: str) -> tuple[str, str]:
    en, zh, (how, how_zh) = _SCHEMES[key]
    return f"{', '.join(en)} ({how})", f"{'、'.join(zh)}（{how_zh}）"


FAMILY = Family(
    wordings={
        "en": (
            "Label the date as one of {scheme:pick}; {name} files it so at {place}.\n{day:date}",
            "{name2} groups everything about {event} under {scheme:pick}. Under which label does the entry fall?\n"
            "Entry in {doc}: {day:date}",
            "Which of these categories applies to the day on which {items} reached {town}: {scheme:pick}?\n{day:iso}",
            "The {role} needs a single word from {scheme:pick} for the delivery stamped below, {purpose}.\n"
            "Stamp of {place}: {day:iso}",
            "{name} noted {day:date} as the day of {event}. Classify it: {scheme:pick}.",
            "For the archive in {town}, put {day:iso} into one of the classes {scheme:pick}, says {name2} of {place}.",
            "Was it {scheme:pick}? Choose the label for {day:date}, when {name2} last opened {doc}.",
        ),
        "zh": (
            "请给日期贴上{scheme:pick}之一的标签，{place}的{name}这样归档。\n{day:date}",
            "{name2}把{event}的资料分到{scheme:pick}之下。这一条属于哪一类？\n{doc}的条目：{day:date}",
            "{items}运到{town}的那天，适用{scheme:pick}中的哪一类？\n{day:iso}",
            "为了{purpose}，{role}要从{scheme:pick}里选一个词，标注盖有下列日戳的货。\n{place}的日戳：{day:iso}",
            "{name}把{day:date}记作{event}的日子。请分类：{scheme:pick}。",
            "{place}的{name2}说，{town}的档案要把{day:iso}归入{scheme:pick}中的一类，请归类。",
            "{scheme:pick}，究竟是哪个？{name2}上次翻开{doc}是在{day:date}，请选标签。",
        ),
    },
    draw=_draw,
    solve=_solve,
    classification=True,
    picks={"scheme": {key: _told(key) for key in _SCHEMES}},
    rule=(
        "Take only the part of the date that the scheme looks at, the month, the day or the weekday.",
        "只看分类办法所用的那部分：月份、日子或星期。",
    ),
)
