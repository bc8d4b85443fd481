"""Code tracing: what does a short Python program print? The trace is run here by hand, never with ``exec``."""

from teachers.builtin.family import Family, Wording, wording
from teachers.builtin.task import Draw, Language, Params, Solution, Value, solved

_PROGRAMS = {
    "sum": "total = {start:int}\nfor step in range({count:int}):\n    total += step * {factor:int}\nprint(total)",
    "skip": "total = {start:int}\nfor step in range(1, {count:int} + 1):\n    if step % {factor:int} == 0:\n"
    "        continue\n    total += step\nprint(total)",
    "fold": "value = {start:int}\nfor _ in range({count:int}):\n    value = (value * {factor:int} + 1) % 100\n"
    "print(value)",
    "while": "value, rounds = {start:int}, 0\nwhile value < {count:int} * 100:\n    value += {factor:int} * 10\n"
    "    rounds += 1\nprint(rounds)",
    "flip": "value = {start:int}\nfor step in range({count:int}):\n    value = value + {factor:int} if step % 2 else "
    "value - step\nprint(value)",
}  # fmt: skip
_ASKS: dict[Language, tuple[str, ...]] = {
    "en": (
        "What does the Python program print that {name} wrote at {place} {purpose}?",
        "Trace the snippet which {name2} found in {doc} and state its output; {event} depends on it.",
        "{name}, {a_role} in {town}, cannot run Python right now. Work out by hand what this script shows on the "
        "screen.",
        "Predict the printed value of this code from {place}: {name2} uses it for {items} before {event}.",
        "Without running it, tell the {role} of {place} which number the loop below leaves on the last line.",
    ),
    "zh": (
        "{name}在{place}为了{purpose}写了段Python程序，它会打印什么？",
        "请跟踪{name2}在{doc}里找到的代码，说出输出，{event}要靠它。",
        "{town}的{role}{name}现在没法运行Python。请手工推算这段脚本在屏幕上显示什么。",
        "预测这段出自{place}的代码打印的值：{name2}在{event}前用它管理{items}。",
        "不要运行，请告诉{place}的{role}，下面的循环最后输出哪个数。",
    ),
}


def _wordings(language: Language) -> tuple[Wording, ...]:
    """Every question goes with two of the programs."""
    programs = list(_PROGRAMS.items())
    pairs = [
        (ask, programs[(at + shift) % len(programs)]) for at, ask in enumerate(_ASKS[language]) for shift in (0, 2)
    ]
    return tuple(wording(ask, code, program=name) for ask, (name, code) in pairs)


def _draw(d: Draw) -> dict[str, Value]:
    return {"start": d.rng.randint(1, 60), "count": d.rng.randint(3, 9), "factor": d.rng.randint(2, 9)}


def _turns(program: str, start: int, count: int, factor: int) -> list[int]:
    """The running value, after the start and after each turn of the loop; of ``while`` the value as well."""
    values = [start]
    if program == "while":
        while values[-1] < count * 100:
            values.append(values[-1] + factor * 10)
        return values
    for step in range(count):
        value = values[-1]
        values.append(
            {
                "sum": value + step * factor,
                "skip": value if (step + 1) % factor == 0 else value + step + 1,
                "fold": (value * factor + 1) % 100,
                "flip": value + factor if step % 2 else value - step,
            }[program]
        )
    return values


def _solve(p: Params) -> Solution:
    program = p.text("program")
    values = _turns(program, p.whole("start"), p.whole("count"), p.whole("factor"))
    listed = " → ".join(str(value) for value in values)
    steps = [p.say(f"The running value goes {listed}.", f"变量的值依次为{listed}。")]
    result = values[-1]
    if program == "while":
        result = len(values) - 1
        steps.append(p.say(f"The loop has turned {result} times.", f"循环执行了{result}次。"))
    return solved(result, p, steps, p.say("The program prints {answer}.", "程序打印{answer}。"))


FAMILY = Family(
    wordings={"en": _wordings("en"), "zh": _wordings("zh")},
    draw=_draw,
    solve=_solve,
    rule=(
        "Keep a table of the variables and update it once per turn of the loop.",
        "列出变量表，循环每走一圈就更新一次。",
    ),
    movable=False,
)
