"""Figures with a baseline and a target, and how they are shown. Nothing is measured here."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.teacher.load import Measure

_HEAD = ("case", "what", "figure", "baseline", "ratio", "target", "met")


@dataclass(frozen=True)
class Figure:
    """One figure of a case. ``ours`` and ``baseline`` are medians; ``ratio`` is the median of the rounds' ratios."""

    case: str
    what: str
    """With its unit."""
    ours: float
    baseline: float
    baseline_is: str
    ratio: float
    bound: Literal["≥", "≤", "="]
    target: float

    @property
    def met(self) -> bool:
        """Whether the ratio keeps to the target."""
        if self.bound == "=":
            return self.ratio == self.target
        return self.ratio >= self.target if self.bound == "≥" else self.ratio <= self.target

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "met": self.met}


def compared(
    case: str,
    what: str,
    pairs: Sequence[tuple[Measure, Measure]],
    figure: Callable[[Measure], float],
    baseline_is: str,
    bound: Literal["≥", "≤"],
    target: float,
) -> Figure:
    """The figure of ours and of the baseline, measured in ``pairs``."""
    values = [(figure(ours), figure(baseline)) for ours, baseline in pairs]
    return Figure(
        case,
        what,
        statistics.median(ours for ours, _ in values),
        statistics.median(baseline for _, baseline in values),
        baseline_is,
        statistics.median(ours / baseline for ours, baseline in values),
        bound,
        target,
    )


def table(figures: Sequence[Figure]) -> str:
    """The figures as text, in columns."""
    rows = [_HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.case,
        figure.what,
        _short(figure.ours),
        f"{_short(figure.baseline)} {figure.baseline_is}",
        f"{figure.ratio:.2f}",
        f"{figure.bound} {figure.target:.2f}",
        "yes" if figure.met else "NO",
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
