import base64
import json
import random
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from filters.pii import KINDS, Config, check, judge
from schemas.errors import RecipeError
from schemas.row import Turn, new_row, to_frame
from schemas.stage import Verdict

RANDOM = random.Random(7)
ALNUM = string.ascii_letters + string.digits


def drawn(count: int, letters: str = ALNUM) -> str:
    """Keys are drawn here, not written down: a scanner of this repository must find none."""
    return "".join(RANDOM.choice(letters) for _ in range(count))


def encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def token(claims: dict[str, Any]) -> str:
    return ".".join([encoded({"alg": "HS256", "typ": "JWT"}), encoded(claims), drawn(43)])


def pem(kind: str) -> str:
    body = "\n".join(drawn(64) for _ in range(12))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


FOUND = [
    ("pii_email", "anna.k+list@mail.kreuzberg.de"),
    ("pii_email", "li_wei88@163.com"),
    ("pii_email", "jovana@kragujevac.rs"),
    ("pii_phone", "(415) 867-5309"),
    ("pii_phone", "415.867.5309"),
    ("pii_phone", "call me: 4158675309"),
    ("pii_phone", "+49 30 23125 026"),
    ("pii_phone", "13916824075"),
    ("pii_phone", "010-62391748"),
    ("pii_phone", "020 7031 3000"),
    ("pii_credit_card", "4929 7226 5379 7141"),
    ("pii_credit_card", "374496353983982"),
    ("pii_iban", "DE02 1203 0000 0000 2020 51"),
    ("pii_iban", "NL39RABO0300065264 AND"),
    ("pii_national_id", "310104199609286243"),
    ("pii_national_id", "536-90-4399"),
    ("pii_national_id", "390.533.447-05"),
    ("pii_national_id", "54362315K"),
    ("pii_national_id", "PESEL: 44051401359"),
    ("pii_ip_address", "185.199.108.153"),
    ("pii_ip_address", "2a00:1450:4001:81b:0:0:0:200e"),
    ("secret_aws_key", "AKIA" + drawn(16, string.ascii_uppercase + "234567")),
    ("secret_aws_key", f"aws_secret_access_key = {drawn(40)}"),
    ("secret_github_token", "ghp_" + drawn(36)),
    ("secret_github_token", f"github_pat_{drawn(22)}_{drawn(59)}"),
    ("secret_gitlab_token", "glpat-" + drawn(20)),
    ("secret_openai_key", f"sk-{drawn(20)}T3BlbkFJ{drawn(20)}"),
    ("secret_openai_key", f"sk-proj-{drawn(30)}_-{drawn(42)}T3BlbkFJ{drawn(30)}-_{drawn(42)}"),
    ("secret_anthropic_key", f"sk-ant-api03-{drawn(93)}AA"),
    ("secret_huggingface_token", "hf_" + drawn(34)),
    ("secret_google_api_key", "AIza" + drawn(35)),
    ("secret_slack_token", f"xoxb-{drawn(12, string.digits)}-{drawn(24)}"),
    ("secret_stripe_key", "sk_live_" + drawn(24)),
    ("secret_jwt", token({"sub": "u-77", "admin": True})),
    ("secret_private_key", pem("RSA ")),
    ("secret_private_key", pem("")),
    (
        "secret_private_key",
        pem("RSA ").replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,9F2C\n\n", 1),
    ),
    ("secret_private_key", json.dumps({"private_key": pem("")})),
]

EXAMPLES = [
    ("pii_email", "jane@example.com"),
    ("pii_email", "someone@mail.example.org"),
    ("pii_email", "your.name@gmail.com"),
    ("pii_email", "support@yourcompany.com"),
    ("pii_phone", "(415) 555-0123"),
    ("pii_phone", "+1 800-234-5678"),
    ("pii_phone", "电话13800138000"),
    ("pii_phone", "020 7946 0958"),
    ("pii_credit_card", "4111 1111 1111 1111"),
    ("pii_credit_card", "378282246310005"),
    ("pii_iban", "GB82 WEST 1234 5698 7654 32"),
    ("pii_national_id", "11010519491231002X"),
    ("pii_national_id", "12345678Z"),
    ("pii_ip_address", "8.8.8.8"),
    ("secret_aws_key", "AKIA" + "IOSFODNN7" + "EXAMPLE"),
    ("secret_openai_key", "sk-" + "x" * 48),
    ("secret_github_token", "ghp_" + "a" * 36),
    ("secret_jwt", token({"sub": "1234567890", "name": "John Doe"})),
]

