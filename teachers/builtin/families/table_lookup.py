"""A question about a Markdown table: highest, lowest, total or spread of one column."""

from collections.abc import Callable

from teachers.builtin.family import Family, wording
from teachers.builtin.task import Draw, Params, Rows, Solution, Value, show_result, solved

_COLUMNS = {
    "en": ("stock", "sold", "ordered", "returned", "reserved", "damaged"),
    "zh": ("库存", "售出", "订购", "退回", "预留", "损坏"),
}


def _draw(d: Draw) -> dict[str, Value]:
    columns = d.rng.sample(_COLUMNS[d.language], 3)
    wanted = d.given.get("column")
    if isinstance(wanted, str) and wanted not in columns:
        columns[d.rng.randrange(3)] = wanted
    goods = d.goods(d.rng.randint(4, 6))
    # Without ties: "the highest" must be one row.
    figures = [d.rng.sample(range(2, 320), len(goods)) for _ in columns]
    body = [(name, *(str(numbers[at]) for numbers in figures)) for at, name in enumerate(goods)]
    table: Rows = ((d.say("goods", "品名"), *columns), *body)
    return {"table": table, "column": d.rng.choice(columns)}


def _column(p: Params) -> dict[str, int]:
    head, *body = p.rows("table")
    at = head.index(p.text("column"))
    return {row[0]: int(row[at]) for row in body}


def _holds(p: Params) -> bool:
    return "table" not in p or p.text("column") in p.rows("table")[0][1:]


def _solve(p: Params) -> Solution:
    numbers, ask = _column(p), p.text("ask")
    listed = show_result(tuple(f"{name} {number}" for name, number in numbers.items()), p.language)
    steps = [p.say(f"The column {p.text('column')} reads: {listed}.", f"{p.text('column')}一列是：{listed}。")]
    if ask in ("highest", "lowest"):
        choose: Callable[..., str] = max if ask == "highest" else min
        name = choose(numbers, key=numbers.__getitem__)
        way, way_zh = ("highest", "最高") if ask == "highest" else ("lowest", "最低")
        steps.append(p.say(f"The {way} figure is {numbers[name]}.", f"{way_zh}的是{numbers[name]}。"))
        return solved(
            name, p, steps, p.say(f"It is {{answer}}, with {numbers[name]}.", f"是{{answer}}，数值为{numbers[name]}。")
        )
    if ask == "total":
        sum_ = " + ".join(str(number) for number in numbers.values())
        steps.append(f"{sum_} = {sum(numbers.values())}")
        return solved(sum(numbers.values()), p, steps, p.say("The total is {answer}.", "合计{answer}。"))
    top, low = max(numbers.values()), min(numbers.values())
    steps.append(f"{top} - {low} = {top - low}")
    said = p.say(f"The spread is {{answer}}: from {low} up to {top}.", f"相差{{answer}}：最低{low}，最高{top}。")
    return solved(top - low, p, steps, said)


FAMILY = Family(
    wordings={
        "en": (
            wording("{name} keeps the table below at {place}. Which entry has the largest value under "
            "\"{column:text}\"?",
                    "{table:table}", ask="highest"),
            wording("Look at the overview that {name2} drew up for {event} and name the line where "
            "\"{column:text}\" is smallest.",
                    "{table:table}", ask="lowest"),
            wording("Add up the \"{column:text}\" column of {doc}; the {role} in {town} needs one overall figure.",
                    "{table:table}", ask="total"),
            wording("How far apart are the best and the worst \"{column:text}\" figure in this excerpt from "
            "{doc}, kept for {event}?",
                    "{table:table}", ask="spread"),
            wording("{Place} goes over its shelves because of {event}: what do all rows come to under "
            "\"{column:text}\"? {name} will sign the sum.",
                    "{table:table}", ask="total"),
            wording("Before {event}, {name} and {name2} argue about who leads in \"{column:text}\". Settle it "
            "with the table.",
                    "{table:table}", ask="highest"),
        ),
        "zh": (
            wording("{name}在{place}记下了下面这张表。"
            "“{column:text}”一列数值最大的是哪一项？", "{table:table}", ask="highest"),
            wording("看看{name2}为{event}整理的总表，指出“{column:text}”最少的那一行。", "{table:table}", ask="lowest"),
            wording("把{doc}里“{column:text}”一列加起来，{town}的{role}需要一个总数。", "{table:table}", ask="total"),
            wording("这段{doc}摘录是为{event}准备的，"
            "其中“{column:text}”的最高值与最低值相差多少？", "{table:table}", ask="spread"),
            wording("{place}要清查货架："
            "所有行的“{column:text}”合计多少？{name}会在总数上签字。", "{table:table}", ask="total"),
            wording("{event}之前，{name}和{name2}争论谁的“{column:text}”领先。"
            "请用表格定个输赢。", "{table:table}", ask="highest"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    rule=(
        "Read only the column that is asked for, row by row, and compare or add its figures.",
        "只看所问的那一列，逐行读数，再比较或相加。",
    ),
)  # fmt: skip
