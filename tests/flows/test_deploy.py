"""``instructloom deploy``: a recipe becomes a deployment with a form, a schedule, and one run at a time."""

import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Pending
from prefect.workers.process import ProcessWorker

from tests.flows.upped import Upped, until

RECIPE: dict[str, Any] = {
    "dataset": "nightly",
    "rows": 25,
    "seed": 5,
    "models": {"teacher": {"model": "builtin", "price": {"completion": 0.1}}},
    "stages": [
        {"use": "self_instruct", "prompts_per_round": 3},
        {"use": "respond"},
        {"use": "heuristics"},
        {"use": "minhash"},
    ],
}


def recipe(folder: Path, **changes: Any) -> str:
    (folder / "recipe.yaml").write_text(yaml.safe_dump(RECIPE | changes), encoding="utf-8")
    return "recipe.yaml"


def deployed(upped: Upped, folder: Path, *options: str, **changes: Any) -> str:
    done = upped.call("deploy", recipe(folder, **changes), *options, folder=folder)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


@pytest.fixture
def idle(upped: Upped) -> str:
    """A work pool that no worker polls."""
    with upped.client() as client:
        if "idle" not in {pool.name for pool in client.read_work_pools(limit=200)}:
            template = ProcessWorker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name="idle", type="process", base_job_template=template))
    return "idle"


def test_the_form_has_a_type_a_description_and_a_default_for_each_parameter(
    upped: Upped, idle: str, tmp_path: Path
) -> None:
    deployed(upped, tmp_path, "--pool", idle, "--name", "form")
    schema = upped.deployment("form").parameter_openapi_schema
    fields: dict[str, dict[str, Any]] = schema["properties"]
    assert list(fields) == [
        "recipe", "root", "dataset", "rows", "seed", "concurrency", "budget_usd", "budget_tokens", "budget_requests",
        "runner", "overrides", "add", "approve",
    ]  # fmt: skip
    assert [field["position"] for field in fields.values()] == list(range(13))
    assert all(field["description"] and ("type" in field or "anyOf" in field) for field in fields.values())
    assert schema["required"] == ["recipe"]
    assert all("default" in field for name, field in fields.items() if name != "recipe")
    assert {"type": "integer", "minimum": 1} in fields["rows"]["anyOf"]
    assert {"type": "string", "enum": ["local", "ray"]} in fields["runner"]["anyOf"]
    assert fields["overrides"]["type"] == "object"
    assert fields["approve"]["type"] == "boolean"


