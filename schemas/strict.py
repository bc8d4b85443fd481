"""The base of everything that a user writes."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Unknown keys are errors: a typo must not silently change a run that costs money."""

    model_config = ConfigDict(extra="forbid", frozen=True)
