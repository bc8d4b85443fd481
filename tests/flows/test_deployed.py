"""The flow that deployments run, as a worker calls it: with plain parameters, against a real server."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from flows.recipe_file import check_recipe, replaced
from flows.store import Store
from schemas.errors import RecipeError
from tests.flows.test_end_to_end import assert_sound

WriteRecipe = Callable[..., str]
STAGES = [{"use": "self_instruct", "prompts_per_round": 3}, {"use": "respond"}, {"use": "minhash"}]
CALL = """
import json, sys
from flows.deployed import deployed
state = deployed(**json.loads(sys.argv[1]), return_state=True)
print(json.dumps({"state": state.name, "message": state.message}))
"""
AGAIN = """
import json, sys
from prefect import get_client
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry
from flows.deployed import deployed
with get_client(sync_client=True) as client:
    client.set_flow_run_state(sys.argv[2], AwaitingRetry())
    flow_run = client.read_flow_run(sys.argv[2])
state = run_flow(deployed, flow_run=flow_run, parameters=json.loads(sys.argv[1]), return_type="state")
print(json.dumps({"state": state.name, "message": state.message}))
"""
"""What a worker does with a run that somebody retries in the UI."""
RECIPE = check_recipe(
    {
        "dataset": "d",
        "rows": 5,
        "models": {"teacher": {"model": "builtin"}},
        "stages": [{"use": "evol_instruct", "rounds": 2}, {"use": "minhash", "name": "near"}],
    },
    "test",
)


@contextmanager
def begun(
    folder: Path, environment: dict[str, str], retried: str | None = None, **parameters: Any
) -> "Iterator[subprocess.Popen[str]]":
    program = CALL if retried is None else AGAIN
    with subprocess.Popen(
        [sys.executable, "-c", program, json.dumps({"root": str(folder), **parameters}), retried or ""],
        env=environment | {"PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def ended(process: "subprocess.Popen[str]") -> tuple[dict[str, str], str]:
    """The final state, and what was logged."""
    out, log = process.communicate(timeout=200)
    assert out, log
    state: dict[str, str] = json.loads(out.splitlines()[-1])
    return state, log


def api(environment: dict[str, str], path: str, data: dict[str, Any]) -> Any:
    return httpx2.post(f"{environment['PREFECT_API_URL']}{path}", json=data).raise_for_status().json()


def test_parameters_replace_fields_of_the_recipe_and_each_run_adds_a_version(
    write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    recipe = str(tmp_path / write_recipe(stages=STAGES))
    for version in (1, 2):
        overrides = {"stages.self_instruct.prompts_per_round": 2}
        with begun(tmp_path, prefect_environment, recipe=recipe, dataset="formed", rows=12, overrides=overrides) as run:
            state, log = ended(run)
        assert state["state"] == "Completed", log
        manifest = assert_sound(tmp_path / "datasets" / "formed" / f"v{version}")
        assert (manifest.rows, manifest.recipe["stages"][0]["prompts_per_round"]) == (12, 2)
        name = {"flow_runs": {"name": {"any_": [f"formed · v{version}"]}}}
        (made_by,) = api(prefect_environment, "/flow_runs/filter", name)
        assert made_by["id"] == manifest.flow_run
        assert {"instructloom", "dataset:formed"} <= {*made_by["tags"]}
    assert manifest.earlier == [1]
    keys = {"artifacts": {"flow_run_id": {"any_": [manifest.flow_run]}}}
    shown = {each["key"]: each for each in api(prefect_environment, "/artifacts/filter", keys)}
    assert shown["formed-progress-respond"]["data"] == 100
    assert "**12 of 12 rows kept**" in shown["formed-live"]["data"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"recipe": "no-such"}, "no-such: no such recipe file"),
        ({"overrides": {"stages.respnd.model": "x"}}, "did you mean 'respond'?"),
        ({"budget_usd": 1.0}, "no model that the stages ask has a price"),
    ],
)
def test_bad_input_is_one_line_in_the_state_and_no_traceback(
    write_recipe: WriteRecipe,
    tmp_path: Path,
    prefect_environment: dict[str, str],
    parameters: dict[str, Any],
    message: str,
) -> None:
    recipe = str(tmp_path / write_recipe(stages=STAGES))
    with begun(tmp_path, prefect_environment, **{"recipe": recipe, **parameters}) as run:
        state, log = ended(run)
    assert state["state"] == "Failed"
    assert message in state["message"]
    assert "\n" not in state["message"]
    assert "Traceback" not in log
    assert not (tmp_path / "datasets").exists()


def test_a_failed_copy_is_made_up_for_by_a_retry_or_else_by_the_next_run(
    write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    stages, place = [{"use": "self_instruct", "prompts_per_round": 3}, {"use": "minhash"}], tmp_path / "place"
    recipe = str(tmp_path / write_recipe(stages=stages, rows=5, dataset="sent", output={"copy_to": str(place)}))
    versions, sent = tmp_path / "datasets" / "sent", place / "datasets" / "sent"

    def attempt(retried: str | None = None) -> tuple[str, str]:
        with begun(tmp_path, prefect_environment, retried, recipe=recipe) as run:
            state, log = ended(run)
        assert "Traceback" not in log
        return state["state"], log

    for version in (1, 2):
        place.write_text("in the way")
        state, log = attempt()
        assert (state, f"sent@{version} is published in" in log) == ("Failed", True), log
        place.unlink()
        made = assert_sound(versions / f"v{version}")
        if version == 1:
            assert attempt(retried=made.flow_run)[0] == "Completed"
            assert assert_sound(sent / "v1") == made
            assert not (versions / "v2").exists()
            shutil.rmtree(place)
            keys = {"artifacts": {"flow_run_id": {"any_": [made.flow_run]}, "key": {"any_": ["sent-report"]}}}
            assert api(prefect_environment, "/artifacts/filter", keys)
    state, log = attempt()
    assert state == "Completed", log
    assert "sent@2 was not copied by the run that made it; copying it now" in log
    assert sorted(path.name for path in sent.iterdir()) == ["v2", "v3"]


def test_a_run_waits_for_another_that_makes_the_same_dataset(
    write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    recipe = str(tmp_path / write_recipe(stages=STAGES, rows=5, dataset="held"))
    with begun(tmp_path, prefect_environment, recipe=recipe) as run:
        assert run.stderr is not None
        with Store(tmp_path / "runs" / "held").locked():
            heard = next(line for line in run.stderr if "another run is making this dataset; waiting for it" in line)
            assert not (tmp_path / "datasets").exists()
        state, log = ended(run)
    assert "INFO" in heard
    assert state["state"] == "Completed", log


def test_a_person_approves_with_fewer_rows_and_nothing_of_the_first_shard_is_asked_again(
    write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    recipe = str(tmp_path / write_recipe(stages=STAGES, rows=500, dataset="approved"))
    with begun(tmp_path, prefect_environment, recipe=recipe, approve=True) as run:
        assert run.stderr is not None
        estimate = next(line for line in run.stderr if "waiting for approval" in line)
        next(line for line in run.stderr if "Pausing flow" in line)
        name = {"flow_runs": {"name": {"any_": ["approved · v1"]}, "state": {"type": {"any_": ["PAUSED"]}}}}
        (paused,) = until(lambda: api(prefect_environment, "/flow_runs/filter", name))
        assert not (tmp_path / "datasets").exists()
        until(lambda: approved(prefect_environment, paused["id"], rows=7))
        state, log = ended(run)
    assert "Estimate for 500 rows" in estimate
    assert state["state"] == "Completed", log
    manifest = assert_sound(tmp_path / "datasets" / "approved" / "v1")
    assert (manifest.rows, manifest.rows_requested, manifest.rounds) == (7, 7, 1)


def test_an_answer_outlives_a_crash_and_a_question_that_ended_unanswered_is_asked_anew(
    write_recipe: WriteRecipe, tmp_path: Path, prefect_environment: dict[str, str]
) -> None:
    recipe = str(tmp_path / write_recipe(stages=STAGES, rows=500, dataset="retried"))
    name = {"flow_runs": {"name": {"any_": ["retried · v1"]}, "state": {"type": {"any_": ["PAUSED"]}}}}
    set_state = {"state": {"type": "CRASHED", "name": "Crashed"}, "force": True}

    def asked(run: "subprocess.Popen[str]") -> str:
        assert run.stderr is not None
        next(line for line in run.stderr if "waiting for approval" in line)
        (paused,) = until(lambda: api(prefect_environment, "/flow_runs/filter", name))
        return str(paused["id"])

    with begun(tmp_path, prefect_environment, recipe=recipe, approve=True) as run:
        key = asked(run)
        run.kill()
    api(prefect_environment, f"/flow_runs/{key}/set_state", set_state)
    with begun(tmp_path, prefect_environment, key, recipe=recipe, approve=True) as run:
        assert asked(run) == key
        until(lambda: approved(prefect_environment, key, rows=60))
        assert run.stderr is not None
        next(line for line in run.stderr if "approved with {'rows': 60}" in line)
        run.kill()
    api(prefect_environment, f"/flow_runs/{key}/set_state", set_state)
    with begun(tmp_path, prefect_environment, key, recipe=recipe, approve=True) as run:
        state, log = ended(run)
    assert state["state"] == "Completed", log
    assert "waiting for approval" not in log
    assert assert_sound(tmp_path / "datasets" / "retried" / "v1").rows_requested == 60


def approved(environment: dict[str, str], flow_run: str, rows: int) -> bool:
    """Whether the paused run took the answer; it does not before its form has come, just after it has paused."""
    given = {"run_input": {"rows": rows, "temperature": None}}
    return bool(api(environment, f"/flow_runs/{flow_run}/resume", given)["status"] == "ACCEPT")


def until(look: Callable[[], Any]) -> Any:
    """What ``look`` sees, once it sees something; the test's own time limit ends it."""
    while not (seen := look()):
        pass
    return seen


def test_fields_are_replaced_by_path_by_place_and_by_label() -> None:
    fields = {"models.teacher.temperature": 0.5, "stages.evol_instruct.rounds": 3, "stages.1.jaccard": 0.8, "rows": 9}
    recipe = replaced(RECIPE, fields)
    assert recipe.models["teacher"].temperature == 0.5
    assert recipe.stages[0].model_dump()["rounds"] == 3
    assert recipe.stages[1].model_dump()["jaccard"] == 0.8
    assert recipe.rows == 9
    assert replaced(RECIPE, {"stages.near.jaccard": 0.8}).stages[1].model_dump()["jaccard"] == 0.8
    assert replaced(RECIPE, {}) == RECIPE


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("modles.teacher.model", "there is no 'modles'; did you mean 'models'?"),
        ("models.teacher.temprature", "did you mean 'temperature'?"),
        ("stages.near2.jaccard", "did you mean 'near'?"),
        ("rows.much", "'rows' has no fields"),
        ("stages.0", "'stages' has no fields"),
        ("", "unknown key"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path: str, told: str) -> None:
    with pytest.raises(RecipeError, match=f"^overrides: .*{told.replace('?', '[?]')}"):
        replaced(RECIPE, {path: 1})
