"""One client under test, in a process of its own, so that CPU and peak memory are its own.

Prints a ``Measure`` as JSON.

    python -m benchmarks.teacher.clients JOB

- **ours**: driver, asker and completion log on disk, in shards that are driven and dropped, as ``flows/work.py`` does
- **bare**: the plain loop that everyone writes on the openai client, with a semaphore
- **floor**: the same on raw aiohttp: nothing but the request and ``json.loads``

Not here: Prefect, Parquet, generators; what the house adds to a request is in ``benchmarks/asking.py``.
"""

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import aiohttp
import openai

from benchmarks.teacher.load import SYSTEM, Job, Measure, Meter, user_text
from flows.drive import drive_all
from flows.plan import AHEAD
from schemas.exchange import Message, Prompt
from schemas.manifest import Usage
from schemas.recipe import Model
from schemas.stage import Reject, Steps, ask
from teachers.asker import Asker
from teachers.client import Teachers
from teachers.log import CompletionLog

SHARD = 500
"""Rows of a shard, as a recipe's default."""
MODEL = "builtin"


def ours(job: Job, meter: Meter) -> None:
    """The engine, as a run uses it: each shard in a thread, with a log of its own; all requests on one loop."""
    # Without a seed it asks what the other clients ask, and so meets the very same latencies.
    model = Model(model=MODEL, base_url=job.url, concurrency=job.concurrency, adaptive=job.adaptive, send_seed=False)
    with Teachers({"teacher": model}) as teachers, ThreadPoolExecutor(AHEAD) as threads:
        teachers.check()

        def work(shard: int) -> None:
            numbers = range(shard * SHARD, min((shard + 1) * SHARD, job.requests))
            _drive_shard(teachers, Path(job.folder), shard, numbers, meter)

        for _ in threads.map(work, range(-(-job.requests // SHARD))):
            pass


def _drive_shard(teachers: Teachers, folder: Path, shard: int, numbers: range, meter: Meter) -> None:
    with CompletionLog.open(folder / f"completions-{shard}.log") as log:
        asker = Asker(teachers, log, Usage(), rank=shard)
        steps = [(str(number), _row(number, meter)) for number in numbers]
        teachers.run(drive_all(steps, asker.ask, "benchmark", door=teachers.turnstile, rank=shard))


def _row(number: int, meter: Meter) -> Steps[None]:
    try:
        yield from ask(Prompt((Message("system", SYSTEM), Message("user", user_text(number)))))
    except Reject:
        meter.done(answered=False)
        raise
    meter.done(answered=True)


def bare(job: Job, meter: Meter) -> None:
    """The openai client as it comes."""

    async def loop() -> None:
        async with openai.AsyncOpenAI(base_url=job.url, api_key="none") as client:

            async def post(number: int) -> str | None:
                answer = await client.chat.completions.create(
                    model=MODEL,
                    messages=[
                        {"role": "system", "content": SYSTEM},
                        {"role": "user", "content": user_text(number)},
                    ],
                )
                return answer.choices[0].message.content

            await _all_under_a_semaphore(job, meter, post)

    asyncio.run(loop())


def floor(job: Job, meter: Meter) -> None:
    """As little as a client can do."""

    async def loop() -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:

            async def post(number: int) -> str:
                messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": user_text(number)}]
                body = {"model": MODEL, "messages": messages}
                async with session.post(f"{job.url}/chat/completions", json=body) as answer:
                    text: str = json.loads(await answer.read())["choices"][0]["message"]["content"]
                return text

            await _all_under_a_semaphore(job, meter, post)

    asyncio.run(loop())


async def _all_under_a_semaphore(job: Job, meter: Meter, post: Callable[[int], Awaitable[str | None]]) -> None:
    slots = asyncio.Semaphore(job.concurrency)

    async def one(number: int) -> None:
        async with slots:
            text = await post(number)
        meter.done(answered=bool(text))

    await asyncio.gather(*(one(number) for number in range(job.requests)))


CLIENTS = {"ours": ours, "bare": bare, "floor": floor}


def measured(job: Job) -> Measure:
    """Do ``job``."""
    meter = Meter(job.requests)
    started, cpu = time.perf_counter(), time.process_time()
    CLIENTS[job.client](job, meter)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return Measure(meter.answered, meter.rejected, seconds, cpu, peak, meter.steady)


if __name__ == "__main__":
    print(json.dumps(asdict(measured(Job.from_json(sys.argv[1])))))
