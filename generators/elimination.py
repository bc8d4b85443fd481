"""What an evolution is eliminated for: each rule a small function of text, in English and Chinese.

Rules 1 and 4 of the paper and the plain reading errors look at the evolved instruction, rules 2 and 3 and the three
detectors of Auto Evol-Instruct at its *answer*. Rule 1 is here only as the reading of what the judge says.

Rough signs, not judgements: an e-mail that asks to "please provide" an address falls to ``lost_information``, as it
would under the paper's words. All of them count under their own names, so that a report shows what each one costs.

WizardLM: https://arxiv.org/abs/2304.12244. Auto Evol-Instruct: https://arxiv.org/abs/2406.00770.
"""

import re
import unicodedata

from generators.answers import words
from generators.tags import Task
from schemas.language import script_units
from schemas.row import Row

_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the this that these those i me my we us our you your he him his she her it its they them their
        am is are was were be been being do does did have has had will would shall should can could may might must
        and or but if so as than then of at by for with about into to from in there here what which who whom how
        的 了 吗 呢 吧 啊 呀 和 与 或 在 也 就 都 而 及 着 这 那 我 你 他 她 它 们 把 被 从 到 对于 关于""",
    )
)
"""Without yes, no, not, all, none, on, off, before, after, …, which are whole answers to many a question."""

_SCAFFOLD = re.compile(
    r"#?\b(?:given|rewritten|re-written|created|original|evolved)[ _-](?:prompt|instruction)\b#?"
    r"|</?instruction(?:\s[^<>]*)?>"
    r"|(?:给定|改写后|重写后|进化后|原始?|旧|创建)的?(?:指令|提示词?|提示)|原任务|(?:旧|新)版本的任务",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"[\W_]*(?:(?:i(?:['’]| a)m |we(?:['’]| a)re )?(?:very |so |really )?sorry\b|(?:i |my )?apolog|as an ai\b"
    r"|unfortunately,? i\b|i(?:['’]m| am)? (?:can(?:no|['’])t|can not|won['’]t|unable|not able|must decline|refuse)"
    r"|很?抱歉|对不起|不好意思|作为(?:一个|一名)?(?:AI|人工智能)|我(?:无法|不能|不可以|没有办法))",
    re.IGNORECASE,
)
# In tags, "I cannot open my mailbox …" is a task: here a refusal has to say what is refused.
_REFUSAL_IN_TAGS = re.compile(
    r"[\W_]*(?:(?:i(?:['’]| a)m )?sorry,? (?:but )?(?:i|as)\b|as an ai\b[^.]{0,40}\bi\b"
    r"|i(?:['’]m| am)? (?:can(?:no|['’])t|can not|unable to|not able to) (?:assist|help|fulfil|comply|rewrite|evolve)"
    r"|(?:很?抱歉|对不起)[，,]?\s*(?:但|作为)?我|作为(?:一个|一名)?(?:AI|人工智能)"
    r"|我(?:无法|不能)(?:改写|重写|协助|帮助|完成))",
    re.IGNORECASE,
)
_SORRY = re.compile(r"sorry|抱歉|对不起", re.IGNORECASE)
_STAGNANT = re.compile(r"\W*(?:understood|thank you|thanks for|明白|好的?，?明白|谢谢|感谢|收到|了解)", re.IGNORECASE)
_UNDER_QUALIFIED = re.compile(r"\W*(?:sure\b|当然|好的|没问题|可以的)", re.IGNORECASE)
_LOST = re.compile(r"please provide|请(?:您|你|先)?(?:提供|给出|补充)", re.IGNORECASE)

_ANSWER_LABEL = re.compile(
    r"(?:^[ \t>*_#]*|(?<=[.?!])[ \t]+|(?<=[。？！])[ \t]*)"
    r"(?:(?:sample |model |correct )?answer|(?:参考|正确)?答案|回答|解答)"
    r"[ \t*_]*[:：][ \t*_]*(?=[^\s<\[{(_.…“\"'‘`（【])",
    re.IGNORECASE | re.MULTILINE,
)
"""Before a placeholder (``Answer: <number>``) it is a form that the task asks for."""
_FORM = re.compile(
    r"(?:[:：]|\b(?:form|format|line|template|example|exactly)\b[^.\n]*|(?:格式|例如)[^。\n]*)\s*$", re.IGNORECASE
)
_ALTERNATIVES = re.compile(r"\W{0,4}1[.)、．:：][ \t]*\S.*?^\W{0,4}2[.)、．:：][ \t]*\S", re.DOTALL | re.MULTILINE)

_BOTH = re.compile(r"\W*(?:not[ -]?equal|unequal)\W*(?:or\W*)?equal\W*|\W*equal\W*(?:or\W*)?not[ -]?equal\W*")
_BOTH_ZH = re.compile(r"\W*(?:不同\W*或?\W*相同|相同\W*或?者?\W*不同)\W*")
_NO_DIFFERENCE = re.compile(
    r"\b(?:no|without|not|\w+n['’]t)\s+(?:\w+\s+){0,2}differ|(?:没有?|无)\w{0,4}(?:不同|区别|差[异别])"
)
_EQUAL = r"(?:equal|the same|same|identical|equivalent)"
_DIFFERENT = re.compile(
    rf"\b(?:not|no longer|never|hardly|neither|can ?not|\w+n['’]t)\b[\w\s'’]{{0,30}}?\b{_EQUAL}"
    r"|\b(?:un|in|non-?)equal|\bnot-equal|\bdiffer"
    # The judge is asked for both: "equal in depth but not in breadth" is not equal.
    rf"|\b{_EQUAL}\b (?:in|only in|regarding|as to) [^.;]{{1,40}}\b(?:but|though|yet) not\b"
    r"|不(?:完全|尽|太|大|是|算|能算)*(?:相同|相等|等同|一样|同|等)|有(?:所|些)?(?:不同|区别|差异)"
)
_SAME = re.compile(r"\bequal|\bthe same\b|\bsame\b|\bidentical|\bequivalent|相同|相等|等同|一样")
_UNSURE = re.compile(
    r"(?:\b(?:can ?not|can['’]t|unable|(?:not|un)[ ]?(?:clear|sure|certain)|unclear|hard|difficult|impossible"
    r"|do(?:es)? ?n[o'’]t know|not possible|wonder)\b[^.;:!?\n]{0,40}?\b(?:whether|if)\b[^.;:!?\n]*"
    r"|(?:无法|不能|难以|很难|不好|不清楚|不确定|不知道)[^。；：！？\n]{0,8}(?:是否|是不是)[^。；：！？\n，]*)"
)
"""Who says this has not judged yet, whatever words of judgement stand in it."""
_NOT_ONLY = re.compile(
    r"\bnot (?:just|only|merely|simply)\b[^.;]{0,40}?\bbut\b|不(?:仅|只|但)[^。；]{0,20}?(?:而且|还|也)"
)
_ASKED = re.compile(
    rf"\W*(?:are (?:they|the (?:two|tasks|two tasks)) |is it )?(?P<not>not[ -]|un|不)?(?:{_EQUAL}|相同|相等|等同|一样)"
    r"(?:吗|么)?\W*[?:]\W*(?:(?P<yes>yes|true|是|对)|(?P<no>no|false|否|不))(?!\w*\s*(?:相|同|\w*equal))"
)
"""The question given back, with its answer."""

_DRIFT_SHARE = 0.2
"""A task whose main script falls to less than this has changed its language; quoting code or names takes more."""


def instruction_flaw(task: Task, parent: Row) -> str | None:
    """Why an evolved task cannot stand, by its text alone; the first reason that holds."""
    checks = {
        "empty": not re.search(r"\w", task.instruction),
        "refused_to_evolve": _REFUSAL_IN_TAGS.match(task.instruction) is not None,
        "unchanged": squeezed(task.instruction + task.input) == squeezed(parent.instruction + parent.input),
        "answered_instead": answers_parent(task, parent),
        "holds_answer": holds_answer(task.instruction, parent.instruction),
        "several_tasks": bool(_ALTERNATIVES.match(task.instruction) and not _ALTERNATIVES.match(parent.instruction)),
        "copied_prompt_words": copies_prompt_words(task.instruction, parent.instruction),
        "language_drift": drifts(task.instruction, parent.instruction),
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def answer_flaw(answer: str, *, short_words: int = 80) -> str | None:
    """Why an answer shows that its instruction did not work out; the first reason that holds."""
    text = answer.strip()
    asks_back = text.endswith(("?", "？"))
    checks = {
        "only_punctuation_or_stopwords": says_nothing(text),
        "sorry_short": _SORRY.search(text) is not None and words(text) < short_words,
        "stagnant": asks_back and _STAGNANT.match(text) is not None,
        "under_qualified": asks_back and _UNDER_QUALIFIED.match(text) is not None,
        "lost_information": _LOST.search(text) is not None,
    }
    return next((reason for reason, holds in checks.items() if holds), None)


def read_verdict(text: str) -> bool | None:
    """What the judge said: equal, not equal, or (``None``) neither or both.

    "Not equal" is looked for before "equal", which it contains; the word for word ``"equal" in reply`` of some
    copies eliminates everything.
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    if _BOTH.fullmatch(text) or _BOTH_ZH.fullmatch(text):
        return None  # the options given back
    asked = _ASKED.match(text)
    if asked is not None:
        return (asked["yes"] is not None) is (asked["not"] is None)
    text = _NOT_ONLY.sub(" ", _UNSURE.sub(" ", text))
    if _NO_DIFFERENCE.search(text):
        return True
    if _DIFFERENT.search(text):
        return False
    return True if _SAME.search(text) else None


