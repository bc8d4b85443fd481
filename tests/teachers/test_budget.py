import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from schemas.errors import BudgetSpent
from schemas.exchange import Completion
from schemas.recipe import Limits
from teachers.budget import Budget, Reserved, Spent

GUESS = Spent(usd=0.02, tokens=200, requests=1)
DEAR = Spent(usd=0.1, tokens=8000, requests=1)
FAILED = Completion(text="", error="refused_request")


def answer(cost: float = 0.0, tokens: int = 10) -> Completion:
    return Completion(text="x", prompt_tokens=tokens, cost=cost)


def used(budget: Budget, reply: Completion, at_once: int = 1, *, kind: str = "answer", guess: Spent = GUESS) -> int:
    """Requests that get through, ``at_once`` at a time, until the budget ends."""
    return asyncio.run(use(budget, lambda _: reply, at_once, 10**6, kind=kind, guess=guess))


async def use(
    budget: Budget,
    reply: Callable[[int], Completion],
    at_once: int,
    requests: int,
    *,
    kind: str = "answer",
    guess: Spent = GUESS,
) -> int:
    """The same with a ``reply`` for each number, and at most so many ``requests``."""
    numbers, count = iter(range(requests)), 0

    async def ask() -> None:
        nonlocal count
        for number in numbers:
            try:
                reserved = await budget.admit(kind, guess)
            except BudgetSpent:
                return
            count += 1
            await asyncio.sleep(0)
            budget.settle(reserved, reply(number))

    async with asyncio.timeout(30):
        await asyncio.gather(*(ask() for _ in range(at_once)))
    return count


