"""What a run has done so far, and how a person in a terminal sees it.

``Progress`` is plain state that the work updates; ``watch`` draws it: a live table on a terminal, a line now and then
elsewhere. Nothing here changes a result.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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


MOMENTS = 500
"""Entries of the timeline, at most."""


class Moment(NamedTuple):
    """What was done by a moment of the run."""

    seconds: float
    kept: int
    requests: int
    tokens: int


class Asked(NamedTuple):
    """What the models were asked."""

    requests: int
    tokens: int


@dataclass
class Progress:
    """The state of a run, updated from the threads that work."""

    wanted: int = 0
    kept: int = 0
    dataset: str = ""
    counted: str = "rows kept"
    """What ``kept`` and ``wanted`` count."""
    live: Any = None
    """The teachers' counters (``teachers.client.Live``), once they are known."""
    elsewhere: Usage | None = None
    """What other processes asked for the shards that they are through with; None where there are no others."""
    stages: dict[str, StageCounts] = field(default_factory=dict)
    expected: int | None = None
    """Shards that the run will take, by its present yield; None while that cannot be told."""
    timeline: list[Moment] = field(default_factory=list)
    """What was done by when: see ``mark``."""
    started: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _working: dict[str, int] = field(default_factory=dict)
    _shards: dict[str, int] = field(default_factory=dict)

    def begin(self, stage: str, jobs: int) -> None:
        """A stage starts on ``jobs`` jobs; less than none when it is through with them."""
        with self._lock:
            self._working[stage] = self._working.get(stage, 0) + jobs

    def done(self, stage: str, counts: StageCounts) -> None:
        """A stage is done with a shard."""
        with self._lock:
            self.stages[stage] = add_counts(self.stages.get(stage), counts)
            self._shards[stage] = self._shards.get(stage, 0) + 1

    def begin_anew(self) -> None:
        """Nothing is done yet: what follows will be counted from the start."""
        with self._lock:
            self.stages, self._working, self._shards = {}, {}, {}

    def asked_elsewhere(self, usage: Usage) -> None:
        """Another process is through with a shard, and asked so much for it."""
        with self._lock:
            total = self.elsewhere or Usage()
            summed = {name: value + getattr(total, name) for name, value in usage.model_dump().items()}
            self.elsewhere = Usage(**summed)

    def keep(self, kept: int, expected: int | None = None) -> None:
        """So many rows have survived everything, all in all; it will take ``expected`` shards."""
        self.kept, self.expected = min(kept, self.wanted or kept), expected

    def shards_of(self, stage: str) -> tuple[int, int | None]:
        """The shards that a stage is through with, and how many it will have to be."""
        done = self._shards.get(stage, 0)
        return done, None if self.expected is None else max(done, self.expected)

    def mark(self) -> None:
        """Put the present state down in the timeline; where that grows long, every second moment is dropped."""
        asked = self.asked()
        self.timeline.append(Moment(time.monotonic() - self.started, self.kept, asked.requests, asked.tokens))
        if len(self.timeline) > MOMENTS:
            del self.timeline[1:-1:2]

    def asked(self) -> Asked:
        """What the models were asked so far in this attempt, here and elsewhere."""
        live = self.live() if callable(self.live) else self.live
        others = self.elsewhere or Usage()
        if live is None:
            return Asked(others.requests, others.prompt_tokens + others.completion_tokens)
        tokens = live.prompt_tokens + live.completion_tokens + others.prompt_tokens + others.completion_tokens
        return Asked(live.requests + others.requests, tokens)

    @property
    def seconds_left(self) -> float | None:
        """By the rate so far; None while nothing has come through."""
        if not self.kept or not self.wanted:
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
    wanted = f"/{progress.wanted}" if progress.wanted else ""
    return " · ".join([f"{progress.kept}{wanted} rows", *busy, *_asked(progress), f"ETA {_eta(progress)}"])


def _picture(progress: Progress) -> Group:
    wanted = f" of {progress.wanted:,}" if progress.wanted else ""
    head = Text.assemble((progress.dataset, "bold"), f"  {progress.kept:,}{wanted} {progress.counted}")
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
    others, asked = progress.elsewhere or Usage(), progress.asked()
    return [
        f"{asked.requests:,} requests ({live.retries + others.retries:,} retries)",
        f"{asked.tokens:,} tokens",
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
