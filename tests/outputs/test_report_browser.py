"""report.html in a real Chromium, from the disk: it works, alone, with a mouse, with keys, on a phone."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from outputs.report.data import collect
from outputs.report.writer import write_report
from tests.chromium import chromium
from tests.outputs.storied import storied

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("browser")
    dataset = storied(folder, families=24)

    def vectors(ids: object) -> tuple[list[str], np.ndarray]:
        found = list(ids)  # type: ignore[call-overload]  # any iterable will do
        return found, np.random.default_rng(0).normal(size=(len(found), 16)).astype(np.float32)

    timeline = [(float(second), 3 * second, 20 * second, 900 * second) for second in range(30)]
    data = collect(dataset.folder, dataset.manifest, vectors=vectors, timeline=timeline)
    return write_report(folder, data).as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def complaints() -> list[str]:
    """What the console said, what was thrown, and what was asked for beyond the file."""
    return []


@pytest.fixture(params=["light 1280", "dark 375"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str, complaints: list[str]) -> Iterator[Page]:
    scheme, width = request.param.split()
    context = browser.new_context(color_scheme=scheme, viewport={"width": int(width), "height": 800})
    opened = context.new_page()
    opened.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda asked: complaints.append(asked.url) if asked.url != address else None)
    opened.goto(address)
    yield opened
    assert complaints == []
    overflow = opened.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow == 0
    context.close()


def found(page: Page) -> str:
    return str(page.inner_text("#found"))


def test_search_filter_and_pages_show_the_rows_that_fit(page: Page) -> None:
    assert found(page) == "1–25 of 91 rows"
    page.click("#next")
    assert found(page) == "26–50 of 91 rows"
    page.fill("#search", "TASK 23:  step 2.")
    assert found(page) == "1–1 of 1 row"
    assert "Task 23:" in page.inner_text("#table tbody tr")
    page.click("button[type=reset]")
    page.wait_for_function("document.getElementById('found').textContent.includes('91')")
    page.select_option("#by-why", "minhash: near_duplicate")
    assert found(page) == "1–9 of 9 rows"
    page.select_option("#by-state", "kept")
    assert found(page) == "No row is like that. Clear the search, or a filter."


def test_a_row_opens_beside_its_parent_with_the_new_words_marked(page: Page) -> None:
    page.fill("#search", "Task 9: step 2.")
    page.click("#table .open")
    dialog = page.locator("#detail")
    assert dialog.is_visible()
    assert "Parent" in dialog.locator(".choices button").first.inner_text()
    marked = dialog.locator(".pair ins").all_inner_texts()
    assert "".join(marked).split() == ["Also", "do", "step", "2."]
    assert dialog.locator(".pair del").count() == 0
    dialog.get_by_role("button", name="Open").click()  # the parent in its turn
    assert "depth: 1" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()


def test_a_near_duplicate_opens_beside_the_row_it_is_like(page: Page) -> None:
    page.select_option("#by-why", "minhash: near_duplicate")
    page.click("#table .open")
    assert page.locator("#detail .choices button").first.inner_text().startswith("Like ")
    assert page.locator("#detail .pair ins").all_inner_texts() == ["!"]
    page.get_by_role("button", name="Close").click()


def test_hostile_text_is_shown_and_does_nothing(page: Page) -> None:
    page.fill("#search", "beacon")
    page.click("#table .open")
    assert "![beacon](http://evil.test/b.png)" in page.inner_text("#detail")
    assert page.locator("#detail img, #detail a, #table img, #table a, iframe").count() == 0


def test_a_mark_tells_its_number_and_a_series_can_be_hidden(page: Page) -> None:
    figure = page.locator("[data-chart=funnel]")
    drawing = figure.locator(".draw:visible")
    drawing.focus()
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#tip") == "self_instruct: 81 rows made here"
    page.keyboard.press("End")
    assert page.inner_text("#tip") == "minhash: 9 rows rejected"
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    key = figure.get_by_role("button", name="rejected", exact=True)
    key.click()
    assert key.get_attribute("aria-pressed") == "false"
    assert drawing.locator(".mark[data-s=rejected]:visible").count() == 0
    key.click()
    assert drawing.locator(".mark[data-s=rejected]:visible").count() == 1
    drawing.locator(".mark[data-s=rejected]").hover()
    assert page.inner_text("#tip") == "minhash: 9 rows rejected"


def test_the_map_works_by_keys_and_by_pointer(page: Page) -> None:
    plane = page.locator("#plane")
    assert plane.locator("circle").count() == 72
    plane.focus()
    page.keyboard.press("ArrowRight")
    first = page.inner_text("#tip")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#tip") not in ("", first)
    before = plane.locator("circle.at").get_attribute("cx")
    page.keyboard.press("+")
    assert plane.locator("circle.at").get_attribute("cx") != before
    page.keyboard.press("Enter")
    assert page.locator("#detail").is_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Show all").click()
    plane.scroll_into_view_if_needed()
    plane.locator("circle").last.click()
    assert page.locator("#detail").is_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="no topic").click()
    assert plane.locator("circle:visible").count() == 12
    page.select_option("#map-by", "operation")
    assert plane.locator("circle:visible").count() == 72


def test_everything_is_reached_by_tab_and_focus_is_seen(page: Page) -> None:
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
            )
        )
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
    assert {"theme", "skip", "key"} <= reached
    assert any("draw" in each for each in reached)
    page.locator("#search").focus()
    page.keyboard.type("beacon")
    while page.evaluate("document.activeElement.className") != "open":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#detail").is_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className") == "open"  # back where it was


def test_the_theme_follows_the_system_until_it_is_switched(page: Page) -> None:
    def ground() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    before, label = ground(), page.inner_text("#theme")
    page.click("#theme")
    assert ground() != before
    assert page.inner_text("#theme") != label
    page.click("#theme")
    assert ground() == before


def test_the_numbers_of_a_chart_can_be_read_as_a_table(page: Page) -> None:
    figure = page.locator("[data-chart=reasons]")
    figure.locator("summary").click()
    assert "near_duplicate\t9" in figure.locator("table").inner_text()
