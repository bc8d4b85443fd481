"""When a deployment runs: read from the command line, told in words, and the next times."""

import asyncio
import difflib
import os
import re
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from schemas.errors import BadInput

if TYPE_CHECKING:
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

    Schedule = CronSchedule | IntervalSchedule | RRuleSchedule

T = TypeVar("T")
_PART = re.compile(r"(\d+)\s*([smhdw])")
_NEVER = re.compile(r"INTERVAL\s*=\s*0+\s*(?![\d.])", re.IGNORECASE)  # on which its parser counts for ever
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_UNITS = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SHORTEST = 10
"""Seconds between two runs; Prefect's own clocks tick in seconds."""


def read_schedule(
    cron: str | None, every: str | None, rrule: str | None, timezone: str | None
) -> "CronSchedule | IntervalSchedule | RRuleSchedule | None":
    """The schedule that the options ask for; None without one. ``timezone``: by default that of this machine.

    Raises:
        BadInput: more than one, or one that cannot be read.
    """
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

    given = {"--cron": cron, "--every": every, "--rrule": rrule}
    names = [name for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise BadInput(f"{' and '.join(names)}: a deployment has one schedule here; keep one of them")
    zone = _zone(timezone)
    if not names:
        if timezone is not None:
            raise BadInput("--timezone is for a schedule; add --cron, --every or --rrule, or leave it out")
        return None
    try:
        if cron is not None:
            return _that_comes(names[0], CronSchedule(cron=cron.strip(), timezone=zone))
        if rrule is not None:
            if "SECONDLY" in rrule.upper():
                raise BadInput("--rrule: a rule by the second is too dense; give FREQ=MINUTELY, or --every 30s")
            if _NEVER.search(rrule):
                raise BadInput("--rrule: an interval of 0 never comes; give INTERVAL=1, or leave it out")
            return _that_comes(names[0], RRuleSchedule(rrule=rrule.strip(), timezone=zone))
    except ValidationError as error:
        remedy = 'e.g. "0 2 * * *" for every night at two' if cron is not None else "e.g. FREQ=WEEKLY;BYDAY=MO"
        why = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise BadInput(f"{names[0]}: {why}; give {remedy}") from None
    start = datetime.now(zoneinfo.ZoneInfo(zone)).replace(microsecond=0)
    return IntervalSchedule(interval=_interval(every or ""), anchor_date=start, timezone=zone)


def _that_comes(option: str, schedule: T) -> T:
    """``schedule``, if there is a time at which it takes place; Prefect takes others, too, and stumbles over them."""
    if not next_times(schedule, 1):
        raise BadInput(f"{option}: there is no such date in the years to come; give a schedule that has one")
    return schedule


def in_words(schedule: Any) -> str:
    """``schedule``, a schedule of Prefect's, as a person says it, without the time zone."""
    if (cron := getattr(schedule, "cron", None)) is not None:
        return _cron_in_words(str(cron))
    if (rrule := getattr(schedule, "rrule", None)) is not None:
        return str(rrule)
    return "every " + _span(int(schedule.interval.total_seconds()))


def next_times(schedule: Any, count: int) -> list[datetime]:
    """The next ``count`` times of ``schedule``, in its time zone; none where no such date will ever come."""
    from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

    kinds: dict[str, Any] = {"cron": CronSchedule, "rrule": RRuleSchedule, "interval": IntervalSchedule}
    kind = next(kind for name, kind in kinds.items() if hasattr(schedule, name))
    try:
        same = kind.model_validate(schedule.model_dump())
        dates = asyncio.run(same.get_dates(n=count, start=datetime.now(UTC)))
    except Exception:  # each parser has errors of its own, one a division by zero
        return []
    zone = zoneinfo.ZoneInfo(schedule.timezone or "UTC")
    return [date.astimezone(zone) for date in dates]


def local_zone() -> str:
    """The name of this machine's time zone; UTC where it has none."""
    known = zoneinfo.available_timezones()
    linked = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")[2]
    return next((name for name in (os.environ.get("TZ", "").removeprefix(":"), linked) if name in known), "UTC")


def _zone(name: str | None) -> str:
    if name is None:
        return local_zone()
    known = zoneinfo.available_timezones()
    if name in known:
        return name
    same = [zone for zone in known if zone.casefold() == name.casefold() or zone.split("/")[-1] == name.title()]
    near = same or difflib.get_close_matches(name, known, n=1)
    remedy = f"did you mean {near[0]}?" if near else "give a name such as Europe/Berlin"
    raise BadInput(f"--timezone {name}: no such time zone; {remedy}")


def _interval(text: str) -> timedelta:
    parts = _PART.findall(text.lower())
    if not parts or _PART.sub("", text.lower()).strip():
        raise BadInput(f"--every {text}: give a time such as 30m, 1h, 1d or 1h30m")
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    if not SHORTEST <= seconds <= 10 * 366 * 86_400:
        raise BadInput(f"--every {text}: give at least {SHORTEST}s, and ten years at most")
    return timedelta(seconds=seconds)


def _span(seconds: int) -> str:
    told = []
    for unit, word in _UNITS.items():
        number, seconds = divmod(seconds, _SECONDS[unit])
        if number:
            told.append(f"{number} {word}{'s' if number > 1 else ''}")
    return (" ".join(told)).removeprefix("1 ") if len(told) == 1 else " ".join(told)


def _cron_in_words(cron: str) -> str:
    """Common forms in words, others as they are."""
    fields = cron.split()
    if len(fields) != 5:
        return f"cron {cron}"
    minute, hour, day, month, weekday = fields
    if fields[1:] == ["*"] * 4 and (often := _often(minute)):
        return often
    if not (minute.isdecimal() and hour.isdecimal() and month == "*" and "*" in (day, weekday)):
        return f"cron {cron}"
    days = _days(day, weekday)
    return f"{days} at {int(hour):02d}:{int(minute):02d}" if days else f"cron {cron}"


def _often(minute: str) -> str | None:
    """What the first field of a cron says whose other fields are all ``*``."""
    if minute == "*":
        return "every minute"
    if every := re.fullmatch(r"\*/(\d+)", minute):
        # Cron counts anew every hour.
        return "every " + _span(int(every[1]) * 60) if int(every[1]) and 60 % int(every[1]) == 0 else None
    if not minute.isdecimal():
        return None
    return f"hourly, {int(minute)} minutes past" if int(minute) else "hourly"


def _days(day: str, weekday: str) -> str | None:
    if (day, weekday) == ("*", "*"):
        return "daily"
    if weekday.upper() in ("1-5", "MON-FRI"):
        return "Monday to Friday"
    if weekday.isdecimal() and int(weekday) < len(_DAYS):
        return f"{_DAYS[int(weekday)]}s"
    return f"monthly on day {int(day)}" if day.isdecimal() else None
