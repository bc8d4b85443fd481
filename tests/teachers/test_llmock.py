"""Against a mock that we did not write: ``llmock`` scripts faults on a real socket and judges how the client took them.

Its faults of streams (truncation, stalls, disconnects in the middle) reach only clients that stream, which ours does
not; a connection that breaks is shown by taking its server away.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.exchange import Completion, Message, Prompt, Shape
from schemas.recipe import Model
from teachers.client import Teachers
from teachers.clock import Clock
from tests.teachers.clock import JumpingClock

llmock = pytest.importorskip("llmock", reason="llmock is not installed; it is in the extra 'dev'")

from llmock.pytest_plugin import LLMock  # noqa: E402
from llmock.scenarios import Delay, Fail, Match  # noqa: E402
from llmock.testing import LLMockServer  # noqa: E402

CHAT = Match(path="/v1/chat/completions")
"""The check before a run asks for the models, and is none of these tests' business."""


@pytest.fixture
def mock() -> Iterator[LLMock]:
    with LLMockServer() as server:
        yield LLMock(server)


def teachers(mock: LLMock, clock: Clock | None = None, **fields: Any) -> Teachers:
    model = Model(**{"model": "gpt-4o-mini", "base_url": mock.base_url(), **fields})
    return Teachers({"teacher": model}, clock=clock)


def ask(made: Teachers, texts: Sequence[str]) -> list[Completion]:
    async def all_of_them() -> list[Completion]:
        prompts = [Prompt((Message("user", text),)) for text in texts]
        return await asyncio.gather(*(made.complete(prompt, seed) for seed, prompt in enumerate(prompts)))

    return made.run(all_of_them())


def questions(count: int) -> list[str]:
    return [f"Name {number} rivers." for number in range(count)]


def outcomes(completions: Sequence[Completion]) -> Counter[str]:
    return Counter(completion.error or "answered" for completion in completions)


def wait_until(there: Callable[[], bool], asking: threading.Thread) -> None:
    tick = threading.Event()
    while not there():
        assert asking.is_alive()
        tick.wait(0.01)


def test_an_endpoint_without_faults_answers_everything_once(mock: LLMock) -> None:
    with teachers(mock) as made:
        made.check()
        completions = ask(made, questions(50))
    assert outcomes(completions) == {"answered": 50}
    assert all(completion.text and completion.completion_tokens for completion in completions)
    assert len([record for record in mock.requests if record.path == CHAT.path]) == 50
    mock.assert_resilient(strict=True)


def test_retry_after_is_obeyed_and_the_verdict_is_good(mock: LLMock) -> None:
    mock.add(Fail(429, retry_after=0.4, times=12, match=CHAT), Fail(503, retry_after=0.3, times=4, match=CHAT))
    with teachers(mock) as made:
        completions = ask(made, questions(40))
        assert made.live().retries == 16
    assert outcomes(completions) == {"answered": 40}
    verdict = mock.verdict()
    assert verdict.faults == 16
    verdict.assert_ok(strict=True)


def test_errors_of_every_kind_are_retried_or_not_as_they_should_be(mock: LLMock) -> None:
    passing = [Fail(status, times=2, retry_after=0.05, match=CHAT) for status in (408, 409, 429, 500, 502, 503, 504)]
    lasting = [Fail(status, times=3, match=CHAT) for status in (400, 422, 418)]
    mock.add(*passing, *lasting)
    with teachers(mock) as made:
        completions = ask(made, questions(60))
    assert outcomes(completions) == {"answered": 51, "refused_request": 9}
    verdict = mock.verdict()
    assert verdict.faults == 23
    verdict.assert_ok(strict=True)


def test_trouble_without_a_retry_after_is_backed_off_from(mock: LLMock) -> None:
    mock.add(Fail(418, times=1, match=CHAT), Fail(507, times=3, match=CHAT))
    with teachers(mock, max_attempts=4) as made:
        assert outcomes(ask(made, questions(3))) == {"refused_request": 1, "answered": 2}
    mock.assert_resilient(strict=True)


@pytest.mark.parametrize("quota", [{"rpm": 1200}, {"tpm": 20_000}], ids=["requests", "tokens"])
def test_a_quota_that_is_used_up_slows_down_and_loses_nothing(
    quota: dict[str, int], mock: LLMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = JumpingClock()
    for part in ("ratelimit", "middleware"):
        # The mock fills its buckets, and judges how long we waited, by the clock that we wait by.
        monkeypatch.setattr(f"llmock.{part}.time", SimpleNamespace(monotonic=clock.time))
    mock.limits(**quota)
    with teachers(mock, clock) as made:
        completions = ask(made, questions(1500))
    assert outcomes(completions).keys() == {"answered"}
    verdict = mock.verdict()
    assert any(record.fault and record.fault.startswith("ratelimit") for record in mock.requests)
    verdict.assert_ok()


def test_a_prompt_that_is_too_long_is_the_only_one_refused(mock: LLMock) -> None:
    mock.limits(context_window=200)
    with teachers(mock) as made:
        completions = ask(made, [*questions(20), "word " * 1000])
    assert outcomes(completions) == {"answered": 20, "refused_request": 1}
    assert completions[-1].error == "refused_request"
    mock.assert_resilient(strict=True)


def test_a_hang_is_given_up_and_asked_again(mock: LLMock) -> None:
    mock.add(Delay(1.5, times=3, match=CHAT))
    with teachers(mock, timeout=0.5) as made:
        assert outcomes(ask(made, questions(10))) == {"answered": 10}
        assert made.live().retries >= 3, "a busy machine may make it more"


def test_an_endpoint_that_comes_up_late_is_waited_for() -> None:
    with LLMockServer() as gone:
        port = gone.port
    model = Model(model="gpt-4o-mini", base_url=f"{gone.url}/v1", timeout=5)
    with Teachers({"teacher": model}) as made:
        answered: list[Completion] = []
        asking = threading.Thread(target=lambda: answered.extend(ask(made, questions(20))))
        asking.start()
        wait_until(lambda: any("is down" in state for state in made.live().models), asking)
        with LLMockServer(port=port) as server:
            asking.join()
            LLMock(server).assert_resilient(strict=True)
    assert outcomes(answered) == {"answered": 20}


def test_an_endpoint_that_goes_away_in_the_middle_and_comes_back_loses_no_request() -> None:
    server = LLMockServer().start()
    LLMock(server).delay(0.05, times=None)
    model = Model(model="gpt-4o-mini", base_url=server.base_url(), concurrency=4)
    with Teachers({"teacher": model}) as made:
        answered: list[Completion] = []
        asking = threading.Thread(target=lambda: answered.extend(ask(made, questions(60))))
        asking.start()
        wait_until(lambda: made.live().requests >= 10, asking)
        server.stop()
        wait_until(lambda: any("is down" in state for state in made.live().models), asking)
        with LLMockServer(port=server.port) as back:
            asking.join()
            LLMock(back).assert_resilient(strict=True)
    assert outcomes(answered) == {"answered": 60}


def test_its_structured_outputs_are_found_and_used(mock: LLMock) -> None:
    schema = {"type": "object", "properties": {"answer": {"type": "string", "enum": ["Yes", "No"]}}}
    prompt = Prompt((Message("user", "Is it?"),), shape=Shape("answer", schema, "Answer in JSON."))
    with teachers(mock) as made:
        completion = made.run(made.complete(prompt, 1))
        made.run(made.complete(prompt, 2))
    asked = [record for record in mock.requests if record.path == CHAT.path]
    assert len(asked) == 3
    assert all(record.body and "response_format" in record.body for record in asked)
    assert '"answer"' in completion.text
