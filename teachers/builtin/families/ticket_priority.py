"""Priority of a request by rule: blocked work or a large number make it urgent, a long wait makes it normal."""

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_SETS = {
    "haste": (("urgent", "normal", "low"), ("紧急", "普通", "不急")),
    "letter": (("A", "B", "C"), ("甲", "乙", "丙")),
    "colour": (("red", "yellow", "green"), ("红", "黄", "绿")),
    "when": (("now", "today", "later"), ("立即", "当天", "以后")),
    "rank": (("critical", "ordinary", "minor"), ("重大", "平常", "轻微")),
    "way": (("phone", "mail", "letter"), ("打电话", "发邮件", "寄信")),
    "who": (("chief", "clerk", "trainee"), ("主管", "文员", "学徒")),
    "tray": (("top tray", "side tray", "bottom tray"), ("上格", "侧格", "下格")),
    "stars": (("three stars", "two stars", "one star"), ("三星", "二星", "一星")),
}
_STATES = {"stands": ("work blocked", "已停工"), "goes": ("work continues", "未停工")}
_UNITS = {
    "people": ("people", "人"),
    "parcels": ("parcels", "件包裹"),
    "rooms": ("rooms", "个房间"),
    "orders": ("orders", "张订单"),
    "machines": ("machines", "台机器"),
    "pupils": ("pupils", "名学生"),
    "tables": ("tables", "张桌子"),
    "vans": ("vans", "辆货车"),
    "pages": ("pages", "页"),
}
_SPANS = {
    "minutes": ("minutes", "分钟"), "hours": ("hours", "小时"), "days": ("days", "天"), "weeks": ("weeks", "周"),
}  # fmt: skip


