"""Clock and timetables: arrivals, durations, time zones by offset, the n-th or the next departure, a running order."""

from collections.abc import Callable

from teachers.builtin.family import Family, wording
from teachers.builtin.numbers import noun
from teachers.builtin.scenes import towns
from teachers.builtin.task import Draw, Params, Solution, Value, solved

_DAY = 24 * 60


def _draw(d: Draw) -> dict[str, Value]:
    rng = d.rng
    start, minutes, every = rng.randint(240, 960), rng.randint(7, 330), rng.randint(6, 55)
    stops, at, table = rng.sample(towns(d.language), rng.randint(3, 5)), start, []
    for stop in stops:
        table.append((stop, _clock(at)))
        at += rng.randint(4, 75)
    return {
        "start": start,
        "end": start + minutes,
        "minutes": minutes,
        "hours": rng.randint(2, 11),
        "every": every,
        "nth": rng.randint(4, 14),
        "now": start + rng.randint(every, 7 * every),
        "plan": tuple((name, str(rng.randint(5, 58))) for name in d.goods(rng.randint(3, 5))),
        "stops": tuple(table),
    }


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _holds(p: Params) -> bool:
    if any(p.whole(name) < 1 for name in ("minutes", "hours", "every", "nth") if name in p):
        return False
    if any(not 0 <= p.whole(name) < _DAY for name in ("start", "end", "now") if name in p):
        return False
    kind = p.text("kind")
    if kind in ("lasts", "next"):
        return p.whole("start") < p.whole("end" if kind == "lasts" else "now")
    if kind == "ride":
        times = [_minutes(row[1]) for row in p.rows("stops")]
        return len(times) > 1 and times == sorted(set(times))
    return 0 <= _moment(p) < _DAY


def _moment(p: Params) -> int:
    """The time of day that the other kinds ask for."""
    kind = p.text("kind")
    if kind == "latest":
        return p.whole("end") - p.whole("minutes")
    if kind == "nth":
        return p.whole("start") + (p.whole("nth") - 1) * p.whole("every")
    if kind in ("ahead", "behind"):
        return p.whole("start") + (60 if kind == "ahead" else -60) * p.whole("hours")
    return p.whole("start") + (sum(int(row[1]) for row in p.rows("plan")) if kind == "plan" else p.whole("minutes"))


def _lasts(p: Params) -> Solution:
    start, end = p.whole("start"), p.whole("end")
    steps = [
        p.say(
            f"{_clock(start)} is minute {start} of the day, {_clock(end)} is minute {end}.",
            f"{_clock(start)}是当天第{start}分钟，{_clock(end)}是第{end}分钟。",
        ),
        f"{end} - {start} = {end - start}",
    ]
    return solved(
        end - start, p, steps, p.say(f"It lasts {{answer}} {noun(end - start, 'minute')}.", "历时{answer}分钟。")
    )


