"""A run in the worst of weathers, held against the same run in calm: not a byte differs, and nothing is paid for twice.

    python -m benchmarks.soak [--rows 3900] [--kills 10] [--seed 7] [--folder DIR]

The same recipe is run twice through the command line against the offline teacher's server. Calm: the server spoils
replies (out of format, cut off, empty, …) and refuses prompts, which are the same ones in every run. Storm: it also
fails in every way that passes (429, 500, 503 spells, broken connections, hangs, …), and the client is killed with
``kill -9`` at random moments and started again. Prints what held, and exits with 1 if anything did not.

Every attempt fails by chance and is asked again, so nothing may depend on luck: with a tenth of the attempts failing,
50 of them all fail once in 10**50 requests.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from benchmarks.prefect_server import prefect_server
from benchmarks.teacher.bench import ROOT, Server, serving
from outputs.dataset import read_dataset, verify
from teachers.log import read_log

CONTENT = {
    "malformed": 0.015,
    "truncated": 0.015,
    "refusal": 0.015,
    "duplicate": 0.015,
    "wrong": 0.015,
    "empty": 0.015,
    "bad_request": 0.01,
}
"""A tenth of all prompts; the same ones whenever they are asked, so they stand in both runs."""
PASSING = {
    "rate_limit": 0.015,
    "rate_limit_bare": 0.01,
    "server_error": 0.015,
    "disconnect": 0.01,
    "reset": 0.01,
    "broken_json": 0.01,
    "wrong_type": 0.01,
    "timeout": 0.005,
    "drip": 0.005,
    "unavailable": 0.001,
}
"""Another tenth: an ``unavailable`` begins a spell of ten requests, as the server does by itself."""
LATENCY = "lognormal:mean=0.05,sigma=1"
IN_FLIGHT = 64
POLL = 0.02
PATIENCE = 1800.0
"""Seconds for one run, and for a moment to come."""


@dataclass(frozen=True)
class Plan:
    """What is run."""

    rows: int = 3900
    prompts: int = 8
    """Of a round of the source: what a shard begins with."""
    kills: int = 10
    seed: int = 7
    """Of the moments of the kills."""


@dataclass(frozen=True)
class Kill:
    """What one ``kill -9`` cost, by the server's count and the completion logs."""

    at: int
    """Prompts answered by then."""
    lost: int
    """Prompts that were answered, and are in no log: the client had them in flight."""


@dataclass
class Found:
    """What came out: each claim with whether it held, and the figures behind it."""

    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def claim(self, held: bool, otherwise: str) -> None:
        """Note what is wrong unless ``held``."""
        if not held:
            self.broken.append(otherwise)


def soak(plan: Plan, folder: Path, environment: Mapping[str, str]) -> Found:
    """Run in calm and in storm below ``folder``; ``environment`` names a running Prefect server."""
    found = Found()
    with serving(*_options(CONTENT)) as server:
        client = _Client(folder, "calm", server.url, plan, environment)
        client.finish()
        calm = server.stats()
    with serving(*_options(CONTENT | PASSING)) as server:
        client = _Client(folder, "storm", server.url, plan, environment)
        moments = sorted(random.Random(plan.seed).sample(range(1, calm["answered_prompts"]), plan.kills))
        kills = [client.killed_at(moment, server) for moment in moments]
        client.finish()
        storm = server.stats()
    found.figures = {"calm": calm, "storm": storm, "kills": [asdict(kill) for kill in kills]}
    _judge_counts(found, calm, storm, kills)
    _judge_files(found, folder)
    return found


def _judge_files(found: Found, folder: Path) -> None:
    datasets = [folder / root / "datasets" / "soak" / "v1" for root in ("calm", "storm")]
    first, second = (_parquet(dataset) for dataset in datasets)
    differing = sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))
    found.claim(bool(first) and not differing, f"files differ: {', '.join(differing) or 'there are none'}")
    for dataset in datasets:
        found.broken += [f"{dataset.parents[2].name}: {told}" for told in unsound(dataset)]


def _judge_counts(found: Found, calm: dict[str, Any], storm: dict[str, Any], kills: Sequence[Kill]) -> None:
    found.claim(
        calm["answered_prompts"] == storm["answered_prompts"],
        f"{storm['answered_prompts']:,} prompts were answered, in calm {calm['answered_prompts']:,}",
    )
    found.claim(calm["duplicates"] == 0, f"in calm {calm['duplicates']:,} prompts were answered twice")
    for kill in kills:
        found.claim(
            kill.lost <= IN_FLIGHT,
            f"the kill at {kill.at:,} lost {kill.lost:,} answers, and only {IN_FLIGHT} can be in flight",
        )
    lost = sum(kill.lost for kill in kills)
    found.claim(
        storm["duplicates"] <= lost,
        f"{storm['duplicates']:,} prompts were answered twice; the kills account for {lost:,}",
    )
    quiet = sorted(PASSING.keys() - storm["faults"].keys())
    found.claim(not quiet, f"these faults never came: {', '.join(quiet)}; make more rows")


