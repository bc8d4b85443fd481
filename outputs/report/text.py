"""A model's text, made harmless: for markdown, for a cell of Prefect's tables, for XML, for JSON in a page.

Both of Prefect's user interfaces were looked at (3.8.8). The new one renders raw HTML in markdown and makes a link of
everything that looks like an address, also where it was escaped; its tables show plain text. The old one renders each
*table cell* as markdown, so that an image in a cell is fetched as soon as somebody looks.
"""

import re
import textwrap
import unicodedata
from html import escape

CUT = "…"
_BREAK = "\u200b"
"""Of no width. It is neither a blank nor punctuation, so it ends an address and begins a paragraph."""
_HAIR = "\u200a"
"""As thin as a blank can be: an asterisk between two of them marks nothing."""

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_ADDRESS = re.compile(r"(?i)(?<=[a-z]:)(?=/)|(?<=www)(?=\.)|(?<=mailto:)|(?<=xmpp:)|(?=@)")
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""What no reader should meet in a preview: control characters, turned direction, invisible marks, halves of pairs."""
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def line(text: str | None, limit: int) -> str:
    """A text on one line of at most ``limit`` characters, cut with ``…``, without what a terminal would not show."""
    squeezed = " ".join(_UNFIT.sub(" ", (text or "")[: 8 * limit + 64]).split())
    return squeezed if len(squeezed) <= limit else squeezed[: max(0, limit - 1)].rstrip() + CUT


def markdown(text: str | None, limit: int = 200) -> str:
    """A text on one line that markdown shows as it is: no markup, no HTML, no link, no cell's end."""
    # An escaped address is still made a link of, so it is broken in places that nobody sees.
    return _PUNCTUATION.sub(r"\\\1", _ADDRESS.sub(_BREAK, line(text, limit)))


def cell(text: str | None, limit: int = 160) -> str:
    """A text on one line for a cell that is shown as it is by one reader and as markdown by another.

    A backslash would be seen by the first. So what is marked up is broken up by characters of no width, emphasis by
    hair spaces, and backticks are replaced by their look-alike.
    """
    plain = _ADDRESS.sub(_BREAK, line(text, limit)).replace("`", "\u02cb")
    plain = re.sub(r"[*~]|(?<![^\W_])_|_(?![^\W_])", rf"{_HAIR}\g<0>{_HAIR}", plain)
    plain = re.sub(r"[<&\[\]!\\]", rf"\g<0>{_BREAK}", plain)
    return f"{_BREAK}{plain}" if plain else ""


def cell_lines(text: str | None, limit: int, width: int) -> str:
    """The same in lines of about ``width`` characters: no table of Prefect's breaks a text, nor makes a column narrow.

    The old one shows them one below the other, the new one in one line.
    """
    return "\n".join(f"{_BREAK}{part}" for part in textwrap.wrap(cell(text, limit).removeprefix(_BREAK), width))


def clip(text: str | None, limit: int) -> str:
    """A text of at most ``limit`` characters, line breaks kept, whose cut says how much is missing."""
    whole = text or ""
    return whole if len(whole) <= limit else f"{whole[:limit]}{CUT} ({len(whole) - limit:,} more characters)"


def xml(text: str) -> str:
    """A text for an XML document or attribute: escaped, without the characters that XML has no way to say."""
    return escape(_NOT_XML.sub("", text), quote=True)


def json_in_html(text: str) -> str:
    """JSON that can stand between ``<script>`` tags, whatever strings are in it."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def width_of(text: str, size: float) -> float:
    """About how wide a sans-serif text is, in the unit of ``size``; never much too narrow."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    capital = sum(character.isupper() or character in "mwMW%@" for character in text)
    return size * (0.53 * (len(text) - wide - capital) + 0.7 * capital + 1.02 * wide)


def fitted(text: str, size: float, room: float) -> str:
    """A text on one line, cut with ``…`` so that it is no wider than ``room``."""
    text = line(text, 200)
    if width_of(text, size) <= room:
        return text
    while text and width_of(text + CUT, size) > room:
        text = text[:-1]
    return text.rstrip() + CUT


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 row``, ``2,000 rows``."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def percent(part: float, whole: float) -> str:
    """``12 %``, ``0.3 %``; of nothing, a dash."""
    if not whole:
        return "–"
    share = 100 * part / whole
    return f"{share:.0f} %" if share >= 10 or share == 0 else f"{share:.1f} %"


def human_bytes(size: int) -> str:
    """``512 B``, ``1.4 MB``; units of a thousand."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:,.0f} {unit}" if unit == "B" or value >= 100 else f"{value:,.1f} {unit}"
        value /= 1000
    return f"{value:,.1f} TB"


def seconds_text(seconds: float) -> str:
    """``42 s``, ``3:07 min``, ``2:05 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02d} h"
