"""The generate flow: seeds in, exactly N clean rows out.

Reads top to bottom: open the run; while rows are missing, send more shards through the stages; publish. A task is one
stage over some shards (``tasks.py``), never one call to a model. Shards flow on without waiting for one another, except
that the source and the filters with an index take them in order. With ``runner: ray`` the generators run on a cluster
(``runners.py``); all else stays in this process.
"""

import concurrent.futures
from collections import deque
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.exceptions import TerminationSignal
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner

from flows import work
from flows.earlier import INTERRUPTED
from flows.estimate import Tried
from flows.logbook import keep_logbook
from flows.plan import AHEAD, Plan
from flows.prefect_api import flow_run_id
from flows.publish import copied, publish
from flows.recipe_file import check_recipe
from flows.reporter import Reporter, introduce
from flows.run import Run, open_run
from flows.showing import show_version
from flows.spans import Outcome
from flows.steering import RunCancelled, Steering
from flows.tasks import Line
from outputs.dataset import read_dataset
from schemas.errors import BudgetSpent, RunFailed
from schemas.manifest import Manifest, StageCounts, sum_usage

# A task waits in its thread for what it depends on. Dependencies are submitted first, so any number of threads comes
# through; with one for every task of a batch, those that wait keep none from working.
THREADS = AHEAD * 16
OURS: dict[str, Any] = {"task_runner": ThreadPoolTaskRunner(max_workers=THREADS), "persist_result": False}
"""What each of our flows is to Prefect."""

TICK = 0.25
"""Seconds; a Ctrl-C that one of Ray's threads receives wakes nobody, so the flow looks up now and then."""


@flow(name="generate", validate_parameters=False, **OURS)
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


@flow(name="first-shard", validate_parameters=False, **OURS)
def first_shard(recipe: dict[str, Any], root: str = ".", add: bool = False) -> Tried:
    """Make the first shard of what ``generate`` would make of the same arguments, which will begin with it."""
    keep_logbook()
    run = open_run(check_recipe(recipe, "recipe"), Path(root), add=add)
    try:
        with run.store.locked():
            return try_out(run)
    except RunCancelled as stop:
        return Cancelled(message=str(stop))  # type: ignore[return-value]  # as above


def make(run: Run) -> Manifest:
    """Run the stages until N rows survived, then publish them. The dataset must be locked.

    Raises:
        RunCancelled: a person cancelled the run; the rows of all whole shards are published.
    """
    prepare(run)
    plan = Plan(run.recipe.rows, run.recipe.limits, work.source_shards(run))
    with Steering() as steering, Reporter(run.progress, run.recipe.dataset):
        try:
            go_through(run, plan, steering)
            run.progress.mark()
            manifest = publish(run, plan.shards, plan.stop_reason or "complete")
        except (RunCancelled, TerminationSignal):
            run.stop()
            if steering.cancelled():
                publish_what_is_whole(run, plan)
            raise
    if manifest.complete:
        run.teachers.clear()
    made = read_dataset(run.target(manifest.version))
    show_version(made, run.report)
    copied(run.recipe, run.root, made)
    return manifest


def try_out(run: Run) -> Tried:
    """Make the first shard, in earnest: what the run makes later begins with it. The dataset must be locked.

    Raises:
        RunFailed: that alone is more than a budget allows.
        RunCancelled: a person cancelled the run.
    """
    prepare(run)
    line = Line(run, Plan(run.recipe.rows, run.recipe.limits, work.source_shards(run)))
    with Steering() as steering:
        try:
            counts = [result_of(outcome, steering) for outcome in line.send(0)]
        except BudgetSpent as stop:
            raise RunFailed(f"limits.{stop} is spent by the first shard alone; raise it") from stop
        except RunCancelled:
            run.stop()
            raise
        finally:
            line.close()
    line.join()
    run.progress.begin_anew()
    usage = sum_usage(run.store.shard(stage, 0).usage() for stage in run.stages)
    return Tried(counts[-1].rows_out, usage, 1.0)


def prepare(run: Run) -> None:
    """What must be known before the first shard."""
    run.made_by = str(flow_run_id() or "")
    run.check_draw()
    introduce(run)
    run.prepare()


def go_through(run: Run, plan: Plan, steering: Steering) -> None:
    """Send shards through all stages until ``plan`` has enough."""
    line = Line(run, plan)
    under_way: deque[list[Outcome]] = deque()
    try:
        while True:
            steering.heed()
            under_way += [line.send(shard) for shard in plan.more(len(under_way))]
            if not under_way:
                break
            counts = [result_of(outcome, steering) for outcome in under_way[0]]
            under_way.popleft()
            plan.record(made=_made(counts), kept=counts[-1].rows_out)
            run.progress.keep(plan.kept, plan.total()[0])
    except BudgetSpent as stop:
        # The others come to the same end; what they have asked is waited for, and kept for the next attempt.
        concurrent.futures.wait([outcome for outcomes in under_way for outcome in outcomes])
        plan.stop_reason = str(stop)
    finally:
        line.close()
    line.join()


def publish_what_is_whole(run: Run, plan: Plan) -> None:
    """Publish the shards that are through all stages, if any row survived in them."""
    reason = plan.stop_reason or INTERRUPTED
    # A run that saw for itself that it was cancelled is often told so once more, in the middle of this.
    for told_before in (False, True):
        try:
            manifest = publish(run, plan.shards, reason)
            show_version(read_dataset(run.target(manifest.version)), run.report)
            return
        except RunFailed:  # nothing survived yet
            return
        except TerminationSignal:
            if told_before:
                raise


def result_of(outcome: Outcome, steering: Steering) -> StageCounts:
    """The balance of a stage and shard, awaited in ticks; meanwhile a person may cancel or pause the run."""
    while not outcome.done():
        concurrent.futures.wait([outcome], timeout=TICK)
        steering.heed()
    return outcome.result()


def _made(counts: list[StageCounts]) -> int:
    """The rows that came out of the last generator: what the filters after it had to judge."""
    return next(count.rows_out for count in reversed(counts) if count.kind == "generator")
