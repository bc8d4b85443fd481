"""One request on its way, and what came of it: what every way of asking a model takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.exchange import Completion
from teachers.live import Live
from teachers.payload import Request

if TYPE_CHECKING:
    from teachers.gate import Replica, Turn

HOPELESS = 10
"""Requests that fail for good in a row, each after all its attempts, until the run is stopped."""


@dataclass(slots=True)
class Call:
    """One request on its way through its attempts; of those that wait, the lowest ``rank`` goes first.

    ``admit`` is called when the first attempt has a place, and may refuse it by an exception.
    """

    request: Request
    rank: int = 0
    admit: Callable[[], None] | None = None
    sent: bool = False
    """Whether it is paid for and worth waiting for: an endpoint is at work on it, or has answered."""
    since: float = 0.0
    """When the first attempt was sent…"""
    queued: float = 0.0
    """…and the seconds that it has waited for places since."""
    attempts: int = 0
    counted: int = 0
    """Attempts that failed while the endpoint worked."""
    raw: bytes = field(default=b"", repr=False)
    """The body of the answer."""
    turn: "Turn | None" = field(default=None, repr=False)
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