def refuses(text: str) -> bool:
    """Whether a reply without any tag declines instead of rewriting."""
    return _REFUSAL.match(text) is not None


def says_nothing(answer: str) -> bool:
    """Rule 3: only punctuation and stop words. A number, a symbol, an option letter or "No" says something."""
    if all(unicodedata.category(character)[0] in "PZC" for character in answer):
        return True
    if re.search(r"[^\W_]", answer) is None or len(answer.strip(" .。")) == 1:
        return False
    tokens = re.findall(r"[\u3400-\u9fff]|\w+", answer.casefold())
    return all(token in _STOP_WORDS for token in tokens)


def copies_prompt_words(instruction: str, parent: str) -> bool:
    """Rule 4: words of the evolving prompt that the parent does not use itself."""
    before = parent.casefold()
    return any(match[0].casefold() not in before for match in _SCAFFOLD.finditer(instruction))


def answers_parent(task: Task, parent: Row) -> bool:
    """Whether the reply is the parent's known answer instead of a new task."""
    given, known = squeezed(task.instruction), [squeezed(parent.response), squeezed(parent.answer or "")]
    return any(text and (given == text or (len(text) >= 40 and given.startswith(text))) for text in known)


def holds_answer(instruction: str, parent: str) -> bool:
    """Whether the task goes on with its own answer, under a label that its parent does not have."""
    labels = [] if _ANSWER_LABEL.search(parent) else _ANSWER_LABEL.finditer(instruction)
    return any(label.start() > 0 and not _FORM.search(instruction[: label.start()]) for label in labels)


def drifts(instruction: str, parent: str) -> bool:
    """Whether the script that most of the parent is written in has all but gone."""
    before, after = script_units(parent), script_units(instruction)
    if not before or not after:
        return False
    main = max(before, key=lambda script: before[script])
    return after.get(main, 0) < _DRIFT_SHARE * sum(after.values())


def squeezed(text: str) -> str:
    """A text without case, spaces and sentence marks, to see whether another one only spells it differently."""
    return re.sub(r"[\s.,;:!?。、…\"'“”‘’`]+", "", unicodedata.normalize("NFKC", text).casefold())
