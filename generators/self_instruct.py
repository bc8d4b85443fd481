"""Self-Instruct: a pool of tasks that grows by asking a model for more tasks like it.

Two halves. ``propose`` makes candidates from examples of the pool: six human tasks and two machine-made ones in a
numbered list, to be continued. ``grow`` makes rows of an accepted candidate: is it a classification task?, then
instances, written input first, or label first for classification, since input first leans to one label.
``style: one_call`` is Alpaca instead: three whole seeds are shown, and instruction, input and output come at once.

What it is not: rounds, the novelty filter and the pool itself are the flow's (``flows/pool.py``). And it is not the
released code where that loses data: no task is dropped because another one was cut off, no letter changes its case,
instances are chosen in a reproducible order, no stop string can end a reply inside a task.

Self-Instruct: https://arxiv.org/abs/2212.10560. Alpaca: https://github.com/tatsu-lab/stanford_alpaca.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from generators import instances, prompts, shaped, wording
from generators.elimination import refuses
from generators.replies import answered, clean, fingerprint, numbered, unfinished, yes_or_no
from schemas.errors import SeedError
from schemas.exchange import Completion, Message, Prompt, Shape
from schemas.row import Row, TeacherNote, new_row
from schemas.stage import Discard, Outcome, Reject, StageConfig, Steps, ask

STAGE = "self_instruct"
"""The folder of the prompts."""
CLASSIFICATION = "classification"
GENERATION = "generation"
_YES_OR_NO = {"en": ("Yes", "No"), "zh": ("是", "否")}


class Sampling(BaseModel):
    """How one kind of request is sampled; null leaves a value to the model's entry in the recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)


# A class for each, so that a recipe that sets one value keeps the others. The paper's top_p of 0 is refused by many
# endpoints and changes nothing at temperature 0. Its presence penalties (2 and 1.5, made for a base model) are not
# sent; a model's `extra_body` can.


class Proposing(Sampling):
    """The paper's values."""

    temperature: float | None = Field(default=0.7, ge=0, le=2)
    top_p: float | None = Field(default=0.5, gt=0, le=1)
    max_tokens: int | None = Field(default=1024, ge=1)


class Classifying(Sampling):
    """The paper's temperature; its 3 tokens would cut a chat model's ``**Yes**``."""

    temperature: float | None = Field(default=0.0, ge=0, le=2)
    max_tokens: int | None = Field(default=16, ge=1)


class Instancing(Sampling):
    """The paper's temperature; its 350 tokens were for five terse examples, a chat model says more."""

    temperature: float | None = Field(default=0.0, ge=0, le=2)
    max_tokens: int | None = Field(default=1024, ge=1)


class Completing(Sampling):
    """Alpaca's values."""

    temperature: float | None = Field(default=1.0, ge=0, le=2)
    top_p: float | None = Field(default=1.0, gt=0, le=1)
    max_tokens: int | None = Field(default=3072, ge=1)


