r"""Whether two final answers mean the same: ``1/2`` and ``0.50``, ``(B)`` and ``B. Paris``, ``是`` and ``Yes``.

Down a ladder, cheap and certain steps first: option letter, JSON as data, amounts (signs, units, fractions), yes or
no, unified text, lists in order. Symmetric and reflexive, but not transitive ("5 km" and "5 m" both mean a bare
"5"), and never raising. Case does not count, so "HELLO" is "hello". Not a symbolic algebra system: ``x+1`` and
``1+x`` are two answers here. The order of the steps follows NeMo-Skills, https://github.com/NVIDIA-NeMo/Skills.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount."""

    value: Fraction
    unit: str = ""
    """"" where none is written."""
    places: int | None = 0
    """How many decimals were written; ``None`` for a fraction."""


_CJK = "\u3400-\u4dbf\u4e00-\u9fff"
_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+"
_TIMES = (
    r"(?:(?:hundred|thousand|million|billion|trillion)(?![a-z])|万亿|千万|百万"
    r"|百(?!分)|千(?![克米瓦卡伏焦帕])|万|亿)"
)
"""Not 千克, a unit, nor 百分比."""
_FACTORS = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "百": 100, "千": 10**3, "万": 10**4, "百万": 10**6, "千万": 10**7, "亿": 10**8, "万亿": 10**12,
}  # fmt: skip
_MAGNITUDE = re.compile(
    r"(?P<money>[$€£¥] ?[0-9][0-9.,]{0,20} ?)(?P<paid>[kmb]|bn|mn)(?!\w)|(?<=[0-9])(?P<bare>[km])(?!\w)", re.IGNORECASE
)
_LETTERS = {"k": " thousand", "m": " million", "mn": " million", "b": " billion", "bn": " billion"}
_AMOUNT = re.compile(
    rf"(?P<date>[0-9]+/[0-9]+/[0-9]+)|(?<![a-z0-9_.])(?P<sign>[-+]?)[$€£¥]?(?P<sign2>-?)(?P<whole>{_DIGITS})"
    rf"(?P<power>e[-+]?[0-9]{{1,2}})?(?:/(?P<under>[0-9]+)| (?P<top>[0-9]+)/(?P<bottom>[0-9]+))?(?![0-9])"
    rf"(?: ?(?P<times>{_TIMES}))?"
)
_MONEY = r"[$€£¥₹]|us\$|usd|rmb|cny|eur|gbp"
_QUANTITY = re.compile(
    rf"(?P<sign>[-+]?) ?(?P<money>{_MONEY})? ?(?P<sign2>[-+]?)(?P<whole>{_DIGITS})(?P<power>e[-+]?[0-9]{{1,2}})?"
    rf"(?: ?/ ?(?P<under>{_DIGITS})| (?P<top>[0-9]+) ?/ ?(?P<bottom>[0-9]+))?(?: ?(?P<times>{_TIMES}))?"
    r" ?(?P<unit>.*)"
)
_UNIT = re.compile(rf"%|°[cf]?|[^\W\d_][\w^/·°-]*(?: [^\W\d_][\w^/·°-]*){{0,2}}|[{_CJK}]{{1,6}}")
_NO_UNITS = re.compile(
    r"(?:^|[ ^/])(?:and|or|not|to|more|less|than|least|most|over|under|plus|minus|times|by|if|am|pm|[xyznieabk])"
    r"(?:$|[ ^/])"
)
"""Behind a number these are not what is counted: ``5 or more``, ``2x``, ``3 PM``."""
_UNIT_NAMES = {
    "percent": "%", "percentage": "%", "dollar": "$", "usd": "$", "us$": "$", "degree": "°", "deg": "°", "eur": "€",
    "euro": "€", "gbp": "£", "元": "¥", "块": "¥", "块钱": "¥", "人民币": "¥", "rmb": "¥", "cny": "¥", "yuan": "¥",
}  # fmt: skip

