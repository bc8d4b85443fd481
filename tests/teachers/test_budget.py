import pytest

from schemas.errors import BudgetSpent
from schemas.exchange import Completion
from schemas.recipe import Limits
from teachers.budget import Budget, Spent

GUESS = Spent(usd=0.02, tokens=200, requests=1)


def answer(cost: float = 0.0, tokens: int = 0) -> Completion:
    return Completion(text="x", prompt_tokens=tokens, cost=cost)


def used(budget: Budget, reply: Completion, at_once: int = 1) -> int:
    """Requests that get through, ``at_once`` at a time, until the budget ends."""
    count = 0
    while True:
        admitted = 0
        try:
            for _ in range(at_once):
                budget.admit(GUESS)
                admitted += 1
        except BudgetSpent:
            if not admitted:
                return count
        for _ in range(admitted):
            budget.settle(reply)
        count += admitted


def test_without_limits_everything_is_admitted() -> None:
    budget = Budget(Limits())
    for _ in range(1000):
        budget.admit(GUESS)
    assert not budget.limited


@pytest.mark.parametrize("at_once", [1, 7, 50])
def test_requests_end_exactly_at_their_number(at_once: int) -> None:
    assert used(Budget(Limits(budget_requests=100)), answer(), at_once) == 100


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
        budget.admit(GUESS)


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


def test_a_request_that_brought_nothing_costs_nothing() -> None:
    budget = Budget(Limits(budget_requests=1))
    budget.admit(GUESS)
    budget.settle(None)
    budget.admit(GUESS)
    budget.settle(answer())
    with pytest.raises(BudgetSpent):
        budget.admit(GUESS)
