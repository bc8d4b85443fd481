"""Chain of thought: the reasoning that leads to an answer, checked where there is something to check it with.

``solve`` asks for step-by-step work with a last line ``Answer: …``; ``explain`` does the same under one of several
explaining system messages drawn by chance, as Orca does, which is recorded and not trained on (Orca 2's prompt
erasure). Several samples vote, by equivalence of answers and not of strings (self-consistency). A row whose
``answer`` is known beforehand keeps only reasoning that arrives there; what does not may be asked again with the
answer as a hint and is kept without it (STaR).

A right answer does not prove the reasoning, and nothing here reads the reasoning for errors: that is a filter's work.

Wei et al. https://arxiv.org/abs/2201.11903, Wang et al. https://arxiv.org/abs/2203.11171, STaR
https://arxiv.org/abs/2203.14465, Orca https://arxiv.org/abs/2306.02707, Orca 2 https://arxiv.org/abs/2311.11045.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, Self

from pydantic import Field, model_validator

from generators import prompts
from generators.answers import equivalent, extract, states, words
from generators.tags import enclose, thought
from schemas.exchange import Completion, Message, Prompt
from schemas.row import Row, Score, text_of
from schemas.stage import Discard, Outcome, Reject, StageConfig, Steps, ask

EXPLAINERS = (
    "explain_tutor",
    "explain_plain_words",
    "explain_plan_first",
    "explain_evidence",
    "explain_rule_out",
    "explain_definitions",
    "explain_check",
)
"""The system messages that ``explain`` draws from, each with the same chance."""

_LONGEST_PARAGRAPH_RUN, _LONGEST_SENTENCE_RUN, _MOST_OF_A_SENTENCE = 10, 8, 40
"""From here on a trace is a loop. open-instruct's limits, its run of sentences doubled, as it does for maths."""

_KNOWN = r"(?:given|provided|known|supplied|expected|stated)"
_HINT = re.compile(
    rf"\b(?:hints?|{_KNOWN} (?:final |correct )?answer"
    rf"|{_KNOWN} (?:final |correct )?(?:solution|result) (?:is|was|says|of \d)"
    r"|answer (?:is|was|has been|that was|we were|i was|you) (?:already )?(?:given|provided|known|told|supplied|gave)"
    r"|answer (?:is|was) (?:supposed|meant|said|expected|stated) to be"
    r"|given (?:that )?(?:the|this|an|our|its) (?:\w+ )?answer"
    r"|(?:since|because|as|knowing) (?:that )?(?:i |we )?(?:already )?(?:know |knew )?(?:that )?"
    r"the (?:final |correct )?answer is"
    r"|knowing (?:that )?the (?:final |correct )?answer|already know (?:that )?the (?:final |correct )?answer"
    # At the end of a derivation, "so now we know the answer" gives nothing away.
    r"|(?<!now )(?<!now, )(?<!so )(?<!so, )(?<!then )(?<!thus )(?<!hence )(?<!therefore )(?<!therefore, )(?<!lets )"
    r"(?:i|we) know (?:that )?the (?:final |correct )?answer"
    r"|(?:were|was|am|are|been) told (?:that )?(?:the|this|its) (?:\w+ )?(?:answer|result)"
    r"|back(?:wards?)? from the (?:\w+ )?(?:answer|result)"
    r"|(?:match|agree)(?:es|s)? (?:with )?the (?:given|known))"
    r"|提示|(?:已知|给定|给出|提供)的?(?:正确|最终|标准)?(?:答案|结果[是为])|答案(?:已经?|是)(?:给出|给定|提供|已知|知道)"
    r"|标准答案|(?:既然|由于|因为|鉴于)(?:正确|最终)?答案|(?:告知|告诉|得知|知道)[^，。；\n]{0,6}答案",
    re.IGNORECASE,
)


