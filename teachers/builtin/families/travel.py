"""Speed, distance and time: one of the three from the others, two that meet, one that catches up, a stop on the way."""

from collections.abc import Callable
from decimal import Decimal

from teachers.builtin.family import Family, wording
from teachers.builtin.numbers import noun
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_VEHICLES = {
    "van": ("delivery van", "送货车"),
    "bus": ("minibus", "中巴"),
    "lorry": ("lorry", "卡车"),
    "tram": ("light train", "轻轨车"),
    "scooter": ("motor scooter", "摩托车"),
    "taxi": ("taxi", "出租车"),
    "jeep": ("jeep", "吉普车"),
    "boat": ("speedboat", "快艇"),
    "coach": ("coach", "大巴"),
    "pickup": ("pickup", "皮卡"),
}


def _draw(d: Draw) -> dict[str, Value]:
    rng, kind = d.rng, d.given["kind"]
    slow, fast = sorted(rng.sample(range(18, 103, 6), 2))
    speed, speed2 = (slow, fast) if kind == "chase" else (fast, slow)
    minutes = rng.randint(2, 30) * (5 if kind == "far" else 10)
    together = speed + speed2 if kind == "meet" else speed
    return {
        "speed": speed,
        "speed2": speed2,
        "minutes": minutes,
        "km": together * minutes // 60,
        "pause": rng.randint(3, 55),
        "early": rng.randint(1, 12) * 5,
        "vehicle": rng.choice(list(_VEHICLES)),
    }


def _holds(p: Params) -> bool:
    kind = p.text("kind")
    if any(p.whole(name) < 1 for name in p if name not in ("kind", "vehicle")):
        return False
    if kind == "far":
        return p.whole("speed") * p.whole("minutes") * 10 % 60 == 0
    if kind == "pace":
        return p.whole("km") * 60 % p.whole("minutes") == 0
    if kind == "chase":
        gain = p.whole("speed2") - p.whole("speed")
        return gain > 0 and p.whole("speed") * p.whole("early") % gain == 0
    return p.whole("km") * 60 % (p.whole("speed") + (p.whole("speed2") if kind == "meet" else 0)) == 0


def _far(p: Params) -> Solution:
    speed, minutes = p.whole("speed"), p.whole("minutes")
    way = Decimal(speed * minutes) / 60
    steps = [
        p.say(f"{minutes} minutes are {minutes}/60 of an hour.", f"{minutes}分钟是{minutes}/60小时。"),
        f"{speed} × {minutes} / 60 = {show_result(way, p.language)}",
    ]
    return solved(way, p, steps, p.say("The way is {answer} kilometres long.", "这段路长{answer}公里。"))


def _pace(p: Params) -> Solution:
    km, minutes = p.whole("km"), p.whole("minutes")
    steps = [
        p.say(f"{km} km in {minutes} minutes; an hour has 60.", f"{minutes}分钟走{km}公里，一小时有60分钟。"),
        f"{km} × 60 / {minutes} = {km * 60 // minutes}",
    ]
    return solved(
        km * 60 // minutes, p, steps, p.say("The speed is {answer} kilometres per hour.", "速度是每小时{answer}公里。")
    )


def _chase(p: Params) -> Solution:
    speed, speed2, early = p.whole("speed"), p.whole("speed2"), p.whole("early")
    gain = speed2 - speed
    steps = [
        p.say(
            f"The gain is {speed2} - {speed} = {gain} km in an hour.", f"每小时追近{speed2} - {speed} = {gain}公里。"
        ),
        p.say(
            f"The lead is worth {early} minutes at {speed} km/h.", f"领先的是以每小时{speed}公里走{early}分钟的路程。"
        ),
        f"{speed} × {early} / {gain} = {speed * early // gain}",
    ]
    return solved(
        speed * early // gain,
        p,
        steps,
        p.say(f"It takes {{answer}} {noun(speed * early // gain, 'minute')} to catch up.", "{answer}分钟后追上。"),
    )


