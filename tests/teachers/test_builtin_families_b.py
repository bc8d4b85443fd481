"""The answers of the list, text, logic and code families against another way of computing them."""

import calendar
import csv
import io
import json
import math
import re
import sqlite3
import statistics
import subprocess
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from graphlib import TopologicalSorter
from itertools import groupby, permutations
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import LCSseq

from teachers.builtin.catalog import families
from teachers.builtin.compose import compose, read, solve, write
from teachers.builtin.evolve import evolve
from teachers.builtin.scenes import scenes
from teachers.builtin.task import Language, Params, Result, Solution, Task, Value

LANGUAGES: tuple[Language, ...] = ("en", "zh")
OPERATIONS = ("add_constraints", "deepen", "concretize", "increase_reasoning", "complicate_input")
Case = tuple[Params, str, str, Solution]
Check = Callable[[Params, str, str, Solution], object]


def sheet(text: str) -> list[dict[str, str]]:
    """The records of a Markdown table, a CSV or a JSON list."""
    if text.startswith("[{"):
        return [dict(record) for record in json.loads(text)]
    if text.startswith("| "):
        rows = [line.strip("|").split("|") for line in text.splitlines()]
        head = [cell.strip() for cell in rows[0]]
        return [dict(zip(head, (cell.strip() for cell in row), strict=True)) for row in rows[2:]]
    return list(csv.DictReader(io.StringIO(text)))


def overlap(p: Params, instruction: str, input: str, solution: Solution) -> object:
    first, second = set(p.texts("first")), set(p.texts("second"))
    text = instruction + input
    ways = {
        "on both|同时在两": first & second, "only on the first|只在第一": first - second,
        "only on the second|只在第二": second - first, "on exactly one|恰好只在": first ^ second,
    }  # fmt: skip
    (found,) = (names for way, names in ways.items() if re.search(way, text))
    if isinstance(solution.value, tuple):
        assert len(solution.value) == len(found)
        return solution.value if set(solution.value) == found else found
    return len(found)


def edit(p: Params, instruction: str, input: str, solution: Solution) -> object:
    label, way = list(p.text("label")), p.text("way")
    assert (input or p.text("label")) in (instruction + input)
    if way == "back":
        label.reverse()
        return "".join(label)
    if way == "count":
        return len(p.text("label").split(p.text("letter"))) - 1
    if way == "length":
        return len(re.findall(r"[^\W\d_]", p.text("label")))
    if way in ("strike", "swap"):
        return re.sub(re.escape(p.text("letter")), p.text("new") if way == "swap" else "", p.text("label"))
    if way == "odd":
        squeezed = re.sub(r"\s", "", p.text("label"))
        return "".join(squeezed[at] for at in range(0, len(squeezed), 2))
    if p.language == "zh":
        return f"{label[0]}{label[-1]}"
    return "".join(re.findall(r"(?:^| )(\S)", p.text("label"))).upper()


def extract(p: Params, instruction: str, input: str, solution: Solution) -> object:
    text = input or instruction
    forms = {
        "email": r"[a-z]+\d+@[a-z]+\.example", "code": r"[A-Z]{2}-\d{3,4}", "price": r"(?<![\d.])\d+\.\d\d(?!\d)",
        "day": r"\d{4}年\d+月\d+日|\d{1,2} [A-Z][a-z]+ \d{4}", "clock": r"\d\d:\d\d",
    }  # fmt: skip
    found = []
    for name in p.text("ask").split():
        hits = re.findall(forms[name], text)
        assert len(hits) == 1, (name, hits, text)
        found.append(hits[0])
    return found[0] if len(found) == 1 else tuple(found)


def convert(p: Params, instruction: str, input: str, solution: Solution) -> object:
    if input.startswith(("[{", "| ")) or (input and "," in input.splitlines()[0] and ": " not in input):
        (fields,) = sheet(input)
    else:
        fields = dict(re.split(": |：", line) for line in input.splitlines()) or {
            row[0]: row[1] for row in p.rows("record")
        }
    line, goal = solution.answer, p.text("goal")
    if goal == "json":
        assert json.loads(line) == fields
        assert list(json.loads(line)) == list(fields)
    elif goal == "csv":
        assert next(csv.reader([line])) == list(fields.values())
    elif goal == "xml":
        assert dict(ElementTree.fromstring(line).attrib) == fields
    else:
        assert dict(part.split("=") for part in line.split("; ")) == fields
    return solution.value