class Config(StageConfig):
    """What ``chain_of_thought`` can be told."""

    use: str = Field(default="chain_of_thought", description="The stage's file name in generators/, without .py.")
    mode: Literal["solve", "explain"] = Field(
        default="solve", description="solve: one plain request for steps. explain: a system message drawn by chance."
    )
    model: str = Field(default="teacher", description="The name in the recipe of the model that reasons.")
    samples: int = Field(default=1, ge=1, le=256, description="How many solutions are asked; from 2 on they vote.")
    one_request: bool = Field(
        default=False,
        description="Ask all samples in one request (n), which pays the prompt once; some servers ignore n.",
        # What a recipe without it makes has the digest, and so the rows, that it had before there was this option.
        exclude_if=lambda asked: not asked,
    )
    min_votes: int | None = Field(
        default=None,
        ge=1,
        description="How many samples have to agree. Default: more than half of those asked; where the answer is "
        "known, one that is right.",
    )
    pick: Literal["first", "shortest"] = Field(
        default="first", description="Which trace is kept of those that agree on the answer."
    )
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="Default: 0 for one sample, 0.7 for several, which have to differ."
    )
    top_p: float | None = Field(default=None, gt=0, le=1, description="Default: the model's own in the recipe.")
    max_tokens: int | None = Field(default=None, ge=1, description="Default: the model's own in the recipe.")
    trace: Literal["visible", "thought"] = Field(
        default="visible",
        description="Which reasoning of a model that thinks first is kept: what it says, or what it thought. "
        "The other one stands in where that is empty.",
    )
    rationalize: bool = Field(
        default=False, description="Whether a row with a known answer that was missed is asked again with it as a hint."
    )
    train_system: str | None = Field(
        default=None, description="The system message to train on. Default: the row's own, never the teacher's."
    )
    on_disagreement: Literal["replace", "reject", "keep"] = Field(
        default="replace", description="What becomes of a response that the row already has and that says otherwise."
    )
    on_failure: Literal["keep", "reject"] = Field(
        default="keep",
        description="Whether a row without a known answer passes as it is where no solution can be read.",
    )
    max_answer_words: int = Field(
        default=40,
        ge=1,
        description="A longer answer is a text, not a short answer: it may become the response, not the answer.",
    )
    share: float = Field(default=1.0, ge=0, le=1, description="The share of rows that get reasoning; the others pass.")
    only_task_types: tuple[str, ...] | None = Field(
        default=None, description="Only rows of these task types get reasoning; the others pass. Default: all."
    )

    @model_validator(mode="after")
    def _votes_can_be_reached(self) -> Self:
        if self.min_votes is not None and self.min_votes > self.samples:
            raise ValueError(f"min_votes is {self.min_votes}, of {self.samples} samples; give at most that many")
        return self


@dataclass(frozen=True, slots=True)
class Trace:
    """A solution that could be read."""

    reasoning: str
    answer: str
    completion: Completion


def grow(row: Row, config: Config, rng: random.Random) -> Steps[Outcome]:
    """Give one row reasoning, an answer and, where it has none, a response.

    Raises:
        Reject: ``wrong_answer``, ``mentions_hint``, ``no_majority``, ``disagreement``, a reason of ``read``, or what
            made the request fail.
    """
    # Drawn for every row, so that changing one option does not move the other.
    lot, name = rng.random(), rng.choice(EXPLAINERS) if config.mode == "explain" else "solve"
    if lot >= config.share or (config.only_task_types is not None and row.task_type not in config.only_task_types):
        return Outcome(passed=row)
    messages = prompts.load("chain_of_thought", name, row.language).fill(task=text_of(row))
    completions = yield from _sample(_prompt(messages, config, config.samples), config)
    traces, lost = _read_all(completions, config)
    gold = (row.answer or "").strip()
    if gold:
        return (yield from _arrive(row, gold, traces, lost, messages, config))
    if not traces:
        if config.on_failure == "reject" or all(completion.error is not None for completion in completions):
            raise Reject(lost[0].reason, lost[0].raw)
        return Outcome(passed=row, discarded=tuple(lost))
    agreed, outvoted = _vote(traces, config)
    kept = _pick(agreed, config)
    passed = _finish(row.scored(*_votes(len(agreed), config)), kept, messages, config)
    lost += [Discard("outvoted", trace.completion.text) for trace in outvoted]
    return Outcome(passed=passed, discarded=tuple(lost))