def test_a_deployment_is_what_the_options_say_and_a_second_deploy_replaces_it(
    upped: Upped, idle: str, tmp_path: Path
) -> None:
    night = ["--cron", "0 2 * * *", "--timezone", "Europe/Berlin"]
    told = deployed(
        upped, tmp_path, "--pool", idle, *night, "--rows", "12", "--set", "models.teacher.temperature=0.9",
        "--set", "stages.heuristics.name=tidy", "--budget-usd", "2.5", "--overlap", "wait",
    )  # fmt: skip
    first = upped.deployment("nightly")
    assert f"{upped.api.removesuffix('/api')}/deployments/deployment/{first.id}" in told
    assert "daily at 02:00 (Europe/Berlin); next: " in told
    assert "none polls pool 'idle' now; start one: instructloom up --pool idle" in told
    assert first.entrypoint == "flows.deployed.deployed"
    assert first.work_pool_name == idle
    assert first.tags == ["instructloom", "dataset:nightly"]
    assert first.parameters == {
        "recipe": str(tmp_path / "recipe.yaml"),
        "root": str(tmp_path),
        "dataset": "nightly",
        "rows": 12,
        "seed": 5,
        "runner": "local",
        "budget_usd": 2.5,
        "overrides": {"models.teacher.temperature": 0.9, "stages.heuristics.name": "tidy"},
    }
    assert "Makes **12 rows** of dataset `nightly`" in first.description
    assert "self_instruct → self_instruct.instances → respond → tidy" in first.description
    assert first.global_concurrency_limit.limit == 1
    assert first.concurrency_options.collision_strategy.value == "ENQUEUE"
    assert first.job_variables["working_dir"] == str(tmp_path)
    (schedule,) = first.schedules
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 2 * * *", "Europe/Berlin")

    told = deployed(upped, tmp_path, "--pool", idle, "--paused")
    second = upped.deployment("nightly")
    assert second.id == first.id
    assert second.version != first.version
    assert second.paused
    assert set(second.parameters) == {"recipe", "root", "dataset", "rows", "seed", "runner"}
    assert second.parameters["rows"] == 25
    assert second.concurrency_options.collision_strategy.value == "CANCEL_NEW"
    assert [each.schedule.cron for each in second.schedules] == ["0 2 * * *"]
    assert "daily at 02:00 (Europe/Berlin), as before" in told
    assert "Changed     budget_usd: 2.5 → not given" in told
    assert "Changed     rows: 12 → 25" in told
    assert "paused; go on: instructloom schedule resume nightly" in told

    told = deployed(upped, tmp_path, "--pool", idle, "--every", "1h30m", "--active", "--timezone", "Asia/Tokyo")
    assert "Changed     time zone: Europe/Berlin → Asia/Tokyo; --timezone sets it" in told
    third = upped.deployment("nightly")
    assert [each.schedule.interval.total_seconds() for each in third.schedules] == [5400]
    assert not third.paused
    assert third.version == second.version
    deployed(upped, tmp_path, "--pool", idle, "--no-schedule")
    assert upped.deployment("nightly").schedules == []


def test_the_server_makes_runs_of_a_schedule(upped: Upped, idle: str, tmp_path: Path) -> None:
    deployed(upped, tmp_path, "--pool", idle, "--name", "often", "--cron", "*/10 * * * *")
    wanted = DeploymentFilter.model_validate({"id": {"any_": [upped.deployment("often").id]}})

    def scheduled() -> list[Any]:
        with upped.client() as client:
            return client.read_flow_runs(deployment_filter=wanted, limit=5, sort=FlowRunSort.EXPECTED_START_TIME_ASC)

    runs = until(scheduled, "a scheduled run")
    assert all(run.auto_scheduled and run.expected_start_time.minute % 10 == 0 for run in runs)


@pytest.mark.parametrize(("overlap", "state"), [("wait", "AwaitingConcurrencySlot"), ("skip", "Cancelled")])
def test_a_run_that_comes_while_another_is_under_way_waits_or_is_skipped(
    upped: Upped, idle: str, tmp_path: Path, overlap: str, state: str
) -> None:
    deployed(upped, tmp_path, "--pool", idle, "--name", overlap, "--overlap", overlap)
    key = upped.deployment(overlap).id
    with upped.client() as client:
        first, second = (client.create_flow_run_from_deployment(key).id for _ in range(2))
        # What a worker does before it starts one.
        client.set_flow_run_state(first, Pending())
        client.set_flow_run_state(second, Pending())
    assert upped.run(first).state_name == "Pending"
    assert upped.run(second).state_name == state


def test_a_key_that_is_not_here_is_said(upped: Upped, idle: str, tmp_path: Path) -> None:
    model = {"model": "some", "base_url": "http://127.0.0.1:9/v1", "api_key_env": "NOT_SET_ANYWHERE"}
    told = deployed(upped, tmp_path, "--pool", idle, "--name", "key", models={"teacher": model})
    assert "NOT_SET_ANYWHERE is not set here; the worker needs it" in told


