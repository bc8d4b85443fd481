"""Ranges, ETags and dates, as RFC 9110 has them."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from outputs.download.conditions import MOST_RANGES, NotSatisfiable, http_date, ranges, state

TAG, MADE = '"abc"', 1_700_000_000


def parts(spec: str, size: int = 100, **more: str) -> list[tuple[int, int]] | str | None:
    try:
        return ranges(
            Headers({"range": spec, **{name.replace("_", "-"): value for name, value in more.items()}}), size, TAG, MADE
        )
    except NotSatisfiable:
        return "416"


@given(size=st.integers(1, 50), first=st.integers(0, 60), last=st.none() | st.integers(0, 60))
def test_a_range_is_what_is_between_its_ends(size: int, first: int, last: int | None) -> None:
    text = bytes(range(size))
    got = parts(f"bytes={first}-{'' if last is None else last}", size)
    wanted = text[first:] if last is None else text[first : last + 1]
    if not wanted or (last is not None and last < first):
        assert got == "416"
    else:
        assert isinstance(got, list)
        assert [text[start:stop] for start, stop in got] == [wanted]


@given(size=st.integers(0, 50), length=st.integers(0, 60))
def test_a_suffix_is_the_end(size: int, length: int) -> None:
    got = parts(f"bytes=-{length}", size)
    assert got == ([(max(0, size - length), size)] if size and length else "416")


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("bytes=0-99999999999999999999999999", [(0, 100)]),
        (f"bytes={'9' * 5000}-", "416"),
        (f"bytes=-{'9' * 5000}", [(0, 100)]),
        (f"bytes={'0' * 5000}7-", [(7, 100)]),
        ("bytes=0-0,-1", [(0, 1), (99, 100)]),
        ("bytes= 0-0 , 200-300", [(0, 1)]),
        ("bytes=200-300,400-", "416"),
        ("BYTES=1-2", [(1, 3)]),
        ("bytes=5-2", "416"),
        ("bytes=--5", "416"),
        ("bytes=a-b", "416"),
        ("bytes=1-2x", "416"),
        ("bytes=-", "416"),
        ("bytes=", "416"),
        ("bytes=١-٢", "416"),
        ("lines=1-2", None),
        ("bytes", None),
        (f"bytes={','.join(['0-0'] * MOST_RANGES)}", [(0, 1)] * MOST_RANGES),
        ("bytes=0-,0-", "416"),
        ("bytes=0-59,41-", "416"),
        ("bytes=0-49,50-", [(0, 50), (50, 100)]),
        (f"bytes={','.join(['0-0'] * (MOST_RANGES + 1))}", "416"),
    ],
)
def test_huge_bad_and_several_ranges(spec: str, wanted: object) -> None:
    # Not through Headers, which are latin-1.
    found: object
    try:
        found = ranges({"range": spec}, 100, TAG, MADE)
    except NotSatisfiable:
        found = "416"
    assert found == wanted


@pytest.mark.parametrize(
    ("condition", "holds"),
    [(TAG, True), ('"other"', False), (f"W/{TAG}", False), (http_date(MADE), True), (http_date(MADE - 1), False),
     (http_date(MADE + 1), False), ("nonsense", False)],
)  # fmt: skip
def test_the_rest_is_only_had_of_the_same_file(condition: str, holds: bool) -> None:
    assert parts("bytes=50-", if_range=condition) == ([(50, 100)] if holds else None)


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, 200),
        ({"if-none-match": TAG}, 304),
        ({"if-none-match": f'"x", W/{TAG}'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200),
        ({"if-none-match": '"x"', "if-modified-since": http_date(MADE)}, 200),
        ({"if-modified-since": http_date(MADE)}, 304),
        ({"if-modified-since": http_date(MADE - 1)}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-match": TAG}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"x"'}, 412),
        ({"if-match": f"W/{TAG}"}, 412),
        ({"if-unmodified-since": http_date(MADE)}, 200),
        ({"if-unmodified-since": http_date(MADE - 1)}, 412),
        ({"if-match": TAG, "if-unmodified-since": http_date(MADE - 1)}, 200),
    ],
)
def test_conditions(headers: Mapping[str, str], wanted: int) -> None:
    assert state(headers, TAG, MADE) == wanted


@given(
    st.dictionaries(st.sampled_from(["if-match", "if-none-match", "if-modified-since", "range", "if-range"]), st.text())
)
def test_no_header_makes_it_fail(headers: dict[str, str]) -> None:
    assert state(headers, TAG, MADE) in (200, 304, 412)
    found: list[tuple[int, int]] | None = None
    try:
        found = ranges(headers, 100, TAG, MADE)
    except NotSatisfiable:
        assert "range" in headers
    assert all(0 <= start < stop <= 100 for start, stop in found or [])
