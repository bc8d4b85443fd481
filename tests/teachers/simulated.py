"""An endpoint and its clients in simulated time, to try a window against: no socket, no loop, no waiting."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from teachers.window import Window


@dataclass
class Server:
    """``slots`` requests at a time, each for ``service()`` seconds; the others queue, or are refused if ``refuses``."""

    service: Callable[[], float]
    slots: int = 10**9
    refuses: bool = False
    noise: float = 0.0
    """Share of requests that are refused whatever the load."""
    slowdown: Callable[[int], float] = lambda busy: 1.0
    """By how much a request that is taken up beside ``busy`` others takes longer."""
    tokens: Callable[[], int] = lambda: 0
    """Of an answer."""


@dataclass
class World:
    """Clients that always have a next request, a window, a server."""

    server: Server
    window: Window
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    now: float = 0.0
    busy: int = 0
    queue: deque[float] = field(default_factory=deque)
    answered: int = 0
    refused: int = 0
    _events: list[tuple[float, int, str, float]] = field(default_factory=list)
    _number: int = 0

    def run(self, seconds: float) -> float:
        """Let time pass; answers a second meanwhile."""
        end, before = self.now + seconds, self.answered
        while True:
            while self.window.in_flight < self.window.size:
                self._send()
            if not self._events or self._events[0][0] > end:
                self.now = end
                return (self.answered - before) / seconds
            self.now, _, kind, sent = heapq.heappop(self._events)
            self._happens(kind, sent)

    @property
    def waiting(self) -> int:
        return len(self.queue)

    def _send(self) -> None:
        self.window.enter(self.now)
        full = self.busy >= self.server.slots
        if self.rng.random() < self.server.noise or (full and self.server.refuses):
            # A refused request keeps its place for as long as an answer takes; see gate.py.
            self.refused += 1
            self.window.refuse(self.now, 0.001)
            self._at(self.now + max(0.001, self.window.usual), "free", self.now)
        elif full:
            self.queue.append(self.now)
        else:
            self._take(self.now)

    def _take(self, sent: float) -> None:
        self.busy += 1
        self._at(self.now + self.server.service() * self.server.slowdown(self.busy), "answered", sent)

    def _happens(self, kind: str, sent: float) -> None:
        if kind == "free":
            self.window.free(self.now)
            return
        self.answered += 1
        self.busy -= 1
        self.window.answer(self.now, self.now - sent, self.server.tokens())
        while self.queue and self.busy < self.server.slots:
            self._take(self.queue.popleft())

    def _at(self, when: float, kind: str, sent: float) -> None:
        self._number += 1
        heapq.heappush(self._events, (when, self._number, kind, sent))
