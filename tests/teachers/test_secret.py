"""A key is blotted out wherever an endpoint repeats it, and nothing else is."""

import json
import string
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import EndpointError
from teachers.call import Call
from teachers.secret import LONG, Secret
from tests.teachers.test_client import PROMPT, fails, says, teachers

KEY = 'sk-pl/an+ted"5f2c\\9e71'
PRINTABLE = "".join(sorted(set(string.printable) - set(string.whitespace)))


def php(text: str) -> str:
    return json.dumps(text).replace("/", "\\/")


def dotnet(text: str) -> str:
    return json.dumps(text).replace("/", "\\u002F").replace("+", "\\u002B").replace('\\"', "\\u0022")


def quoted_twice(text: str) -> str:
    return json.dumps(json.dumps({"seen": text}))


@pytest.mark.parametrize("spell", [json.dumps, php, dotnet, quoted_twice])
def test_a_key_is_found_however_json_spells_it(spell: Callable[[str], str]) -> None:
    body = spell(f"I was sent {KEY} and kept it").encode()
    blotted = Secret(KEY).blotted_body(body)
    said = json.loads(blotted)
    assert (json.loads(said)["seen"] if spell is quoted_twice else said) == "I was sent *** and kept it"


@given(
    st.text(PRINTABLE, min_size=LONG, max_size=80),
    st.text(),
    st.text(),
    st.booleans(),
    st.sampled_from([json.dumps, php, dotnet]),
)
def test_a_body_with_any_key_in_it_is_still_json_and_holds_the_key_no_more(
    key: str, before: str, after: str, named: bool, spell: Callable[[str], str]
) -> None:
    before, after = before.replace(key, ""), after.replace(key, "")
    blotted = Secret(key).blotted_body(spell(f"{before} {'Bearer ' * named}{key} {after}").encode())
    said = json.loads(blotted)
    assert "***" in said
    assert key not in said
    assert f"Bearer {key}" not in said


@given(st.text(PRINTABLE, min_size=1), st.binary())
def test_what_does_not_hold_the_key_stays_as_it_is(key: str, body: bytes) -> None:
    letters = b"~~".join(bytes([byte]) for byte in body)
    assert Secret(f"{key}zzz{key}").blotted_body(letters) == letters


@pytest.mark.parametrize("key", ["x", "test", "EMPTY", "password"])
def test_a_word_for_a_key_does_not_spoil_completions(key: str) -> None:
    body = f'{{"content": "Write a {key} about pass{key}word."}}'.encode()
    assert Secret(key).blotted_body(body) == body


@pytest.mark.parametrize("sent", ["Bearer test", "bearer  test", "BEARER\\u0020test"])
def test_a_word_for_a_key_is_blotted_out_where_it_is_sent_as_one(sent: str) -> None:
    assert Secret("test").blotted_body(f'"{sent} for a tester"'.encode()) == b'"*** for a tester"'


def test_in_an_errors_words_even_a_short_key_is_blotted_out_but_no_part_of_a_word() -> None:
    assert (
        Secret("test").blotted("the test key 'test' of the tester, Bearer test")
        == "the *** key '***' of the tester, ***"
    )


def test_without_a_key_nothing_is_changed() -> None:
    assert Secret(None).blotted("Bearer none") == "Bearer none"
    assert Secret(None).blotted_body(b"Bearer none") == b"Bearer none"


def test_a_key_is_not_in_its_own_repr() -> None:
    assert KEY not in repr(Secret(KEY))


# Where answers enter


def test_a_completion_that_holds_the_key_is_clean_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    reply = says(f"You sent Bearer {KEY}.", reasoning_content=f"{KEY}!", usage={"note": KEY, "completion_tokens": 3})
    with teachers(reply, api_key_env="PLANTED_KEY") as (made, _, _):
        call = Call(made.run(made.request(PROMPT, 7)))
        completion = made.run(made.ask(call)).completion
    assert (completion.text, completion.reasoning, completion.completion_tokens) == ("You sent ***.", "***!", 3)
    assert KEY not in json.dumps(json.loads(call.raw), ensure_ascii=False)


@pytest.mark.parametrize("chars", range(270, 310, 3))
def test_not_even_half_a_key_is_left_where_an_errors_words_are_cut(chars: int, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-" + "0123456789abcdef" * 3
    monkeypatch.setenv("PLANTED_KEY", key)
    with teachers(fails(400, f"{'x' * chars} {key}"), api_key_env="PLANTED_KEY") as (made, _, _):
        answer = made.run(made.ask(Call(made.run(made.request(PROMPT, 7)))))
    assert answer.completion.error == "refused_request"
    assert "sk-" not in answer.detail


def test_a_key_that_is_refused_before_the_run_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_KEY", KEY)
    with (
        teachers(fails(403, f"{KEY} may not"), api_key_env="PLANTED_KEY") as (made, _, _),
        pytest.raises(EndpointError) as caught,
    ):
        made.check()
    assert KEY not in str(caught.value)
