"""Spans: which shards share a task, and how they go through the stages."""

import math
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.plan import AHEAD, Plan
from flows.spans import PART_OF_DONE, PART_OF_LEFT, Outcome, Span, UpstreamFailed, span_length, span_name
from schemas.manifest import StageCounts
from schemas.recipe import Limits

PATIENCE = 20.0


def spans_of(total: int, guess: float = 1.0) -> list[tuple[int, int]]:
    """The spans of a run of ``total`` shards, where what is left is judged ``guess`` times too high."""
    spans, first = [], 0
    while first < total:
        length = span_length(first, (total - first) * guess)
        spans.append((first, length))
        first += length
    return spans


def most_spans(total: int) -> float:
    """A run of ``total`` shards has no more, where what is left is known."""
    growing, shrinking = (part * (2 + math.log(1 + total / part)) for part in (PART_OF_DONE, PART_OF_LEFT))
    return growing + shrinking


@given(st.integers(0, 10**9), st.floats(0, 1e9) | st.none())
def test_a_span_is_a_part_of_what_is_done_and_of_what_is_left_and_never_empty(
    first: int, remaining: float | None
) -> None:
    length = span_length(first, remaining)
    assert length == 1 or (length * PART_OF_DONE <= first and length * PART_OF_LEFT <= (remaining or 0))
    assert length >= 1


@settings(max_examples=50)
@given(st.integers(1, 10**7))
def test_the_number_of_spans_hardly_grows_with_the_run(total: int) -> None:
    assert len(spans_of(total)) <= most_spans(total)


def test_a_million_rows_have_some_hundred_spans_and_a_small_run_a_task_a_shard() -> None:
    assert most_spans(5_000) < 350
    assert spans_of(2 * PART_OF_DONE - 1) == [(shard, 1) for shard in range(2 * PART_OF_DONE - 1)]


@settings(max_examples=50)
@given(st.integers(1, 10_000), st.floats(0.1, 10))
def test_the_last_span_is_short_where_what_is_left_is_known_well_enough(total: int, guess: float) -> None:
    first, length = spans_of(total, guess)[-1]
    assert first + length - total <= max(0, (total - first) * guess / PART_OF_LEFT)


@pytest.mark.parametrize(
    ("first", "length", "total", "certain", "name"),
    [
        (2, 1, 20, True, "shard 3/20"),
        (2, 1, 20, False, "shard 3/~20"),
        (2, 1, None, False, "shard 3"),
        (32, 32, 4000, False, "shards 33–64/~4,000"),
        (20, 1, 20, False, "shard 21/~21"),
    ],
)
def test_a_name_says_where_and_of_how_many(
    first: int, length: int, total: int | None, certain: bool, name: str
) -> None:
    assert span_name(first, length, total, certain) == name


def counts(kept: int) -> StageCounts:
    return StageCounts(stage="tried", use="tried", kind="generator", rows_out=kept, created=kept)


