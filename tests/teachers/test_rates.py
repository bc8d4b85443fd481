import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.rates import LONGEST, Rates, Told, duration


def sent_in(rates: Rates, seconds: float, tokens: int = 0) -> int:
    """Requests that a client which always has one sends, each answered at once."""
    now, count = 0.0, 0
    while True:
        now += rates.wait(now)
        if now > seconds:
            return count
        rates.answered(now, rates.sent(now), tokens)
        count += 1


def test_without_caps_nothing_waits() -> None:
    assert Rates(None, None).wait(0.0) == 0.0


@given(st.integers(1, 10_000))
def test_requests_keep_to_their_cap_and_use_it(per_minute: int) -> None:
    count = sent_in(Rates(per_minute, None), 120.0)
    assert 2 * per_minute - 1 <= count <= 2 * per_minute * (1 + 1 / 60) + 2


@given(st.integers(600, 100_000), st.integers(1, 5_000))
def test_tokens_keep_to_their_cap_although_nobody_knows_them_before(per_minute: int, tokens: int) -> None:
    used = sent_in(Rates(None, per_minute), 600.0, tokens) * tokens
    # At most one request too many, and the first, of which nothing was known.
    assert used <= 10 * per_minute * (1 + 1 / 60) + 2 * tokens


def test_before_any_answer_a_guess_keeps_tokens_to_their_cap() -> None:
    rates, sent = Rates(None, 10_000), 0
    while rates.wait(0.0) <= 0:
        rates.sent(0.0, 1_000)
        sent += 1
    assert sent == 1


def test_what_was_set_aside_is_given_back() -> None:
    rates = Rates(None, 6_000)
    aside = rates.sent(0.0)
    rates.answered(0.0, aside, 90)
    aside = rates.sent(0.0)
    assert aside == 90
    rates.answered(0.0, aside, 0)
    assert rates.wait(0.0) == 0.0


def headers_of(kind: str = "requests", **values: str) -> dict[str, str]:
    return {f"x-ratelimit-{name}-{kind}": value for name, value in values.items()}


def sent_as_told(told: Told, seconds: float) -> int:
    """As ``sent_in``, of an endpoint that says no more."""
    now, count = 0.0, 0
    while (now := now + told.wait(now)) <= seconds:
        told.sent(now, 0.0)
        count += 1
    return count


def test_headers_that_say_nothing_is_left_hold_requests_back() -> None:
    told = Told()
    told.hear(10.0, headers_of(remaining="0", reset="1m2.5s"))
    assert told.wait(10.0) == 60.0, "never more than a minute"
    told = Told()
    told.hear(10.0, headers_of("tokens", remaining="0", reset="120ms"))
    assert told.wait(10.0) == pytest.approx(0.12)
    told.hear(10.1, headers_of("tokens", remaining="100", reset="120ms"))
    assert told.wait(10.1) == 0.0


def test_headers_with_a_limit_space_requests_as_the_endpoint_s_bucket_fills() -> None:
    told = Told()
    told.hear(0.0, headers_of(limit="600", remaining="0", reset="60s"))
    assert sent_as_told(told, 30.0) == pytest.approx(300, abs=3)
    told.hear(30.0, headers_of(limit="600", remaining="400"))
    assert told.wait(30.0) == 0.0


def test_what_is_left_of_a_quota_may_be_used_at_once() -> None:
    told = Told()
    told.hear(0.0, headers_of(limit="10000", remaining="400", reset="23h2m"))
    assert sent_as_told(told, 1.0) == pytest.approx(400, abs=1)


def test_a_later_answer_corrects_what_an_earlier_one_said() -> None:
    told = Told()
    told.hear(0.0, headers_of(limit="1000", remaining="40", reset="10h"))
    told.hear(1.0, headers_of(limit="1000", remaining="0", reset="2s"))
    assert 0.0 < told.wait(1.0) < 0.1
    told.hear(1.0, headers_of(limit="1000", remaining="40", reset="2s"))
    assert told.wait(1.0) > 0.0, "said of a time when fewer had been sent"


def test_headers_alone_never_hold_back_more_than_a_minute() -> None:
    told = Told()
    told.hear(0.0, headers_of(limit="100", remaining="0", reset="24h"))
    told.sent(0.0, 0.0)
    assert told.wait(0.0) == LONGEST
    assert sent_as_told(told, 10 * LONGEST) == 10


@pytest.mark.parametrize("remaining", ["0", "3"])
@pytest.mark.parametrize("reset", ["1790000000", "1790000000.25", "1790000000000"])
def test_a_reset_that_is_a_date_is_no_time_to_wait(remaining: str, reset: str) -> None:
    told = Told()
    for headers in (headers_of(limit="100", remaining=remaining, reset=reset), headers_of(remaining="0", reset=reset)):
        told.hear(0.0, headers)
        for _ in range(50):
            assert told.wait(0.0) == 0.0
            told.sent(0.0, 10.0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "60s"},
        {"x-ratelimit-remaining-requests": "none", "x-ratelimit-reset-requests": "60s"},
        {"x-ratelimit-remaining-requests": "0"},
        {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon"},
    ],
)
def test_headers_that_leave_something_or_make_no_sense_do_not(headers: dict[str, str]) -> None:
    told = Told()
    told.hear(10.0, headers)
    assert told.wait(10.0) == 0.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("120ms", 0.12),
        ("1h2m", 3720),
        ("3.5", 3.5),
        ("2s", 2),
        ("", None),
        ("soon", None),
        ("-1s", None),
    ],
)
def test_durations_as_endpoints_write_them(text: str, seconds: float | None) -> None:
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


@given(st.text())
def test_no_text_upsets_the_reader_of_durations(text: str) -> None:
    assert (duration(text) or 0.0) >= 0.0
