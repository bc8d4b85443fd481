"""Tasks as text and back: compose, write, read, complete, move to a topic, solve.

Reading is the inverse of writing and works from the text alone: riders are taken off the end, the lead off the front,
and what remains must be a family's wording. What is read is written again and must give the same text, so that a text
which merely resembles one of ours is never answered. Adding riders is in ``evolve.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from random import Random

from teachers.builtin.catalog import by_key, families
from teachers.builtin.draft import REASONING, Draft, RiderKind, Site, Unfit
from teachers.builtin.family import Family, Template
from teachers.builtin.leads import draw_lead, gap, split_leads, write_lead
from teachers.builtin.pattern import Pattern
from teachers.builtin.riders import complicate_input, kinds
from teachers.builtin.scenes import Scene, nearest, scenes, studies
from teachers.builtin.task import (
    Language,
    Lead,
    Params,
    Rider,
    Solution,
    Task,
    Value,
    freeze,
    freeze_words,
)
from teachers.builtin.topical import bind, carriers, topics_of

MOST_RIDERS = 5
_FEW_WORDS = 3
"""A wording with fewer scene words than this always gets a lead: alone it would look like its siblings."""
_NAMED_SHARE = 0.5
"""Of the leads of tasks with a topic: the others set the scene, as the story itself speaks of the topic."""
_LEAD_SHARE = 0.5
"""Of the other wordings' tasks, for variety: the ROUGE-L novelty filter keeps a tenth more than at 0.2."""


def language_of(text: str) -> Language:
    """Chinese if it has a Chinese character."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"


def split_text(text: str) -> tuple[str, str]:
    """Instruction and input of a user's message: our instructions have one line."""
    instruction, _, input = text.strip().partition("\n")
    return instruction.strip(), input.strip("\n")


def compose(
    rng: Random,
    language: Language,
    *,
    names: Sequence[str] | None = None,
    topic: str | None = None,
    scene: Scene | None = None,
) -> Task:
    """A new task of one of the families ``names``; with a topic its story speaks of it where the wording can."""
    name = rng.choice(names or list(families()))
    family = families()[name]
    templates = family.templates[language]
    template = rng.choice([one for one in templates if topic is None or _can_carry(one, topic)] or templates)
    where = scene or rng.choice(scenes(language) if topic is None else studies(language))
    cast = where.cast(rng, language)
    if topic is not None:
        cast = bind(template.instruction.words, cast, topic, language, rng)
    params = template.draw(family, where, rng, {})
    task = Task(name, language, template.index, freeze(params), _words(template, cast))
    return replace(task, lead=_lead(template, cast, topic, rng))


def reopen(task: Task) -> Task:
    """The task without its input: an instruction to which instances can be written. Others stay as they are."""
    template = template_of(task)
    if template.input is None:
        return task
    keep = (*template.instruction.data, *template.fixed)
    words = {word: value for word, value in task.words if word in template.instruction.words}
    params = freeze({slot: value for slot, value in task.params if slot in keep})
    return replace(task, params=params, words=freeze_words(words), open=True)


def complete(task: Task, rng: Random) -> Task:
    """An open task with a fresh input. Others stay as they are, and so does one whose fixed values fit no input."""
    if not task.open:
        return task
    template, where = template_of(task), scene_of(task, rng)
    cast = {**where.cast(rng, task.language), **dict(task.words)}
    try:
        params = template.draw(families()[task.family], where, rng, dict(task.params))
    except ValueError:
        return task
    return replace(task, params=freeze(params), words=_words(template, cast), open=False)


def move(task: Task, topic: str, rng: Random) -> Task | None:
    """The same task in another setting, its story about the topic; ``None`` if no wording of it can carry one."""
    templates = [template for template in (template_of(task), *_siblings(task)) if _can_carry(template, topic)]
    if not templates:
        return None
    template = templates[0]
    cast = rng.choice(studies(task.language)).cast(rng, task.language)
    cast = bind(template.instruction.words, cast, topic, task.language, rng)
    words = {word: cast[word] for word in (template.instruction if task.open else template).words}
    lead = _lead(template, cast, topic, rng)
    return replace(task, template=template.index, words=freeze_words(words), lead=lead)


def topic_of(task: Task) -> str | None:
    """The topic that a task speaks of, in its story or in its lead."""
    found = _topics(task)
    return next(iter(found)) if len(found) == 1 else None


