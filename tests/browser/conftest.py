"""A real browser, and all that a user of Prefect's UI has on one machine: server, work pool, worker, endpoint.

Without a browser the tests are skipped; ``INSTRUCTLOOM_REQUIRE_BROWSER=1`` has them fail. Screenshots go to the
folder ``INSTRUCTLOOM_SCREENSHOTS`` names, by default ``test-output/screenshots``; with ``INSTRUCTLOOM_UPDATE_DOCS=1``
those of the README are written to ``docs/images`` as well.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.prefect_server import prefect_server
from teachers.builtin.server import create_app, serving_app
from tests.browser.prefect_ui import PrefectUI

HOUSE = Path(__file__).parents[2]
CALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
POOL = "instructloom"


class Slowed:
    """The offline teacher as an endpoint that counts what it is asked, and takes its time: ``seconds`` a reply."""

    def __init__(self) -> None:
        self.asked = 0
        self.seconds = 0.0
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator["Slowed"]:
        app = Starlette(routes=create_app().routes, middleware=[Middleware(Slowing, slowed=self)])
        with serving_app(app) as self.url:
            yield self


class Slowing:
    """See ``Slowed``."""

    def __init__(self, app: ASGIApp, slowed: Slowed) -> None:
        self.app = app
        self.slowed = slowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/chat/completions"):
            self.slowed.asked += 1
            await anyio.sleep(self.slowed.seconds)
        await self.app(scope, receive, send)


@dataclass
class Site:
    """What runs, and where it works."""

    root: Path
    environment: dict[str, str]

    @property
    def url(self) -> str:
        """Of Prefect's UI."""
        return self.environment["PREFECT_API_URL"].removesuffix("/api")

    def run(self, *arguments: str) -> str:
        """What a Python program prints that is run in the root."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.environment, cwd=self.root, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def versions(self, dataset: str) -> list[int]:
        """The published ones."""
        return sorted(int(path.parent.name[1:]) for path in self.root.glob(f"datasets/{dataset}/v*/manifest.json"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless, from Debian's package or wherever it is."""
    found = next(filter(None, map(shutil.which, CALLED)), None)
    if found is None:
        reason = f"no browser: none of {', '.join(CALLED)} is installed (on Debian: apt-get install chromium)"
        if os.environ.get("INSTRUCTLOOM_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Asked for after the browser: without one, nothing is started."""
    root = tmp_path_factory.mktemp("site")
    with prefect_server(tmp_path_factory.mktemp("prefect")) as environment:
        environment |= {"PYTHONPATH": str(HOUSE), "COLUMNS": "200", "PREFECT_WORKER_QUERY_SECONDS": "1"}
        site = Site(root, environment)
        site.run("-m", "prefect", "work-pool", "create", POOL, "--type", "process")
        worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL]
        with (
            (root / "worker.log").open("w", encoding="utf-8") as log,
            subprocess.Popen(worker, env=environment, cwd=root, stdout=log, stderr=log) as process,
        ):
            yield site
            process.terminate()


@pytest.fixture
def teacher() -> Iterator[Slowed]:
    with Slowed().serving() as slowed:
        yield slowed


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="dark") as context:
        yield context.new_page()


@pytest.fixture
def ui(page: Page, site: Site, request: pytest.FixtureRequest) -> Iterator[PrefectUI]:
    """Prefect's UI in the dark theme; the last that was seen of it is kept as a screenshot, failed or not."""
    folder = Path(os.environ.get("INSTRUCTLOOM_SCREENSHOTS") or HOUSE / "test-output" / "screenshots")
    docs = HOUSE / "docs" / "images" if os.environ.get("INSTRUCTLOOM_UPDATE_DOCS") == "1" else None
    ui = PrefectUI(page, site.url, folder.absolute(), docs)
    yield ui
    ui.shoot(f"last of {request.node.name}")


@pytest.fixture
def write_recipe(site: Site, teacher: Slowed) -> Callable[..., str]:
    """Writes a short recipe that asks ``teacher``; keyword arguments replace its fields. Gives its path."""

    def write(dataset: str, **changes: Any) -> str:
        model = {"model": "builtin", "base_url": teacher.url, "concurrency": 4, "adaptive": False}
        recipe = {
            "dataset": dataset,
            "rows": 60,
            "seed": 5,
            "models": {"teacher": model},
            "stages": [
                {"use": "self_instruct", "prompts_per_round": 2},
                {"use": "evol_instruct", "rounds": 1},
                {"use": "respond"},
                {"use": "minhash"},
            ],
        }
        path = site.root / f"{dataset}.yaml"
        path.write_text(yaml.safe_dump(recipe | changes), encoding="utf-8")
        return str(path)

    return write
