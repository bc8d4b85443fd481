r"""The final answer of a worked solution, found and cut off; and whether a response gives it.

``extract`` goes down a ladder: the last balanced ``\boxed{}``; then a cue (``Answer: …``, ``答案：…``, ``#### …``,
"The answer is …"); then an option letter in a delimited form, never a bare one, since "A" also begins "As", and a
half-delimited one ("B.") only as a whole line, since "A. Smith" begins like it. Cues of both languages are always read:
a Chinese question may well be answered in English. Nothing here raises, on any text.
What two answers have to do with each other is a question for ``generators.equivalence``.

Golds ending in ``#### N``: GSM8K, https://arxiv.org/abs/2110.14168. Boxed answers: MATH,
https://arxiv.org/abs/2103.03874.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from generators import equivalence
from generators.equivalence import Quantity, choice, equivalent, plain, quantity, readable, tidy, yes_no

__all__ = ["Extraction", "equivalent", "extract", "states", "words"]

_NAME = r"(?:(?:the[ \t]+)?(?:final[ \t]+|correct[ \t]+|short[ \t]+)?answer|(?:最终|最后|正确)?答案|答)"
_CUE = re.compile(
    rf"^[ \t>*_#\-]*{_NAME}(?:[ \t]*\([^()\n]{{0,30}}\))?[ \t*_]*[:：][ \t]*(?:\*\*|__)?",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(
    rf"^[ \t]*(?:#{{1,6}}|\*\*|__)[ \t]*{_NAME}[ \t]*(?:\*\*|__)?[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_HASHES = re.compile(r"^[ \t]*####[ \t]+(?=\S)", re.MULTILINE)
_TAG = re.compile(r"<answer>", re.IGNORECASE)
_SENTENCE = re.compile(
    r"(?:\banswer[ \t]+(?:is|would[ \t]+be|should[ \t]+be|must[ \t]+be|equals)|答案(?:应该|应当|就)?(?:是|为|等于))"
    r"(?![ \t]*(?:not\b|不))[ \t]*[:：]?[ \t]*(?=[^\s。])",
    re.IGNORECASE,
)
_STOP = re.compile(r"[.!](?=[ \t]+\D)|[.!]?[ \t]*$|[,，]?[ \t]*(?:\bbecause\b|因为)", re.IGNORECASE)
_ABBREVIATION = re.compile(
    r"\b(?:st|dr|mr|mrs|ms|prof|jr|sr|mt|ft|vs|gen|capt|lt|col|sgt|rev|hon|gov|sen|rep|approx|ca|cf|no|nos|fig"
    r"|e\.g|i\.e)\.$",
    re.IGNORECASE,
)
_INITIAL = re.compile(r"\b(?:[A-Z]\.[ \t]?)*[A-Z]\.$")
_LETTER_LINE = re.compile(
    r"(?:.{0,60}?\b(?i:is|option|choice|choose)[ \t]+|.{0,30}?(?:选项|选择|选|是)[ \t]*)?"
    r"(?:(?:[*_]*[(（\[【]([A-J])[)）\]】][*_]*|\*\*([A-J])[.)]?\*\*).{0,80}|([A-J])[).、．:：])"
    r"|(?:.{0,60}?\b(?i:option|choice|choose)[ \t]+|.{0,30}?(?:选项|选择|选)[ \t]*)([A-J])[).、．:：](?!\w).{0,80}"
)
_SHORT_CUE = re.compile(r"[ \t*_]*A[ \t*_]*[:：][ \t*_]*(.+)")
"""Where questions and answers are headed Q and A; only before an amount, since "A: ice" is an option too."""
_OPTION_LINE = re.compile(r"\W{0,3}[A-J][)）.、．:：]")
_BOXED = re.compile(r"\\(?:boxed|fbox)[ \t]*\{")
_BOX_REACH = 2000
_BOX_COUNT = 100
"""No answer is longer, no solution has more; scanning on from every unbalanced box would take quadratic time."""
_FENCED = re.compile(r"\s*```[^\n`]*\n(.*?)\n?[ \t]*```", re.DOTALL)
_FENCED_BLOCK = re.compile(r"^```[^\n`]*\n(.*?)\n```", re.DOTALL | re.MULTILINE)
_POINTER = re.compile(r"(?:as follows|below|(?:the )?following|given|shown|explained|如下|下面)", re.IGNORECASE)
"""After "the answer is": it comes later."""
_CONCLUSION = re.compile(
    r"(?:\b(?:so(?! that)|therefore|thus|hence|consequently|altogether|in total|in all|answer:)(?![a-z])"
    r"|所以|因此|因而|总共|一共|答案[:：])(?:[^.!?。！？;；\n]|\.(?=[0-9]))*"
)
_NEGATED = re.compile(
    r"(?:\b(?:not|never|no longer|rather than|instead of)|n['’]t|不是|并非|而非|不等于|没有)"
    r"(?:[ ]?[a-z]+){0,3}?[ $€£¥]*$"
)
_VERDICT = re.compile(
    r"(?:^|[.!?。！？:：,，;；\n]|\b(?:is|so|say|verdict)\b|所以|答案是|结论是)[\s\"'“‘*_`(（]*"
    r"(yes|no|true|false|是的?|否|不是|对的?|不对|错误?|正确|不正确)(?=[\"'”’*_`)）]*(?:\s*$|\s*\n|[.,!;:。，！；：]))",
    re.IGNORECASE,
)
_LETTER = (
    r"[(（\[]{0}[)）\]]|\b{0}[)）.、:：]|\*\*{0}\*\*|\b(?:is|option|choice|choose)[ ]{0}\b"
    r"|(?:选项?|选择|是|为)[ ]?{0}(?!\w)"
)
_WORDS = (
    "zero 零", "one 一", "two [二两]", "three 三", "four 四", "five 五", "six 六", "seven 七", "eight 八", "nine 九",
    "ten 十", "eleven 十一", "twelve 十二",
)  # fmt: skip
_SPELLED = {Fraction(number): r"\b{}\b|{}".format(*pair.split()) for number, pair in enumerate(_WORDS)}
_FAREWELL = re.compile(
    r"\s*(?:-{3,}|\*{3,}|(?:I )?hope\b|let me know|feel free|if you (?:have|need|want)|希望|如有|如果您|如果你)",
    re.IGNORECASE,
)
_CHARACTER = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*|\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a solution says. ``reasoning`` is the text before the answer."""

    reasoning: str
    answer: str | None = None
    problem: str | None = None
    """``no_answer``, ``empty_answer`` or ``several_answers`` (that are not equivalent); then there is no answer."""