def read(completion: Completion, config: Config) -> Trace:
    """The reasoning and the answer of one solution.

    Raises:
        Reject: ``truncated``, ``content_filter``, ``unclosed_think``, ``malformed_think``, ``no_answer``,
            ``empty_answer``, ``several_answers``, ``empty_reasoning``, ``repetitive``, or the completion's error.
    """
    raw = completion.text
    if completion.error is not None:
        raise Reject(completion.error, raw)
    if completion.truncated:
        raise Reject("truncated", raw)
    if completion.finish_reason == "content_filter":
        raise Reject("content_filter", raw)
    reply = thought(raw, completion.reasoning)
    if reply.problem is not None:
        raise Reject(reply.problem, raw)
    found = extract(reply.text)
    if found.answer is None:
        raise Reject(found.problem or "no_answer", raw)
    sources = (reply.reasoning, found.reasoning) if config.trace == "thought" else (found.reasoning, reply.reasoning)
    reasoning = next((text for text in sources if text), "")
    if not re.search(r"\w", reasoning):
        raise Reject("empty_reasoning", raw)
    if is_repetitive(reasoning):
        raise Reject("repetitive", raw)
    return Trace(reasoning, found.answer, completion)


def is_repetitive(text: str) -> bool:
    """Whether a text goes round in circles: the same paragraph or sentence over and over."""
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+|[。！？\n]+", text)]
    # Short ones ("Yes.", "x = 1") may well come often.
    sentences = [part for part in sentences if words(part) >= 4]
    return (
        _longest_run(paragraphs) >= _LONGEST_PARAGRAPH_RUN
        or _longest_run(sentences) >= _LONGEST_SENTENCE_RUN
        or max(map(len, _alike(sentences)), default=0) >= _MOST_OF_A_SENTENCE
    )


def mentions_hint(reasoning: str, row: Row) -> bool:
    """Whether a text says that its answer was given. Words that the task itself uses are no sign."""
    task = text_of(row).casefold()
    return any(match[0].casefold() not in task for match in _HINT.finditer(reasoning))


def _arrive(
    row: Row,
    gold: str,
    traces: Sequence[Trace],
    lost: Sequence[Discard],
    messages: tuple[Message, ...],
    config: Config,
) -> Steps[Outcome]:
    """Keep a trace that ends in the known answer, if need be one that was told it."""
    right = [trace for trace in traces if equivalent(gold, trace.answer)]
    wrong = [Discard("wrong_answer", trace.completion.text) for trace in traces if trace not in right]
    discarded = (*lost, *wrong)
    if len(right) >= (config.min_votes or 1):
        passed = _finish(row.scored(*_votes(len(right), config)), _pick(right, config), messages, config)
        return Outcome(passed=passed.with_(answer=row.answer), discarded=discarded)
    if not config.rationalize:
        raise _miss(right, wrong, lost)
    hinted = prompts.load("chain_of_thought", "rationalize", row.language).fill(
        task=enclose(instruction=row.instruction, input=row.input), hint=gold
    )
    trace = read((yield from ask(_prompt(hinted, config, 1))), config)
    if not equivalent(gold, trace.answer):
        raise Reject("wrong_answer", trace.completion.text)
    if mentions_hint(trace.reasoning, row):
        raise Reject("mentions_hint", trace.completion.text)
    passed = _finish(row.scored(Score(config.label, "rationalized", 1.0)), trace, hinted, config)
    return Outcome(passed=passed.with_(answer=row.answer), discarded=discarded)


def _miss(right: Sequence[Trace], wrong: Sequence[Discard], lost: Sequence[Discard]) -> Reject:
    """Why no trace arrived: some did but too few, some arrived elsewhere, or none could be read."""
    first = (*wrong, *lost)[0]
    return Reject("no_majority" if right else first.reason, first.raw)


