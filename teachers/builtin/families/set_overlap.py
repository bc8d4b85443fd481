"""Set operations: two lists of people, and who stands on both, on one only, or on exactly one of them."""

from teachers.builtin.family import Family, wording
from teachers.builtin.scenes import names
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved


def _draw(d: Draw) -> dict[str, Value]:
    people = d.rng.sample(names(d.language), 11)
    shared, mine, yours = d.rng.randint(1, 3), d.rng.randint(1, 4), d.rng.randint(1, 4)
    first = people[: shared + mine]
    second = people[:shared] + people[7 : 7 + yours]
    d.rng.shuffle(first)
    d.rng.shuffle(second)
    return {"first": tuple(first), "second": tuple(second), "ask": d.rng.choice(["both", "first", "second", "one"])}


def _found(p: Params) -> tuple[str, ...]:
    first, second, ask = p.texts("first"), p.texts("second"), p.text("ask")
    both = [name for name in first if name in second]
    only_first = [name for name in first if name not in second]
    only_second = [name for name in second if name not in first]
    return tuple({"both": both, "first": only_first, "second": only_second, "one": only_first + only_second}[ask])


def _holds(p: Params) -> bool:
    lists = (p.texts("first"), p.texts("second"))
    return all(len(set(names)) == len(names) for names in lists) and bool(_found(p))


def _solve(p: Params) -> Solution:
    first, second, found = p.texts("first"), p.texts("second"), _found(p)
    both = show_result(tuple(name for name in first if name in second), p.language) or p.say("nobody", "无人")
    listed = show_result(found, p.language)
    steps = [
        p.say(f"On both lists: {both}.", f"两份名单都有：{both}。"),
        p.say(f"The ones asked for: {listed}.", f"符合要求的：{listed}。"),
    ]
    if "count" in p:
        steps.append(p.say(f"That makes {len(found)}.", f"一共{len(found)}人。"))
        return solved(len(found), p, steps, p.say(f"{{answer}} in all: {listed}.", f"共{{answer}}人：{listed}。"))
    return solved(found, p, steps, p.say("The names are: {answer}.", "名字是：{answer}。"))


FAMILY = Family(
    wordings={
        "en": (
            "{name} invited {first:list} to {event}; {name2} invited {second:list}. Who is {ask:pick}?",
            "At {place}, {first:list} signed up in the morning and {second:list} after lunch. Name those who are "
            "{ask:pick}.",
            "{first:list}: these helped with the {items}. {second:list}: these helped during {event}. Find everyone "
            "who is {ask:pick}, so that {name} can say thanks.",
            wording(
                "The {role} in {town} wants a head count for {event} of all who are {ask:pick}, with {first:list} as list one and "
                "{second:list} as list two.",
                count="yes",
            ),
            "Compare the two rosters that {name} found in {doc} and give each person who is {ask:pick}, {purpose}.\n"
            "List 1: {first:list}\nList 2: {second:list}",
            wording(
                "Before {event} at {place}, {name2} must know the number of helpers who are {ask:pick}.",
                "{first:list}\n{second:list}",
                count="yes",
            ),
            "Which volunteers from {town}, {ask:pick}, should {name} call about the {items}?\n"
            "First sheet: {first:list}\nSecond sheet: {second:list}",
        ),
        "zh": (
            "{event}要来客人：{name}请了{first:list}，{name2}请了{second:list}。谁{ask:pick}？",
            "上午在{place}报名的有{first:list}，午后又有{second:list}。请说出{ask:pick}的人。",
            "{first:list}帮忙准备了{items}；{second:list}则在{event}当天值班。{name}要致谢，请找出{ask:pick}的每一位。",
            wording(
                "{event}前，{town}的{role}只想知道{ask:pick}的有几人：名单一是{first:list}，名单二是{second:list}。",
                count="yes",
            ),
            "为了{purpose}，请比较{name}从{doc}里抄出的两份名册，写出{ask:pick}的人。\n名单一：{first:list}\n"
            "名单二：{second:list}",
            wording(
                "{place}迎来{event}之前，{name2}得弄清{ask:pick}的帮手人数。",
                "{first:list}\n{second:list}",
                count="yes",
            ),
            "{name}要为{items}的事打电话，{town}的志愿者里哪些{ask:pick}？\n第一张：{first:list}\n第二张："
            "{second:list}",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={
        "ask": {
            "both": ("on both lists", "同时在两份名单上"),
            "first": ("only on the first list", "只在第一份名单上"),
            "second": ("only on the second list", "只在第二份名单上"),
            "one": ("on exactly one of the two lists", "恰好只在一份名单上"),
        }
    },
    rule=(
        "Mark the names that both lists share first; what is left over belongs to one list only.",
        "先标出两份名单共有的名字，剩下的就只属于其中一份。",
    ),
)