def order(p: Params, instruction: str, input: str, solution: Solution) -> object:
    graph: TopologicalSorter[str] = TopologicalSorter()
    for clue in re.split("; |；", p.text("clues")):
        assert clue in instruction + input
        found = re.fullmatch(
            r"(\S+) is (\w+) than (\S+)|(.+?)比(.+?)(高|矮|年长|年轻|快|慢|大声|小声|早|晚|富|穷|强|弱)", clue
        )
        assert found is not None
        one, other, way = (found[1], found[3], found[2]) if found[1] else (found[4], found[5], found[6])
        low = way in [
            "shorter",
            "younger",
            "slower",
            "quieter",
            "later",
            "poorer",
            "weaker",
            "矮",
            "年轻",
            "慢",
            "小声",
            "晚",
            "穷",
            "弱",
        ]
        graph.add(one, other) if low else graph.add(other, one)
    line = tuple(graph.static_order())
    place = {"1": 0, "2": 1, "3": 2, "0": -1}
    return line[place[p.text("at")]] if "at" in p else line


def truth(p: Params, instruction: str, input: str, solution: Solution) -> object:
    said = p.rows("said")
    people = [row[0] for row in said]
    numbers = {"one": 1, "two": 2, "three": 3, "four": 4, "一": 1, "两": 2, "三": 3, "四": 4}
    fits = []
    for size in range(1 << len(people)):
        honest = {name for at, name in enumerate(people) if size >> at & 1}
        ok = True
        for speaker, claim in said:
            named = [name in honest for name in people if re.search(rf"(^|and |和){name}($| |和|是|不)", claim)]
            if re.search("number of|有.个", claim):
                told = len(honest) == numbers[re.findall(r"[a-z]+$|.(?=个$)", claim)[0]]
            elif re.search("not of one|不同类", claim):
                told = named[0] != named[1]
            elif re.search("of one kind|同类人", claim):
                told = named[0] == named[1]
            else:
                told = named[0] != bool(re.search("liar|骗子", claim))
            ok &= told == (speaker in honest)
        if ok:
            fits.append(honest)
    (honest,) = fits
    wanted = tuple(name for name in people if (name in honest) == (p.text("ask") == "honest"))
    return len(wanted) if p.text("ask") == "number" else wanted


def schedule(p: Params, instruction: str, input: str, solution: Solution) -> object:
    jobs: dict[str, tuple[int, set[str]]] = {}
    for row in p.rows("sheet")[1:] if "sheet" in p else p.rows("plan"):
        told = row[1] if len(row) == 2 else f"{row[1]} min after {row[2]}"
        needs = re.search(r"after (.+)|在(.+)之后", told)
        after = set(re.split(" and |和", needs[1] or needs[2])) if needs else set()
        jobs[row[0]] = (int(re.findall(r"\d+", told)[0]), after - {"-"})
    if p.text("ask") == "order":
        return next(
            line for line in sorted(permutations(jobs), key=lambda line: [list(jobs).index(name) for name in line])
            if all(jobs[name][1] <= set(line[:at]) for at, name in enumerate(line))
        )  # fmt: skip
    # Minute by minute.
    left, now = {name: minutes for name, (minutes, _) in jobs.items()}, 0
    while any(left.values()):
        done = {name for name, minutes in left.items() if not minutes}
        for name, minutes in left.items():
            left[name] = minutes - (minutes > 0 and jobs[name][1] <= done)
        now += 1
    if p.text("ask") == "span":
        return now
    end = p.whole("start") + now
    return f"{end // 60:02}:{end % 60:02}"


def tally(p: Params, instruction: str, input: str, solution: Solution) -> object:
    entries = input.replace("、", ", ").split(", ") if input else list(p.texts("entries"))
    groups = {name: len(list(group)) for name, group in groupby(sorted(entries))}
    match p.text("ask"):
        case "target":
            return groups[p.text("target")]
        case "kinds":
            return len(groups)
        case "once":
            return tuple(name for name in dict.fromkeys(entries) if groups[name] == 1)
    return sorted(groups, key=lambda name: -groups[name])[0]


