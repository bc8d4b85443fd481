"""What a run has done so far, and how a person in a terminal sees it.

``Progress`` is plain state that the work updates; ``watch`` draws it: a live table on a terminal, a line now and then
elsewhere. Nothing here changes a result.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.manifest import StageCounts, Usage

REFRESH = 0.25
"""Seconds between two pictures on a terminal."""
PLAIN_EVERY = 10.0
"""Seconds between two lines where there is no terminal, as in a log file."""


@dataclass
class Progress:
    """The state of a run, updated from the threads that work."""

    wanted: int = 0
    kept: int = 0
    dataset: str = ""
    live: Any = None
    """The teachers' counters (``teachers.client.Live``), once they are known."""
    elsewhere: Usage | None = None
    """What other processes asked for the shards that they are through with; None where there are no others."""
    stages: dict[str, StageCounts] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _working: dict[str, int] = field(default_factory=dict)

    def begin(self, stage: str, jobs: int) -> None:
        """A stage starts on ``jobs`` jobs; less than none when it is through with them."""
        with self._lock:
            self._working[stage] = self._working.get(stage, 0) + jobs

    def done(self, stage: str, counts: StageCounts) -> None:
        """A stage is done with a shard."""
        with self._lock:
            self.stages[stage] = add_counts(self.stages.get(stage), counts)

    def asked_elsewhere(self, usage: Usage) -> None:
        """Another process is through with a shard, and asked so much for it."""
        with self._lock:
            total = self.elsewhere or Usage()
            summed = {name: value + getattr(total, name) for name, value in usage.model_dump().items()}
            self.elsewhere = Usage(**summed)

    def keep(self, kept: int) -> None:
        """So many rows have survived everything, all in all."""
        self.kept = min(kept, self.wanted)

    @property
    def seconds_left(self) -> float | None:
        """By the rate so far; None while nothing has come through."""
        if not self.kept:
            return None
        return (time.monotonic() - self.started) * (self.wanted - self.kept) / self.kept

    def rows(self) -> list[tuple[str, StageCounts, int]]:
        """Stage, totals, jobs under way; in the order in which the stages first worked."""
        with self._lock:
            names = list(dict.fromkeys((*self.stages, *self._working)))
            empty = StageCounts(stage="", use="", kind="")
            return [(name, self.stages.get(name, empty), self._working.get(name, 0)) for name in names]


def add_counts(total: StageCounts | None, more: StageCounts) -> StageCounts:
    """The sum of two balances of one stage."""
    if total is None:
        return more.model_copy(deep=True)
    summed = total.model_dump()
    for name, value in more.model_dump().items():
        if isinstance(value, int):
            summed[name] += value
        elif isinstance(value, dict):
            for key, count in value.items():
                summed[name][key] = summed[name].get(key, 0) + count
            summed[name] = dict(sorted(summed[name].items()))
    return StageCounts(**summed)


@contextmanager
def watch(progress: Progress, console: Console) -> Iterator[None]:
    """Show ``progress`` while the body runs."""
    if console.is_terminal:
        with Live(get_renderable=lambda: _picture(progress), console=console, refresh_per_second=1 / REFRESH):
            yield
        return
    stop = threading.Event()

    def speak() -> None:
        while not stop.wait(PLAIN_EVERY):
            console.print(plain_line(progress), soft_wrap=True, highlight=False)

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        stop.set()
        speaker.join()


def plain_line(progress: Progress) -> str:
    """The state in one line."""
    busy = [f"{name} {working} jobs" for name, _, working in progress.rows() if working > 0]
    return " · ".join([f"{progress.kept}/{progress.wanted} rows", *busy, *_asked(progress), f"ETA {_eta(progress)}"])


def _picture(progress: Progress) -> Group:
    head = Text.assemble((progress.dataset, "bold"), f"  {progress.kept:,} of {progress.wanted:,} rows kept")
    bar = Table.grid()  # a bar by itself would not end its line
    bar.add_row(ProgressBar(total=max(progress.wanted, 1), completed=progress.kept, width=60))
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("stage")
    for column in ("in", "out", "rejected", "discarded", "at work"):
        table.add_column(column, justify="right")
    for name, counts, working in progress.rows():
        numbers = (counts.rows_in, counts.rows_out, counts.rejected, counts.discarded)
        table.add_row(name, *(f"{number:,}" for number in numbers), f"{working:,}" if working > 0 else "")
    return Group(head, bar, table, Text(" · ".join([*_asked(progress), f"ETA {_eta(progress)}"]), style="dim"))


def _asked(progress: Progress) -> list[str]:
    if progress.live is None:
        return []
    live = progress.live() if callable(progress.live) else progress.live
    # What others have in flight is not known here: theirs counts once a shard is done.
    others = progress.elsewhere or Usage()
    tokens = live.prompt_tokens + live.completion_tokens + others.prompt_tokens + others.completion_tokens
    return [
        f"{live.requests + others.requests:,} requests ({live.retries + others.retries:,} retries)",
        f"{tokens:,} tokens",
        f"${live.cost + others.cost:,.2f}",
        *(live.models if progress.elsewhere is None else ["workers' by finished shards"]),
    ]


def _eta(progress: Progress) -> str:
    left = progress.seconds_left
    if left is None:
        return "unknown yet"
    minutes, seconds = divmod(int(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
