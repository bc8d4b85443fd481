"""Extraction: find an e-mail address, a code, a price, a date or a time in a notice."""

from datetime import date, timedelta
from decimal import Decimal

from teachers.builtin.family import Family
from teachers.builtin.slots import KINDS
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_BOXES = ("orders", "desk", "hello", "office", "team", "post", "info", "booking", "help", "contact", "front", "staff")
_HOSTS = ("larkfield", "tidewater", "oakhurst", "bluegate", "redwharf", "fernhill", "stonebay", "millbrook", "sunpier")
_ASKS = {
    "email": ("the e-mail address", "电子邮箱"),
    "code": ("the reference code", "编号"),
    "price": ("the amount of money", "金额"),
    "day": ("the date", "日期"),
    "clock": ("the time of day", "钟点"),
    "email code": ("the e-mail address and the reference code", "电子邮箱和编号"),
    "day clock": ("the date and the time of day", "日期和钟点"),
    "code price": ("the reference code and the amount of money", "编号和金额"),
}
_KINDS = {"email": "text", "code": "text", "price": "money", "day": "date", "clock": "time"}


def _draw(d: Draw) -> dict[str, Value]:
    letters = "".join(d.rng.sample("ABCDEFGHJKLMNPQRSTUVWXYZ", 2))
    return {
        "email": f"{d.rng.choice(_BOXES)}{d.rng.randint(2, 99)}@{d.rng.choice(_HOSTS)}.example",
        "code": f"{letters}-{d.rng.randint(100, 9999)}",
        "price": Decimal(d.rng.randint(210, 48_000)) / 100,
        "day": date(2021, 1, 1) + timedelta(days=d.rng.randrange(2500)),
        "clock": d.rng.randint(28, 86) * 15,
        "ask": d.rng.choice(list(_ASKS)),
    }


def _holds(p: Params) -> bool:
    return " " not in p.text("email") + p.text("code") and p.text("email").count("@") == 1 and p.whole("clock") < 1440


def _solve(p: Params) -> Solution:
    asked = p.text("ask").split()
    shown = tuple(KINDS[_KINDS[name]].show(p[name], p.language) for name in asked)
    steps = [
        p.say(f"For {_ASKS[name][0]} the notice has: {text}", f"文中的{_ASKS[name][1]}是：{text}")
        for name, text in zip(asked, shown, strict=True)
    ]
    if len(shown) > 1:
        return solved(shown, p, steps, p.say("The notice gives: {answer}", "文中给出：{answer}"))
    return solved(shown[0], p, steps, p.say("It is {answer}", "是{answer}"))


FAMILY = Family(
    wordings={
        "en": (
            "Pick {ask:pick} out of the message that reached {place} shortly before {event}.\n"
            "Dear {name}, your {items} ({code:text}) cost {price:money} and leave {town} on {day:date} at "
            "{clock:time}. "
            "Questions go to {email:text}.",
            "{name} has to enter {ask:pick} in {doc} and nothing else. What does {name} copy from the notice below?\n"
            "{Event}, {day:date}: doors open at {clock:time}, admission is {price:money}. Book with {email:text} "
            "and quote "
            "{code:text}.",
            "Read what the {role} in {town} pinned up {purpose} and return only {ask:pick}.\n"
            "Lost at {place}: one {item}, tag {code:text}. Last seen on {day:date} around {clock:time}. Reward "
            "{price:money}; write to {email:text}.",
            "An assistant at {place} gets this memo about {event}. Extract {ask:pick} for {name2}.\n"
            "MEMO {code:text} / {day:date}, {clock:time} / budget for {measures}: {price:money} / replies: "
            "{email:text}",
            "Scan the reply that {name2} received while preparing {event} and report {ask:pick} word for word.\n"
            "Thank you for asking about {items}. We can send them from {town} by {clock:time} on {day:date}. The offer "
            "{code:text} stands at {price:money}, says {email:text}.",
            "State {ask:pick} as given in this line from {doc}: {email:text} asked on {day:date} at {clock:time} for "
            "{measures} under {code:text}, worth {price:money}.",
            'In the note "{code:text}, paid {price:money} to {email:text}, due {day:date}, {clock:time}", kept at '
            "{place} for {name}, what is {ask:pick}?",
        ),
        "zh": (
            "{event}前夕，{place}收到下面的来信，请从中摘出{ask:pick}。\n"
            "{name}您好：您订的{items}（{code:text}）共{price:money}元，{day:date}{clock:time}从{town}发出，"
            "有疑问请写信到{email:text}。",
            "{name}只需把{ask:pick}填进{doc}，别的都不要。他该从通知里抄什么？\n"
            "{event}通知：{day:date}{clock:time}开门，门票{price:money}元。预订请联系{email:text}并注明{code:text}。",
            "请读{town}那位{role}为了{purpose}贴出的启事，只回复{ask:pick}。\n"
            "{place}遗失{item}一件，吊牌{code:text}，最后见于{day:date}{clock:time}左右，酬金{price:money}元，"
            "来信请寄{email:text}。",
            "{place}的助理拿到一份关于{event}的备忘录，请替{name2}提取{ask:pick}。\n"
            "备忘{code:text}／{day:date}{clock:time}／按{measures}计的预算{price:money}元／回执：{email:text}",
            "{name2}筹备{event}时得到这封答复，请逐字报出{ask:pick}。\n"
            "感谢您询问{items}。货可于{day:date}{clock:time}前由{town}送到，报价单{code:text}金额{price:money}元，"
            "联系{email:text}。",
            "{doc}里有一行：{email:text}在{day:date}{clock:time}以{code:text}订了几{measures}，值{price:money}元。"
            "请写出其中的{ask:pick}。",
            "便条“{code:text}，已付{price:money}元给{email:text}，{day:date}{clock:time}到期”由{place}替{name}保"
            "管，上面的{ask:pick}是什么？",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"ask": _ASKS},
    rule=(
        "Look for the mark of the kind: an @ for an address, a month for a date, a colon for a time, two decimals for "
        "money, a hyphen for a code.",
        "按特征去找：邮箱有@，日期有年月日，钟点有冒号，金额有两位小数，编号有连字符。",
    ),
)
