"""How filters see text: normalised, as tokens, as calculations, as scripts.

Not a linguistic tokeniser, and no dictionary: rules that give the same tokens on every machine.

- English is tokenised exactly as ``rouge_score`` does it (lower case, runs of ``[a-z0-9]``), since Self-Instruct's
  threshold is meant for those tokens. That tokeniser leaves *nothing* of Chinese text, so that every Chinese pair
  scores 0 and passes; hence a CJK character is a token of its own here, in every language.
- All functions take any ``str``: empty, with NUL, with lone surrogates.

Sources: https://github.com/google-research/google-research/tree/master/rouge (tokenize.py);
Unicode normalisation form KC, https://unicode.org/reports/tr15/.
"""

import re
import unicodedata
from functools import cache

# Scripts that put no space between words: a run of them is a sentence, not a word, so each character is a token.
# Han (with 々 and 〇), kana without the middle dot, Thai and Lao, Myanmar, Khmer.
UNSPACED = (
    "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)

# Vowel signs and points that belong to a word but that Python's \w leaves out: Latin and Greek accents, Hebrew,
# Arabic, and the Indic blocks (without their full stops U+0964 and U+0965).
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0963\u0966-\u0dff"

_ENGLISH = re.compile(rf"[a-z0-9]+|[{UNSPACED}]")
WORD = rf"(?![{UNSPACED}_])[\w{_MARKS}]"
"""Matches one character of a word, in any language with spaces between words."""
_ANY_LANGUAGE = re.compile(rf"[{UNSPACED}]|(?:{WORD})+")
_UNSPACED_TOKEN = re.compile(rf"[{UNSPACED}]")

# Unicode calls these punctuation, but "3-5", "3/5", "3*5" and "C#" are not "3 5" and "C".
_MEANINGFUL = frozenset("-*/%&#@\\")

# What a calculation or a line of code is made of; the tokens of a text drop all of it but the digits. A hyphen, slash,
# star or colon counts only between operands (numbers, single letters, brackets), so that "60-minute", "and/or" and a
# list's bullets do not; "!" is a factorial or a negation only beside one.
_VARIABLE = r"(?<![a-z0-9_])[a-z]"
_LEFT = rf"(?:(?<=[\d)\]])|(?<=[\d)\]] )|(?<={_VARIABLE})|(?<={_VARIABLE} ))"
_OPERAND = r"(?:[\d(\[]|[a-z](?![a-z0-9_]))"
# The look ahead comes first because most characters are none of these: without it, seven times as slow.
_FORMAL = re.compile(
    r"(?=[-\d+<=>|^%&\\#*()\[\]{}/:!\u00ac\u00b1\u00d7\u00f7\u2190-\u22ff\u2a00-\u2aff])(?:"
    r"\d+(?:\.\d+)*"
    rf"|{_LEFT}(?:\*\*|[-*/:])(?= ?{_OPERAND})"
    r"|(?<=\w)\*{1,2}(?=\w)|(?<=\w )(?:\*{1,2}|/{1,2})(?= \w)"
    rf"|(?<![\w)\]])-(?={_OPERAND})"
    r"|[+<=>|^%&\\\u00ac\u00b1\u00d7\u00f7\u2190-\u22ff\u2a00-\u2aff]|(?<=[a-z])#"
    rf"|(?:(?<=\d)|(?<=\d\))|(?<={_VARIABLE}))!|(?<!\w)!(?=[\w(])|!(?==)"
    r"|[()\[\]{}]"
    r")|(?<=[\"'])\s?:"
)
_BRACKET = re.compile(r"[()\[\]{}]")
_INSIDE_BRACKETS = re.compile(r"(?<=[(\[{])\s+|\s+(?=[)\]}])")
_DASHES = str.maketrans("\u2212\u2013\u2012", "---")
TYPOGRAPHY = str.maketrans("\u2018\u2019\u201c\u201d\u2212\u2013\u2012", "''\"\"---")

# The end of a sentence. After a number or a variable "!" is a factorial, not an ending.
_SENTENCE_END = re.compile(r"(?:(?<=[^\W\d_]{2})[.?!\u3002\s]+|[.?\u3002\s]+)\Z")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")

# What is not said in a language: code, addresses, formulas, tags; and lines that look like code.
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+|\$[^$\n]+\$|<[^<>\n]+>", re.DOTALL)
_CODE_LINE = re.compile(
    r"[{};=]\s*$|^\s*(?:def|class|import|from|return|for|if|while|print|#include|SELECT|<\w)\b|\w\(.*\)"
)

# Letters by script, as far as a check of the language needs them.
_SCRIPTS = {
    "latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a",
    "han": "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "kana": "\u3041-\u3096\u30a1-\u30fa\u30fc\uff66-\uff9f",
    "hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "cyrillic": "\u0400-\u052f",
    "greek": "\u0370-\u03ff\u1f00-\u1fff",
    "hebrew": "\u05d0-\u05ea",
    "arabic": "\u0620-\u064a\u0671-\u06d3\u0750-\u077f",
    "devanagari": "\u0900-\u097f",
    "thai": "\u0e01-\u0e4e",
}
_SCRIPT_RUNS = {name: re.compile(f"[{letters}]+") for name, letters in _SCRIPTS.items()}

# Which scripts a language is written in. A language that is not here is never called wrong.
_WRITTEN_IN: dict[str, frozenset[str]] = {
    **dict.fromkeys(["en", "de", "fr", "es", "pt", "it", "nl", "pl", "tr", "vi", "id", "sv"], frozenset({"latin"})),
    **dict.fromkeys(["ru", "uk", "bg"], frozenset({"cyrillic"})),
    "zh": frozenset({"han"}),
    "ja": frozenset({"han", "kana"}),
    "ko": frozenset({"hangul", "han"}),
    "el": frozenset({"greek"}),
    "he": frozenset({"hebrew"}),
    "ar": frozenset({"arabic"}),
    "hi": frozenset({"devanagari"}),
    "th": frozenset({"thai"}),
}

# Languages whose tokens are characters; an n-gram or a threshold for words does not suit them.
CHARACTER_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "km"})


