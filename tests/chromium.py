"""A real browser for tests: Debian's chromium, or another one that is installed; nothing is downloaded.

Where there is none the tests are skipped; with ``INSTRUCTLOOM_REQUIRE_BROWSER=1`` they fail.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

CALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """Runs until the end of the block. While it does, this thread has a running event loop: leave the block soon."""
    found = os.environ.get("INSTRUCTLOOM_CHROMIUM") or next(filter(None, map(shutil.which, CALLED)), None)
    if found is None:
        reason = f"no browser: install one of {', '.join(CALLED)}, or name one in INSTRUCTLOOM_CHROMIUM"
        if os.environ.get("INSTRUCTLOOM_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