def _finish(row: Row, trace: Trace, messages: Sequence[Message], config: Config) -> Row:
    """The row with a trace: its reasoning, answer and response, and under which system message it came about."""
    short = words(trace.answer) <= config.max_answer_words
    row = row.with_(
        reasoning=trace.reasoning,
        answer=trace.answer if short else None,
        system_generation=next((message.content for message in messages if message.role == "system"), None),
        system=config.train_system if config.train_system is not None else row.system,
    )
    if not short:
        row = row.scored(Score(config.label, "free_form", 1.0))
    # Two texts of many words differ without disagreeing.
    agrees = not short or states(row.response, trace.answer)
    if row.response.strip() and (agrees is not False or config.on_disagreement == "keep"):
        if not agrees:
            # What only may disagree is worth a look, and not worth the loss of a response.
            measure = "unclear_agreement" if agrees is None else "disagreement"
            row = row.scored(Score(config.label, measure, 1.0))
        return row if row.teacher is not None else row.with_(teacher=trace.completion.note())
    if row.response.strip():
        if config.on_disagreement == "reject":
            raise Reject("disagreement", trace.completion.text)
        row = row.scored(Score(config.label, "replaced_response", 1.0))
    return row.with_(response=trace.answer, teacher=trace.completion.note())


def _prompt(messages: tuple[Message, ...], config: Config, samples: int) -> Prompt:
    temperature = config.temperature if config.temperature is not None else 0.0 if samples == 1 else 0.7
    return Prompt(
        messages, model=config.model, temperature=temperature, top_p=config.top_p, max_tokens=config.max_tokens
    )


def _sample(prompt: Prompt, config: Config) -> Steps[Sequence[Completion]]:
    """As many replies as there are to be samples, or fewer and the error that ended it."""
    if not config.one_request:
        return (yield [prompt] * config.samples)
    samples: list[Completion] = []
    # Every reply brings one at least, so that a server that ignores n is asked as often as without it.
    while len(samples) < config.samples:
        (completion,) = yield [replace(prompt, n=config.samples - len(samples))]
        samples += _shared(completion)
        if completion.error is not None:
            break
    return samples


def _shared(completion: Completion) -> list[Completion]:
    """The samples of one reply, each with its part of what was spent."""
    samples = completion.samples()
    return [
        replace(
            sample,
            prompt_tokens=round(completion.prompt_tokens / len(samples)),
            completion_tokens=round(completion.completion_tokens / len(samples)),
            cost=completion.cost / len(samples),
        )
        for sample in samples
    ]


def _read_all(completions: Sequence[Completion], config: Config) -> tuple[list[Trace], list[Discard]]:
    traces, lost = [], []
    for completion in completions:
        try:
            traces.append(read(completion, config))
        except Reject as loss:
            lost.append(Discard(loss.reason, loss.raw))
    return traces, lost


def _vote(traces: Sequence[Trace], config: Config) -> tuple[list[Trace], list[Trace]]:
    """The traces of the answer that wins, and the others. A tie has no winner."""
    clusters: list[list[Trace]] = []
    for trace in traces:
        home = next((cluster for cluster in clusters if equivalent(cluster[0].answer, trace.answer)), None)
        if home is None:
            clusters.append([trace])
        else:
            home.append(trace)
    first, *others = sorted(clusters, key=len, reverse=True)
    needed = config.min_votes or config.samples // 2 + 1
    if len(first) < needed or (others and len(others[0]) == len(first)):
        raise Reject("no_majority", "\n".join(trace.answer for trace in traces))
    return first, [trace for cluster in others for trace in cluster]


def _pick(traces: Sequence[Trace], config: Config) -> Trace:
    return min(traces, key=lambda trace: len(trace.reasoning)) if config.pick == "shortest" else traces[0]


def _votes(votes: int, config: Config) -> tuple[Score, ...]:
    """How many samples agreed, where there was a vote."""
    if config.samples == 1:
        return ()
    return (Score(config.label, "votes", float(votes)), Score(config.label, "samples", float(config.samples)))


def _longest_run(parts: Sequence[str]) -> int:
    return max((len(list(run)) for _, run in groupby(parts)), default=0)


def _alike(parts: Sequence[str]) -> list[list[str]]:
    return [list(run) for _, run in groupby(sorted(parts))]
