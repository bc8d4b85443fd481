"""Replies of a fixed form through the command line: used where the endpoint keeps to schemas, text where it does not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.faults import Faults
from teachers.builtin.server import create_app, serving_app
from teachers.log import Record, read_log
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import assert_sound

WriteRecipe = Callable[..., str]
STAGES: list[dict[str, Any]] = [
    {"use": "self_instruct", "prompts_per_round": 3},
    {"use": "evol_instruct", "rounds": 1},
    {"use": "topic_guided", "share": 0.5},
    {"use": "respond"},
]


class Watch:
    """Counts the requests that ask for a JSON schema, by the schema's name."""

    def __init__(self, app: ASGIApp, seen: list[str]) -> None:
        self.app = app
        self.seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""

        async def read() -> Message:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            if body and not message.get("more_body"):
                wanted = json.loads(body).get("response_format")
                self.seen += [wanted["json_schema"]["name"]] if wanted else []
                body = b""
            return message

        await self.app(scope, read, send)


def watched(structured: str, seen: list[str]) -> Starlette:
    routes = create_app(Faults.model_validate({"structured": structured})).routes
    return Starlette(routes=routes, middleware=[Middleware(Watch, seen=seen)])


def run_with_a_break(url: str, command: Command, write_recipe: WriteRecipe, tmp_path: Path) -> list[Record]:
    """Makes a dataset in two goes, the first of which a budget ends in the middle; gives what was logged."""
    models = {"teacher": {"model": "builtin", "base_url": url}}
    broken = command("run", write_recipe(rows=20, models=models, stages=STAGES, limits={"budget_requests": 30}))
    assert broken.returncode == 1
    assert "limits.budget_requests is spent" in broken.stderr
    done = command("run", write_recipe(rows=20, models=models, stages=STAGES))
    assert done.returncode == 0, done.stderr
    last = max((tmp_path / "datasets" / "tried").iterdir())
    assert assert_sound(last).complete
    return [record for path in (tmp_path / "runs").rglob("completions.log") for record in read_log(path)]


def test_where_schemas_are_kept_to_replies_come_in_json_and_are_used(
    command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    seen: list[str] = []
    with serving_app(watched("honour", seen)) as url:
        logged = run_with_a_break(url, command, write_recipe, tmp_path)
    assert seen.count("probe") == 1
    shaped = [record for record in logged if "response_format" in record.payload]
    assert len(shaped) == len(seen) - 1, "every shaped request is in the log once, and the probe is not"
    assert len({record.payload["response_format"]["json_schema"]["name"] for record in shaped}) >= 3
    assert all(json.loads(record.completion.text) for record in shaped)
    manifest = assert_sound(max((tmp_path / "datasets" / "tried").iterdir()))
    for stage in ("self_instruct", "evol_instruct", "topic_guided"):
        assert next(counts.created for counts in manifest.funnel if counts.stage == stage), stage


@pytest.mark.parametrize(("structured", "found", "probes"), [("ignore", "ignored", 1), ("error", "refused", 2)])
def test_where_they_are_not_text_is_asked_for_once_that_is_known_in_the_life_of_a_run(
    structured: str, found: str, probes: int, command: Command, write_recipe: WriteRecipe, tmp_path: Path
) -> None:
    seen: list[str] = []
    with serving_app(watched(structured, seen)) as url:
        logged = run_with_a_break(url, command, write_recipe, tmp_path)
    assert seen == ["probe"] * probes, "an error may be chance, and is asked for once more"
    assert logged
    assert not any("response_format" in record.payload for record in logged)
    (kept,) = (tmp_path / "runs").glob("*/endpoints/*.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["schemas"] == found
