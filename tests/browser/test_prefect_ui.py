"""What a user does all day, in a real browser: schedule, run, watch, approve, cancel, retry."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import expect

from outputs.dataset import read_dataset
from schemas.manifest import Manifest
from tests.browser.conftest import IN_FLIGHT, Site, Slowed
from tests.browser.prefect_ui import CONTRAST, INK, PATIENCE, PrefectUI
from tests.flows.test_adding import assert_none_repeated
from tests.flows.test_end_to_end import assert_sound

WriteRecipe = Callable[..., str]
STAGES = [
    {"use": "self_instruct", "prompts_per_round": 2},
    {"use": "evol_instruct", "rounds": 1},
    {"use": "respond"},
]
pytestmark = pytest.mark.browser


def start(ui: PrefectUI, deployment: str, **numbers: float) -> None:
    """Start a run from the deployment's form, with these fields changed, and go to its page."""
    ui.open(f"{deployment}/run")
    for name, value in numbers.items():
        ui.number(name, value)
    ui.submit()


def test_a_deployment_is_run_from_its_form_watched_and_what_it_made_is_seen_and_downloaded(
    ui: PrefectUI, site: Site, teacher: Slowed, write_recipe: WriteRecipe
) -> None:
    teacher.seconds = 0.2
    recipe = write_recipe("nightly-math", rows=500, stages=[*STAGES, {"use": "minhash"}, {"use": "embedding"}])
    deployment = site.deploy(recipe, "--cron", "0 2 * * *", "--timezone", "Europe/Berlin", "--name", "nightly")
    ui.open(deployment)
    expect(ui.page.get_by_text("At 02:00 AM")).to_be_visible()
    ui.shoot("deployment")
    start(ui, deployment, rows=120, seed=7)
    watch(ui, "nightly-math")
    teacher.seconds = 0
    ui.state("Completed")
    expect(ui.page.get_by_role("banner").get_by_text("nightly-math · v1")).to_be_visible()
    version = site.root / "datasets" / "nightly-math" / "v1"
    manifest = assert_sound(version)
    assert (manifest.rows, manifest.recipe["seed"]) == (120, 7)
    look_at_the_report(ui)
    look_at_rows(ui, version)
    download(ui, version)


def watch(ui: PrefectUI, dataset: str) -> None:
    """The progress of a stage moves while its run works."""
    ui.state("Running")
    ui.tab("Artifacts")
    told = ui.artifact(f"{dataset}-progress-respond").get_by_role("article")
    expect(told).to_contain_text(re.compile(r"[1-9]\d* rows in"), timeout=PATIENCE)
    before = told.inner_text()
    expect(told).not_to_have_text(before, timeout=PATIENCE)
    # The graph of a page that was opened before the first task is not drawn.
    with ui.page.expect_response(re.compile("/graph")):
        ui.page.reload()
    ui.tab("Artifacts")
    expect(told).to_be_visible()
    ui.shoot("progress", docs=True)


def look_at_the_report(ui: PrefectUI) -> None:
    """Its charts are drawn, and stand out against the page in both themes."""
    with ui.artifact_page("nightly-math-report") as report:
        expect(report.get_by_role("heading", name="Funnel")).to_be_visible()
        ui.shoot("report", docs=True)
        address = ui.page.url
        charts = report.locator("img[src^='data:image/svg']")
        for theme in ("dark", "light"):
            ui.theme(theme)
            ui.open(address)
            expect(report.get_by_role("heading", name="Funnel")).to_be_visible()
            assert charts.count() > 5
            for chart in charts.all():
                chart.scroll_into_view_if_needed()
                assert chart.evaluate(INK, CONTRAST) > 0.01, f"{theme}: {chart.get_attribute('alt')}"
            ui.shoot(f"report {theme} below")
        ui.theme("dark")


