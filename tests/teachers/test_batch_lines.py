"""The lines of a batch's files, as we write them and as endpoints really do."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from teachers.batch_lines import body_at, marks_of, read_line, read_lines, request_line
from teachers.failures import Failure
from teachers.payload import digest


def line(**fields: Any) -> bytes:
    return json.dumps({"id": "batch_req_1", "custom_id": "a", "response": None, "error": None, **fields}).encode()


def answered(status: Any, body: Any = None) -> bytes:
    return line(response={"status_code": status, "request_id": "r", "body": body})


def word(raw: bytes) -> str | None:
    read = read_line(raw)
    assert read is not None
    return read[1].word if read[1] else None


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    st.text(st.sampled_from("\n\r\u0085\u2028\u2029\x0b\x1c")),
)
def test_a_request_is_one_line_to_every_reader_and_says_what_was_asked(text: str, ends: str) -> None:
    payload = {"messages": [{"role": "user", "content": text + ends}], "seed": 1}
    raw = request_line(digest(payload), payload)
    assert len(raw.decode().splitlines()) == 1
    read = json.loads(raw)
    assert (read["custom_id"], read["method"], read["url"]) == (digest(payload), "POST", "/v1/chat/completions")
    assert read["body"] == payload


@given(st.binary() | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner)
       | st.dictionaries(st.sampled_from(["custom_id", "response", "error", "status_code", "body", "code", "message"]),
                         inner)).map(lambda data: json.dumps(data).encode()))  # fmt: skip
def test_whatever_stands_in_a_line_it_is_read_or_passed_over(raw: bytes) -> None:
    read = read_line(raw)
    assert read is None or (isinstance(read[0], str) and isinstance(read[1], Failure | None))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (answered(200, {"choices": []}), None),
        (answered(400, {"error": {"message": "too long"}}), "refused_request"),
        (answered(404, {"error": {"message": "no such model"}}), "not_found"),
        (answered(429, {"error": {"message": "slow down"}}), "rate_limited"),
        (answered(429, {"error": {"message": "no money", "code": "insufficient_quota"}}), "no_quota"),
        (answered(500), "server_error"),
        (answered("500"), "server_error"),
        (answered(200), None),
        (line(response={"status_code": 200}), "server_error"),
        (line(error={"code": "batch_expired", "message": "too late"}), "timeout"),
        (line(error={"code": "batch_cancelled", "message": "you said so"}), "timeout"),
        (line(error={"code": "anything", "message": "else"}), "server_error"),
        (line(error="plain words"), "server_error"),
        (line(), "server_error"),
    ],
)
def test_why_a_line_has_no_completion_is_told_as_of_a_live_request(raw: bytes, expected: str | None) -> None:
    assert word(raw) == expected


def test_the_endpoints_words_are_kept() -> None:
    read = read_line(answered(400, {"error": {"message": "too long"}}))
    assert read is not None
    assert read[1] is not None
    assert (read[1].detail, read[1].status) == ("too long", 400)


def test_a_reply_is_found_again_by_its_place(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    lines = [line(custom_id=name, response={"status_code": 200, "body": {"text": name * 3}}) for name in "abc"]
    path.write_bytes(lines[0] + b"\nno reply at all\n\n" + lines[1] + b"\r\n" + lines[2])
    read = list(read_lines(path))
    assert [each.mark for each in read] == ["a", "b", "c"]
    assert [json.loads(body_at(each.place))["text"] for each in read] == ["aaa", "bbb", "ccc"]


def test_a_file_that_breaks_off_in_its_last_line_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    path.write_bytes(line() + b"\n" + line()[:-5])
    with pytest.raises(Failure, match="disconnected"):
        list(read_lines(path))


def test_the_requests_of_a_file_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_bytes(request_line("one", {"a": 1}) + request_line("two", {"b": "\u2028"}))
    assert marks_of(path) == ["one", "two"]
