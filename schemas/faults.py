"""How the offline teacher behaves: how fast it answers, how much it takes on, and how it misbehaves on purpose."""

from typing import Any, Literal

from pydantic import Field, field_validator

from schemas.latency import Latency
from schemas.strict import Strict


class Pace(Strict):
    """How fast the offline teacher answers and how much it takes on."""

    latency: float | str = Field(
        default=0.0, description="Seconds before each reply, or a distribution: `lognormal:mean=0.2,sigma=1`."
    )
    tokens_per_second: float | None = Field(
        default=None, gt=0, description="A reply takes so much longer as its tokens take. Default: no time."
    )
    slots: int | None = Field(default=None, ge=1, description="Requests answered at a time. Default: no limit.")
    beyond: Literal["queue", "429", "503"] = Field(
        default="queue", description="What becomes of requests beyond the slots: they wait, or are turned away."
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, description="Beyond, 429 with Retry-After and x-ratelimit headers. Default: no limit."
    )

    @field_validator("latency")
    @classmethod
    def _is_a_latency(cls, latency: float | str) -> float | str:
        read = Latency.read(latency)
        return read.numbers["seconds"] if read.kind == "fixed" else latency

    @field_validator("beyond", mode="before")
    @classmethod
    def _status_as_a_number(cls, beyond: Any) -> Any:
        return str(beyond) if isinstance(beyond, int) else beyond


def _rate(description: str) -> Any:
    return Field(default=0.0, ge=0, le=1, description=description)


class Faults(Pace):
    """How often the offline teacher misbehaves, as shares of requests; for trying limits, parsers and filters."""

    rate_limit: float = _rate("Answered 429 with Retry-After.")
    retry_after: float = Field(default=0.1, ge=0, le=600, description="Seconds that such a 429 asks for.")
    server_error: float = _rate("Answered 500.")
    timeout: float = _rate("Never answered within the client's timeout.")
    disconnect: float = _rate("Connection dropped in the middle.")
    rate_limit_bare: float = _rate("Answered 429 without Retry-After.")
    reset: float = _rate("Connection reset in the middle of the body.")
    broken_json: float = _rate("Answered 200 with JSON that breaks off.")
    wrong_type: float = _rate("Answered 200 with an HTML page.")
    drip: float = _rate("The body comes a byte at a time and does not end.")
    unavailable: float = _rate("Begins a spell in which every request is answered 503.")
    spell_requests: int = Field(default=10, ge=0, description="A spell lasts for at least so many requests.")
    spell_seconds: float = Field(default=0.0, ge=0, le=600, description="A spell lasts for at least so many seconds.")
    bad_request: float = _rate("Answered 400, whenever they are asked.")
    malformed: float = _rate("A reply out of format.")
    truncated: float = _rate("A reply cut off, finish_reason length.")
    refusal: float = _rate("A refusal.")
    duplicate: float = _rate("An earlier reply again: little variety.")
    wrong: float = _rate("A well-formed, wrong answer.")
    empty: float = _rate("A reply without text.")
    structured: Literal["honour", "ignore", "error"] = Field(
        default="honour", description="A JSON schema in `response_format` is kept to, ignored, or answered 500."
    )
    batch_line: float = _rate("Lines of a batch that fail.")
    batch_expiry: float = _rate("Batches that expire half done.")
    seed: int = Field(default=0, description="Which requests are hit.")
