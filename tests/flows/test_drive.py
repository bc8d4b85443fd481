import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.drive import drive_all, number, settle
from schemas.errors import EndpointError
from schemas.exchange import Completion, Message, Prompt
from schemas.manifest import StageCounts
from schemas.row import Row, new_row
from schemas.stage import Discard, Job, Outcome, Reject, Steps, ask

HELLO = Prompt((Message("user", "hello"),))


class Recorder:
    """Answers every request with its key, in an order of its own, and notes what it was asked."""

    def __init__(self, delays: Sequence[int] = (0,), error: str | None = None) -> None:
        self.asked: list[tuple[str, int]] = []
        self.delays = delays
        self.error = error

    async def ask(self, key: str, prompt: Prompt, seed: int) -> Completion:
        self.asked.append((key, seed))
        for _ in range(self.delays[len(self.asked) % len(self.delays)]):
            await asyncio.sleep(0)
        return Completion(text=key, error=self.error)


def twice() -> Steps[list[str]]:
    first, second = yield [HELLO, HELLO]
    last = yield from ask(HELLO)
    return [first.text, second.text, last.text]


def run(jobs: list[tuple[str, Steps[list[str]]]], recorder: Recorder, salt: str = "s") -> list[list[str] | None]:
    return [end.result for end in asyncio.run(drive_all(jobs, recorder.ask, salt))]


def test_each_request_has_a_key_of_job_step_and_position() -> None:
    assert run([("a", twice())], Recorder()) == [["a/0/0", "a/0/1", "a/1/0"]]


@given(st.lists(st.integers(0, 7), min_size=1, max_size=12))
def test_results_and_seeds_do_not_depend_on_what_finishes_first(delays: list[int]) -> None:
    calm, hasty = Recorder(), Recorder(delays)
    names = ["a", "b", "c", "d"]
    assert run([(name, twice()) for name in names], calm) == run([(name, twice()) for name in names], hasty)
    assert dict(calm.asked) == dict(hasty.asked)


def test_requests_of_one_row_get_different_seeds() -> None:
    recorder = Recorder()
    run([("a", twice())], recorder)
    assert len({seed for _, seed in recorder.asked}) == 3


def test_a_request_that_fails_for_good_rejects_its_row_and_no_other() -> None:
    (end,) = asyncio.run(drive_all([("a", twice())], Recorder(error="timeout").ask))
    assert end.result is None
    assert end.rejection is not None
    assert end.rejection.reason == "timeout"


def test_an_endpoint_that_cannot_be_asked_stops_everything_with_its_own_error() -> None:
    async def refuse(key: str, prompt: Prompt, seed: int) -> Completion:
        raise EndpointError("no key")

    with pytest.raises(EndpointError, match="no key"):
        asyncio.run(drive_all([("a", twice()), ("b", twice())], refuse))


def test_numbers_are_the_same_in_every_process() -> None:
    assert number("a", 1) == number("a", 1) != number("a", 2)
    assert number("a", 1) == 9331952569449725121


def steps(outcome: Outcome | Reject) -> Steps[Outcome]:
    if isinstance(outcome, Reject):
        raise outcome
    yield [HELLO]
    return outcome


def row(name: str) -> Row:
    return new_row(name, stage="test")


CASES = [
    (Outcome(passed=row("a")), (1, 0, 0, 0, 0)),
    (Outcome(created=(row("b"), row("c"))), (0, 1, 0, 2, 0)),
    (Outcome(passed=row("a"), created=(row("b"),), discarded=(Discard("x"),)), (1, 0, 0, 1, 1)),
    (Reject("bad"), (0, 0, 1, 0, 0)),
    (Outcome(discarded=(Discard("x"), Discard("y"))), (0, 0, 1, 0, 2)),
    (Outcome(), (0, 0, 1, 0, 0)),
]


@given(st.lists(st.sampled_from(CASES), max_size=8))
def test_the_books_balance_whatever_the_outcomes(cases: list[tuple[Outcome | Reject, tuple[int, ...]]]) -> None:
    jobs = [Job(str(place), row(str(place)), steps(outcome)) for place, (outcome, _) in enumerate(cases)]
    ended = asyncio.run(drive_all([(job.key, job.steps) for job in jobs], Recorder().ask))
    books = settle(jobs, ended, StageCounts(stage="s", use="s", kind="generator"), 0)
    counts = books.counts
    assert counts.balanced()
    assert counts.rows_in == len(cases)
    booked = (counts.passed, counts.replaced, counts.rejected, counts.created, counts.discarded)
    assert booked == tuple(sum(numbers[place] for _, numbers in cases) for place in range(5))
    assert len(books.rejects) == counts.rejected + counts.discarded


def test_a_job_without_a_row_that_fails_is_a_discarded_candidate() -> None:
    job = Job("p0", None, steps(Reject("unparsable", "text")))
    ended = asyncio.run(drive_all([(job.key, job.steps)], Recorder().ask))
    books = settle([job], ended, StageCounts(stage="s", use="s", kind="generator"), 0)
    assert (books.counts.rows_in, books.counts.discarded) == (0, 1)
    assert (books.rejects[0].kind, books.rejects[0].raw) == ("candidate", "text")
    assert books.counts.balanced()
