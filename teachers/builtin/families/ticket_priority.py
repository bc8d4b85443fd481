"""Priority of a request by rule: blocked work or many people make it urgent, a long wait makes it normal."""

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_SETS = {
    "haste": (("urgent", "normal", "low"), ("紧急", "普通", "不急")),
    "letter": (("A", "B", "C"), ("甲", "乙", "丙")),
    "colour": (("red", "yellow", "green"), ("红", "黄", "绿")),
    "when": (("now", "today", "later"), ("立即", "当天", "以后")),
    "rank": (("critical", "ordinary", "minor"), ("重大", "平常", "轻微")),
}
_STATES = {"stands": ("work stands still", "工作停了"), "goes": ("work goes on", "工作照常")}


def _draw(d: Draw) -> dict[str, Value]:
    many = d.fixed("many", d.rng.randint(3, 60))
    hours = d.fixed("hours", d.rng.randint(2, 72))
    if not isinstance(many, int) or not isinstance(hours, int):
        raise TypeError("marks are ints")
    return {
        "many": many,
        "hours": hours,
        "labels": d.rng.choice(list(_SETS)),
        "state": d.rng.choice(["stands", "goes", "goes", "goes"]),
        "people": d.rng.randint(max(1, many // 3), many + (many // 2 if d.rng.random() < 0.4 else 0)),
        "wait": d.rng.randint(max(1, hours // 3), hours * 2),
    }


def _solve(p: Params) -> Solution:
    en, zh = _SETS[p.text("labels")]
    people, many, wait, hours = (p.whole(name) for name in ("people", "many", "wait", "hours"))
    if p.text("state") == "stands":
        at, why = 0, p.say("Work stands still.", "工作停了。")
    elif people > many:
        at, why = 0, p.say(f"{people} people are more than {many}.", f"{people}人超过{many}人。")
    elif wait > hours:
        at, why = (
            1,
            p.say(f"Neither holds, but {wait} hours exceed {hours}.", f"都不符合，但{wait}小时超过{hours}小时。"),
        )
    else:
        at, why = (
            2,
            p.say(
                f"Work goes on, {people} is not over {many} and {wait} not over {hours}.",
                f"工作照常，{people}不超过{many}，{wait}也不超过{hours}。",
            ),
        )
    label = p.say(en[at], zh[at])
    return solved(label, p, [why, p.say(f"So the label is {label}.", f"因此标签是{label}。")], "{answer}")


FAMILY = Family(
    wordings={
        "en": (
            "Assign one of {labels:pick} to the request: the first if work stands still or more than {many:int} people are "
            "hit, the second if it has waited over {hours:int} hours, else the third. {name} runs this desk at {place}.\n"
            "{name2} reports from {town}: the {items} are wrong for {people:int} people, {state:pick}, open for {wait:int} "
            "hours.",
            "{Place} files complaints under {labels:pick}. Standstill or over {many:int} persons means the first label; "
            "failing that, a wait beyond {hours:int} hours the second; the rest is third. Which label does {event} call "
            "for?\npeople: {people:int}\nhours: {wait:int}\nstate: {state:pick}",
            "How should {name2} tag the entry, given the labels {labels:pick} and the {role}'s rules: (1) idle work or "
            "above {many:int} affected, (2) otherwise older than {hours:int} hours, (3) anything else?\n"
            "Entry of {doc}: {people:int} affected, {wait:int} hours old, {state:pick}",
            "Sort the call into {labels:pick}, as agreed in {town} for {event}: top class at a standstill or with more than "
            "{many:int} callers, middle class after more than {hours:int} hours, bottom class otherwise.\n"
            "Call taken by {name}: {state:pick}; {people:int} callers; {wait:int} hours",
            "{name} triages messages about {items} with {labels:pick}, strictest first. The strictest needs idle work or a "
            "group larger than {many:int}; the next needs more than {hours:int} hours. Here {people:int} people have "
            "waited {wait:int} hours and {state:pick}. Pick the label.",
            "During {event}, {people:int} people wait since {wait:int} hours at {place} and {state:pick}. Which of "
            "{labels:pick} fits, if a standstill or over {many:int} people gives the first, over {hours:int} hours the "
            "second and all else the third?",
        ),
        "zh": (
            "请给这条报修定为{labels:pick}之一：工作停了或受影响超过{many:int}人取第一个，否则等候超过{hours:int}小时取第二个，"
            "其余取第三个。{place}由{name}受理。\n{name2}从{town}来报：{items}出错，涉及{people:int}人，{state:pick}，已等{wait:int}小时。",
            "{place}把投诉分成{labels:pick}。停工或多于{many:int}人属第一类；不然，等了{hours:int}小时以上属第二类；剩下的属第三类。"
            "{event}这一条属于哪类？\n人数：{people:int}\n小时：{wait:int}\n状态：{state:pick}",
            "标签有{labels:pick}，{role}的规矩是：一、停工或影响{many:int}人以上；二、否则挂了{hours:int}小时以上；三、其他。{name2}该贴哪个？\n"
            "{doc}中的条目：影响{people:int}人，挂了{wait:int}小时，{state:pick}",
            "按{town}为{event}商定的办法，把来电归入{labels:pick}：停工或来电多于{many:int}人为上等，超过{hours:int}小时为中等，否则为下等。\n"
            "{name}接的电话：{state:pick}；{people:int}人；{wait:int}小时",
            "{name}用{labels:pick}给关于{items}的留言分轻重，最重的在前。最重的要停工或人数大于{many:int}，次一级要超过{hours:int}小时。"
            "现有{people:int}人等了{wait:int}小时，{state:pick}。请选标签。",
            "{event}期间，{place}有{people:int}人等了{wait:int}小时，{state:pick}。若停工或超过{many:int}人取第一个，超过{hours:int}小时取第二个，"
            "此外取第三个，{labels:pick}中哪个合适？",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=lambda p: min(p.whole("people"), p.whole("many"), p.whole("wait"), p.whole("hours")) > 0,
    classification=True,
    picks={
        "labels": {key: (", ".join(en), "、".join(zh)) for key, (en, zh) in _SETS.items()},
        "state": _STATES,
    },
    vary={"people": ("the number of people", "人数"), "wait": ("the wait in hours", "等候的小时数")},
    rule=(
        "Check the conditions from the strictest to the mildest and stop at the first that holds.",
        "从最严的条件查到最宽的，遇到第一个成立的就停。",
    ),
)
