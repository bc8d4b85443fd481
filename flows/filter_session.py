"""``instructloom filter`` as a person sees it in a terminal: what is read, live progress, and where the result is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from flows.filter_input import look_at, told
from flows.filter_run import FilterRun, open_filter_run
from flows.progress import Progress, watch
from flows.publish import copied, made_of, published_by
from flows.session import Seen, ServerGone, quiet_prefect, started, tell_made, where
from flows.temporary_server import find_server
from outputs.dataset import read_dataset
from schemas.errors import InstructloomError
from schemas.manifest import Manifest
from schemas.recipe import FilterRecipe


@dataclass(frozen=True)
class Request:
    """What is to be filtered."""

    path: str
    """A file, a folder, a pattern, a URL, or a dataset below the root."""
    root: Path
    language: str | None
    mapping: Mapping[str, str]


def filter_dataset(recipe: FilterRecipe, request: Request, origin: str, out: Console, debug: bool) -> Manifest:
    """Filter with live progress, and say what came out.

    Raises:
        BadInput: before anything is written.
        RunFailed: the run stopped, or no row survived.
    """
    input = look_at(request.path, request.root, request.language, request.mapping)
    progress = Progress(wanted=input.records or 0, dataset=recipe.dataset, counted="records looked at")
    run = open_filter_run(recipe, request.root, input, origin, progress)
    try:
        for line in told(input):
            out.print(f"input {escape(line)}", soft_wrap=True)
        if done := next(made_of(run.root, recipe.dataset, run.digest), None):
            copied(recipe, run.root, done)
            out.print(f"Already made: {where(done)}", soft_wrap=True)
            return done.manifest
        if kept := run.finished():
            out.print(f"resumed: {kept} shards are done already", soft_wrap=True)
        quiet_prefect(debug)
        run.prepare()
        seen = Seen(find_server())
        manifest = _filter(run, request, seen, out)
    finally:
        run.close()
    tell_made(read_dataset(run.target(manifest.version)), request.root, out)
    seen.tell(out)
    return manifest


def _filter(run: FilterRun, request: Request, seen: Seen, out: Console) -> Manifest:
    """The flow, with live progress."""
    from flows.filter import filter_rows

    shown = filter_rows.with_options(on_running=[seen.note])
    try:
        with watch(run.progress, out), started("What is done is kept for the next run."):
            recipe, mapping = run.recipe.model_dump(mode="json"), dict(request.mapping)
            return shown(recipe, request.path, str(run.root), request.language, mapping)
    except ServerGone:
        done = published_by(run.root, run.recipe.dataset, str(seen.run))
        if done is None:
            raise
        out.print("The Prefect server is gone, and was not told how the run ended.")
        return done.manifest
    except InstructloomError:
        seen.tell(out)
        raise
