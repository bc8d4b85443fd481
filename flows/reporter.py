"""A run as a person sees it in Prefect's UI while it works: its name, a bar a stage, the live funnel, and a log.

All of it is drawn from ``Progress``, in a thread of its own, ever less often as the run grows long: Prefect keeps an
event for each change of an artifact.
"""

import threading
import time
from types import TracebackType
from typing import Any, Self

from flows.prefect_api import (
    artifact_key,
    artifacts_of,
    flow_run_id,
    impatient,
    logger,
    name_run,
    put_artifact,
    update_artifact,
)
from flows.progress import Progress, plain_line
from flows.run import Run
from outputs.dataset import next_version
from outputs.funnel import HEADERS, funnel
from schemas.manifest import StageCounts

FIRST_SECONDS = 5.0
"""Until the first picture, and at least between two."""
PACE = 0.03
"""Pictures come after so much of the time that the run has taken: a day is drawn some 300 times."""
LOG_SECONDS = 30.0
"""Between two lines of the log, at least; likewise ever less often."""


def introduce(run: Run) -> None:
    """Say in the UI which version of which dataset is being made."""
    flow_run = flow_run_id()
    if flow_run is None:
        return
    version = next_version(run.root / "datasets", run.recipe.dataset)
    name = f"{run.recipe.dataset} · v{version}"
    name_run(flow_run, name, ["instructloom", f"dataset:{run.recipe.dataset}"])
    earlier = run.earlier
    against = f", none of them among the {earlier.told()}" if earlier and earlier.datasets else ""
    logger().info("%s: %s rows wanted%s", name, f"{run.recipe.rows:,}", against)


class Reporter:
    """Shows the progress of a run while its body works; a context manager. Without a UI it only keeps the timeline."""

    def __init__(self, progress: Progress, dataset: str) -> None:
        self._progress = progress
        self._dataset = dataset
        self._flow_run = flow_run_id()
        self._log = logger()
        # A run that is retried goes on in the artifacts that it has.
        self._artifacts = {} if self._flow_run is None else artifacts_of(self._flow_run)
        self._shown: dict[str, Any] = {}
        self._logged = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw_often, daemon=True)

    def __enter__(self) -> Self:
        self._progress.mark()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _draw_often(self) -> None:
        began = time.monotonic()
        with impatient():
            while not self._ended.wait(max(FIRST_SECONDS, PACE * (time.monotonic() - began))):
                self._draw()
            self._draw()

    def _draw(self) -> None:
        progress = self._progress
        progress.mark()
        if self._flow_run is None:
            return
        dataset = self._dataset
        for stage, counts, working in progress.rows():
            done, expected = progress.shards_of(stage)
            share = min(100.0, 100 * done / expected) if expected else 0.0
            self._show(
                "progress", artifact_key(dataset, "progress", stage), share, _told(counts, done, expected, working)
            )
        self._show("markdown", artifact_key(dataset, "live"), _funnel(progress), "The funnel so far.")
        elapsed = time.monotonic() - progress.started
        if elapsed - self._logged >= max(LOG_SECONDS, PACE * elapsed):
            self._logged = elapsed
            self._log.info("%s%s", plain_line(progress), _losses(progress))

    def _show(self, kind: str, key: str, data: Any, description: str) -> None:
        assert self._flow_run is not None, "there is a UI"
        if self._shown.get(key) == (data, description):
            return
        if key in self._artifacts:
            if not update_artifact(self._artifacts[key], data, description):
                return
        elif made := put_artifact(self._flow_run, kind, key, data, description):
            self._artifacts[key] = made
        else:
            return
        self._shown[key] = (data, description)


def _told(counts: StageCounts, done: int, expected: int | None, working: int) -> str:
    """One stage in a line."""
    shards = f"{done:,} of about {expected:,} shards" if expected else f"{done:,} shards"
    lost = f" · {counts.rejected + counts.discarded:,} dropped ({_top(counts)})" if counts.reasons else ""
    busy = f" · {working:,} jobs at work" if working > 0 else ""
    return f"{shards} · {counts.rows_in:,} rows in, {counts.rows_out:,} out{lost}{busy}"


def _top(counts: StageCounts) -> str:
    return funnel([counts])[0].top()


def _funnel(progress: Progress) -> str:
    lines = [
        HEADERS,
        ["---"] * len(HEADERS),
        *(line.cells for line in funnel(counts for _, counts, _ in progress.rows())),
    ]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    wanted = f" of {progress.wanted:,}" if progress.wanted else ""
    return f"**{progress.kept:,}{wanted} {progress.counted}**\n\n{plain_line(progress)}\n\n{table}\n"


def _losses(progress: Progress) -> str:
    lost = [f"{stage} dropped {_top(counts)}" for stage, counts, _ in progress.rows() if counts.reasons]
    return f" · {' · '.join(lost)}" if lost else ""
