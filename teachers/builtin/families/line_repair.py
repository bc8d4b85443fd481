"""Bug fixing: one line of a tiny Python function is wrong; give the corrected line."""

import re

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Solution, Value, solved

# F: the function, V: its argument, X: an element, R: the result, N: a number of the line that is right.
_PROGRAMS: dict[str, tuple[str, tuple[str, ...], dict[int, tuple[str, ...]]]] = {
    "total": ("the sum of a list|列表的总和", ("R = 0", "for X in V:", "    R += X", "return R"),
              {0: ("R = 1",), 2: ("    R = X", "    R -= X"), 3: ("return X", "return V")}),
    "product": ("the product of a list|列表各数之积", ("R = 1", "for X in V:", "    R *= X", "return R"),
                {0: ("R = 0",), 2: ("    R += X", "    R = X"), 3: ("return X",)}),
    "largest": ("the largest number of a list|列表的最大值", ("R = V[0]", "for X in V:", "    if X > R:", "        R = X", "return R"),
                {0: ("R = V",), 2: ("    if X < R:",), 3: ("        X = R",), 4: ("return X",)}),
    "smallest": ("the smallest number of a list|列表的最小值", ("R = V[0]", "for X in V:", "    if X < R:", "        R = X", "return R"),
                 {0: ("R = 0",), 2: ("    if X > R:",), 3: ("        X = R",), 4: ("return X",)}),
    "evens": ("how many even numbers a list has|列表中偶数的个数", ("R = 0", "for X in V:", "    if X % 2 == 0:", "        R += 1", "return R"),
              {0: ("R = 1",), 2: ("    if X % 2 == 1:", "    if X / 2 == 0:"), 3: ("        R += X",), 4: ("return V",)}),
    "over": ("the numbers of a list above ten|列表中大于10的数", ("R = []", "for X in V:", "    if X > 10:", "        R.append(X)", "return R"),
             {0: ("R = [10]",), 2: ("    if X < 10:", "    if X >= 10:"), 3: ("        R.append(10)",), 4: ("return X",)}),
    "squares": ("the squares of the numbers of a list|列表各数的平方", ("R = []", "for X in V:", "    R.append(X * X)", "return R"),
                {2: ("    R.append(X + X)", "    R.append(X * 2)", "    R = [X * X]"), 3: ("return X",)}),
    "reverse": ("a text spelt backwards|倒过来的文字", ('R = ""', "for X in V:", "    R = X + R", "return R"),
                {0: ('R = " "',), 2: ("    R = R + X", "    R = X"), 3: ("return V",)}),
    "vowels": ("the number of vowels in a text|文字中元音字母的个数", ("R = 0", "for X in V.lower():", '    if X in "aeiou":', "        R += 1", "return R"),
               {0: ("R = 5",), 1: ("for X in V.upper():",), 2: ('    if X not in "aeiou":',), 3: ("        R += 2",)}),
    "longest": ("the longest word of a text|文字中最长的词", ('R = ""', "for X in V.split():", "    if len(X) > len(R):", "        R = X", "return R"),
                {1: ("for X in V:",), 2: ("    if len(X) < len(R):", "    if X > R:"), 3: ("        X = R",), 4: ("return X",)}),
}  # fmt: skip
_FUNCTIONS = (
    "work",
    "compute",
    "check_list",
    "evaluate",
    "summary",
    "handle",
    "scan",
    "process",
    "find_it",
    "run_over",
)
_ARGUMENTS = ("values", "data", "entries", "records", "content", "source", "given", "items")
_ELEMENTS = ("value", "item", "one", "part", "entry", "current", "element", "piece")
_RESULTS = ("result", "answer", "output", "found", "outcome", "kept", "collected", "memo")
_HEAD = re.compile(r"def (\w+)\((\w+)\):")


def _draw(d: Draw) -> dict[str, Value]:
    goal = str(d.fixed("goal", d.rng.choice(list(_PROGRAMS))))
    _, lines, slips = _PROGRAMS[goal]
    at = d.rng.choice(list(slips))
    broken = [*lines[:at], d.rng.choice(slips[at]), *lines[at + 1 :]]
    function, argument, element, result = (d.rng.choice(pool) for pool in (_FUNCTIONS, _ARGUMENTS, _ELEMENTS, _RESULTS))
    body = [_named(line, argument, element, result) for line in broken]
    return {"code": "\n".join([f"def {function}({argument}):", *(f"    {line}" for line in body)]), "goal": goal}


