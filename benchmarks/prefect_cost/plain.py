"""The stages of a run without Prefect: the baseline. A thread for every stage of every shard, and nothing else."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from flows import work
from flows.generate import THREADS
from flows.plan import Plan
from flows.publish import publish
from flows.run import Run
from schemas.manifest import Manifest, StageCounts

Last = dict[int, "Future[Any]"]


def make(run: Run) -> Manifest:
    """What the flow does, with the same plan: send shards through the stages until N rows survived, then publish."""
    plan = Plan(run.recipe.rows, run.recipe.limits, work.source_shards(run))
    under_way: deque[list[Future[Any]]] = deque()
    last: Last = {}
    with run.store.locked(), ThreadPoolExecutor(THREADS) as threads:
        while True:
            under_way += [send(run, shard, threads, last) for shard in plan.more(len(under_way))]
            if not under_way:
                break
            counts: list[StageCounts] = [future.result() for future in under_way.popleft()]
            made = next(count.rows_out for count in reversed(counts) if count.kind == "generator")
            plan.record(made=made, kept=counts[-1].rows_out)
            run.progress.keep(plan.kept)
        return publish(run, plan.shards, plan.stop_reason or "complete")


def send(run: Run, shard: int, threads: ThreadPoolExecutor, last: Last) -> list["Future[Any]"]:
    """Submit all stages for one shard. ``last`` holds, by place, the future of the shard before."""
    futures: list[Future[Any]] = []
    for place, stage in enumerate(run.stages):
        after = [*futures[-1:]]
        before = [last[place]] if place in last else []
        if place == 0:
            job = threads.submit(_do, before, partial(work.make_source, run, shard))
        elif stage.kind == "generator":
            job = threads.submit(_do, after, partial(work.generate_shard, run, place, shard))
        else:
            if stage.kind == "index":
                after = [threads.submit(_do, after, partial(work.sign_shard, run, place, shard)), *before]
            job = threads.submit(_do, after, partial(work.filter_shard, run, place, shard))
        last[place] = job
        futures.append(job)
    return futures


def _do(after: list["Future[Any]"], job: "partial[Any]") -> Any:
    wait(after)
    for each in after:
        each.result()
    return job()
