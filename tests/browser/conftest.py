"""A real browser, and what ``instructloom up`` starts on a user's machine: Prefect, a worker, the downloads.

Screenshots go to the folder that ``INSTRUCTLOOM_SCREENSHOTS`` names, by default ``test-output/screenshots``; with
``INSTRUCTLOOM_UPDATE_DOCS=1`` those of the README are written to ``docs/images`` as well.
"""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from flows.leash import children_of
from teachers.builtin.server import create_app, serving_app
from tests.browser.prefect_ui import PATIENCE, PrefectUI
from tests.chromium import chromium

HOUSE = Path(__file__).parents[2]
IN_FLIGHT = 4
"""Requests, at most."""
INSTRUCTLOOM = (sys.executable, "-m", "flows.cli")


class Slowed:
    """The offline teacher as an endpoint that counts what it is asked, and takes its time: ``seconds`` a reply."""

    def __init__(self) -> None:
        self.asked = 0
        self.seconds = 0.0
        self.url = ""
        self._heard = threading.Condition()

    @contextmanager
    def serving(self) -> Iterator["Slowed"]:
        app = Starlette(routes=create_app().routes, middleware=[Middleware(Slowing, slowed=self)])
        with serving_app(app) as self.url:
            yield self

    def hear(self) -> None:
        """One question more."""
        with self._heard:
            self.asked += 1
            self._heard.notify_all()

    def await_questions(self, more: int) -> None:
        """Wait until so many more were asked."""
        wanted = self.asked + more
        with self._heard:
            assert self._heard.wait_for(lambda: self.asked >= wanted, timeout=PATIENCE / 1000)


class Slowing:
    """See ``Slowed``."""

    def __init__(self, app: ASGIApp, slowed: Slowed) -> None:
        self.app = app
        self.slowed = slowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].endswith("/chat/completions"):
            self.slowed.hear()
            await anyio.sleep(self.slowed.seconds)
        await self.app(scope, receive, send)


@dataclass
class Site:
    """What ``instructloom up`` started, and a terminal beside it."""

    root: Path
    environment: dict[str, str]
    up: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        """Of Prefect's UI."""
        return self.environment["PREFECT_API_URL"].removesuffix("/api")

    def worker(self) -> int:
        """The process of the worker that works now."""
        of_up = children_of(self.up.pid)
        return next(pid for pid in of_up if b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))

    def instructloom(self, *arguments: str) -> str:
        """What the command prints; it must succeed."""
        done = subprocess.run(
            [*INSTRUCTLOOM, *arguments], env=self.environment, cwd=self.root, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def deploy(self, recipe: str, *options: str) -> str:
        """The address, which the command prints, of the deployment in the UI."""
        told = self.instructloom("deploy", recipe, *options)
        found = re.search(r"http://\S+/deployments/deployment/\S+", told)
        assert found is not None, told
        return found[0]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Asked for after the browser: without one, nothing is started."""
    root, home = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("prefect")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "INSTRUCTLOOM_"))},
        "PREFECT_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(HOUSE),
        "COLUMNS": "200",
        # A person can wait for longer than a test.
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    arguments = ["up", "--root", str(root), "--port", "0", "--download-port", str(free_port())]
    with subprocess.Popen([*INSTRUCTLOOM, *arguments], env=environment, stdout=subprocess.PIPE, text=True) as up:
        try:
            yield Site(root, environment | {"PREFECT_API_URL": api_told_by(up)}, up)
        finally:
            up.terminate()
            up.communicate(timeout=90)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def api_told_by(up: "subprocess.Popen[str]") -> str:
    """What ``up`` says that other terminals should set, once all is there."""
    told = ""
    for line in up.stdout or ():
        told += line
        if line.startswith("Next:"):
            found = re.search(r"export PREFECT_API_URL=(\S+)", told)
            assert found is not None, told
            return found[1]
    raise AssertionError(f"`instructloom up` ended: {told}")


@pytest.fixture
def teacher() -> Iterator[Slowed]:
    with Slowed().serving() as slowed:
        yield slowed


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 1060}, color_scheme="dark") as context:
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
        model = {"model": "builtin", "base_url": teacher.url, "concurrency": IN_FLIGHT, "adaptive": False}
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