def _draw(d: Draw) -> dict[str, Value]:
    many = d.fixed("many", d.rng.randint(3, 60))
    long = d.fixed("long", d.rng.randint(2, 72))
    if not isinstance(many, int) or not isinstance(long, int):
        raise TypeError("marks are ints")
    return {
        "many": many,
        "long": long,
        "labels": d.rng.choice(list(_SETS)),
        "unit": d.rng.choice(list(_UNITS)),
        "span": d.rng.choice(list(_SPANS)),
        "state": d.rng.choice(["stands", "goes", "goes", "goes"]),
        "count": d.rng.randint(max(1, many // 3), many + (many // 2 if d.rng.random() < 0.4 else 0)),
        "wait": d.rng.randint(max(1, long // 3), long * 2),
    }


def _solve(p: Params) -> Solution:
    en, zh = _SETS[p.text("labels")]
    count, many, wait, long = (p.whole(name) for name in ("count", "many", "wait", "long"))
    unit, span = p.say(*_UNITS[p.text("unit")]), p.say(*_SPANS[p.text("span")])
    if p.text("state") == "stands":
        at, why = 0, p.say("Work is blocked.", "已经停工。")
    elif count > many:
        at, why = 0, p.say(f"{count} {unit} are more than {many}.", f"{count}{unit}超过{many}。")
    elif wait > long:
        at, why = 1, p.say(f"Work continues, but {wait} {span} exceed {long}.", f"没有停工，但{wait}{span}超过{long}。")
    else:
        at, why = (
            2,
            p.say(
                f"Work continues, {count} is not over {many} and {wait} not over {long}.",
                f"没有停工，{count}不超过{many}，{wait}也不超过{long}。",
            ),
        )
    label = p.say(en[at], zh[at])
    return solved(label, p, [why, p.say(f"So the label is {label}.", f"因此标签是{label}。")], "{answer}")


FAMILY = Family(
    wordings={
        "en": (
            "{Place} marks messages {labels:pick}: blocked or above {many:int} {unit:pick}, older than {long:int} "
            "{span:pick}, the rest. Which mark does {name} use?\n{town}, {event}: {state:pick}, {count:int} "
            "{unit:pick}, "
            "{wait:int} {span:pick}",
            "Triage for the {role} before {event} with the labels {labels:pick}. First: stopped work or over "
            "{many:int} "
            "{unit:pick}; second: past {long:int} {span:pick}; third: others.\n"
            "{count:int} {unit:pick} / {wait:int} {span:pick} / {state:pick} / sent by {name2}",
            "When {name2} reads {doc}, a line gets {labels:pick}, the strictest that applies: blockage or {many:int} "
            "{unit:pick} exceeded, {long:int} {span:pick} exceeded, neither. Label this one.\n"
            "Line: {items}; {state:pick}; {wait:int} {span:pick}; {count:int} {unit:pick}",
            "How is the call classified in {town}, as {labels:pick}? Idle work or more than {many:int} {unit:pick} "
            "leads, "
            "a delay beyond {long:int} {span:pick} follows, the rest comes last, {purpose}.\nCall to {name}: "
            "{wait:int} {span:pick} late, "
            "{count:int} {unit:pick} hit, {state:pick}",
            "{count:int} {unit:pick}, {wait:int} {span:pick}, {state:pick}: thus {name} about the {items}. Is that "
            "{labels:pick}, with blocked or over {many:int} as the first, over {long:int} {span:pick} as the "
            "second, all else the third?",
            "During {event}, {place} ranks trouble {labels:pick}. {name2} saw {count:int} {unit:pick} wait {wait:int} "
            "{span:pick}; {state:pick}. Rank it: top if blocked or beyond {many:int}, middle beyond {long:int} "
            "{span:pick}, else bottom.",
            "{name}, {a_role}, answers with {labels:pick} only. Standstill, or {unit:pick} over {many:int}: word one; "
            "{span:pick} over {long:int}: word two; otherwise word three. What about {count:int} {unit:pick} after "
            "{wait:int} {span:pick} at {place} ({state:pick})?",
        ),
        "zh": (
            "{place}给来信标{labels:pick}：停工或超过{many:int}{unit:pick}、超过{long:int}{span:pick}、其余。"
            "{name}该标哪个？\n"
            "{town}{event}：{state:pick}，{count:int}{unit:pick}，{wait:int}{span:pick}",
            "{event}前请替{role}分轻重，标签为{labels:pick}。一是停工或多于{many:int}{unit:pick}，"
            "二是过了{long:int}{span:pick}，"
            "三是别的。\n{count:int}{unit:pick}／{wait:int}{span:pick}／{state:pick}／{name2}发",
            "{name2}读{doc}时，每行取{labels:pick}里适用的最高一级：停工或{many:int}{unit:pick}以上（不含）、"
            "{long:int}{span:pick}以上（不含）、都不是。请标注此行。\n"
            "行：{items}；{state:pick}；{wait:int}{span:pick}；{count:int}{unit:pick}",
            "为了{purpose}，{town}把来电分为{labels:pick}：停工或大于{many:int}{unit:pick}居首，"
            "拖延大于{long:int}{span:pick}次之，其余垫底。"
            "这一通算哪类？\n{name}接：拖延{wait:int}{span:pick}，涉及{count:int}{unit:pick}，{state:pick}",
            "“{count:int}{unit:pick}，{wait:int}{span:pick}，{state:pick}。”{name}这样说{items}。"
            "若停工或大于{many:int}为首，"
            "大于{long:int}{span:pick}为次，其余为末，该归{labels:pick}的哪一类？",
            "{event}期间{place}把麻烦排成{labels:pick}。{name2}见{count:int}{unit:pick}等了{wait:int}{span:pick}，"
            "{state:pick}。"
            "停工或过{many:int}为上，过{long:int}{span:pick}为中，否则为下，请排级。",
            "{role}{name}只答{labels:pick}。停工或超过{many:int}{unit:pick}答第一个，超过{long:int}{span:pick}答"
            "第二个，"
            "否则答第三个。{place}有{count:int}{unit:pick}等了{wait:int}{span:pick}（{state:pick}），答什么？",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=lambda p: min(p.whole(name) for name in ("count", "many", "wait", "long")) > 0,
    classification=True,
    picks={
        "labels": {key: (", ".join(en), "、".join(zh)) for key, (en, zh) in _SETS.items()},
        "state": _STATES,
        "unit": _UNITS,
        "span": _SPANS,
    },
    vary={"count": ("the number affected", "受影响的数量"), "wait": ("the waiting time", "等候的时长")},
    rule=(
        "Check the conditions from the strictest to the mildest and stop at the first that holds.",
        "从最严的条件查到最宽的，遇到第一个成立的就停。",
    ),
)
