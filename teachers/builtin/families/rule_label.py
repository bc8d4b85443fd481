"""Classification by a rule in the text: a reading falls below, between or above two marks and gets that label."""

from teachers.builtin.family import Family
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_SETS = {
    "load": (("light", "normal", "heavy"), ("轻载", "正常", "超载")),
    "haste": (("low", "medium", "urgent"), ("不急", "一般", "紧急")),
    "size": (("small", "standard", "oversized"), ("小号", "标准", "特大")),
    "fill": (("scarce", "adequate", "plentiful"), ("短缺", "够用", "充足")),
    "price": (("budget", "mid-range", "premium"), ("平价", "中档", "高档")),
    "light": (("green", "amber", "red"), ("绿", "黄", "红")),
    "age": (("fresh", "mature", "expired"), ("新鲜", "成熟", "过期")),
}


def _draw(d: Draw) -> dict[str, Value]:
    low = d.fixed("low", d.rng.randint(10, 90))
    high = d.fixed("high", (low if isinstance(low, int) else 0) + d.rng.randint(8, 90))
    if not isinstance(low, int) or not isinstance(high, int):
        raise TypeError("marks are ints")
    reach = high - low
    reading = d.rng.randint(max(1, low - reach), high + reach)
    return {"low": low, "high": high, "labels": d.rng.choice(list(_SETS)), "reading": reading}


def _holds(p: Params) -> bool:
    return p.whole("low") < p.whole("high")


def _solve(p: Params) -> Solution:
    low, high, reading = p.whole("low"), p.whole("high"), p.whole("reading")
    en, zh = _SETS[p.text("labels")]
    at = 0 if reading < low else 1 if reading <= high else 2
    why = (
        p.say(f"{reading} is below {low}.", f"{reading}小于{low}。"),
        p.say(f"{reading} lies from {low} to {high}.", f"{reading}在{low}到{high}之间。"),
        p.say(f"{reading} is above {high}.", f"{reading}大于{high}。"),
    )[at]
    label = p.say(en[at], zh[at])
    steps = [why, p.say(f"So the label is {label}.", f"因此标签是{label}。")]
    return solved(label, p, steps, "{answer}")


FAMILY = Family(
    wordings={
        "en": (
            "Classify the reading as {labels:pick}: the first label below {low:int}, the last above {high:int}, "
            "the middle one "
            "otherwise. {name} took {reading:int} at {place}.",
            "At {place} a value under {low:int} gets the first of the labels {labels:pick}, a value over "
            "{high:int} the third, "
            "anything else the second. Which label fits the {items} that {name2} rated {reading:int}?",
            "{name} sorts {items} for {event} into three groups, {labels:pick}; they stand for less than "
            "{low:int}, {low:int} to "
            "{high:int}, and more than {high:int}. Give the group for {reading:int}.",
            "Which category, {labels:pick}, applies? The {role} of {place} uses the marks {low:int} and "
            "{high:int}: lower means the "
            "first, higher the third, in between or equal the second.\nMeasured by {name} in {town}: {reading:int}",
            "Label the entry from {doc} with one word from {labels:pick}. Entries smaller than {low:int} take the "
            "first word, those "
            "greater than {high:int} the last, all others the middle one.\nEntry by {name2} for {event}: {reading:int}",
            "Decide for {name} of {town} how the {items} count, in the order {labels:pick}, when the limits are "
            "{low:int} (below it: "
            "first) and {high:int} (above it: last).\nScore of the {items}: {reading:int}",
        ),
        "zh": (
            "请把读数归为{labels:pick}之一：小于{low:int}取第一个，大于{high:int}取最后一个，其余取中间。"
            "{name}在{place}读到{reading:int}。",
            "在{place}，低于{low:int}的数值用标签{labels:pick}中的第一个，高于{high:int}的用第三个，别的用第二个。"
            "{name2}给{items}评了{reading:int}，该用哪个标签？",
            "{name}为{event}把{items}分成三类：{labels:pick}，"
            "依次表示不到{low:int}、{low:int}到{high:int}、超过{high:int}。"
            "请给出{reading:int}所属的类别。",
            "以下属于{labels:pick}中的哪一类？{place}的{role}以{low:int}和{high:int}为界：更低为第一类，更高为第三类，"
            "居中或相等为第二类。\n{name}在{town}测得：{reading:int}",
            "请从{labels:pick}里选一个词，给{doc}中的条目贴标签。比{low:int}小的用第一个词，"
            "比{high:int}大的用最后一个，"
            "其他用中间的。\n{name2}为{event}记的条目：{reading:int}",
            "替{town}的{name}判断{items}算哪一档，次序为{labels:pick}，"
            "界限是{low:int}（以下为首档）和{high:int}（以上为末档）。"
            "\n{items}的得分：{reading:int}",
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    classification=True,
    picks={"labels": {key: (", ".join(en), "、".join(zh)) for key, (en, zh) in _SETS.items()}},
    vary={"reading": ("the value to be labelled", "要归类的数值")},
    rule=(
        "Compare the value with the lower mark first and with the upper mark second; a value on a mark belongs in "
        "the middle.",
        "先与较低的界限比，再与较高的界限比；正好落在界限上的属于中间一类。",
    ),
)
