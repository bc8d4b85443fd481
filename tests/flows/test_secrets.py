"""A planted key is sent to an endpoint that repeats it wherever it can, and is found in nothing that was written."""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import polars as pl
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.serving import Serving
from teachers.builtin.server import create_app, serving_app
from teachers.log import read_log
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import assert_sound

WriteRecipe = Callable[..., str]
CORE = "qzxplanted7f5c"
"""Stands in the key and nowhere else: found, it betrays the key, however the rest of it is spelt or cut."""
KEY = f"sk-{CORE}/{CORE}+{CORE}=="
ECHO = f"Authorization: Bearer {KEY}"
STAGES: list[dict[str, Any]] = [
    {"use": "self_instruct", "prompts_per_round": 3},
    {"use": "evol_instruct", "rounds": 1},
    {"use": "respond"},
    {"use": "heuristics"},
]
LOUD = {"OPENAI_LOG": "debug", "PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_LOGGING_ROOT_LEVEL": "DEBUG"}
TROUBLE: dict[int, tuple[int, bytes]] = {
    3: (400, json.dumps({"error": {"message": f"{'no ' * 90}{ECHO}", "code": KEY, "type": KEY}}).encode()),
    5: (429, json.dumps({"error": {"message": f"too fast, {KEY}"}}).encode()),
    7: (500, f"<html>{ECHO}</html>".encode()),
    9: (200, json.dumps({"error": {"message": ECHO, "request": {"headers": [ECHO]}}}).encode()),
    11: (200, f"{ECHO}: no JSON".encode()),
}
"""By the number of a request, of every twelve: what it is answered instead."""
REFUSED = 401, json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}}).encode()


class Mirror:
    """What an endpoint with a mirror does. Counts by kind what was really sent with the key in it."""

    def __init__(self, refuse_at: int = 0) -> None:
        self.refuse_at = refuse_at
        self.asked = 0
        self.sent: Counter[str] = Counter()

    def app(self, **serving: Any) -> Starlette:
        routes = create_app(serving=Serving(**serving)).routes
        return Starlette(routes=routes, middleware=[Middleware(Mirroring, mirror=self)])

    def instead(self, path: str) -> tuple[int, bytes] | None:
        """What is answered in place of the true answer, if anything."""
        if path.endswith("/batches") and not self.sent["batches 500"]:
            return 500, TROUBLE[7][1]
        if not path.endswith("/chat/completions"):
            return None
        self.asked += 1
        if self.refuse_at and self.asked >= self.refuse_at:
            return REFUSED
        return TROUBLE.get(self.asked % 12)

    def changed(self, path: str, body: bytes) -> bytes:
        """The true answer with the key in it, spelt as one encoder of JSON or another does."""
        if path.endswith("/content"):
            return b"\n".join(map(_changed_line, body.splitlines()))
        try:
            answer = json.loads(body)
        except ValueError:
            return body + ECHO.encode()
        _add_to(answer)
        text = json.dumps(answer)
        return (text.replace("/", "\\/") if self.asked % 2 else text).encode()


class Mirroring:
    """The middleware of a ``Mirror``."""

    def __init__(self, app: ASGIApp, mirror: Mirror) -> None:
        self.app = app
        self.mirror = mirror

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        instead = self.mirror.instead(path)
        if instead is not None:
            await self.answer(send, path, *instead)
            return
        status, body = 0, b""

        async def gather(message: Message) -> None:
            nonlocal status, body
            status = message.get("status", status)
            body += message.get("body", b"")
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await self.answer(send, path, status, self.mirror.changed(path, body))

        await self.app(scope, receive, gather)

    async def answer(self, send: Send, path: str, status: int, body: bytes) -> None:
        assert CORE.encode() in body or not body
        self.mirror.sent[f"{path.rpartition('/')[2]} {status}"] += 1
        names = (b"x-authorization", b"x-request-id", b"set-cookie", b"location")
        headers = [(name, ECHO.encode()) for name in names] + [(b"retry-after-ms", b"1")]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _changed_line(line: bytes) -> bytes:
    result = json.loads(line)
    _add_to(result["response"]["body"])
    # Every sixth or so fails, with the key in its words.
    if int(result["custom_id"][:4], 16) % 6 == 0:
        result["response"] = {"status_code": 400, "body": json.loads(TROUBLE[3][1])}
    return json.dumps({**result, "seen": ECHO}).encode()


def _add_to(answer: dict[str, Any]) -> None:
    answer.update(system_fingerprint=KEY, seen={"headers": {"authorization": f"Bearer {KEY}"}})
    if isinstance(answer.get("usage"), dict):
        answer["usage"]["key"] = KEY
    for choice in answer.get("choices", ()):
        choice["message"]["content"] += f"\nYou called me with {ECHO} and {KEY}."
        choice["message"]["reasoning_content"] = f"The key is {KEY}."


def texts(path: Path) -> Iterator[str]:
    """A file as it lies on the disk, and as those who know its format read it."""
    yield path.read_bytes().decode("latin-1")
    if path.name == "completions.log":
        yield from map(repr, read_log(path))
    elif path.suffix == ".parquet":
        yield from map(str, pl.read_parquet(path).iter_rows())
    elif path.suffix == ".db":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            yield from database.iterdump()