_YES = frozenset({"yes", "true", "是", "是的", "对", "对的", "正确"})
_NO = frozenset({"no", "false", "否", "不", "不是", "不对", "错", "错误", "不正确"})
_OPTION = re.compile(
    r"(?i:(?:option|choice|answer|选项|选择|选)[ \t]*)?"
    r"(?:[(（\[【]([A-Ja-j])[)）\]】][.、:：]?|([A-J])[).、．:：]|([A-Ja-j])[).]?(?=\s*$))\s*(.*)",
    re.DOTALL,
)
# About, more than, not: a number beside one of these is not the answer itself.
_HEDGE = re.compile(
    r"[0-9] ?(?:am|pm|a\.m|p\.m)(?![a-z])|(?:上午|下午|晚上|凌晨) ?[0-9]"
    r"|\b(?:than|least|most|about|around|roughly|approximately|almost|nearly|not|no|never|over|under|between|or|up to"
    r"|minus|negative|half|twice|double|hundred|thousand|million|billion)\b"
    r"|不|约|超过|至少|至多|最多|最少|以上|以下|左右|或|负|百|千(?![克米瓦卡伏焦帕])|万|亿|半",
    re.IGNORECASE,
)
_SENTENCE = re.compile(rf"[\w\s.,;:'’\"$€£¥%?。，、；：{_CJK}-]{{2,200}}")
_TERM = re.compile(r"[0-9][a-z]\b(?<![cfghklmst])", re.IGNORECASE)
"""A number times a variable (``2x``), and not a number with a unit of one letter (``2m``)."""
_FENCED = re.compile(r"\s*```[^\n`]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)
_BULLET = re.compile(r"^\s*(?:[-*•]\s+|[0-9]{1,2}[.)、]\s*(?![0-9]))")


def equivalent(gold: str, predicted: str) -> bool:
    """Whether two answers mean the same; nothing is equivalent to an empty answer."""
    gold, predicted = tidy(gold), tidy(predicted)
    if not gold or not predicted:
        return False
    return gold == predicted or _same(gold, predicted) or _same_lists(gold, predicted)


def tidy(answer: str) -> str:
    """An answer without the marks around it: bold, backticks, ``$…$``, the final stop of a short one."""
    answer = answer.strip()
    for mark in ("**", "__", "`", "$$", "$"):
        inner = answer[len(mark) : -len(mark)]
        if len(answer) > 2 * len(mark) and answer.startswith(mark) and answer.endswith(mark) and mark not in inner:
            answer = inner.strip()
    if answer.count("**") == 1:
        answer = answer.replace("**", "").strip()  # the other one stood before the cue: **Answer: 5**
    short = "\n" not in answer and len(answer) <= 60 and len(answer.split()) <= 6
    stop = re.search(r"[^.。][.。]$", answer) and not re.search(r"\b[A-Z]\.[A-Z]\.$", answer)  # U.S. keeps its own
    return (answer[:-1].strip() or answer) if short and stop else answer


def plain(text: str) -> str:
    """A text as it is compared: Unicode and LaTeX spellings unified, without case, quotes and needless spaces."""
    text = _unified(text)
    text = re.sub(r"\*\*|[`$“”\"]", "", text)
    text = re.sub(r"\s+", " ", text).strip(" .。,;'‘’、")
    text = re.sub(r"^(?:the|an?) (?=[a-z]{2})", "", text)
    text = re.sub(rf"(?<=[^\W\d_])!+$|(?<=[{_CJK}]) | (?=[{_CJK}])|(?<=[0-9]) (?=[a-z])", "", text)
    return re.sub(r" ?([,=+<>:;|-]) ?", r"\1", text)


def quantity(text: str) -> Quantity | None:
    """The amount that a text consists of, as in ``$1,200.50``, ``3 1/2 km`` or ``-5%``; else ``None``."""
    text = re.sub(r"\s+", " ", readable(text)).strip().rstrip(".。").strip()
    text = re.sub(r"^[a-z] ?= ?", "", text)
    match = _QUANTITY.fullmatch(text) if len(text) <= 80 else None
    if match is None:
        return None
    unit = match["unit"].strip()
    if unit and (_UNIT.fullmatch(unit) is None or _NO_UNITS.search(unit) is not None):
        return None
    return _amount(match, _unit_name(unit or match["money"] or ""))


def amounts(text: str) -> list[tuple[int, Quantity]]:
    """Every number in a ``readable`` text and where it begins: ``1/23``, ``3 1/2`` and ``1.5 million`` are one each.

    A date with slashes is none; units are not read.
    """
    found = [(match.start(), match) for match in _AMOUNT.finditer(text) if not match["date"] and len(match[0]) <= 80]
    read = [(start, _amount(match, "")) for start, match in found]
    return [(start, amount) for start, amount in read if amount is not None]


def without_magnitudes(text: str) -> str:
    """A ``readable`` text in which "1.5 million" is 1.5, as in the answer to "How many million …?"."""
    return re.sub(rf"(?<=[0-9]) ?{_TIMES}", " ", text)


def readable(text: str) -> str:
    """A text with one spelling for what can be written in several, and ``$1.5M`` as "$1.5 million"."""
    return _unified(_MAGNITUDE.sub(_magnitude, text))


def same_quantity(one: Quantity, other: Quantity) -> bool:
    """Whether two amounts agree: a unit that one leaves out does not count, a rounded fraction does."""
    if one.unit and other.unit and one.unit != other.unit:
        return False
    if one.value == other.value:
        return True
    fraction, decimal = (one, other) if one.places is None else (other, one)
    if fraction.places is not None or decimal.places is None or decimal.places < 2:
        return False
    return abs(fraction.value - decimal.value) <= Fraction(1, 2 * int(10**decimal.places))


def choice(answer: str) -> tuple[str, str] | None:
    """Letter and text of ``(B) Paris``, ``B.`` or ``option B``; a bare letter only where nothing follows it."""
    match = _OPTION.fullmatch(answer.strip().strip("*").strip())
    if match is None:
        return None
    return (match[1] or match[2] or match[3]).upper(), match[4].strip()


def yes_no(answer: str) -> bool | None:
    """Yes or no, where the answer is one or opens with one that is set off ("No, …", but not "No one")."""
    lead = re.split(r"[\s,.:;!，。；：！]", plain(answer), maxsplit=1)[0]
    if lead not in _YES | _NO:
        return None
    alone = plain(answer) == lead or re.match(rf"\W*{lead}[\W]*[,.:;!，。；：！]", answer.casefold()) is not None
    return lead in _YES if alone else None


def data(answer: str) -> Any:
    """A JSON object or array, with numbers tagged so that ``1`` is ``1.0`` and not ``true``; else ``None``."""
    fenced = _FENCED.fullmatch(answer)
    text = (fenced[1] if fenced else answer).strip()
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, parse_int=_json_number, parse_float=_json_number, parse_constant=_json_constant)
    except (ValueError, RecursionError):
        return None


