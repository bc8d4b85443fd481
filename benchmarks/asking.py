"""What the house adds to a request: key, seed, payload, completion log, accounting.

Asks the same requests of the same offline endpoint, once in a bare loop over the teachers and once through the driver
with the completion log on disk, in turn. The figure is the ratio of CPU time; absolute times are of this machine.

    python -m benchmarks.asking [--requests 2000] [--rounds 3]
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from flows.drive import drive_all
from schemas.exchange import Completion, Message, Prompt
from schemas.manifest import Usage
from schemas.recipe import Model
from schemas.stage import Steps, ask
from teachers.asker import Asker
from teachers.client import Teachers
from teachers.log import CompletionLog


def prompts(requests: int) -> list[Prompt]:
    """Requests that differ, such as a stage sends."""
    return [Prompt((Message("user", f"Say the number {number}."),)) for number in range(requests)]


def one(prompt: Prompt) -> Steps[Completion]:
    """A method of one step."""
    return (yield from ask(prompt))


def bare(teachers: Teachers, asked: list[Prompt]) -> float:
    """CPU seconds of a plain loop."""

    async def loop() -> None:
        await asyncio.gather(*(teachers.complete(prompt, seed) for seed, prompt in enumerate(asked)))

    started = time.process_time()
    teachers.run(loop())
    return time.process_time() - started


def driven(teachers: Teachers, asked: list[Prompt], folder: Path) -> float:
    """CPU seconds through driver, asker and log."""
    started = time.process_time()
    with CompletionLog.open(folder / "completions.log") as log:
        asker = Asker(teachers, log, Usage())
        jobs = [(str(place), one(prompt)) for place, prompt in enumerate(asked)]
        teachers.run(drive_all(jobs, asker.ask, "benchmark"))
    return time.process_time() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    asked = prompts(options.requests)
    ratios = []
    with Teachers({"teacher": Model(model="builtin", concurrency=64)}) as teachers:
        bare(teachers, asked)  # warm
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                plain, full = bare(teachers, asked), driven(teachers, asked, Path(folder))
            ratios.append(full / plain)
            each = 1000 / options.requests
            print(f"bare {plain * each:.2f} ms a request, driven and logged {full * each:.2f} ms: ×{ratios[-1]:.2f}")
    print(f"median ×{statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
