"""Who may send next: places in the windows of a model's endpoints, handed out in the order of the work.

A place is held for one attempt only, never while waiting for the next, so a request in trouble holds up nobody. An
attempt that *failed* keeps its place for as long as an answer usually takes: what an endpoint refuses at once would
else be sent again at once, thousands of times a second, and of several endpoints a broken one would look the emptiest.

Earlier shards go first: so whole shards get done, and a run that stops has few that are half done.

Of several endpoints the one with the most room is taken, in proportion to what it can take; one that is down gets a
single probe now and then (``breaker.py``). Used on the event loop only.
"""

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from teachers.access import Access
from teachers.breaker import Breaker
from teachers.clock import Clock
from teachers.failures import Failure
from teachers.rates import Rates, Told
from teachers.window import Window

NO_HEADERS: Mapping[str, str] = {}


@dataclass(eq=False)
class Replica:
    """One endpoint of a model, and what is known of its state."""

    access: Access
    window: Window
    breaker: Breaker = field(default_factory=Breaker)
    told: Told = field(default_factory=Told)
    sent: int = 0
    """Requests so far."""
    answered_at: float = 0.0
    """When it last answered one."""
    useless: Failure | None = None
    """Why it is never asked again, if it is not."""

    def wait(self, now: float) -> float | None:
        """Seconds until a request may be sent here; None until something else happens first."""
        wait = self.breaker.wait(now) if self.useless is None else None
        if wait is None or (self.window.in_flight >= self.window.size and self.breaker.closed):
            return None
        return max(wait, self.told.wait(now))


@dataclass(slots=True)
class Place:
    """The right to send one request to ``replica``."""

    replica: Replica
    since: float
    set_aside: float
    """Tokens that the rates were charged beforehand."""
    probe: bool = False
    """Whether this request tries out an endpoint that was down."""


@dataclass(slots=True)
class Turn:
    """Where a request stands in the queue: at the same place again when it comes back for another attempt."""

    rank: int
    tokens: float = 0.0
    """A guess at what it will use."""
    avoid: Replica | None = None
    """Where it has just failed."""
    suspect: int = 0
    """How often it failed in a way that may be its own fault…"""
    failed_at: float = float("inf")
    """…and when it first did."""
    number: int = 0