def scene_of(task: Task, rng: Random) -> Scene:
    """The setting whose words the task shows, else any (with a topic, any where topics are at home)."""
    words = {**dict(task.lead.words if task.lead else ()), **dict(task.words)}
    others = studies if _topics(task) else scenes
    return nearest(words, task.language) or rng.choice(others(task.language))


def template_of(task: Task) -> Template:
    """The wording of the task."""
    return families()[task.family].templates[task.language][task.template]


def write(task: Task) -> tuple[str, str]:
    """Instruction and input of the task.

    Raises:
        ValueError: a rider cannot be put into words here (figures with nowhere to move, for one).
    """
    template, words, params = template_of(task), dict(task.words), dict(task.params)
    core = template.write(params, words)
    input = "" if task.open else template.write_input(params, words)
    lead = write_lead(task.lead, task.language) if task.lead else ""
    instruction, space = lead + core, gap(task.language)
    for rider in task.riders:
        kind = kinds()[rider.kind]
        sentence = _sentence(kind, rider, task.language)
        if kind.place == "front":
            instruction = sentence + space + instruction
            continue
        if kind.place == "input":
            instruction, input = _move_data(task, rider, (instruction, input), core)
        instruction += space + sentence
    return instruction, input


def text_of(task: Task) -> str:
    """What a user would type: the instruction, then the input on its own lines if there is one."""
    instruction, input = write(task)
    return f"{instruction}\n\n{input}" if input else instruction


@lru_cache(maxsize=4096)
def read(instruction: str, input: str = "") -> Task | None:
    """The task that a text means; ``None`` if it is none of ours. Open if it lacks its input."""
    if not instruction or "\n" in instruction:
        return None
    language = language_of(instruction)
    task = _read(instruction, input, language)
    if task is None and language == "zh":
        task = _read(instruction, input, "en")
    return task


def read_text(text: str) -> Task | None:
    """The task of a user's message."""
    return read(*split_text(text))


def solve(task: Task) -> Solution | None:
    """The computed solution; ``None`` for an open task, or where riders contradict each other."""
    if task.open:
        return None
    try:
        return worked(task).finish()
    except (Unfit, ValueError, ArithmeticError, LookupError):
        # A text of somebody else that has our wording but senseless data: no answer rather than a crash.
        return None


def worked(task: Task) -> Draft:
    """The solution with all riders obeyed, still as a draft.

    Raises:
        Unfit: a rider does not apply.
    """
    draft = _reworked(task, {})
    later = [(kinds()[rider.kind], rider) for rider in task.riders if kinds()[rider.kind].phase > REASONING]
    for kind, rider in sorted(later, key=lambda pair: pair[0].phase):
        kind.change(site(task, draft), draft, _values(rider, task.language))
    return draft


def site(task: Task, draft: Draft) -> Site:
    """What a rider sees of the task."""
    return Site(task, families()[task.family], draft, dict(task.words), partial(_reworked, task))


def _reworked(task: Task, changes: Mapping[str, Value]) -> Draft:
    family = families()[task.family]
    params = Params({**dict(task.params), **changes}, task.language, dict(task.words))
    if changes and not family.holds(params):
        raise Unfit(f"{dict(changes)!r} makes no sensible task")
    solution = family.solve(params)
    draft = Draft(task.language, solution.value, list(solution.steps), [solution.response])
    for rider in task.riders:
        kind = kinds()[rider.kind]
        if kind.phase == REASONING:
            kind.change(site(task, draft), draft, _values(rider, task.language))
    return draft


def _values(rider: Rider, language: Language) -> Params:
    return Params(dict(rider.values), language)