def _next(p: Params) -> Solution:
    start, now, every = p.whole("start"), p.whole("now"), p.whole("every")
    rounds = -(-(now - start) // every)
    then = start + rounds * every
    steps = [
        p.say(
            f"{now - start} minutes have passed since {_clock(start)}.", f"自{_clock(start)}起已过{now - start}分钟。"
        ),
        p.say(
            f"The next multiple of {every} is {rounds} × {every} = {rounds * every}, at {_clock(then)}.",
            f"{every}的下一个倍数是{rounds} × {every} = {rounds * every}，即{_clock(then)}。",
        ),
    ]
    return solved(
        then - now,
        p,
        steps,
        p.say(f"The wait is {{answer}} minutes, until {_clock(then)}.", f"要等{{answer}}分钟，到{_clock(then)}。"),
    )


def _ride(p: Params) -> Solution:
    (first, left), *_, (last, came) = p.rows("stops")
    ride = _minutes(came) - _minutes(left)
    steps = [
        p.say(f"{first} at {left}, {last} at {came}.", f"{first}是{left}，{last}是{came}。"),
        f"{_minutes(came)} - {_minutes(left)} = {ride}",
    ]
    return solved(
        ride,
        p,
        steps,
        p.say(f"From {first} to {last} it takes {{answer}} minutes.", f"从{first}到{last}要{{answer}}分钟。"),
    )


def _time(p: Params) -> Solution:
    from_, to = p.whole("end" if p.text("kind") == "latest" else "start"), _moment(p)
    hours, minutes = divmod(abs(to - from_), 60)
    steps = []
    if "nth" in p:
        nth, every = p.whole("nth"), p.whole("every")
        steps.append(
            p.say(
                f"{nth - 1} intervals lie before it: {nth - 1} × {every} = {to - from_}.",
                f"前面有{nth - 1}个间隔：{nth - 1} × {every} = {to - from_}。",
            )
        )
    if "plan" in p:
        steps.append(f"{' + '.join(row[1] for row in p.rows('plan'))} = {to - from_}")
    steps += [
        p.say(
            f"The shift is {abs(to - from_)} minutes, that is {hours} h {minutes} min.",
            f"相差{abs(to - from_)}分钟，即{hours}小时{minutes}分。",
        ),
        f"{_clock(from_)} {'+' if to >= from_ else '-'} {hours}:{minutes:02d} = {_clock(to)}",
    ]
    return solved(_clock(to), p, steps, p.say("The time is {answer}.", "时刻是{answer}。"))


_SOLVERS: dict[str, Callable[[Params], Solution]] = {"lasts": _lasts, "next": _next, "ride": _ride}


def _solve(p: Params) -> Solution:
    return _SOLVERS.get(p.text("kind"), _time)(p)


FAMILY = Family(
    wordings={
        "en": (
            wording(
                "{name} leaves {place} with {items} at {start:time} and is on the road for {minutes:int} minutes. "
                "When does the load reach {event}?",
                kind="arrival",
            ),
            wording(
                "{Event} in {town} ran from {start:time} to {end:time} by the clock of {place}. How many minutes "
                "does {name2} enter in {doc}?",
                kind="lasts",
            ),
            wording(
                "When it is {start:time} for {name} in {town}, clocks at {name2}'s desk are {hours:int} hours ahead. "
                "At what local time may the {role} expect a call about {items}?",
                kind="ahead",
            ),
            wording(
                "A video call about {event} begins at {start:time} in {town}; {name2}'s zone lies {hours:int} hours "
                "behind. Convert the hour for {doc}.",
                kind="behind",
            ),
            wording(
                "From {start:time} on, a shuttle to {event} leaves {place} every {every:int} minutes. State the "
                "departure of number {nth:int}, which {name} wants to take {purpose}.",
                kind="nth",
            ),
            wording(
                "{name2} must be at {place} by {end:time} {purpose}, and the trip from {town} takes {minutes:int} "
                "minutes: what is the latest time to set out?",
                kind="latest",
            ),
            wording(
                "Trams for {town} go every {every:int} minutes, the first at {start:time}. It is {now:time} and "
                "{name} waits with {items}; how many minutes until the next one, if one leaving right now still "
                "counts?",
                kind="next",
            ),
            wording(
                "When will {name}, {a_role}, have finished the rounds below, starting at {start:time} for {event}? "
                "Minutes stand after each item.",
                "{plan:lines}",
                kind="plan",
            ),
            wording(
                "Read the timetable that hangs in {place} and give {name2} the minutes from the first stop to the "
                "last, {purpose}.",
                "{stops:lines}",
                kind="ride",
            ),
        ),
        "zh": (
            wording(
                "{name}{start:time}带着{items}离开{place}，路上要{minutes:int}分钟，几点几分能到{event}现场？",
                kind="arrival",
            ),
            wording(
                "按{place}的钟，{town}的{event}从{start:time}开到{end:time}，{name2}该在{doc}里记多少分钟？",
                kind="lasts",
            ),
            wording(
                "{town}的{name}这边是{start:time}，{name2}那边快{hours:int}小时。{role}要打电话谈{items}，"
                "当地是什么时刻？",
                kind="ahead",
            ),
            wording(
                "商讨{event}的视频会在{town}时间{start:time}开始，{name2}所在时区慢{hours:int}小时，"
                "请换算后写进{doc}。",
                kind="behind",
            ),
            wording(
                "去{event}的班车{start:time}起从{place}开出，每{every:int}分钟一班。"
                "{name}为了{purpose}想坐第{nth:int}班，它何时发车？",
                kind="nth",
            ),
            wording(
                "为了{purpose}，{name2}须在{end:time}前赶到{place}，从{town}过去要{minutes:int}分钟，"
                "最晚什么时候动身？",
                kind="latest",
            ),
            wording(
                "开往{town}的电车首班{start:time}，之后每隔{every:int}分钟一趟。现在{now:time}，"
                "{name}提着{items}在等，还要等几分钟（恰好此刻发车的也算）？",
                kind="next",
            ),
            wording(
                "{role}{name}{start:time}开始为{event}逐项忙下面的活，每项后面是分钟数，全部做完是几点？",
                "{plan:lines}",
                kind="plan",
            ),
            wording(
                "看{place}里挂的时刻表，告诉{name2}从首站到末站要多少分钟，以便{purpose}。",
                "{stops:lines}",
                kind="ride",
            ),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    vary={
        "minutes": ("the number of minutes", "分钟数"),
        "every": ("the interval in minutes", "间隔的分钟数"),
        "hours": ("the time difference in hours", "时差的小时数"),
    },
    rule=(
        "Turn times into minutes since midnight, add or subtract, and turn them back with 60 minutes an hour.",
        "把时刻化成零点起的分钟数，加减之后再按每小时60分钟换回来。",
    ),
)