def extract(text: str) -> Extraction:
    """The final answer of a solution, and the reasoning without it."""
    cues, boxes = _cues(text), _boxes(text)
    if cues:
        return _from_cues(text, cues, boxes)
    if boxes:
        return _from_box(text, *boxes[-1])
    return _from_sentences(text) or _from_last_line(text) or Extraction(text.strip(), None, "no_answer")


def states(text: str, answer: str) -> bool | None:
    """Whether a response gives this short answer; ``None`` where it holds it, but perhaps not as its answer.

    Finer than a yes or no, because both mistakes cost: a response that is right is worth more than the bare answer
    that would take its place, and it may well end in a date or a count that was asked for; a wrong one often names the
    right number on its way. So it disagrees if it names another answer, concludes with another number, or does not
    hold this one at all, and is unclear if this one stands in it and later numbers follow.
    """
    found = _from_cues(text, cues, _boxes(text)) if (cues := _cues(text)) else None
    if found is None and (boxes := _boxes(text)):
        found = _from_box(text, *boxes[-1])
    found = found or _from_sentences(text)
    if found is None or found.answer is None or _POINTER.match(found.answer) is not None:
        return _says(text, answer)
    return _says(found.answer, answer)


def words(text: str) -> int:
    """The length of a text in words; a Chinese character counts as two thirds of one."""
    characters = len(_CHARACTER.findall(text))
    return len(_WORD.findall(_CHARACTER.sub(" ", text))) + round(characters / 1.5)


def _says(text: str, answer: str) -> bool | None:
    """``states`` for a text that marks no answer."""
    blocks = (match[1] for match in _FENCED_BLOCK.finditer(text))
    if equivalent(text, answer) or any(equivalent(block, answer) for block in blocks):
        return True
    asked, option = quantity(answer), choice(answer)
    if asked is not None:
        return _says_amount(text, asked)
    if yes_no(answer) is not None and plain(answer) in ("yes", "no", "true", "false", "是", "否", "对", "错"):
        # "no" stands in many a sentence; only one that is set off counts, and the last of them.
        verdicts = [yes_no(match[1]) for match in _VERDICT.finditer(text)]
        return bool(verdicts) and verdicts[-1] is yes_no(answer)
    if option is not None and re.search(_LETTER.format(option[0]), text) is not None:
        return True
    if option is not None and not option[1]:
        return False
    parts = [answer] if option is None else [answer, option[1]]
    where = [span for part in parts for span in _occurrences(plain(text), plain(part))]
    if where:
        return any(_NEGATED.search(plain(text)[:start]) is None for start in where)
    # A list in other words: all of it is there, and in which order it was meant nobody can say.
    _, items = equivalence.items(answer)
    return None if len(items) > 1 and all(_holds(text, item) for item in items) else False


