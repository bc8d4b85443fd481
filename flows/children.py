"""Processes that ``instructloom up`` keeps alive: started again when they die, ended when ``up`` does.

Each reads from a pipe that ends with ``up`` (see ``leash.py`` and ``temporary_server.py``), in a session of its own,
so that Ctrl-C in the terminal reaches ``up`` alone.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from schemas.errors import RunFailed

TICK = 0.2
STEADY = 60.0
"""Seconds after which a child counts as well: the next restart is quick again."""
LONGEST_PAUSE = 60.0
"""Seconds before a restart, at most."""
_ERROR = re.compile(r"error: |[\w.]*(Error|Exception)\b.*: ")
LOG_BYTES = 5_000_000
"""Of a log file; what is older is in a second file of that size, the rest is gone."""


@dataclass
class Child:
    """One process. ``arguments``: of Python, e.g. ``leashed(…)``; ``fds``: open files that it inherits."""

    name: str
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    patience: float
    """Seconds to end by itself, once it is told to."""
    fds: tuple[int, ...] = ()
    restarts: int = 0
    _life: tuple[int, int] = field(default_factory=os.pipe)
    _process: "subprocess.Popen[bytes] | None" = None
    _started: float = 0.0
    _due: float | None = None

    @property
    def life(self) -> int:
        """The end of the pipe that keeps it alive: a process that inherits it does, too."""
        return self._life[1]

    @property
    def pid(self) -> int:
        """Its process; 0 before it is started."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it, or start it again."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", *self.arguments],
                stdin=self._life[0],
                stdout=log,
                stderr=log,
                env=self.environment,
                pass_fds=self.fds,
                start_new_session=True,
            )
        self._started, self._due = time.monotonic(), None

    def await_ready(self, ready: Callable[[], bool], seconds: float, stopping: Callable[[], bool]) -> bool:
        """Wait until ``ready``; False if ``stopping`` came first.

        Raises:
            RunFailed: it ended, or is not ready in time.
        """
        ends = time.monotonic() + seconds
        while not stopping():
            if self._process is not None and self._process.poll() is not None:
                raise RunFailed(f"the {self.name} did not start: {self.last_words()} (its log: {self.log})")
            if ready():
                return True
            if time.monotonic() > ends:
                raise RunFailed(f"the {self.name} is not ready after {seconds:.0f} s; its log: {self.log}")
            time.sleep(TICK)
        return False

    def tend(self) -> str | None:
        """Start it again if it died and its pause is over; what there is to tell of that, or None."""
        bound(self.log)
        if self._process is None:
            return None
        if self._due is not None:
            if time.monotonic() >= self._due:
                self.start()
                return f"{self.name}: started again"
            return None
        code = self._process.poll()
        if code is None:
            return None
        self.restarts = 0 if time.monotonic() - self._started > STEADY else self.restarts
        pause = min(LONGEST_PAUSE, 2.0**self.restarts - 1)
        self.restarts += 1
        self._due = time.monotonic() + pause
        when = "at once" if not pause else f"in {pause:.0f} s"
        return f"{self.name}: ended ({_how(code)}); starts again {when}. Its log: {self.log}"

    def ask_to_end(self) -> None:
        """Tell it to end; it has ``patience`` seconds."""
        self._due = None
        if self._life[1] >= 0:
            os.close(self._life[1])
            self._life = (self._life[0], -1)

    def ended(self) -> bool:
        """Whether it is gone."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """End it and what stands in its process group at once."""
        self.ask_to_end()
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def last_words(self) -> str:
        """The last line of its log that names an error, or else the last."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if self.log.exists() else []
        errors = [line for line in lines if _ERROR.match(line)]
        return ([*lines[-1:], *errors[-1:]] or ["it says nothing"])[-1].strip()


def leashed(module: str, *arguments: str, patience: float) -> list[str]:
    """Arguments of Python that run ``module`` until the child's pipe ends, and ``patience`` seconds more at most."""
    return [*program("leash.py"), str(patience), module, *arguments]


def program(file: str) -> list[str]:
    """Arguments of Python that run a file of this room; by its path, so that no folder of the user's can hide it."""
    path = str(Path(__file__).with_name(file))
    return ["-c", f"import runpy; runpy.run_path({path!r}, run_name='__main__')"]


def bound(log: Path) -> None:
    """Keep ``log`` from growing for ever: its processes append, so what is over can be cut away under them."""
    try:
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".old.log"))
            os.truncate(log, 0)
    except OSError:
        return


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
