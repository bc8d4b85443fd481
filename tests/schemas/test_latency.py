"""Latencies as users write them."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.faults import Faults
from schemas.latency import LONGEST, Latency


def draws(text: str, count: int = 10_000) -> list[float]:
    latency = Latency.read(text)
    return [latency.at((number + 0.5) / count) for number in range(count)]


@pytest.mark.parametrize(
    ("written", "read"), [(0.2, 0.2), (1, 1.0), ("0.2", 0.2), ("fixed:0.2", 0.2), ("fixed: 2", 2.0)]
)
def test_a_fixed_latency_is_a_plain_number(written: float | str, read: float) -> None:
    assert Faults(latency=written).latency == read
    assert set(draws(str(written), 10)) == {read}


@pytest.mark.parametrize("sigma", [0, 0.5, 1])
def test_a_log_normal_has_the_mean_and_the_sigma_asked_for(sigma: float) -> None:
    seconds = draws(f"lognormal:mean=0.2,sigma={sigma}", 100_000)
    assert statistics.fmean(seconds) == pytest.approx(0.2, rel=0.01)
    assert statistics.median(seconds) == pytest.approx(0.2 * 2.718281828 ** (-sigma * sigma / 2), rel=0.01)


def test_a_long_tail_is_slow_for_its_share() -> None:
    seconds = draws("longtail:usual=0.1,slow=5,share=0.02")
    assert (seconds.count(0.1), seconds.count(5.0)) == (9800, 200)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fast", "is no latency"),
        ("normal:mean=1", "is no latency"),
        ("lognormal:mean=1", "needs mean and sigma"),
        ("lognormal:mean=1,sigma=1,mean=2,x=3", "needs mean and sigma"),
        ("lognormal:mean=x,sigma=1", "is no latency"),
        ("lognormal:mean=nan,sigma=1", "mean is nan"),
        ("lognormal:mean=1,sigma=6", "sigma is 6; give a number from 0 to 5"),
        ("longtail:usual=1,slow=2,share=1.5", "share is 1.5; give a number from 0 to 1"),
        ("-1", "seconds is -1; give a number from 0 to 600"),
    ],
)
def test_what_is_no_latency_is_told_in_one_line(text: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Faults(latency=text)


@given(
    st.text() | st.sampled_from(["fixed:", "lognormal:", "longtail:"]).flatmap(lambda kind: st.text().map(kind.__add__))
)
def test_any_text_is_a_latency_or_a_value_error(text: str) -> None:
    try:
        latency = Latency.read(text)
    except ValueError:
        return
    assert 0 <= latency.at(0.5) <= LONGEST


@given(st.floats(0, LONGEST), st.floats(0, 5), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_a_later_place_is_never_a_shorter_time(mean: float, sigma: float, one: float, other: float) -> None:
    latency = Latency.read(f"lognormal:mean={mean},sigma={sigma}")
    assert 0 <= latency.at(min(one, other)) <= latency.at(max(one, other)) <= LONGEST