def _time(p: Params) -> Solution:
    kind, km, speed = p.text("kind"), p.whole("km"), p.whole("speed")
    steps = []
    if kind == "meet":
        steps.append(
            p.say(
                f"They close in at {speed} + {p.whole('speed2')} km/h.",
                f"两车每小时靠近{speed} + {p.whole('speed2')}公里。",
            )
        )
        speed += p.whole("speed2")
    minutes = km * 60 // speed
    steps.append(f"{km} × 60 / {speed} = {minutes}")
    if kind == "stop":
        steps.append(f"{minutes} + {p.whole('pause')} = {minutes + p.whole('pause')}")
        minutes += p.whole("pause")
    return solved(minutes, p, steps, p.say(f"It takes {{answer}} {noun(minutes, 'minute')}.", "需要{answer}分钟。"))


_SOLVERS: dict[str, Callable[[Params], Solution]] = {"far": _far, "pace": _pace, "chase": _chase}


def _solve(p: Params) -> Solution:
    return _SOLVERS.get(p.text("kind"), _time)(p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "The {vehicle:pick} with {items} for {event} needs {minutes:int} minutes from {place} at a steady "
                "{speed:int} km/h. What distance in km goes into {doc}?",
                kind="far",
            ),
            wording(
                "{name2} drives {km:int} kilometres to {town} in a {vehicle:pick}, averaging {speed:int} km/h, "
                "{purpose}. How many minutes is that?",
                kind="reach",
            ),
            wording(
                "Determine the average speed in km/h: according to {doc}, the {vehicle:pick} of {place} covered "
                "{km:int} km in {minutes:int} minutes during {event}.",
                kind="pace",
            ),
            wording(
                "Driving towards each other from {km:int} km apart, {name} ({town}) keeps {speed:int} km/h and "
                "{name2} ({place}) {speed2:int} km/h. After how many minutes do they meet {purpose}?",
                kind="meet",
            ),
            wording(
                "Because of {event} a {vehicle:pick} left {place} at {speed:int} km/h; {early:int} minutes later "
                "{name} followed with the forgotten {items} at {speed2:int} km/h. How many minutes did the pursuit "
                "last?",
                kind="chase",
            ),
            wording(
                "{km:int} km to {town} with the {role}'s {vehicle:pick}, {speed:int} km/h throughout, plus one halt "
                "of {pause:int} minutes {purpose}: give {name2} the travelling time in minutes.",
                kind="stop",
            ),
            wording(
                "Work out the length in kilometres of the route which {name} took from {place}.",
                "Vehicle: {vehicle:pick}\nSpeed: {speed:int} km/h\nTime: {minutes:int} min",
                kind="far",
            ),
        ),
        "zh": (
            wording(
                "为{event}送{items}的{vehicle:pick}从{place}出发，以每小时{speed:int}公里匀速走了{minutes:int}分钟，"
                "{doc}里该登记多少公里？",
                kind="far",
            ),
            wording(
                "为了{purpose}，{name2}开{vehicle:pick}去{town}，路程{km:int}公里，平均时速{speed:int}公里，"
                "路上要几分钟？",
                kind="reach",
            ),
            wording(
                "求平均时速：据{doc}，{place}的{vehicle:pick}在{event}期间用{minutes:int}分钟走完{km:int}公里。",
                kind="pace",
            ),
            wording(
                "{name}以每小时{speed:int}公里驶出{town}，{name2}以每小时{speed2:int}公里从{place}迎面开来，"
                "相距{km:int}公里。几分钟后会合？",
                kind="meet",
            ),
            wording(
                "因为{event}，一辆{vehicle:pick}以时速{speed:int}公里驶离{place}，"
                "{early:int}分钟后{name}带着落下的{items}以时速{speed2:int}公里追赶，追多少分钟才赶上？",
                kind="chase",
            ),
            wording(
                "乘{role}的{vehicle:pick}到{town}有{km:int}公里，全程时速{speed:int}公里，"
                "中途为了{purpose}停{pause:int}分钟：请告诉{name2}共花几分钟。",
                kind="stop",
            ),
            wording(
                "算出{name}从{place}出发所走路线的公里数。",
                "车辆：{vehicle:pick}\n时速：{speed:int}公里\n用时：{minutes:int}分钟",
                kind="far",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    picks={"vehicle": _VEHICLES},
    vary={
        "speed": ("the speed in km/h", "时速"),
        "minutes": ("the time in minutes", "用时的分钟数"),
        "km": ("the distance in km", "公里数"),
        "pause": ("the length of the halt", "停留的分钟数"),
    },
    rule=(
        "Distance is speed times time, with the time in hours.",
        "路程等于速度乘以时间，时间以小时计。",
    ),
)