def shown_labels(family: str, key: str, p: Params) -> list[str]:
    text = families()[family].picks[key][p.text(key)][p.language == "zh"]
    return re.split(", | or |、|或", re.split(r" \(|（", text)[0])


def ticket(p: Params, instruction: str, input: str, solution: Solution) -> object:
    numbers = set(re.findall(r"\d+", instruction + input))
    assert numbers == {str(p.whole(name)) for name in ("many", "long", "count", "wait")}
    blocked = re.search("work blocked|已停工", instruction + input)
    labels = shown_labels("ticket_priority", "labels", p)
    return labels[0 if blocked or p.whole("count") > p.whole("many") else 2 - (p.whole("wait") > p.whole("long"))]


def dated(p: Params, instruction: str, input: str, solution: Solution) -> object:
    day, labels = p.day("day"), shown_labels("date_label", "scheme", p)
    name = calendar.day_name[calendar.weekday(day.year, day.month, day.day)]
    season = {"spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11), "winter": (12, 1, 2)}
    at = {
        "season": [day.month in months for months in season.values()].index(True),
        "quarter": [range(1, 4), range(4, 7), range(7, 10), range(10, 13)].index(
            next(r for r in (range(1, 4), range(4, 7), range(7, 10), range(10, 13)) if day.month in r)
        ),
        "week": int(name.startswith("S")),
        "third": (day.day > 10) + (day.day > 20),
        "half": int(date(day.year, 7, 1) <= day),
        "even": int(str(day.day)[-1] in "13579"),
    }
    return labels[at[p.text("scheme")]]


def passing(p: Params, instruction: str, input: str, solution: Solution) -> object:
    marks = [int(part) for part in re.findall(r"\d+", input)] if input else list(p.wholes("marks"))
    good = statistics.mean(map(Fraction, marks)) >= p.whole("mark") and not any(m < p.whole("floor") for m in marks)
    return shown_labels("pass_check", "labels", p)[not good]


def grouped(p: Params, instruction: str, input: str, solution: Solution) -> object:
    records = [tuple(record.values()) for record in sheet(input)]
    groups: dict[str, list[int]] = {}
    for owner, _, amount in records:
        groups[owner] = [*groups.get(owner, []), int(amount)]
    if "end" in p:
        ranked = sorted(groups, key=lambda owner: sum(groups[owner]))
        return ranked[-1] if p.text("end") == "top" else ranked[0]
    amounts = groups[p.text("group")]
    how: dict[str, Callable[[list[int]], float]] = {
        "sum": sum, "mean": statistics.fmean, "max": max, "min": min, "rows": len
    }  # fmt: skip
    assert float(solution.answer) == pytest.approx(how[p.text("how")](amounts))
    return solution.value


def rewrite(p: Params, instruction: str, input: str, solution: Solution) -> object:
    entries, rule = list(p.texts("entries")), p.text("rule")
    plurals = {scene.item: scene.items for scene in scenes("en")}
    short = [entry for size in range(99) for entry in entries if len(entry) == size]
    each: dict[str, Callable[[str], str]] = {
        "upper": str.upper, "hyphen": lambda e: "-".join(e.split()), "quote": lambda e: "[" + e + "]",
        "title": lambda e: re.sub(r"(^| )(\w)", lambda m: m[0].upper(), e), "plural": lambda e: plurals[e],
    }  # fmt: skip
    if rule in each:
        return tuple(each[rule](entry) for entry in entries)
    return tuple({
        "dedupe": [e for at, e in enumerate(entries) if entries.index(e) == at], "short": short,
        "back": list(reversed(entries)), "number": [f"{entries.index(e) + 1}. {e}" for e in entries],
        "alternate": [e for at, e in enumerate(entries) if at % 2 == 0],
        "rotate": [entries[at - len(entries) + 1] for at in range(len(entries))],
    }[rule])  # fmt: skip


def formal(p: Params, instruction: str, input: str, solution: Solution) -> object:
    form = families()["formal_note"].picks["form"][p.text("form")][p.language == "zh"]
    how = families()["formal_note"].picks["dates"][p.text("dates")][p.language == "zh"]
    assert form in instruction
    spec = {
        "DD.MM.YYYY": "%d.%m.%Y",
        "YYYY/MM/DD": "%Y/%m/%d",
        "DDMMYY": "%d%m%y",
        "YYMMDD": "%y%m%d",
        "MM-DD": "%m-%d",
    }
    values = [p.day("day").strftime(spec[how]), p.text("sender"), p.text("reader"), p.text("thing")]
    parts = dict(zip(("DATE", "FROM", "TO", "THING"), values, strict=True))
    return re.sub("DATE|FROM|THING|TO", lambda found: parts[found[0]], form)


VOWELS = "aeiouAEIOU"
NUMBERS = ([3, 10, 4, 12, 7], [8, 2, 5, 30], [11, 9, 4, 4, 6, 1], [2, 13])
TEXTS = ("over the green hill", "tiny ant Island zoo", "a cab bade me")
GOALS: dict[str, tuple[Callable[[Any], object], tuple[Any, ...]]] = {
    "total": (sum, NUMBERS), "product": (math.prod, NUMBERS), "largest": (max, NUMBERS),
    "smallest": (min, NUMBERS), "evens": (lambda v: len([n for n in v if n & 1 == 0]), NUMBERS),
    "over": (lambda v: list(filter(lambda n: n > 10, v)), NUMBERS), "squares": (lambda v: [n**2 for n in v], NUMBERS),
    "reverse": (lambda t: t[::-1], TEXTS), "vowels": (lambda t: sum(t.count(c) for c in VOWELS), TEXTS),
    "longest": (lambda t: max(t.split(), key=len), TEXTS),
}  # fmt: skip


def outputs(code: str, data: tuple[Any, ...]) -> Iterator[object]:
    room: dict[str, Any] = {}
    exec(code, room)
    function = next(thing for name, thing in room.items() if not name.startswith("__"))
    for one in data:
        try:
            yield function(one)
        except Exception as error:
            yield error


def repair(p: Params, instruction: str, input: str, solution: Solution) -> object:
    right, data = GOALS[p.text("goal")]
    old = re.findall("`(.+?)`", solution.response)[0]
    expected = [right(one) for one in data]
    assert list(outputs(input, data)) != expected
    lines = input.split("\n")
    repaired = [
        "\n".join([*lines[:at], line.replace(old, solution.answer), *lines[at + 1 :]])
        for at, line in enumerate(lines) if line.strip() == old
    ]  # fmt: skip
    assert any(list(outputs(code, data)) == expected for code in repaired), input
    return solution.value


def queried(p: Params, instruction: str, input: str, solution: Solution) -> object:
    records = sheet(input)
    found = re.search(
        r"SELECT .+? FROM stock(?: WHERE \w+ [<>=]+ \d+)?(?: ORDER BY \w+(?: DESC)?)?(?: LIMIT 1)?", instruction
    )
    assert found is not None
    head = list(records[0])
    with sqlite3.connect(":memory:") as base:
        base.execute(f"CREATE TABLE stock ({head[0]} TEXT, {head[1]} INTEGER, {head[2]} INTEGER)")
        base.executemany("INSERT INTO stock VALUES (?, ?, ?)", [tuple(record.values()) for record in records])
        rows = base.execute(found[0]).fetchall()
    return tuple(row[0] for row in rows) if isinstance(solution.value, tuple) else rows[0][0]


def shelled(p: Params, instruction: str, input: str, solution: Solution) -> object:
    found = re.search("`(.+)`", instruction)
    assert found is not None
    name = re.findall(r"\b\w+\.(?:csv|txt)\b", found[1])[0]
    content = "\n".join(line for line in input.split("\n") if "," in line)
    done = subprocess.run(
        ["bash", "-c", found[1].replace(name, "/dev/stdin")], input=content + "\n", text=True, capture_output=True,
        check=False, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    lines = tuple(done.stdout.split("\n")[:-1])
    return lines if isinstance(solution.value, tuple) else type(solution.value)(lines[0].strip())


def walked(p: Params, instruction: str, input: str, solution: Solution) -> object:
    ways: dict[str, complex] = {
        "north": 1j,
        "east": 1,
        "south": -1j,
        "west": -1,
        "北": 1j,
        "东": 1,
        "南": -1j,
        "西": -1,
    }
    start = complex(p.whole("x"), p.whole("y")) if "x" in p else 0j
    at, face = start, ways[p.text("face")] if "face" in p else 1j
    for move in re.split(", |、", input) if input else p.texts("path"):
        steps = int((re.findall(r"\d+", move) or ["0"])[0])
        way = next((way for word, way in ways.items() if word in move), face)
        face *= 1j if re.search("left|左", move) else -1j if re.search("right|右", move) else 1
        at += way * steps
    gone = at - start
    if p.text("ask") == "home":
        return int(abs(gone.real) + abs(gone.imag))
    return f"({int(at.real)}, {int(at.imag)})"


CHECKS: dict[str, Check] = {
    "set_overlap": overlap, "string_edit": edit, "text_extraction": extract, "format_conversion": convert,
    "order_logic": order, "truth_logic": truth, "task_schedule": schedule, "list_tally": tally,
    "ticket_priority": ticket, "date_label": dated, "pass_check": passing, "group_totals": grouped,
    "list_rewrite": rewrite, "formal_note": formal, "line_repair": repair, "sql_result": queried,
    "shell_result": shelled, "grid_walk": walked,
}  # fmt: skip


def bare(name: str, language: Language, seed: int) -> Case:
    made = compose(Random(seed), language, names=[name])
    task = Task(made.family, made.language, made.template, made.params, made.words)
    solution = solve(task)
    assert solution is not None
    return Params(dict(task.params), language), *write(task), solution


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CHECKS)
def test_the_answer_is_right(name: str, language: Language) -> None:
    for seed in range(60):
        p, instruction, input, solution = bare(name, language, seed)
        expected: object = CHECKS[name](p, instruction, input, solution)
        value: Result = solution.value
        assert value == expected, (instruction, input)
        assert solution.answer in solution.response


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CHECKS)
@given(seed=st.integers(0, 2**40))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_a_task_reads_back_also_with_riders(name: str, language: Language, seed: int) -> None:
    rng = Random(seed)
    task = compose(rng, language, names=[name])
    assert read(*write(task)) == task
    for operation in rng.sample(OPERATIONS, 3):
        task = evolve(task, operation, rng) or task
        assert read(*write(task)) == task
        assert solve(task) is not None


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", CHECKS)
def test_every_wording_is_drawn_and_labels_vary(name: str, language: Language) -> None:
    made = [compose(Random(seed), language, names=[name]) for seed in range(120)]
    assert {task.template for task in made} == set(range(len(families()[name].templates[language])))
    answers = {solution.answer for task in made if (solution := solve(task))}
    assert len(answers) >= 10


