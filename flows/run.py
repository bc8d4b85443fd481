"""One run: its recipe, seeds, stages and models, and the state that order-dependent stages carry from shard to shard.

A run is opened once a process. Tasks name it by its ``ref``, the path of a small file in the run directory, and not
by value: so a task run costs nothing to submit, and a worker on another machine attaches to the same run by the same
file. A worker runs generators only: it has neither seeds nor pool nor indexes.
"""

import hashlib
import json
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.drive import number
from flows.earlier import Earlier, earlier_of
from flows.indexes import OpenIndex
from flows.pool import Pool
from flows.progress import Progress
from flows.recipe_file import check_recipe
from flows.spending import spent_before
from flows.stages import Draw, Stage, check_resources, resolve
from flows.store import Store
from generators.seeds import read_seeds
from outputs.files import write_atomically
from outputs.report.model import ReportData
from schemas.errors import BadInput, RecipeError, RunFailed
from schemas.manifest import SeedReport, Usage
from schemas.recipe import Limits, Model, Recipe
from schemas.row import Row
from teachers.budget import Budget
from teachers.client import Teachers
from teachers.shares import check_shares, share_of, shared

if TYPE_CHECKING:
    from flows.runners import RayCluster


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
    seeds_digest: str = ""
    source: str = ""
    """What the rows begin from, whatever the draw: see ``Manifest.source``."""
    draw: Draw = field(default_factory=Draw)
    earlier: Earlier | None = None
    """For a run that adds to its dataset: what the dataset holds already."""
    pool: Pool | None = None
    indexes: dict[str, OpenIndex] = field(default_factory=dict)
    cluster: "RayCluster | None" = None
    """Where generators run, if not in this process; connected by ``prepare``."""
    prepared: bool = False
    report: ReportData | None = None
    """What the report on the published version holds, once there is one."""
    stopped: bool = False
    """Whether it was told to end."""
    made_by: str = ""
    """The flow run at work, if a person can look at it."""

    @property
    def digest(self) -> str:
        """Names the whole run: all stages, and how many rows."""
        return _digest(self.recipe, self.stages)

    @property
    def seed(self) -> int:
        """The seed of all random choices: the recipe's, and another for each further draw."""
        return self.recipe.seed if self.draw.edition == 1 else number(self.recipe.seed, "edition", self.draw.edition)

    def target(self, version: int) -> Path:
        """The folder of a version of its dataset."""
        return self.root / "datasets" / self.recipe.dataset / f"v{version}"

    @property
    def processes(self) -> int:
        """How many processes ask the models at the same time."""
        return _processes(self.recipe, self.stages)

    def prepare(self) -> None:
        """Try what can still turn out to be wrong: endpoints, filters' models, the cluster; then write the first file.

        Raises:
            EndpointError: a model cannot be asked.
            RecipeError: a filter's model or tokenizer cannot be loaded.
            BadInput: there is no such cluster, or the folder cannot be made.
        """
        if self.prepared:
            return
        check_resources(self.stages)
        self.teachers.check()
        if self.budget.limited:
            self.budget = self._budget()
        if self.pool and self.earlier:
            self.pool.know(frame for _, frame in self.earlier.frames())
        for opened in self.indexes.values():
            opened.open()
        if self.recipe.runner == "ray":
            # Imported here: it takes prefect along, which ``validate`` does not wait for.
            from flows.runners import RayCluster

            self.cluster = RayCluster.connect(self.recipe.ray)
            self.progress.asked_elsewhere(Usage())
        self._write_ref()
        self.prepared = True

    def check_draw(self) -> None:
        """Make sure that the dataset is still what the run was opened for; to be called while it is locked.

        Raises:
            RunFailed: another run has published a version since.
        """
        if self.earlier is not None:
            now = _earlier(self.root, self.recipe, self.seeds_digest, self.source)
            if (now.draw, now.goes_on) != (self.draw, self.earlier.goes_on):
                raise RunFailed(
                    f"{self.recipe.dataset}: another run has published a version since this one began; run it again"
                )

    def _budget(self) -> Budget:
        """What this process may spend; several are not told of one another, so each has a share of what is left."""
        spent, limits = spent_before(self.store, self.stages), self.recipe.limits
        return Budget(limits, spent) if self.processes == 1 else Budget(share_of(limits, spent, self.processes))

    def _write_ref(self) -> None:
        limits = self.budget.limits.model_dump(mode="json")
        data = {
            "root": str(self.root),
            "recipe": self.recipe.model_dump(mode="json"),
            "seeds": self.seeds_digest,
            "draw": asdict(self.draw),
            "share": limits,
        }
        text = json.dumps(data, ensure_ascii=False)
        try:
            Path(self.ref).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(
                f"--root: {Path(self.ref).parent} cannot be made ({error.strerror}); give a folder"
            ) from error
        write_atomically(Path(self.ref), lambda path: path.write_text(text, encoding="utf-8"))

    def stop(self) -> None:
        """No shard begins any more, and no model is asked."""
        self.stopped = True
        self.teachers.close()

    def close(self) -> None:
        """Let go of the cluster and the models; the run can be opened again."""
        with _LOCK:
            _OPEN.pop(self.ref, None)
        self.stopped = True
        cluster, self.cluster = self.cluster, None
        if cluster is not None:
            cluster.close()
        self.teachers.close()


