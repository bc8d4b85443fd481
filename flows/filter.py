"""The filter flow: rows that are there already in, those that survive a chain of filters out.

Reads top to bottom: open the run; read shard after shard and send each through the filters; publish. A task is one
shard: it reads, checks and signs its rows beside the others, and waits for its turn where a filter decides in order.
"""

import concurrent.futures
from collections import deque
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner

from flows.filter_publish import publish_filtered
from flows.filter_run import FilterRun, attach, opened
from flows.filter_work import filter_shard, recall
from flows.generate import TICK
from flows.logbook import keep_logbook
from flows.prefect_api import flow_run_id, logger, name_run
from flows.publish import copied
from flows.recipe_file import validated
from flows.reporter import Reporter
from flows.showing import show_version
from flows.spans import span_name
from flows.steering import RunCancelled, Steering
from outputs.dataset import next_version, read_dataset
from schemas.errors import RunFailed
from schemas.manifest import Manifest
from schemas.recipe import FilterRecipe

AHEAD = 3
"""Shards in memory, at most. More would not be sooner: what takes long, the decisions, is in order."""


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def filtered(ref: str, name: str, shard: int) -> int:
    """One shard through all filters."""
    return filter_shard(attach(ref), shard)


@flow(
    name="filter",
    validate_parameters=False,
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=AHEAD),  # type: ignore[arg-type]  # generic over what it returns
)
def filter_rows(
    recipe: dict[str, Any],
    path: str,
    root: str = ".",
    language: str | None = None,
    mapping: Mapping[str, str] | None = None,
) -> Manifest:
    """Send the rows in ``path`` through the filters of ``recipe``, or go on with it, and publish what survives."""
    keep_logbook()
    checked = validated(FilterRecipe, recipe, "recipe")
    run = opened(checked, Path(root).absolute(), path, language, dict(mapping or {}))
    try:
        with run.store.locked():
            return make(run)
    except RunCancelled as stop:
        return Cancelled(message=str(stop))  # type: ignore[return-value]  # whoever asks for the result gets CancelledRun
    finally:
        run.close()


def make(run: FilterRun) -> Manifest:
    """Filter all shards, then publish. The dataset must be locked."""
    _introduce(run)
    run.prepare()
    with Steering() as steering, Reporter(run.progress, run.recipe.dataset):
        try:
            shards = go_through(run, steering)
        except BaseException:
            run.stop()
            raise
        run.progress.mark()
        manifest = publish_filtered(run, shards)
    made = read_dataset(run.target(manifest.version))
    show_version(made, run.report)
    copied(run.recipe, run.root, made)
    return manifest


def go_through(run: FilterRun, steering: Steering) -> int:
    """Send shard after shard through the filters, a few at a time; how many there were."""
    records = run.records()
    under_way: deque[Any] = deque()
    for shard in count():
        steering.heed()
        parts = records.read(shard)
        if not parts:
            break
        if run.done(shard):
            recall(run, shard)
            run.looked_at(sum(len(part.batch) for part in parts))
            continue
        run.loaded[shard] = parts
        name = span_name(shard, 1, run.total, certain=False)
        under_way.append(filtered.with_options(name=name).submit(run.ref, f"filter · {name}", shard))
        while len(under_way) >= AHEAD:
            run.looked_at(_result(under_way.popleft(), steering))
    while under_way:
        run.looked_at(_result(under_way.popleft(), steering))
    return shard


def _result(future: Any, steering: Steering) -> int:
    """How many records a shard had, once it is through; meanwhile a person may cancel or pause the run."""
    while not future.wrapped_future.done():
        concurrent.futures.wait([future.wrapped_future], timeout=TICK)
        steering.heed()
    state = future.wrapped_future.result()
    if not state.is_completed():
        state.result()  # raises what went wrong
        raise RunFailed(f"a task ended before its work was done: {state.name} {state.message or ''}".rstrip())
    result: int = state.result()
    return result


def _introduce(run: FilterRun) -> None:
    """Say in the UI which version of which dataset is being made."""
    flow_run = flow_run_id()
    if flow_run is None:
        return
    run.made_by = str(flow_run)
    name = f"{run.recipe.dataset} · v{next_version(run.root / 'datasets', run.recipe.dataset)}"
    name_run(flow_run, name, ["instructloom", f"dataset:{run.recipe.dataset}"])
    logger().info("%s: rows of %s", name, ", ".join(file.source.shown for file in run.input.files[:10]))
