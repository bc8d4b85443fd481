"""Format conversion: one record from CSV, JSON or key-value lines into another one-line notation."""

import json
from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

from teachers.builtin.family import Family, wording
from teachers.builtin.scenes import names, towns
from teachers.builtin.task import Draw, Params, Rows, Solution, Value, solved

_SHEETS = ("csv", "json")
_LONGEST = 60
"""Of a line: a longer one could not be evolved."""


def _draw(d: Draw) -> dict[str, Value]:
    good, rng = d.goods(1)[0], d.rng
    fields = [
        (d.say("article", "品名"), good),
        (d.say("count", "数量"), str(rng.randint(2, 400))),
        (d.say("keeper", "经手人"), rng.choice(names(d.language))),
        (d.say("town", "城市"), rng.choice(towns(d.language))),
        (d.say("price", "单价"), f"{rng.randint(2, 90)}.{rng.choice(['00', '20', '50', '75', '90'])}"),
        (d.say("shelf", "货架"), f"{rng.choice('ABCDEFGH')}{rng.randint(1, 40)}"),
        (d.say("checked", "核对日"), f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"),
    ]
    record = tuple(rng.sample(fields, rng.randint(3, 4)))
    kind = str(d.given["source"])
    shape: Rows = tuple(zip(*record, strict=True)) if kind in _SHEETS else record
    goals = [goal for goal in _GOALS if goal != kind]
    return {"record": shape, "goal": rng.choice(goals)}


def _fields(p: Params) -> list[tuple[str, str]]:
    rows = p.rows("record")
    if p.text("source") not in _SHEETS:
        return [(row[0], row[1]) for row in rows]
    head, body = rows
    return list(zip(head, body, strict=True))


def _holds(p: Params) -> bool:
    fields = _fields(p)
    texts = [text for field in fields for text in field]
    clean = not any(sign in text for text in texts for sign in ',;="\n<>&')
    if not clean or p.text("goal") == p.text("source") or not len({key for key, _ in fields}) == len(fields) > 1:
        return False
    return len(_written(p.text("goal"), fields)) <= _LONGEST


def _written(goal: str, fields: Sequence[tuple[str, str]]) -> str:
    if goal == "json":
        return json.dumps(dict(fields), ensure_ascii=False)
    if goal == "csv":
        return ",".join(value for _, value in fields)
    if goal == "xml":
        return f"<row {' '.join(f'{key}={quoteattr(value)}' for key, value in fields)}/>"
    return "; ".join(f"{key}={value}" for key, value in fields)


def _solve(p: Params) -> Solution:
    fields = _fields(p)
    listed = p.say("; ", "；").join(p.say(f"{key} is {value}", f"{key}是{value}") for key, value in fields)
    steps = [
        p.say(f"The fields, in order: {listed}.", f"各字段依次为：{listed}。"),
        p.say("They are written in the same order in the new notation.", "按同样的顺序用新写法写出。"),
    ]
    return solved(_written(p.text("goal"), fields), p, steps, "{answer}")


_GOALS = {
    "json": ("a one-line JSON object in which every value is a string", "一行JSON对象（值都写成字符串）"),
    "csv": ("one CSV line that holds only the values", "只含各个值的一行CSV"),
    "xml": ("a single XML element named row with the fields as attributes", "名为row、以字段作属性的单个XML元素"),
    "pairs": ('one line of the form key=value with "; " between the fields', "形如key=value、字段间用“; ”隔开的一行"),
}


FAMILY = Family(
    wordings={
        "en": (
            wording("{name} jotted down in {doc}: {record:pairs}. Turn this into {goal:pick}.", source="lines"),
            wording("For the till of {place}, rewrite the details {record:pairs} as {goal:pick}.", source="lines"),
            wording("The CSV below, a heading and one entry that {name} saved at {place}, is needed as {goal:pick}.",
                    "{record:csv}", source="csv"),
            wording("{name2} imports data for {event} in {town}; express the lines as {goal:pick}, keeping the "
                    "order of "
                    "the fields.", "{record:lines}", source="lines"),
            wording("From the JSON list with its only object, which the {role} exported {purpose}, make {goal:pick}.",
                    "{record:records}", source="json"),
            wording("A program at {place} reads nothing but {goal:pick}. Convert what stands in this table about "
                    "{items}.", "{record:table}", source="csv"),
            wording("Before {event}, {name} and {name2} of {town} swap systems. Reformat the exported record: what is "
                    "wanted is {goal:pick}.", "{record:records}", source="json"),
        ),
        "zh": (
            wording("{name}在{doc}里记着：{record:pairs}。请改写成{goal:pick}。", source="lines"),
            wording("{place}的收银机要用{goal:pick}，内容是{record:pairs}，请转换。", source="lines"),
            wording("下面的CSV含表头和一条记录，由{name}在{place}保存，现在需要{goal:pick}。", "{record:csv}", source="csv"),
            wording("{name2}在{town}为{event}导入数据，请保持字段顺序，把这几行写成{goal:pick}。",
                    "{record:lines}", source="lines"),
            wording("{role}为了{purpose}导出了只有一个对象的JSON列表，请由它得出{goal:pick}。",
                    "{record:records}", source="json"),
            wording("{place}的程序只认{goal:pick}。请转换这张表里关于{items}的内容。", "{record:table}", source="csv"),
            wording("{event}之前，{town}的{name}和{name2}要换系统。请给导出的记录改格式，目标是{goal:pick}。",
                    "{record:records}", source="json"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"goal": _GOALS},
    rule=(
        "Separate field names from values first, then write each field in the target notation without changing order.",
        "先把字段名和值分开，再按原顺序用目标格式逐个写出。",
    ),
)  # fmt: skip