@pytest.mark.parametrize(
    ("options", "changes", "said"),
    [
        (["--cron", "61 2 * * *"], {}, 'error: --cron: Invalid cron string: "61 2 * * *"'),
        (["--pool", ""], {}, "error: --pool '': a work pool's name is not empty"),
        (["--root", "recipe.yaml"], {}, "recipe.yaml: this is a file; give a folder"),
        (["--pool", "none"], {}, "error: --pool none: no such work pool, there are "),
        (["--set", "stages.nope.rounds=2"], {}, "there is no 'nope'"),
        ([], {"rows": 0}, "recipe.yaml: rows: 0:"),
        (["--name", "a/b"], {}, "error: --name a/b"),
        ([], {"stages": [{"use": "respond"}]}, "stages: none of them compares rows with those of earlier versions"),
    ],
)
def test_what_cannot_be_deployed_is_one_line(
    upped: Upped, tmp_path: Path, options: list[str], changes: dict[str, Any], said: str
) -> None:
    done = upped.call("deploy", recipe(tmp_path, **changes), *options, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_that_would_hide_our_modules_is_refused(upped: Upped, tmp_path: Path) -> None:
    (tmp_path / "filters.py").touch()
    done = upped.call("deploy", recipe(tmp_path), folder=tmp_path, PYTHONSAFEPATH="1")
    assert done.returncode == 2
    assert "filters.py would hide our own 'filters' from the runs; deploy from another folder" in done.stderr


def test_without_a_server_it_says_how_to_start_one(upped: Upped, tmp_path: Path) -> None:
    done = upped.call("deploy", recipe(tmp_path), folder=tmp_path, PREFECT_API_URL="")
    assert done.returncode == 1
    assert done.stderr.startswith("error: no Prefect server answers at 127.0.0.1:1; start one with `instructloom up`")


def test_a_folder_in_the_place_of_the_file_or_no_recipe_is_one_line(upped: Upped, tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").mkdir()
    done = upped.call("deploy", recipe(tmp_path), "--write-yaml", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("prefect.yaml: cannot be read (Is a directory); mend or move it")
    done = upped.call("deploy", "", folder=tmp_path)
    assert (done.returncode, done.stderr.partition(";")[0]) == (2, "error: the recipe's name is empty")


def test_prefect_deploy_makes_the_same_of_the_file_that_is_written(upped: Upped, idle: str, tmp_path: Path) -> None:
    (tmp_path / "prefect.yaml").write_text("# mine\nname: other\ndeployments:\n- name: theirs\n  entrypoint: a.py:b\n")
    options = ["--pool", idle, "--name", "by-file", "--every", "2h", "--timezone", "Asia/Tokyo", "--rows", "7"]
    written = upped.call("deploy", recipe(tmp_path), *options, "--write-yaml", folder=tmp_path, PREFECT_API_URL="")
    assert written.returncode == 0, written.stderr
    assert "Next: prefect deploy -n by-file" in written.stdout
    upped.call("deploy", recipe(tmp_path), *options, "--write-yaml", folder=tmp_path, PREFECT_API_URL="")
    text = (tmp_path / "prefect.yaml").read_text()
    assert text.startswith("# mine")
    assert [entry["name"] for entry in yaml.safe_load(text)["deployments"]] == ["theirs", "by-file"]

    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "-n", "by-file"],
        env=upped.environment | {"PREFECT_API_URL": upped.api},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    theirs = upped.deployment("by-file").model_dump()
    deployed(upped, tmp_path, *options)
    ours = upped.deployment("by-file").model_dump()
    for fields in (theirs, ours):
        for varying in ("updated", "updated_by", "created_by", "schedules", "version_id", "last_polled", "status"):
            fields.pop(varying, None)
    assert theirs == ours


def test_a_run_uses_a_server_that_answers_at_the_default_address_and_tells_where_it_is(
    upped: Upped, tmp_path: Path
) -> None:
    port = upped.api.rpartition(":")[2].removesuffix("/api")
    done = upped.call(
        "run", recipe(tmp_path, rows=5), folder=tmp_path, PREFECT_API_URL="", PREFECT_SERVER_API_PORT=port
    )
    assert done.returncode == 0, done.stderr
    link = done.stdout.strip().splitlines()[-1]
    start = f"In Prefect:   {upped.api.removesuffix('/api')}/runs/flow-run/"
    assert link.startswith(start)
    assert upped.run(UUID(link.removeprefix(start))).state_name == "Completed"
