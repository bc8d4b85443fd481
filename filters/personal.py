"""Personal data that can be told by its form and, where it has one, its check digit.

Names and addresses are not looked for: that needs a model of language, and is wrong often. Numbers without a check
digit count only in the form that they are written in, or beside the word that says what they are.

Sources: phonenumbers (Google's libphonenumber) for telephone numbers; python-stdnum for check digits of cards (ISO/IEC
7812), accounts (ISO 13616) and citizens; Python's ipaddress for which addresses are public.
"""

import importlib
import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

Finder = Callable[[str, Sequence[str]], Iterator[str]]
"""From a text, and the regions whose national telephone numbers count, to the values that stand in it."""

_EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9][\w.+%-]{0,63}@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,4}([A-Za-z]{2,24})(?![\w@-])"
)
# "logo@2x.png" is a file, "git@github.com:owner/name" an address of code. Endings that are countries too (.py, .rs,
# .sh) are not here.
_FILE_ENDINGS = frozenset(
    re.findall(r"\S+", "png jpg jpeg gif svg webp bmp ico pdf txt csv json xml html css js local"),
)
_CODE_HOST = re.compile(r"git@", re.IGNORECASE)

_MANY_DIGITS = re.compile(r"\d(?:[ .()\-\u00a0]{0,2}\d){6}")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_PHONE_WORDS = re.compile(
    r"(?:\b(?:phone|tel|call|mobile|cell|fax|sms|text|whatsapp|dial|contact|ring)|"
    r"电话|手机|致电|拨打|联系|号码|短信|热线|微信)[^\d\n]{0,27}$",
    re.IGNORECASE,
)

# In one piece or as cards are embossed; other groups are a list of numbers.
_CARD = re.compile(
    r"(?<![\d.,+-])(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5})(?![\d-]|[.,]\d)"
)
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|"
    r"3(?:0[0-5]|[68]\d)\d{11}|6(?:011|5\d\d|4[4-9]\d)\d{12}|62\d{14,17}|35(?:2[89]|[3-8]\d)\d{12}"
)

_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9a-fA-F]{3}:[0-9a-fA-F:]{2,34}(?![\w:.])")
# "version 10.0.1.2" is no address.
_VERSION = re.compile(
    r"(?:\bv|version|revision|release|build|firmware|driver|section|clause|版本|固件|驱动)\W{0,3}$", re.IGNORECASE
)


class _Identity(NamedTuple):
    """One country's number: its form, who checks it, and the word that must stand near it, where the form is weak."""

    form: re.Pattern[str]
    module: str
    word: re.Pattern[str] | None = None


def _id(form: str, module: str, word: str | None = None) -> _Identity:
    edged = re.compile(rf"(?<![\w.-])(?:{form})(?![\w-])", re.IGNORECASE)
    return _Identity(edged, f"stdnum.{module}", None if word is None else re.compile(word, re.IGNORECASE))


IDENTITIES = {
    "cn": _id(r"\d{17}[\dX]", "cn.ric"),
    "us": _id(r"\d{3}-\d{2}-\d{4}", "us.ssn"),
    "br": _id(r"\d{3}\.\d{3}\.\d{3}-\d{2}", "br.cpf"),
    "es": _id(r"\d{8}-?[A-Z]", "es.dni"),
    "es_foreign": _id(r"[XYZ]-?\d{7}-?[A-Z]", "es.nie"),
    "fi": _id(r"\d{6}[-+A]\d{3}[0-9A-Y]", "fi.hetu"),
    "fr": _id(r"[12] ?\d\d ?\d\d ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d", "fr.nir"),
    "it": _id(r"[A-Z]{6}\d\d[A-Z]\d\d[A-Z]\d{3}[A-Z]", "it.codicefiscale"),
    "kr": _id(r"\d{6}-[1-4]\d{6}", "kr.rrn"),
    "se": _id(r"(?:\d\d)?\d{6}[-+]\d{4}", "se.personnummer"),
    "in": _id(r"\d{4} ?\d{4} ?\d{4}", "in_.aadhaar", r"aadhaar|आधार"),
    "pl": _id(r"\d{11}", "pl.pesel", r"pesel"),
    "ro": _id(r"\d{13}", "ro.cnp", r"\bcnp\b"),
    "tr": _id(r"\d{11}", "tr.tckimlik", r"kimlik"),
    "za": _id(r"\d{6} ?\d{4} ?\d{3}", "za.idnr", r"\b(?:id|identity)\b"),
}
_NEAR = 60
"""Characters before a number in which its word is looked for."""