def _same(gold: str, predicted: str) -> bool:
    """One answer and another; the first step that knows both kinds decides."""
    options = choice(gold), choice(predicted)
    by_letter = _same_option(gold, predicted, *options) if any(options) else None
    if by_letter is not None:
        return by_letter
    values = data(gold), data(predicted)
    if values[0] is not None and values[1] is not None:
        return _equal(*values)
    amounts = quantity(gold), quantity(predicted)
    if amounts[0] is not None and amounts[1] is not None:
        return same_quantity(amounts[0], amounts[1])
    if _only_number(predicted, amounts[0]) or _only_number(gold, amounts[1]):
        return True
    verdicts = yes_no(gold), yes_no(predicted)
    if None not in verdicts and {plain(gold), plain(predicted)} & (_YES | _NO):
        return verdicts[0] is verdicts[1]
    return bool(plain(gold)) and plain(gold) == plain(predicted)


def _same_option(gold: str, predicted: str, one: tuple[str, str] | None, other: tuple[str, str] | None) -> bool | None:
    if one and other:
        # Where both give a text, the letters may come from two orders of the options.
        return one[0] == other[0] and (not (one[1] and other[1]) or plain(one[1]) == plain(other[1]))
    labelled, text = (one, predicted) if one else (other, gold)
    return True if labelled and labelled[1] and plain(labelled[1]) == plain(text) else None


def _only_number(sentence: str, amount: Quantity | None) -> bool:
    """Whether a sentence names this number and no other, without "about" or "more than"."""
    if amount is None or _SENTENCE.fullmatch(sentence) is None or _HEDGE.search(sentence) is not None:
        return False
    found = amounts(readable(sentence))
    return len(found) == 1 and found[0][1].value == amount.value and _TERM.search(sentence) is None


