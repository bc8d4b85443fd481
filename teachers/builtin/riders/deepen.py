"""Deeper questions about the same task: what if, by how much, by which rule, in which steps. All re-solved."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random

from teachers.builtin.draft import DEEPENING, Draft, RiderKind, Site, Unfit, plain
from teachers.builtin.task import Params, Result, Value, show_result


def _names(site: Site) -> dict[str, str]:
    at = 1 if site.task.language == "zh" else 0
    shown = dict(site.task.params)
    return {names[at]: slot for slot, names in site.family.vary.items() if slot in shown}


def _draw_change(site: Site, rng: Random) -> Mapping[str, Value] | None:
    names = _names(site)
    if not names:
        return None
    quantity = rng.choice(sorted(names))
    old = dict(site.task.params)[names[quantity]]
    if not isinstance(old, int):
        return None
    reach = max(3, abs(old) // 2)
    new = old + rng.choice([-1, 1]) * rng.randint(1, reach)
    return {"quantity": quantity, "new": new} if new > 0 else None


def _reworked(site: Site, p: Params) -> Draft:
    slot = _names(site).get(p.text("quantity"))
    if slot is None:
        raise Unfit(f"the task has no {p.text('quantity')!r}")
    return site.rework({slot: p.whole("new")})


def _what_if(site: Site, draft: Draft, p: Params) -> None:
    quantity, new = p.text("quantity"), p.whole("new")
    answer = show_result(_reworked(site, p).value, draft.language)
    draft.add(f"If {quantity} were {new}, the result would be {answer}.", f"若{quantity}改为{new}，结果就是{answer}。")


def _difference(site: Site, draft: Draft, p: Params) -> None:
    before: Result = site.value
    after: Result = _reworked(site, p).value
    if not (isinstance(before, int | Decimal) and isinstance(after, int | Decimal)):
        raise Unfit("only numbers have a difference")
    change = after - before
    size = show_result(abs(Decimal(change)), draft.language)
    quantity, new = p.text("quantity"), p.whole("new")
    if not change:
        draft.add(f"With {quantity} at {new} the result stays the same.", f"{quantity}换成{new}时，结果不变。")
        return
    way, way_zh = ("rises", "增加") if change > 0 else ("falls", "减少")
    now = show_result(after, draft.language)
    draft.add(
        f"With {quantity} at {new} the result {way} by {size}, to {now}.",
        f"{quantity}换成{new}时，结果{way_zh}{size}，变成{now}。",
    )


def _rule(site: Site, draft: Draft, p: Params) -> None:
    if site.family.rule is None:
        raise Unfit("the family names no rule")
    draft.add(*site.family.rule)


def _list_steps(site: Site, draft: Draft, p: Params) -> None:
    if any("\n" in step for step in draft.steps):
        raise Unfit("a step has several lines")
    lines = [f"({index}) {step}" for index, step in enumerate(draft.steps, 1)]
    draft.extra.append(draft.say("The steps: ", "步骤：") + " ".join(lines))


def _first_step(site: Site, draft: Draft, p: Params) -> None:
    if len(draft.steps) < 2 or "\n" in draft.steps[0]:
        raise Unfit("there is no first step to speak of")
    draft.extra.append(draft.say(f"The first step was this: {draft.steps[0]}", f"第一步是：{draft.steps[0]}"))


def _last_step(site: Site, draft: Draft, p: Params) -> None:
    if len(draft.steps) < 2 or "\n" in draft.steps[-1]:
        raise Unfit("there is no last step to speak of")
    draft.extra.append(draft.say(f"What settles it: {draft.steps[-1]}", f"起决定作用的是：{draft.steps[-1]}"))


KINDS = (
    RiderKind(
        "what_if", "deepen", DEEPENING,
        {
            "en": (
                "Also work out what the result would be if {quantity:text} were {new:int}, with everything else "
                "unchanged.",
                "In addition, solve the same problem once more for the case that {quantity:text} is {new:int}.",
                "Then suppose {quantity:text} turned out to be {new:int} and tell what the result becomes.",
                "Beyond that, describe the outcome for a second case, in which {quantity:text} equals {new:int}.",
                "How would the result read if {quantity:text} had been {new:int} from the start? Say that too.",
            ),
            "zh": (
                "另外算一算：如果{quantity:text}是{new:int}，其他条件不变，结果会是多少。",
                "此外，请就{quantity:text}为{new:int}的情形再解一遍同样的问题。",
                "再假设{quantity:text}变成{new:int}，说明结果会怎样。",
                "除此之外，还要给出第二种情形的结果，即{quantity:text}等于{new:int}。",
                "倘若{quantity:text}一开始就是{new:int}，结果又如何？请一并回答。",
            ),
        },
        _draw_change, _what_if,
    ),
    RiderKind(
        "difference", "deepen", DEEPENING,
        {
            "en": (
                "Explain as well by how much the result moves, and in which direction, when {quantity:text} "
                "changes to {new:int}.",
                "Show how sensitive the result is: by what amount does it shift once {quantity:text} becomes "
                "{new:int}?",
                "Compare with an alternative in which {quantity:text} is set to {new:int}, and quantify the gap "
                "between the results.",
                "Discuss the effect on the result of moving {quantity:text} to {new:int}, including the size of "
                "the change.",
            ),
            "zh": (
                "还要说明当{quantity:text}变为{new:int}时，结果朝哪个方向变化、变化多少。",
                "请分析结果的敏感程度：{quantity:text}改成{new:int}后，结果相差多少？",
                "再与{quantity:text}设为{new:int}的方案比较，量化两个结果的差距。",
                "请讨论把{quantity:text}调整到{new:int}对结果的影响，包括变化的幅度。",
            ),
        },
        _draw_change, _difference,
    ),
    RiderKind(
        "rule", "deepen", DEEPENING,
        {
            "en": (
                "Also state in one sentence the general method that leads to the answer.",
                "Besides the answer, name the rule behind it so that a beginner could solve a similar case.",
                "Include the principle you applied, put so generally that it fits other data too.",
                "A trainee will read this, so spell out the underlying rule as well.",
            ),
            "zh": (
                "同时用一句话说明得出答案的一般方法。",
                "除了答案，还要点明背后的规则，让新手也能解类似的题。",
                "请写出所用的原理，表述要通用，换别的数据也成立。",
                "这份答复会给学徒看，请把依据的规则也讲清楚。",
            ),
        },
        plain, _rule,
    ),
    RiderKind(
        "steps", "deepen", DEEPENING,
        {
            "en": (
                "Lay open the whole chain of reasoning as numbered steps after the answer.",
                "Document every intermediate step, each with a number in brackets, so that others can audit it.",
                "Show the complete working too, broken into numbered steps.",
                "Since the reader wants to follow each move, append the steps in order with numbers.",
            ),
            "zh": (
                "答案之后用带编号的步骤展示完整的推理过程。",
                "每个中间步骤都要记下来，前面加带括号的编号，方便他人复核。",
                "还要给出完整的演算，拆成编号步骤。",
                "读者想跟上每一步，请按顺序附上带编号的步骤。",
            ),
        },
        plain, _list_steps, group="working",
    ),
    RiderKind(
        "first_step", "deepen", DEEPENING,
        {
            "en": (
                "Point out explicitly which piece of the work comes first and what it yields.",
                "Mention separately what has to be established first, before the rest can follow.",
                "Quote the opening step of the solution as well, because that is where learners usually slip.",
                "Highlight the very first step on the way to the answer.",
            ),
            "zh": (
                "请明确指出最先要做的是哪一步、得到了什么。",
                "单独说明必须先弄清什么，后面才能继续。",
                "也请引述解答的第一步，因为初学者常在那里出错。",
                "请突出通往答案的最初一步。",
            ),
        },
        plain, _first_step, group="working",
    ),
    RiderKind(
        "last_step", "deepen", DEEPENING,
        {
            "en": (
                "Also tell which consideration settles the matter in the end.",
                "Besides, justify the outcome by repeating the step that decides it.",
                "Make clear on which final inference the answer rests.",
                "To convince a sceptic, restate the decisive step after giving the answer.",
            ),
            "zh": (
                "还要说明最后是靠哪一点定下来的。",
                "此外，请重述起决定作用的那一步，以说明理由。",
                "请讲清答案建立在哪个最终推断之上。",
                "为了说服怀疑的人，给出答案后请重申关键的一步。",
            ),
        },
        plain, _last_step,
    ),
)  # fmt: skip
