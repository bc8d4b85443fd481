"""What Prefect costs: the wall time of a run at the default shard size, and its database after a million rows.

    python -m benchmarks.prefect_cost [--only time|database] [--rows 1000] [--rounds 3] [--latency SPEC]
                                      [--million 1000000] [--yield 0.5]

Time: ``recipes/default.yaml`` against the offline teacher's server, which answers after ``--latency``; in turn in
plain threads and as a Prefect flow that reports to a server of its own, logs included. Both make the same bytes.

Database: the flow of ``--million`` rows with the work taken out (``million.py``), as a deployed run; then the server is
stopped and the size of its SQLite file read. With ``--yield`` a shard keeps that share of what it keeps in a small run:
duplicates grow with the dataset.

Prints the figures and exits with 1 where a bound is missed. Wants a machine with nothing else to do.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.prefect_cost.database import rooms, rows_of, size_of
from benchmarks.prefect_server import prefect_server
from benchmarks.teacher.bench import ROOT, serving
from flows.reporter import FIRST_SECONDS, PACE
from recipes import __file__ as recipes_file

MOST_TIME = 1.05
"""The flow's wall time over that of plain threads."""
MOST_BYTES = 200_000_000
LATENCY = "lognormal:mean=1,sigma=0.5"
PATIENCE = 1800.0
"""Seconds after which a run is taken to hang."""
SETTLED = 3
"""Looks in a row at which no further event was stored…"""
LOOK = 6.0
"""…and seconds between two: the server stores events every five."""
CHANGES = 3
"""Events of a task run: pending, running, completed."""
WEEK = 7 * 86_400.0
"""Seconds that a million rows may take. Prefect keeps events no longer, unless it is told to."""
HEARTBEAT = 180.0
"""Seconds between two events by which a flow run shows that it lives: Prefect's default."""


@dataclass(frozen=True)
class Bound:
    """A figure with what it may be at most."""

    what: str
    figure: float
    most: float

    @property
    def met(self) -> bool:
        """Whether it is no more."""
        return self.figure <= self.most

    def __str__(self) -> str:
        return f"{self.what}: {self.figure:,.3f}, at most {self.most:,.3f}: {'yes' if self.met else 'NO'}"


def default_recipe(**changes: Any) -> dict[str, Any]:
    """``recipes/default.yaml`` with other fields."""
    text = (Path(recipes_file).parent / "default.yaml").read_text(encoding="utf-8")
    recipe: dict[str, Any] = yaml.safe_load(text)
    return recipe | changes


def child(kind: str, recipe: dict[str, Any], folder: Path, environment: dict[str, str], *more: str) -> dict[str, Any]:
    """Run one child to its end; what it measured."""
    (folder / "recipe.json").write_text(json.dumps(recipe), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.prefect_cost.child", kind, folder / "recipe.json", folder / "root", *more],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{kind} failed (exit {done.returncode}):\n{done.stderr[-4000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def measure_time(rows: int, rounds: int, latency: str, environment: dict[str, str]) -> Bound:
    """Plain threads and the flow in turn."""
    pairs: list[tuple[dict[str, Any], dict[str, Any]]] = []
    with serving("--latency", latency) as teacher:
        recipe = default_recipe(rows=rows, models={"teacher": {"model": "builtin", "base_url": teacher.url}})
        for turn in range(rounds):
            both = {}
            for kind in ("plain", "flow") if turn % 2 == 0 else ("flow", "plain"):
                with tempfile.TemporaryDirectory(prefix="prefect-cost-") as folder:
                    both[kind] = child(kind, recipe, Path(folder), environment)
            plain, flow = both["plain"], both["flow"]
            if plain["files"] != flow["files"]:
                raise RuntimeError("the flow and plain threads did not make the same bytes")
            pairs.append((plain, flow))
            print(
                f"plain {plain['seconds']:.1f} s ({plain['cpu']:.1f} s CPU), flow {flow['seconds']:.1f} s"
                f" ({flow['cpu']:.1f} s CPU), {flow['shards']} shards: ×{flow['seconds'] / plain['seconds']:.3f}",
                flush=True,
            )
    cpu = statistics.median(flow["cpu"] / plain["cpu"] for plain, flow in pairs)
    print(f"CPU of the run's process, with Prefect over without, median: ×{cpu:.3f}")
    ratio = statistics.median(flow["seconds"] / plain["seconds"] for plain, flow in pairs)
    return Bound("wall time with Prefect over without, median of the rounds", ratio, MOST_TIME)


def measure_database(rows: int, share: float, folder: Path) -> Bound:
    """The synthetic run, on a server and a database of its own."""
    database = folder / "prefect.db"
    with prefect_server(folder) as environment:
        made = child("million", default_recipe(), folder, environment, str(rows), str(share))
        _settle(database)
    size, tables = size_of(database), {room.table: room for room in rooms(database)}
    for room in list(tables.values())[:8]:
        print(f"  {room.table:<20}{room.rows:>10,} rows {room.bytes / 1e6:>8.1f} MB")
    runs = tables["task_run"].rows
    event = (tables["events"].bytes + tables["event_resources"].bytes) / tables["events"].rows
    each = CHANGES * event + (tables["task_run_state"].bytes + tables["task_run"].bytes) / runs
    print(
        f"{rows:,} rows: {made['shards']:,} shards, {runs:,} task runs in {made['seconds']:.0f} s;"
        f" {each / 1e3:.0f} kB and {1000 * made['cpu'] / runs:.0f} ms of the run's CPU each"
    )
    alone = made["shards"] * made["phases"]
    print(f"with a task for every stage, phase and shard (reckoned): {alone:,} task runs, {alone * each / 1e6:,.0f} MB")
    clock = (WEEK / HEARTBEAT + pictures(WEEK) * (made["stages"] + 1)) * event
    print(f"measured {size / 1e6:.0f} MB; heartbeats and progress of a week (reckoned): {clock / 1e6:.0f} MB")
    return Bound(f"database after {rows:,} rows and a week, MB", (size + clock) / 1e6, MOST_BYTES / 1e6)


def pictures(seconds: float) -> float:
    """How often the progress of a run of so many seconds is drawn (``flows/reporter.py``)."""
    steady = FIRST_SECONDS / PACE
    return min(seconds, steady) / FIRST_SECONDS + max(0.0, math.log(seconds / steady) / math.log(1 + PACE))


def _settle(database: Path) -> None:
    """Wait until the server has stored what it was told."""
    seen: list[int] = []
    while len(seen) < SETTLED or len(set(seen[-SETTLED:])) > 1:
        time.sleep(LOOK)
        seen.append(rows_of(database, "events") + rows_of(database, "task_run_state"))


def main() -> int:
    """Measure and print; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prefect_cost", description=__doc__)
    parser.add_argument("--only", choices=("time", "database"))
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", default=LATENCY, help="of the offline teacher, as `teacher serve` takes it")
    parser.add_argument("--million", type=int, default=1_000_000)
    parser.add_argument("--yield", dest="share", type=float, default=0.5)
    options = parser.parse_args()
    bounds = []
    if options.only != "database":
        with (
            tempfile.TemporaryDirectory(prefix="prefect-cost-") as folder,
            prefect_server(Path(folder)) as environment,
        ):
            bounds.append(measure_time(options.rows, options.rounds, options.latency, environment))
    if options.only != "time":
        with tempfile.TemporaryDirectory(prefix="prefect-cost-") as folder:
            bounds.append(measure_database(options.million, options.share, Path(folder)))
    print(*bounds, sep="\n")
    return int(not all(bound.met for bound in bounds))


if __name__ == "__main__":
    sys.exit(main())
