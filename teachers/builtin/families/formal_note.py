"""Templated rewriting: a rough note becomes a one-line message in a prescribed form, its date written anew."""

from datetime import date, timedelta

from teachers.builtin.family import Family
from teachers.builtin.scenes import names
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_FORMS = {
    "please": ("Dear TO, please send THING by DATE. FROM", "TO您好：请于DATE前送来THING。FROM"),
    "bars": ("DATE | FROM > TO | THING", "DATE｜FROM至TO｜THING"),
    "subject": ("[THING] for TO, due DATE (FROM)", "【THING】致TO，限期DATE（FROM）"),
    "reminds": ("FROM reminds TO: THING, due DATE.", "FROM谨提醒TO：THING，截止DATE。"),
    "request": (
        "Request DATE: THING. By FROM, for TO.",
        "DATE申请：THING。申请人FROM，承办人TO。",
    ),
    "thanks": ("TO, THING until DATE. Thanks, FROM", "TO，THING请在DATE前办妥，预先致谢。FROM"),
}
_DATES = {
    "dots": ("DD.MM.YYYY", "DD.MM.YYYY"),
    "slashes": ("YYYY/MM/DD", "YYYY/MM/DD"),
    "short": ("DDMMYY", "YYMMDD"),
    "monthly": ("MM-DD", "MM-DD"),
}
_LONGEST = 60
"""Of a line: a longer one could not be evolved."""


def _draw(d: Draw) -> dict[str, Value]:
    sender, reader = d.rng.sample(names(d.language), 2)
    count = d.rng.randint(2, 90)
    return {
        "sender": sender,
        "reader": reader,
        "thing": f"{count}{d.say(' ', '份')}{d.goods(1)[0]}",
        "day": date(2020, 1, 1) + timedelta(days=d.rng.randrange(3000)),
        "form": d.rng.choice(list(_FORMS)),
        "dates": d.rng.choice(list(_DATES)),
    }


def _written(day: date, form: str) -> str:
    """The date in a form of ``YYYY``, ``YY``, ``MM`` and ``DD``."""
    text = form.replace("YYYY", str(day.year)).replace("YY", f"{day.year % 100:02d}")
    return text.replace("MM", f"{day.month:02d}").replace("DD", f"{day.day:02d}")


def _parts(p: Params) -> dict[str, str]:
    day = _written(p.day("day"), p.say(*_DATES[p.text("dates")]))
    return {"FROM": p.text("sender"), "TO": p.text("reader"), "THING": p.text("thing"), "DATE": day}


def _line(p: Params) -> str:
    text, parts = p.say(*_FORMS[p.text("form")]), _parts(p)
    # Split first: a name might hold a word that another part is to replace.
    for part in parts:
        text = text.replace(part, f"\0{part}\0")
    return "".join(parts.get(piece, piece) for piece in text.split("\0"))


def _solve(p: Params) -> Solution:
    parts = _parts(p)
    steps = [
        p.say(
            f"From: {parts['FROM']}; to: {parts['TO']}; what: {parts['THING']}.",
            f"发件人{parts['FROM']}，收件人{parts['TO']}，事项{parts['THING']}。",
        ),
        p.say(f"The date becomes {parts['DATE']}.", f"日期写成{parts['DATE']}。"),
    ]
    return solved(_line(p), p, steps, "{answer}")


def _holds(p: Params) -> bool:
    if p.text("sender") == p.text("reader") or "\0" in p.text("thing") or p.day("day").year < 1000:
        return False
    return len(_line(p)) <= _LONGEST


FAMILY = Family(
    wordings={
        "en": (
            'Turn the scribble from {place} into a message of the form "{form:pick}" with the date as {dates:pick}.\n'
            "{sender:text} here: {reader:text} must bring {thing:text} for {event}, latest {day:iso}.",
            '{name} files only lines like "{form:pick}" (date: {dates:pick}). Rewrite the note about {event} '
            "accordingly.\n"
            "to: {reader:text}\nfrom: {sender:text}\nwhat: {thing:text}\nwhen: {day:iso}",
            'The {role} in {town} words everything as "{form:pick}". Put this entry of {doc} that way, dates in the '
            "form {dates:pick}.\n"
            "{day:date} / {reader:text} / {thing:text} / asked by {sender:text}",
            'A voice note says "it is {sender:text}, tell {reader:text} we need {thing:text} by {day:date}". For '
            '{place}, write it as "{form:pick}", date {dates:pick}.',
            'Make a proper line after the pattern "{form:pick}" out of what {sender:text} wants: {thing:text} from '
            "{reader:text} on {day:iso}, {purpose}. Dates look like {dates:pick}.",
            "On behalf of {name2} at {place}, give the jumbled memo this shape, with {dates:pick} for the date: "
            '"{form:pick}".\n'
            "{thing:text}, please! {reader:text} should see to it before {day:date}, says {sender:text} in {town}.",
        ),
        "zh": (
            "请把{place}的潦草字条改成“{form:pick}”式的消息，日期写作{dates:pick}。\n"
            "我是{sender:text}：{reader:text}得为{event}带来{thing:text}，最迟{day:iso}。",
            "{name}只收“{form:pick}”这样的行（日期：{dates:pick}）。请照此改写关于{event}的便条。\n"
            "收：{reader:text}\n发：{sender:text}\n事：{thing:text}\n时：{day:iso}",
            "{town}的{role}一律用“{form:pick}”的写法。请把{doc}的这一条照办，日期用{dates:pick}。\n"
            "{day:date}／{reader:text}／{thing:text}／{sender:text}提出",
            "语音留言说“我是{sender:text}，告诉{reader:text}，{day:date}前要{thing:text}”。请按“{form:pick}”替"
            "{place}写下，"
            "日期为{dates:pick}。",
            "{sender:text}为了{purpose}，要{reader:text}在{day:iso}交来{thing:text}。请照“{form:pick}”写"
            "成像样的一行，日期形如{dates:pick}。",
            "请代{place}的{name2}把杂乱的备忘整理成这个样子，其中日期用{dates:pick}：“{form:pick}”。\n"
            "{thing:text}，拜托了！{town}的{sender:text}说，{reader:text}要在{day:date}之前办好。",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"form": _FORMS, "dates": _DATES},
    rule=(
        "Find each field in the note, rewrite the date, and put all fields at their place in the form.",
        "先在便条里找出各字段，改写日期，再把字段放到格式中的位置。",
    ),
)
