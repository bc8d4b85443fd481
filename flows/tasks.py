"""The tasks of the generate flow: each is one stage over a span of shards (``spans.py``), never one call to a model.

In Prefect's UI a task is named for where it is, ``evol_instruct · shard 3/20``, and depends on the stage before: it
begins when that is through with the first shard of the span. From then on both work, shard by shard.
"""

import concurrent.futures
from collections.abc import Callable
from typing import Any

from prefect import State, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectConcurrentFuture, PrefectFuture, PrefectTaskRunFuture, wait
from prefect.states import Cancelled, Completed, Failed, Pending

from flows import work
from flows.plan import Plan
from flows.run import Run, attach
from flows.runners import carry
from flows.spans import Outcome, Span, span_length, span_name
from schemas.errors import RunFailed
from schemas.manifest import StageCounts


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def source(ref: str, name: str, span: Span, before: Any) -> Any:
    """The source's shards of the span, in order."""
    run = attach(ref)
    return _told(span.in_order(0, lambda shard: work.make_source(run, shard)))


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def generator(ref: str, name: str, span: Span, place: int, upstream: Any) -> Any:
    """A generator over the shards of the span."""
    run = attach(ref)
    return _told(span.side_by_side(place, lambda shard: work.generate_shard(run, place, shard)))


@task(task_run_name="{name} · on Ray", cache_policy=NO_CACHE, persist_result=False)
def carried(ref: str, name: str, span: Span, place: int, upstream: Any) -> Any:
    """A generator over the shards of the span, on the cluster; this process waits for it."""
    run = attach(ref)
    return _told(span.side_by_side(place, lambda shard: carry(run, place, shard)))


@task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
def sift(ref: str, name: str, span: Span, place: int, upstream: Any) -> Any:
    """A filter's decisions on the shards of the span."""
    run = attach(ref)
    if run.stages[place].kind != "index":
        return _told(span.side_by_side(place, lambda shard: work.filter_shard(run, place, shard)))

    def sign_and_decide(shard: int) -> StageCounts:
        work.sign_shard(run, place, shard)
        span.await_turn(place, shard)
        return work.filter_shard(run, place, shard)

    return _told(span.side_by_side(place, sign_and_decide))


def _told(counts: StageCounts | None) -> Any:
    """What a task returns: its balance, or a state that blames nobody, since the stage before failed."""
    return counts if counts is not None else Cancelled(message="not all shards came through the stage before")


class _OurOwn:
    """A future whose state is what this process knows of it. Prefect would ask the server, at the start of each task
    that depends on it, and a server that is away for a minute would end the run.
    """

    _final_state: State[Any] | None

    @property
    def state(self) -> State[Any]:
        """Pending until somebody waited for the end."""
        return self._final_state or Pending()


class SpanBefore(_OurOwn, PrefectConcurrentFuture[Any]):
    """What a source depends on: the source of the span before."""


class FirstShard(_OurOwn, PrefectTaskRunFuture[bool]):
    """What a task depends on: that the task before, of the run ``task_run_id``, is through with its first shard."""

    def __init__(self, task: PrefectFuture[Any], first: Outcome) -> None:
        super().__init__(task.task_run_id)
        self._first = first

    def wait(self, timeout: float | None = None) -> None:
        """Until it is, whether well or not."""
        concurrent.futures.wait([self._first], timeout)
        if self._first.done():
            error = self._first.exception()
            self._final_state = Completed(data=True) if error is None else Failed(data=error)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> bool:
        """True once it is.

        Raises:
            Exception: what the shard failed with.
        """
        if raise_on_failure:
            self._first.result(timeout)
        return self._first.exception(timeout) is None

    def add_done_callback(self, fn: Callable[[PrefectFuture[bool]], None]) -> None:
        """Call ``fn`` once it is."""
        self._first.add_done_callback(lambda _: fn(self))


class Line:
    """Sends shards through the stages of a run. To be closed, else its tasks would wait for more."""

    def __init__(self, run: Run, plan: Plan) -> None:
        self._run = run
        self._plan = plan
        self._span: Span | None = None
        self._source: SpanBefore | None = None
        self._tasks: list[PrefectConcurrentFuture[Any]] = []
        self._last: list[Outcome] = []

    def send(self, shard: int) -> list[Outcome]:
        """Start the next shard; its balances are in the order of the work, so that the first to fail is the cause."""
        span = self._span
        if span is not None and not span.full:
            self._last = span.give()
        elif (counts := work.finished_before(self._run, shard)) is not None:
            self._last = [_known(each) for each in counts]  # a run that goes on: no tasks for what is done
        else:
            span = self._span = Span(shard, span_length(shard, self._left(shard)), len(self._run.stages), self._last)
            self._last = span.give()
            self._submit(span, self._last)
        return self._last

    def close(self) -> None:
        """No more shards will come; the tasks end with those they have."""
        if self._span is not None:
            self._span.close()

    def join(self) -> None:
        """Close, and wait until all tasks are at their end."""
        self.close()
        wait(list(self._tasks))

    def _left(self, shard: int) -> float | None:
        """Shards still to come by the present yield, without those that are under way."""
        remaining = self._plan.remaining()
        return None if remaining is None else self._plan.shards + remaining - shard

    def _submit(self, span: Span, first: list[Outcome]) -> None:
        run = self._run
        self._tasks = [task for task in self._tasks if not task.wrapped_future.done()]
        where = span_name(span.first, span.length, *self._plan.total())
        name = f"{run.stages[0].label} · {where}"
        upstream: Any = source.with_options(name=name).submit(run.ref, name, span, self._source)
        self._source = SpanBefore(upstream.task_run_id, upstream.wrapped_future)
        self._watch(span, 0, upstream)
        for place, stage in enumerate(run.stages[1:], start=1):
            at_work = (carried if run.cluster else generator) if stage.kind == "generator" else sift
            depends = FirstShard(upstream, first[place - 1])
            name = f"{stage.label} · {where}"
            # Until a task begins, Prefect shows its own name, and no task run's.
            upstream = at_work.with_options(name=name).submit(run.ref, name, span, place, depends)
            self._watch(span, place, upstream)

    def _watch(self, span: Span, place: int, future: Any) -> None:
        self._tasks.append(future)
        future.wrapped_future.add_done_callback(lambda done: span.ended(place, _why(done)))


def _known(counts: StageCounts) -> Outcome:
    outcome = Outcome()
    outcome.set_result(counts)
    return outcome


def _why(task: "concurrent.futures.Future[Any]") -> BaseException:
    """Why shards that a task should have taken will not come: for those that it never took."""
    if task.cancelled():
        return RunFailed("the run was stopped; run the same command again to resume")
    error = task.exception()
    if error is not None:
        return error
    state = task.result()
    return RunFailed(f"a task ended before its work was done: {state.name} {state.message or ''}".rstrip())
