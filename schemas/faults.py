"""How the offline teacher misbehaves on purpose."""

from pydantic import Field

from schemas.strict import Strict


class Faults(Strict):
    """How often the offline teacher misbehaves, as shares of requests; for trying limits, parsers and filters."""

    rate_limit: float = Field(default=0.0, ge=0, le=1, description="Answered 429 with Retry-After.")
    server_error: float = Field(default=0.0, ge=0, le=1, description="Answered 500.")
    timeout: float = Field(default=0.0, ge=0, le=1, description="Never answered within the client's timeout.")
    disconnect: float = Field(default=0.0, ge=0, le=1, description="Connection dropped in the middle.")
    malformed: float = Field(default=0.0, ge=0, le=1, description="A reply out of format.")
    truncated: float = Field(default=0.0, ge=0, le=1, description="A reply cut off, finish_reason length.")
    refusal: float = Field(default=0.0, ge=0, le=1, description="A refusal.")
    duplicate: float = Field(default=0.0, ge=0, le=1, description="An earlier reply again: little variety.")
    wrong: float = Field(default=0.0, ge=0, le=1, description="A well-formed, wrong answer.")
    latency: float = Field(default=0.0, ge=0, le=60, description="Seconds before each reply.")
    seed: int = Field(default=0, description="Which requests are hit.")