def unsound(folder: Path) -> list[str]:
    """What is wrong with a dataset, a sentence each: its files, its books, a row without an outcome."""
    dataset = read_dataset(folder)
    funnel, manifest = dataset.manifest.funnel, dataset.manifest
    rows = pl.read_parquet(folder / "data" / "*.parquet")
    rejects = sum(shard.rows for shard in manifest.rejects)
    problems = verify(dataset)
    problems += [f"{counts.stage} does not balance" for counts in funnel if not counts.balanced()]
    problems += [
        f"{after.stage} got {after.rows_in:,} rows, {before.stage} gave {before.rows_out:,}"
        for before, after in pairwise(funnel)
        if after.rows_in != before.rows_out
    ]
    if rejects != (booked := sum(counts.rejected + counts.discarded for counts in funnel)):
        problems.append(f"{rejects:,} rejects are written, {booked:,} are booked")
    if rows["id"].n_unique() != rows.height or rows.height != manifest.rows:
        problems.append(f"{rows.height:,} rows, {rows['id'].n_unique():,} ids, the manifest says {manifest.rows:,}")
    return problems


class _Client:
    """``instructloom run``, again and again in the same folder."""

    def __init__(self, folder: Path, root: str, url: str, plan: Plan, environment: Mapping[str, str]) -> None:
        self._folder = folder
        recipe = folder / f"{root}.yaml"
        recipe.write_text(yaml.safe_dump(_recipe(url, plan)), encoding="utf-8")
        self._root = folder / root
        self._arguments = [sys.executable, "-m", "flows.cli", "run", str(recipe), "--root", str(self._root)]
        self._environment = {**environment, "PYTHONPATH": str(ROOT)}

    def finish(self) -> None:
        """Run to the end.

        Raises:
            RuntimeError: it failed.
        """
        done = subprocess.run(
            self._arguments,
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"the run failed (exit {done.returncode}): {done.stderr.strip()}")

    def killed_at(self, moment: int, server: Server) -> Kill:
        """Run until so many prompts were answered, at least one by this process, then ``kill -9``."""
        moment = max(moment, server.stats()["answered_prompts"] + 1)
        ends = time.monotonic() + PATIENCE
        with subprocess.Popen(
            self._arguments,
            env=self._environment,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                while server.stats()["answered_prompts"] < moment:
                    if process.poll() is not None or time.monotonic() > ends:
                        raise RuntimeError(f"the run ended or hung before {moment:,} prompts were answered")
                    time.sleep(POLL)
            finally:
                process.kill()
            if process.wait() != -signal.SIGKILL:
                raise RuntimeError(f"the run ended before it could be killed at {moment:,} answered prompts")
        return self._cost(server)

    def _cost(self, server: Server) -> Kill:
        # Only once the server has noticed that nobody listens any more does it count no further answer.
        while (told := server.stats())["in_flight"] + told["queued"]:
            time.sleep(POLL)
        logged = set[str]()
        for log in self._root.glob("runs/*/*/*/completions.log"):
            logged.update(record.digest for record in read_log(log) if record.completion.prompt_tokens)
        return Kill(told["answered_prompts"], told["answered_prompts"] - len(logged))


def _recipe(url: str, plan: Plan) -> dict[str, Any]:
    # A hang costs the time-out and nothing else, so that is short; no row may be lost to bad luck.
    model = {"model": "builtin", "base_url": url, "concurrency": IN_FLIGHT, "timeout": 5.0, "max_attempts": 50}
    return {
        "dataset": "soak",
        "rows": plan.rows,
        "seed": 5,
        "seeds": {"path": ["builtin:en", "builtin:zh"]},
        "models": {"teacher": model},
        "stages": [
            {"use": "self_instruct", "prompts_per_round": plan.prompts},
            {"use": "evol_instruct", "rounds": 2},
            {"use": "topic_guided", "share": 0.3},
            {"use": "respond"},
            {"use": "chain_of_thought"},
            {"use": "heuristics"},
            {"use": "minhash"},
        ],
    }


def _options(faults: Mapping[str, float]) -> list[str]:
    named = [option for kind, rate in faults.items() for option in ("--fault", f"{kind}={rate}")]
    return ["--latency", LATENCY, "--seed", "3", *named]


def _parquet(dataset: Path) -> dict[str, bytes]:
    return {path.relative_to(dataset).as_posix(): path.read_bytes() for path in dataset.glob("*/*.parquet")}


def main() -> int:
    """Soak and report; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--rows", type=int, default=Plan.rows)
    parser.add_argument("--kills", type=int, default=Plan.kills)
    parser.add_argument("--seed", type=int, default=Plan.seed, help="of the moments of the kills")
    parser.add_argument("--folder", type=Path, help="keep the runs here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with prefect_server(Path(temporary) / "prefect") as environment:
            found = soak(
                Plan(rows=options.rows, kills=options.kills, seed=options.seed), folder.absolute(), environment
            )
    for name, figure in found.figures.items():
        print(f"{name}: {json.dumps(figure)}")
    for told in found.broken:
        print(f"BROKEN: {told}")
    print("All held." if not found.broken else f"{len(found.broken)} claims did not hold.")
    return int(bool(found.broken))


if __name__ == "__main__":
    sys.exit(main())