def _says_amount(text: str, asked: Quantity) -> bool | None:
    """Whether a text gives a number: as the last one or the one it concludes with, or (``None``) somewhere."""
    text = readable(text)
    found = [(at, equivalence.same_quantity(asked, amount)) for at, amount in equivalence.amounts(text)]
    denied = [at for at, _ in found if _NEGATED.search(text[max(0, at - 60) : at]) is not None]
    if any(same for at, same in found if at not in denied):
        concluding = [
            match.span() for match in _CONCLUSION.finditer(text) if any(at in range(*match.span()) for at, _ in found)
        ]
        if concluding:
            start, end = concluding[-1]
            if not any(same for at, same in found if at >= start and at not in denied):
                return False
            if [same for at, same in found if start <= at < end][-1]:
                return True
        return True if found[-1][1] else None
    if any(same for _, same in found):
        # "does not have 17; she has 14", but also "not before 12 May", where no other number is the answer.
        return False if len(denied) < len(found) else None
    spelled = _SPELLED.get(asked.value)
    bare = (amount for _, amount in equivalence.amounts(equivalence.without_magnitudes(text)))
    if any(equivalence.same_quantity(asked, amount) for amount in bare):
        return None  # "4 million", where the question may have been how many million
    return None if spelled and re.search(spelled, text) is not None else False


def _holds(text: str, item: str) -> bool:
    amount = quantity(item)
    if amount is None:
        return bool(_occurrences(plain(text), plain(item)))
    return any(equivalence.same_quantity(amount, other) for _, other in equivalence.amounts(readable(text)))


def _occurrences(text: str, part: str) -> list[int]:
    """Where a part begins in a text, and is not a piece of a longer word or number."""
    if not part:
        return []
    before = r"(?<![a-z0-9])(?<![0-9][./,:])" if part[0].isascii() and part[0].isalnum() else ""
    after = r"(?![a-z0-9])(?![./,:][0-9])" if part[-1].isascii() and part[-1].isalnum() else ""
    return [match.start() for match in re.finditer(before + re.escape(part) + after, text)]


def _cues(text: str) -> list[tuple[int, int]]:
    """Where each cue at the head of a line, or ``<answer>``, begins and ends, in order."""
    spans = [match.span() for pattern in (_CUE, _HEADING, _TAG) for match in pattern.finditer(text)]
    for match in _HASHES.finditer(text):
        # "#### 72" is a cue, "#### Step 2" a heading: a number, or nothing after it, tells them apart.
        line, _, after = text[match.end() :].partition("\n")
        if quantity(line) is not None or not after.strip():
            spans.append(match.span())
    kept: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if not kept or start >= kept[-1][1]:
            kept.append((start, end))
    return kept


def _from_cues(text: str, cues: list[tuple[int, int]], boxes: list[tuple[int, int, str]]) -> Extraction:
    """From the last cue. Other cues, and a box before it, have to agree; their lines leave the reasoning."""
    stops = [start for start, _ in cues[1:]] + [len(text)]
    values = [_value(text[end:stop]) for (_, end), stop in zip(cues, stops, strict=True)]
    last, answer = cues[-1][0], values[-1]
    reasoning = text[:last]
    for start, end in reversed(cues[:-1]):
        line_end = reasoning.find("\n", end)
        reasoning = reasoning[:start] + ("" if line_end < 0 else reasoning[line_end + 1 :])
    rivals = [*filter(None, values[:-1]), *[box for start, _, box in boxes if start < last][-1:]]
    if not answer:
        return Extraction(reasoning.strip(), None, "empty_answer")
    if any(not equivalent(answer, rival) for rival in rivals):
        return Extraction(reasoning.strip(), None, "several_answers")
    return Extraction(reasoning.strip(), answer)


