import asyncio
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from schemas.errors import EndpointError
from schemas.exchange import Completion, Message, Prompt
from schemas.faults import Faults
from schemas.manifest import Usage
from schemas.recipe import Model, Price
from teachers.asker import Asker
from teachers.builtin.endpoint import Endpoint, Said
from teachers.builtin.transport import InProcess
from teachers.client import Teachers
from teachers.log import CompletionLog, read_log
from tests.teachers.clock import JumpingClock

MODEL = Model(model="builtin", price=Price(prompt=1.0, completion=1.0), max_attempts=3)


def echo(messages: Any, *, seed: int, **_: Any) -> Said:
    return Said(f"{messages[-1]['content']}, seed {seed}")


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


class Run:
    """One attempt at a shard of a few prompts, on an endpoint that counts what it is asked."""

    def __init__(self, path: Path, faults: Faults | None = None, **model: Any) -> None:
        self.path = path
        self.usage = Usage()
        self.endpoint = Endpoint(faults, echo)
        self.model = MODEL.model_copy(update=model)

    def ask(self, *texts: str) -> list[Completion]:
        transports = {"teacher": InProcess(self.endpoint, no_sleep)}
        with (
            Teachers({"teacher": self.model}, transports=transports, clock=JumpingClock()) as teachers,
            CompletionLog.open(self.path) as log,
        ):
            asker = Asker(teachers, log, self.usage)

            async def all_of_them() -> list[Completion]:
                prompts = [Prompt((Message("user", text),)) for text in texts]
                return await asyncio.gather(
                    *(asker.ask(text, prompt, 1) for text, prompt in zip(texts, prompts, strict=True))
                )

            return teachers.run(all_of_them())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "completions.log"


def test_what_is_asked_is_logged_with_its_request(path: Path) -> None:
    (completion,) = Run(path).ask("hello")
    (record,) = read_log(path)
    assert completion.text == "hello, seed 1"
    assert (record.key, record.completion) == ("hello", completion)
    assert record.payload["messages"] == [{"role": "user", "content": "hello"}]


def test_a_second_attempt_asks_only_what_is_new(path: Path) -> None:
    first = Run(path).ask("a", "b")
    again = Run(path)
    assert again.ask("a", "b", "c")[:2] == first
    assert again.endpoint.served == 1
    assert (again.usage.requests, again.usage.replayed) == (1, 2)


def test_a_replay_asks_nothing(path: Path) -> None:
    Run(path).ask("a", "b")
    log = path.read_bytes()
    again = Run(path)
    again.ask("a", "b")
    assert (again.endpoint.served, again.usage.requests, again.usage.retries) == (0, 0, 0)
    assert path.read_bytes() == log


def test_another_request_under_the_same_key_is_asked(path: Path) -> None:
    Run(path).ask("a")
    again = Run(path, temperature=0.5)
    again.ask("a")
    assert (again.usage.requests, again.usage.replayed) == (1, 0)


def test_a_resumed_shard_counts_the_same_tokens_and_cost(path: Path, tmp_path: Path) -> None:
    straight, before, after = Run(tmp_path / "straight.log"), Run(path), Run(path)
    straight.ask("a", "b")
    before.ask("a")
    after.ask("a", "b")
    for field in ("prompt_tokens", "completion_tokens", "cost", "failed"):
        assert getattr(after.usage, field) == getattr(straight.usage, field)
    assert straight.usage.cost > 0


def test_retries_and_failures_are_counted(path: Path) -> None:
    run = Run(path, Faults(server_error=1.0))
    (completion,) = run.ask("a")
    assert completion.error == "server_error"
    assert (run.usage.requests, run.usage.retries, run.usage.failed) == (1, 2, 1)


def test_a_failure_is_logged_and_asked_again_where_the_endpoint_may_have_been_mended(path: Path) -> None:
    Run(path, Faults(server_error=1.0)).ask("a")
    assert [record.completion.error for record in read_log(path)] == ["server_error"]
    mended = Run(path)
    assert mended.ask("a")[0].error is None
    assert mended.usage.replayed == 0


def test_what_stops_the_run_is_not_logged(path: Path) -> None:
    with pytest.raises(EndpointError):
        Run(path, model="gpt-nope", base_url="http://builtin/v1").ask("a")
    assert list(read_log(path)) == []


def test_a_completion_is_durable_before_it_is_returned(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    append = CompletionLog.append

    async def watched(log: CompletionLog, key: str, *rest: Any) -> None:
        await append(log, key, *rest)
        seen.append([record.key for record in read_log(path)])

    monkeypatch.setattr(CompletionLog, "append", watched)
    Run(path).ask("a")
    assert seen == [["a"]]


def test_killed_at_any_point_the_log_ends_with_the_same_completions(path: Path, tmp_path: Path) -> None:
    texts = [f"t{number}" for number in range(12)]
    faults = Faults(rate_limit=0.2, disconnect=0.2, truncated=0.3, refusal=0.2)
    straight = Run(tmp_path / "straight.log", faults, max_attempts=20).ask(*texts)
    Run(path, faults, max_attempts=20).ask(*texts[:5])
    content = path.read_bytes()
    for size in range(0, len(content), 97):
        path.write_bytes(content[:size])
        assert Run(path, faults, max_attempts=20).ask(*texts) == straight


def test_the_key_is_in_no_log(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", "sk-planted-5f2c9e71")

    async def refuse(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["authorization"] == "Bearer sk-planted-5f2c9e71"
        return httpx2.Response(400, json={"error": {"message": "bad sk-planted-5f2c9e71"}}, request=request)

    model = Model(model="m", base_url="http://endpoint.invalid/v1", api_key_env="PLANTED_KEY")
    transports = {"teacher": httpx2.MockTransport(refuse)}
    with Teachers({"teacher": model}, transports=transports) as teachers, CompletionLog.open(path) as log:
        teachers.run(Asker(teachers, log, Usage()).ask("a", Prompt((Message("user", "hello"),)), 1))
    (record,) = read_log(path)
    assert record.detail == "bad ***"
    assert "sk-planted" not in json.dumps([record.payload, record.completion.text, record.key])
