from itertools import pairwise

import pytest

from teachers.breaker import DIFFERENT, FIRST_PAUSE, GONE, LONGEST_PAUSE, MANY, Breaker
from teachers.failures import Failure

GONE_AWAY = Failure("unreachable", "ConnectError")


def tripped(word: str = "unreachable", times: int = GONE, **fields: float) -> Breaker:
    breaker = Breaker()
    for number in range(times):
        probe = breaker.sent()
        failure = Failure(word, **fields)  # type: ignore[arg-type]  # fields is retry_after
        breaker.failed(100.0, failure, f"request {number}", probe)
    return breaker


def test_an_endpoint_that_is_not_there_is_soon_left_alone() -> None:
    assert tripped(times=GONE - 1).closed
    breaker = tripped()
    assert not breaker.closed
    assert breaker.down_since == 100.0
    assert FIRST_PAUSE <= (breaker.wait(100.0) or 0) <= 1.1 * FIRST_PAUSE


@pytest.mark.parametrize("word", ["server_error", "timeout", "rate_limited", "disconnected", "unreadable_reply"])
def test_other_failures_in_a_row_take_longer_to_convince(word: str) -> None:
    assert tripped(word, MANY - 1).closed
    assert not tripped(word, MANY).closed


def test_one_answer_among_failures_keeps_it_closed() -> None:
    breaker = tripped("server_error", MANY - 1)
    breaker.answered()
    breaker.failed(100.0, Failure("server_error"), "another", probe=False)
    assert breaker.closed


@pytest.mark.parametrize("failure", [Failure("server_error", status=500), Failure("timeout")])
def test_a_few_requests_that_always_fail_say_nothing_about_the_endpoint(failure: Failure) -> None:
    breaker = Breaker()
    for number in range(100):
        breaker.failed(100.0, failure, f"request {number % (DIFFERENT - 1)}", breaker.sent())
    assert breaker.closed


def test_a_503_is_nobody_s_fault_but_the_endpoint_s() -> None:
    breaker = Breaker()
    for _ in range(MANY):
        breaker.failed(100.0, Failure("server_error", status=503), "the same", breaker.sent())
    assert not breaker.closed


def test_one_probe_is_out_at_a_time_and_pauses_double() -> None:
    breaker, now = tripped(), 100.0
    pauses = []
    for _ in range(8):
        pause = breaker.wait(now)
        assert pause is not None
        pauses.append(pause)
        now += pause
        assert breaker.wait(now) == 0.0
        assert breaker.sent()
        assert breaker.wait(now) is None, "the probe is out"
        breaker.failed(now, GONE_AWAY, "an older one", probe=False)
        assert breaker.wait(now) is None, "a straggler is not the probe"
        breaker.failed(now, GONE_AWAY, "probe", probe=True)
    assert all(first * 1.5 < second for first, second in pairwise(pauses[:5]))
    assert max(pauses) <= 1.1 * LONGEST_PAUSE


def test_a_probe_that_is_answered_closes_it() -> None:
    breaker = tripped()
    breaker.sent()
    assert breaker.answered() is True
    assert breaker.closed
    assert breaker.answered() is False


def test_a_probe_that_is_cancelled_makes_room_for_another() -> None:
    breaker = tripped()
    breaker.sent()
    breaker.released(probe=False)
    assert breaker.wait(200.0) is None
    breaker.released(probe=True)
    assert breaker.wait(200.0) == 0.0


@pytest.mark.parametrize("seconds", [0.4, 40.0])
def test_what_the_endpoint_asks_for_is_what_is_waited_however_often(seconds: float) -> None:
    breaker, now = tripped("rate_limited", MANY, retry_after=seconds), 100.0
    for _ in range(5):
        assert seconds <= (breaker.wait(now) or 0) <= 1.1 * seconds
        now += 1.1 * seconds
        breaker.failed(now, Failure("rate_limited", retry_after=seconds), "x", breaker.sent())


def test_refusals_that_say_when_to_come_back_take_many_to_convince() -> None:
    assert tripped("rate_limited", MANY - 1).closed
