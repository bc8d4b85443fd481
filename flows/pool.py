"""The pool of Self-Instruct: human seeds and accepted proposals, grown in rounds.

The prompts of round r are drawn from the pool as it stood after round r-1, so they are asked at once and still come
out the same in every run. Proposals are then judged in order; an accepted one joins the pool at once, so that two
proposals of one round are compared with each other (Self-Instruct, arXiv 2212.10560, §2.2).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from filters.novelty import Novelty
from flows.drive import book_reason, drive_all, rng_for
from flows.stages import Stage
from flows.store import ShardResult
from schemas.manifest import StageCounts, Usage
from schemas.reject import Rejected, rejects_frame
from schemas.row import Row, Score, to_frame

if TYPE_CHECKING:
    from generators.self_instruct import Proposal


class Pool:
    """The pool after ``rounds`` rounds. Seeds are members from the start and are never judged."""

    def __init__(self, stage: Stage, seeds: Sequence[Row], seed: int) -> None:
        self.stage = stage
        self.seed = seed
        self.rounds = 0
        config: Any = stage.config
        self.novelty = Novelty(config.novelty)
        self.human = _by_language(_one_per_instruction(seeds))
        self.machine: dict[str, list[Row]] = {language: [] for language in self.human}
        for rows in self.human.values():
            for row in rows:
                self.novelty.add(row.id, row.instruction, row.language)

    def know(self, frames: Iterable[pl.DataFrame]) -> None:
        """Proposals must also differ from these rows, which are no members: no prompt shows them as examples."""
        for frame in frames:
            for id, instruction, language in frame.select("id", "instruction", "language").iter_rows():
                self.novelty.add(id, instruction, language)

    def absorb(self, rows: Sequence[Row]) -> None:
        """The accepted rows of the next round, made by an earlier process, join the pool."""
        for row in rows:
            self.novelty.add(row.id, row.instruction, row.language)
        self._join(rows)

    def _join(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.machine.setdefault(row.language, []).append(row)
        self.rounds += 1

    async def grow(self, ask: Any, usage: Usage) -> ShardResult:
        """Make the next round: prompts, proposals, verdicts; what is accepted joins the pool."""
        jobs = [self._prompt(place) for place in range(self._config.prompts_per_round)]
        ended = await drive_all(jobs, ask, self.seed, self.stage.label, self.rounds)
        counts = StageCounts(stage=self.stage.label, use=self.stage.use, kind="generator")
        rows: list[Row] = []
        rejects: list[Rejected] = []
        for (key, _), end in zip(jobs, ended, strict=True):
            if end.rejection is not None:
                rejects.append(self._rejected(end.rejection.reason, self._nobody(key), end.rejection.raw, counts))
                continue
            proposal: Proposal = end.result  # type: ignore[assignment]  # drive ends with a result or a rejection
            for discard in proposal.discarded:
                row = discard.row.with_(round=self.rounds) if discard.row else self._nobody(key)
                rejects.append(self._rejected(discard.reason, row, discard.raw, counts))
            for candidate in proposal.candidates:
                self._judge(candidate, rows, rejects, counts)
        counts.created = counts.rows_out = len(rows)
        counts.reasons = dict(sorted(counts.reasons.items()))
        self._join(rows)
        return ShardResult(to_frame(rows), rejects_frame(rejects), counts, usage)

    @property
    def _config(self) -> Any:
        return self.stage.config

    def _prompt(self, place: int) -> tuple[str, Any]:
        rng = rng_for(self.seed, self.stage.digest, self.rounds, place)
        languages = sorted(self.human)
        (language,) = rng.choices(languages, weights=[len(self.human[name]) for name in languages])
        key = f"p{place:03d}"
        origin = self._origin(key)
        assert self.stage.module is not None, "a pool stage has a module"
        propose = self.stage.module.propose
        return key, propose(self.human[language], self.machine[language], self._config, rng, language, origin)

    def _nobody(self, key: str) -> Row:
        """Stands for what was read from the prompt ``key`` and never became a row."""
        source = f"{self._origin(key)}.i-"
        return Row(id=f"{self._origin(key)}", instruction="", stage=self.stage.label, round=self.rounds, source=source)

    def _origin(self, key: str) -> str:
        return f"r{self.rounds:05d}.{key}"

    def _judge(self, candidate: Row, rows: list[Row], rejects: list[Rejected], counts: StageCounts) -> None:
        score, neighbour = self.novelty.nearest(candidate.instruction, candidate.language)
        candidate = candidate.with_(round=self.rounds)
        candidate = candidate.scored(Score(self.stage.label, "rouge_l", score, neighbour))
        if score > self.novelty.threshold(candidate.language):
            rejects.append(self._rejected("not_novel", candidate, "", counts))
            return
        rows.append(candidate)
        self.novelty.add(candidate.id, candidate.instruction, candidate.language)

    def _rejected(self, reason: str, row: Row, raw: str, counts: StageCounts) -> Rejected:
        counts.discarded += 1
        book_reason(counts, reason)
        return Rejected(self.stage.label, reason, "candidate", self.rounds, row, raw)


def _by_language(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.language, []).append(row)
    return groups


def _one_per_instruction(rows: Sequence[Row]) -> list[Row]:
    """Seeds with several instances count once as examples."""
    return list({(row.language, row.instruction): row for row in reversed(rows)}.values())[::-1]
