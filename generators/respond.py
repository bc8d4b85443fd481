"""Respond: ask the instruction as it is, and keep the reply as the response.

No prompt of ours is around it, so that the row's response is what the teacher says to a user. It is the second half
of every two-step method (LaMini-LM, https://arxiv.org/abs/2304.14402: instructions first, answers apart), and how
``generators.evol_instruct`` answers what it evolved. Not a check of the answer: that is a filter's work, or
``generators.chain_of_thought``'s. One turn only; later turns of a dialogue are left as they are.
"""

import random

from pydantic import Field

from generators.tags import thought
from schemas.exchange import Completion, Message, Prompt
from schemas.row import Row, text_of
from schemas.stage import Outcome, Reject, StageConfig, Steps, ask


class Config(StageConfig):
    """What ``respond`` can be told."""

    use: str = Field(default="respond", description="The stage's file name in generators/, without .py.")
    model: str = Field(default="teacher", description="The name in the recipe of the model that answers.")
    system: str | None = Field(
        default=None,
        description="A system message for rows that have none of their own. It is recorded as system_generation.",
    )
    train_on_system: bool = Field(
        default=False, description="Whether that system message is also the one that is trained on."
    )
    temperature: float | None = Field(default=None, ge=0, le=2, description="Default: the model's own in the recipe.")
    top_p: float | None = Field(default=None, gt=0, le=1, description="Default: the model's own in the recipe.")
    max_tokens: int | None = Field(default=None, ge=1, description="Default: the model's own in the recipe.")
    only_unanswered: bool = Field(
        default=True, description="Whether rows that have a response pass untouched. If not, they are answered anew."
    )
    keep_truncated: bool = Field(default=False, description="Whether an answer that the token limit cut is kept.")


def grow(row: Row, config: Config, rng: random.Random) -> Steps[Outcome]:
    """Answer one row.

    Raises:
        Reject: ``empty_response``, ``truncated``, ``content_filter``, ``unclosed_think``, ``malformed_think``, or
            what made the request fail.
    """
    if row.response.strip() and config.only_unanswered:
        return Outcome(passed=row)
    system = row.system or config.system
    messages = (Message("user", text_of(row)),)
    completion = yield from ask(
        Prompt(
            messages if system is None else (Message("system", system), *messages),
            model=config.model,
            temperature=config.temperature,
            top_p=config.top_p,
            max_tokens=config.max_tokens,
        )
    )
    answered = answer(row, completion, keep_truncated=config.keep_truncated).with_(system_generation=system)
    return Outcome(passed=answered.with_(system=system) if config.train_on_system else answered)


def answer(row: Row, completion: Completion, *, keep_truncated: bool = False) -> Row:
    """The row with a reply as its response; what the model thought first becomes the row's reasoning.

    Raises:
        Reject: the reply cannot be used; see ``grow``.
    """
    if completion.truncated and not keep_truncated:
        raise Reject("truncated", completion.text)
    if completion.finish_reason == "content_filter":
        raise Reject("content_filter", completion.text)
    reply = thought(completion.text, completion.reasoning)
    if reply.problem is not None:
        raise Reject(reply.problem, completion.text)
    if not reply.text:
        raise Reject("empty_response", completion.text)
    return row.with_(response=reply.text, reasoning=reply.reasoning, teacher=completion.note())