def look_at_rows(ui: PrefectUI, version: Path) -> None:
    """The tables hold rows of the dataset, and of its rejects."""
    kept, lost = (pl.read_parquet(version / part / "*.parquet") for part in ("data", "rejects"))
    for table, rows in (("accepted", kept), ("rejected-minhash", lost), ("similar-pairs", None), ("evolution", None)):
        with ui.artifact_page(f"nightly-math-rows-{table}") as page:
            lines = page.get_by_role("table").get_by_role("row")
            expect(lines.nth(5)).to_be_visible()
            ui.shoot(f"rows {table}")
            if rows is not None:
                place = page.get_by_role("columnheader").all_inner_texts().index("id")
                shown = {plain(line.get_by_role("cell").nth(place).inner_text()) for line in lines.all()[1:6]}
                assert len(shown) == 5
                assert shown <= set(rows["id"])


def plain(text: str) -> str:
    """Without the characters of no width that keep it from being taken for markup."""
    return text.replace("\u200b", "").strip()


def download(ui: PrefectUI, version: Path) -> None:
    """The link is followed, and polars reads from it what is on the disk."""
    rows = pl.read_parquet(version / "data" / "*.parquet")
    with ui.artifact_page("nightly-math-download") as files:
        link = files.get_by_role("link", name=re.compile("train-00000"))
        url = link.get_attribute("href")
        assert url is not None
        assert pl.read_parquet(url).equals(rows)
        expect(files.locator("code").filter(has_text="pl.read_parquet")).to_contain_text(url)
        ui.shoot("download", docs=True)
        with ui.page.expect_download() as fetched:
            link.click()
        assert pl.read_parquet(fetched.value.path()).equals(rows)
    with ui.artifact_page("nightly-math-card") as card:
        expect(card.get_by_role("heading", name="nightly-math, version 1")).to_be_visible()
        ui.shoot("card")


def await_rows(ui: PrefectUI, dataset: str) -> None:
    """Wait until rows of a run that is watched are through the whole chain."""
    ui.tab("Artifacts")
    told = ui.artifact(f"{dataset}-progress-minhash").get_by_role("article")
    expect(told).to_contain_text(re.compile(r"[1-9]\d* out"), timeout=PATIENCE)


def completions(manifest: Manifest) -> int:
    """Those that the version is made of, whichever attempt asked for them: what more was asked was lost."""
    return sum(usage.requests + usage.replayed for usage in manifest.usage.values())


def test_a_run_that_waits_for_approval_goes_on_with_what_the_person_changed(
    ui: PrefectUI, site: Site, write_recipe: WriteRecipe
) -> None:
    deployment = site.deploy(write_recipe("careful"))
    ui.open(f"{deployment}/run")
    ui.field("approve").get_by_role("switch").click()
    ui.submit()
    ui.state("Suspended")
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
    recipe = write_recipe("halted", rows=150)
    site.instructloom("run", recipe, "--rows", "30", "--add")
    before, teacher.seconds = teacher.asked, 0.2
    start(ui, site.deploy(recipe))
    await_rows(ui, "halted")
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
    assert teacher.asked - before - completions(whole) <= IN_FLIGHT
    standing = [read_dataset(folder / f"v{number}") for number in (1, 3)]
    assert_none_repeated(
        pl.concat(
            pl.read_parquet(dataset.folder / "data" / "*.parquet", columns=["id", "instruction", "input"])
            for dataset in standing
        )
    )


def test_a_run_outlives_that_it_is_suspended_and_that_its_worker_is_killed(
    ui: PrefectUI, site: Site, teacher: Slowed, write_recipe: WriteRecipe
) -> None:
    teacher.seconds = 0.2
    start(ui, site.deploy(write_recipe("tough", rows=150)))
    await_rows(ui, "tough")
    ui.button("Suspend").click()
    ui.confirm("Submit")
    ui.state("Suspended")
    ui.shoot("suspended")
    teacher.seconds = 1.0
    ui.button("Resume").click()
    ui.confirm("Submit")
    teacher.await_questions(2 * IN_FLIGHT)
    os.kill(site.worker(), signal.SIGKILL)
    ui.state("Crashed")
    ui.shoot("crashed")
    teacher.seconds = 0
    ui.button("Retry").click()
    ui.confirm("Retry")
    ui.state("Completed")
    whole = assert_sound(site.root / "datasets" / "tough" / "v1")
    assert whole.rows == 150
    assert teacher.asked - completions(whole) <= 2 * IN_FLIGHT
