"""One run of a chain of filters: its stages in *legs*, what is on disk of each, and the state between the shards.

A leg is what is done to a shard in memory, from one resting place on disk to the next: stages that look at each row on
its own, and then one with an index. So a chain of ``heuristics`` and ``minhash`` is one leg, and its rows are written
once. A stage whose first phase is dear (``DEAR_SIGNATURES``) is a leg of its own and keeps what that phase computed.

    runs/<dataset>/<last stage of the leg>-<digest>/00003/
    ├── rows.parquet, rejects.parquet     what the leg let through, and what its stages dropped
    ├── signatures.npz                    dear ones
    └── counts.json                       written last: the balance of each stage, and of each file
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

import polars as pl
from pydantic import BaseModel

from filters import embedding
from filters.text import base_language
from flows.filter_input import Input, Part, Shards, look_at
from flows.indexes import OpenIndex
from flows.progress import Progress
from flows.stages import Stage, check_resources, resolve_filters
from flows.store import ShardFolder, Store
from outputs.files import write_atomically
from outputs.report.model import ReportData
from schemas.errors import BadInput, RecipeError, RunFailed
from schemas.manifest import StageCounts
from schemas.recipe import FilterRecipe

SHARD = 20_000
"""Records in a shard: a task costs Prefect some 40 ms, and a shard of long conversations is some hundred megabytes."""


class FileCounts(BaseModel):
    """What came of the records of one file."""

    rows: int = 0
    bad: dict[str, int] = {}


class LegCounts(BaseModel):
    """What ``counts.json`` holds."""

    stages: list[StageCounts]
    files: dict[int, FileCounts] = {}
    """By the file's place; of the leg that reads only."""


@dataclass(frozen=True)
class Leg:
    """Stages without a resting place between them."""

    stages: tuple[Stage, ...]

    @property
    def last(self) -> Stage:
        """The stage that the leg's folder is called after."""
        return self.stages[-1]


class LegFolder(ShardFolder):
    """What a leg made of one shard."""

    def save_leg(self, rows: pl.DataFrame, rejects: pl.DataFrame, counts: LegCounts) -> None:
        """Write everything, the counts last."""
        self.open()
        write_atomically(self.path / "rows.parquet", lambda path: rows.write_parquet(path, compression="lz4"))
        write_atomically(self.path / "rejects.parquet", lambda path: rejects.write_parquet(path, compression="lz4"))
        text = json.dumps(counts.model_dump(mode="json"), indent=1, sort_keys=True)
        write_atomically(self.path / "counts.json", lambda path: path.write_text(text, encoding="utf-8"))

    def leg_counts(self) -> LegCounts:
        """The balances of its stages."""
        return self._read(LegCounts.model_validate)