def base_language(language: str | None) -> str:
    """``zh-CN`` and ``ZH`` are ``zh``; no language is ``""``."""
    return (language or "").replace("_", "-").split("-")[0].strip().lower()


def normalise(text: str) -> str:
    """What stays of a text when writing does not matter: NFKC, lower case, no punctuation, single spaces.

    Operators stay (``3-5`` is not ``3/5``), and a text of punctuation only stays as it is.
    """
    folded = (text if text.isascii() else unicodedata.normalize("NFKC", text)).lower()
    return " ".join(folded.translate(_dropped()).split()) or " ".join(folded.replace("\0", " ").split())


def tokens(text: str, language: str | None = "en") -> list[str]:
    """The tokens of ``text``: for English those of ``rouge_score``, plus each CJK character; else Unicode words."""
    if base_language(language) == "en":
        found = _ENGLISH.findall(text.lower())
        if found:
            return found
    folded = (text if text.isascii() else unicodedata.normalize("NFKC", text)).lower()
    return _ANY_LANGUAGE.findall(folded)


def is_unspaced(words: list[str]) -> bool:
    """Whether most tokens are single characters of a script without spaces, such as Chinese."""
    return 2 * sum(map(bool, map(_UNSPACED_TOKEN.match, words))) > len(words)


def same_but_for_case(text: str) -> str:
    """Equal for texts that differ at most in case, blanks, width, quotes' form and the mark that ends them.

    Punctuation stays: ``(2 + 3) * 4`` is not ``2 + (3 * 4)``, nor ``{"a": 1}`` the set ``{"a", 1}``.
    """
    folded = unicodedata.normalize("NFKC", text).casefold().translate(TYPOGRAPHY)
    plain = " ".join(folded.translate(_unseen()).split())
    return _SENTENCE_END.sub("", plain) or plain


