"""What the clients under test are asked to do and what each of them reports: plain data, of a real request's size."""

import json
import time
from dataclasses import asdict, dataclass
from typing import Literal, Self

SYSTEM = (
    "You are a careful assistant who writes training data for a language model. Answer the task that the user gives"
    " completely and correctly, in the language of the task. Do not greet, do not repeat the task, do not say what you"
    " are about to do. Where a number is asked for, give its unit; where a list is asked for, write one item a line."
)
"""With the user's part, some 600 characters: what a request of a generator has."""
STEADY = (0.5, 0.9)
"""Shares of the requests between which the steady rate is taken: after the start, before the last ones drain."""


@dataclass(frozen=True)
class Job:
    """What one client process does."""

    client: Literal["ours", "bare", "floor"]
    url: str
    requests: int
    concurrency: int
    folder: str
    """Ours only: where completion logs go."""
    adaptive: bool = True
    """Ours only: whether ``concurrency`` is a cap, or a fixed window."""

    def to_json(self) -> str:
        """For the command line of the process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The reverse."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class Measure:
    """What a client process came to."""

    answered: int
    rejected: int
    seconds: float
    """From the first request to the last answer; starting the process is not in it."""
    cpu: float
    """Seconds of CPU in that time, of all threads."""
    peak: int
    """Bytes of memory resident at most, in all the life of the process."""
    steady: float
    """Requests a second between ``STEADY`` shares of all."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return (self.answered + self.rejected) / self.seconds

    @property
    def cpu_each(self) -> float:
        """Milliseconds of CPU a request."""
        return 1000 * self.cpu / (self.answered + self.rejected)


class Meter:
    """Counts answers as they come, and when the steady part began and ended. For one thread."""

    def __init__(self, requests: int) -> None:
        self.answered = 0
        self.rejected = 0
        self._marks = [round(share * requests) for share in STEADY]
        self._times: list[float] = []

    def done(self, answered: bool) -> None:
        """One more request has come to its end."""
        if answered:
            self.answered += 1
        else:
            self.rejected += 1
        if self.answered + self.rejected in self._marks:
            self._times.append(time.perf_counter())

    @property
    def steady(self) -> float:
        """Requests a second in the steady part; 0 where it was not reached."""
        if len(self._times) < len(self._marks):
            return 0.0
        return (self._marks[1] - self._marks[0]) / (self._times[1] - self._times[0])


def user_text(number: int) -> str:
    """The user's part of request ``number``; each differs."""
    return (
        f"Task {number}. A library lends {number % 97 + 3} books on Monday and {number % 31 + 2} more on each day that"
        f" follows. Say how many books it has lent after {number % 13 + 4} days, and explain each step in a sentence."
        " Then write down the formula that you used."
    )
