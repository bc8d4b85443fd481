"""What the offline teacher served: counted for ``GET /stats``, for benchmarks and soaks to judge a client by."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from teachers.builtin.wire import Response


@dataclass(slots=True)
class Tally:
    """Counts since the start, or since the last reset. Prompts are kept as 16-byte digests, some 200 bytes each."""

    requests: int = 0
    """All that arrived."""
    attempts: int = 0
    """Those that got a slot."""
    abandoned: int = 0
    """Those whose client hung up before the reply had gone out."""
    completions: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    peak_in_flight: int = 0
    peak_queued: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    turned_away: Counter[str] = field(default_factory=Counter)
    """By ``slots`` and by ``quota``."""
    _seen: set[bytes] = field(default_factory=set)
    _answered: set[bytes] = field(default_factory=set)
    _repeated: set[bytes] = field(default_factory=set)

    def arrived(self, prompt: bytes) -> None:
        """A request with this digest."""
        self.requests += 1
        self._seen.add(prompt)

    def level(self, running: int, waiting: int) -> None:
        """So many are being answered, so many wait."""
        self.peak_in_flight = max(self.peak_in_flight, running)
        self.peak_queued = max(self.peak_queued, waiting)

    def sent(self, prompt: bytes, response: Response) -> None:
        """The response went out, or did what its fault makes it do."""
        if response.fault:
            self.faults[response.fault] += 1
        if response.usage is None:
            return
        self.completions += 1
        self.prompt_tokens += response.usage[0]
        self.completion_tokens += response.usage[1]
        (self._repeated if prompt in self._answered else self._answered).add(prompt)

    def shown(self, running: int, waiting: int) -> dict[str, Any]:
        """The counts as plain data; a prompt is a request body, ``duplicates`` are those answered more than once."""
        return {
            "requests": self.requests,
            "attempts": self.attempts,
            "completions": self.completions,
            "unique_prompts": len(self._seen),
            "answered_prompts": len(self._answered),
            "duplicates": len(self._repeated),
            "abandoned": self.abandoned,
            "in_flight": running,
            "peak_in_flight": self.peak_in_flight,
            "queued": waiting,
            "peak_queued": self.peak_queued,
            "turned_away": dict(self.turned_away),
            "faults": dict(sorted(self.faults.items())),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
        }