_OPEN: dict[str, Run] = {}
_LOCK = threading.Lock()


def open_run(
    recipe: Recipe, root: Path, origin: str = "recipe", progress: Progress | None = None, add: bool = False
) -> Run:
    """Check recipe, seeds and stages, then open the run, unless it is open already.

    ``root`` is the folder that holds ``runs/`` and ``datasets/``; with ``add`` the run makes rows that no version of
    the dataset has. Nothing is written yet: see ``Run.prepare``.

    Raises:
        BadInput: the seeds or a stage cannot be used, or nothing in the recipe could tell that a row is not new.
        DatasetError: a version of the dataset cannot be read.
    """
    seeds, reports = read_seeds(recipe.seeds)
    seeds_digest = _seeds_digest(seeds)
    stages = resolve(recipe, seeds_digest, origin)
    root = root.absolute()  # a worker may stand elsewhere
    source, earlier = stages[0].digest, None
    if add:
        check_index(stages, origin)
        earlier = _earlier(root, recipe, seeds_digest, source)
        stages = resolve(recipe, seeds_digest, origin, earlier.draw)
    store = Store(root / "runs" / recipe.dataset)
    file = store.root / f"run-{_digest(recipe, stages)[:12]}.json"
    with _LOCK:
        if str(file) not in _OPEN:
            teachers = Teachers(_models(recipe, stages), folder=store.root)
            now, budget = datetime.now(UTC), Budget(recipe.limits)
            run = Run(
                str(file), recipe, root, seeds, reports, stages, store, teachers, progress or Progress(), budget, now
            )
            run.seeds_digest, run.source = seeds_digest, source
            run.earlier, run.draw = earlier, earlier.draw if earlier else Draw()
            run.progress.live = teachers.live
            if stages[0].kind == "pool":
                run.pool = Pool(stages[0], seeds, run.seed)
            run.indexes = {
                stage.label: OpenIndex(stage, store.root, earlier or Earlier())
                for stage in stages
                if stage.kind == "index"
            }
            _OPEN[run.ref] = run
        return _OPEN[str(file)]


def _earlier(root: Path, recipe: Recipe, seeds_digest: str, source: str) -> Earlier:
    def folders(draw: Draw) -> list[str]:
        return [stage.folder for stage in resolve(recipe, seeds_digest, "recipe", draw)]

    return earlier_of(root, recipe.dataset, source, recipe.rows, folders)


def check_index(stages: list[Stage], origin: str) -> None:
    """Make sure that a stage could tell that a row is in an earlier version.

    Raises:
        RecipeError: none could.
    """
    if not any(stage.remembers for stage in stages):
        raise RecipeError(
            f"{origin}: stages: none of them compares rows with those of earlier versions; add `- use: minhash`"
        )


def attach(ref: str) -> Run:
    """The open run of that name in this process; in a worker, opened from its file by the first task.

    Raises:
        RunFailed: the file cannot be read on this machine.
    """
    with _LOCK:
        if ref not in _OPEN:
            _OPEN[ref] = _attached(ref)
        return _OPEN[ref]


def _attached(ref: str) -> Run:
    try:
        data = json.loads(Path(ref).read_text(encoding="utf-8"))
    except OSError as error:
        raise RunFailed(
            f"{ref} cannot be read by a worker ({error.strerror}); --root must be on a file system that all workers"
            " share"
        ) from None
    recipe = check_recipe(data["recipe"], ref)
    draw = Draw(**data["draw"])
    stages = resolve(recipe, data["seeds"], ref, draw)
    root = Path(data["root"])
    store = Store(root / "runs" / recipe.dataset)
    teachers = Teachers(_models(recipe, stages), folder=store.root)
    budget = Budget(Limits.model_validate(data["share"]))
    now = datetime.now(UTC)
    return Run(ref, recipe, root, [], [], stages, store, teachers, Progress(), budget, now, data["seeds"], draw=draw)


def _models(recipe: Recipe, stages: list[Stage]) -> dict[str, Model]:
    """The models as this process may ask them: with Ray, each worker has a share, and the flow too if it grows a pool.

    Raises:
        RecipeError: a cap is too small to be shared.
    """
    processes = _processes(recipe, stages)
    if processes == 1:
        return recipe.models
    check_shares(recipe.models, processes)
    return {name: shared(model, processes) for name, model in recipe.models.items()}


def _processes(recipe: Recipe, stages: list[Stage]) -> int:
    return 1 if recipe.runner == "local" else recipe.ray.workers + (stages[0].kind == "pool")


def _seeds_digest(seeds: list[Row]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for row in seeds:
        digest.update(repr(row).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _digest(recipe: Recipe, stages: list[Stage]) -> str:
    parts = (
        stages[-1].digest,
        recipe.rows,
        recipe.output.model_dump_json(exclude={"copy_to"}),
        recipe.limits.model_dump_json(),
    )
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