def put_through(
    shards: int, lengths: list[int], ahead: int, places: int, work: dict[int, str]
) -> list[tuple[int, int]]:
    """Send ``shards`` through as many stages as ``work`` has, with at most ``ahead`` under way; what was done, in the
    order in which it was.
    """
    done: list[tuple[int, int]] = []
    most: list[int] = []

    def do(place: int, shard: int) -> StageCounts:
        done.append((place, shard))
        return counts(shard)

    def take(span: Span, place: int) -> StageCounts | None:
        if work.get(place) == "in order":
            return span.in_order(place, lambda shard: do(place, shard))
        return span.side_by_side(place, lambda shard: do(place, shard))

    under_way: deque[list[Outcome]] = deque()
    last: list[Outcome] = []
    span: Span | None = None
    tasks: list[Future[StageCounts | None]] = []
    with ThreadPoolExecutor(200) as threads:
        for shard in range(shards):
            if len(under_way) == ahead:
                wait(under_way.popleft(), PATIENCE)
            if span is None or span.full:
                span = Span(shard, lengths[shard % len(lengths)], places, last)
                tasks += [threads.submit(take, span, place) for place in range(places)]
            last = span.give()
            under_way.append(last)
            most.append(len(under_way))
        if span is not None:
            span.close()
    assert all(task.result(PATIENCE) is not None for task in tasks)
    assert max(most) <= ahead
    return done


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40),
    st.lists(st.integers(1, 9), min_size=1, max_size=7),
    st.integers(1, AHEAD),
    st.dictionaries(st.integers(0, 3), st.just("in order"), max_size=4),
)
def test_every_shard_passes_each_stage_once_after_the_stage_before_and_in_order_where_it_must(
    shards: int, lengths: list[int], ahead: int, work: dict[int, str]
) -> None:
    done = put_through(shards, lengths, ahead, 4, work)
    assert sorted(done) == [(place, shard) for place in range(4) for shard in range(shards)]
    turn = {each: number for number, each in enumerate(done)}
    assert all(turn[place, shard] > turn[place - 1, shard] for place, shard in done if place)
    for place in work:
        assert [shard for at, shard in done if at == place] == list(range(shards))


def test_shards_of_a_span_are_at_work_side_by_side() -> None:
    span, together = Span(0, 3, 1, []), threading.Barrier(3)

    def work(shard: int) -> StageCounts:
        together.wait(PATIENCE)
        return counts(shard)

    for _ in range(3):
        span.give()
    total = span.side_by_side(0, work)
    assert total is not None
    assert total.rows_out == 0 + 1 + 2


def test_a_failure_reaches_all_that_wait_for_the_shard_and_no_other_shard() -> None:
    span = Span(0, 2, 2, [])
    first, second = span.give(), span.give()

    def fail_on_the_first(shard: int) -> StageCounts:
        if shard == 0:
            raise ValueError("this one")
        return counts(shard)

    with pytest.raises(ValueError, match="this one"):
        span.side_by_side(0, fail_on_the_first)
    assert span.side_by_side(1, counts) is None
    assert isinstance(first[1].exception(), UpstreamFailed)
    assert second[1].result().rows_out == 1


def test_after_a_failure_no_later_shard_is_worked_on_out_of_order() -> None:
    span = Span(0, 3, 1, [])
    for _ in range(3):
        span.give()
    seen: list[int] = []

    def fail_on_the_second(shard: int) -> StageCounts:
        seen.append(shard)
        if shard == 1:
            raise ValueError("this one")
        return counts(shard)

    with pytest.raises(ValueError, match="this one"):
        span.in_order(0, fail_on_the_second)
    assert seen == [0, 1]


def test_nobody_waits_for_a_task_that_never_ran() -> None:
    span = Span(0, 2, 1, [])
    given_before = span.give()
    span.ended(0, OSError("no thread"))
    given_after = span.give()
    for outcomes in (given_before, given_after):
        with pytest.raises(OSError, match="no thread"):
            outcomes[0].result(0)


def test_a_closed_span_ends_with_the_shards_it_has() -> None:
    span = Span(0, 100, 1, [])
    span.give()
    with ThreadPoolExecutor(1) as threads:
        task = threads.submit(span.side_by_side, 0, lambda shard: counts(5))
        span.close()
        total = task.result(PATIENCE)
    assert total is not None
    assert total.rows_out == 5


def test_the_total_is_certain_only_where_the_source_or_a_limit_ends_it() -> None:
    plan = Plan(100, Limits(max_rounds=50))
    assert plan.total() == (None, False)
    plan.record(made=10, kept=10)
    assert plan.total() == (10, False)
    few = Plan(100, Limits(), available=4)
    few.record(made=10, kept=10)
    assert few.total() == (4, True)
    lean = Plan(1000, Limits(max_rounds=50))
    lean.record(made=10, kept=10)
    assert lean.total() == (50, True)
