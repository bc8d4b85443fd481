"""The generate flow: seeds in, exactly N clean rows out.

Reads top to bottom: open the run; while rows are missing, send more shards through the stages; publish. A task is one
stage over one shard, never one call to a model. Shards flow on without waiting for one another, except that the
source and the filters with an index take them in order. With ``runner: ray`` the generators run on a cluster
(``runners.py``); all else stays in this process.
"""

import concurrent.futures
from collections import deque
from pathlib import Path
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.exceptions import TerminationSignal
from prefect.futures import PrefectFuture, wait
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner

from flows import work
from flows.earlier import INTERRUPTED
from flows.estimate import Tried
from flows.logbook import hush, keep_logbook
from flows.plan import AHEAD, Plan
from flows.prefect_api import flow_run_id
from flows.publish import publish
from flows.recipe_file import check_recipe
from flows.reporter import Reporter, introduce
from flows.run import Run, attach, open_run
from flows.runners import carry
from flows.steering import RunCancelled, Steering
from schemas.errors import BudgetSpent, RunFailed
from schemas.manifest import Manifest, StageCounts, sum_usage

Counts = PrefectFuture[Any]
"""The balance of a stage and shard; None for the first phase of a filter with an index."""

# A task waits in its thread for what it depends on. Dependencies are submitted first, so any number of threads comes
# through; with one for every task of a batch, those that wait keep none from working.
THREADS = AHEAD * 16

TICK = 0.25
"""Seconds; a Ctrl-C that one of Ray's threads receives wakes nobody, so the flow looks up now and then."""


@task(task_run_name="{stage} · shard {shard}", cache_policy=NO_CACHE, persist_result=False)
def source(ref: str, stage: str, shard: int, before: Any) -> StageCounts:
    """One shard of the source."""
    return work.make_source(attach(ref), shard)


@task(task_run_name="{stage} · shard {shard}", cache_policy=NO_CACHE, persist_result=False)
def generator(ref: str, stage: str, place: int, shard: int, upstream: Any) -> StageCounts:
    """A generator over one shard."""
    return work.generate_shard(attach(ref), place, shard)


@task(task_run_name="{stage} · shard {shard} · on Ray", cache_policy=NO_CACHE, persist_result=False)
def carried(ref: str, stage: str, place: int, shard: int, upstream: Any) -> StageCounts:
    """A generator over one shard, on the cluster; this process waits for it."""
    return carry(attach(ref), generator, place, shard)


@task(task_run_name="{stage} · shard {shard} · sign", cache_policy=NO_CACHE, persist_result=False)
def sign(ref: str, stage: str, place: int, shard: int, upstream: Any) -> None:
    """Phase 1 of a filter with an index over one shard."""
    work.sign_shard(attach(ref), place, shard)


@task(task_run_name="{stage} · shard {shard}", cache_policy=NO_CACHE, persist_result=False)
def sift(ref: str, stage: str, place: int, shard: int, upstream: Any, before: Any) -> StageCounts:
    """A filter's decision on one shard."""
    return work.filter_shard(attach(ref), place, shard)


@flow(
    name="generate",
    task_runner=ThreadPoolTaskRunner(max_workers=THREADS),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=False,
)
def generate(recipe: dict[str, Any], root: str = ".", add: bool = False) -> Manifest:
    """Make the dataset that ``recipe`` describes below ``root``, or go on with it; with ``add``, a version of it with
    rows that no other version has.
    """
    keep_logbook()
    run = open_run(check_recipe(recipe, "recipe"), Path(root), add=add)
    try:
        with run.store.locked():
            return make(run)
    except RunCancelled as stop:
        return Cancelled(message=str(stop))  # type: ignore[return-value]  # whoever asks for the result gets CancelledRun
    finally:
        run.close()


@flow(
    name="first-shard",
    task_runner=ThreadPoolTaskRunner(max_workers=THREADS),  # type: ignore[arg-type]
    persist_result=False,
    validate_parameters=False,
)
def first_shard(recipe: dict[str, Any], root: str = ".", add: bool = False) -> Tried:
    """Make the first shard of what ``generate`` would make of the same arguments, which will begin with it."""
    keep_logbook()
    run = open_run(check_recipe(recipe, "recipe"), Path(root), add=add)
    with run.store.locked():
        return try_out(run)


