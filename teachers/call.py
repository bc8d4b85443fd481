"""One request on its way, and what came of it: what every way of asking a model takes and gives."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.exchange import Completion
from teachers.live import Live
from teachers.payload import Request

if TYPE_CHECKING:
    from teachers.gate import Replica

HOPELESS = 10
"""Requests that fail for good in a row, each after all its attempts, until the run is stopped."""


@dataclass(slots=True)
class Call:
    """One request on its way through its attempts; of those that wait, the lowest ``rank`` goes first."""

    request: Request
    rank: int = 0
    sent: bool = False
    """Whether an endpoint is at work on it just now: then it is paid for, and worth waiting for."""
    since: float = 0.0
    """When the first attempt was sent."""
    attempts: int = 0
    counted: int = 0
    """Attempts that failed while the endpoint worked."""
    raw: bytes = field(default=b"", repr=False)
    """The body of the answer."""
    last: "Replica | None" = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request came to."""

    completion: Completion
    retries: int = 0
    detail: str = ""
    """The endpoint's own words, where it refused."""


def count(live: Live, name: str, completion: Completion, detail: str) -> None:
    """Book what a request to the model ``name`` came to."""
    live.requests += 1
    live.prompt_tokens += completion.prompt_tokens
    live.completion_tokens += completion.completion_tokens
    live.cost += completion.cost
    if completion.error is not None:
        live.failed += 1
        live.last_failure = f"{name}: {completion.error} {detail}".rstrip()
