"""Knights and knaves: honest people and liars talk about one another; all cases are tried to see who is who."""

import re
from itertools import product

from teachers.builtin.family import Family, wording
from teachers.builtin.scenes import names
from teachers.builtin.task import Draw, Params, Solution, Value, show_result, solved

_COUNTS = {"en": ("zero", "one", "two", "three", "four"), "zh": ("零", "一", "两", "三", "四")}
_SAYS = {
    "liar": ("{a} is a liar", "{a}是骗子"),
    "honest": ("{a} is honest", "{a}是老实人"),
    "same": ("{a} and {b} are of one kind", "{a}和{b}是同类人"),
    "differ": ("{a} and {b} are not of one kind", "{a}和{b}不同类"),
    "count": ("the number of honest people among us is {n}", "我们当中老实人有{n}个"),
}
Honest = dict[str, bool]


def _draw(d: Draw) -> dict[str, Value]:
    people = d.rng.sample(names(d.language), 3 + (d.rng.random() < 0.3))
    said = []
    for speaker in people:
        a, b = d.rng.sample([name for name in people if name != speaker], 2)
        number = _COUNTS[d.language][d.rng.randint(1, len(people) - 1)]
        said.append((speaker, d.say(*_SAYS[d.rng.choice(list(_SAYS))]).format(a=a, b=b, n=number)))
    return {"said": tuple(said)}


def _true(claim: str, honest: Honest, language: str) -> bool:
    """Whether a claim is true.

    Raises:
        ValueError: it is none of the known claims.
    """
    for kind, texts in _SAYS.items():
        form = re.escape(texts[language == "zh"])
        for hole in "abn":
            form = form.replace(rf"\{{{hole}\}}", rf"(?P<{hole}>\S+?)")
        found = re.fullmatch(form, claim)
        if found:
            return _judged(kind, found.groupdict(), honest, language)
    raise ValueError(f"{claim!r} is no known claim")


def _judged(kind: str, names: dict[str, str], honest: Honest, language: str) -> bool:
    if kind == "count":
        return sum(honest.values()) == _COUNTS["zh" if language == "zh" else "en"].index(names["n"])
    if kind in ("liar", "honest"):
        return honest[names["a"]] == (kind == "honest")
    return (honest[names["a"]] == honest[names["b"]]) == (kind == "same")


def _tried(p: Params) -> list[tuple[Honest, str | None]]:
    """Every case, with the first speaker whose words do not fit."""
    said = p.rows("said")
    people = [row[0] for row in said]
    cases = []
    for kinds in product((True, False), repeat=len(people)):
        honest = dict(zip(people, kinds, strict=True))
        bad = [name for name, claim in said if _true(claim, honest, p.language) != honest[name]]
        cases.append((honest, bad[0] if bad else None))
    return cases


def _holds(p: Params) -> bool:
    if not 2 < len({row[0] for row in p.rows("said")}) == len(p.rows("said")) < 6:
        return False
    fits = [honest for honest, bad in _tried(p) if bad is None]
    return len(fits) == 1 and len(set(fits[0].values())) == 2


def _solve(p: Params) -> Solution:
    steps, kinds = [], Honest()
    for honest, bad in _tried(p):
        who = show_result(tuple(name for name, is_so in honest.items() if is_so), p.language) or p.say("nobody", "无人")
        if bad is None:
            kinds = honest
            steps.append(p.say(f"Honest {who}: everything fits.", f"若老实人是{who}：全部吻合。"))
        else:
            steps.append(p.say(f"Honest {who}: the words of {bad} do not fit.", f"若老实人是{who}：{bad}的话不合。"))
    # The case that fits is told last, as the result.
    steps.sort(key=lambda step: step.endswith(("everything fits.", "全部吻合。")))
    wanted = p.text("ask") == "honest"
    found = tuple(name for name, is_so in kinds.items() if is_so == wanted)
    if p.text("ask") == "number":
        liars = show_result(found, p.language)
        return solved(len(found), p, steps, p.say(f"There are {{answer}}: {liars}.", f"有{{answer}}个：{liars}。"))
    said = p.say("Honest: {answer}.", "老实人：{answer}。") if wanted else p.say("Lying: {answer}.", "骗子：{answer}。")
    return solved(found, p, steps, said)


FAMILY = Family(
    wordings={
        "en": (
            wording("At {event}, honest people always speak the truth and liars never do. {said:pairs}. Who is honest?",
                    ask="honest"),
            wording("{name} meets strangers at {place}; each is either a liar, all of whose claims are false, or "
                    "honest. "
                    "They say: {said:pairs}. Who lies?", ask="liar"),
            wording("Everyone quoted here either always lies or never does: {said:pairs}. How many liars does {doc} of "
                    "the {role} in {town} have to list?", ask="number"),
            wording("Puzzle night at {place}: \"{said:pairs}.\" Knowing that each speaker is a pure liar or a fully "
                    "honest soul, name the honest ones.", ask="honest"),
            wording("Help {name2} at {place} to unmask the liars among the quoted people; a liar says only false "
                    "things, "
                    "the rest only true ones.", "{said:lines}", ask="liar"),
            wording("The {role} can trust only some of those who spoke during {event}. Whom, if everybody lies "
                    "always or "
                    "never?", "{said:lines}", ask="honest"),
            wording("Count the liars for {name}, who has {purpose}: each voice from {town} below is wholly false or "
                    "wholly true.", "{said:lines}", ask="number"),
        ),
        "zh": (
            wording("{event}上，老实人句句是真，骗子句句是假。{said:pairs}。谁是老实人？", ask="honest"),
            wording("{name}在{place}遇见几个陌生人，各人不是老实人就是只说假话的骗子。他们说：{said:pairs}。骗子是谁？",
                    ask="liar"),
            wording("下面每人要么总说谎，要么从不说谎：{said:pairs}。{town}的{role}该在{doc}里记几个骗子？", ask="number"),
            wording("{place}的谜题之夜：“{said:pairs}。”已知发言者不是十足的骗子就是彻底的老实人，请点出老实人。",
                    ask="honest"),
            wording("请帮{place}的{name2}揪出下列人中的骗子：骗子只讲假话，其余的人只讲真话。", "{said:lines}", ask="liar"),
            wording("{event}期间发言的人里，{role}只能信一部分。既然人人或总说谎或从不说谎，可信的是谁？",
                    "{said:lines}", ask="honest"),
            wording("{name}要{purpose}，请替他数一数骗子：来自{town}的这些话，各人全假或全真。", "{said:lines}", ask="number"),
        ),
    },
    draw=_draw,
    solve=_solve,
    holds=_holds,
    rule=(
        "Assume each combination of honest people and liars in turn and drop it at the first claim that does not fit.",
        "依次假设谁老实、谁说谎，一遇到不合的话就排除该假设。",
    ),
)  # fmt: skip
