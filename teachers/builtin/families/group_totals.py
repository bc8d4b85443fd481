"""Table aggregation: total, average, largest or number of rows of one group, or the group that is ahead."""

from decimal import Decimal

from teachers.builtin.family import Family, wording
from teachers.builtin.scenes import names, towns
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_HOWS = {
    "sum": ("the total", "总和"),
    "mean": ("the average", "平均值"),
    "max": ("the largest amount", "最大值"),
    "min": ("the smallest amount", "最小值"),
    "rows": ("the number of rows", "行数"),
}


def _draw(d: Draw) -> dict[str, Value]:
    pool = d.rng.choice([names(d.language), towns(d.language)])
    groups = d.rng.sample(pool, 3)
    groups[0] = str(d.fixed("group", groups[0]))
    goods = d.goods(4)
    owners = [*groups, *(d.rng.choice(groups) for _ in range(d.rng.randint(3, 5)))]
    d.rng.shuffle(owners)
    body = [(owner, d.rng.choice(goods), str(d.rng.randint(2, 190))) for owner in owners]
    head = (d.say("by", "归属"), d.say("goods", "品名"), d.say("amount", "数额"))
    return {"sheet": (head, *body), "group": groups[0], "how": d.rng.choice(list(_HOWS))}


def _groups(p: Params) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in p.rows("sheet")[1:]:
        found.setdefault(row[0], []).append(int(row[2]))
    return found


def _holds(p: Params) -> bool:
    groups = _groups(p)
    if "group" not in p:
        sums = sorted(sum(amounts) for amounts in groups.values())
        return len(sums) > 1 and sums[-1] > sums[-2] and sums[0] < sums[1]
    amounts = groups.get(p.text("group"), [])
    # An average is asked for only where two decimals write it exactly.
    return len(amounts) > 1 and (p.text("how") != "mean" or sum(amounts) * 100 % len(amounts) == 0)


def _solve(p: Params) -> Solution:
    groups = _groups(p)
    if "group" not in p:
        steps = [f"{name}: {' + '.join(map(str, amounts))} = {sum(amounts)}" for name, amounts in groups.items()]
        sums = {name: sum(amounts) for name, amounts in groups.items()}
        best = max(sums, key=sums.__getitem__) if p.text("end") == "top" else min(sums, key=sums.__getitem__)
        return solved(
            best, p, steps, p.say(f"It is {{answer}}, with {sums[best]}.", f"是{{answer}}，合计{sums[best]}。")
        )
    group, how = p.text("group"), p.text("how")
    amounts = groups[group]
    listed = show_result(tuple(str(amount) for amount in amounts), p.language)
    steps = [p.say(f"The rows of {group} have {listed}.", f"{group}的各行是{listed}。")]
    if how in ("sum", "mean"):
        steps.append(f"{' + '.join(map(str, amounts))} = {sum(amounts)}")
    mean = Decimal(sum(amounts)) / len(amounts)
    if how == "mean":
        steps.append(f"{sum(amounts)} / {len(amounts)} = {show_result(mean, p.language)}")
    value: dict[str, int | Decimal] = {
        "sum": sum(amounts), "mean": int(mean) if mean == int(mean) else mean,
        "max": max(amounts), "min": min(amounts), "rows": len(amounts),
    }  # fmt: skip
    en, zh = _HOWS[how]
    said = p.say(f"For {group}, {en} is {{answer}}.", f"{group}的{zh}是{{answer}}。")
    return solved(value[how], p, steps, said)


FAMILY = Family(
    wordings={
        "en": (
            wording("{name} pasted part of {doc} below. Find {how:pick} for \"{group:text}\" {purpose}.", "{sheet:csv}"),
            wording("At {place} every row belongs to someone. What is {how:pick} for {group:text} in the table that "
                    "{name2} made for {event}?", "{sheet:table}"),
            wording("Group the sheet from {town} by its first column and say whose amounts add up highest; {event} is "
                    "named after the winner.", "{sheet:table}", end="top"),
            wording("The {role} turns to the export about {items}: give {how:pick} of all entries under {group:text}, "
                    "without units.", "{sheet:csv}"),
            wording("Who comes last once {name} sums the third column separately for each value in the first, as "
                    "{place} "
                    "does after {event}?", "{sheet:csv}", end="low"),
            wording("Condense these records for {name2} at {place} to one figure, namely {how:pick} where the first "
                    "field "
                    "says {group:text}.", "{sheet:records}"),
            wording("Which owner leads by total in the records that {a_role} kept for {event} at {place}?",
                    "{sheet:records}", end="top"),
        ),
        "zh": (
            wording("下面是{name}从{doc}贴出的一段。为了{purpose}，请求出“{group:text}”的{how:pick}。", "{sheet:csv}"),
            wording("{place}的每一行都有归属。在{name2}为{event}做的表里，{group:text}的{how:pick}是多少？", "{sheet:table}"),
            wording("请把{town}的这张表按首列分组，说出谁的数额加起来最高，{event}将以胜者命名。", "{sheet:table}", end="top"),
            wording("{role}打开了关于{items}的导出文件：请给出{group:text}名下所有条目的{how:pick}，不带单位。", "{sheet:csv}"),
            wording("{event}过后，{place}的{name}按首列的值分别累加第三列，谁排在末尾？", "{sheet:csv}", end="low"),
            wording("请替{place}的{name2}把这些记录压成一个数，即首个字段为{group:text}者的{how:pick}。", "{sheet:records}"),
            wording("{place}的{role}为{event}留下这些记录，按合计算，哪个归属者领先？", "{sheet:records}", end="top"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"how": _HOWS},
    rule=(
        "Sort the rows by group first, then work on one group at a time.",
        "先按组归并各行，再逐组计算。",
    ),
)  # fmt: skip
