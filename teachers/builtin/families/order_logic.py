"""Ranking from comparisons: who is first, second or last when A is taller than B, B older than C and so on."""

import re
from itertools import pairwise, permutations

from teachers.builtin.family import Family
from teachers.builtin.scenes import names
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_SCALES = {
    "tall": (("taller", "shorter"), ("高", "矮")),
    "old": (("older", "younger"), ("年长", "年轻")),
    "fast": (("faster", "slower"), ("快", "慢")),
    "loud": (("louder", "quieter"), ("大声", "小声")),
    "early": (("earlier", "later"), ("早", "晚")),
    "rich": (("richer", "poorer"), ("富", "穷")),
    "strong": (("stronger", "weaker"), ("强", "弱")),
}
_CLUE = {
    "en": re.compile(r"(\S+) is (\w+) than (\S+)"),
    "zh": re.compile(r"(.+?)比(.+?)(高|矮|年长|年轻|快|慢|大声|小声|早|晚|富|穷|强|弱)"),
}
_PLACES = {"1": ("first", "第一个"), "2": ("second", "第二个"), "3": ("third", "第三个"), "0": ("last", "最后一个")}


def _draw(d: Draw) -> dict[str, Value]:
    people = d.rng.sample(names(d.language), d.rng.randint(4, 5))
    scale = str(d.fixed("scale", d.rng.choice(list(_SCALES))))
    more, less = _SCALES[scale][d.language == "zh"]
    links = list(pairwise(people))
    if d.rng.random() < 0.4:
        links.append((people[0], people[2]))
    d.rng.shuffle(links)
    clues = [_clue(d, high, low, more, less) for high, low in links]
    return {"clues": d.say("; ", "；").join(clues), "scale": scale, "at": d.rng.choice(list(_PLACES))}


def _clue(d: Draw, high: str, low: str, more: str, less: str) -> str:
    if d.rng.random() < 0.5:
        return d.say(f"{high} is {more} than {low}", f"{high}比{low}{more}")
    return d.say(f"{low} is {less} than {high}", f"{low}比{high}{less}")


def _links(p: Params) -> list[tuple[str, str]]:
    """Pairs (higher, lower); of another scale, none."""
    more, less = _SCALES[p.text("scale")][p.language == "zh"]
    links = []
    for clue in re.split("; |；", p.text("clues")):
        found = _CLUE[p.language].fullmatch(clue)
        one, way, other = (found[1], found[2], found[3]) if found else ("", "", "")
        if found and p.language == "zh":
            way, other = other, way
        if way not in (more, less):
            return []
        links.append((one, other) if way == more else (other, one))
    return links


def _orders(p: Params) -> list[tuple[str, ...]]:
    links = _links(p)
    people = sorted({name for link in links for name in link})
    if not 2 < len(people) < 7:
        return []
    return [order for order in permutations(people) if all(order.index(high) < order.index(low) for high, low in links)]


def _solve(p: Params) -> Solution:
    order = _orders(p)[0]
    links = p.say("; ", "；").join(p.say(f"{high} before {low}", f"{high}在{low}之前") for high, low in _links(p))
    line = " > ".join(order)
    steps = [
        p.say(f"From the higher end down: {links}.", f"由高到低看：{links}。"),
        p.say(f"Only one order fits: {line}.", f"只有一种排法：{line}。"),
    ]
    if "at" not in p:
        return solved(order, p, steps, p.say("The order is: {answer}.", "顺序是：{answer}。"))
    place = int(p.text("at")) - 1
    said = p.say(f"It is {{answer}}; the whole order is {line}.", f"是{{answer}}，完整的顺序为{line}。")
    return solved(order[place], p, steps, said)


def _scale_text(key: str) -> tuple[str, str]:
    (more, less), (more_zh, less_zh) = _SCALES[key]
    return f"from {more[:-2]}est to {less[:-2]}est", f"从{more_zh}到{less_zh}"


FAMILY = Family(
    wordings={
        "en": (
            "{clues:text}. If {name} lines them up {scale:pick} for a photo at {event}, who comes {at:pick}?",
            "The {role} of {place} recalls the following: {clues:text}. Sorted {scale:pick}, which person stands "
            "{at:pick}?",
            'In {doc} it says "{clues:text}". {name2} needs all names in one row, {scale:pick}. What is the row?',
            "Some guests of {event} in {town} were compared: {clues:text}. Tell {name} who takes the {at:pick} spot, "
            "counting {scale:pick}.",
            "Find the one sequence, {scale:pick}, that agrees with every remark {name} overheard at {place}.\n"
            "{clues:text}.",
            "{name2} draws up the line for {event} {scale:pick} and asks the {role} who is {at:pick}. Use the "
            "remarks.\n"
            "{clues:text}.",
            "Deduce from the statements below, collected in {town} {purpose}, whose turn is {at:pick} when people go "
            "{scale:pick}.\nWhat is known: {clues:text}.",
        ),
        "zh": (
            "{clues:text}。{name}在{event}上给大家{scale:pick}排队照相，{at:pick}是谁？",
            "{place}的{role}只记得：{clues:text}。{scale:pick}排列，{at:pick}是哪一位？",
            "{doc}里写着“{clues:text}”。{name2}要把所有名字{scale:pick}排成一行，这一行是什么？",
            "{town}{event}的几位客人被拿来比较：{clues:text}。请告诉{name}，{scale:pick}数，{at:pick}是谁。",
            "请找出符合{name}在{place}听到的每句话的唯一次序，{scale:pick}写出来。\n{clues:text}。",
            "{name2}给{event}排队，规矩是{scale:pick}，{role}问{at:pick}是谁，请根据这些话回答。\n{clues:text}。",
            "以下是为了{purpose}在{town}收集的说法。大家{scale:pick}依次上前，请推断{at:pick}轮到谁。\n已知："
            "{clues:text}。",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=lambda p: len(_orders(p)) == 1 and ("at" not in p or len(_orders(p)[0]) > 2),
    picks={"scale": {key: _scale_text(key) for key in _SCALES}, "at": _PLACES},
    rule=(
        "Turn every comparison the same way round, then chain those that share a person.",
        "先把每个比较都改成同一方向，再把有共同人物的连起来。",
    ),
)
