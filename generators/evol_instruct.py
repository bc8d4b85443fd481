"""Evol-Instruct: rewrite an instruction round by round, and keep each version that is new and can be answered.

A round draws one of six operations: five make the task deeper, ``breadth`` replaces it by a rarer one of the same
field. The new version is judged against its parent, answered as it is, and eliminated by the paper's four rules and
Auto Evol-Instruct's three detectors, each under a name of its own. What fails is discarded and the *parent* goes
into the next round; what succeeds is the parent of the next round.

Cheapest first: what the rewritten text itself gives away costs nothing, the judge says one word, the answer is long.
The paper sorts out afterwards; what is kept is the same.

Not the released WizardLM script: that one runs one round, has no elimination, no complicate_input and no lineage.

WizardLM: https://arxiv.org/abs/2304.12244. Auto Evol-Instruct: https://arxiv.org/abs/2406.00770.
"""

import random
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from generators import prompts, respond, shaped
from generators.answers import words
from generators.elimination import answer_flaw, instruction_flaw, read_verdict, refuses, squeezed
from generators.tags import Task, enclose, read_task, thought
from schemas.exchange import Completion, Message, Prompt, Shape
from schemas.row import Row, Score, new_row, text_of
from schemas.stage import Discard, Outcome, Reject, StageConfig, Steps, ask

_SAME_OR_NOT = {"en": ("Equal", "Not equal"), "zh": ("相同", "不同")}
BREADTH = "breadth"
"""The one operation that does not go deeper: it makes another task."""


class Weights(BaseModel):
    """How often each operation is drawn, relative to the others; 0 leaves one out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    add_constraints: float = Field(default=1.0, ge=0, description="One more condition that the answer has to meet.")
    deepen: float = Field(default=1.0, ge=0, description="The inquiry goes further into its subject.")
    concretize: float = Field(default=1.0, ge=0, description="Something particular in place of something general.")
    increase_reasoning: float = Field(default=1.0, ge=0, description="An intermediate step becomes necessary.")
    complicate_input: float = Field(default=1.0, ge=0, description="Structured data to work on: tables, JSON, code.")
    breadth: float = Field(default=1.0, ge=0, description="A rarer task of the same field.")

    @model_validator(mode="after")
    def _something_can_be_drawn(self) -> Self:
        if not sum(self.model_dump().values()):
            raise ValueError("all weights are 0; give at least one operation a weight above 0")
        return self


class Config(StageConfig):
    """What ``evol_instruct`` can be told. The sampling defaults are those of the released WizardLM script."""

    use: str = Field(default="evol_instruct", description="The stage's file name in generators/, without .py.")
    rounds: int = Field(default=4, ge=1, le=20, description="How many times a row is evolved; the paper's M.")
    weights: Weights = Field(default=Weights(), description="How often each operation is drawn. Default: equally.")
    keep: Literal["all", "evolved", "last"] = Field(
        default="all",
        description="all: the row and every version of it. evolved: without the row itself, if a version came out of "
        "it. last: only the deepest version.",
    )
    model: str = Field(default="teacher", description="The name in the recipe of the model that evolves and answers.")
    judge_model: str | None = Field(
        default="teacher", description="The name in the recipe of the model that compares; null: nothing is compared."
    )
    answer_model: str | None = Field(default=None, description="Another model for the answers. Default: model.")
    on_undecided: Literal["keep", "eliminate"] = Field(
        default="keep", description="What becomes of a version where the judge says neither equal nor not equal."
    )
    temperature: float | None = Field(default=1.0, ge=0, le=2, description="For evolving; null: the model's own.")
    top_p: float | None = Field(default=0.95, gt=0, le=1, description="For evolving and answering.")
    max_tokens: int | None = Field(default=2048, ge=1, description="For evolving and answering.")
    answer_temperature: float | None = Field(default=1.0, ge=0, le=2, description="For answering.")
    max_words: int = Field(
        default=400,
        ge=1,
        description="The longest evolved task with its input, in words (a Chinese character counts as two thirds of "
        "one). Every round adds; this is where it ends.",
    )
    short_words: int = Field(
        default=80, ge=0, description="An answer shorter than this that says sorry is an excuse, not an answer."
    )


def grow(row: Row, config: Config, rng: random.Random) -> Steps[Outcome]:
    """Evolve one row ``rounds`` times. A request that fails costs its round, not the row."""
    parent = row
    created: list[Row] = []
    discarded: list[Discard] = []
    for number in range(1, config.rounds + 1):
        evolved = yield from evolve(parent, draw(config.weights, rng), number, config)
        if isinstance(evolved, Discard):
            discarded.append(evolved)
        else:
            created.append(evolved)
            parent = evolved
    if config.keep == "last" and created:
        discarded += [Discard("superseded", row=earlier) for earlier in created[:-1]]
        created = created[-1:]
    passed = None if created and config.keep != "all" else row
    return Outcome(passed=passed, created=tuple(created), discarded=tuple(discarded))


def evolve(parent: Row, operation: str, number: int, config: Config) -> Steps[Row | Discard]:
    """One round: the evolved row with its answer, or why there is none."""
    candidate: Row | None = None
    try:
        reply = yield from ask(_evolution(parent, operation, config))
        candidate = _candidate(read(reply, parent, operation, config), parent, operation, number, config)
        scores = yield from _compare(parent, candidate, config)
        completion = yield from ask(_question(candidate, config))
        answered = respond.answer(candidate, completion)
        flaw = answer_flaw(answered.response, short_words=config.short_words)
        if flaw is not None:
            candidate = answered
            raise Reject(flaw, answered.response)
        return answered.scored(*scores)
    except Reject as failure:
        return Discard(failure.reason, failure.raw, candidate)


def draw(weights: Weights, rng: random.Random) -> str:
    """One operation by its weight."""
    shares = weights.model_dump()
    return rng.choices(list(shares), list(shares.values()))[0]


def read(completion: Completion, parent: Row, operation: str, config: Config) -> Task:
    """The evolved task of a reply, if nothing in the text itself speaks against it.

    Raises:
        Reject: ``truncated``, ``content_filter``, ``empty``, ``refused_to_evolve``, ``unparsable``, ``unchanged``,
            ``answered_instead``, ``holds_answer``, ``several_tasks``, ``copied_prompt_words``, ``language_drift``,
            ``too_long``, or a reason of ``generators.tags.thought``.
    """
    raw = completion.text
    if completion.truncated or completion.finish_reason == "content_filter":
        raise Reject("truncated" if completion.truncated else "content_filter", raw)
    reply = thought(raw, completion.reasoning)
    if reply.problem is not None:
        raise Reject(reply.problem, raw)
    task = read_task(reply.text)
    if task is None:
        raise Reject("empty" if not reply.text else "refused_to_evolve" if refuses(reply.text) else "unparsable", raw)
    task = _with_input(task, parent, operation)
    flaw = instruction_flaw(task, parent)
    if flaw is None and words(f"{task.instruction}\n{task.input}") > config.max_words:
        flaw = "too_long"
    if flaw is not None:
        raise Reject(flaw, raw)
    return task


def _with_input(task: Task, parent: Row, operation: str) -> Task:
    """The task with its parent's input, where a reply that goes deeper left it out."""
    lost = bool(parent.input) and not task.input and operation != BREADTH
    if lost and squeezed(parent.input) not in squeezed(task.instruction):
        return Task(task.instruction, parent.input)
    return task


