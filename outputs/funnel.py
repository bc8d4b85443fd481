"""The funnel: what each stage took in, let pass, made and dropped, as a plain table.

Data only, for the terminal and for the card; how it looks is theirs to say.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.manifest import StageCounts

HEADERS = ["stage", "in", "passed", "replaced", "rejected", "created", "discarded", "out", "top reasons"]

TOP_REASONS = 3
"""Reasons in one line of the table; all of them are in the manifest."""


@dataclass(frozen=True, slots=True)
class FunnelLine:
    """The balance of one stage: ``rows_in == passed + replaced + rejected``, ``rows_out == passed + created``."""

    stage: str
    use: str
    kind: str
    rows_in: int
    passed: int
    replaced: int
    rejected: int
    created: int
    discarded: int
    rows_out: int
    reasons: tuple[tuple[str, int], ...]
    """Why rows were rejected and candidates discarded, the most frequent first."""

    @property
    def cells(self) -> list[str]:
        """The line as text, a cell for each of ``HEADERS``."""
        numbers = [self.rows_in, self.passed, self.replaced, self.rejected, self.created, self.discarded, self.rows_out]
        return [self.stage, *(f"{number:,}" for number in numbers), self.top()]

    def top(self, limit: int = TOP_REASONS) -> str:
        """The most frequent reasons: ``too_short 12, refusal 3, 2 others 4``."""
        shown = [f"{reason} {count:,}" for reason, count in self.reasons[:limit]]
        if rest := self.reasons[limit:]:
            shown.append(f"{len(rest)} other{'s' if len(rest) > 1 else ''} {sum(count for _, count in rest):,}")
        return ", ".join(shown)


def funnel(stages: Iterable[StageCounts]) -> list[FunnelLine]:
    """A line for each stage, in order."""
    return [_line(counts) for counts in stages]


def reasons_of(stages: Iterable[StageCounts]) -> list[tuple[str, str, int]]:
    """Every (stage, reason, count), the most frequent first."""
    reasons = [(counts.stage, reason, count) for counts in stages for reason, count in counts.reasons.items()]
    return sorted(reasons, key=lambda entry: (-entry[2], entry[:2]))


def _line(counts: StageCounts) -> FunnelLine:
    # Equal counts are sorted by name: a dictionary's order must not show in a card.
    reasons = sorted(counts.reasons.items(), key=lambda entry: (-entry[1], entry[0]))
    values = counts.model_dump(exclude={"reasons", "notes"})
    return FunnelLine(**values, reasons=tuple(reasons))