def assert_clean(folders: list[Path], told: list["CompletedProcess[str]"]) -> None:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    for path in files:
        for text in texts(path):
            assert CORE not in text, path
            assert "Bearer " not in text, path
    for done in told:
        assert CORE not in done.stdout + done.stderr
        assert "Bearer " not in done.stdout + done.stderr
    kinds = {path.suffix for path in files}
    assert {".log", ".parquet", ".json", ".md", ".db"} <= kinds, "something that a run writes was not searched"


def model(url: str, **fields: Any) -> dict[str, Any]:
    price = {"prompt": 1.0, "completion": 2.0}
    return {"teacher": {"model": "builtin", "base_url": url, "api_key_env": "PLANTED_KEY", "price": price, **fields}}


@pytest.fixture
def home(prefect_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Prefect's home, with its database; the key is in the environment."""
    monkeypatch.setitem(prefect_environment, "PLANTED_KEY", KEY)
    return Path(prefect_environment["PREFECT_HOME"])


def test_a_key_that_the_endpoint_repeats_is_in_nothing_that_a_run_writes_or_says(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, home: Path
) -> None:
    mirror = Mirror(refuse_at=40)
    with serving_app(mirror.app()) as url:
        models = model(url)
        refused = command("run", write_recipe(rows=12, models=models, stages=STAGES))
        assert refused.returncode == 2
        assert "refused the key in PLANTED_KEY" in refused.stderr
        mirror.refuse_at = 0
        limits = {"budget_requests": 300}
        stopped = command("run", write_recipe(rows=3000, models=models, stages=STAGES, limits=limits))
        assert "limits.budget_requests is spent" in stopped.stderr
        finished = command("run", write_recipe(rows=12, models=models, stages=STAGES))
        assert finished.returncode == 0, finished.stderr
    assert_sound(tmp_path / "datasets" / "tried" / "v2")
    assert_clean([tmp_path, home], [refused, stopped, finished, command("show", "tried")])
    assert_what_was_repeated_is_logged_without_the_key(tmp_path / "runs")
    for kind in ("models 200", *(f"completions {status}" for status in (200, 400, 401, 429, 500))):
        assert mirror.sent[kind], kind


def test_not_even_with_every_debug_log_on_and_a_server_of_its_own_does_a_run_tell_the_key(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, home: Path,
    monkeypatch: pytest.MonkeyPatch, prefect_environment: dict[str, str],
) -> None:  # fmt: skip
    monkeypatch.delitem(prefect_environment, "PREFECT_API_URL")
    monkeypatch.setitem(prefect_environment, "PREFECT_HOME", str(tmp_path / "prefect"))
    for variable, value in LOUD.items():
        monkeypatch.setitem(prefect_environment, variable, value)
    mirror = Mirror(refuse_at=40)
    with serving_app(mirror.app()) as url:
        recipe = write_recipe(rows=12, models=model(url), stages=STAGES)
        refused = command("run", recipe, "--debug")
        assert "refused the key in PLANTED_KEY" in refused.stderr
        assert "Traceback" in refused.stderr
        mirror.refuse_at = 0
        finished = command("run", recipe, "--debug")
        assert finished.returncode == 0, finished.stderr
    assert " - DEBUG] " in finished.stderr
    assert_clean([tmp_path], [refused, finished])
    assert_what_was_repeated_is_logged_without_the_key(tmp_path / "runs")


def test_a_key_that_the_batch_api_repeats_is_in_nothing_that_is_written(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path, home: Path
) -> None:
    mirror = Mirror()
    with serving_app(mirror.app()) as url:
        models = model(url, mode="batch", batch={"gather_seconds": 0.2, "poll_seconds": 0.1})
        limits = {"budget_requests": 60}
        stopped = command("run", write_recipe(rows=3000, models=models, stages=STAGES, limits=limits))
        assert "limits.budget_requests is spent" in stopped.stderr
        replies = list(tmp_path.rglob("batches/*/*.output.jsonl"))
        assert replies
        assert not any(CORE in text for path in replies for text in texts(path))
        finished = command("run", write_recipe(rows=6, models=models, stages=STAGES))
        assert finished.returncode == 0, finished.stderr
    assert_clean([tmp_path, home], [stopped, finished])
    assert_what_was_repeated_is_logged_without_the_key(tmp_path / "runs")
    for kind in ("files 200", "batches 200", "batches 500", "content 200"):
        assert mirror.sent[kind], kind


def assert_what_was_repeated_is_logged_without_the_key(runs: Path) -> None:
    """The key was there to be found: its surroundings are."""
    records = [record for path in runs.rglob("completions.log") for record in read_log(path)]
    assert any("You called me with Authorization: *** and ***." in record.completion.text for record in records)
    assert any(record.completion.reasoning == "The key is ***." for record in records)
    assert any("no Authorization: ***" in record.detail for record in records)
