"""When a deployment runs: read from options, told in words, and the next times."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.when import in_words, next_times, read_schedule
from schemas.errors import BadInput

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"])


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 2 * * *", "daily at 02:00"),
        ("30 4 * * 1", "Mondays at 04:30"),
        ("30 4 * * 0", "Sundays at 04:30"),
        ("0 9 * * 1-5", "Monday to Friday at 09:00"),
        ("0 9 1 * *", "monthly on day 1 at 09:00"),
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0 * * * *", "hourly"),
        ("15 * * * *", "hourly, 15 minutes past"),
        ("*/7 * * * *", "cron */7 * * * *"),
        ("0 9 1 * 1", "cron 0 9 1 * 1"),
        ("0 9 1 6 *", "cron 0 9 1 6 *"),
    ],
)
def test_common_crons_are_told_in_words_and_others_as_they_are(cron: str, words: str) -> None:
    assert in_words(read_schedule(cron, None, None, "UTC")) == words


@given(days=st.integers(0, 30), hours=st.integers(0, 50), minutes=st.integers(0, 90))
def test_an_interval_is_the_sum_of_its_parts(days: int, hours: int, minutes: int) -> None:
    whole = timedelta(days=days, hours=hours, minutes=minutes)
    text = f"{days}d{hours}h{minutes}m"
    if not whole:
        with pytest.raises(BadInput, match="--every"):
            read_schedule(None, text, None, "UTC")
        return
    schedule = read_schedule(None, text, None, "UTC")
    assert schedule is not None
    first, second = next_times(schedule, 2)
    assert second - first == whole


@given(zone=ZONES, hour=st.integers(0, 23), minute=st.integers(0, 59))
def test_a_daily_schedule_comes_at_that_time_of_its_zone(zone: str, hour: int, minute: int) -> None:
    schedule = read_schedule(f"{minute} {hour} * * *", None, None, zone)
    times = next_times(schedule, 2)
    assert times[0] > datetime.now(UTC)
    assert times[0] < times[1]
    assert all(time.tzinfo == ZoneInfo(zone) for time in times)
    # Where clocks are set forward a time may not be there, and the next one is taken.
    assert (hour, minute) in {(time.hour, time.minute) for time in times}


def test_a_calendar_rule_is_taken_too() -> None:
    schedule = read_schedule(None, None, "FREQ=WEEKLY;BYDAY=MO;BYHOUR=3;BYMINUTE=0;BYSECOND=0", "Europe/Paris")
    (time,) = next_times(schedule, 1)
    assert (time.weekday(), time.hour, time.minute) == (0, 3, 0)


@pytest.mark.parametrize(
    ("cron", "every", "rrule", "zone", "said"),
    [
        ("0 2 * *", None, None, "UTC", "--cron"),
        ("R 2 * * *", None, None, "UTC", "--cron"),
        (None, "often", None, "UTC", "--every often: give a time such as 30m"),
        (None, "5s", None, "UTC", "at least 10s"),
        (None, "9999999999d", None, "UTC", "ten years at most"),
        (None, None, "FREQ=SOMETIMES", "UTC", "--rrule"),
        (None, None, "freq=secondly;interval=5", "UTC", "--rrule: a rule by the second is too dense"),
        ("0 0 31 2 *", None, None, "UTC", "--cron: there is no such date"),
        (None, None, "FREQ=MINUTELY;INTERVAL=0", "UTC", "--rrule: "),
        (None, None, "FREQ=YEARLY;UNTIL=20200101T000000Z", "UTC", "--rrule: there is no such date"),
        ("0 2 * * *", "1h", None, "UTC", "--cron and --every: a deployment has one schedule"),
        ("0 2 * * *", None, None, "Berlin", "did you mean Europe/Berlin"),
        ("0 2 * * *", None, None, "europe/berlin", "did you mean Europe/Berlin"),
        ("0 2 * * *", None, None, "Nowhere/At/All", "no such time zone"),
        (None, None, None, "UTC", "--timezone is for a schedule"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_option(
    cron: str | None, every: str | None, rrule: str | None, zone: str, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        read_schedule(cron, every, rrule, zone)


def test_no_option_is_no_schedule() -> None:
    assert read_schedule(None, None, None, None) is None
