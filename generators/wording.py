"""What a proposed instruction must look like, by its text alone: length, first character, banned words, language.

These are the lexical filters of Self-Instruct (arXiv 2212.10560, released code) and Alpaca's longer word list, each
under a name of its own. Three things are ours: lengths are counted in characters where a language has no spaces; the
test for an ASCII first character is a test of the script, since it would drop every Chinese row; and nothing is
changed, where the released code lower-cases all but the first letter. Novelty is not judged here: see ``filters/``.
"""

import re
import string

from schemas.language import script_units

Lengths = tuple[int, int]
"""Least and most units, both allowed."""

WORDS: Lengths = (4, 150)
"""Self-Instruct: three words and less, or more than 150, are out."""
CHARACTERS: Lengths = (5, 250)
"""The same in Chinese, where a word has about 1.6 characters; BELLE's shortest seed has 5, its longest 148."""

_ENGLISH = (
    # Self-Instruct: a text model cannot see, draw or open them
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps"),
    *("draw", "plot", "go to"),
    # added by Alpaca
    *("video", "videos", "audio", "music", "flowchart", "flowcharts", "diagram", "diagrams"),
)
_CHINESE = (
    *("图片", "图像", "图表", "图中", "照片", "截图", "文件", "附件", "地图", "绘制", "画出", "画一"),
    *("视频", "音频", "音乐", "流程图", "示意图", "链接", "网址"),
)
BANNED_WORDS = {"en": _ENGLISH, "zh": _CHINESE}
"""By language. English ones are whole words in any case; Chinese ones are found anywhere."""

_PROGRAM = re.compile(r"Write a program|(?:请|请你|请您)?(?:编写|写出|写|实现)一?(?:个|段)?程序")
_PUNCTUATION = frozenset(string.punctuation) | frozenset("，。、；：！？…—·～）】》」』”’")
"""Opening Chinese brackets and quotes are not in it: 《红楼梦》的作者是谁？ is a task."""

_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|「[^」]*」|《[^》]*》|`[^`]*`|[:：].*", re.DOTALL)
_OWN_SHARE = 0.3
"""A text is in its language if at least this share of its words is in the language's script, quotations left out."""

_UNSPACED = frozenset({"zh", "ja", "th"})
_OWN_SCRIPT = "en ru el ar he hi bn ta te ka hy ko zh ja th"
_LATIN = "de fr es it pt nl sv da no fi pl cs sk hu ro hr tr vi id ms et lv lt sl ca"
_SCRIPT_OF = {
    **{code: code for code in _OWN_SCRIPT.split()},
    **dict.fromkeys(_LATIN.split(), "en"),
    **dict.fromkeys(["uk", "bg"], "ru"),
    **dict.fromkeys(["fa", "ur"], "ar"),
}
"""Which script of ``schemas.language`` a language is written in. One that is not here is never called wrong."""


def flaw(
    text: str, language: str, *, words: Lengths, characters: Lengths, banned: tuple[str, ...], programs: bool
) -> str | None:
    """Why an instruction cannot be used; the first reason that holds, in the paper's order.

    ``programs`` allows instructions that start with "Write a program", which the released code drops.
    """
    least, most = characters if language in _UNSPACED else words
    units = length(text, language)
    checks = {
        "empty": not text.strip(),
        "too_short": units < least,
        "too_long": units > most,
        "banned_word": mentions(text, banned),
        "starts_with_program": not programs and _PROGRAM.match(text) is not None,
        "starts_with_punctuation": text[:1] in _PUNCTUATION,
        "wrong_language": wrong_language(text, language),
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def length(text: str, language: str) -> int:
    """Words, or in a language without spaces characters; where the two are mixed, each counts as one."""
    if language in _UNSPACED:
        return len(re.findall(r"[A-Za-z]+|\d+|[^\W\d_]", text))
    return len(re.findall(r"[\u3400-\u9fff]|[^\s\u3400-\u9fff]+", text))


def mentions(text: str, words: tuple[str, ...]) -> bool:
    """Whether one of the words occurs: as a whole word if it is ASCII, else anywhere."""
    spaced = "|".join(re.escape(word) for word in words if word.isascii())
    found = bool(spaced) and re.search(rf"\b(?:{spaced})\b", text, re.IGNORECASE) is not None
    return found or any(word in text for word in words if not word.isascii())


def wrong_language(text: str, language: str) -> bool:
    """Whether the script of ``language`` has too small a share of the text, quotations left out.

    Languages of one script are not told apart: a French task in an English pool passes here.
    """
    script = _SCRIPT_OF.get(language)
    units = script_units(_QUOTED.sub(" ", text)) or script_units(text)
    if script is None or not units:
        return False
    # Japanese is written in Han too; Chinese is not written in kana.
    own = units.get(script, 0) + (units.get("zh", 0) if script == "ja" else 0)
    return own < _OWN_SHARE * sum(units.values())