def _same_lists(gold: str, predicted: str) -> bool:
    (bracket, one), (other_bracket, other) = items(gold), items(predicted)
    if len(one) != len(other) or len(one) < 2 or (bracket and other_bracket and bracket != other_bracket):
        return False  # (1, 2) and [1, 2] are two intervals
    return all(a == b or _same(a, b) for a, b in zip(one, other, strict=True))


def items(text: str) -> tuple[str, list[str]]:
    """The opening bracket, or "", and the parts of a list."""
    text, bracket = text.strip(), ""
    if len(text) > 2 and text[0] + text[-1] in ("()", "[]", "{}"):
        bracket, text = text[0], text[1:-1]
    separator = r"\n+" if "\n" in text.strip() else r"[;；]" if re.search("[;；]", text) else r"[,，、]|\band\b|和"
    parts = (_BULLET.sub("", part).strip().strip("'\"‘’“”") for part in re.split(separator, text))
    return bracket, [tidy(part) for part in parts if part.strip()]


def _unified(text: str) -> str:
    """One spelling for what Unicode and LaTeX write in several, in lower case."""
    text = re.sub(r"([0-9])([¼-¾⅐-⅞])", r"\1 \2", text)
    text = unicodedata.normalize("NFKC", text).replace("⁄", "/").replace("−", "-").casefold()
    if "\\" not in text and "{" not in text:
        return text
    text = re.sub(r"\\(?:text|mathrm|mathbf|textbf|mbox|boxed)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"([0-9]) ?\\[dt]?frac", r"\1 \\frac", text)
    text = re.sub(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}", _fraction, text)
    text = re.sub(r"\\[dt]?frac([0-9])([0-9])", r"\1/\2", text).replace("{,}", ",")
    text = re.sub(r"\^\s*\{?\s*\\circ\s*\}?|\\degree", "°", text)
    text = re.sub(r"\\(?:times|cdot)(?![a-z])", "*", text)
    return re.sub(r"\\(?:left|right|displaystyle|quad)(?![a-z])|\\[,;:!() ]|\\(?=[$%&#_{}])", "", text)


def _amount(match: re.Match[str], unit: str) -> Quantity | None:
    """What the groups of a number come to; ``None`` where it divides by zero."""
    value = Fraction((match["whole"] + (match["power"] or "")).replace(",", ""))
    top, bottom = (match["top"], match["bottom"]) if match["top"] else ("0", "1")
    over = Fraction((match["under"] or "1").replace(",", ""))
    if over == 0 or int(bottom) == 0:
        return None
    value = (value / over + Fraction(int(top), int(bottom))) * _FACTORS.get(match["times"] or "", 1)
    value = -value if "-" in (match["sign"], match["sign2"]) else value
    written = match["under"] is None and match["top"] is None
    return Quantity(value, unit, len(match["whole"].partition(".")[2]) if written else None)


def _magnitude(match: re.Match[str]) -> str:
    if match["money"]:
        return match["money"].rstrip() + _LETTERS[match["paid"].lower()]
    # A small m behind a bare number is metres.
    return match[0] if match["bare"] == "m" else _LETTERS[match["bare"].lower()]


def _fraction(match: re.Match[str]) -> str:
    return "/".join(part if re.fullmatch(r"\w+", part.strip()) else f"({part})" for part in match.groups())


def _unit_name(unit: str) -> str:
    names = [_UNIT_NAMES.get(word, word) for word in re.split(r" ", unit)]
    singular = [name.removesuffix("s") if len(name) > 2 else name for name in names]
    return " ".join(_UNIT_NAMES.get(name, name) for name in singular)


def _json_number(text: str) -> tuple[str, Any]:
    # A short one is exact; 1e999999999 as a fraction would fill the memory.
    return "number", Fraction(text) if len(text) < 40 and "e" not in text.lower() else float(text)


def _json_constant(name: str) -> tuple[str, Any]:
    return "constant", name  # NaN, which is not equal to itself


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except RecursionError:
        return False
