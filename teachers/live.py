"""The counters that a progress display reads while models are being asked."""

from dataclasses import dataclass


@dataclass(slots=True)
class Live:
    """Totals over all models since the start. Only the event loop writes; anyone may read a copy."""

    in_flight: int = 0
    """Requests that an endpoint is working on."""
    waiting: int = 0
    """Requests that wait for a slot, or before the next attempt."""
    requests: int = 0
    """Requests that an endpoint answered or refused for good; retries not counted."""
    retries: int = 0
    failed: int = 0
    """Requests that brought no usable completion."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    """US dollars."""
    models: tuple[str, ...] = ()
    """Each model's state in a few words: what is in flight, or what is down; see ``Channel.status``."""
    last_failure: str = ""
    """The latest reason for which a request failed, with the endpoint's words."""