def _words(template: Template, cast: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return freeze_words({word: cast[word] for word in template.words})


def _can_carry(template: Template, topic: str) -> bool:
    """Whether the instruction has a word that can speak of the topic."""
    return bool(carriers(template.instruction.words, topic, template.language))


def _siblings(task: Task) -> list[Template]:
    """Other wordings that say the same. Riders may lean on the wording that they were written for."""
    if task.riders or task.open:
        return []
    params = dict(task.params)
    return [
        template
        for template in families()[task.family].templates[task.language]
        if {*template.data, *template.fixed} == params.keys()
        and all(params[name] == value for name, value in template.fixed.items())
    ]


def _lead(template: Template, cast: dict[str, str], topic: str | None, rng: Random) -> Lead | None:
    """A lead where the wording needs one, and for some of the others. It names the topic if the story cannot."""
    bare = topic is not None and not _can_carry(template, topic)
    if not bare and len(template.words) >= _FEW_WORDS and rng.random() >= _LEAD_SHARE:
        return None
    named = topic is not None and (bare or rng.random() < _NAMED_SHARE)
    return draw_lead(template.language, cast, topic if named else None, rng)


def _topics(task: Task) -> set[str]:
    return topics_of((*task.words, *(task.lead.words if task.lead else ())), task.language)


def _sentence(kind: RiderKind, rider: Rider, language: Language) -> str:
    pattern, values = kind.patterns[language][rider.wording], dict(rider.values)
    words = {word: str(values[word]) for word in pattern.words}
    return pattern.fill({**words, **pattern.show(values)})


def _move_data(task: Task, rider: Rider, texts: tuple[str, str], core: str) -> tuple[str, str]:
    pattern = template_of(task).instruction
    data, empty = complicate_input.holes(pattern, pattern.show(dict(task.params)))
    emptied = pattern.fill({**dict(task.words), **empty})
    return complicate_input.apply(dict(rider.values), *texts, (core, emptied), data)


def _read(instruction: str, input: str, language: Language) -> Task | None:
    text, inner, riders = instruction, input, list[Rider]()
    while len(riders) < MOST_RIDERS + 1:
        peeled = _peel(text, inner, language)
        if peeled is None:
            break
        text, inner, rider = peeled
        riders.insert(0, rider)
    front = _peel_front(text, language)
    for start, opening in (*front, (text, list[Rider]())):
        task = _read_core(start, inner, language)
        if task is None:
            continue
        task = replace(task, riders=(*opening, *riders))
        if _writes(task, instruction, input):
            return task
    return None


def _writes(task: Task, instruction: str, input: str) -> bool:
    try:
        return write(task) == (instruction, input)
    except ValueError:
        return False


def _read_core(text: str, input: str, language: Language) -> Task | None:
    ways = split_leads(text, language)
    for key, name, template in by_key(language):
        if key not in text:
            continue
        for lead, rest in ways:
            found = template.read(rest, input)
            if found is not None and _holds(families()[name], found[0], language, found[2]):
                params, words, is_open = found
                task = Task(name, language, template.index, freeze(params), freeze_words(words), lead, open=is_open)
                # A text of ours keeps to one topic: with two, something was mistaken for one.
                if len(_topics(task)) <= 1:
                    return task
    return None


def _holds(family: Family, params: Mapping[str, Value], language: Language, is_open: bool) -> bool:
    try:
        return is_open or family.holds(Params(params, language))
    except (ValueError, ArithmeticError, LookupError, TypeError):
        return False


def _peel(text: str, input: str, language: Language) -> tuple[str, str, Rider] | None:
    space = gap(language)
    for kind in kinds().values():
        if kind.place == "front":
            continue
        for index, pattern in enumerate(kind.patterns.get(language, ())):
            found = pattern.tail(text)
            values = None if found is None else _rider_values(pattern, found[0])
            if found is None or values is None or not found[1].endswith(space):
                continue
            before = found[1].removesuffix(space) if space else found[1]
            if kind.place != "input":
                return before, input, Rider(kind.name, index, freeze(values))
            undone = complicate_input.undo(values, before, input)
            if undone is not None:
                return undone[0], undone[1], Rider(kind.name, index, freeze({**values, "extra": undone[2]}))
    return None


def _peel_front(text: str, language: Language) -> list[tuple[str, list[Rider]]]:
    ways: list[tuple[str, list[Rider]]] = []
    space = gap(language)
    for kind in kinds().values():
        if kind.place != "front":
            continue
        for index, pattern in enumerate(kind.patterns[language]):
            found = pattern.head(text)
            values = None if found is None else _rider_values(pattern, found[0])
            if found is not None and values is not None and found[1].startswith(space):
                ways.append((found[1][len(space) :], [Rider(kind.name, index, freeze(values))]))
    return ways


def _rider_values(pattern: Pattern, shown: Mapping[str, str]) -> dict[str, Value] | None:
    values, words = pattern.read(shown), pattern.read_words(shown)
    return {**values, **words} if values is not None and words is not None else None
