"""What a request asks of the state of a file, and which bytes of it: RFC 9110, sections 13 and 14. Pure functions."""

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime

MOST_RANGES = 16
"""Ranges in one request; more are refused, as they serve only to make a server work."""

_TAG = re.compile(r'(?:W/)?"[^"]*"')
_RANGE = re.compile(r"(?P<first>[0-9]*)-(?P<last>[0-9]*)")
_HUGE = 18
"""Digits; no file is so long, and Python refuses numbers of some thousands."""


class NotSatisfiable(Exception):
    """No such range: 416."""


def http_date(seconds: int) -> str:
    """Seconds since 1970 as a header has it."""
    return formatdate(seconds, usegmt=True)


def state(headers: Mapping[str, str], tag: str, modified: int | None) -> int:
    """200 if the file is to be sent, 304 if the reader has it already, 412 if it is not the one that was meant.

    ``tag`` is its ETag with the quotes, ``modified`` its time in seconds, if it has one.
    """
    if (wanted := headers.get("if-match")) is not None:
        if not _names(wanted, tag, weakly=False):
            return 412
    elif _after(modified, headers.get("if-unmodified-since")):
        return 412
    if (known := headers.get("if-none-match")) is not None:
        return 304 if _names(known, tag, weakly=True) else 200
    since = _seconds(headers.get("if-modified-since"))
    return 304 if since is not None and modified is not None and modified <= since else 200


def ranges(headers: Mapping[str, str], size: int, tag: str, modified: int | None) -> list[tuple[int, int]] | None:
    """The parts that are asked for, as (first byte, byte after the last); ``None``: all of it.

    Raises:
        NotSatisfiable: none of it is there, or it is no proper list of ranges.
    """
    unit, sign, wanted = headers.get("range", "").partition("=")
    if not sign or unit.strip().lower() != "bytes" or not _still_the_same(headers.get("if-range"), tag, modified):
        return None
    specs = [spec.strip() for spec in wanted.split(",") if spec.strip()]
    if len(specs) > MOST_RANGES:
        raise NotSatisfiable
    found = [part for spec in specs if (part := _range(spec, size))]
    if not found or sum(stop - start for start, stop in found) > size:
        # Ranges that overlap so much make of a small request a large answer.
        raise NotSatisfiable
    return found


def _range(spec: str, size: int) -> tuple[int, int] | None:
    """``None`` for a good range that the file is too short for."""
    match = _RANGE.fullmatch(spec)
    if match is None or spec == "-":
        raise NotSatisfiable
    first, last = _number(match["first"]), _number(match["last"])
    if first is None:
        start, stop = max(0, size - (last or 0)), size
    else:
        if last is not None and last < first:
            raise NotSatisfiable
        start, stop = first, size if last is None else min(size, last + 1)
    return (start, stop) if start < stop else None


def _number(digits: str) -> int | None:
    digits = digits.lstrip("0") or digits[:1]
    return int(digits[:_HUGE]) if digits and len(digits) <= _HUGE else (10**_HUGE if digits else None)


def _still_the_same(condition: str | None, tag: str, modified: int | None) -> bool:
    """Whether ``If-Range`` holds: only then the parts belong to what the reader has."""
    if condition is None:
        return True
    if condition.strip().startswith('"'):
        return condition.strip() == tag
    return modified is not None and _seconds(condition) == modified


def _names(tags: str, tag: str, weakly: bool) -> bool:
    if tags.strip() == "*":
        return True
    found: list[str] = _TAG.findall(tags)
    return tag in ([each.removeprefix("W/") for each in found] if weakly else found)


def _after(modified: int | None, date: str | None) -> bool:
    moment = _seconds(date)
    return moment is not None and modified is not None and modified > moment


def _seconds(date: str | None) -> int | None:
    try:
        return int(parsedate_to_datetime(date).timestamp()) if date else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
