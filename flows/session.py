"""A run as a person sees it in a terminal: what will happen, live progress, and where the result is.

Sets Prefect's environment before prefect is imported: without a server of the user's, a run starts a quiet temporary
one.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.estimate import Tried, estimate
from flows.inspect import funnel_table, print_rows, seed_line
from flows.one_line import Ending, root_option
from flows.progress import Progress, watch
from flows.publish import copied, not_copied, published, published_by
from flows.recipe_file import replaced
from flows.run import Run, open_run
from flows.stages import resolve
from flows.temporary_server import find_server
from outputs.dataset import Dataset, read_dataset, read_rows
from schemas.errors import BadInput, EndpointError, InstructloomError, RunFailed
from schemas.manifest import Manifest, sum_usage
from schemas.recipe import Recipe

WHY = {
    "falling_yield": "the rounds hardly bring new rows any more; add seeds or topics, or loosen a filter",
    "exhausted_seeds": "the seeds are used up; add seeds, raise seeds.passes, or start with self_instruct",
    "max_rounds": "limits.max_rounds was reached",
}


class ServerGone(RunFailed):
    """Prefect's server ended during the run, and did not come back."""


def make_dataset(
    recipe: Recipe, root: Path, origin: str, out: Console, debug: bool, add: bool = False, approve: bool = False
) -> Manifest:
    """Run ``recipe`` below ``root`` with live progress, and say what came out; see ``run.open_run`` for ``add``.

    With ``approve`` the first shard is shown, and a person asked, before more is made.

    Raises:
        BadInput: before anything is written.
        RunFailed: the run stopped, or ended with fewer rows than were asked for.
    """
    if approve and not sys.stdin.isatty():
        raise BadInput("--approve asks a person, and there is no terminal; leave it out, or use instructloom deploy")
    progress = Progress(wanted=recipe.rows, dataset=recipe.dataset)
    run = open_run(recipe, root, origin, progress, add)
    try:
        if done := _already_made(run, add, out):
            return done
        for report in run.seed_reports:
            out.print(f"seeds {seed_line(report)}", soft_wrap=True)
        if run.earlier and run.earlier.datasets:
            out.print(f"new   against {run.earlier.told()}", soft_wrap=True)
        if kept := sum(len(run.store.finished(stage)) for stage in run.stages):
            out.print(f"resumed: {kept} shards are done already, and no completion is asked for twice", soft_wrap=True)
        quiet_prefect(debug)
        run.prepare()
        seen = Seen(find_server())
        if approve:
            recipe = _approved(run, out, add)
            run.close()
            run = open_run(recipe, root, origin, progress, add)
            progress.wanted = recipe.rows
        manifest = _generate(run, add, seen, out)
    finally:
        run.close()
    made = read_dataset(root / "datasets" / recipe.dataset / f"v{manifest.version}")
    tell_made(made, root, out)
    seen.tell(out)
    if not manifest.complete:
        why = _why(manifest.stop_reason, add)
        raise RunFailed(f"{manifest.rows:,} of {recipe.rows:,} rows: {why}. What there is, is published and valid.")
    return manifest


def _already_made(run: Run, add: bool, out: Console) -> Manifest | None:
    """What an earlier run made and this one has not to make; it is copied now if it was not then."""
    if done := published(run):
        copied(run.recipe, run.root, done)
        out.print(f"Already made: {where(done)}; --add makes another version", soft_wrap=True)
        return done.manifest
    owed = not_copied(run.recipe, run.root) if add else []
    for done in owed:
        copied(run.recipe, run.root, done)
        out.print(f"Made by an earlier run, and copied now: {where(done)}")
    return owed[-1].manifest if owed and owed[-1].manifest.complete else None


def _generate(run: Run, add: bool, seen: "Seen", out: Console) -> Manifest:
    """The flow, with live progress."""
    from flows.generate import generate

    shown = generate.with_options(on_running=[seen.note])
    try:
        with watch(run.progress, out), started():
            return shown(run.recipe.model_dump(mode="json"), str(run.root), add)
    except ServerGone:
        done = published_by(run.root, run.recipe.dataset, str(seen.run))
        if done is None:
            raise
        out.print("The Prefect server is gone, and was not told how the run ended.")
        return done.manifest
    except InstructloomError:
        seen.tell(out)
        raise


def _why(stop_reason: str, add: bool) -> str:
    if stop_reason.startswith("budget"):
        then = "another run adds another version" if add else "raise it and run again to go on"
        return f"limits.{stop_reason} is spent; {then}"
    return WHY.get(stop_reason, stop_reason)


def _approved(run: Run, out: Console, add: bool) -> Recipe:
    """The recipe, as a person wants it once they have seen the first shard.

    Raises:
        RunFailed: they do not want more.
    """
    from flows.approval import approve_in_terminal
    from flows.generate import first_shard

    with watch(run.progress, out), started("What was made is kept."):
        tried = first_shard(run.recipe.model_dump(mode="json"), str(run.root), add)
    return replaced(run.recipe, approve_in_terminal(run, tried, out), "approval")