def calculation(text: str) -> str:
    """The numbers, operators and brackets of a text, in order: equal for rows that may be duplicates.

    In order, since 5 apples less 3 are not 3 less 5; a bracket with the letter inside it, since ``not (a and b)``
    has the brackets of ``(not a) and b``. Plain prose without numbers has none of them.
    """
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).lower().translate(_DASHES)
    if "," in folded:
        folded = _THOUSANDS.sub("", folded)
    if _BRACKET.search(folded):
        folded = _INSIDE_BRACKETS.sub("", folded)
    return " ".join(_in_place(folded, found) for found in _FORMAL.finditer(folded))


def numbers(text: str) -> tuple[str, ...]:
    """The numbers written in digits, in ascending order as texts, each as often as it stands there.

    ``1,000`` is ``1000`` and ``2.50`` is ``2.5``. Spelled numbers are left out, since they are as often articles
    ("one of them") as amounts.
    """
    folded = _THOUSANDS.sub("", text if text.isascii() else unicodedata.normalize("NFKC", text))
    return tuple(sorted(_shortest(found) for found in _NUMBER.findall(folded)))


def _shortest(number: str) -> str:
    whole, point, places = number.partition(".")
    places = places.rstrip("0")
    return (whole.lstrip("0") or "0") + (point + places if places else "")


def _in_place(text: str, found: re.Match[str]) -> str:
    mark = found.group().strip()
    if mark not in tuple("()[]{}"):
        return mark
    inside = text[found.end() : found.end() + 1] if mark in "([{" else text[max(0, found.start() - 1) : found.start()]
    return mark + inside if inside.isalpha() else mark


def prose(text: str) -> str:
    """What of ``text`` is said in a language: without code, addresses, formulas and tags."""
    return "\n".join(line for line in _CODE.sub(" ", text).splitlines() if not _CODE_LINE.search(line))


def script_letters(text: str) -> dict[str, int]:
    """How many letters of each script a text has; scripts that do not occur are left out."""
    counts = {name: sum(map(len, run.findall(text))) for name, run in _SCRIPT_RUNS.items()}
    return {name: count for name, count in counts.items() if count}


def foreign_share(text: str, language: str | None) -> float:
    """The share of a text's letters that ``language`` is not written in; 0 where that is not known.

    Latin letters are counted as if five made one: a Chinese sentence with one English name in it is Chinese.
    """
    own = _WRITTEN_IN.get(base_language(language))
    letters = script_letters(text)
    if own is None or not letters:
        return 0.0
    weights = {name: count / 5 if name not in ("han", "kana") else float(count) for name, count in letters.items()}
    return sum(weight for name, weight in weights.items() if name not in own) / sum(weights.values())


def without_surrogates(text: str) -> str:
    """``text`` with lone surrogates replaced, for libraries that encode to UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


@cache
def _unseen() -> dict[int, str | None]:
    """The translation that removes what has no shape of its own: controls become blanks, zero-width marks go."""
    return {code: to for code, to in _dropped().items() if unicodedata.category(chr(code))[0] == "C"}


def is_dropped(code: int) -> str | None:
    """What ``normalise`` makes of a code point: a space, nothing (""), or None: it stays."""
    dropped = _dropped()
    return (dropped[code] or "") if code in dropped else None


@cache
def _dropped() -> dict[int, str | None]:
    """The translation that removes punctuation. Made on first use: it looks at 65,536 characters (about 10 ms)."""
    table: dict[int, str | None] = {}
    for code in range(0x10000):
        category = unicodedata.category(chr(code))
        if (category[0] == "P" and chr(code) not in _MEANINGFUL) or category == "Cc":
            table[code] = " "
        elif category == "Cf":  # zero-width and direction marks: not seen, so not compared
            table[code] = None
    return table