async def settled_down() -> None:
    """Until every task waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def waiting(budget: Budget, *ranks: int) -> list[asyncio.Task[Reserved]]:
    tasks = [asyncio.create_task(budget.admit("answer", GUESS, rank)) for rank in ranks]
    await settled_down()
    return tasks


def run(scene: Coroutine[Any, Any, None]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(30):
            await scene

    asyncio.run(in_time())


def test_without_limits_everything_is_admitted() -> None:
    async def scene() -> None:
        for _ in range(1000):
            await budget.admit("answer", GUESS)

    budget = Budget(Limits())
    run(scene())
    assert not budget.limited


@pytest.mark.parametrize("at_once", [1, 7, 50])
def test_requests_end_exactly_at_their_number(at_once: int) -> None:
    assert used(Budget(Limits(budget_requests=100)), answer(), at_once) == 100


@pytest.mark.parametrize("at_once", [1, 7, 50])
def test_requests_end_exactly_at_their_number_although_some_fail(at_once: int) -> None:
    budget = Budget(Limits(budget_requests=100))
    reply = [answer(), FAILED]
    assert asyncio.run(use(budget, lambda number: reply[number % 3 == 0], at_once, 1000)) == 100


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        (Limits(budget_usd=1.0), "budget_usd"),
        (Limits(budget_tokens=1000), "budget_tokens"),
        (Limits(budget_requests=100), "budget_requests"),
    ],
)
def test_the_limit_that_ended_it_is_named(limits: Limits, name: str) -> None:
    budget = Budget(limits, Spent(usd=1.0, tokens=1000, requests=100))
    with pytest.raises(BudgetSpent, match=f"^{name}$"):
        asyncio.run(budget.admit("answer", GUESS))
    with pytest.raises(BudgetSpent, match=f"^{name}$"):
        budget.check()


@pytest.mark.parametrize("spent", [Spent(), Spent(usd=0.5, tokens=500, requests=50)])
@pytest.mark.parametrize("at_once", [1, 8, 500])
def test_money_ends_within_a_few_requests_of_its_limit(at_once: int, spent: Spent) -> None:
    budget = Budget(Limits(budget_usd=1.0), spent)
    used(budget, answer(cost=0.01), at_once)
    assert budget.spent.usd == pytest.approx(1.0, abs=0.02)


def test_a_guess_that_is_far_too_low_costs_no_more_than_was_sent_before_the_first_answer() -> None:
    budget = Budget(Limits(budget_tokens=1000))
    used(budget, answer(tokens=400), at_once=3)
    assert budget.spent.tokens <= 3 * 400


# What a request will cost


def test_cheap_requests_do_not_make_dear_ones_look_cheap() -> None:
    budget = Budget(Limits(budget_usd=2.0))
    assert asyncio.run(use(budget, lambda _: answer(cost=0.0001), 256, 500, kind="judge")) == 500
    used(budget, answer(cost=0.06), at_once=256, guess=DEAR)
    assert budget.spent.usd == pytest.approx(2.0, abs=0.1)


def test_one_short_answer_and_a_few_refusals_do_not_make_the_others_look_cheap() -> None:
    def reply(number: int) -> Completion:
        return answer(cost=0.0003) if number == 0 else FAILED if number < 9 else answer(cost=0.06)

    budget = Budget(Limits(budget_usd=1.0))
    asyncio.run(use(budget, reply, 1, 9, guess=DEAR))
    asyncio.run(use(budget, lambda number: reply(number + 9), 128, 400, guess=DEAR))
    assert budget.spent.usd == pytest.approx(1.0, abs=0.1)


def test_refusals_say_nothing_about_what_an_answer_costs() -> None:
    budget = Budget(Limits(budget_usd=1.0))
    asyncio.run(use(budget, lambda _: FAILED, 128, 1000, guess=DEAR))
    used(budget, answer(cost=0.1), at_once=128, guess=DEAR)
    assert budget.spent.usd <= 1.1


def test_a_guess_that_is_far_too_high_ends_nothing() -> None:
    budget = Budget(Limits(budget_usd=1.0))
    assert asyncio.run(use(budget, lambda _: answer(cost=0.001), 128, 800, guess=DEAR)) == 800


def test_a_guess_beyond_the_whole_budget_ends_nothing() -> None:
    budget = Budget(Limits(budget_tokens=1000))
    assert used(budget, answer(tokens=10), at_once=8, guess=DEAR) == pytest.approx(100, abs=2)


# Waiting


def test_who_waits_is_let_in_when_one_under_way_turns_out_cheaper() -> None:
    async def scene() -> None:
        budget = Budget(Limits(budget_usd=0.02))
        first = await budget.admit("answer", GUESS)
        (second,) = await waiting(budget, 0)
        assert not second.done()
        budget.settle(first, answer(cost=0.001))
        await second

    run(scene())


def test_a_request_that_brought_nothing_costs_nothing() -> None:
    async def scene() -> None:
        budget = Budget(Limits(budget_requests=1))
        first = await budget.admit("answer", GUESS)
        (second,) = await waiting(budget, 0)
        budget.settle(first, None)
        budget.settle(await second, answer())
        with pytest.raises(BudgetSpent):
            await budget.admit("answer", GUESS)

    run(scene())


def test_all_who_wait_are_refused_once_it_is_spent() -> None:
    async def scene() -> None:
        budget = Budget(Limits(budget_usd=0.02))
        first = await budget.admit("answer", GUESS)
        tasks = await waiting(budget, 0, 1, 2)
        budget.settle(first, answer(cost=0.03))
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [repr(end) for end in ended] == ["BudgetSpent('budget_usd')"] * 3

    run(scene())


def test_the_lowest_rank_is_let_in_first() -> None:
    async def scene() -> None:
        budget = Budget(Limits(budget_requests=2))
        opened = [await budget.admit("answer", GUESS) for _ in range(2)]
        late, early = await waiting(budget, 3, 1)
        budget.settle(opened[0], None)
        await settled_down()
        assert (late.done(), early.done()) == (False, True)
        late.cancel()

    run(scene())


@pytest.mark.parametrize("let_in", [False, True])
def test_who_is_cancelled_while_it_waits_takes_nothing(let_in: bool) -> None:
    async def scene() -> None:
        budget = Budget(Limits(budget_requests=1))
        first = await budget.admit("answer", GUESS)
        gone, next_one = await waiting(budget, 0, 1)
        if let_in:
            budget.settle(first, None)  # gone is let in, and cancelled before it hears of it
        gone.cancel()
        await settled_down()
        if not let_in:
            budget.settle(first, None)
        await next_one
        assert gone.cancelled()

    run(scene())
