"""An endpoint that takes so many requests at a time and queues the rest without a word, as vLLM does.

The engine is told nothing and must find out how many requests are worth sending: as fast as the best fixed window, with
no more waiting in the server's queue than the server works on. Then the slots are halved, and doubled again, while it
asks.
"""

import time
from dataclasses import dataclass
from tempfile import TemporaryDirectory

from benchmarks.teacher.bench import Bench, Server, asking
from benchmarks.teacher.figures import Figure
from benchmarks.teacher.load import Job

SLOTS = (64, 32, 64)
LATENCY = 0.2
PHASE = 60.0
"""Seconds until the window must have settled; judged by what happens in the last third."""
POLL = 0.25
FIXED_SECONDS = 8.0
CAP = 512
"""As in a recipe that names no concurrency."""


@dataclass(frozen=True)
class Seen:
    """What the server said at a moment."""

    at: float
    completions: int
    queued: int


def slots(bench: Bench) -> list[Figure]:
    """Throughput and queue in each phase, against the best of three fixed windows."""
    with bench.serving("--latency", str(LATENCY), "--slots", str(SLOTS[0])) as server:
        best = {size: _best_fixed(bench, server, size) for size in sorted(set(SLOTS))}
        phases = _phases(server, PHASE * max(0.3, bench.share))
    figures = []
    for number, (size, seen) in enumerate(zip(SLOTS, phases, strict=True)):
        case = f"{size} slots, {'from the start' if not number else 'changed while asking'}"
        rate, queue = rate_of(seen), max(each.queued for each in seen)
        figures += [
            Figure(case, "settled requests/s", rate, best[size], "best fixed", rate / best[size], "≥", 0.95),
            Figure(case, "queued at most", queue, size, "slots", queue / size, "≤", 1.0),
        ]
    return figures


def rate_of(seen: list[Seen]) -> float:
    """Completions a second."""
    return (seen[-1].completions - seen[0].completions) / (seen[-1].at - seen[0].at)


def _best_fixed(bench: Bench, server: Server, size: int) -> float:
    server.resize(size)
    requests = round(size / LATENCY * FIXED_SECONDS)
    windows = (size // 2, size, 2 * size)
    return max(bench.client("ours", server, requests, window, adaptive=False).steady for window in windows)


def _phases(server: Server, seconds: float) -> list[list[Seen]]:
    """What the server said in the last third of each phase."""
    server.resize(SLOTS[0])
    server.reset()
    # More than can be answered; the client is ended when all has been seen.
    requests = round(2 * max(SLOTS) / LATENCY * seconds * len(SLOTS))
    seen = []
    with TemporaryDirectory() as folder, asking(Job("ours", server.url, requests, CAP, folder)) as process:
        while not server.stats()["completions"]:
            if process.poll() is not None:
                raise RuntimeError("the client ended before it had asked; its traceback is above")
            time.sleep(POLL)
        for size in SLOTS:
            server.resize(size)
            seen.append(_watched(server, seconds))
    return seen


def _watched(server: Server, seconds: float) -> list[Seen]:
    began, seen = time.monotonic(), list[Seen]()
    while (now := time.monotonic()) - began < seconds:
        told = server.stats()
        if now - began >= seconds * 2 / 3:
            seen.append(Seen(now, told["completions"], told["queued"]))
        time.sleep(POLL)
    return seen