@dataclass
class FilterRun:
    """Everything a task needs."""

    ref: str
    """Its name in this process."""
    recipe: FilterRecipe
    root: Path
    input: Input
    stages: list[Stage]
    store: Store
    progress: Progress
    shard: int
    """Records in a shard; the rows that survive do not depend on it."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    legs: list[Leg] = field(default_factory=list)
    indexes: dict[str, OpenIndex] = field(default_factory=dict)
    loaded: dict[int, list[Part]] = field(default_factory=dict)
    """Records that were read and not yet taken."""
    stopped: bool = False
    made_by: str = ""
    """The flow run at work, if a person can look at it."""
    report: ReportData | None = None
    _turn: threading.Condition = field(default_factory=threading.Condition, repr=False)

    @property
    def digest(self) -> str:
        """Names the whole run: the input, the stages, and how it is written."""
        parts = (self.stages[-1].digest, self.recipe.output.model_dump_json(exclude={"copy_to"}))
        return blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    def folder(self, leg: Leg, shard: int) -> LegFolder:
        """Where what ``leg`` makes of a shard is, which need not exist."""
        # The size of shards stands in the name: rows of one size are never taken for those of another.
        size = "" if self.shard == SHARD else f"-{self.shard}"
        return LegFolder(self.store.root / f"{leg.last.folder}{size}" / f"{shard:05d}")

    def done(self, shard: int) -> bool:
        """Whether an earlier attempt took a shard through all legs."""
        return all(self.folder(leg, shard).done for leg in reversed(self.legs))

    def finished(self) -> int:
        """How many shards an earlier attempt took through all legs."""
        last = self.folder(self.legs[-1], 0).path.parent
        return sum(LegFolder(path).done for path in last.glob("[0-9]*"))

    @property
    def total(self) -> int | None:
        """Shards of the whole input, where that can be told."""
        records = self.input.records
        return None if records is None else -(-records // self.shard)

    def looked_at(self, records: int) -> None:
        """So many records more are through."""
        self.progress.keep(self.progress.kept + records, self.total)

    def records(self) -> Shards:
        """The records of the input, from the beginning."""
        return Shards(self.input, self.shard)

    def target(self, version: int) -> Path:
        """The folder of a version of its dataset."""
        return self.root / "datasets" / self.recipe.dataset / f"v{version}"

    def prepare(self) -> None:
        """Try what can still turn out to be wrong: the models of filters, and the folder.

        Raises:
            RecipeError: a filter's model cannot be loaded.
            BadInput: the folder cannot be made.
        """
        check_resources(self.stages)
        for opened in self.indexes.values():
            opened.open()
        try:
            self.store.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"--root: {self.store.root} cannot be made ({error.strerror}); give a folder") from error

    @contextmanager
    def turn(self, leg: Leg, shard: int) -> Iterator[OpenIndex]:
        """Inside the block the index of ``leg`` has seen all shards before ``shard``, and nobody else uses it.

        Raises:
            RunFailed: the run was stopped meanwhile.
        """
        opened = self.indexes[leg.last.label]
        with self._turn:
            while opened.shards < shard:
                folder = self.folder(leg, opened.shards)
                if self.stopped:
                    raise RunFailed("the run was stopped; run the same command again to resume")
                if folder.done:  # by an earlier process
                    self._catch_up(leg, opened, folder)
                else:
                    self._turn.wait()
            yield opened
            self._turn.notify_all()

    def stop(self) -> None:
        """No shard begins any more, and nobody waits for one."""
        self.stopped = True
        with self._turn:
            self._turn.notify_all()

    def close(self) -> None:
        """Forget the run; it can be opened again."""
        with _LOCK:
            _OPEN.pop(self.ref, None)
        self.stop()

    def _catch_up(self, leg: Leg, opened: OpenIndex, folder: LegFolder) -> None:
        signatures = folder.signatures()
        if signatures is None:
            opened.remember(folder.rows())
        else:  # of all the rows that were judged, so they are judged again
            before = self.folder(self.legs[self.legs.index(leg) - 1], opened.shards)
            opened.decide(opened.shards, before.rows(), signatures)


_OPEN: dict[str, FilterRun] = {}
_LOCK = threading.Lock()


def open_filter_run(
    recipe: FilterRecipe, root: Path, input: Input, origin: str = "recipe", progress: Progress | None = None
) -> FilterRun:
    """Check the stages against the rows, then open the run, unless it is open already. Nothing is written yet.

    Raises:
        RecipeError: a stage cannot be used, or not on these rows.
    """
    root = root.absolute()
    stages = resolve_filters(recipe, input.digest, origin)
    _check_languages(stages, input, origin)
    store = Store(root / "runs" / recipe.dataset)
    progress = progress or Progress(dataset=recipe.dataset, counted="records looked at")
    run = FilterRun("", recipe, root, input, stages, store, progress, SHARD)
    run.ref = str(store.root / f"filter-{run.digest[:12]}")
    with _LOCK:
        if run.ref not in _OPEN:
            run.legs = _legs(stages)
            run.indexes = {stage.label: OpenIndex(stage, store.root) for stage in stages if stage.kind == "index"}
            _OPEN[run.ref] = run
        return _OPEN[run.ref]


def attach(ref: str) -> FilterRun:
    """The open run of that name in this process."""
    with _LOCK:
        return _OPEN[ref]


def opened(recipe: FilterRecipe, root: Path, path: str, language: str | None, mapping: Mapping[str, str]) -> FilterRun:
    """The run of these arguments: the open one, else opened now, which reads all files once for their digests.

    Raises:
        BadInput: see ``look_at`` and ``open_filter_run``.
    """
    with _LOCK:
        for run in _OPEN.values():
            given = run.input
            if (run.recipe, run.root, given.path, given.language, given.mapping) == (
                recipe,
                root,
                path,
                language,
                mapping,
            ):
                return run
    return open_filter_run(recipe, root, look_at(path, root, language, mapping))


def _legs(stages: list[Stage]) -> list[Leg]:
    """The stages, cut behind each index, and around each whose first phase is dear."""
    legs: list[list[Stage]] = [[]]
    for stage in stages:
        dear = getattr(stage.module, "DEAR_SIGNATURES", False)
        if dear and legs[-1]:
            legs.append([])
        legs[-1].append(stage)
        if stage.kind == "index":
            legs.append([])
    return [Leg(tuple(leg)) for leg in legs if leg]


def _check_languages(stages: list[Stage], input: Input, origin: str) -> None:
    """Make sure that a filter that knows some languages only knows that of most rows.

    Raises:
        RecipeError: it does not, and would pass on nearly all of them.
    """
    most = max(input.languages, key=lambda name: input.languages[name], default="")
    for place, stage in enumerate(stages[1:]):
        if not isinstance(stage.config, embedding.Config):
            continue
        known = stage.config.known_languages
        if most and base_language(most) not in known:
            raise RecipeError(
                f"{origin}: stages.{place} ({stage.label}).languages: it knows {', '.join(sorted(known))}, and most"
                f" rows are {most}; name a model for {most}, leave the stage out, or give --language if that is wrong"
            )
