"""Filters that remember: their index, and how many shards it has seen.

Decisions depend on the rows kept before, so a shard is decided only after the shard before it. After a restart the
index is rebuilt by deciding the finished shards again from their saved signatures, which asks no model and encodes
nothing, and must come out the same.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from flows.earlier import Earlier
from flows.saved_indexes import open_knowing
from flows.stages import Stage
from schemas.errors import CorruptRun
from schemas.stage import Index, Signatures
from schemas.verdicts import Verdicts, columns


@dataclass
class OpenIndex:
    """The index of one stage after ``shards`` shards."""

    stage: Stage
    store: Path
    """The dataset's run directory."""
    earlier: Earlier = field(default_factory=Earlier)
    """Rows that it knows before the first shard."""
    shards: int = 0
    _index: Index | None = field(default=None, repr=False)
    _signer: Index | None = field(default=None, repr=False)

    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open(self) -> Index:
        """The filter's index, opened when first asked for; that may load a model.

        Raises:
            RecipeError: the model cannot be loaded.
            DatasetError: an earlier version cannot be read.
        """
        with self._lock:  # shards are signed by many threads, and a model is loaded once
            if self._index is None:
                earlier = self.earlier if self.stage.remembers else Earlier()
                self._index = open_knowing(self.stage, self.store, earlier)
            return self._index

    def sign(self, frame: pl.DataFrame) -> Signatures:
        """Phase 1, for which an empty index will do: a worker elsewhere need not read all that was ever kept."""
        if not self.earlier.datasets:
            return self.open().sign(frame)
        with self._lock:
            if self._signer is None:
                module: Any = self.stage.module
                self._signer = self._index or module.open_index(self.stage.config)
        return self._signer.sign(frame)

    def remember(self, kept: pl.DataFrame) -> None:
        """What an earlier process kept of the next shard joins the index, without being judged again."""
        if self.stage.remembers:
            self.open().add(kept, self.sign(kept))
        self.shards += 1

    def decide(self, shard: int, frame: pl.DataFrame, signatures: Signatures) -> tuple[Verdicts, dict[str, int]]:
        """Verdicts on shard number ``shard``, which must be the next one, and what the filter counted beside."""
        if shard != self.shards:
            raise CorruptRun(f"{self.stage.label}: shard {shard} was to be decided after {self.shards} shards")
        before = self.open().counts()
        verdicts = columns(self.open().decide(frame, signatures))
        after = self.open().counts()
        self.shards += 1
        return verdicts, {name: after[name] - before.get(name, 0) for name in sorted(after)}
