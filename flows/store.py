"""Where a run keeps its work: one folder a stage, one folder a shard in it, content-addressed.

    runs/<dataset>/
    ├── lock                                  one run at a time
    ├── <stage>-<digest>/00003/               what stage <stage> made of shard 3
    │   ├── completions.log                   every completion, durable before it was parsed (teachers/log.py)
    │   ├── rows.parquet, rejects.parquet     the rows it passes on, and what it dropped
    │   ├── signatures.npz                    filters with an index: what phase 1 computed
    │   ├── lock                              one process at a time at work on the shard
    │   └── counts.json                       written last: a shard with counts is done

The digest covers the stage's configuration and all before it, so that changing a late stage reuses the early ones
and no recipe ever reads another's rows.
"""

import fcntl
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import polars as pl
from pydantic import BaseModel

from flows.stages import Stage
from outputs.files import write_atomically
from schemas.errors import CorruptRun, RunFailed
from schemas.manifest import StageCounts, Usage
from schemas.reject import REJECT_SCHEMA
from schemas.row import polars_schema
from schemas.stage import Signatures

M = TypeVar("M", bound=BaseModel)

PATIENCE = 60.0
"""Seconds to wait for a shard that another process holds: a worker whose run was killed dies sooner than that."""
LOCK_TICK = 1.0
"""Seconds between two looks at the lock of a dataset."""
TICK = 0.1
"""Seconds between two looks at such a lock."""


@dataclass(frozen=True)
class ShardResult:
    """What one stage made of one shard."""

    rows: pl.DataFrame
    """Of ``ROW_SCHEMA``."""
    rejects: pl.DataFrame
    """Of ``REJECT_SCHEMA``."""
    counts: StageCounts
    usage: Usage


@dataclass(frozen=True)
class ShardFolder:
    """The folder of one stage and shard."""

    path: Path

    @property
    def log(self) -> Path:
        """The completion log."""
        return self.path / "completions.log"

    @property
    def done(self) -> bool:
        """Whether the shard's work is complete and on disk."""
        return (self.path / "counts.json").exists()

    def open(self) -> "ShardFolder":
        """Make the folder."""
        self.path.mkdir(parents=True, exist_ok=True)
        return self

    @contextmanager
    def locked(self, patience: float = PATIENCE) -> Iterator[None]:
        """Hold the shard, so that two processes never append to one completion log.

        A run that was killed may leave a worker behind that is still writing, on another machine or this one; after
        ``patience`` seconds the wait for it is given up.

        Raises:
            RunFailed: another process holds it.
        """
        self.open()
        with (self.path / "lock").open("w", encoding="utf-8") as file:
            deadline = time.monotonic() + patience
            while not _taken(file):
                if time.monotonic() >= deadline:
                    raise RunFailed(
                        f"{self.path}: another process is at work on this shard, perhaps a worker of a run that was"
                        " killed; stop it, or wait, and run the same command again"
                    )
                time.sleep(TICK)
            yield

    def save(self, result: ShardResult) -> None:
        """Write everything, the counts last."""
        self.open()
        write_atomically(self.path / "rows.parquet", lambda path: result.rows.write_parquet(path))
        write_atomically(self.path / "rejects.parquet", lambda path: result.rejects.write_parquet(path))
        counts = {"counts": result.counts.model_dump(), "usage": result.usage.model_dump()}
        text = json.dumps(counts, indent=1, sort_keys=True)
        write_atomically(self.path / "counts.json", lambda path: path.write_text(text, encoding="utf-8"))

    def rows(self) -> pl.DataFrame:
        """The rows that the stage passed on."""
        return self._parquet("rows.parquet", polars_schema())

    def rejects(self) -> pl.DataFrame:
        """What the stage dropped."""
        return self._parquet("rejects.parquet", polars_schema(REJECT_SCHEMA))

    def counts(self) -> StageCounts:
        """The balance of the shard."""
        return self._part("counts", StageCounts)

    def usage(self) -> Usage:
        """What the models were asked for the shard."""
        return self._part("usage", Usage)

    def save_signatures(self, signatures: Signatures) -> None:
        """Keep what phase 1 computed: vectors are dear."""
        self.open()

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, **signatures)  # type: ignore[arg-type]  # numpy's stub mistakes names for allow_pickle

        write_atomically(self.path / "signatures.npz", write)

    def signatures(self) -> Signatures | None:
        """What phase 1 computed, or None."""
        path = self.path / "signatures.npz"
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as data:
                return {name: data[name] for name in data.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise CorruptRun(f"{path}: {error}; delete it and run again") from error

    def _parquet(self, name: str, schema: pl.Schema) -> pl.DataFrame:
        try:
            return pl.read_parquet(self.path / name, schema=schema)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise CorruptRun(f"{self.path / name}: {error}; delete {self.path} and run again") from error

    def _part(self, name: str, model: type[M]) -> M:
        return self._read(lambda data: model.model_validate(data[name]))

    def _read(self, read: Callable[[Any], M]) -> M:
        path = self.path / "counts.json"
        try:
            return read(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CorruptRun(f"{path}: cannot be read ({error}); delete {self.path} and run again") from error


@dataclass(frozen=True)
class Store:
    """The run directory of one dataset."""

    root: Path

    def shard(self, stage: Stage, shard: int) -> ShardFolder:
        """The folder of ``stage`` and ``shard``, which need not exist."""
        return ShardFolder(self.root / stage.folder / f"{shard:05d}")

    def finished(self, stage: Stage) -> list[ShardFolder]:
        """The folders of all shards that ``stage`` is done with, in order."""
        return [folder for folder in self.folders(stage) if folder.done]

    def folders(self, stage: Stage) -> list[ShardFolder]:
        """The folders of all shards that ``stage`` has begun, in order."""
        return [ShardFolder(path) for path in sorted((self.root / stage.folder).glob("[0-9]*"))]

    @contextmanager
    def locked(self, waits: Callable[[str], object] | None = None) -> Iterator[None]:
        """Hold the dataset for one run; the lock dies with the process, so a kill leaves none behind.

        While another run holds it, ``waits`` is told so once, and then it is waited for.

        Raises:
            RunFailed: another run holds it, and nobody ``waits``.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w", encoding="utf-8") as file:
            while not _taken(file):
                told = f"{self.root}: another run is making this dataset"
                if waits is None:
                    raise RunFailed(f"{told}; wait for it, or stop it")
                waits(f"{told}; waiting for it")
                waits = _silent
                time.sleep(LOCK_TICK)
            yield


def _silent(_: str) -> None:
    """It has been said before."""


def _taken(file: IO[str]) -> bool:
    """Whether the lock on ``file`` is ours now; it lasts until the file is closed."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
