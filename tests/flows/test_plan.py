from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from flows.plan import AHEAD, Plan
from schemas.recipe import Limits


def run(plan: Plan, kept: list[int], most: int = AHEAD) -> Plan:
    """Feed shards that keep ``kept[shard]`` rows each, ``most`` under way at a time, until the plan is over."""
    under_way: deque[int] = deque()
    while True:
        under_way += plan.more(len(under_way))[: most - len(under_way)]
        if not under_way:
            return plan
        plan.record(made=100, kept=kept[under_way.popleft() % len(kept)])


@given(st.integers(1, 500), st.lists(st.integers(0, 80), min_size=1, max_size=20))
def test_a_plan_ends_complete_or_says_why_not(wanted: int, kept: list[int]) -> None:
    plan = run(Plan(wanted, Limits()), kept)
    assert (plan.stop_reason == "complete") == (plan.kept >= wanted)
    assert plan.stop_reason in {"complete", "falling_yield", "max_rounds"}


@given(st.integers(1, 2000), st.lists(st.integers(1, 80), min_size=1, max_size=20), st.integers(1, 16))
def test_the_shards_used_do_not_depend_on_how_far_the_plan_ran_ahead(wanted: int, kept: list[int], most: int) -> None:
    ahead = run(Plan(wanted, Limits()), kept, most)
    one_by_one = Plan(wanted, Limits())
    while one_by_one.stop_reason is None:
        one_by_one.record(made=100, kept=kept[one_by_one.shards % len(kept)])
    assert ahead.shards == one_by_one.shards


def test_shards_beyond_the_last_needed_are_not_counted() -> None:
    plan = Plan(10, Limits())
    for _ in range(5):
        plan.record(made=100, kept=10)
    assert (plan.shards, plan.kept) == (1, 10)


def test_a_source_that_ends_stops_the_plan() -> None:
    plan = run(Plan(1000, Limits(), available=3), [5])
    assert (plan.stop_reason, plan.shards) == ("exhausted_seeds", 3)


def test_rounds_that_keep_nothing_stop_the_plan_after_the_patience() -> None:
    plan = run(Plan(1000, Limits(patience=4)), [50, *[0] * 100])
    assert (plan.stop_reason, plan.shards) == ("falling_yield", 5)


def test_one_good_round_restores_the_patience() -> None:
    plan = Plan(1000, Limits(patience=3))
    for kept in (0, 0, 5, 0, 0):
        plan.record(made=100, kept=kept)
    assert plan.stop_reason is None


def test_the_number_of_rounds_is_bounded() -> None:
    plan = run(Plan(10_000, Limits(max_rounds=7)), [10])
    assert (plan.stop_reason, plan.shards) == ("max_rounds", 7)


def test_as_many_are_started_as_the_yield_seen_calls_for() -> None:
    plan = Plan(100, Limits())
    plan.record(made=100, kept=20)
    assert plan.more(0) == [1, 2, 3, 4]
    assert plan.more(3) == [4]
    assert plan.more(4) == []


def test_shards_under_way_are_bounded_however_many_rows_are_missing() -> None:
    plan = Plan(1_000_000, Limits())
    plan.record(made=100, kept=20)
    assert len(plan.more(0)) == AHEAD
    assert len(plan.more(AHEAD - 1)) == 1


def test_a_slow_shard_holds_up_none_behind_it() -> None:
    """The next one starts as soon as the oldest is through, not when all that were started are."""
    plan = Plan(1_000_000, Limits())
    plan.record(made=100, kept=20)
    started = plan.more(0)
    plan.record(made=100, kept=20)
    assert plan.more(len(started) - 1) == [started[-1] + 1]