class Config(StageConfig):
    """What ``self_instruct`` can be told."""

    use: str = Field(default="self_instruct", description="The stage's file name in generators/, without .py.")
    model: str = Field(default="teacher", description="The name in the recipe of the model that is asked.")
    style: Literal["steps", "one_call"] = Field(
        default="steps",
        description="steps: Self-Instruct's propose, classify, write instances. one_call: Alpaca's whole tasks, "
        "cheaper and less correct.",
    )
    human_examples: int = Field(default=6, ge=0, le=50, description="Seeds in a prompt; more while rows are few.")
    machine_examples: int = Field(default=2, ge=0, le=50, description="Accepted proposals in a prompt, at most.")
    whole_examples: int = Field(default=3, ge=1, le=20, description="one_call: answered seeds in a prompt.")
    tasks_per_prompt: int = Field(default=8, ge=1, le=60, description="New tasks that one prompt asks for.")
    prompts_per_round: int = Field(
        default=8, ge=1, description="Prompts drawn from the pool before what they bring can be an example."
    )
    classification_share: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Share of prompts that show and ask for classification tasks only: the paper's second run, which "
        "raised their share to 22 %.",
    )
    novelty: dict[str, float] = Field(
        default_factory=dict,
        description="By language: the ROUGE-L F above which a proposal is not new. Default: the novelty filter's own.",
    )
    max_instances: int = Field(default=2, ge=1, le=5, description="Rows made of one task, at most; the paper's is 5.")
    min_words: int = Field(default=wording.WORDS[0], ge=1, description="A shorter instruction is no proposal.")
    max_words: int = Field(default=wording.WORDS[1], ge=1, description="Nor is a longer one.")
    min_characters: int = Field(
        default=wording.CHARACTERS[0], ge=1, description="The same in languages without spaces (zh, ja, th)."
    )
    max_characters: int = Field(default=wording.CHARACTERS[1], ge=1, description="The same.")
    banned_words: dict[str, list[str]] = Field(
        default_factory=dict,
        description="By language, in place of the built-in list (image, draw, video, …) of what text cannot do.",
    )
    allow_programs: bool = Field(default=False, description='Keep instructions that start with "Write a program".')
    proposing: Proposing = Field(default=Proposing(), description="Sampling of proposals.")
    classifying: Classifying = Field(default=Classifying(), description="Sampling of the classification question.")
    instancing: Instancing = Field(default=Instancing(), description="Sampling of instances.")
    completing: Completing = Field(default=Completing(), description="one_call: sampling of whole tasks.")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one prompt brought. Each item of the reply is a candidate or a discard."""

    candidates: tuple[Row, ...] = ()
    discarded: tuple[Discard, ...] = ()


def propose(
    seeds: Sequence[Row], machine: Sequence[Row], config: Config, rng: random.Random, language: str, origin: str
) -> Steps[Proposal]:
    """Ask one prompt for new tasks. ``seeds`` and ``machine`` are the pool, in ``language``.

    ``origin`` (such as ``r00003.p005``) tells this prompt from all others of the run; item n has the source
    ``<origin>.i<n>``.

    Raises:
        SeedError: there is nothing to show (``one_call``: no seed with an answer).
    """
    name, shown = _draw(seeds, machine, config, rng, language)
    first = len(shown) + 1
    last = len(shown) + config.tasks_per_prompt
    listed = _whole(shown, language) if name == "complete_tasks" else _listed(shown)
    messages = prompts.load(STAGE, name, language).fill(examples=listed, first=str(first), last=str(last))
    sampling = config.completing if name == "complete_tasks" else config.proposing
    shape = None if name == "complete_tasks" else shaped.listing(STAGE, name, language, "tasks")
    (completion,) = yield [_prompt(messages, config, sampling, shape)]
    if completion.error is not None:
        return Proposal(discarded=(Discard(completion.error, completion.text),))
    items, chatter = _items(completion, shape, first, last)
    if not items:
        return Proposal(discarded=(Discard(_nothing(completion), completion.text),))
    note = shared(completion.note(), len(items)) if name == "complete_tasks" else None
    candidates: list[Row] = []
    discarded = [Discard("chatter", text) for text in chatter]
    copies = {fingerprint(row.instruction) for row in shown}
    for place, item in enumerate(items):
        row = new_row(
            item.instruction,
            input=item.input,
            response=item.output,
            language=language,
            stage=config.label,
            operation=name,
            source=f"{origin}.i{place}",
            teacher=note,
        )
        reason = _flaw(item, row, config, copies, cut=completion.truncated, final=place == len(items) - 1)
        if reason is None:
            candidates.append(row)
        else:
            discarded.append(Discard(reason, item.raw or item.instruction, row))
    return Proposal(tuple(candidates), tuple(discarded))


def grow(row: Row, config: Config, rng: random.Random) -> Steps[Outcome]:
    """Make rows of an accepted proposal; a whole task (``one_call``) passes if its instance stands.

    Raises:
        Reject: no usable instance; the reason is the commonest one among its instances, or ``unparsable``.
    """
    if config.style == "one_call":
        reason = instances.flaw(instances.Record(output=row.response, input=row.input))
        if reason is not None:
            raise Reject(reason, row.response)
        return Outcome(passed=row)
    shape = shaped.choice(STAGE, "classify", row.language, "answer", **_YES_OR_NO)
    verdict = yield from ask(_question("classify", row, config, config.classifying, shape))
    classification = yes_or_no(shaped.chosen(verdict, shape) or verdict.text)
    doubt = clean(verdict.text).problem or "unclear_classification"
    unclear = () if classification is not None else (Discard(doubt, verdict.text),)
    operation, read = (
        ("label_first", instances.read_labels) if classification else ("input_first", instances.read_examples)
    )
    completion = yield from ask(_question(operation, row, config, config.instancing))
    records, chatter = read(completion.text)
    kept, flawed = instances.judge(records, truncated=completion.truncated)
    if not kept:
        reasons = Counter(each.reason for each in flawed)
        raise Reject(reasons.most_common(1)[0][0] if reasons else _nothing(completion), completion.text)
    chosen = sorted(rng.sample(range(len(kept)), min(config.max_instances, len(kept))))
    note = shared(completion.note(), len(records))
    created = [_instance(row, kept[place], place, operation, note, config) for place in chosen]
    surplus = [Discard("surplus", each.raw) for place, each in enumerate(kept) if place not in chosen]
    lost = [Discard("chatter", text) for text in chatter]
    lost += [Discard(each.reason, each.record.raw) for each in flawed]
    return Outcome(created=tuple(created), discarded=(*unclear, *lost, *surplus))


def shared(note: TeacherNote, rows: int) -> TeacherNote:
    """One row's part of what was spent on a reply that made several."""
    return replace(
        note,
        prompt_tokens=round(note.prompt_tokens / rows),
        completion_tokens=round(note.completion_tokens / rows),
        cost=note.cost / rows,
    )


@dataclass(frozen=True, slots=True)
class _Item:
    instruction: str
    input: str = ""
    output: str = ""
    raw: str = ""
    missing: str | None = None
    whole: bool | None = None
    """Whether it is complete; None where only its look can tell."""


