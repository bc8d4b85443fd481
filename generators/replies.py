"""Reading replies of several items: numbered lists, repeated tags; and words that mean yes, no or "no input".

What is asked for is plain (``docs/prompts.md``); what comes back is bold, fenced, renumbered, glued or cut. These
readers accept that much and never raise. They take a reply apart without losing a line: what is no item is returned
as ``chatter``, so that the stage can count it. They do not judge items (see ``wording.py``), make no rows, and do
not read replies that hold one task in tags (see ``tags.py``).
"""

import re
from dataclasses import dataclass

from generators.tags import thought

_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u2060"))
_FENCE = re.compile(r"[ \t]*(?:```|~~~)[ \t]*[\w+-]*[ \t]*")
_FENCES = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)

_MARKER = re.compile(
    r"""
    (?P<indent>[ \t\u3000]*) (?:[>•*+-][ \t]+)? (?:\#{1,6}[ \t]*)? (?P<bold>\*\*|__)?
    (?: (?: (?:task|任务)[ \t]*[#＃]?[ \t]*(?P<named>\d{1,3})
          | 第[ \t]*(?P<counted>\d{1,3})[ \t]*(?:个任务|项任务|个|项|题) )
        [ \t]*(?P<inner>(?(bold)(?:\*\*|__)|(?!)))? [ \t]*(?:[.:：)）、．–—-]|$)
      | [(（]?(?P<bare>\d{1,3})[ \t]*(?P<within>(?(bold)(?:\*\*|__)|(?!)))?[ \t]*
        (?: [)）、．] | [.:：](?!\d) )
    )
    (?P<outer>(?(bold)(?:\*\*|__)|(?!)))? [ \t]*
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""``9.``, ``9)``, ``9、``, ``**Task 9:**``, ``第9个任务：`` at the start of a line; not ``9.5`` or ``9:30``.

At most three digits, so that a line that starts with a year is no item.
"""

_BULLET = re.compile(r"[ \t]*[-*+•][ \t]+(?=\S)")
_PLEASANTRY = re.compile(
    r"(?:let me know|i hope|hope (?:this|these)|feel free|would you like|if you (?:need|want|would)"
    r"|these (?:tasks|examples)|note:|希望|如果你|如果您|如需|需要我|以上|请告诉我)",
    re.IGNORECASE,
)
_FAREWELL = re.compile(
    r"(?:(?:(?:please |just )?(?:let me know|feel free|would you like)|if you(?:'d| would)? (?:need|want|like))\b"
    r".*\b(?:more|another|further|additional|changes|adjust\w*|examples|tasks|instances)\b"
    r"|(?:i )?hope (?:this|that|these|those|the|it)\b.*\bhelp"
    r"|希望(?:这些|以上|对你|对您).*帮助|(?:如果|如)(?:你|您)?(?:还)?(?:需要?|想要).*(?:更多|其他|示例|例子|任务|告诉我)).{0,80}",
    re.IGNORECASE,
)
"""A closing remark about the reply itself. Narrower than a pleasantry, since the text before it may be a letter."""

_ANSWERED = re.compile(
    r"^[ \t>]*(?:\*\*|__)?(?:answer|output|response|solution|答案|输出|回答|回复|解答)(?:\*\*|__)?[ \t]*[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWERED_AFTER = re.compile(
    r"(?:[.?!;)][ \t]+|[。？！；）][ \t]*)[(（\[]?(?:\*\*|__)?(?:(?:sample|correct) )?(?:answer|solution|答案|解答)"
    r"(?:\*\*|__)?[ \t]*[:：](?:\*\*|__)?[ \t]*(?P<answer>\S.*)",
    re.IGNORECASE,
)
"""Behind a sentence of the task. ``Output:`` and ``Response:`` are left out: there they mostly say the form wanted."""

_QUOTATION = re.compile(r"“[^”\n]*”|\"[^\"\n]*\"|「[^」\n]*」|`[^`\n]*`")
_CHOICE = re.compile(
    # "Answer: yes or no.", "Answer: A/B/C", "答案：是或否", "Answer: ___", "Answer: [number]"
    r"[\w“”' -]{1,40}(?:[,、，/|][\w“”' -]{1,40})*(?:[,，]?[ ]or[ ]|或者?|/|\|)[\w“”' -]{1,40}[.?!。？！)）\]]*"
    r"|[.…_?]+|[<\[{].*",
    re.IGNORECASE,
)
"""What stands behind ``Answer:`` where the task only says which answers there are."""

_NO_INPUT = re.compile(
    r"(?:(?:no|none|not?) ?-?(?:input|applicable)(?: (?:is |was )?(?:needed|required|necessary|provided|given))?"
    r"|input (?:is )?not (?:needed|required|necessary|applicable)|n\.?/?a|none|null|nil|empty|-+|—+"
    r"|(?:无|没有)(?:需|须)?(?:任何)?输入|无需输入|不需要输入|无|空|没有)",
    re.IGNORECASE,
)
_YES = r"yes\b(?![ ](?:and|or)[ ]no)|y\b|是(?!不|否|或)的?|对(?!不起|于|此)"
_NO = (
    r"no\b(?![ ](?:idea|clue|one|way)\b)|n\b(?!/)|not\b(?![ ](?:\w+[ ])?(?:sure|certain|clear)\b)"
    r"|否|不(?!难|过|仅|但|管|论|(?:太|能|是很)?(?:确定|清楚|知道|好说|一定|明确|明))"
)
_SAID = re.compile(rf"(?:({_YES})|{_NO})")
_UNSURE = re.compile(
    r"\bnot (?:\w+ )?(?:sure|certain|clear)\b|\bunsure\b|\bno (?:idea|clue)\b"
    r"|不(?:太|能|是很)?(?:确定|清楚|知道|好说|一定|明确)|无法(?:判断|确定)|难以(?:判断|确定)"
)
_AROUND = " \t\n\r<>＜＞[]【】()（）{}\"'“”‘’`*_.。!！:："


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The text of a reply; with a ``problem`` it is "", since nobody can say what of it the model only thought."""

    text: str
    problem: str | None = None
    """``unclosed_think`` or ``malformed_think``: a reason to discard the whole reply."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The items of a list in order, and everything around them."""

    items: tuple[str, ...]
    chatter: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """The text of one ``<tag>…</tag>``; ``closed`` is false where the end tag is missing."""

    text: str
    closed: bool


def clean(reply: str | None) -> Cleaned:
    """The reply without inline thoughts, invisible characters and a fence around the whole; ``None`` is empty."""
    spoken = thought((reply or "").replace("\r\n", "\n").replace("\r", "\n").translate(_INVISIBLE))
    if spoken.problem is not None:
        return Cleaned("", spoken.problem)
    lines = spoken.text.split("\n")
    if len(lines) > 1 and _FENCE.fullmatch(lines[0]):
        closing = _FENCE.fullmatch(lines[-1])
        lines = lines[1:-1] if closing else lines[1:]
    return Cleaned("\n".join(lines).strip())


def numbered(text: str, first: int = 1, last: int | None = None) -> Listing:
    """The items of a numbered list that was asked to run from ``first`` to ``last``; any numbering is accepted.

    A number starts an item unless it belongs to a list *inside* an item: one that is indented, that follows a colon
    and starts at 1, or that is out of turn while the number in turn is still to come. Numbers inside a line are
    content, except where the next number follows the end of a sentence (items glued on one line).
    """
    lines = text.split("\n")
    starts = _starts(lines)
    if not starts:
        return _bulleted(lines)
    pieces = list(zip(starts, [*starts[1:], (len(lines), 0)], strict=True))
    head = [line for line in lines[: starts[0][0]] if line.strip() and not _FENCE.fullmatch(line)]
    items: list[str] = []
    # A model that continues "9." literally leaves out the first number.
    if len(head) == 1 and starts[0][1] == first + 1 and not head[0].rstrip().endswith((":", "：")):
        items.append(unwrap(head.pop()))
    for (start, number), (end, following) in pieces:
        body = "\n".join([_unmarked(lines[start]), *lines[start + 1 : end]])
        items += _unglued(body, number, following, last)
    items[-1], farewell = _farewell(items[-1])
    chatter = ["\n".join(head).strip(), farewell]
    return Listing(tuple(items), tuple(text for text in chatter if text))


def tagged(text: str, tag: str) -> list[Block]:
    """All ``<tag>`` blocks, on one line or many; a block without end tag reaches to the next start or the end."""
    blocks: list[Block] = []
    for piece in re.split(rf"<[ ]*{tag}[ ]*\#?\d*[ ]*>", text, flags=re.IGNORECASE)[1:]:
        inside, closing, _ = _upto_end(piece, tag)
        blocks.append(Block(inside.strip(), closed=bool(closing)))
    return blocks


def untagged(text: str, tag: str) -> tuple[str, ...]:
    """What stands outside the ``<tag>`` blocks."""
    head, *pieces = re.split(rf"<[ ]*{tag}[ ]*\#?\d*[ ]*>", text, flags=re.IGNORECASE)
    outside = [head, *(_upto_end(piece, tag)[2] for piece in pieces)]
    return tuple(part.strip() for part in outside if part.strip() and not _FENCE.fullmatch(part.strip()))


def unwrap(text: str) -> str:
    """The text without what wraps *all* of it: bold marks, quotes, a loose fence."""
    text = unfenced(text)
    for left, right in (("**", "**"), ("__", "__"), ('"', '"'), ("“", "”")):
        inner = text[len(left) : -len(right)]
        wrapped = text.startswith(left) and text.endswith(right) and len(text) > len(left) + len(right)
        if wrapped and left not in inner and right not in inner:
            text = inner.strip()
    return text


def unfenced(text: str) -> str:
    """The text without the closing fence of a fence that was opened before it."""
    text = text.strip()
    odd = len(_FENCES.findall(text)) % 2 == 1
    return re.sub(r"(?:^|\n)[ \t]*(?:```|~~~)[ \t]*\Z", "", text).strip() if odd else text


def without_input(text: str) -> str:
    """The input, or "" if it only says that there is none."""
    text = text.strip()
    return "" if _NO_INPUT.fullmatch(text.strip(_AROUND)) or not text.strip(_AROUND) else text


def yes_or_no(text: str) -> bool | None:
    """What a reply says, or ``None`` where it says neither or both, or that it is not sure."""
    text = clean(text).text.strip(_AROUND).casefold()
    start = _SAID.match(text)
    if start:
        return start[1] is not None
    if _UNSURE.search(text):
        return None
    # 是否 opens a restated question, not an answer.
    text = re.sub(r"(?:whether|yes)[ ]or[ ]no[t]?|是否|是不是|是或否", " ", text)
    no = re.search(r"\bnot?\b|\bisn't\b|不是|不属于|否", text) is not None
    yes = re.search(r"\byes\b|\bis an?\b|是|属于", re.sub(r"不是|不属于|is not an?\b", " ", text)) is not None
    return None if yes == no else yes


def answered(text: str) -> bool:
    """Whether a line, or the rest of one, is labelled as an answer: the model solved the task it was to write."""
    if _ANSWERED.search(text):
        return True
    # A quotation is the task's material: 'Explain the joke "Why? Answer: because"'.
    inline = _ANSWERED_AFTER.search(_QUOTATION.sub("“”", text))
    return inline is not None and _CHOICE.fullmatch(inline["answer"].strip()) is None


def farewell(text: str) -> tuple[str, str]:
    """Part a closing remark about the reply from its end, where records and not a list stand before it.

    The last line is one only if it speaks of the reply, and if no colon announces it.
    """
    body, _, remark = text.rstrip().rpartition("\n")
    if not body.strip() or body.rstrip().endswith((":", "：")) or not _FAREWELL.fullmatch(remark.strip()):
        return text, ""
    return body.rstrip(), remark.strip()


def unfinished(text: str) -> bool:
    """Whether a text visibly breaks off: an open bracket or fence, or a comma at the end."""
    text = text.rstrip()
    opened = any(text.count(left) > text.count(right) for left, right in ("()", "[]", "（）", "【】", "《》", "“”"))
    return opened or len(_FENCES.findall(text)) % 2 == 1 or text.endswith((",", "，", "、", ";", "；"))


def fingerprint(text: str) -> str:
    """The text without case, spaces and punctuation: two texts with the same one are copies."""
    return re.sub(r"[\W_]+", "", text.casefold())


def _starts(lines: list[str]) -> list[tuple[int, int]]:
    """Line index and number of each item."""
    marks = [(at, match) for at, line in enumerate(lines) if (match := _MARKER.match(line))]
    latest = {_number(match): at for at, match in marks}
    starts: list[tuple[int, int]] = []
    margin, inner = 0, 0
    for at, match in marks:
        number, indent = _number(match), len(match["indent"])
        if not starts:
            margin = indent
        else:
            expected = starts[-1][1] + 1
            after_colon = lines[at - 1].rstrip(" *_").endswith((":", "：")) and lines[at - 1].strip(" *_:：") != ""
            nested = number == inner + 1 and (inner > 0 or (after_colon and _MARKER.match(lines[at - 1]) is None))
            begins = number == 1 and after_colon
            if indent > margin + 1 or (number != expected and (nested or begins or latest.get(expected, -1) > at)):
                inner = number
                continue
        starts.append((at, number))
        inner = 0
    return starts


def _number(match: re.Match[str]) -> int:
    return int(match["named"] or match["counted"] or match["bare"])


def _unmarked(line: str) -> str:
    match = _MARKER.match(line)
    if match is None:
        return line
    rest = line[match.end() :]
    closed = any(match[name] for name in ("inner", "within", "outer"))
    return rest.replace(match["bold"], "", 1) if match["bold"] and not closed else rest


def _unglued(body: str, number: int, following: int, last: int | None) -> list[str]:
    """One item, or several where the next numbers stand at ends of sentences inside it."""
    items: list[str] = []
    while number + 1 != following and (last is None or number < last):
        number += 1
        end_of_sentence = r"(?:(?<=[.?!;\"”)])[ \t]+|(?<=[。？！；])[ \t]*)"
        glue = rf"{end_of_sentence}(?:task[ ]|任务[ ]?)?{number}(?:[.:：](?!\d)|[)）、．])[ \t]*(?=\S)"
        parts = re.split(glue, body, maxsplit=1, flags=re.IGNORECASE)
        if len(parts) == 1:
            break
        items.append(unwrap(parts[0]))
        body = parts[1]
    return [*items, unwrap(body)]


def _bulleted(lines: list[str]) -> Listing:
    """The items of a list with bullets; a single bullet is prose."""
    starts = [at for at, line in enumerate(lines) if _BULLET.match(line)]
    if len(starts) < 2:
        whole = "\n".join(lines).strip()
        return Listing((), (whole,) if whole else ())
    ends = [*starts[1:], len(lines)]
    items = [_BULLET.sub("", "\n".join(lines[start:end]), count=1) for start, end in zip(starts, ends, strict=True)]
    last, farewell = _farewell(unwrap(items[-1]))
    chatter = ("\n".join(lines[: starts[0]]).strip(), farewell)
    return Listing((*map(unwrap, items[:-1]), last), tuple(text for text in chatter if text))


def _farewell(text: str) -> tuple[str, str]:
    """Part a closing remark from the last item."""
    body, gap, remark = text.rpartition("\n\n")
    if gap and _PLEASANTRY.match(remark.strip()):
        return unwrap(body), remark.strip()
    return text, ""


def _upto_end(piece: str, tag: str) -> tuple[str, str, str]:
    end = re.search(rf"<[ ]*/[ ]*{tag}[ ]*\#?\d*[ ]*>", piece, flags=re.IGNORECASE)
    return (piece[: end.start()], end[0], piece[end.end() :]) if end else (piece, "", "")
