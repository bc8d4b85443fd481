"""Adds riders to a task: one of the operation's kinds that applies, is obeyed, and reads back from the text."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from teachers.builtin.catalog import families
from teachers.builtin.compose import (
    MOST_RIDERS,
    complete,
    compose,
    read,
    scene_of,
    site,
    solve,
    topic_of,
    worked,
    write,
)
from teachers.builtin.draft import REASONING, RiderKind, Unfit
from teachers.builtin.riders import kinds, of_operation
from teachers.builtin.scenes import WORD_SLOTS
from teachers.builtin.task import Rider, Task, freeze

_TRIES = 3
"""Draws per kind: a what-if may hit an impossible value."""


def evolve(task: Task, operation: str, rng: Random) -> Task | None:
    """The task with one more rider; ``None`` if the operation has nothing left to offer."""
    task = complete(task, rng)
    if task.open or len(task.riders) >= MOST_RIDERS:
        return None
    taken = {_group(kinds()[rider.kind]) for rider in task.riders}
    choices = [kind for kind in of_operation(operation) if _group(kind) not in taken and task.language in kind.wordings]
    cast = {**scene_of(task, rng).cast(rng, task.language), **_known_words(task)}
    for kind in rng.sample(choices, len(choices)):
        for _ in range(_TRIES):
            evolved = _with(task, kind, cast, rng)
            if evolved is not None:
                return evolved
    return None


def broaden(task: Task, rng: Random) -> Task:
    """A task of another family in the same setting, on the same topic."""
    others = [name for name in families() if name != task.family] or list(families())
    return compose(rng, task.language, names=others, topic=topic_of(task), scene=scene_of(task, rng))


def _with(task: Task, kind: RiderKind, cast: Mapping[str, str], rng: Random) -> Task | None:
    try:
        draft = worked(replace(task, riders=_up_to(task, kind)))
    except Unfit:
        return None
    values = kind.draw(site(task, draft), rng)
    if values is None:
        return None
    wording = rng.randrange(len(kind.wordings[task.language]))
    words = {word: cast[word] for word in kind.patterns[task.language][wording].words}
    rider = Rider(kind.name, wording, freeze({**values, **words}))
    riders = (rider, *task.riders) if kind.place == "front" else (*task.riders, rider)
    evolved = replace(task, riders=riders)
    return evolved if _sound(evolved) else None


def _up_to(task: Task, kind: RiderKind) -> tuple[Rider, ...]:
    """The riders that act before ``kind``: reasoning sees the value so far, the rest sees everything."""
    return tuple(r for r in task.riders if kind.phase > REASONING or kinds()[r.kind].phase <= REASONING)


def _sound(task: Task) -> bool:
    try:
        texts = write(task)
    except ValueError:
        return False
    return solve(task) is not None and read(*texts) == task


def _known_words(task: Task) -> dict[str, str]:
    """The scene words that the text shows already: who and where stay the same in what is added."""
    lead = task.lead.words if task.lead else ()
    riders = [pair for rider in task.riders for pair in rider.values]
    return {word: str(text) for word, text in (*riders, *lead, *task.words) if word in WORD_SLOTS}


def _group(kind: RiderKind) -> str:
    return kind.group or kind.name
