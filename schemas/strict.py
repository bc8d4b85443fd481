"""The base of everything that a user writes."""

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator


class Strict(BaseModel):
    """Unknown keys are errors: a typo must not silently change a run that costs money.

    So are infinite numbers, and yes or no for a number, which Python would take for 1 or 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and info.field_name is not None:
            wanted = cls.model_fields[info.field_name].annotation
            if {int, float} & {wanted, *get_args(wanted)}:
                raise ValueError(f"{str(value).lower()} is not a number; give one")
        return value
