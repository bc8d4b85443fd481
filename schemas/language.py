"""Which language a text is in, told by its script: enough to choose prompts and tokenisers.

Not a language model: languages that share a script are not told apart, except where a letter gives them away
(Japanese by its kana, Ukrainian by і ї є ґ, Persian by پ چ ژ گ, Urdu by ٹ ڈ ڑ ے). Every text in Latin letters is
``en``; where that is wrong, the recipe's ``seeds.language`` says what it is.
"""

import re
from collections import Counter
from collections.abc import Sequence

import polars as pl

DEFAULT = "en"
"""What a text without any letters is."""

_WORD_SCRIPTS = {
    "en": "A-Za-zÀ-ɏḀ-ỿ",
    "ru": "Ѐ-ԯ",
    "el": "Ͱ-Ͽἀ-῿",
    "ar": "ء-ۓەۮۯۺ-ۿݐ-ݿﭐ-﷿ﹰ-ﻼ",
    "he": "א-ת",
    "hi": "ऀ-ॿ",
    "bn": "ঀ-৿",
    "ta": "஀-௿",
    "te": "ఀ-౿",
    "ka": "Ⴀ-ჿ",
    "hy": "Ա-և",
    "ko": "ᄀ-ᇿ㄰-㆏가-힯",
}
"""Scripts written with spaces: a run of letters is one unit."""

_CHARACTER_SCRIPTS = {
    "zh": "㐀-䶿一-鿿\uf900-\ufaff\U00020000-\U0003ffff",
    "ja": "ぁ-ゖァ-ヺー",
    "th": "ก-๛",
}
"""Scripts written without: a character is one unit, which is about what a word is to the others."""

_TELLTALES = [
    ("ru", "uk", re.compile("[іїєґ]", re.IGNORECASE)),
    ("ar", "ur", re.compile("[ٹڈڑے]")),
    ("ar", "fa", re.compile("[پچژگ]")),
]

KANA_SHARE = 0.1
"""Kana among Han and kana from which a text is Japanese: a Chinese text may quote a brand name, and a Japanese
sentence without kana is rare."""

_ENGLISH_GLUE = re.compile(
    r"\b(?:a|an|the|of|to|in|into|from|for|with|by|on|is|are|and|or|this|that|what|how)\b", re.IGNORECASE
)
BORROWED_WEIGHT = 0.25
"""What a Latin word counts beside another script if no English function word holds them together: then they are
names and terms, as in 什么是LEGO MINDSTORMS EV3 Blocks. Measured on 10,282 Chinese instructions about such things:
652 were called English without this, 572 are with it; those left hold long English titles."""

_UNITS = re.compile(
    "|".join(
        [f"(?P<{code}>[{letters}]+)" for code, letters in _WORD_SCRIPTS.items()]
        + [f"(?P<{code}>[{letters}])" for code, letters in _CHARACTER_SCRIPTS.items()]
    )
)


_SCRIPTS = {code: f"[{letters}]+" for code, letters in _WORD_SCRIPTS.items()} | {
    code: f"[{letters}]" for code, letters in _CHARACTER_SCRIPTS.items()
}
"""What finds one unit of a script."""
_FREQUENT = ("en", "zh")
"""Scripts that most texts are in; the others are counted only where they occur."""


def script_units(text: str) -> dict[str, float]:
    """How many words (or characters, where a script has no spaces) each script has in ``text``, by its language."""
    units: dict[str, float] = dict(Counter(match.lastgroup or DEFAULT for match in _UNITS.finditer(text)))
    if "en" in units and len(units) > 1 and not _ENGLISH_GLUE.search(text):
        units["en"] *= BORROWED_WEIGHT
    return units


def detect(text: str) -> str:
    """The ISO 639-1 code of the language whose script has most of ``text``; ``en`` for a text without letters."""
    units = script_units(text)
    if not units:
        return DEFAULT
    kana, han = units.get("ja", 0), units.pop("zh", 0)
    units["ja" if kana > KANA_SHARE * (kana + han) else "zh"] = kana + han
    language = max(units, key=lambda code: units[code])
    for script, other, letters in _TELLTALES:
        if language == script and letters.search(text):
            return other
    return language


def detect_all(texts: pl.Series) -> pl.Series:
    """The language of each of ``texts``, none of them null: what ``detect`` says, sooner."""
    found = pl.Series("language", [DEFAULT], pl.String).new_from_index(0, len(texts))
    foreign = texts.str.len_bytes() != texts.str.len_chars()  # ASCII holds Latin letters only
    rare = foreign & texts.str.contains("|".join(_SCRIPTS[code] for code in _SCRIPTS if code not in _FREQUENT))
    for some, scripts in ((foreign & ~rare, _FREQUENT), (rare, tuple(_SCRIPTS))):
        if some.any():
            found = found.scatter(some.arg_true(), _by_units(texts.filter(some), scripts))
    return found


def _by_units(texts: pl.Series, scripts: Sequence[str]) -> pl.Series:
    """The language of each text, where only these scripts occur; English and Chinese among them."""
    counts = {code: texts.str.count_matches(_SCRIPTS[code]).cast(pl.Float64) for code in scripts}
    units = pl.DataFrame({"text": texts, **counts, **({} if "ja" in scripts else {"ja": 0.0})})
    several = pl.sum_horizontal((pl.col(code) > 0).cast(pl.UInt8) for code in scripts) > 1
    names_only = several & (pl.col("en") > 0) & ~pl.col("text").str.contains(f"(?i){_ENGLISH_GLUE.pattern}")
    both = pl.col("zh") + pl.col("ja")
    japanese = pl.col("ja") > KANA_SHARE * both
    weighed = units.with_columns(
        en=pl.when(names_only).then(pl.col("en") * BORROWED_WEIGHT).otherwise("en"),
        ja=pl.when(japanese).then(both).otherwise(0.0),
        zh=pl.when(japanese).then(0.0).otherwise(both),
    )
    codes = [name for name in weighed.columns if name != "text"]
    most = pl.max_horizontal(codes)
    winner = pl.coalesce(pl.when(pl.col(code) == most).then(pl.lit(code)) for code in codes)
    judged = weighed.select(
        "text",
        winner=winner,
        most=most,
        equals=pl.sum_horizontal((pl.col(code) == most).cast(pl.UInt8) for code in codes),
    )
    told = judged.select(
        language=pl.when(pl.col("most") == 0)
        .then(pl.lit(DEFAULT))
        .otherwise(pl.coalesce(*map(_telling, _TELLTALES), "winner")),
        undecided=(pl.col("most") > 0) & (pl.col("equals") > 1),  # then the script that comes first is meant
    )
    undecided = told["undecided"].arg_true()
    return told["language"].scatter(undecided, [detect(text) for text in texts.gather(undecided)])


def _telling(telltale: tuple[str, str, re.Pattern[str]]) -> pl.Expr:
    script, other, letters = telltale
    case = "(?i)" if letters.flags & re.IGNORECASE else ""
    tells = (pl.col("winner") == script) & pl.col("text").str.contains(case + letters.pattern)
    return pl.when(tells).then(pl.lit(other))
