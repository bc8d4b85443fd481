"""Shell pipelines by hand: what does a line of sort, uniq, head, tail, cut, grep or awk print for a small file?"""

from collections import Counter
from collections.abc import Callable, Mapping

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Rows, Solution, Value, show_result, solved

_NAMES = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "jetty", "kiosk", "lemon",
    "maple", "nacre", "ocean", "poppy", "quill", "river", "sable", "thyme", "umber", "viola", "wharf", "yacht",
)  # fmt: skip
_FILES = ("log.csv", "list.txt", "day.csv", "data.txt", "stock.csv", "notes.csv", "q3.csv", "raw.txt")


def _seen(rows: Rows, times: range) -> tuple[str, ...]:
    """The first fields that occur so many times, sorted."""
    return tuple(sorted(name for name, count in Counter(row[0] for row in rows).items() if count in times))


def _ranked(rows: Rows, way: int) -> tuple[str, ...]:
    """The first fields, by the number in the second."""
    return tuple(row[0] for row in sorted(rows, key=lambda row: way * int(row[1])))


# The file name stands for @.
_LINES: Mapping[str, Callable[[Rows], int | str | tuple[str, ...]]] = {
    "cut -d, -f1 @ | sort | head -n 1": lambda rows: min(row[0] for row in rows),
    "cut -d, -f1 @ | sort | tail -n 1": lambda rows: max(row[0] for row in rows),
    "cut -d, -f1 @ | sort -u | wc -l": lambda rows: len(_seen(rows, range(1, 99))),
    "cut -d, -f1 @ | sort | uniq -d": lambda rows: _seen(rows, range(2, 99)),
    "cut -d, -f1 @ | sort | uniq -u": lambda rows: _seen(rows, range(1, 2)),
    "cut -d, -f1 @ | sort -u": lambda rows: _seen(rows, range(1, 99)),
    "sort -t, -k2,2n @ | head -n 1 | cut -d, -f1": lambda rows: _ranked(rows, 1)[0],
    "sort -t, -k2,2nr @ | head -n 2 | cut -d, -f1": lambda rows: _ranked(rows, -1)[:2],
    "tail -n 1 @ | cut -d, -f2": lambda rows: int(rows[-1][1]),
    "head -n 2 @ | tail -n 1 | cut -d, -f2": lambda rows: int(rows[1][1]),
    "grep -c e @": lambda rows: sum("e" in row[0] for row in rows),
    "grep -v e @ | wc -l": lambda rows: sum("e" not in row[0] for row in rows),
    "awk -F, '{s += $2} END {print s}' @": lambda rows: sum(int(row[1]) for row in rows),
    "awk -F, '$2 > 50' @ | wc -l": lambda rows: sum(int(row[1]) > 50 for row in rows),
}
_COMMANDS = {line.replace("@", file): line for file in _FILES for line in _LINES}


def _draw(d: Draw) -> dict[str, Value]:
    kinds = d.rng.sample(_NAMES, d.rng.randint(3, 5))
    figures = d.rng.sample(range(3, 99), d.rng.randint(5, 7))
    rows: Rows = tuple((d.rng.choice(kinds), str(figure)) for figure in figures)
    return {"rows": rows, "command": d.rng.choice(list(_COMMANDS))}


def _value(p: Params) -> int | str | tuple[str, ...]:
    return _LINES[_COMMANDS[p.text("command")]](p.rows("rows"))


def _plain(p: Params) -> bool:
    return all(
        len(row) == 2 and row[0] in _NAMES and row[1].isdigit() and not row[1].startswith("0") for row in p.rows("rows")
    )


def _holds(p: Params) -> bool:
    # Without ties, and with something to print.
    return _plain(p) and len({row[1] for row in p.rows("rows")}) == len(p.rows("rows")) > 2 and _value(p) not in ((), 0)


def _solve(p: Params) -> Solution:
    value = _value(p)
    listed = show_result(tuple(f"{name} {figure}" for name, figure in p.rows("rows")), p.language)
    steps = [p.say(f"The lines hold {listed}.", f"各行是：{listed}。")]
    parts = p.text("command").split(" | ")
    steps += [p.say(f"Stage {at}: {part}", f"第{at}步：{part}") for at, part in enumerate(parts, 1)]
    shown = show_result(value, p.language)
    steps.append(p.say(f"What remains is {shown}.", f"最后留下{shown}。"))
    if isinstance(value, tuple):
        return solved(value, p, steps, p.say("It prints, line by line: {answer}.", "逐行打印：{answer}。"))
    return solved(value, p, steps, p.say("It prints {answer}.", "打印{answer}。"))


FAMILY = Family(
    wordings={
        "en": (
            "{name} types `{command:text}` at {place}; the file is given below. What appears on the terminal?\n"
            "{rows:csv}",
            "Work out by hand what `{command:text}` prints, so that {name2} need not open a shell during {event}.\n"
            "{rows:csv}",
            "A script of the {role} in {town} contains `{command:text}`. With this file as its input, which output "
            "does "
            "it leave in {doc}?\n{rows:csv}",
            "Explain the output of the pipeline `{command:text}`, which {name} runs {purpose}.\nContent of the file:\n"
            "{rows:csv}",
            "Without a computer, tell {name2} of {place} the result of `{command:text}` for the lines kept about "
            "{items}.\n"
            "{rows:csv}",
            "For {event} in {town}, the night job calls `{command:text}`. State what it writes.\nFile:\n{rows:csv}",
        ),
        "zh": (
            "{name}在{place}敲入`{command:text}`，文件内容如下。终端会显示什么？\n{rows:csv}",
            "{event}期间{name2}不便开终端，请手工推出`{command:text}`打印的内容。\n{rows:csv}",
            "{town}那位{role}的脚本里有`{command:text}`。以这个文件作输入，它会给{doc}留下什么输出？\n{rows:csv}",
            "{name}为了{purpose}执行管道`{command:text}`，请说明输出。\n文件内容：\n{rows:csv}",
            "请不用电脑，告诉{place}的{name2}：对记录{items}的这些行，`{command:text}`的结果是什么？\n{rows:csv}",
            "{town}的{event}有个夜间任务，会调用`{command:text}`。请写出它的输出。\n文件：\n{rows:csv}",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    rule=(
        "Take the stages from left to right; each one sees only the lines that the one before it printed.",
        "从左到右逐段处理，每一段只看前一段打印出的行。",
    ),
    movable=False,
)