def emails(text: str, regions: Sequence[str]) -> Iterator[str]:
    """Addresses of people and offices."""
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        if match.group(1).lower() not in _FILE_ENDINGS and not _CODE_HOST.match(match.group()):
            yield match.group()


def phones(text: str, regions: Sequence[str]) -> Iterator[str]:
    """Telephone numbers, in E.164 form: international ones, and national ones of ``regions``."""
    if not _MANY_DIGITS.search(text):
        return
    # Imported here, not above: it reads its tables of numbers, and listing the filters must stay cheap.
    import phonenumbers

    seen = set()
    for region in (None, *regions):  # None: numbers with a +country code
        for match in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.STRICT_GROUPING):
            kind = phonenumbers.number_type(match.number)
            if (match.start, match.end) in seen or kind in _nobodys_numbers():
                continue
            if _NUMBER.fullmatch(match.raw_string) and not _bare_number_is_one(text, match.start, match.raw_string):
                continue
            seen.add((match.start, match.end))
            yield phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)


def unknown_regions(regions: Sequence[str]) -> list[str]:
    """Those of ``regions`` that are no country with telephones."""
    from phonenumbers import SUPPORTED_REGIONS

    return [region for region in regions if region not in SUPPORTED_REGIONS]


@cache
def _nobodys_numbers() -> frozenset[int]:
    """Kinds of numbers that belong to no person: hotlines, services."""
    from phonenumbers import PhoneNumberType as Kind

    return frozenset({Kind.TOLL_FREE, Kind.PREMIUM_RATE, Kind.SHARED_COST, Kind.UAN, Kind.VOICEMAIL})


def _bare_number_is_one(text: str, start: int, digits: str) -> bool:
    """Ten digits may be a sum; eleven that begin as a Chinese mobile number, and are not round, are hardly one."""
    if text[max(0, start - 1) : start] in (".", ","):  # the digits behind a decimal point
        return False
    chinese = re.fullmatch(r"1[3-9]\d{9}", digits) and not digits.endswith("000")
    return bool(chinese or _PHONE_WORDS.search(text[max(0, start - 40) : start]))


def cards(text: str, regions: Sequence[str]) -> Iterator[str]:
    """Numbers of payment cards, digits only."""
    if not _MANY_DIGITS.search(text):
        return
    from stdnum import luhn

    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if _ISSUERS.fullmatch(digits) and luhn.is_valid(digits):
            yield digits


def ibans(text: str, regions: Sequence[str]) -> Iterator[str]:
    """Numbers of bank accounts, without blanks."""
    if not _MANY_DIGITS.search(text):
        return
    from stdnum import iban

    for match in _IBAN.finditer(text):
        groups = match.group().split()
        for end in range(len(groups), 0, -1):  # a word in capitals may stand behind it
            if iban.is_valid("".join(groups[:end])):
                yield "".join(groups[:end])
                break


def identities(text: str, regions: Sequence[str]) -> Iterator[str]:
    """Numbers of citizens, as they stand there."""
    for identity in IDENTITIES.values():
        for match in identity.form.finditer(text):
            before = text[max(0, match.start() - _NEAR) : match.start()]
            if (identity.word is None or identity.word.search(before)) and _check(identity.module, match.group()):
                yield match.group()


def _check(module: str, value: str) -> bool:
    if module == "stdnum.cn.ric":
        return _is_resident_id(value)
    return bool(importlib.import_module(module).is_valid(value))


def _is_resident_id(value: str) -> bool:
    """By birthday and check digit: python-stdnum also wants a county of its list, and fails on one that it misses."""
    from stdnum.cn import ric
    from stdnum.exceptions import ValidationError

    try:
        return 1900 <= ric.get_birth_date(value).year < 2100 and ric.calc_check_digit(value) == value[-1].upper()
    except ValidationError:
        return False


def addresses(text: str, regions: Sequence[str]) -> Iterator[str]:
    """Public IP addresses; private, local and documentation networks are nobody's."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            try:
                address = ipaddress.ip_address(match.group().rstrip(":"))
            except ValueError:
                continue
            if address.is_global and not address.is_multicast and not _VERSION.search(text[: match.start()][-20:]):
                yield str(address)


FINDERS: dict[str, Finder] = {
    "email": emails,
    "phone": phones,
    "credit_card": cards,
    "iban": ibans,
    "national_id": identities,
    "ip_address": addresses,
}
