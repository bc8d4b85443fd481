"""SQL by hand: what does a query return for a small table? No database is asked."""

import re

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_QUERIES = {
    "count": "SELECT COUNT(*) FROM stock WHERE {column} > {mark}",
    "sum": "SELECT SUM({column}) FROM stock WHERE {column} < {mark}",
    "max": "SELECT MAX({column}) FROM stock WHERE {column} < {mark}",
    "names": "SELECT goods FROM stock WHERE {column} >= {mark} ORDER BY {column}",
    "down": "SELECT goods FROM stock WHERE {column} <= {mark} ORDER BY {column} DESC",
    "top": "SELECT goods FROM stock ORDER BY {column} DESC LIMIT 1",
}
_COLUMNS = ("amount", "price", "sold", "weight", "ordered", "broken")


def _draw(d: Draw) -> dict[str, Value]:
    column = d.rng.choice(_COLUMNS)
    mark = d.rng.randint(20, 160)
    query = d.rng.choice(list(_QUERIES.values())).format(column=column, mark=mark)
    given = d.given.get("query")
    if isinstance(given, str):
        query, column = given, next(name for name in _COLUMNS if re.search(rf"\b{name}\b", given))
    others = d.rng.sample([name for name in _COLUMNS if name != column], 1)
    head = ("goods", *d.rng.sample([column, *others], 2))
    goods = d.goods(d.rng.randint(4, 6))
    figures = [d.rng.sample(range(3, 180), len(goods)) for _ in head[1:]]
    body = [(name, *(str(numbers[at]) for numbers in figures)) for at, name in enumerate(goods)]
    return {"sheet": (head, *body), "query": query}


def _parsed(p: Params) -> tuple[str, list[tuple[str, int]], str, list[tuple[str, int]]]:
    """The kind of query, the column's figures, its name, and the rows that pass.

    Raises:
        ValueError: the query is none of the known ones.
    """
    query = p.text("query")
    head, *body = p.rows("sheet")
    for kind, form in _QUERIES.items():
        for column in head[1:]:
            mark = next((int(word) for word in query.split() if word.isdigit()), 0)
            if form.format(column=column, mark=mark) != query:
                continue
            figures = [(row[0], int(row[head.index(column)])) for row in body]
            kept = [row for row in figures if _passes(kind, row[1], mark)]
            return kind, figures, column, kept
    raise ValueError(f"{query!r} is no known query")


def _passes(kind: str, figure: int, mark: int) -> bool:
    passing = {"count": figure > mark, "names": figure >= mark, "down": figure <= mark, "top": True}
    return passing.get(kind, figure < mark)


def _holds(p: Params) -> bool:
    _, figures, _, kept = _parsed(p)
    return bool(kept) and len({figure for _, figure in figures}) == len(figures)


def _solve(p: Params) -> Solution:
    kind, figures, column, kept = _parsed(p)
    listed = show_result(tuple(f"{name} {figure}" for name, figure in figures), p.language)
    passing = show_result(tuple(name for name, _ in kept), p.language)
    steps = [
        p.say(f"The column {column}: {listed}.", f"{column}一列：{listed}。"),
        p.say(f"Rows that pass: {passing}.", f"留下的行：{passing}。"),
    ]
    numbers = [figure for _, figure in kept]
    if kind in ("count", "sum", "max"):
        value = {"count": len(numbers), "sum": sum(numbers), "max": max(numbers)}[kind]
        return solved(value, p, steps, p.say("The query returns {answer}.", "查询返回{answer}。"))
    ranked = tuple(name for name, _ in sorted(kept, key=lambda row: row[1], reverse=kind != "names"))
    if kind == "top":
        return solved(ranked[0], p, steps, p.say("The query returns {answer}.", "查询返回{answer}。"))
    steps.append(p.say(f"Sorted: {show_result(ranked, 'en')}.", f"排序后：{show_result(ranked, 'zh')}。"))
    return solved(ranked, p, steps, p.say("The query returns: {answer}.", "查询返回：{answer}。"))


FAMILY = Family(
    wordings={
        "en": (
            wording("The table stock of {place} is shown below. What does \"{query:text}\" return for {name}?", "{sheet:table}"),
            wording("{name2} runs {query:text} on the data of {event}. State the output without using a database.",
                    "{sheet:csv}"),
            wording("Predict for the {role} in {town} what comes back from \"{query:text}\", given these rows of "
                    "stock.",
                    "{sheet:table}"),
            wording("Before {event}, {name} wants to check by hand the result of this line in {doc}: {query:text}. "
                    "Do so "
                    "with the rows below.", "{sheet:csv}"),
            wording("Evaluate SQL as a person would: with stock holding the records from {town}, the query is "
                    "\"{query:text}\", needed {purpose}.", "{sheet:records}"),
            wording("Which value or values appear at {place} when {name2} enters \"{query:text}\" on the {items} sheet "
                    "called stock?", "{sheet:table}"),
            wording("{name}, out {purpose}, left \"{query:text}\" on a note in {doc}. Supposing stock is this, "
                    "what would {town} "
                    "get to see at {event}?", "{sheet:csv}"),
        ),
        "zh": (
            wording("{place}的表stock如下。{name}执行“{query:text}”会得到什么？", "{sheet:table}"),
            wording("{name2}对{event}的数据运行{query:text}，请不用数据库，直接说出输出。", "{sheet:csv}"),
            wording("已知stock的这些行，请替{town}的{role}预测“{query:text}”的返回值。", "{sheet:table}"),
            wording("{event}之前，{name}想手工核对{doc}里这一句的结果：{query:text}。请用下列各行来做。", "{sheet:csv}"),
            wording("请像人一样推演SQL：stock装着{town}的记录，为了{purpose}，查询是“{query:text}”。", "{sheet:records}"),
            wording("{name2}在{place}对名为stock的{items}表输入“{query:text}”，会出现哪些值？", "{sheet:table}"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    rule=(
        "Read the query as WHERE, then SELECT, then ORDER BY, then LIMIT, whatever order it is written in.",
        "不管怎么写，都按WHERE、SELECT、ORDER BY、LIMIT的次序来理解查询。",
    ),
    movable=False,
)  # fmt: skip
