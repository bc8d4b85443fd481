"""What a self-hosted server says of its own queue, where it says anything: Prometheus text at ``/metrics``.

vLLM, SGLang, llama.cpp and TGI take every request and queue it without a word; but all of them count what waits. Where
the count is to be had, the window need not find out by trying. A server without it is asked once.
"""

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from teachers.clock import Clock
from teachers.gate import Gate, Replica

EVERY = 1.0
"""Seconds between two looks."""
PATIENCE = 5.0
"""Seconds that a look may take: the server may be busy with better things."""
CROWDED = 0.97
"""Share of vLLM's key-value cache in use, above which more requests would only push others out."""
_WAITING = re.compile(
    r"^(?:vllm:num_requests_waiting|sglang:num_queue_reqs|llamacpp:requests_deferred|tgi_queue_size)"
    r"(?:\{[^}]*\})?[ \t]+(\S+)",
    re.MULTILINE,
)
_CACHE = re.compile(r"^vllm:(?:kv_cache_usage_perc|gpu_cache_usage_perc)(?:\{[^}]*\})?[ \t]+(\S+)", re.MULTILINE)


class Pulse:
    """Looks at the metrics of each replica while requests are in flight."""

    def __init__(self, replicas: Sequence[Replica], gate: Gate, clock: Clock) -> None:
        self._replicas = [replica for replica in replicas if replica.access.url is not None]
        self._gate = gate
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] | None = None

    def start(self) -> None:
        """Begin, on the running loop, unless it has begun."""
        if self._tasks is None:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._watch(replica)) for replica in self._replicas]

    async def close(self) -> None:
        """End."""
        tasks = self._tasks or []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, replica: Replica) -> None:
        url = metrics_url(replica.access.url or "")
        known = False
        while True:
            await self._clock.sleep(EVERY)
            if not replica.window.in_flight or not replica.breaker.closed:
                continue
            text = await replica.access.read(url, PATIENCE)
            found = None if text is None else waiting(text)
            if found is None and not known:
                return
            known = True
            if found is not None:
                replica.window.observe(self._clock.time(), found, cache_in_use(text or "") >= CROWDED)
                self._gate.hand_out()


def metrics_url(base_url: str) -> str:
    """Where a server whose API is at ``base_url`` has its metrics."""
    parts = urlsplit(base_url)
    path = re.sub(r"/v\d+/?$", "", parts.path.rstrip("/"))
    return urlunsplit((parts.scheme, parts.netloc, f"{path}/metrics", "", ""))


def waiting(text: str) -> int | None:
    """Requests in the server's queue; None where it does not say."""
    counts = _numbers(_WAITING, text)
    return round(sum(counts)) if counts else None


def cache_in_use(text: str) -> float:
    """Share of the key-value cache in use, of the fullest engine; 0 where it is not told."""
    return max(_numbers(_CACHE, text), default=0.0)


def _numbers(pattern: re.Pattern[str], text: str) -> list[float]:
    found = []
    for number in pattern.findall(text):
        try:
            value = float(number)
        except ValueError:
            continue
        if 0 <= value < float("inf"):
            found.append(value)
    return found
