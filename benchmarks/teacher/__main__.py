"""Measures and prints one table; writes it, with the machine's description, as JSON.

    python -m benchmarks.teacher [--only CASE]… [--rounds 3] [--quick] [--out benchmarks/results/teacher.json]

Exits with 1 where a target is missed. Wants a machine with two cores and nothing else to do: ratios bear a slow
machine, but not one that is slow now and then.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

from benchmarks.teacher.bench import Bench
from benchmarks.teacher.cases import CASES
from benchmarks.teacher.figures import Figure, table

OUT = Path(__file__).resolve().parents[1] / "results" / "teacher.json"


def main() -> int:
    """Measure; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.teacher", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(CASES), help="only this case; may be repeated")
    parser.add_argument("--rounds", type=int, default=2, help="turns of each comparison")
    parser.add_argument("--quick", action="store_true", help="a fifth of the requests, one round: for trying")
    parser.add_argument("--out", type=Path, default=OUT, help="where the JSON goes")
    options = parser.parse_args()
    bench = Bench(1, 0.2) if options.quick else Bench(options.rounds, 1.0)
    figures: list[Figure] = []
    for name in options.only or CASES:
        started = time.monotonic()
        figures += CASES[name](bench)
        print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    print(table(figures), flush=True)
    _write(figures, bench, options.out)
    return int(not all(figure.met for figure in figures))


def _write(figures: list[Figure], bench: Bench, out: Path) -> None:
    machine = {
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }
    told = {
        "machine": machine,
        "rounds": bench.rounds,
        "share": bench.share,
        "figures": [figure.to_dict() for figure in figures],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