def _value(text: str) -> str:
    """The answer in what follows a cue: a box, a fenced block, a JSON value, a line, or a longer text to its end."""
    text = re.split(r"</answer>", text, maxsplit=1, flags=re.IGNORECASE)[0].strip()
    boxes = _boxes(text)
    if boxes and len(text) - len(boxes[-1][2]) < 60:
        return tidy(boxes[-1][2])
    fenced = _FENCED.match(text)
    if fenced is not None:
        return fenced[1].strip()
    first, _, rest = text.partition("\n")
    if _is_short(first) and equivalence.data(text) is None and not _is_short(rest.strip().partition("\n")[0]):
        text = first
    # A longer text may end in a polite paragraph that is not part of it.
    *body, last = re.split(r"\n[ \t]*\n", text)
    return tidy("\n\n".join(body) if body and _FAREWELL.match(last) else text)


def _is_short(line: str) -> bool:
    """Whether a line is an answer by itself, so that a sentence after it cannot belong to it."""
    option = choice(line)
    return quantity(line) is not None or yes_no(line) is not None or (option is not None and not option[1])


def _boxes(text: str) -> list[tuple[int, int, str]]:
    r"""Start, end and content of each balanced ``\boxed{}``."""
    found: list[tuple[int, int, str]] = []
    for match in list(_BOXED.finditer(text))[-_BOX_COUNT:]:
        if found and match.start() < found[-1][1]:
            continue
        depth = 1
        for index in range(match.end(), min(len(text), match.end() + _BOX_REACH)):
            depth += {"{": 1, "}": -1}.get(text[index], 0)
            if depth == 0:
                found.append((match.start(), index + 1, text[match.end() : index].strip()))
                break
    return found


def _from_box(text: str, start: int, end: int, content: str) -> Extraction:
    if not content:
        return Extraction(text.strip(), None, "empty_answer")
    before = text[: text.rfind("\n", 0, start) + 1].strip()
    if before and not text[end:].strip(" \t\n.$。)]\\"):
        return Extraction(before, tidy(content))
    # The box stands inside the derivation: it stays, as what is in it.
    return Extraction(f"{text[:start]}{content}{text[end:]}".strip(), tidy(content))


def _from_sentences(text: str) -> Extraction | None:
    matches = list(_SENTENCE.finditer(text))
    if not matches:
        return None
    stops = [match.start() for match in matches[1:]] + [len(text)]
    last = matches[-1]
    answers = [tidy(_sentence(text[match.end() : stop])) for match, stop in zip(matches, stops, strict=True)]
    start = max(text.rfind(mark, 0, last.start()) for mark in ("\n", ". ", "。", "! ", "? ")) + 1
    reasoning = text[:start].strip()
    if not answers[-1]:
        return Extraction(reasoning, None, "empty_answer")
    if any(not equivalent(answers[-1], answer) for answer in answers if answer):
        return Extraction(reasoning, None, "several_answers")
    return Extraction(reasoning, answers[-1])


def _sentence(text: str) -> str:
    """The text up to the end of its sentence, of its line, or of what is the answer and not the reason for it."""
    line = re.split(r"[\n。]", text, maxsplit=1)[0]
    for stop in _STOP.finditer(line):
        if line[stop.start() : stop.start() + 1] != "." or not _abbreviates(
            line[: stop.start() + 1], line[stop.end() :]
        ):
            initials = re.search(r"\b[A-Z]\.[A-Z]\.?$", line[: stop.start() + 1])
            return line[: stop.start() + (initials is not None)].strip()
    return line.strip()


def _abbreviates(before: str, after: str) -> bool:
    """Whether the full stop at the end of ``before`` belongs to a short form: ``St.``, ``U.S.A.``, ``J. K. R``."""
    after = after.lstrip()
    if not after:
        return False
    if _ABBREVIATION.search(before) is not None:
        return True
    if _INITIAL.search(before) is None:
        return False
    alone = re.fullmatch(r"\W*[A-Z]\.", before) is not None
    if alone or re.search(r"\b(?i:option|choice|plan|type|letter|vitamin|answer)[ \t][A-Z]\.$", before) is not None:
        return re.match(r"[A-Z]\.", after) is not None  # else it is an option, and a new sentence
    inner = re.search(r"\.[A-Z]\.$", before) is not None
    return after[:1].islower() if inner else after[:1].isupper()


def _from_last_line(text: str) -> Extraction | None:
    before, _, line = text.strip().rpartition("\n")
    match, cue = _LETTER_LINE.fullmatch(line.strip()), _SHORT_CUE.fullmatch(line)
    if _OPTION_LINE.match(before.strip().rpartition("\n")[2]) is not None:
        return None  # a list of options, not a choice among them
    if cue is not None and quantity(tidy(cue[1])) is not None:
        return Extraction(before.strip(), tidy(cue[1]))
    return None if match is None else Extraction(before.strip(), next(filter(None, match.groups())))
