"""A model's hard caps, divided among the processes that ask it at the same time.

An equal share each, agreed on beforehand: the processes never talk to one another. What a process does with its share
is its own affair (``channel.py``).
"""

from collections.abc import Mapping

from schemas.errors import RecipeError
from schemas.recipe import Limits, Model
from teachers.budget import Spent

CAPS = ("concurrency", "requests_per_minute", "tokens_per_minute")
"""The fields that bind all processes together."""


def shared(model: Model, workers: int) -> Model:
    """``model`` as one of ``workers`` processes may ask it: an equal share of each cap, rounded down, at least 1."""
    return model.model_copy(update={cap: max(1, value // workers) for cap, value in _caps(model).items()})


def share_of(limits: Limits, spent: Spent, workers: int) -> Limits:
    """The limits of which each of ``workers`` processes may spend: an equal share of what is left of each budget.

    A share is never 0, which would mean no request at all: the last cents are each worker's.
    """
    left = {
        "budget_usd": limits.budget_usd and max(1e-9, limits.budget_usd - spent.usd) / workers,
        "budget_tokens": limits.budget_tokens and max(1, int(limits.budget_tokens - spent.tokens) // workers),
        "budget_requests": limits.budget_requests and max(1, int(limits.budget_requests - spent.requests) // workers),
    }
    return limits.model_copy(update=left)


def check_shares(models: Mapping[str, Model], workers: int) -> None:
    """Make sure that each of ``workers`` processes gets at least 1 of every cap, so that the caps hold.

    Raises:
        RecipeError: the first cap that is too small.
    """
    for name, model in models.items():
        if model.mode == "batch":
            raise RecipeError(
                f"models.{name}.mode: batch needs `runner: local`: the processes of a cluster would each send batches"
                " of their own"
            )
        for cap, value in _caps(model).items():
            if value < workers:
                raise RecipeError(
                    f"models.{name}.{cap}: {value} cannot be shared by the {workers} processes that `runner: ray` would"
                    " ask from; raise it, or lower ray.workers"
                )


def _caps(model: Model) -> dict[str, int]:
    return {cap: value for cap in CAPS if (value := getattr(model, cap)) is not None}
