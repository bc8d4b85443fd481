"""One run: its recipe, seeds, stages and models, and the state that order-dependent stages carry from shard to shard.

A run is opened once a process. Tasks name it by its ``ref``, the path of a small file in the run directory, and not
by value: so a task run costs nothing to submit, and a worker on another machine opens the same run from the same
file.
"""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from flows.indexes import OpenIndex
from flows.pool import Pool
from flows.progress import Progress
from flows.recipe_file import check_recipe
from flows.spending import spent_before
from flows.stages import Stage, resolve
from flows.store import Store
from generators.seeds import read_seeds
from outputs.files import write_atomically
from schemas.errors import BadInput
from schemas.manifest import SeedReport
from schemas.recipe import Recipe
from schemas.row import Row
from teachers.budget import Budget
from teachers.client import Teachers


@dataclass
class Run:
    """Everything a task needs."""

    ref: str
    recipe: Recipe
    root: Path
    seeds: list[Row]
    seed_reports: list[SeedReport]
    stages: list[Stage]
    store: Store
    teachers: Teachers
    progress: Progress
    budget: Budget
    started: datetime
    pool: Pool | None = None
    indexes: dict[str, OpenIndex] = field(default_factory=dict)
    prepared: bool = False

    @property
    def digest(self) -> str:
        """Names the whole run: all stages, and how many rows."""
        return _digest(self.recipe, self.stages)

    def prepare(self) -> None:
        """Try what can still turn out to be wrong, endpoints and embedding models, then write the first file.

        Raises:
            EndpointError: a model cannot be asked.
            RecipeError: a filter's model cannot be loaded.
        """
        if self.prepared:
            return
        self.teachers.check()
        if self.budget.limited:
            self.budget.spent = spent_before(self.store, self.stages)
        for opened in self.indexes.values():
            opened.open()
        text = json.dumps({"root": str(self.root), "recipe": self.recipe.model_dump(mode="json")}, ensure_ascii=False)
        try:
            Path(self.ref).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"--root: {Path(self.ref).parent} cannot be made ({error.strerror}); give a folder"
            ) from error
        write_atomically(Path(self.ref), lambda path: path.write_text(text, encoding="utf-8"))
        self.prepared = True

    def close(self) -> None:
        """Let go of the models; the run can be opened again."""
        with _LOCK:
            _OPEN.pop(self.ref, None)
        self.teachers.close()


_OPEN: dict[str, Run] = {}
_LOCK = threading.Lock()


def open_run(recipe: Recipe, root: Path, origin: str = "recipe", progress: Progress | None = None) -> Run:
    """Check recipe, seeds and stages, then open the run, unless it is open already.

    ``root`` is the folder that holds ``runs/`` and ``datasets/``. Nothing is written yet: see ``Run.prepare``.

    Raises:
        BadInput: the seeds or a stage cannot be used.
    """
    seeds, reports = read_seeds(recipe.seeds)
    stages = resolve(recipe, _seeds_digest(seeds), origin)
    store = Store(root / "runs" / recipe.dataset)
    file = store.root / f"run-{_digest(recipe, stages)[:12]}.json"
    with _LOCK:
        if str(file) in _OPEN:
            return _OPEN[str(file)]
    teachers = Teachers(recipe.models, folder=store.root)
    now = datetime.now(UTC)
    budget = Budget(recipe.limits)
    run = Run(str(file), recipe, root, seeds, reports, stages, store, teachers, progress or Progress(), budget, now)
    run.progress.live = teachers.live
    if stages[0].kind == "pool":
        run.pool = Pool(stages[0], seeds, recipe.seed)
    run.indexes = {stage.label: OpenIndex(stage) for stage in stages if stage.kind == "index"}
    with _LOCK:
        _OPEN[run.ref] = run
    return run


def attach(ref: str) -> Run:
    """The open run of that name in this process, opened from its file where it is not open yet."""
    with _LOCK:
        run = _OPEN.get(ref)
    if run is not None:
        return run
    data = json.loads(Path(ref).read_text(encoding="utf-8"))
    return open_run(check_recipe(data["recipe"], ref), Path(data["root"]), ref)


def _seeds_digest(seeds: list[Row]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for row in seeds:
        digest.update(repr(row).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _digest(recipe: Recipe, stages: list[Stage]) -> str:
    parts = (stages[-1].digest, recipe.rows, recipe.output.model_dump_json(), recipe.limits.model_dump_json())
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
