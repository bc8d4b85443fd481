"""Rewriting a list by a rule: strike repeats, sort by length, turn round, number, write in capitals, put in plural."""

from collections.abc import Callable
from functools import cache

from teachers.builtin.family import Family
from teachers.builtin.scenes import scenes
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_RULES = {
    "dedupe": ("keep only the first of equal entries", "相同的条目只留第一个"),
    "short": (
        "sort by length, shortest first, equal lengths in their old order",
        "按字数由少到多排，字数相同的保持原来先后",
    ),
    "back": ("turn the order round", "把顺序倒过来"),
    "number": ("put a running number with a full stop and a space before each entry", "每项前加序号、英文句点和空格"),
    "upper": ("write everything in capital letters", "把英文字母全部大写"),
    "title": ("capitalise the first letter of every word", "英文单词首字母大写"),
    "hyphen": ("replace the spaces inside entries with hyphens", "把条目内的空格换成连字符"),
    "plural": ("put every entry in the plural", "把每个英文条目改成复数"),
    "quote": ("enclose each entry in square brackets", "每项用方括号括起来"),
    "alternate": ("drop every second entry, beginning with the second", "从第二项起隔一项删一项"),
    "rotate": ("move the first entry to the end", "把第一项移到最后"),
}
_ENGLISH = ("upper", "title", "hyphen", "plural")


@cache
def _plurals() -> dict[str, str]:
    return {scene.item: scene.items for scene in scenes("en")}


def _draw(d: Draw) -> dict[str, Value]:
    rules = [rule for rule in _RULES if d.language == "en" or rule not in _ENGLISH]
    rule = d.fixed("rule", d.rng.choice(rules))
    if rule == "plural":
        return {"entries": tuple(d.rng.sample(sorted(_plurals()), d.rng.randint(3, 5))), "rule": rule}
    entries = list(d.goods(d.rng.randint(4, 6)))
    if rule == "dedupe":
        entries += d.rng.choices(entries, k=2)
        d.rng.shuffle(entries)
    return {"entries": tuple(entries), "rule": rule}


def _rewritten(entries: tuple[str, ...], rule: str) -> tuple[str, ...]:
    whole: dict[str, Callable[[], tuple[str, ...]]] = {
        "dedupe": lambda: tuple(dict.fromkeys(entries)),
        "short": lambda: tuple(sorted(entries, key=len)),
        "back": lambda: entries[::-1],
        "number": lambda: tuple(f"{at}. {entry}" for at, entry in enumerate(entries, 1)),
        "alternate": lambda: entries[::2],
        "rotate": lambda: (*entries[1:], entries[0]),
    }
    return whole[rule]() if rule in whole else tuple(_one(entry, rule) for entry in entries)


def _one(entry: str, rule: str) -> str:
    match rule:
        case "upper":
            return entry.upper()
        case "title":
            return " ".join(word[:1].upper() + word[1:] for word in entry.split(" "))
        case "hyphen":
            return entry.replace(" ", "-")
        case "plural":
            return _plurals()[entry]
    return f"[{entry}]"


def _holds(p: Params) -> bool:
    entries, rule = p.texts("entries"), p.text("rule")
    if p.language == "zh" and rule in _ENGLISH:
        return False
    known = rule != "plural" or all(entry in _plurals() for entry in entries)
    return known and len(entries) > 2 and all(entries) and _rewritten(entries, rule) != entries


def _solve(p: Params) -> Solution:
    entries, rule = p.texts("entries"), p.text("rule")
    result = _rewritten(entries, rule)
    steps = [
        p.say(
            f"There are {len(entries)} entries; the rule: {_RULES[rule][0]}.",
            f"共{len(entries)}项，规则：{_RULES[rule][1]}。",
        ),
        p.say(
            f"This gives {len(result)} entries: {show_result(result, 'en')}",
            f"得到{len(result)}项：{show_result(result, 'zh')}",
        ),
    ]
    return solved(result, p, steps, p.say("The new list: {answer}", "新列表：{answer}"))


FAMILY = Family(
    wordings={
        "en": (
            "{name} hands you {entries:list}. For {doc}, {rule:pick} and return one line.",
            "Rewrite {entries:list} for the window of {place}: {rule:pick}.",
            "{Event} in {town} needs its programme in another shape. Take {entries:list} and {rule:pick}.",
            '"{entries:list}", reads the order of {name2}. The {role} of {place} wants you to {rule:pick}. How does it read then?',
            "Please {rule:pick} in the list that {name} prepared {purpose}.\n{entries:list}",
            "{name2} of {town} prints {measures} tags for {event} and asks you to {rule:pick}.\n{entries:list}",
            "As agreed with the {role} at {place}, {rule:pick}, then send the line back to {name}.\n"
            "Raw line from {doc}: {entries:list}",
        ),
        "zh": (
            "{name}递来一串：{entries:list}。写进{doc}之前，请{rule:pick}，只回一行。",
            "请为{place}的橱窗改写{entries:list}，要求：{rule:pick}。",
            "{town}的{event}要换一种节目单。请取{entries:list}，{rule:pick}。",
            "“{entries:list}”，{name2}的订单这样写着。{place}的{role}要你{rule:pick}，之后怎么写？",
            "{name}为了{purpose}备好了列表，请{rule:pick}。\n{entries:list}",
            "{town}的{name2}给{event}的每{measures}印签，请你{rule:pick}。\n{entries:list}",
            "照与{place}那位{role}的约定，{rule:pick}，再把这行发回给{name}。\n{doc}原文：{entries:list}",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"rule": _RULES},
    rule=(
        "Treat the entries one by one and leave everything alone that the rule does not mention.",
        "逐项处理，规则没提到的一概不动。",
    ),
)