def _candidate(task: Task, parent: Row, operation: str, number: int, config: Config) -> Row:
    same_field = {"language": parent.language, "topic": parent.topic}
    # A rarer task of the same field is of another kind than its parent's.
    labels = same_field if operation == BREADTH else same_field | {
        "subtopic": parent.subtopic,
        "task_type": parent.task_type,
    }  # fmt: skip
    return new_row(
        task.instruction,
        input=task.input,
        stage=config.label,
        operation=operation,
        round=number,
        depth=parent.depth + 1,
        parents=(parent.id,),
        **labels,
    )


def _compare(parent: Row, candidate: Row, config: Config) -> Steps[tuple[Score, ...]]:
    """Rule 1: the judge must see a difference. Returns what is worth recording on the candidate."""
    scores: tuple[Score, ...] = ()
    if candidate.operation != BREADTH:
        added = words(text_of(candidate)) - words(text_of(parent))
        scores = (Score(config.label, "words_added", float(added)),)
    if config.judge_model is None:
        return scores
    messages = prompts.load("evol_instruct", "equal", parent.language).fill(
        first=text_of(parent), second=text_of(candidate)
    )
    shape = shaped.choice("evol_instruct", "equal", parent.language, "verdict", **_SAME_OR_NOT)
    verdict = yield from ask(Prompt(messages, model=config.judge_model, temperature=0.0, shape=shape))
    equal = _equal(verdict, shape)
    if equal:
        raise Reject("no_information_gain", verdict.text)
    if equal is None and config.on_undecided == "eliminate":
        raise Reject("undecided", verdict.text)
    return scores if equal is not None else (*scores, Score(config.label, "undecided", 1.0))


def _equal(verdict: Completion, shape: Shape) -> bool | None:
    said = shaped.chosen(verdict, shape)
    if said is not None:
        return read_verdict(said)
    judged = thought(verdict.text)
    # Where the thoughts cannot be told from the verdict, their words are none.
    return None if judged.problem is not None else read_verdict(judged.text)


def _evolution(parent: Row, operation: str, config: Config) -> Prompt:
    task = enclose(instruction=parent.instruction, input=parent.input)
    return Prompt(
        prompts.load("evol_instruct", operation, parent.language).fill(task=task),
        model=config.model,
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
    )


def _question(candidate: Row, config: Config) -> Prompt:
    return Prompt(
        (Message("user", text_of(candidate)),),
        model=config.answer_model or config.model,
        temperature=config.answer_temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
    )
