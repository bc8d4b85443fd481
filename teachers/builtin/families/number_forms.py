"""Number forms: binary, octal, hexadecimal and Roman numerals, each way."""

from teachers.builtin.family import Family, wording
from teachers.builtin.numbers import roman
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_BASES = {
    "2": ("binary", "二进制"),
    "8": ("octal", "八进制"),
    "16": ("hexadecimal", "十六进制"),
    "5": ("base-five", "五进制"),
    "3": ("ternary", "三进制"),
}
_DIGITS = "0123456789ABCDEF"
_LETTERS = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}


def _in_base(number: int, base: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, base)
        text = _DIGITS[digit] + text
    return text or "0"


def _draw(d: Draw) -> dict[str, Value]:
    number, base = d.rng.randint(12, 2900), str(d.given.get("base", d.rng.choice(list(_BASES))))
    return {
        "n": number,
        "base": base,
        "code": _in_base(number, int(base)),
        "roman": roman(number),
        "years": tuple(roman(d.rng.randint(12, 2900)) for _ in range(d.rng.randint(3, 5))),
    }


def _from_roman(text: str) -> int:
    sizes = [_LETTERS[letter] for letter in text]
    return sum(-size if size < max(sizes[at:]) else size for at, size in enumerate(sizes))


def _is_roman(text: str) -> bool:
    return bool(text) and set(text) <= set(_LETTERS) and roman(_from_roman(text)) == text


def _holds(p: Params) -> bool:
    if "n" in p:
        return 0 < p.whole("n") < (4000 if p.text("kind") == "to_roman" else 10**9)
    if "code" in p:
        return p.text("code") == _in_base(int(p.text("code"), int(p.text("base"))), int(p.text("base")))
    return all(_is_roman(text) for text in (p.texts("years") if "years" in p else (p.text("roman"),)))


def _to(p: Params) -> Solution:
    rest, base, steps = p.whole("n"), int(p.text("base")), list[str]()
    while rest:
        steps.append(
            p.say(
                f"{rest} / {base} = {rest // base}, remainder {_DIGITS[rest % base]}",
                f"{rest} / {base} = {rest // base}，余{_DIGITS[rest % base]}",
            )
        )
        rest //= base
    said = p.say(
        f"In base {base}, {p.whole('n')} is written {{answer}}.", f"{p.whole('n')}写成{base}进制是{{answer}}。"
    )
    return solved(_in_base(p.whole("n"), base), p, steps, said)


def _from(p: Params) -> Solution:
    code, base = p.text("code"), int(p.text("base"))
    places = [(_DIGITS.index(digit), base**at) for at, digit in zip(range(len(code) - 1, -1, -1), code, strict=True)]
    steps = [f"{' + '.join(f'{digit} × {place}' for digit, place in places)} = {int(code, base)}"]
    return solved(int(code, base), p, steps, p.say("In decimal notation it is {answer}.", "写成十进制是{answer}。"))


def _to_roman(p: Params) -> Solution:
    rest, steps = p.whole("n"), list[str]()
    for place in (1000, 100, 10, 1):
        part = rest // place * place
        if part:
            steps.append(f"{part} = {roman(part)}")
        rest -= part
    return solved(roman(p.whole("n")), p, steps, p.say("In Roman numerals it is {answer}.", "写成罗马数字是{answer}。"))


def _read(p: Params) -> Solution:
    texts = p.texts("years") if "years" in p else (p.text("roman"),)
    values = tuple(_from_roman(text) for text in texts)
    steps = [f"{text} = {value}" for text, value in zip(texts, values, strict=True)]
    if p.text("kind") == "gap":
        low, high = min(values), max(values)
        steps.append(f"{high} - {low} = {high - low}")
        return solved(high - low, p, steps, p.say("They lie {answer} apart.", "相差{answer}。"))
    steps.insert(
        0,
        p.say(
            "A letter in front of a larger one is subtracted, all others are added.",
            "小字母在大字母之前要减，其余相加。",
        ),
    )
    return solved(values[0], p, steps, p.say("It stands for {answer}.", "它表示{answer}。"))


def _solve(p: Params) -> Solution:
    kind = p.text("kind")
    return {"to": _to, "from": _from, "to_roman": _to_roman}.get(kind, _read)(p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "A counter at {place} shows only {base:pick} digits. What appears once {name} has scanned {n:int} "
                "{items} for {event}?",
                kind="to",
            ),
            wording(
                "Convert {n:int}, the {role}'s stock number in {doc}, to {base:pick} notation so that {name2} in "
                "{town} can punch it in.",
                kind="to",
            ),
            wording(
                'The label on the {items} says "{code:text}", which is a {base:pick} number. {name} needs the '
                "usual decimal value {purpose}; which is it?",
                kind="from",
            ),
            wording(
                "Decode the {base:pick} entry that {name2} typed into the panel of {place} before {event}, and "
                "answer in decimal.",
                "Code: {code:text}",
                kind="from",
            ),
            wording(
                "{Place} in {town} carves the number {n:int} above its door for {event}. Write it in Roman numerals "
                "for {name}.",
                kind="to_roman",
            ),
            wording(
                "On an old chest in {town}, {name2} deciphers the mark {roman:text}. Tell the {role} which number "
                "that is, {purpose}.",
                kind="read",
            ),
            wording(
                "How far apart are the largest and the smallest of these Roman numerals, copied from {doc} by {name} "
                "for {event}?",
                "{years:list}",
                kind="gap",
            ),
        ),
        "zh": (
            wording(
                "{place}的计数器只显示{base:pick}数字。{name}为{event}扫完{n:int}份{items}后，屏幕上是什么？", kind="to"
            ),
            wording("{doc}里{role}的货号是{n:int}，请换成{base:pick}，好让{town}的{name2}输入。", kind="to"),
            wording(
                "{items}的标签写着“{code:text}”，这是{base:pick}数。{name}为了{purpose}要知道平常的十进制值，是多少？",
                kind="from",
            ),
            wording(
                "{name2}在{event}前往{place}的面板上键入了{base:pick}代码，请译成十进制。",
                "代码：{code:text}",
                kind="from",
            ),
            wording("{town}的{place}要为{event}在门楣刻上{n:int}，请替{name}写成罗马数字。", kind="to_roman"),
            wording(
                "{name2}在{town}的旧箱子上认出记号{roman:text}，请告诉{role}它代表几，以便{purpose}。", kind="read"
            ),
            wording("这些罗马数字是{name}为{event}从{doc}抄来的，最大与最小的相差多少？", "{years:list}", kind="gap"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"base": _BASES},
    vary={"n": ("the number to be written", "要写的数")},
    rule=(
        "In a positional system every digit counts its place value; Roman letters add up, except a smaller "
        "one before a larger.",
        "进位制中每个数字乘以它的位值；罗马字母依次相加，小的在大的前面则要减。",
    ),
)
