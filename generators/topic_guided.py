"""Topic-guided diversification: existing instructions moved to topics, or new ones asked for on topics.

``mode: rewrite`` is YuLan-Chat's topic control: each row is rewritten so that it concerns a topic and remains the same
kind of task; if the model finds that it cannot, another topic is tried. ``mode: examples`` is LaMini-LM's topic-guided
generation: three instructions of the shard and three topics are shown, and many new instructions are asked for.

Both deal the sub-topics of a shuffled tree in turn, so that a shard covers them evenly without knowing of the others.
What a rewritten row had for an answer is void; put ``respond`` or ``chain_of_thought`` behind this stage.

YuLan published a description, but no prompts, topics or numbers: what stands here for them is ours. It does not
translate, and the merging of near duplicates is not here either.

YuLan-Chat: https://github.com/RUC-GSAI/YuLan-Chat. LaMini-LM: https://arxiv.org/abs/2304.14402.
"""

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Self

import polars as pl
from pydantic import Field, computed_field, model_validator

from generators import prompts, shaped, topics
from generators.elimination import answers_parent, drifts, refuses
from generators.replies import answered, clean, fingerprint, numbered, tagged, unfinished, untagged
from generators.tags import Task, enclose, read, read_task
from generators.topics import Leaf
from generators.wording import wrong_language
from schemas.exchange import Completion, Message, Prompt
from schemas.row import Row, Score, new_row, text_of
from schemas.stage import Discard, Job, Outcome, Reject, StageConfig, Steps

STAGE = "topic_guided"
"""The folder of the prompts."""

_LONGEST_EXAMPLE = 1200
"""Characters of a row that is shown as an example: three long inputs would crowd out what is asked for."""

_UNSUITABLE = re.compile(
    r"unsuitable|not[ _-]?(?:suitable|applicable|possible)|n/a|不(?:合适|适合|适用)", re.IGNORECASE
)
_MARKUP = re.compile(
    r"</?[ ]*(?:verdict|topics?|subtopic|instruction|input|example)(?:[ ][^<>\n]*)?>|\{\{", re.IGNORECASE
)
_FRAME = re.compile(
    r"\b(?:in|on|for|within|from) the (?:context|field|area|domain|world|topic|subject|theme) of\b"
    r"|\b(?:(?:with|as) (?:the |a )?)?(?:topic|subtopic|subject|theme|context)\b"
    r"|子?主题|话题|方面|领域|背景",
    re.IGNORECASE,
)
"""What a model puts around a topic word that it only adds. Without "about": "a poem about gravity" is a rewrite."""