def _items(completion: Completion, shape: Shape | None, first: int, last: int) -> tuple[list[_Item], tuple[str, ...]]:
    """The items of a reply, and what stands around them. Without a shape whole tasks were asked for."""
    if shape is None:
        records, chatter = instances.read_tasks(completion.text)
        return [_item(record) for record in records], chatter
    given = shaped.items(completion, shape)
    if given is not None:
        return [_Item(text, whole=whole) for text, whole in given], ()
    listing = numbered(clean(completion.text).text, first, last)
    return [_Item(text) for text in listing.items], listing.chatter


def _item(record: instances.Record) -> _Item:
    missing = "missing_instruction" if record.instruction is None else None
    if missing is None and record.output is None:
        missing = "missing_output"
    return _Item(record.instruction or "", record.input, record.output or "", record.raw, missing)


def _draw(
    seeds: Sequence[Row], machine: Sequence[Row], config: Config, rng: random.Random, language: str
) -> tuple[str, list[Row]]:
    """The prompt's name, and the tasks it shows."""
    if config.style == "one_call":
        name, seeds, machine = "complete_tasks", [row for row in seeds if row.response], []
        wanted = config.whole_examples
    else:
        name, wanted = "propose", config.human_examples + config.machine_examples
        labelled = [row for row in seeds if row.task_type == CLASSIFICATION]
        if rng.random() < config.classification_share and labelled:
            name, seeds = "propose_classification", labelled
            # Not classified yet, but asked for as classification tasks.
            machine = [row for row in machine if row.operation == name or row.task_type == CLASSIFICATION]
    made = rng.sample(machine, min(config.machine_examples, len(machine)))
    shown = [*made, *rng.sample(seeds, min(wanted - len(made), len(seeds)))]
    if not shown:
        need = "an answer, which style one_call shows" if config.style == "one_call" else "an instruction"
        raise SeedError(f"there is no seed in {language!r} with {need}; add seeds, or change seeds.language")
    rng.shuffle(shown)
    return name, shown


def _listed(rows: Sequence[Row]) -> str:
    """A numbered list, one line a task, as the paper shows it: without a colon that waits for an input."""
    lines = (" ".join(row.instruction.split()).rstrip(":： ") for row in rows)
    return "\n".join(f"{place}. {line}" for place, line in enumerate(lines, start=1))


def _whole(rows: Sequence[Row], language: str) -> str:
    task, instruction, given, output, nothing = (
        ("任务", "指令：", "输入：", "输出：", "<无输入>")
        if language == "zh"
        else ("Task", "Instruction: ", "Input: ", "Output: ", "<noinput>")
    )
    return "\n\n".join(
        f"### {task} {place}\n{instruction}{row.instruction}\n{given}{row.input or nothing}\n{output}{row.response}"
        for place, row in enumerate(rows, start=1)
    )


def _flaw(item: _Item, row: Row, config: Config, copies: set[str], *, cut: bool, final: bool) -> str | None:
    """Why an item is not a candidate; only the last one can have been cut off."""
    text = item.instruction
    broken = final and (cut or (not item.output and unfinished(text)))
    if broken if item.whole is None else not item.whole:
        return "truncated"
    if item.missing is not None:
        return item.missing
    if config.style == "steps" and answered(text):
        return "answered_instead"
    banned = config.banned_words.get(row.language, wording.BANNED_WORDS.get(row.language, ()))
    found = wording.flaw(
        text,
        row.language,
        words=(config.min_words, config.max_words),
        characters=(config.min_characters, config.max_characters),
        banned=tuple(banned),
        programs=config.allow_programs,
    )
    return found or ("repeated_example" if fingerprint(text) in copies else None)


def _nothing(completion: Completion) -> str:
    """Why no item is in a reply."""
    if completion.truncated:
        return "truncated"
    reply = clean(completion.text)
    if reply.problem is not None:
        return reply.problem
    return "empty" if not reply.text else "refused" if refuses(reply.text) else "unparsable"


def _question(name: str, row: Row, config: Config, sampling: Sampling, shape: Shape | None = None) -> Prompt:
    template = prompts.load(STAGE, name, row.language)
    fields = {"task": row.instruction} | ({"count": str(config.max_instances)} if "count" in template.fields else {})
    return _prompt(template.fill(**fields), config, sampling, shape)


def _prompt(messages: tuple[Message, ...], config: Config, sampling: Sampling, shape: Shape | None = None) -> Prompt:
    return Prompt(
        messages,
        model=config.model,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        shape=shape,
    )


def _instance(row: Row, record: instances.Record, place: int, operation: str, note: TeacherNote, config: Config) -> Row:
    return new_row(
        row.instruction,
        input=record.input,
        response=record.output or "",
        language=row.language,
        topic=row.topic,
        subtopic=row.subtopic,
        task_type=CLASSIFICATION if operation == "label_first" else GENERATION,
        parents=(row.id,),
        stage=config.label,
        operation=operation,
        depth=row.depth,
        round=row.round,
        source=f"{row.source}.e{place}",
        teacher=note,
        scores=row.scores,
    )
