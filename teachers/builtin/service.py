"""The offline teacher with limited means: quota, slots and the time that a reply takes, around an ``Endpoint``.

One ``Service`` is one machine that answers. It knows no HTTP: a ``Caller`` waits and takes the response, over a socket
(``server.py``) or in the same process (``transport.py``).
"""

import hashlib
import time
from asyncio import Future
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from teachers.builtin.capacity import Quota, Slots
from teachers.builtin.endpoint import Endpoint
from teachers.builtin.tally import Tally
from teachers.builtin.wire import MODEL, Response, refused, retry_after


class HungUp(Exception):
    """The caller is gone; nobody waits for the response."""


class Caller(Protocol):
    """Who waits for a response. Each of these raises ``HungUp`` once nobody does."""

    async def turn(self, slot: Future[None]) -> None:
        """Wait for a slot."""
        ...

    async def pause(self, seconds: float) -> None:
        """Wait for the reply."""
        ...

    async def take(self, response: Response) -> None:
        """Get the response, or what its fate is."""
        ...


class Service:
    """An endpoint at its pace. ``clock`` gives seconds, for quota and spells."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float] = time.monotonic) -> None:
        self.endpoint = endpoint
        self.slots = Slots(endpoint.faults.slots)
        self._tally = Tally()
        self._clock = clock
        per_minute = endpoint.faults.requests_per_minute
        self._quota = Quota(per_minute, clock) if per_minute else None
        self._spell_requests = 0
        self._spell_until = clock()

    async def attend(self, body: bytes, caller: Caller) -> None:
        """Answer one request for a chat completion."""
        prompt = _digest(body)
        self._tally.arrived(prompt)
        admission, refusal = self._admit()
        try:
            if refusal is not None:
                await caller.take(refusal)
                return
            await self._take_slot(caller)
            try:
                await self._answer(body, prompt, caller, admission)
            finally:
                self.slots.release()
        except HungUp:
            self._tally.abandoned += 1

    def batch_line(self, body: bytes) -> Response:
        """The answer to one line of a batch: no slots, no time, and counted all the same."""
        prompt = _digest(body)
        self._tally.arrived(prompt)
        response = self.endpoint.batch_line(body)
        self._tally.sent(prompt, response)
        return response

    def expires(self, batch: bytes) -> bool:
        """Whether the batch with this input expires half done, this time."""
        return self.endpoint.expires(batch)

    def stats(self) -> dict[str, Any]:
        """What was served; see ``Tally``."""
        return self._tally.shown(self.slots.running, self.slots.waiting)

    def reset(self) -> None:
        """Count anew. What is in flight stays so."""
        self._tally = Tally()
        self._tally.level(self.slots.running, self.slots.waiting)

    def metrics(self) -> str:
        """The gauges that vLLM has, in Prometheus' text form. The cache is as full as the slots are."""
        size = self.slots.size
        gauges = {
            "num_requests_running": ("Requests being answered.", self.slots.running),
            "num_requests_waiting": ("Requests waiting for a slot.", self.slots.waiting),
            "kv_cache_usage_perc": ("Share in use; 1 is all.", min(1.0, self.slots.running / size) if size else 0.0),
        }
        lines = []
        for name, (meaning, value) in gauges.items():
            lines += [f"# HELP vllm:{name} {meaning}", f"# TYPE vllm:{name} gauge"]
            lines.append(f'vllm:{name}{{engine="0",model_name="{MODEL}"}} {float(value)}')
        return "\n".join([*lines, ""])

    def _admit(self) -> tuple[dict[str, str], Response | None]:
        """Headers for whatever goes back, and the refusal of a request that is too many."""
        headers: dict[str, str] = {}
        if self._quota is not None:
            standing = self._quota.ask()
            headers = self._quota.headers(standing)
            if not standing.admitted:
                self._tally.turned_away["quota"] += 1
                told = f"Rate limit reached on requests per min (RPM): Limit {self._quota.limit}"
                return headers, refused(429, told, headers, kind="requests", code="rate_limit_exceeded")
        faults = self.endpoint.faults
        if faults.beyond == "queue" or self.slots.free:
            return headers, None
        self._tally.turned_away["slots"] += 1
        if faults.beyond == "429":
            headers |= retry_after(faults.retry_after)
        return headers, refused(int(faults.beyond), "All slots are taken", headers)

    async def _take_slot(self, caller: Caller) -> None:
        turn = self.slots.take()
        self._tally.level(self.slots.running, self.slots.waiting)
        if turn is not None:
            try:
                await caller.turn(turn)
            except BaseException:
                # A client that gives up in the queue must not keep a slot that it was just given.
                self.slots.give_up(turn)
                raise
            self._tally.level(self.slots.running, self.slots.waiting)
        self._tally.attempts += 1

    async def _answer(self, body: bytes, prompt: bytes, caller: Caller, headers: dict[str, str]) -> None:
        response, seconds = self._respond(body)
        if headers:
            response = replace(response, headers={**response.headers, **headers})
        await caller.pause(seconds)
        if response.fate != "answer":
            # Counted first: it ends with the caller gone.
            self._tally.sent(prompt, response)
        await caller.take(response)
        if response.fate == "answer":
            self._tally.sent(prompt, response)

    def _respond(self, body: bytes) -> tuple[Response, float]:
        if self._in_spell():
            return self.endpoint.unavailable(body), 0.0
        visit = self.endpoint.visit(body)
        if visit.response.fault == "unavailable":
            self._spell_requests = self.endpoint.faults.spell_requests - 1
            self._spell_until = self._clock() + self.endpoint.faults.spell_seconds
        return visit.response, visit.seconds

    def _in_spell(self) -> bool:
        if self._spell_requests > 0:
            self._spell_requests -= 1
            return True
        return bool(self.endpoint.faults.unavailable) and self._clock() < self._spell_until


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()
