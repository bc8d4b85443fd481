"""The sentence in front of a task: it sets the scene or names the topic. Nothing in it changes the answer."""

from functools import cache
from random import Random

from teachers.builtin.pattern import Pattern
from teachers.builtin.task import Language, Lead, freeze_words

_SCENE: dict[Language, tuple[str, ...]] = {
    "en": (
        "{name} works as {a_role} in {town} and wants {purpose}.",
        "With {event} coming up, {place} needs one thing settled.",
        "A question from {name2}, who keeps {doc} at {place}:",
        "This came up while {name} and {name2} were checking {doc}.",
        "{Place} in {town} is getting ready for {event}.",
        "Help {a_role} called {name}, who has {purpose} before {event}.",
        "Notes from {town}, taken by {name2} during {event}:",
        "{name} has been asked {purpose}, with {doc} as the only source.",
        "Between two rounds of {items}, {name2} hands you this slip.",
        "On the wall of {place} hangs a riddle for visitors:",
        "Since {event} went wrong last year, {name} double-checks everything.",
        "You assist the {role} of {place}; here is today's desk question.",
        '"Could you look at this {purpose}?" asks {name} from {town}.',
        "An apprentice {role} copied the following from {doc}.",
    ),
    "zh": (
        "{name}在{town}做{role}，正要{purpose}。",
        "{event}快到了，{place}有一件事要弄清楚。",
        "在{place}管{doc}的{name2}提了个问题：",
        "{name}和{name2}核对{doc}时碰到了这道题。",
        "{town}的{place}正在为{event}做准备。",
        "请帮帮{role}{name}，他得赶在{event}之前{purpose}。",
        "这是{name2}在{event}期间记下的内容，地点是{town}：",
        "{name}受托{purpose}，手头只有{doc}。",
        "忙完两批{items}，{name2}递来一张纸条。",
        "{place}的墙上给来客留了一道题：",
        "去年{event}出过岔子，{name}今年样样都要复核。",
        "你在{place}给{role}当助手，今天桌上放着这个问题。",
        "“为了{purpose}，麻烦看一下这个。”{town}的{name}说。",
        "学徒{role}从{doc}里抄下了这些。",
    ),
}
_TOPIC: dict[Language, tuple[str, ...]] = {
    "en": (
        "{name} is putting together a worksheet on {topic} for a class in {town}.",
        "From a quiz evening about {topic} at {place}:",
        "For a magazine page on {topic}, {name2} needs one figure checked.",
        "A study circle in {town} is reading about {topic} and got stuck here.",
        "{Place} runs a weekend course on {topic}; this is one of its exercises.",
        "While preparing a talk about {topic}, {name} met this question.",
        "Topic of the day: {topic}.",
        "A blog about {topic} asks its readers:",
        "{name2}, {a_role}, has taken up {topic} and keeps careful notes.",
        "In a forum on {topic}, someone from {town} writes:",
        "Exercise for the chapter on {topic}, tested during {event}:",
        "An intern at {place} collects material about {topic}.",
    ),
    "zh": (
        "{name}在{town}为一节讲{topic}的课准备练习。",
        "{place}办了一场关于{topic}的问答晚会，题目如下：",
        "杂志要登一页{topic}的内容，{name2}得先核对一个结果。",
        "{town}的读书小组正在看{topic}，卡在了这里。",
        "{place}周末开设{topic}课程，这是其中一题。",
        "{name}准备{topic}的讲座时遇到了这个问题。",
        "今日话题：{topic}。",
        "一个专写{topic}的博客向读者提问：",
        "{role}{name2}最近迷上了{topic}，笔记做得很仔细。",
        "在{topic}论坛上，有位{town}的网友写道：",
        "以下是{topic}一章的习题，曾在{event}上试用：",
        "{place}的实习生正在收集{topic}的资料。",
    ),
}


@cache
def patterns(language: Language) -> tuple[Pattern, ...]:
    """All leads, scene leads first; a lead's wording is its index here."""
    return tuple(Pattern(text + gap(language), language) for text in (*_SCENE[language], *_TOPIC[language]))


def gap(language: Language) -> str:
    """What stands between two sentences."""
    return "" if language == "zh" else " "


def draw_lead(language: Language, cast: dict[str, str], topic: str | None, rng: Random) -> Lead:
    """A lead for ``cast``, naming ``topic`` if there is one."""
    scenes = len(_SCENE[language])
    index = rng.randrange(scenes) if topic is None else scenes + rng.randrange(len(_TOPIC[language]))
    known = cast if topic is None else {**cast, "topic": topic}
    return Lead(index, freeze_words({word: known[word] for word in patterns(language)[index].words}))


def write_lead(lead: Lead, language: Language) -> str:
    """The sentence, with the gap that follows it."""
    return patterns(language)[lead.wording].fill(dict(lead.words))


def split_leads(text: str, language: Language) -> list[tuple[Lead | None, str]]:
    """All ways to take a lead off the text, none last: a wording that begins with data would swallow its lead."""
    ways: list[tuple[Lead | None, str]] = []
    for index, pattern in enumerate(patterns(language)):
        found = pattern.head(text)
        words = pattern.read_words(found[0]) if found else None
        if found and words is not None:
            ways.append((Lead(index, freeze_words(words)), found[1]))
    return [*ways, (None, text)]
