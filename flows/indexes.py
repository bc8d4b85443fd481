"""Filters that remember: their index, and how many shards it has seen.

Decisions depend on the rows kept before, so a shard is decided only after the shard before it. After a restart the
index is rebuilt by deciding the finished shards again from their saved signatures, which asks no model and encodes
nothing, and must come out the same.
"""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from flows.stages import Stage
from schemas.errors import CorruptRun
from schemas.stage import Index, Signatures, Verdict


@dataclass
class OpenIndex:
    """The index of one stage after ``shards`` shards."""

    stage: Stage
    shards: int = 0
    _index: Index | None = field(default=None, repr=False)

    @property
    def index(self) -> Index:
        """The filter's index, opened when first needed: a finished run loads no model."""
        if self._index is None:
            module: Any = self.stage.module
            opened: Index = module.open_index(self.stage.config)
            self._index = opened
        return self._index

    def decide(self, shard: int, frame: pl.DataFrame, signatures: Signatures) -> tuple[list[Verdict], dict[str, int]]:
        """Verdicts on shard number ``shard``, which must be the next one, and what the filter counted beside."""
        if shard != self.shards:
            raise CorruptRun(f"{self.stage.label}: shard {shard} was to be decided after {self.shards} shards")
        before = self.index.counts()
        verdicts = self.index.decide(frame, signatures)
        after = self.index.counts()
        self.shards += 1
        return verdicts, {name: after[name] - before.get(name, 0) for name in sorted(after)}
