"""What a person does in Prefect's UI, by what they read there: names, labels, states."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PATIENCE = 120_000
"""Milliseconds for a run to get somewhere, on a machine that is busy."""
AT_ONCE = 20_000
"""Milliseconds for a page to show what it has."""
LARGEST = 150_000
"""Bytes of a picture in the docs."""


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
        picture = self.page.screenshot(path=self._folder / file)
        if docs and self._docs is not None:
            assert len(picture) < LARGEST, f"{file}: {len(picture)} bytes"
            self._docs.mkdir(parents=True, exist_ok=True)
            (self._docs / file).write_bytes(picture)

    def open(self, path: str) -> None:
        """Go to an address, given whole or below the UI's."""
        self.page.goto(path if path.startswith("http") else f"{self.url}{path}")

    def button(self, name: str) -> Locator:
        """In the page's head, where that of a run or a deployment has them."""
        return self.page.get_by_role("banner").get_by_role("button", name=name)

    def confirm(self, button: str) -> None:
        """Press a button of the dialogue that is open."""
        self.page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()
        expect(self.page.get_by_role("dialog")).to_have_count(0, timeout=AT_ONCE)

    def state(self, name: str) -> None:
        """Wait until the flow run has come to a state."""
        shown = self.page.get_by_role("banner").get_by_text(name, exact=True)
        expect(shown).to_be_visible(timeout=PATIENCE)

    def tab(self, name: str) -> None:
        """Open a tab of a flow run."""
        self.page.get_by_role("tablist").get_by_text(name, exact=True).click()

    def artifact(self, key: str) -> Locator:
        """The card of an artifact in the run's tab of them; its newest, where an earlier attempt had one."""
        return self.page.get_by_role("tabpanel").get_by_role("link").filter(has=self.page.get_by_text(key, exact=True))

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

    def theme(self, name: str) -> None:
        """Choose the light or the dark one, in the settings."""
        self.open("/settings")
        self.page.get_by_role("switch").set_checked(name == "dark")
        expect(self.page.locator("html")).to_have_class(re.compile(name))
