"""The window in simulated time: it must find what an endpoint can take, and follow when that changes."""

import itertools
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from teachers.window import Window
from tests.teachers.simulated import Server, World


def fixed(seconds: float) -> Callable[[], float]:
    """Service times that hardly vary."""
    rng = random.Random(2)
    return lambda: seconds * rng.uniform(0.99, 1.01)


def long_tailed(mean: float, sigma: float) -> Callable[[], float]:
    """Log-normal service times."""
    rng = random.Random(3)
    middle = math.log(mean) - sigma * sigma / 2
    return lambda: rng.lognormvariate(middle, sigma)


def world(server: Server, cap: int = 512) -> World:
    return World(server, Window(cap))


@pytest.mark.parametrize("slots", [3, 12, 64, 200])
def test_a_queue_of_any_width_is_kept_busy_and_not_long(slots: int) -> None:
    tried = world(Server(fixed(0.2), slots))
    tried.run(60)
    assert tried.run(20) >= 0.95 * slots / 0.2
    assert tried.window.size <= 2 * slots + 2


@pytest.mark.parametrize("seed", [4, 5, 11, 16, 27, 37])
def test_once_found_the_queue_is_no_longer_than_the_slots_even_in_a_trial(seed: int) -> None:
    # Answers that differ by a percent come in waves, so that one measurement is never quite like the next.
    rng = random.Random(seed)
    tried = world(Server(lambda: 0.2 + abs(rng.gauss(0, 0.003)), 64))
    for slots in (64, 32, 64):
        tried.server.slots = slots
        tried.run(40)
        assert max((tried.run(0.25), tried.waiting)[1] for _ in range(80)) <= slots


def test_it_does_not_matter_what_the_clock_says_at_the_start() -> None:
    tried = World(Server(fixed(0.2), 64), Window(512), now=86_400.0)
    tried.run(60)
    assert tried.window.size <= 2 * 64


def test_requests_that_come_one_after_the_other_at_first_do_not_keep_it_from_settling() -> None:
    window = Window(512)
    window.enter(10.0)
    window.answer(10.2, 0.2)
    tried = World(Server(fixed(0.2), 64), window, now=10.2)
    tried.run(60)
    assert tried.window.size <= 2 * 64


def test_the_queue_stays_short_while_the_window_is_found() -> None:
    tried = world(Server(fixed(0.2), 64))
    longest = max((tried.run(0.1), tried.waiting)[1] for _ in range(600))
    assert longest <= 4 * 64
    later = max((tried.run(0.1), tried.waiting)[1] for _ in range(300))
    assert later <= 64


def test_it_follows_when_slots_are_halved_and_doubled() -> None:
    tried = world(Server(fixed(0.2), 64))
    tried.run(60)
    for slots in (32, 64, 128):
        tried.server.slots = slots
        tried.run(60)
        assert tried.run(20) >= 0.95 * slots / 0.2
        assert tried.window.size <= 2 * slots


def test_it_finds_its_way_up_again_from_a_single_request() -> None:
    tried = world(Server(fixed(0.2)), cap=64)
    tried.run(10)
    tried.window.observe(tried.now, waiting=1000)
    tried.window.observe(tried.now, waiting=1000)
    assert tried.window.size == 1
    tried.run(60)
    assert tried.run(20) >= 0.95 * 64 / 0.2


@pytest.mark.parametrize("tokens", [(800, 30), (30, 800)])
@pytest.mark.parametrize("asked", [18, 60, 400])
def test_a_stage_of_longer_or_shorter_replies_is_no_queue(tokens: tuple[int, int], asked: int) -> None:
    # Their seconds are the same: a second of thought, or a network far away. So the time of a token is not.
    rng, said = random.Random(1), itertools.chain([tokens[0]] * asked, itertools.repeat(tokens[1]))
    tried = world(Server(lambda: 1 + abs(rng.gauss(0, 0.02)), tokens=lambda: next(said)), cap=128)
    tried.run(30)
    assert tried.run(30) >= 0.95 * 128