def make(run: Run) -> Manifest:
    """Run the stages until N rows survived, then publish them. The dataset must be locked.

    Raises:
        RunCancelled: a person cancelled the run; the rows of all whole shards are published.
    """
    prepare(run)
    plan = Plan(run.recipe.rows, run.recipe.limits, work.source_shards(run))
    with Steering() as steering, Reporter(run):
        try:
            go_through(run, plan, steering)
            manifest = publish(run, plan.shards, plan.stop_reason or "complete")
        except (RunCancelled, TerminationSignal):
            if steering.cancelled():
                hush()
                run.stop()
                publish_what_is_whole(run, plan)
            raise
    if manifest.complete:
        run.teachers.clear()
    return manifest


def try_out(run: Run) -> Tried:
    """Make the first shard, in earnest: what the run makes later begins with it. The dataset must be locked.

    Raises:
        RunFailed: that alone is more than a budget allows.
    """
    prepare(run)
    with Steering() as steering:
        try:
            counts = [result_of(future, steering) for future in send(run, 0, {})]
        except BudgetSpent as stop:
            raise RunFailed(f"limits.{stop} is spent by the first shard alone; raise it") from stop
    run.progress.begin_anew()
    usage = sum_usage(run.store.shard(stage, 0).usage() for stage in run.stages)
    last = counts[-1]
    return Tried(last.rows_out if last else 0, usage, 1.0)


def prepare(run: Run) -> None:
    """What must be known before the first shard."""
    run.made_by = str(flow_run_id() or "")
    run.check_draw()
    introduce(run)
    run.prepare()


def go_through(run: Run, plan: Plan, steering: Steering) -> None:
    """Send shards through all stages until ``plan`` has enough."""
    last: dict[int, Counts] = {}
    under_way: deque[list[Counts]] = deque()
    try:
        while True:
            steering.heed()
            under_way += [send(run, shard, last) for shard in plan.more(len(under_way))]
            if not under_way:
                break
            counts = [count for future in under_way[0] if (count := result_of(future, steering)) is not None]
            under_way.popleft()
            plan.record(made=_made(counts), kept=counts[-1].rows_out)
            run.progress.keep(plan.kept, plan.expected())
    except BudgetSpent as stop:
        # The others come to the same end; what they have asked is waited for, and kept for the next attempt.
        wait([future for futures in under_way for future in futures])
        plan.stop_reason = str(stop)


def publish_what_is_whole(run: Run, plan: Plan) -> None:
    """Publish the shards that are through all stages, if any row survived in them."""
    reason = plan.stop_reason or INTERRUPTED
    # A run that saw for itself that it was cancelled is often told so once more, in the middle of this.
    for told_before in (False, True):
        try:
            publish(run, plan.shards, reason)
            return
        except RunFailed:  # nothing survived yet
            return
        except TerminationSignal:
            if told_before:
                raise


def send(run: Run, shard: int, last: dict[int, Counts]) -> list[Counts]:
    """Submit all stages for one shard; the futures are in the order of the work, so that the first to fail is the
    cause. ``last`` holds, by place, the future of the shard before.
    """
    futures: list[Counts] = []
    for place, stage in enumerate(run.stages):
        upstream = futures[-1] if futures else None
        if place == 0:
            future = source.submit(run.ref, stage.label, shard, last.get(place))
        elif stage.kind == "generator":
            chosen = carried if run.cluster else generator
            future = chosen.submit(run.ref, stage.label, place, shard, upstream)
        else:
            before = None
            if stage.kind == "index":
                upstream = sign.submit(run.ref, stage.label, place, shard, upstream)
                futures.append(upstream)
                before = last.get(place)
            future = sift.submit(run.ref, stage.label, place, shard, upstream, before)
        last[place] = future
        futures.append(future)
    return futures


def result_of(future: Counts, steering: Steering) -> StageCounts | None:
    """The result of a submitted task, awaited in ticks; meanwhile a person may cancel or pause the run."""
    wrapped: concurrent.futures.Future[Any] = future.wrapped_future  # type: ignore[attr-defined]  # a thread's
    while not wrapped.done():
        concurrent.futures.wait([wrapped], timeout=TICK)
        steering.heed()
    result: StageCounts | None = future.result()
    return result


def _made(counts: list[StageCounts]) -> int:
    """The rows that came out of the last generator: what the filters after it had to judge."""
    return next(count.rows_out for count in reversed(counts) if count.kind == "generator")
