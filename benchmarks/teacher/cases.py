"""The cases: what the engine must reach, each against a baseline that is measured in turn with it.

A case takes the ``Bench`` and gives its figures. Rates count the whole run, the search for the window's size included,
except where a case is about the time after that (*steady*).
"""

from collections.abc import Callable

from benchmarks.teacher.bench import Bench
from benchmarks.teacher.figures import Figure, compared
from benchmarks.teacher.load import Measure
from benchmarks.teacher.slots import slots

RATE = "requests/s"
MIB = 2**20


def fixed(bench: Bench) -> list[Figure]:
    """200 ms, 200 and 100 in flight: against the loop that everyone writes, and against what is possible at all."""
    with bench.serving("--latency", "0.2") as server:
        pairs = [
            (bench.client("ours", server, 5_000, 200), bench.client("bare", server, 5_000, 200))
            for _ in range(bench.rounds)
        ]
        narrow = [bench.client("ours", server, 5_000, 100) for _ in range(bench.rounds)]
    ceiling = Measure(100, 0, seconds=0.2, cpu=0.0, peak=0, steady=0.0)
    return [
        compared("fixed 200 ms, 200", RATE, pairs, _rate, "bare openai", "≥", 1.4),
        compared("fixed 200 ms, 200", "CPU ms/request", pairs, _cpu, "bare openai", "≤", 0.65),
        compared("fixed 200 ms, 100", RATE, [(each, ceiling) for each in narrow], _rate, "ceiling", "≥", 0.9),
    ]


def wide(bench: Bench) -> list[Figure]:
    """1 s, 1,024 in flight: many connections, and a window that has far to grow."""
    with bench.serving("--latency", "1") as server:
        pairs = [
            (bench.client("ours", server, 15_000, 1_024), bench.client("floor", server, 15_000, 1_024))
            for _ in range(bench.rounds)
        ]
    return [compared("fixed 1 s, 1,024", RATE, pairs, _rate, "raw aiohttp", "≥", 0.55)]


def tail(bench: Bench) -> list[Figure]:
    """A long tail: a slow answer must hold up nobody."""
    with bench.serving("--latency", "lognormal:mean=0.2,sigma=1") as server:
        against_bare = [
            (bench.client("ours", server, 10_000, 200), bench.client("bare", server, 10_000, 200))
            for _ in range(bench.rounds)
        ]
        against_floor = [
            (bench.client("ours", server, 5_000, 100), bench.client("floor", server, 5_000, 100))
            for _ in range(bench.rounds)
        ]
    return [
        compared("long tail, 200", RATE, against_bare, _rate, "bare openai", "≥", 1.2),
        compared("long tail, 100", RATE, against_floor, _rate, "raw aiohttp", "≥", 0.9),
    ]


def refusals(bench: Bench) -> list[Figure]:
    """10 % 429s that ask for a second: no reason to slow down for the others."""
    refusing = ("--latency", "0.2", "--fault", "rate_limit=0.1", "--fault", "retry_after=1")
    with bench.serving("--latency", "0.2") as calm, bench.serving(*refusing) as server:
        pairs = [
            (bench.client("ours", server, 10_000, 200), bench.client("ours", calm, 10_000, 200))
            for _ in range(bench.rounds)
        ]
    return [compared("10 % 429, 200", f"steady {RATE}", pairs, _steady, "without", "≥", 0.8)]


def memory(bench: Bench) -> list[Figure]:
    """Twenty times the requests in hardly more memory."""
    with bench.serving("--latency", "0.05") as server:
        pairs = [(bench.client("ours", server, 100_000, 200), bench.client("ours", server, 5_000, 200))]
    return [compared("100,000 requests", "peak MiB", pairs, _mib, "of 5,000", "≤", 1.3)]


def one_bad(bench: Bench) -> list[Figure]:
    """One prompt in 1,000 is refused whenever it is asked: that row is lost, and nothing else."""
    refusing = ("--latency", "0.2", "--fault", "bad_request=0.001")
    pairs, refused = [], 0
    with bench.serving("--latency", "0.2") as calm, bench.serving(*refusing) as server:
        for _ in range(bench.rounds):
            server.reset()
            pairs.append((bench.client("ours", server, 10_000, 200), bench.client("ours", calm, 10_000, 200)))
            refused = server.stats()["faults"].get("bad_request", 0)
    rejected, asked = pairs[-1][0].rejected, pairs[-1][0].answered + pairs[-1][0].rejected
    what = f"rejects of {asked:,}"
    return [
        compared("400 for 1 in 1,000", RATE, pairs, _rate, "without", "≥", 0.95),
        Figure("400 for 1 in 1,000", what, rejected, refused, "refused", rejected / max(1, refused), "=", 1.0),
    ]


CASES: dict[str, Callable[[Bench], list[Figure]]] = {
    "fixed": fixed,
    "wide": wide,
    "tail": tail,
    "refusals": refusals,
    "memory": memory,
    "slots": slots,
    "one_bad": one_bad,
}


def _rate(measure: Measure) -> float:
    return measure.rate


def _steady(measure: Measure) -> float:
    return measure.steady


def _cpu(measure: Measure) -> float:
    return measure.cpu_each


def _mib(measure: Measure) -> float:
    return measure.peak / MIB
