"""Tallying: how often an entry occurs in a list, which is most frequent, how many different ones there are."""

from collections import Counter

from teachers.builtin.family import Family, wording
from teachers.builtin.numbers import noun
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved


def _draw(d: Draw) -> dict[str, Value]:
    kinds = d.goods(d.rng.randint(3, 5))
    target = str(d.fixed("target", kinds[0]))
    kinds = tuple(dict.fromkeys((target, *kinds)))
    entries = [kind for kind in kinds for _ in range(d.rng.choice([1, 1, 2, 2, 3, 4, 5]))]
    d.rng.shuffle(entries)
    return {"entries": tuple(entries), "target": target}


def _holds(p: Params) -> bool:
    counts = Counter(p.texts("entries"))
    if p.text("ask") == "target":
        return p.text("target") in counts
    if p.text("ask") == "once":
        return 1 in counts.values() and max(counts.values()) > 1
    top = counts.most_common(2)
    return len(top) == 2 and top[0][1] > top[1][1]


def _solve(p: Params) -> Solution:
    counts = Counter(p.texts("entries"))
    tally = show_result(tuple(f"{name} {count}" for name, count in counts.items()), p.language)
    steps = [p.say(f"The tally: {tally}.", f"逐项计数：{tally}。")]
    ask = p.text("ask")
    if ask == "target":
        target = p.text("target")
        steps.append(p.say(f"{target}: {counts[target]}", f"{target}：{counts[target]}"))
        often = noun(counts[target], "time")
        # In quotation marks: a name in the plural would ask for another verb.
        said = p.say(f'"{target}" occurs {{answer}} {often}.', f"{target}出现了{{answer}}次。")
        return solved(counts[target], p, steps, said)
    if ask == "kinds":
        steps.append(p.say(f"Different names: {len(counts)}.", f"不同的名称有{len(counts)}个。"))
        return solved(len(counts), p, steps, p.say("The number of different ones is {answer}.", "共有{answer}种。"))
    if ask == "once":
        single = tuple(name for name, count in counts.items() if count == 1)
        return solved(single, p, steps, p.say("Only once: {answer}.", "只出现一次的：{answer}。"))
    name, count = counts.most_common(1)[0]
    steps.append(p.say(f"The highest count is {count}.", f"最大的次数是{count}。"))
    return solved(
        name, p, steps, p.say(f"It is {{answer}}, {count} {noun(count, 'time')}.", f"是{{answer}}，出现{count}次。")
    )


FAMILY = Family(
    wordings={
        "en": (
            wording("{name} calls out what leaves {place}: {entries:list}. How often was \"{target:text}\" called?",
                    ask="target"),
            wording("The slip from {event} reads {entries:list}. Which entry does {name2} see most frequently?", ask="top"),
            wording("{entries:list} went through the hands of the {role} before {event}. How many different things are "
                    "that?",
                    ask="kinds"),
            wording("In the order of {doc}: {entries:list}. Tell {name} what appears there only a single time.", ask="once"),
            wording("Determine the most common line of the list that {name2} typed {purpose}.", "{entries:list}", ask="top"),
            wording("Count \"{target:text}\" in the log which {name} kept at {place} during {event}.",
                    "{entries:list}", ask="target"),
            wording("{name2}, {a_role} from {town}, distrusts repeated entries in {doc}. Report the number of distinct names.",
                    "{entries:list}", ask="kinds"),
            wording("Which entries of the tape printed at {place} for {event} have no duplicate at all?",
                    "{entries:list}", ask="once"),
        ),
        "zh": (
            wording("{name}念出从{place}运走的东西：{entries:list}。“{target:text}”念了几次？", ask="target"),
            wording("{event}的单子上是{entries:list}。{name2}看到哪一项最多？", ask="top"),
            wording("经{place}的{role}之手的有{entries:list}。其中不同的东西有几种？", ask="kinds"),
            wording("按{doc}的次序是：{entries:list}。请告诉{name}，哪些只出现过一回。", ask="once"),
            wording("{name2}为了{purpose}打了这份清单，请确定里面最常见的一项。", "{entries:list}", ask="top"),
            wording("{event}期间{name}在{place}记了流水，请数出“{target:text}”的次数。", "{entries:list}", ask="target"),
            wording("{town}的{role}{name2}不放心{doc}里重复的条目，请报出去重之后的名称数。", "{entries:list}", ask="kinds"),
            wording("{place}给{event}打印的纸带上，哪些条目完全没有重复？", "{entries:list}", ask="once"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    rule=(
        "Go through the list once and keep one tally mark per entry and name.",
        "把列表从头到尾过一遍，每遇到一项就在该名称下记一笔。",
    ),
)  # fmt: skip