@pytest.mark.parametrize("tokens", [(800, 30), (30, 800)])
def test_nor_where_a_reply_takes_as_long_as_it_is(tokens: tuple[int, int]) -> None:
    said = itertools.chain([tokens[0]] * 60, itertools.repeat(tokens[1]))
    tried = world(Server(fixed(0.0)), cap=64)
    tried.server.tokens = lambda: tokens[tried.answered >= 60]
    tried.server.service = lambda: 0.1 + 0.005 * next(said)
    tried.run(60)
    assert tried.run(30) >= 0.9 * 64 / (0.1 + 0.005 * tokens[1])


def test_a_long_tail_does_not_keep_it_from_the_cap() -> None:
    tried = world(Server(long_tailed(0.2, 1.0)), cap=100)
    tried.run(10)
    assert tried.run(50) >= 0.95 * 100 / 0.2


def test_a_long_tail_before_a_queue_costs_little() -> None:
    tried = world(Server(long_tailed(0.2, 1.0), 64))
    tried.run(30)
    assert tried.run(120) >= 0.9 * 64 / 0.2
    assert tried.window.size <= 256


def test_answers_that_slow_down_under_load_are_worth_it_while_throughput_rises() -> None:
    """As a GPU server that batches: twice the requests take longer each, and are still more answers a second."""
    tried = world(Server(fixed(0.5), slowdown=lambda busy: 1 + busy / 50))
    tried.run(120)
    assert tried.run(30) >= 0.75 * 50 / 0.5


def test_refusals_that_come_from_the_load_narrow_the_window() -> None:
    tried = world(Server(fixed(0.2), 64, refuses=True))
    tried.run(60)
    assert tried.run(20) >= 0.95 * 64 / 0.2
    assert tried.window.size <= 2 * 64


def test_refusals_that_do_not_come_from_the_load_are_lived_with() -> None:
    tried = world(Server(fixed(0.2), noise=0.1), cap=200)
    tried.run(20)
    assert tried.run(40) >= 0.8 * 200 / 0.2


def test_a_cap_is_never_passed_and_a_window_never_closes() -> None:
    for slots in (1, 1000):
        tried = world(Server(fixed(0.05), slots), cap=40)
        for _ in range(300):
            tried.run(0.1)
            assert 1 <= tried.window.size <= 40


def test_a_fixed_window_stays_what_it_is() -> None:
    tried = World(Server(fixed(0.1), 4), Window(30, adaptive=False))
    tried.run(20)
    assert tried.window.size == 30


def test_too_few_requests_to_fill_it_change_nothing() -> None:
    tried = world(Server(fixed(0.2), 64))
    tried.run(30)
    size = tried.window.size
    for number in range(200):
        now = 1000.0 + number
        tried.window.enter(now)
        tried.window.answer(now + 0.5, 0.5)
    assert size / 2 <= tried.window.size <= 2 * size


def test_a_server_that_counts_its_queue_is_believed() -> None:
    window = Window(512, adaptive=True)
    window.size = 300
    window.observe(1.0, waiting=200)
    assert window.size == 300, "one look may be chance"
    window.observe(2.0, waiting=200)
    assert window.size == 100


@settings(max_examples=30, deadline=None)
@given(
    slots=st.integers(1, 300),
    seconds=st.floats(0.02, 20),
    sigma=st.floats(0.01, 1.2),
    noise=st.sampled_from([0.0, 0.05, 0.3]),
    refuses=st.booleans(),
    seed=st.integers(0, 5),
)
def test_whatever_the_endpoint_it_ends_with_most_of_what_is_to_be_had(
    slots: int, seconds: float, sigma: float, noise: float, refuses: bool, seed: int
) -> None:
    tried = World(Server(long_tailed(seconds, sigma), slots, refuses, noise), Window(512), random.Random(seed))
    tried.run(300 * seconds)
    assert tried.run(200 * seconds) >= 0.6 * slots * (1 - noise) / seconds
