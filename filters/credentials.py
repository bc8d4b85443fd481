"""Keys and tokens that services issue, found by the form that each service gives them.

Only forms that nothing else has: a password is a word like any other, and is not looked for. Own patterns rather than
detect-secrets 1.5, whose forms are of 2024: it misses OpenAI's keys of today, GitHub's fine-grained tokens, Anthropic's
and Hugging Face's, and takes a mere header for a private key.

Sources: what the services say of their own tokens, for instance
https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/; RFC 7519 (JWT); RFC 7468 (PEM).
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator

# A key does not go on with these: then it is part of something longer.
_END = r"(?![A-Za-z0-9])"
_START = r"(?<![A-Za-z0-9])"

PATTERNS = {
    "aws_key": re.compile(
        rf"{_START}(?:AKIA|ASIA)[A-Z2-7]{{16}}{_END}"
        r"|(?i:aws_?secret_?(?:access_?)?key)[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
    ),
    "github_token": re.compile(
        rf"{_START}gh[pousr]_[A-Za-z0-9]{{36,251}}{_END}|{_START}github_pat_[A-Za-z0-9]{{22}}_[A-Za-z0-9]{{59}}{_END}"
    ),
    "gitlab_token": re.compile(rf"{_START}glpat-[A-Za-z0-9_-]{{20,}}"),
    "openai_key": re.compile(
        rf"{_START}sk-[A-Za-z0-9_-]{{20,}}T3BlbkFJ[A-Za-z0-9_-]{{20,}}|{_START}sk-[A-Za-z0-9]{{48}}{_END}"
    ),
    "anthropic_key": re.compile(rf"{_START}sk-ant-[a-z]+\d\d-[A-Za-z0-9_-]{{80,}}"),
    "huggingface_token": re.compile(rf"{_START}hf_[A-Za-z0-9]{{34}}{_END}"),
    "google_api_key": re.compile(rf"{_START}AIza[A-Za-z0-9_-]{{35}}(?![A-Za-z0-9_-])"),
    "slack_token": re.compile(
        rf"{_START}xox[abeoprs]-(?:\d+-)+[A-Za-z0-9]{{10,}}|hooks\.slack\.com/services/T\w+/B\w+/[A-Za-z0-9]{{20,}}"
    ),
    "stripe_key": re.compile(rf"{_START}[rs]k_live_[A-Za-z0-9]{{24,}}{_END}"),
    "jwt": re.compile(rf"{_START}eyJ[A-Za-z0-9_-]{{8,}}\.eyJ[A-Za-z0-9_-]{{8,}}\.[A-Za-z0-9_-]{{20,}}"),
    "private_key": re.compile(
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[\s>|\"'+]|\\n)*"
        r"(?:[A-Za-z-]{1,40}: [^\n]{0,200}\n\s*){0,5}[A-Za-z0-9+/]{40}"
    ),
}

# What people write in place of a key.
_PLACEHOLDER = re.compile(
    r"example|(?-i:x{4}|X{4})|\*{4}|your|dummy|fake|sample|placeholder|redacted|abcdef|12345|0{5}|\.\.\.", re.IGNORECASE
)

# Different characters that a key has at least, which a random one of 16 has almost always.
_VARIETY = 8


def find(kind: str, text: str) -> Iterator[str]:
    """The keys of one kind in ``text``, as they stand there."""
    for match in PATTERNS[kind].finditer(text):
        if kind != "jwt" or _is_token(match.group()):
            yield match.group()


def is_example(kind: str, value: str) -> bool:
    """Whether ``value`` was obviously made up to show what a key looks like."""
    if kind == "jwt":
        # The token that jwt.io greets its visitors with, and its countless copies.
        claims = _decoded(value.split(".")[1]) or {}
        return str(claims.get("sub")) == "1234567890" or "John Doe" in claims.values()
    return bool(_PLACEHOLDER.search(value)) or len(set(value[-16:])) < _VARIETY


def _is_token(value: str) -> bool:
    header, claims, _ = value.split(".")
    return "alg" in (_decoded(header) or {}) and _decoded(claims) is not None


def _decoded(part: str) -> dict[str, object] | None:
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return None
    return found if isinstance(found, dict) else None
