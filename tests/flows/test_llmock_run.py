"""A whole run against ``llmock``, a mock that we did not write: faults on the way, and its verdict at the end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.conftest import Command
from tests.flows.test_end_to_end import assert_sound

pytest.importorskip("llmock", reason="llmock is not installed; it is in the extra 'dev'")

from llmock.scenarios import Fail, Match
from llmock.testing import LLMockServer
from llmock.verdict import judge


def test_a_run_through_429s_outages_and_refusals_ends_with_its_rows_and_a_good_verdict(
    command: Command, write_recipe: Callable[..., str], tmp_path: Path
) -> None:
    seeds = [{"instruction": f"Name {number} rivers.", "output": f"Here are {number}."} for number in range(30)]
    (tmp_path / "seeds.jsonl").write_text("\n".join(map(json.dumps, seeds)), encoding="utf-8")
    chat = Match(path="/v1/chat/completions")
    with LLMockServer() as server:
        model = {"model": "gpt-4o-mini", "base_url": server.base_url()}
        server.state.scenarios.add(
            Fail(429, retry_after=0.3, times=8, match=chat),
            Fail(503, retry_after=0.1, times=4, match=chat),
            Fail(500, retry_after=0.1, times=2, match=chat),
            Fail(400, times=2, match=chat),
        )
        recipe = write_recipe(
            rows=25,
            seeds={"path": "seeds.jsonl"},
            models={"teacher": model},
            stages=[{"use": "evol_instruct", "rounds": 1}, {"use": "respond"}],
        )
        done = command("run", recipe)
        verdict = judge(server.state.journal.records(wait=2.0))
    assert done.returncode == 0, done.stderr
    manifest = assert_sound(tmp_path / "datasets" / "tried" / "v1")
    assert manifest.complete
    assert verdict.faults == 16
    assert sum(usage.retries for usage in manifest.usage.values()) > 0
    assert {reason for counts in manifest.funnel for reason in counts.reasons} >= {"refused_request"}
    verdict.assert_ok(strict=True)
