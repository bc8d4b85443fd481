"""Does an endpoint keep to a JSON schema? One small request finds out, since its documentation does not say.

Some servers hold the model to a schema, some accept one and ignore it, some answer 400 or 500. The question asked here
is a greeting under a schema whose only values no greeting has: who sends one of them was held to the schema. Whatever
is in doubt counts as ignored, because a reply that was asked for as text can always be read. Not here: when this is
asked, and where the answer is kept.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from schemas.exchange import Message, Prompt, Shape
from schemas.recipe import Model
from teachers.failures import Failure
from teachers.payload import build_payload
from teachers.reply import read_reply
from teachers.structured import read_object

Support = Literal["honoured", "ignored", "refused"]
Post = Callable[[dict[str, Any]], Awaitable[bytes]]

REFUSALS = frozenset({400, 404, 422, 500, 501})
"""What servers that cannot do it answer: vLLM and OpenAI 400, OpenRouter 404, validating proxies 422, others 50x."""
PROBE_TOKENS = 64
"""A model that first thinks for longer than this counts as one that ignores the schema."""

_MARKS = Shape(
    name="probe",
    # Under an empty hint: with one, a model could keep to the form of its own accord.
    schema={"type": "object", "properties": {"mark": {"type": "string", "enum": ["zq7-ochre", "kx3-umber"]}}},
    hint="",
)
_PROMPT = Prompt(
    (Message("user", "Say hello to a friend in one short sentence."),),
    temperature=0.0,
    max_tokens=PROBE_TOKENS,
    shape=_MARKS,
)


async def probe(post: Post, model: Model) -> Support:
    """Ask once, through ``post``, which sends one chat payload and returns the body of the answer.

    Raises:
        Failure: the request failed in a way that says nothing of schemas: 401, 429, 503, no connection, …
    """
    payload = build_payload(model, _PROMPT, seed=0, structured=True)
    try:
        completion = read_reply(await post(payload), payload, model)
    except Failure as failure:
        # 200 with an error inside is how gateways pass on that the server behind them refused.
        if failure.status in REFUSALS or failure.word == "unreadable_reply":
            return "refused"
        raise
    # Some vLLM versions file a reply of a fixed form under the reasoning.
    said = completion.text or completion.reasoning or ""
    return "ignored" if read_object(said, _MARKS.schema) is None else "honoured"