NOTHING = [
    "",
    "sk-...",
    "Use sk-YOUR_KEY as the key.",
    "git@github.com:owner/name.git",
    "logo@2x.png",
    "@decorator and a@b",
    "192.168.0.1, 10.0.0.7, 127.0.0.1 and 192.0.2.44",
    "version 4.18.0.193, Chrome/120.0.6099.109 and 256.1.1.300",
    "1,234,567,890 people in 2023-10-12 14:05:33, pi is 3.14159265358979",
    "178.09584695 * 9917345523 = 558.1533793 and 7750462.13851311803",
    "42 97 87 3 96 98 96 76 50 94",
    "ISBN 978-3-16-148410-0, order 4929722653797142",
    "std::cout << a::b; d41d8cd98f00b204e9800998ecf8427e",
    "310104199609286242 and DE03 1203 0000 0000 2020 51",
    "eyJhbGciOi.eyJub3RoaW5n.and_that_is_no_token_at_all",
    "-----BEGIN PUBLIC KEY----- and BEGIN RSA PRIVATE KEY are headers of PEM files.",
    "123456-7890",
    "The string 4158675309 is a product of primes.",
    "\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661\u0662\u0663\u0664\u0665\u0666",
]


def verdict(text: str, instruction: str = "Say it.", **config: Any) -> Verdict:
    return judge(to_frame([new_row(instruction, response=text, stage="s")]), Config(**config))[0]


@pytest.mark.parametrize(("reason", "value"), FOUND)
@pytest.mark.parametrize("text", ["{}", "Here it is: {}, thanks.", "他的资料（{}）。"])
def test_a_value_is_found_wherever_it_stands_and_never_told(reason: str, value: str, text: str) -> None:
    found = verdict(text.format(value))
    assert (found.keep, found.reason) == (False, reason)
    assert [(score.measure, score.value, score.neighbour) for score in found.scores] == [(reason, 1.0, None)]


@pytest.mark.parametrize(("reason", "value"), EXAMPLES)
def test_what_is_obviously_an_example_may_stay(reason: str, value: str) -> None:
    assert verdict(f"Such as {value} here.").keep
    strict = verdict(f"Such as {value} here.", allow_examples=False)
    assert strict.reason == reason or value.startswith("+1 800")  # a hotline is nobody's in any case


@pytest.mark.parametrize("text", NOTHING)
def test_other_text_stays(text: str) -> None:
    assert verdict(text) == Verdict(keep=True)


@pytest.mark.parametrize(
    "place", ["instruction", "input", "response", "reasoning", "answer", "system", "system_generation", "turns"]
)
def test_every_text_of_a_row_is_looked_at(place: str) -> None:
    secret = "kim@kreuzberg.de"
    value: Any = (Turn("user", secret),) if place == "turns" else secret
    row = new_row(**{"instruction": "Say it.", "stage": "s", place: value})
    assert judge(to_frame([row]), Config())[0].reason == "pii_email"


def test_several_kinds_are_counted_and_what_opens_something_gives_the_reason() -> None:
    key = "hf_" + drawn(34)
    found = verdict(f"kim@kreuzberg.de, lee@kreuzberg.de: {key}")
    assert found.reason == "secret_huggingface_token"
    assert {score.measure: score.value for score in found.scores} == {"secret_huggingface_token": 1, "pii_email": 2}


def test_only_the_kinds_that_were_asked_for_are_looked_for() -> None:
    assert verdict("kim@kreuzberg.de", kinds=["phone"]).keep
    assert verdict("kim@kreuzberg.de", kinds=["email"]).reason == "pii_email"


def test_national_numbers_are_those_of_the_regions() -> None:
    assert verdict("030 23125 026").keep
    assert verdict("030 23125 026", regions=["DE"]).reason == "pii_phone"
    assert verdict("+49 30 23125 026", regions=[]).reason == "pii_phone"


def test_a_region_that_does_not_exist_stops_the_run() -> None:
    check(Config())
    with pytest.raises(RecipeError, match=r"^pii\.regions: 'UK' is not a region"):
        check(Config(regions=["US", "UK"]))


def test_a_kind_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"kinds": ["shoe_size"]})


def test_every_kind_has_a_case() -> None:
    assert {reason.partition("_")[2] for reason, _ in FOUND} == set(KINDS)


@pytest.mark.parametrize(
    ("name", "fields"),
    [("gsm8k_test.jsonl", ("question", "answer")), ("huatuo_8658.jsonl", ("instruction", "output"))],
)
def test_real_rows_stay(real_data: Callable[[str], list[dict[str, Any]]], name: str, fields: tuple[str, str]) -> None:
    rows = [
        new_row(each[fields[0]], response=each[fields[1]], stage="s", source=str(i))
        for i, each in enumerate(real_data(name))
    ]
    assert all(found.keep for found in judge(to_frame(rows), Config()))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
    | st.text("0123456789 -.:+@eyJsk_/Aa\u0663", max_size=60)
)
def test_odd_text_never_crashes(text: str) -> None:
    found = verdict(text, allow_examples=False)
    assert found.keep is (found.reason is None)
