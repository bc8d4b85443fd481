"""Unit conversion with exact factors: one quantity in the text, or a list of them as input."""

from decimal import Decimal

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_PAIRS: dict[str, tuple[Decimal, tuple[str, str], tuple[str, str]]] = {
    "inch": (Decimal("2.54"), ("inches", "centimetres"), ("英寸", "厘米")),
    "foot": (Decimal("30.48"), ("feet", "centimetres"), ("英尺", "厘米")),
    "mile": (Decimal("1.609344"), ("miles", "kilometres"), ("英里", "公里")),
    "jin": (Decimal("0.5"), ("jin", "kilograms"), ("斤", "千克")),
    "mu": (Decimal("15"), ("hectares", "mu"), ("公顷", "亩")),
    "gram": (Decimal("0.001"), ("grams", "kilograms"), ("克", "千克")),
    "tonne": (Decimal("1000"), ("tonnes", "kilograms"), ("吨", "千克")),
    "litre": (Decimal("1000"), ("litres", "millilitres"), ("升", "毫升")),
    "hour": (Decimal("60"), ("hours", "minutes"), ("小时", "分钟")),
    "day": (Decimal("24"), ("days", "hours"), ("天", "小时")),
    "dozen": (Decimal("12"), ("dozen", "pieces"), ("打", "个")),
    "knot": (Decimal("1.852"), ("knots", "kilometres per hour"), ("节", "公里每小时")),
    "pound": (Decimal("0.45359237"), ("pounds", "kilograms"), ("磅", "千克")),
}


def _draw(d: Draw) -> dict[str, Value]:
    amounts = d.rng.sample(range(2, 400), d.rng.randint(3, 6))
    return {"amount": d.rng.randint(2, 640), "amounts": tuple(amounts), "pair": d.rng.choice(list(_PAIRS))}


def _solve(p: Params) -> Solution:
    factor, en, zh = _PAIRS[p.text("pair")]
    old, new = (p.say(en[at], zh[at]) for at in (0, 1))
    shown = show_result(factor, p.language)
    steps = [p.say(f"One unit of {old} is {shown} {new}.", f"1{old} = {shown}{new}。")]
    if "amount" in p:
        result = p.number("amount") * factor
        text = show_result(result, p.language)
        steps.append(f"{p.whole('amount')} × {shown} = {text}")
        value: Decimal | int | tuple[str, ...] = int(result) if result == int(result) else Decimal(text)
        said = p.say(
            f"{p.whole('amount')} {old} are {{answer}} {new}.", f"{p.whole('amount')}{old}等于{{answer}}{new}。"
        )
        return solved(value, p, steps, said)
    results = [show_result(amount * factor, p.language) for amount in p.wholes("amounts")]
    steps += [f"{amount} × {shown} = {text}" for amount, text in zip(p.wholes("amounts"), results, strict=True)]
    return solved(tuple(results), p, steps, p.say(f"In {new}: {{answer}}.", f"换算成{new}：{{answer}}。"))


FAMILY = Family(
    wordings={
        "en": (
            "{name} measures {amount:int} for the {items} of {place}, but {doc} wants another unit: change it "
            "{pair:pick}.",
            "For {event}, {name2} in {town} needs {amount:int} converted {pair:pick}; which figure goes on the sign?",
            "A delivery to {place} is marked with the number {amount:int}. Convert it {pair:pick} so that the "
            "{role} can enter it.",
            "Take the quantity {amount:int} from {doc} and express it {pair:pick}, as {name} has to finish the "
            "plan before {event}.",
            "Convert each quantity in the list {pair:pick}; {name} copied it from {doc} at {place}.\n{amounts:ints}",
            "{name2} prepares {event} in {town} and has noted several amounts. Rewrite all of them {pair:pick}, "
            "in the same order.\n"
            "Amounts: {amounts:ints}",
            "The {items} of {place} were measured one by one. Turn the readings {pair:pick} and keep their sequence.\n"
            "Readings from {doc}: {amounts:ints}",
        ),
        "zh": (
            "{name}为{place}的{items}量出{amount:int}，可{doc}要用别的单位：请{pair:pick}。",
            "为了{event}，{town}的{name2}要把{amount:int}这个数{pair:pick}，牌子上该写多少？",
            "送到{place}的货上标着{amount:int}。请把它{pair:pick}，好让{role}登记。",
            "从{doc}里取出数量{amount:int}，{pair:pick}，{name}要在{event}前填好计划。",
            "把列表中的每个数量{pair:pick}，这是{name}在{place}从{doc}抄来的。\n{amounts:ints}",
            "{name2}在{town}筹备{event}，记下了几个数。请按原来的顺序全部{pair:pick}。\n数量：{amounts:ints}",
            "{place}的{items}逐一测量过了。请把读数{pair:pick}，次序不变。\n{doc}中的读数：{amounts:ints}",
        ),
    },
    draw=_draw,
    solve=_solve,
    picks={
        "pair": {key: (f"from {en[0]} to {en[1]}", f"由{zh[0]}换算成{zh[1]}") for key, (_, en, zh) in _PAIRS.items()}
    },
    vary={"amount": ("the quantity", "这个数量")},
    rule=(
        "To convert, multiply the quantity by the number of new units that one old unit holds.",
        "换算时，用数量乘以一个旧单位所含的新单位数。",
    ),
)
