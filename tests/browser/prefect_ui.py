"""What a person does in Prefect's UI, by what they read there: names, labels, states."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Locator, Page, Response, expect

from tests.browser.pictures import reduced

PATIENCE = 120_000
"""Milliseconds for a run to get somewhere, on a machine that is busy."""
AT_ONCE = 30_000
"""Milliseconds for a page to show what it has."""
LARGEST = 150_000
"""Bytes of a picture in the docs."""
CONTRAST = 3.0
"""Between a line of a chart and the page, at least: WCAG's for graphics."""
INK = """(image, contrast) => {
    const behind = (node) => {
        const colour = getComputedStyle(node).backgroundColor;
        return colour.endsWith(", 0)") && node.parentElement ? behind(node.parentElement) : colour;
    };
    const canvas = Object.assign(document.createElement("canvas"), {width: image.width, height: image.height});
    const draw = canvas.getContext("2d");
    draw.fillStyle = behind(image);
    draw.fillRect(0, 0, canvas.width, canvas.height);
    const at = (data, i) => [0.2126, 0.7152, 0.0722].reduce((sum, share, channel) => {
        const value = data[i + channel] / 255;
        return sum + share * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    }, 0.05);
    const page = at(draw.getImageData(0, 0, 1, 1).data, 0);
    draw.drawImage(image, 0, 0, canvas.width, canvas.height);
    const {data} = draw.getImageData(0, 0, canvas.width, canvas.height);
    let seen = 0;
    for (let i = 0; i < data.length; i += 4) {
        const here = at(data, i);
        seen += Math.max(here, page) / Math.min(here, page) >= contrast;
    }
    return seen / (data.length / 4);
}"""
"""The share of an image's pixels that stand out against the page behind it."""


class PrefectUI:
    """One page of a browser, at the UI of one server."""

    def __init__(self, page: Page, url: str, folder: Path, docs: Path | None) -> None:
        self.page = page
        self.url = url
        self._folder = folder
        self._docs = docs
        page.set_default_timeout(AT_ONCE)

    def shoot(self, name: str, docs: bool = False) -> None:
        """Keep what the window shows as a picture; one of the docs' as well, if these are to be brought up to date."""
        file = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".png"
        picture = self.page.screenshot(path=self._folder / file, animations="disabled")
        if docs and self._docs is not None:
            small = reduced(picture, self.page)
            assert len(small) < LARGEST, f"{file}: {len(small)} bytes"
            self._docs.mkdir(parents=True, exist_ok=True)
            (self._docs / file).write_bytes(small)

    def open(self, path: str) -> None:
        """Go to an address, given whole or below the UI's."""
        self.page.goto(path if path.startswith("http") else f"{self.url}{path}")

    def button(self, name: str) -> Locator:
        """In the page's head, where that of a run or a deployment has them."""
        return self.page.get_by_role("banner").get_by_role("button", name=name)

    def confirm(self, button: str) -> None:
        """Press a button of the dialogue that is open."""
        dialogue = self.page.get_by_role("dialog")
        self._press(dialogue.get_by_role("button", name=button, exact=True), r"/(set_state|resume)$")
        expect(dialogue).to_have_count(0, timeout=AT_ONCE)

    def _press(self, button: Locator, asks: str) -> Response:
        """Press a button that asks the server for something."""
        with self.page.expect_response(re.compile(asks)) as answer:
            button.click()
        assert answer.value.ok, f"{answer.value.url}: {answer.value.status} {answer.value.text()}"
        return answer.value

    def state(self, name: str) -> None:
        """Wait until the flow run has come to a state."""
        shown = self.page.get_by_role("banner").get_by_text(name, exact=True)
        expect(shown).to_be_visible(timeout=PATIENCE)

    def tab(self, name: str) -> None:
        """Open a tab of a flow run."""
        self.page.get_by_role("tablist").get_by_text(name, exact=True).click()

    def artifact(self, key: str) -> Locator:
        """The card of an artifact in the run's tab of them."""
        return self.page.get_by_role("tabpanel").get_by_role("link").filter(has=self.page.get_by_text(key, exact=True))

    @contextmanager
    def artifact_page(self, key: str) -> Iterator[Locator]:
        """An artifact's own page, opened by its card; afterwards the run's page is open again."""
        run = self.page.url
        # The tab is not brought up to date once the run is over.
        self.page.reload()
        self.tab("Artifacts")
        self.artifact(key).click()
        expect(self.page).to_have_url(re.compile("/artifacts/artifact/"), timeout=AT_ONCE)
        yield self.page.locator("#app")
        self.open(run)

    def field(self, name: str) -> Locator:
        """A field of a form, with its label, description and inputs."""
        label = self.page.get_by_text(re.compile(rf"^{name}( \(Optional\))?$"))
        return self.page.locator(".schema-form-property").filter(has=label)

    def number(self, name: str, value: float) -> None:
        """Fill in a field that takes a number, or none."""
        field = self.field(name)
        field.wait_for()
        kind = field.get_by_role("button", name=re.compile("^(int|float)$"))
        if kind.count():
            kind.click()
        field.get_by_role("spinbutton").fill(str(value))

    def submit(self) -> None:
        """Start the run that the form describes, and go to its page."""
        answer = self._press(self.page.get_by_role("button", name="Submit"), "/create_flow_run$")
        self.page.get_by_role("button", name="View run").first.wait_for()
        self.open(f"/runs/flow-run/{answer.json()['id']}")

    def theme(self, name: str) -> None:
        """Choose the light or the dark one, in the settings."""
        self.open("/settings")
        self.page.get_by_role("switch").set_checked(name == "dark")
        expect(self.page.locator("html")).to_have_class(re.compile(name))