class Seen:
    """Remembers which flow run it is, and says where a person finds it in ``ui``, the user's own server's if any."""

    def __init__(self, ui: str | None) -> None:
        self.ui = ui
        self.run: Any = None

    def note(self, flow: Any, flow_run: Any, state: Any) -> None:
        """Prefect calls it when the flow runs."""
        self.run = flow_run.id

    def tell(self, out: Console) -> None:
        """The link, if there is something to link to."""
        if self.ui and self.run:
            out.print(f"In Prefect:   {self.ui}/runs/flow-run/{self.run}", soft_wrap=True)


@contextmanager
def started(kept: str = "What was through all stages is published and valid.") -> Iterator[None]:
    """Once a run has begun, no error is mere bad input any more, except what only a first request can show.

    ``kept``: what becomes of a cancelled run's rows.

    Raises:
        EndpointError: the key is refused, or the model unknown.
        RunFailed: with what to do.
    """
    # Only now: prefect takes seconds to import.
    import httpx
    from prefect.exceptions import CancelledRun, Pause

    try:
        yield
    except EndpointError:
        raise
    except CancelledRun as stop:
        raise RunFailed(f"{stop}. {kept}") from stop
    except Pause as stop:
        raise RunFailed("the run was suspended in the Prefect UI; run the same command again to go on") from stop
    except BadInput as error:
        raise RunFailed(str(error)) from error
    except httpx.TransportError as error:
        Ending.untold = True
        raise ServerGone(f"the Prefect server is gone ({error}); run the same command again to go on") from error
    except RuntimeError as error:
        if "Failed to reach API" not in str(error):
            raise
        raise RunFailed(f"{error}; start that Prefect server, or unset PREFECT_API_URL to do without one") from error


def preview_rows(recipe: Recipe, origin: str, rows: int, out: Console, debug: bool) -> None:
    """Send a few rows through the whole chain in a temporary folder, show them, and estimate the full run."""
    small = _small(recipe, rows)
    with tempfile.TemporaryDirectory(prefix="instructloom-preview-") as folder:
        progress = Progress(wanted=rows, dataset=f"{recipe.dataset} (preview)")
        run = open_run(small, Path(folder), origin, progress)
        try:
            quiet_prefect(debug)
            find_server()
            from flows.generate import generate

            with watch(progress, out):
                manifest = generate(small.model_dump(mode="json"), folder)
        finally:
            run.close()
        made = read_dataset(Path(folder) / "datasets" / recipe.dataset / f"v{manifest.version}")
        print_rows(made, rows, out)
        out.print(funnel_table(manifest.funnel))
        out.print(estimate(tried(manifest, recipe), recipe), soft_wrap=True)


def tried(manifest: Manifest, recipe: Recipe) -> Tried:
    """A preview, which ended with ``manifest``, as a part of the full run of ``recipe``."""
    usage = sum_usage(manifest.usage.values())
    return Tried(manifest.funnel[-1].rows_in, usage, _shard(recipe, manifest))


def _shard(recipe: Recipe, manifest: Manifest) -> float:
    """How many times the work of the preview, which ended with ``manifest``, one shard of ``recipe`` is."""
    seeds = sum(report.rows for report in manifest.seeds) or 1
    small = _small(recipe, manifest.rows_requested)
    return _size(recipe, seeds) / _size(small, seeds) / max(1, manifest.rounds)


def _size(recipe: Recipe, seeds: int) -> int:
    """Of a shard, in prompts or rows of its source."""
    source = resolve(recipe, "", "recipe")[0].config
    prompts: int | None = getattr(source, "prompts_per_round", None)
    return prompts or min(recipe.seeds.shard_rows, seeds)


def quiet_prefect(debug: bool) -> None:
    """Settings that a person does not want to make: no analytics, no log lines beside the progress display."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    if not debug:
        os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
        os.environ.setdefault("PREFECT_LOGGING_SERVER_LEVEL", "CRITICAL")
        os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "CRITICAL")


def _small(recipe: Recipe, rows: int) -> Recipe:
    """The same chain on less input: one prompt a round, few seeds a shard."""
    stages = [
        stage.model_copy(update={"prompts_per_round": 1}) if stage.use == "self_instruct" else stage
        for stage in recipe.stages
    ]
    seeds = recipe.seeds.model_copy(update={"shard_rows": min(rows, recipe.seeds.shard_rows)})
    limits = recipe.limits.model_copy(update={"max_rounds": min(20, recipe.limits.max_rounds)})
    output = recipe.output.model_copy(update={"copy_to": None})
    # Not on a cluster: a few rows are sooner made here, and its workers do not see a temporary folder.
    changes = {"rows": rows, "stages": stages, "seeds": seeds, "limits": limits, "output": output, "runner": "local"}
    return recipe.model_copy(update=changes)


def where(dataset: Dataset) -> str:
    """Where a version is, and how much."""
    return f"{dataset.manifest.rows:,} rows of {dataset.label} in {dataset.folder}"


def tell_made(made: Dataset, root: Path, out: Console) -> None:
    """Say what came out, and what to do with it."""
    out.print(funnel_table(made.manifest.funnel))
    out.print(where(made), soft_wrap=True)
    option = root_option(root)
    name = made.manifest.dataset
    out.print(f"Look at it:   instructloom show {name}{option}", soft_wrap=True)
    if made.manifest.rows:
        first = read_rows(made).select("id").head(1).collect().item()
        out.print(f"One row:      instructloom explain {name} {first}{option}", soft_wrap=True)
        out.print(f'Load it:      datasets.load_dataset("{made.folder}", split="train")', soft_wrap=True)
