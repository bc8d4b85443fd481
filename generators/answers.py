r"""The final answer of a worked solution, found and cut off; and whether a response gives it.

``extract`` goes down a ladder: the last balanced ``\boxed{}``; then a cue (``Answer: …``, ``答案：…``, ``#### …``,
"The answer is …"); then an option letter in a delimited form, never a bare one, since "A" also begins "As". Cues of
both languages are always read: a Chinese question may well be answered in English. Nothing here raises, on any text.
What two answers have to do with each other is a question for ``generators.equivalence``.

Golds ending in ``#### N``: GSM8K, https://arxiv.org/abs/2110.14168. Boxed answers: MATH,
https://arxiv.org/abs/2103.03874.
"""

import re
from dataclasses import dataclass

from generators import equivalence
from generators.equivalence import Quantity, choice, equivalent, plain, quantity, tidy, yes_no

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
    r"(?![ \t]*(?:not\b|不))[ \t]*[:：]?[ \t]*([^\n。]+?)(?=[.!]?[ \t]*$|[.!][ \t]+\D|。)",
    re.IGNORECASE | re.MULTILINE,
)
_LETTER_LINE = re.compile(
    r"(?:.{0,60}?\b(?:is|option|choice|choose)[ \t]+|.{0,30}?(?:选项|选择|选|是)[ \t]*)?"
    r"(?:[*_]*[(（\[【]([A-J])[)）\]】][*_]*|([A-J])[).、．:：](?!\w)|\*\*([A-J])[.)]?\*\*).{0,80}"
)
_OPTION_LINE = re.compile(r"\W{0,3}[A-J][)）.、．:：]")
_BOXED = re.compile(r"\\(?:boxed|fbox)[ \t]*\{")
_BOX_REACH = 2000
_BOX_COUNT = 100
"""No answer is longer, no solution has more; scanning on from every unbalanced box would take quadratic time."""
_FENCED = re.compile(r"\s*```[^\n`]*\n(.*?)\n?[ \t]*```", re.DOTALL)
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


def states(text: str, answer: str) -> bool:
    """Whether a response gives this short answer: as its final answer if it names one, else anywhere in it."""
    found = extract(text)
    if found.answer is not None:
        return equivalent(found.answer, answer)
    if equivalent(text, answer):
        return True
    asked, option = quantity(answer), choice(answer)
    if asked is not None:
        return any(equivalence.same_quantity(asked, Quantity(value)) for value in equivalence.numbers(text))
    if yes_no(answer) is not None:
        return False  # "no" stands in many a sentence; only a leading one counts, and that was compared above
    if option is not None and not option[1]:
        return re.search(rf"[(（\[]{option[0]}[)）\]]|\b{option[0]}[)）.、]", text) is not None
    needle = plain(answer)
    return bool(needle) and re.search(rf"(?<![a-z0-9]){re.escape(needle)}(?![a-z0-9])", plain(text)) is not None


def words(text: str) -> int:
    """The length of a text in words; a Chinese character counts as two thirds of one."""
    characters = len(_CHARACTER.findall(text))
    return len(_WORD.findall(_CHARACTER.sub(" ", text))) + round(characters / 1.5)


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
    last, answers = matches[-1], [tidy(match[1]) for match in matches]
    start = max(text.rfind(mark, 0, last.start()) for mark in ("\n", ". ", "。", "! ", "? ")) + 1
    reasoning = text[:start].strip()
    if not answers[-1]:
        return Extraction(reasoning, None, "empty_answer")
    if any(not equivalent(answers[-1], answer) for answer in answers if answer):
        return Extraction(reasoning, None, "several_answers")
    return Extraction(reasoning, answers[-1])


def _from_last_line(text: str) -> Extraction | None:
    before, _, line = text.strip().rpartition("\n")
    match = _LETTER_LINE.fullmatch(line.strip())
    if match is None or _OPTION_LINE.match(before.strip().rpartition("\n")[2]) is not None:
        return None  # the second case is a list of options, not a choice among them
    return Extraction(before.strip(), match[1] or match[2] or match[3])
