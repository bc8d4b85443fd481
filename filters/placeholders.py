"""Personal data that is nobody's: reserved for examples, published for tests, or obviously made up.

Sources: RFC 2606 and 6761 (names), the North American Numbering Plan (555) and Ofcom (numbers for use in drama); the
test cards that payment services publish; the examples of the SWIFT IBAN registry.
"""

import re
from collections.abc import Callable

# Reserved names first, then those that writers use as if they were.
_EMAIL = re.compile(
    r"(?:.*\.)?(?:example|test|invalid|localhost)|(?:.*\.)?example\.(?:com|org|net|edu|co\.\w+)"
    r"|(?:your|my|our|some|any|the)?-?(?:domain|company|website|site|business|organi[sz]ation|school|university|store|shop|"
    r"emaildomain|mailserver)\.(?:com|org|net|edu|co)"
    r"|(?:email|test|sample|acme|foo|bar|abc|xyz|xxx+|abccompany|xyzcompany|abccorp|xyzcorp)\.(?:com|org|net)",
    re.IGNORECASE,
)
_LOCAL = re.compile(r"(?:your|my)[._-]?(?:name|email|address)\w*|user(?:name)?|name|xxx+|abc|foo", re.IGNORECASE)

# 555 in North America; the ranges that no British telephone has.
_PHONE = re.compile(
    r"\+1\d{3}555\d{4}|\+44(?:1632960|2079460|7700900|1144960|1214960|1314960|1514960|1614960|1914980|2920180)\d{3}"
    r"|\+8613800138000"
)

_CARDS = frozenset(
    re.findall(
        r"\S+",
        "4111111111111111 4242424242424242 4012888888881881 4222222222222 4000056655665556 4000000000000002 "
        "4000000000000077 4917610000000000 4539578763621486 4532015112830366 5555555555554444 5105105105105100 "
        "5200828282828210 2223003122003222 5425233430109903 378282246310005 371449635398431 378734493671000 "
        "6011111111111117 6011000990139424 6011000000000004 3056930009020004 30569309025904 38520000023237 "
        "36227206271667 3566002020360505 3530111333300000 6200000000000005 6205500000000000004",
    )
)

_IBANS = frozenset(
    re.findall(
        r"\S+",
        "GB82WEST12345698765432 GB29NWBK60161331926819 GB33BUKB20201555555555 GB94BARC10201530093459 "
        "DE89370400440532013000 DE75512108001245126199 FR1420041010050500013M02606 FR7630006000011234567890189 "
        "NL91ABNA0417164300 ES9121000418450200051332 IT60X0542811101000000123456 CH9300762011623852957 "
        "AT611904300234573201 BE68539007547034 BE71096123456769 PL61109010140000071219812874 "
        "SE4550000000058398257466 NO9386011117947 DK5000400440116243 IE29AIBK93115212345678 "
        "PT50000201231234567890154 SA0380000000608010167519 AE070331234567890123456",
    )
)

_IDENTITIES = frozenset(
    re.findall(
        r"\S+",
        "11010519491231002X 440524188001010014 123456789 078051120 219099999 52998224725 RSSMRA85T10A562S "
        "RSSMRA80A01H501U 131052308T 8112289874 198112289874 255081416802538",
    )
)

# Resolvers that everybody asks, and what fingers type.
_ADDRESSES = frozenset(
    re.findall(
        r"\S+",
        "1.1.1.1 1.0.0.1 8.8.8.8 8.8.4.4 9.9.9.9 208.67.222.222 208.67.220.220 114.114.114.114 223.5.5.5 1.2.3.4 "
        "4.3.2.1 5.6.7.8 2.2.2.2 3.3.3.3 4.4.4.4 5.5.5.5 11.11.11.11 12.34.56.78 111.111.111.111 123.123.123.123 "
        "123.45.67.89 93.184.216.34 2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 "
        "2606:4700:4700::1001",
    )
)

_RUNS = ("1234567", "2345678", "3456789", "9876543", "8765432", "7654321")


def _made_up(digits: str) -> bool:
    """Digits in a row, or hardly two different ones."""
    return any(run in digits for run in _RUNS) or len(set(digits)) <= 2


def _email(value: str) -> bool:
    local, _, domain = value.rpartition("@")
    return bool(_EMAIL.fullmatch(domain) or _LOCAL.fullmatch(local))


def _identity(value: str) -> bool:
    plain = re.sub(r"[^A-Z0-9]", "", value.upper())
    return plain in _IDENTITIES or _made_up(re.sub(r"\D", "", plain))


_TESTS: dict[str, Callable[[str], bool]] = {
    "email": _email,
    "phone": lambda value: bool(_PHONE.fullmatch(value)) or _made_up(value.lstrip("+")[1:]),
    "credit_card": lambda value: value in _CARDS or _made_up(value),
    "iban": lambda value: value in _IBANS,
    "national_id": _identity,
    "ip_address": lambda value: value in _ADDRESSES,
}


def is_example(kind: str, value: str) -> bool:
    """Whether ``value``, as a finder of ``personal`` gave it, is nobody's."""
    return _TESTS[kind](value)
