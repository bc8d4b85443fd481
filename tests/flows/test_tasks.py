"""What Prefect sees of a run: a task a stage and span of shards, and the same bytes as without tasks."""

import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from benchmarks.prefect_cost import plain
from flows import work
from flows.plan import Plan
from flows.recipe_file import check_recipe
from flows.run import open_run
from flows.tasks import Line
from tests.flows.conftest import Command
from tests.flows.test_end_to_end import WriteRecipe, shards

PATIENCE = 60.0
STAGES = [{"use": "respond"}, {"use": "minhash"}]
# A seed a shard: enough shards for spans of several.
SEEDS = {"path": "builtin:en", "shard_rows": 1}
PLACE = re.compile(r"(?P<stage>\w+) · shards? (?P<first>[\d,]+)(?:–(?P<last>[\d,]+))?(?:/(?P<total>~?[\d,]+))?")


def ask(environment: dict[str, str], what: str, question: dict[str, Any]) -> list[dict[str, Any]]:
    request = urllib.request.Request(
        f"{environment['PREFECT_API_URL']}/{what}/filter",
        json.dumps(question).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as reply:
        found: list[dict[str, Any]] = json.load(reply)
    return found


def tasks_of(environment: dict[str, str], dataset: str) -> list[dict[str, Any]]:
    """The task runs of the flow run that made ``dataset``, as many as the server knows."""
    newest = ask(environment, "flow_runs", {"sort": "START_TIME_DESC"})
    flow_run = next(each for each in newest if each["parameters"]["recipe"]["dataset"] == dataset)
    which = {"flow_runs": {"id": {"any_": [flow_run["id"]]}}, "limit": 200}
    return [task for offset in range(0, 600, 200) for task in ask(environment, "task_runs", which | {"offset": offset})]


def spans_by_stage(tasks: list[dict[str, Any]]) -> dict[str, list[tuple[int, int]]]:
    """First and last shard of each completed task, read from its name."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for task in tasks:
        match = PLACE.fullmatch(task["name"])
        assert match, task["name"]
        if task["state_type"] == "COMPLETED":
            first = int(match["first"])
            spans.setdefault(match["stage"], []).append((first, int(match["last"] or first)))
    return {stage: sorted(of_stage) for stage, of_stage in spans.items()}


def test_tasks_tell_where_they_are_and_change_no_byte(
    command: Command, write_recipe: WriteRecipe, prefect_environment: dict[str, str], tmp_path: Path
) -> None:
    recipe = write_recipe(dataset="many", rows=85, seeds=SEEDS, stages=STAGES)
    done = command("run", recipe)
    assert done.returncode == 0, done.stderr
    checked = check_recipe(yaml.safe_load((tmp_path / recipe).read_text(encoding="utf-8")), "test")
    run = open_run(checked, tmp_path / "plain")
    try:
        run.prepare()
        rounds = plain.make(run).rounds
    finally:
        run.close()
    assert shards(tmp_path / "datasets/many/v1") == shards(tmp_path / "plain/datasets/many/v1")

    def all_told(spans: dict[str, list[tuple[int, int]]]) -> bool:
        """The server hears of the tasks a little later."""
        of_stages = [spans.get(stage, []) for stage in ("seeds", "respond", "minhash")]
        told = [shard for first, last in of_stages[0] for shard in range(first, last + 1)]
        whole = len(told) >= rounds and told == list(range(1, len(told) + 1))
        return whole and all(each == of_stages[0] for each in of_stages)

    ends = time.monotonic() + PATIENCE
    while not all_told(spans := spans_by_stage(tasks := tasks_of(prefect_environment, "many"))):
        assert time.monotonic() < ends, spans
    assert spans["respond"][0] == (1, 1)
    assert any(last > first for first, last in spans["respond"])
    # All but the first of the source depend on one before.
    depend = [task for task in tasks if any(task["task_inputs"].get(name) for name in ("upstream", "before"))]
    assert len(depend) == len(tasks) - 1


def test_a_run_that_goes_on_has_no_tasks_for_what_is_done(tmp_path: Path) -> None:
    recipe = {"dataset": "again", "rows": 5, "seeds": SEEDS, "stages": STAGES}
    run = open_run(check_recipe(recipe, "test"), tmp_path)
    try:
        run.prepare()
        made = plain.make(run)
    finally:
        run.close()
    again = open_run(check_recipe(recipe | {"rows": 50}, "test"), tmp_path)
    try:
        # Outside a flow run a task could not be submitted.
        line = Line(again, Plan(50, again.recipe.limits, work.source_shards(again)))
        known = [line.send(shard) for shard in range(made.rounds)]
        assert sum(outcomes[-1].result(0).rows_out for outcomes in known) == 5
        line.join()
    finally:
        again.close()
