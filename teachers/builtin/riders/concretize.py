"""Concrete settings: who asks, where, on which day, for whom. Those that ask for a trace in the reply get one."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

from teachers.builtin.draft import FRAME, Draft, RiderKind, Site
from teachers.builtin.slots import KINDS as SLOT_KINDS
from teachers.builtin.task import Params, Value

_FIRST_DAY = date(2015, 1, 1)
_DAYS = 4000


def _draw_day(site: Site, rng: Random) -> Mapping[str, Value] | None:
    # A task happens on one day, even if two riders name it.
    days = [value for rider in site.task.riders for slot, value in rider.values if slot == "day"]
    return {"day": days[0] if days else _FIRST_DAY + timedelta(days=rng.randrange(_DAYS))}


def _draw_desk(site: Site, rng: Random) -> Mapping[str, Value] | None:
    return {"desk": rng.randint(2, 98)}


def _nothing(site: Site, draft: Draft, p: Params) -> None:
    """The setting is told; the answer stays."""


def _address(site: Site, draft: Draft, p: Params) -> None:
    name = p.text("name")
    draft.start = draft.say(f"For {name}:", f"致{name}：")


def _date(site: Site, draft: Draft, p: Params) -> None:
    day = SLOT_KINDS["date"].show(p.day("day"), draft.language)
    draft.extra.append(draft.say(f"This holds for {day}.", f"以上情况对应{day}。"))


KINDS = (
    RiderKind(
        "setting", "concretize", FRAME,
        {
            "en": (
                "On {day:date}, {name} from {place} in {town} had to solve this {purpose}.",
                "It is {day:date} in {town}: {name}, {a_role}, stands in {place} with a pencil.",
                "The case comes from {place} in {town}, where {name2} wrote it down on {day:date} during {event}.",
                "Picture {place} in {town} on {day:date}, shortly before {event}, with {name} in charge.",
                "Dated {day:date}, this note by {name2} of {place} concerns {event} in {town}.",
            ),
            "zh": (
                "{day:date}，{town}{place}的{name}为了{purpose}，得先解决下面的问题。",
                "时间是{day:date}，地点是{town}：{role}{name}正拿着铅笔站在{place}。",
                "这件事出自{town}的{place}，由{name2}于{day:date}在{event}期间记下。",
                "设想{day:date}的{town}{place}，{event}即将开始，由{name}负责。",
                "这张落款{day:date}的便条由{place}的{name2}所写，谈的是{town}的{event}。",
            ),
        },
        _draw_day, _nothing, place="front",
    ),
    RiderKind(
        "recipient", "concretize", FRAME,
        {
            "en": (
                "Address the reply by name to {name2}, {a_role} at {place} in {town}, opening with \"For\" and "
                "the name.",
                "The reply goes to {name2} in {town}, who works at {place}, so start it with \"For\", the name "
                "and a colon.",
                "Since {name2} of {place} will read it during {event}, put \"For {name2}:\" in front.",
                "Write it as a note for the {role} {name2} from {town}, headed \"For {name2}:\".",
            ),
            "zh": (
                "答复写给{town}{place}的{role}{name2}，以“致”加姓名开头。",
                "收信人是{place}的{name2}，人在{town}，请以“致”、姓名和冒号起笔。",
                "因为{place}的{name2}会在{event}期间读到，请在最前面写上“致{name2}：”。",
                "请写成给{town}{role}{name2}的便条，抬头为“致{name2}：”。",
            ),
        },
        lambda site, rng: {}, _address, group="opening",
    ),
    RiderKind(
        "occasion", "concretize", FRAME,
        {
            "en": (
                "All of it happened at {place} in {town} on {day:date}; the reply should say for which day it holds.",
                "Take {day:date} as the day and {place} in {town} as the location, and mention the day in the reply.",
                "For the files of {place} in {town}, note in the reply that the case belongs to {day:date}.",
                "The events took place in {town} on {day:date}, during {event}, and the reply must name that date.",
            ),
            "zh": (
                "这一切发生在{day:date}的{town}{place}，答复中要说明对应哪一天。",
                "以{day:date}为日期、{town}{place}为地点，并在答复里提到这个日期。",
                "为便于{town}{place}存档，请在答复中注明此事属于{day:date}。",
                "事情发生在{event}期间的{town}，那天是{day:date}，答复须写出日期。",
            ),
        },
        _draw_day, _date,
    ),
    RiderKind(
        "desk", "concretize", FRAME,
        {
            "en": (
                "The request was handed in by {name2} at counter {desk:int} of {place}, the one reserved for {event}.",
                "Behind the question stands {name2}, {a_role} from {town}, who waits at table {desk:int} for {event}.",
                "To make it concrete, imagine {name2} reading it aloud from page {desk:int} of {doc} at {place}.",
                "Everything refers to shelf {desk:int} at {place} in {town}, where {name2} keeps the stock for "
                "{event}.",
            ),
            "zh": (
                "这项请求由{name2}在{place}的{desk:int}号柜台递交，该柜台专为{event}而设。",
                "提问的是{town}的{role}{name2}，正在{desk:int}号桌等候{event}。",
                "具体来说，设想{name2}在{place}念着{doc}第{desk:int}页上的这段话。",
                "一切都指{town}{place}的{desk:int}号货架，{name2}在那里存放{event}要用的东西。",
            ),
        },
        _draw_desk, _nothing,
    ),
)  # fmt: skip
