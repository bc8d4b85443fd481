"""Budgets, seen from a shard: who waits for one is in nobody's way, and what is paid for is logged."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

from schemas.errors import BudgetSpent
from schemas.exchange import Completion, Message, Prompt
from schemas.manifest import Usage
from schemas.recipe import Limits, Model, Price
from teachers.asker import Asker
from teachers.budget import Budget
from teachers.builtin.endpoint import Said
from teachers.builtin.server import serving
from teachers.client import Teachers
from teachers.log import CompletionLog, read_log
from tests.teachers.clock import JumpingClock
from tests.teachers.test_client import URL, Scripted, fails, says

PAID = says(usage={"prompt_tokens": 90, "completion_tokens": 10})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "completions.log"


def prompt(text: str) -> Prompt:
    return Prompt((Message("user", text),))


def ask_all(made: Teachers, path: Path, limits: Limits, texts: Sequence[str]) -> list[Completion | BaseException]:
    async def scene() -> list[Completion | BaseException]:
        with CompletionLog.open(path) as log:
            asker = Asker(made, log, Usage(), Budget(limits))
            async with asyncio.timeout(60):
                asking = (asker.ask(text, prompt(text), 1) for text in texts)
                return await asyncio.gather(*asking, return_exceptions=True)

    return made.run(scene())


def test_who_waits_for_the_budget_holds_no_place(path: Path) -> None:
    """There is one place, and the request under way needs it again for its second attempt."""
    model, transport = Model(model="m", base_url=URL, concurrency=1), Scripted(fails(500), PAID)
    with Teachers({"teacher": model}, transports={"teacher": transport}, clock=JumpingClock()) as made:
        ended = ask_all(made, path, Limits(budget_tokens=1000), ["a", "b", "c"])
    assert [end.text for end in ended if isinstance(end, Completion)] == ["4"] * 3


def test_a_batch_is_sent_although_others_wait_for_the_budget(path: Path, tmp_path: Path) -> None:
    limits, texts = Limits(budget_tokens=5000), [f"t{number}" for number in range(20)]
    with serving(reply=lambda *_, **__: Said("a short reply")) as url:
        model = Model(model="builtin", base_url=url, mode="batch")
        with Teachers({"teacher": model}, folder=tmp_path / "run", clock=JumpingClock()) as made:
            ended = ask_all(made, path, limits, texts)
    assert [end.text for end in ended if isinstance(end, Completion)] == ["a short reply"] * 20


def test_a_stop_logs_what_is_paid_for_and_sends_nothing_that_waits(path: Path) -> None:
    at_work, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_: httpx2.Request) -> Any:
        at_work.set()
        await go_on.wait()
        return PAID

    async def scene(made: Teachers) -> list[Any]:
        with CompletionLog.open(path) as log:
            asker = Asker(made, log, Usage(), Budget(Limits(budget_tokens=1000)))
            tasks = [asyncio.create_task(asker.ask(text, prompt(text), 1)) for text in "ab"]
            await at_work.wait()
            drained = asyncio.create_task(asker.drain(None))
            ended = asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            go_on.set()
            await drained
            return await ended

    transport = Scripted(answer)
    model = Model(model="m", base_url=URL)
    with Teachers({"teacher": model}, transports={"teacher": transport}, clock=JumpingClock()) as made:
        first, second = made.run(scene(made))
    assert (first.text, type(second)) == ("4", asyncio.CancelledError)
    assert [record.key for record in read_log(path)] == ["a"]
    assert len(transport.requests) == 1


def test_what_waits_for_a_place_is_not_sent_once_the_budget_is_spent(path: Path) -> None:
    """Its reservation was made when the answers were thought to be shorter."""

    async def answer(_: httpx2.Request) -> Any:
        for __ in range(10):  # until the others stand in the queue
            await asyncio.sleep(0)
        return says(usage={"prompt_tokens": 90, "completion_tokens": 20_000})

    model, transport = Model(model="m", base_url=URL, concurrency=1), Scripted(answer)
    with Teachers({"teacher": model}, transports={"teacher": transport}, clock=JumpingClock()) as made:
        ended = ask_all(made, path, Limits(budget_tokens=20_000), ["a", "b", "c"])
    assert [type(end) for end in ended] == [Completion, BudgetSpent, BudgetSpent]
    assert [json.loads(request.content)["messages"][0]["content"] for request in transport.requests] == ["a"]


# Endpoints that do not say what an answer costs


def test_a_budget_ends_a_run_on_an_endpoint_that_counts_nothing(path: Path) -> None:
    model, transport = Model(model="m", base_url=URL, price=Price(completion=1.0)), Scripted(says("x" * 400))
    with Teachers({"teacher": model}, transports={"teacher": transport}, clock=JumpingClock()) as made:
        ended = ask_all(made, path, Limits(budget_usd=0.001), [f"t{number}" for number in range(20)])
    assert [type(end) for end in ended] == [Completion] * 10 + [BudgetSpent] * 10


def test_tokens_a_minute_are_kept_to_on_an_endpoint_that_counts_nothing(path: Path) -> None:
    clock, transport = JumpingClock(), Scripted(says("x" * 4000))
    model = Model(model="m", base_url=URL, tokens_per_minute=600)
    with Teachers({"teacher": model}, transports={"teacher": transport}, clock=clock) as made:
        began = clock.time()
        ask_all(made, path, Limits(), ["a", "b", "c", "d"])
    assert clock.time() - began >= 300