class Config(StageConfig):
    """What ``topic_guided`` can be told. Sampling left out is the model's own: the papers do not say theirs.

    Raises ``RecipeError`` if the topic tree cannot be read, before anything is asked.
    """

    use: str = Field(default="topic_guided", description="The stage's file name in generators/, without .py.")
    mode: Literal["rewrite", "examples"] = Field(
        default="rewrite",
        description="rewrite: move rows to topics. examples: new instructions like the rows, on topics.",
    )
    model: str = Field(default="teacher", description="The name in the recipe of the model that is asked.")
    topics: str = Field(default=topics.BUILTIN, description="builtin, or the path of a JSON or YAML tree of your own.")
    categories: list[str] = Field(default_factory=list, description="Ids of categories to use. Default: all.")
    max_per_subtopic: int | None = Field(
        default=None,
        ge=1,
        description="A sub-topic is given out at most so often in a shard; then rows pass as they are.",
    )
    share: float = Field(default=1.0, ge=0, le=1, description="rewrite: the share of rows to move; the others pass.")
    max_attempts: int = Field(default=3, ge=1, le=20, description="rewrite: topics that are tried for one row.")
    keep_original: bool = Field(default=False, description="rewrite: the row stays beside its new version.")
    on_exhausted: Literal["keep", "drop"] = Field(
        default="keep", description="rewrite: what becomes of a row that no topic suited."
    )
    growth: float = Field(
        default=1.0, gt=0, le=100, description="examples: new instructions that are asked for, for each row."
    )
    examples_per_prompt: int = Field(default=3, ge=1, le=20, description="examples: rows shown in a prompt.")
    topics_per_prompt: int = Field(default=3, ge=1, le=20, description="examples: topics named in a prompt.")
    instructions_per_prompt: int = Field(
        default=20, ge=1, le=60, description="examples: new instructions a prompt asks for; 10 if the rows are long."
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Null: the model's own.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="The same.")
    max_tokens: int | None = Field(default=None, ge=1, description="The same.")

    @model_validator(mode="after")
    def _tree_can_be_read(self) -> Self:
        topics.load(self.topics, tuple(self.categories))
        return self

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def topics_digest(self) -> str:
        """The tree's content. It is part of what the configuration is dumped to, and so of the stage's digest."""
        return topics.digest(self.topics, tuple(self.categories))


def grow_shard(rows: Sequence[Row], config: Config, rng: random.Random) -> list[Job]:
    """The jobs of one shard: one a row, and in mode examples one a prompt as well."""
    tree = topics.load(config.topics, tuple(config.categories))
    return _rewrites(rows, tree, config, rng) if config.mode == "rewrite" else _prompts(rows, tree, config, rng)


def rewrite(row: Row, leaves: Sequence[Leaf], config: Config) -> Steps[Outcome]:
    """Move one row to the first of ``leaves`` that suits it. A request that fails costs its attempt, not the row.

    Raises:
        Reject: ``topic_exhausted``, if none suits and such rows are to be dropped.
    """
    failures: list[Discard] = []
    for attempt, leaf in enumerate(leaves, start=1):
        (completion,) = yield [_rewriting(row, leaf, config)]
        task = read_rewrite(completion, row, leaf)
        if isinstance(task, Task):
            moved = _moved(row, task, leaf, attempt, config)
            return Outcome(row if config.keep_original else None, (moved,), tuple(failures))
        failures.append(task)
    if not leaves:
        return Outcome(passed=row)
    if config.on_exhausted == "drop":
        raise Reject("topic_exhausted", failures[-1].raw)
    return Outcome(passed=row, discarded=(*failures, Discard("topic_exhausted", row=row)))


def read_rewrite(completion: Completion, row: Row, leaf: Leaf) -> Task | Discard:
    """The rewritten task of a reply, or why there is none."""
    raw = completion.text
    if completion.error is not None or completion.finish_reason == "content_filter":
        return Discard(completion.error or "content_filter", raw)
    reply = clean(raw)
    if reply.problem is not None:
        return Discard("truncated" if completion.truncated else reply.problem, raw)
    text = reply.text
    verdict = read(text, "verdict").get("verdict", "")
    task = read_task(text)
    # Without a verdict in tags the model may still say it in words, but then no task stands beside it.
    if _UNSUITABLE.search(verdict.partition("\n")[0]) or (task is None and _UNSUITABLE.search(text[:200])):
        return Discard("unsuitable", raw)
    if task is None:
        return Discard(_no_task(completion), raw)
    if completion.truncated and unclosed(text, task):
        return Discard("truncated", raw)
    flaw = rewrite_flaw(task, row, leaf)
    return task if flaw is None else Discard(flaw, raw)


def rewrite_flaw(task: Task, row: Row, leaf: Leaf) -> str | None:
    """Why a rewritten task cannot stand, by its text alone; the first reason that holds."""
    new = f"{task.instruction}\n{task.input}"
    checks = {
        "empty": not re.search(r"\w", task.instruction),
        "unchanged": fingerprint(new) == fingerprint(f"{row.instruction}{row.input}"),
        "leaked_markup": _MARKUP.search(new) is not None and _MARKUP.search(text_of(row)) is None,
        "answered_instead": answers_parent(task, row) or (answered(new) and not answered(text_of(row))),
        "lost_input": bool(row.input) and not task.input,
        "topic_pasted": pasted(task, row, leaf),
        "language_drift": drifts(task.instruction, row.instruction),
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def pasted(task: Task, row: Row, leaf: Leaf) -> bool:
    """Whether the task is the old one with nothing but the topic's name added."""
    if fingerprint(task.input) != fingerprint(row.input):
        return False
    names = {name for name in (leaf.topic(row.language), leaf.subtopic(row.language)) if name}
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    rest = _FRAME.sub(" ", re.sub(pattern, " ", task.instruction, flags=re.IGNORECASE))
    # Chinese frames a topic with 在…中 as well, two characters that may be the old text's own.
    extra = Counter(fingerprint(rest))
    extra.subtract(Counter(fingerprint(row.instruction)))
    same = all(count == 0 or (character in "在中" and count > 0) for character, count in extra.items())
    return same and fingerprint(task.instruction) != fingerprint(row.instruction)


def unclosed(text: str, task: Task) -> bool:
    """Whether the last tag of a reply was not closed, so that the end of its text is missing."""
    last = "input" if task.input else "instruction"
    return re.search(rf"</[ ]*{last}[ ]*>", text, re.IGNORECASE) is None


def invent(examples: Sequence[Row], leaves: Sequence[Leaf], count: int, config: Config, origin: str) -> Steps[Outcome]:
    """Ask for ``count`` instructions like ``examples`` on ``leaves``; item n has the source ``<origin>.i<n>``."""
    language = examples[0].language
    prompt = _inventing(examples, leaves, count, config)
    (completion,) = yield [prompt]
    if completion.error is not None:
        return Outcome(discarded=(Discard(completion.error, completion.text),))
    given = shaped.items(completion, prompt.shape)
    items, chatter = (_untagged(given), ()) if given is not None else read_examples(completion, count)
    if not items:
        return Outcome(discarded=(Discard(_no_task(completion), completion.text),))
    copies = {fingerprint(text_of(row)) for row in examples}
    created: list[Row] = []
    discarded = [Discard("chatter", text) for text in chatter]
    for place, (text, complete) in enumerate(items):
        topic, subtopic = _mentioned(text, leaves, language)
        row = new_row(
            text,
            language=language,
            topic=topic,
            subtopic=subtopic,
            parents=tuple(example.id for example in examples),
            stage=config.label,
            operation="write_on_topics",
            round=examples[0].round,
            source=f"{origin}.i{place}",
        )
        reason = "truncated" if not complete else invented_flaw(text, language, copies)
        copies.add(fingerprint(text))
        if reason is None:
            created.append(row)
        else:
            discarded.append(Discard(reason, text, row))
    return Outcome(created=tuple(created), discarded=tuple(discarded))


def read_examples(completion: Completion, count: int) -> tuple[list[tuple[str, bool]], tuple[str, ...]]:
    """The items of a reply, each with whether it is complete, and what stands around them.

    Without any tag a numbered list is read. Numbers inside the tags go only if every item has one.
    """
    text = clean(completion.text).text
    blocks = tagged(text, "example")
    if not blocks:
        listing = numbered(text, 1, count)
        last = len(listing.items) - 1
        cut = completion.truncated or (bool(listing.items) and unfinished(listing.items[-1]))
        return [(item, not (cut and place == last)) for place, item in enumerate(listing.items)], listing.chatter
    texts = [block.text for block in blocks]
    inner = [numbered(each).items if re.match(r"\W*\d", each) else () for each in texts]
    if all(len(items) == 1 for items in inner):
        texts = [items[0] for items in inner]
    # A missing end tag in the middle is a slip; at the end the reply may have broken off there.
    whole = [True] * len(blocks)
    whole[-1] = blocks[-1].closed or not (completion.truncated or unfinished(texts[-1]))
    return list(zip(texts, whole, strict=True)), untagged(text, "example")


def _untagged(given: Sequence[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """The items of a JSON list without the tags that the prompt asks for where it gets no JSON."""
    items: list[tuple[str, bool]] = []
    for text, whole in given:
        blocks = [] if untagged(text, "example") else tagged(text, "example")
        items += [(block.text, whole) for block in blocks] or [(text, whole)]
    return items


def invented_flaw(text: str, language: str, copies: set[str]) -> str | None:
    """Why a new instruction cannot stand; ``copies`` are fingerprints of the examples and of the earlier items."""
    checks = {
        "empty": not re.search(r"\w", text),
        "leaked_markup": _MARKUP.search(text) is not None,
        "answered_instead": answered(text),
        "refused": refuses(text),
        "wrong_language": wrong_language(text, language),
        "repeated_example": fingerprint(text) in copies,
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def coverage(frame: pl.DataFrame, config: Config) -> pl.DataFrame:
    """How many rows each sub-topic of the tree has: ``topic``, ``subtopic``, ``rows``; also those without any.

    Rows are counted by their names in any language. The table is in Chinese if all rows are, else in English.
    Rows without a topic, or with several, are not in it.
    """
    tree = topics.load(config.topics, tuple(config.categories))
    counts = frame.group_by("topic", "subtopic").len()
    found = Counter({(topic, subtopic): rows for topic, subtopic, rows in counts.rows()})
    languages = frame["language"].unique().to_list()
    shown = languages[0] if len(languages) == 1 else "en"
    table = [
        {
            "topic": leaf.topic(shown),
            "subtopic": leaf.subtopic(shown),
            "rows": sum(found[pair] for pair in {(t, s) for _, t in leaf.topics for _, s in leaf.subtopics}),
        }
        for leaf in tree
    ]
    return pl.DataFrame(table, schema={"topic": pl.String, "subtopic": pl.String, "rows": pl.Int64})


def _rewrites(rows: Sequence[Row], tree: Sequence[Leaf], config: Config, rng: random.Random) -> list[Job]:
    """All topics that a row may need are dealt beforehand: no job depends on another."""
    wanted = math.floor(config.share * len(rows) + rng.random())
    chosen = sorted(rng.sample(range(len(rows)), min(wanted, len(rows))))
    dealt = topics.deal(tree, len(chosen), config.max_attempts, rng, config.max_per_subtopic)
    leaves = dict(zip(chosen, dealt, strict=True))
    return [Job(row.id, row, rewrite(row, leaves.get(place, ()), config)) for place, row in enumerate(rows)]


def _prompts(rows: Sequence[Row], tree: Sequence[Leaf], config: Config, rng: random.Random) -> list[Job]:
    jobs = [Job(row.id, row, _passes(row)) for row in rows]
    for language in sorted({row.language for row in rows}):
        pool = [row for row in rows if row.language == language]
        pool = [row for row in pool if len(text_of(row)) <= _LONGEST_EXAMPLE] or pool
        wanted = math.ceil(sum(row.language == language for row in rows) * config.growth)
        counts = [
            min(config.instructions_per_prompt, wanted - done)
            for done in range(0, wanted, config.instructions_per_prompt)
        ]
        dealt = topics.deal(tree, len(counts), config.topics_per_prompt, rng, config.max_per_subtopic)
        for place, (count, leaves) in enumerate(zip(counts, dealt, strict=True)):
            examples = rng.sample(pool, min(config.examples_per_prompt, len(pool)))
            key = f"{language}.p{place:04d}"
            if leaves:
                jobs.append(Job(key, None, invent(examples, leaves, count, config, key)))
    return jobs


def _passes(row: Row) -> Steps[Outcome]:
    yield from ()
    return Outcome(passed=row)


def _rewriting(row: Row, leaf: Leaf, config: Config) -> Prompt:
    messages = prompts.load(STAGE, "rewrite", row.language).fill(
        topic=leaf.topic(row.language),
        subtopic=leaf.subtopic(row.language),
        task=enclose(instruction=row.instruction, input=row.input),
    )
    return _prompt(messages, config)


def _inventing(examples: Sequence[Row], leaves: Sequence[Leaf], count: int, config: Config) -> Prompt:
    language = examples[0].language
    messages = prompts.load(STAGE, "examples", language).fill(
        examples="\n".join(enclose(example=text_of(row)) for row in examples),
        topics=("、" if language == "zh" else ", ").join(leaf.subtopic(language) for leaf in leaves),
        count=str(count),
    )
    return replace(_prompt(messages, config), shape=shaped.listing(STAGE, "examples", language, "instructions"))


def _prompt(messages: tuple[Message, ...], config: Config) -> Prompt:
    return Prompt(
        messages,
        model=config.model,
        temperature=config.temperature,
        top_p=config.top_p,
        max_tokens=config.max_tokens,
    )


def _moved(row: Row, task: Task, leaf: Leaf, attempt: int, config: Config) -> Row:
    return new_row(
        task.instruction,
        input=task.input,
        system=row.system,
        language=row.language,
        topic=leaf.topic(row.language),
        subtopic=leaf.subtopic(row.language),
        task_type=row.task_type,
        parents=(row.id,),
        stage=config.label,
        operation="rewrite_to_topic",
        depth=row.depth + 1,
        round=row.round,
        scores=(Score(config.label, "topic_attempts", float(attempt)),),
    )


def _mentioned(text: str, leaves: Sequence[Leaf], language: str) -> tuple[str, str]:
    """Topic and sub-topic that the text speaks of; where it names none, or several, all that were given it."""
    named = [leaf for leaf in leaves if _names(text, leaf.subtopic(language))]
    if len(named) == 1:
        return named[0].topic(language), named[0].subtopic(language)
    several = named or leaves
    mark = "、" if language == "zh" else ", "
    joined = dict.fromkeys(leaf.topic(language) for leaf in several)
    return mark.join(joined), mark.join(leaf.subtopic(language) for leaf in several)


def _names(text: str, name: str) -> bool:
    bound = r"\b" if name.isascii() else ""
    return re.search(rf"{bound}{re.escape(name)}{bound}", text, re.IGNORECASE) is not None


def _no_task(completion: Completion) -> str:
    """Why no task is in a reply."""
    if completion.truncated:
        return "truncated"
    reply = clean(completion.text)
    if reply.problem is not None:
        return reply.problem
    return "empty" if not reply.text else "refused" if refuses(reply.text) else "unparsable"
