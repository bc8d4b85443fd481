"""``instructloom schedule``: our deployments listed, paused, resumed, started and removed."""

from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from prefect.states import Cancelled, Running

from tests.flows.test_deploy import deployed
from tests.flows.upped import Upped


@pytest.fixture(scope="module")
def folder(upped: Upped, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a deployment ``weekly`` of its recipe."""
    made = tmp_path_factory.mktemp("weekly")
    cron = ["--cron", "30 4 * * 1", "--timezone", "Asia/Tokyo", "--set", "models.teacher.temperature=0.9"]
    deployed(upped, made, "--name", "weekly", *cron, dataset="week")
    return made


def line_of(upped: Upped, name: str) -> str:
    listed = upped.call("schedule", "ls")
    assert listed.returncode == 0, listed.stderr
    (line,) = [line for line in listed.stdout.splitlines() if line.split()[:1] == [name]]
    return " ".join(line.split())


def test_a_run_started_with_other_parameters_makes_a_version_that_the_list_shows(upped: Upped, folder: Path) -> None:
    before = line_of(upped, "weekly")
    assert before.startswith("weekly week Mondays at 04:30 Asia/Tokyo Mon ")
    assert before.endswith("never active")
    done = upped.call("schedule", "run", "weekly", "--rows", "9", "--set", "stages.respond.name=answers")
    assert done.returncode == 0, done.stderr
    run = upped.await_state(UUID(done.stdout.strip().rpartition("/")[2]), "Completed")
    assert " is in line: " in done.stdout
    assert run.name == "week · v1"
    assert run.parameters["rows"] == 9
    assert run.parameters["overrides"] == {"models.teacher.temperature": 0.9, "stages.respond.name": "answers"}
    assert set(run.tags) >= {"instructloom", "dataset:week"}
    assert pl.read_parquet(folder / "datasets" / "week" / "v1" / "data" / "*.parquet").height == 9
    after = line_of(upped, "weekly")
    assert " Completed, " in after
    assert after.endswith(" v1, 9 rows active")


def test_a_schedule_is_paused_and_goes_on(upped: Upped, folder: Path) -> None:
    done = upped.call("schedule", "pause", "weekly")
    assert done.stdout.strip() == "weekly is paused; runs under way go on."
    assert upped.deployment("weekly").paused
    assert line_of(upped, "weekly").endswith(" paused")
    done = upped.call("schedule", "resume", "weekly")
    assert done.stdout.startswith("weekly is active; next run Mon ")
    assert not upped.deployment("weekly").paused


def test_a_setting_that_cannot_be_read_is_one_line(upped: Upped, folder: Path) -> None:
    done = upped.call("schedule", "run", "weekly", "--set", "rows")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --set rows: give PATH=VALUE")
    done = upped.call("schedule", "run", "weekly", "--set", "stages.respnd.name=a")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --set: stages.respnd.name: ")
    assert "did you mean 'respond'?" in done.stderr


def test_an_unknown_name_is_answered_with_those_like_it(upped: Upped, folder: Path) -> None:
    for command in (["pause"], ["resume"], ["run"], ["rm", "--yes"]):
        done = upped.call("schedule", *command, "weekley")
        assert done.returncode == 2
        assert done.stderr.strip() == "error: weekley: no such deployment; did you mean weekly?"


def test_a_deployment_is_removed_only_after_a_question(upped: Upped, folder: Path) -> None:
    deployed(upped, folder, "--name", "gone")
    asked = upped.call("schedule", "rm", "gone")
    assert asked.returncode == 1
    assert "Remove the deployment gone?" in asked.stdout
    assert upped.deployment("gone").name == "gone"
    with upped.client() as client:
        run = client.create_flow_run_from_deployment(upped.deployment("gone").id, state=Running())
        busy = upped.call("schedule", "rm", "gone", "--yes")
        client.set_flow_run_state(run.id, Cancelled(), force=True)
    assert busy.returncode == 2
    assert f"gone: its run {run.name} is under way; wait for it, or cancel it" in busy.stderr
    done = upped.call("schedule", "rm", "gone", "--yes")
    assert done.stdout.strip() == "gone is removed; its datasets stay."
    listed = upped.call("schedule", "ls").stdout
    assert "gone" not in {line.split()[0] for line in listed.splitlines()}