class Gate:
    """Hands out places: at most ``cap`` at a time over all ``replicas``, and no more a minute than ``rates`` allow."""

    def __init__(self, replicas: Sequence[Replica], cap: int, rates: Rates, clock: Clock) -> None:
        self.replicas = replicas
        self.taken = 0
        self._cap = cap
        self._rates = rates
        self._clock = clock
        self._queue: list[tuple[int, int, asyncio.Future[Place], Turn]] = []
        self._number = 0
        self._wake: asyncio.Task[None] | None = None
        self._wake_at = 0.0
        self._background: set[asyncio.Task[None]] = set()

    async def enter(self, turn: Turn) -> Place:
        """Wait for a place; of those who wait, the lowest rank is next, and the first to come among equals."""
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        if not turn.number:
            self._number += 1
            turn.number = self._number
        heapq.heappush(self._queue, (turn.rank, turn.number, future, turn))
        self.hand_out()
        if future.done():
            return future.result()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.fail(future.result(), hold=False)
            raise

    @property
    def held_back(self) -> float:
        """Seconds that requests wait only because of rates: a cap, or what all endpoints say of theirs."""
        if not self._queue:
            return 0.0
        now = self._clock.time()
        return max(self._rates.wait(now), min(replica.told.wait(now) for replica in self.useful))

    @property
    def useful(self) -> list[Replica]:
        """Those that are asked; never none."""
        return [replica for replica in self.replicas if replica.useless is None]

    def answer(
        self, place: Place, completion_tokens: int, tokens: int, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        """The request was answered, with so many completion tokens, of so many tokens in all."""
        now, replica = self._clock.time(), place.replica
        self._rates.answered(now, place.set_aside, tokens)
        replica.answered_at = now
        replica.told.hear(now, headers, self._rates.usual_tokens)
        replica.window.answer(now, now - place.since, completion_tokens)
        self.alive(replica)
        self._free()

    def alive(self, replica: Replica) -> None:
        """The endpoint gave a sign of life."""
        if replica.breaker.answered():
            replica.window.restart(self._clock.time())

    def refuse(self, place: Place, hold: bool) -> None:
        """The endpoint had enough (429, 503, no answer in time); ``hold``: the place is kept for a while."""
        now, window = self._clock.time(), place.replica.window
        self._rates.answered(now, place.set_aside, 0)
        place.replica.breaker.released(place.probe)
        window.refuse(now, now - place.since)
        self._later(place, hold, lambda: window.free(self._clock.time()))

    def fail(self, place: Place, hold: bool) -> None:
        """The attempt ended in a way that says nothing about what the endpoint can take."""
        window = place.replica.window
        self._rates.answered(self._clock.time(), place.set_aside, 0)
        place.replica.breaker.released(place.probe)
        self._later(place, hold, lambda: window.drop(self._clock.time(), self._clock.time() - place.since))

    async def close(self) -> None:
        """End what waits in the background."""
        tasks = [*self._background, *([self._wake] if self._wake else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _later(self, place: Place, hold: bool, release: Callable[[], None]) -> None:
        """Free the place: at once, or when an answer would have come."""
        rest = place.replica.window.usual - (self._clock.time() - place.since) if hold else 0.0
        if rest <= 0:
            release()
            self._free()
            return

        async def wait() -> None:
            await self._clock.sleep(rest)
            release()
            self._free()

        task = asyncio.get_running_loop().create_task(wait())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _free(self) -> None:
        self.taken -= 1
        self.hand_out()

    def hand_out(self) -> None:
        """Hand out what places there are; to be called when something outside has changed, such as a window."""
        while self._queue and self.taken < self._cap:
            _, _, future, turn = self._queue[0]
            if future.done():  # cancelled
                heapq.heappop(self._queue)
                continue
            now = self._clock.time()
            wait = self._rates.wait(now)
            replica = None
            if wait <= 0:
                replica, wait = self._choose(now, turn)
            if replica is None:
                self._come_back(now, wait)
                return
            _, _, future, turn = self._pop(probe=not replica.breaker.closed)
            future.set_result(self._place(replica, turn, now))

    def _pop(self, probe: bool) -> tuple[int, int, asyncio.Future[Place], Turn]:
        """Take out of the queue who is next; as a probe, whose failure would say most about the endpoint."""
        if not probe or not self._queue[0][-1].suspect:
            return heapq.heappop(self._queue)
        waiting = [entry for entry in self._queue if not entry[2].done()]
        best = min(waiting, key=lambda entry: (entry[-1].suspect, entry[:2]))
        waiting.remove(best)
        heapq.heapify(waiting)
        self._queue = waiting
        return best

    def _choose(self, now: float, turn: Turn) -> tuple[Replica | None, float]:
        """The endpoint to ask next; else the seconds until one may be asked, ``inf`` if only an answer can help."""
        waits = [(wait, replica) for replica in self.replicas if (wait := replica.wait(now)) is not None]
        open_now = [replica for wait, replica in waits if wait <= 0]
        if open_now:
            elsewhere = [replica for replica in open_now if replica is not turn.avoid]
            return min(elsewhere or open_now, key=_fullness), 0.0
        return None, min((wait for wait, _ in waits), default=float("inf"))

    def _place(self, replica: Replica, turn: Turn, now: float) -> Place:
        self.taken += 1
        replica.sent += 1
        probe = replica.breaker.sent()
        replica.window.enter(now)
        set_aside = self._rates.sent(now, turn.tokens)
        replica.told.sent(now, set_aside)
        return Place(replica, now, set_aside, probe)

    def _come_back(self, now: float, wait: float) -> None:
        """Look again after ``wait`` seconds, if nothing calls before."""
        if wait == float("inf") or (self._wake is not None and self._wake_at <= now + wait):
            return
        if self._wake is not None:
            self._wake.cancel()
        self._wake_at = now + wait
        self._wake = asyncio.get_running_loop().create_task(self._call_after(wait))

    async def _call_after(self, wait: float) -> None:
        await self._clock.sleep(wait)
        self._wake = None
        self.hand_out()


def _fullness(replica: Replica) -> tuple[float, int]:
    # One that is down comes first: its probe is due, and costs the others nothing.
    full = -1.0 if not replica.breaker.closed else replica.window.in_flight / replica.window.size
    return full, replica.sent