def test_every_program_breaks_by_its_slip_and_works_once_repaired() -> None:
    seen = set()
    for seed in range(400):
        p, instruction, input, solution = bare("line_repair", "en", seed)
        assert repair(p, instruction, input, solution) == solution.value
        seen.add(p.text("goal"))
    assert seen == set(GOALS)


def test_data_without_one_answer_are_no_task() -> None:
    texts: list[tuple[str, str, Value]] = [
        ("order_logic", "clues", "Aiko is taller than Nils; Aiko is taller than Rhys"),
        ("order_logic", "clues", "Aiko is taller than Nils; Nils is taller than Rhys; Rhys is taller than Aiko"),
        ("truth_logic", "said", (("Aiko", "Nils is honest"), ("Nils", "Aiko is honest"), ("Rhys", "Nils is honest"))),
        ("list_tally", "entries", ("oat cakes", "plum tarts")),
        ("line_repair", "code", "def work(data):\n    result = 0\n    return data"),
    ]
    for name, slot, value in texts:
        params: dict[str, Value] = {
            "scale": "tall",
            "ask": "top" if name == "list_tally" else "honest",
            "goal": "total",
            slot: value,
        }
        assert not families()[name].holds(Params(params, "en")), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_hundred_tasks_are_new_to_one_another(language: Language) -> None:
    rng, names = Random(11), list(CHECKS)
    made = [" ".join(write(compose(rng, language, names=[names[at % len(names)]]))) for at in range(200)]
    tokens = [re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]", text.lower()) for text in made]
    nearest = [
        max(2 * LCSseq.similarity(one, two) / (len(one) + len(two)) for two in tokens if two is not one)
        for one in tokens
    ]  # fmt: skip
    assert sum(score <= 0.7 for score in nearest) >= 180
