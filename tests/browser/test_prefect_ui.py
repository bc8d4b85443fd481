"""What a user does all day, in a real browser: schedule, run, watch, approve, cancel, retry."""

import re
from collections.abc import Callable

import polars as pl
import pytest
from playwright.sync_api import expect

from outputs.dataset import read_dataset
from tests.browser.conftest import Site, Slowed
from tests.browser.prefect_ui import PATIENCE, PrefectUI
from tests.flows.test_adding import assert_none_repeated
from tests.flows.test_end_to_end import assert_sound

WriteRecipe = Callable[..., str]
pytestmark = pytest.mark.browser

DEPLOY = """
import sys
from prefect.deployments.runner import EntrypointType
from flows.deployed import deployed
name, recipe, root = sys.argv[1:]
made = deployed.to_deployment(
    name, entrypoint_type=EntrypointType.MODULE_PATH, parameters={"recipe": recipe, "root": root},
    work_pool_name="instructloom", cron="0 2 * * *",
)
print(made.apply())
"""


def deploy(site: Site, recipe: str, name: str) -> str:
    """The address of the deployment's page."""
    return f"/deployments/deployment/{site.run('-c', DEPLOY, name, recipe, str(site.root)).split()[-1]}"


def start(ui: PrefectUI, deployment: str, **numbers: float) -> None:
    """Start a run from the deployment's form, with these fields changed, and go to its page."""
    ui.open(f"{deployment}/run")
    for name, value in numbers.items():
        ui.number(name, value)
    ui.page.get_by_role("button", name="Submit").click()
    ui.page.get_by_role("button", name="View run").last.click()


def test_a_deployment_is_run_from_its_form_and_its_progress_watched(
    ui: PrefectUI, site: Site, teacher: Slowed, write_recipe: WriteRecipe
) -> None:
    teacher.seconds = 0.2
    deployment = deploy(site, write_recipe("nightly-math", rows=500), "nightly")
    ui.open(deployment)
    expect(ui.page.get_by_text("At 02:00 AM", exact=False)).to_be_visible()
    ui.shoot("deployment")
    start(ui, deployment, rows=60, seed=7)
    ui.state("Running")
    ui.tab("Artifacts")
    respond = ui.artifact("nightly-math-progress-respond").get_by_role("article")
    expect(respond).to_contain_text(re.compile(r"\d+ rows in"), timeout=PATIENCE)
    told = respond.inner_text()
    expect(respond).not_to_have_text(told, timeout=PATIENCE)
    ui.shoot("progress", docs=True)
    teacher.seconds = 0
    ui.state("Completed")
    expect(ui.page.get_by_role("banner").get_by_text("nightly-math · v1", exact=False)).to_be_visible()
    manifest = assert_sound(site.root / "datasets" / "nightly-math" / "v1")
    assert (manifest.rows, manifest.recipe["seed"]) == (60, 7)


def test_a_run_that_waits_for_approval_goes_on_with_what_the_person_changed(
    ui: PrefectUI, site: Site, write_recipe: WriteRecipe
) -> None:
    deployment = deploy(site, write_recipe("careful"), "careful")
    ui.open(f"{deployment}/run")
    ui.field("approve").get_by_role("switch").click()
    ui.page.get_by_role("button", name="Submit").click()
    ui.page.get_by_role("button", name="View run").last.click()
    ui.state("Paused")
    ui.button("Resume").click()
    dialogue = ui.page.get_by_role("dialog")
    expect(dialogue).to_contain_text("Estimate for 60 rows")
    expect(dialogue.locator("code").first).to_contain_text("→")
    ui.number("Rows", 33)
    ui.shoot("approval")
    ui.confirm("Submit")
    ui.state("Completed")
    assert assert_sound(site.root / "datasets" / "careful" / "v1").rows == 33


def test_a_run_that_is_cancelled_goes_on_when_it_is_retried(
    ui: PrefectUI, site: Site, teacher: Slowed, write_recipe: WriteRecipe
) -> None:
    deployment = deploy(site, write_recipe("halted", rows=30), "halted")
    start(ui, deployment)
    ui.state("Completed")
    teacher.seconds = 0.2
    start(ui, deployment, rows=150)
    ui.tab("Artifacts")
    minhash = ui.artifact("halted-progress-minhash").get_by_role("article")
    expect(minhash).to_contain_text(re.compile(r"[1-9]\d* out"), timeout=PATIENCE)
    ui.button("Cancel").click()
    ui.confirm("Confirm")
    ui.state("Cancelled")
    folder = site.root / "datasets" / "halted"
    part = assert_sound(folder / "v2")
    assert part.stop_reason == "interrupted"
    assert 0 < part.rows < 150
    ui.shoot("cancelled")
    teacher.seconds = 0
    ui.button("Retry").click()
    ui.confirm("Retry")
    ui.state("Completed")
    ui.shoot("retried")
    whole = assert_sound(folder / "v3")
    assert (whole.rows, whole.supersedes, whole.earlier) == (150, [2], [1])
    assert sum(usage.replayed for usage in whole.usage.values()) > 0
    standing = [read_dataset(folder / f"v{number}") for number in (1, 3)]
    assert_none_repeated(
        pl.concat(
            pl.read_parquet(dataset.folder / "data" / "*.parquet", columns=["id", "instruction", "input"])
            for dataset in standing
        )
    )


def test_a_run_that_is_suspended_goes_on_when_it_is_resumed(
    ui: PrefectUI, site: Site, teacher: Slowed, write_recipe: WriteRecipe
) -> None:
    teacher.seconds = 0.2
    deployment = deploy(site, write_recipe("resting", rows=100), "resting")
    start(ui, deployment)
    ui.tab("Artifacts")
    respond = ui.artifact("resting-progress-respond").get_by_role("article")
    expect(respond).to_contain_text(re.compile(r"[1-9]\d* out"), timeout=PATIENCE)
    ui.button("Suspend").click()
    ui.page.get_by_role("dialog").wait_for()
    ui.shoot("suspend")
    ui.confirm("Suspend")
    ui.state("Suspended")
    ui.shoot("suspended")
    asked = teacher.asked
    teacher.seconds = 0
    ui.button("Resume").click()
    ui.page.get_by_role("dialog").wait_for()
    ui.shoot("resume suspended")
    ui.confirm("Resume")
    ui.state("Completed")
    assert assert_sound(site.root / "datasets" / "resting" / "v1").rows == 100
    assert teacher.asked - asked < asked
