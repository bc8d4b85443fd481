"""What the offline teacher's server is set to, beyond pace and faults, which a recipe may have too."""

from typing import Literal

from pydantic import Field

from schemas.strict import Strict


class Serving(Strict):
    """Settings of ``instructloom teacher serve`` that make sense on HTTP only."""

    reply: Literal["teacher", "echo"] = Field(default="teacher", description="Who answers; echo costs next to nothing.")
    reply_tokens: int = Field(default=120, ge=1, le=100_000, description="Length of a reply of echo.")
    metrics: bool = Field(default=False, description="Whether /metrics is there, with vLLM's names.")
    batch_seconds: float = Field(default=0.0, ge=0, le=86_400, description="How long a batch takes, at least.")