def _named(line: str, argument: str, element: str, result: str) -> str:
    names = {"V": argument, "X": element, "R": result}
    return re.sub(r"\b[VXR]\b", lambda found: names[found[0]], line)


def _wrong(p: Params) -> list[tuple[str, str]]:
    """The lines that differ from the right program, each with the right one."""
    head, *body = p.text("code").split("\n")
    found = _HEAD.fullmatch(head)
    loop = re.search(r"for (\w+) in ", p.text("code"))
    first = re.match(r" *(\w+) = ", body[0]) if body else None
    _, lines, _ = _PROGRAMS[p.text("goal")]
    if found is None or loop is None or first is None or len(body) != len(lines):
        return []
    right = [f"    {_named(line, found[2], loop[1], first[1])}" for line in lines]
    return [(old, new) for old, new in zip(body, right, strict=True) if old != new]


def _solve(p: Params) -> Solution:
    ((old, new),) = _wrong(p)
    goal = p.say(*_PROGRAMS[p.text("goal")][0].split("|"))
    steps = [
        p.say(f"The function should return {goal}.", f"函数应返回{goal}。"),
        p.say(f"The line {old.strip()} does not do that.", f"这一行不对：{old.strip()}"),
        p.say(f"It must read {new.strip()}", f"应改为：{new.strip()}"),
    ]
    return solved(
        new.strip(), p, steps, p.say(f"Replace `{old.strip()}` with `{{answer}}`", f"把`{old.strip()}`改成`{{answer}}`")
    )


FAMILY = Family(
    wordings={
        "en": (
            "{name} wrote this function at {place} to return {goal:pick}, but one line is wrong. Give the "
            "corrected line.\n"
            "{code:block}",
            "The script behind {doc} ought to deliver {goal:pick} and fails before {event}. Which single line must be "
            "replaced, and by what?\n{code:block}",
            "Written by the {role} of {place} {purpose}: Python for {goal:pick}, with a slip. How must {name2} "
            "rewrite the "
            "slipped line?\n{code:block}",
            "{Event} in {town} relies on this snippet for {goal:pick}, says {doc}; it misbehaves. Supply the sound "
            "version of "
            "its bad line.\n{code:block}",
            "Repair the code of {name2} in {town}: it is meant to yield {goal:pick}. Answer with the fixed line only.\n"
            "{code:block}",
            '"My function for {goal:pick} goes wrong in one place", complains the {role} of {place}. Show how '
            "that line "
            "should read.\n{code:block}",
            "Review the Python which {name} needs {purpose}. Its job is to hand back {goal:pick}; exactly one line "
            "has a "
            "bug, so write that line properly.\n{code:block}",
            "During {event}, {name2} spots a mistake: instead of {goal:pick}, the routine for the {items} returns "
            "nonsense. "
            "Correct the faulty line.\n{code:block}",
        ),
        "zh": (
            "{name}在{place}写了这个函数，想返回{goal:pick}，可有一行错了。请给出改正后的那一行。\n{code:block}",
            "{doc}背后的脚本应得出{goal:pick}，却在{event}之前出错。哪一行要换，换成什么？\n{code:block}",
            "{place}的{role}为了{purpose}写下Python，要得到{goal:pick}，可惜有笔误。{name2}该怎样重写那一行？\n"
            "{code:block}",
            "{doc}说，{town}的{event}靠这段程序得到{goal:pick}，但它出了毛病。请补上坏行的正确写法。\n{code:block}",
            "请修好{town}的{name2}的代码：它本该求{goal:pick}。只需回答改好的一行。\n{code:block}",
            "“我求{goal:pick}的函数有一处不对。”{place}的{role}抱怨道。请写出那行应有的样子。\n{code:block}",
            "{name}为了{purpose}要用这段Python，任务是交回{goal:pick}。恰有一行有错，请把它写对。\n{code:block}",
            "{event}期间，{name2}发现处理{items}的程序没有返回{goal:pick}，结果荒唐。请改正出错的行。\n{code:block}",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=lambda p: len(_wrong(p)) == 1,
    picks={"goal": {key: (goal.split("|")[0], goal.split("|")[1]) for key, (goal, _, _) in _PROGRAMS.items()}},
    rule=(
        "Go through the lines in order and ask of each whether it does its part of the job.",
        "从上到下逐行检查，看每行是否完成了自己的那一份工作。",
    ),
    movable=False,
)
