"""Scheduling: jobs with durations and prerequisites; when all are done, or in which order one person does them."""

import re

from teachers.builtin.family import Family, wording
from teachers.builtin.numbers import noun
from teachers.builtin.task import Draw, Params, Rows, Solution, Value, show_result, solved

_PLAN = {
    "en": re.compile(r"(\d+) min(?: after (.+))?"),
    "zh": re.compile(r"(\d+)分钟(?:（在(.+)之后）)?"),
}
Jobs = dict[str, tuple[int, tuple[str, ...]]]


def _draw(d: Draw) -> dict[str, Value]:
    names = [name for name in d.goods(d.rng.randint(4, 5)) if " and " not in name and "和" not in name]
    plan: list[tuple[str, str, str]] = []
    for at, name in enumerate(names):
        most = 0 if at == 0 else min(at, d.rng.choice([0, 1, 1, 1, 2]))
        needs = d.say(" and ", "和").join(sorted(d.rng.sample(names[:at], most), key=names.index))
        plan.append((name, str(d.rng.randint(2, 24) * 5), needs))
    d.rng.shuffle(plan)
    head = (d.say("job", "工作"), d.say("minutes", "分钟"), d.say("needs", "前提"))
    sheet: Rows = (head, *((name, minutes, needs or "-") for name, minutes, needs in plan))
    return {
        "plan": tuple((name, _told(d, minutes, needs)) for name, minutes, needs in plan),
        "sheet": sheet,
        "start": d.rng.randint(12, 30) * 15 + 60,
    }


def _told(d: Draw, minutes: str, needs: str) -> str:
    if not needs:
        return d.say(f"{minutes} min", f"{minutes}分钟")
    return d.say(f"{minutes} min after {needs}", f"{minutes}分钟（在{needs}之后）")


def _jobs(p: Params) -> Jobs:
    joint = p.say(" and ", "和")
    if "sheet" in p:
        rows = p.rows("sheet")[1:]
        return {row[0]: (int(row[1]), tuple(row[2].split(joint)) if row[2] != "-" else ()) for row in rows}
    jobs: Jobs = {}
    for name, told in p.rows("plan"):
        found = _PLAN[p.language].fullmatch(told)
        if found is None:
            raise ValueError(f"{told!r} is no duration")
        jobs[name] = (int(found[1]), tuple(found[2].split(joint)) if found[2] else ())
    return jobs


def _order(jobs: Jobs) -> tuple[str, ...]:
    """One job at a time; of those that can start, the one that is listed first. Short if the needs are circular."""
    done: list[str] = []
    while True:
        ready = [name for name, (_, needs) in jobs.items() if name not in done and set(needs) <= set(done)]
        if not ready:
            return tuple(done)
        done.append(ready[0])


def _ends(jobs: Jobs) -> dict[str, int]:
    ends: dict[str, int] = {}
    for name in _order(jobs):
        minutes, needs = jobs[name]
        ends[name] = minutes + max((ends[need] for need in needs), default=0)
    return ends


def _holds(p: Params) -> bool:
    jobs = _jobs(p)
    linked = sum(bool(needs) for _, needs in jobs.values())
    return len(jobs) > 2 and len(_order(jobs)) == len(jobs) and linked > 1 and max(_ends(jobs).values()) < 800


def _solve(p: Params) -> Solution:
    jobs = _jobs(p)
    if p.text("ask") == "order":
        order = _order(jobs)
        free = show_result(tuple(name for name, (_, needs) in jobs.items() if not needs), p.language)
        steps = [
            p.say(f"Without prerequisites: {free}.", f"没有前提的：{free}。"),
            p.say(
                f"Taking the first possible one each time: {show_result(order, 'en')}.",
                f"每次取排在最前的可做之事：{show_result(order, 'zh')}。",
            ),
        ]
        return solved(order, p, steps, p.say("The order is: {answer}.", "顺序是：{answer}。"))
    ends = _ends(jobs)
    steps = [
        p.say(f"{name} can end after {end} {noun(end, 'minute')}.", f"{name}最早在第{end}分钟完成。")
        for name, end in ends.items()
    ]
    span = max(ends.values())
    if p.text("ask") == "span":
        return solved(
            span, p, steps, p.say(f"All is done after {{answer}} {noun(span, 'minute')}.", "全部完成需要{answer}分钟。")
        )
    end = p.whole("start") + span
    clock = f"{end // 60:02d}:{end % 60:02d}"
    start = f"{p.whole('start') // 60:02d}:{p.whole('start') % 60:02d}"
    steps.append(p.say(f"{start} plus {span} minutes is {clock}.", f"{start}加{span}分钟是{clock}。"))
    return solved(clock, p, steps, p.say("All is done at {answer}.", "{answer}全部完成。"))


FAMILY = Family(
    wordings={
        "en": (
            wording("{name} plans {event}: {plan:pairs}. Jobs that do not wait for others run side by side. After how "
                    "many minutes is everything ready?", ask="span"),
            wording("Work at {place} begins at {start:time} with enough hands for parallel jobs ({plan:pairs}). At "
                    "what "
                    "time does the last one end?", ask="clock"),
            wording("{name2} at {place} works alone through {plan:pairs}. Whenever several are possible, the one named "
                    "earliest comes next. In what order are they done?", ask="order"),
            wording("Given {plan:pairs}, what is the shortest time in minutes in which the team of {name} finishes all "
                    "of it {purpose}?", ask="span"),
            wording("Put the jobs of this sheet in the order in which {name}, the only {role} on duty for {event}, "
                    "does "
                    "them; among possible jobs the upper row wins.", "{sheet:table}", ask="order"),
            wording("The crew of {place} starts at {start:time} and may do things at the same time unless the last "
                    "column "
                    "forbids it. When can {name2} lock up?", "{sheet:csv}", ask="clock"),
            wording("Compute the minimal total minutes for the preparations in {town}, done in parallel as far as "
                    "{doc} "
                    "allows.", "{sheet:table}", ask="span"),
        ),
        "zh": (
            wording("{name}筹划{event}：{plan:pairs}。互不等待的事可同时做。多少分钟后一切就绪？", ask="span"),
            wording("{place}{start:time}开工，人手足够并行（{plan:pairs}）。最后一件几点结束？", ask="clock"),
            wording("{place}的{name2}独自完成{plan:pairs}。同时有几件可做时，先做列在前面的。完成的顺序是什么？", ask="order"),
            wording("已知{plan:pairs}，为了{purpose}，{name}的小组最少用多少分钟能全部做完？", ask="span"),
            wording("请把表中的工作按{name}动手的先后列出：{event}只有他一名{role}值班，能做的里面靠上的行优先。",
                    "{sheet:table}", ask="order"),
            wording("{place}的人{start:time}动工，除非末列不许，都可同时进行。{name2}最早几点能锁门？",
                    "{sheet:csv}", ask="clock"),
            wording("{town}的准备工作在{doc}允许时并行，请算出最短的总分钟数。", "{sheet:table}", ask="span"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    rule=(
        "A job can end at the latest end of its prerequisites plus its own duration.",
        "一件工作的最早完成时刻，等于各前提中最晚的完成时刻加上自身时长。",
    ),
)  # fmt: skip
