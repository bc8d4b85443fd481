"""Reading a judge that was to say one of a few words: only what is said plainly counts.

A judge may put a mark or a label before its word (``**Same**``, "Verdict: same") and a reason behind it. Whoever gives
the options back, names two of them, or only mentions one in a sentence has not decided: the reader gets ``None``, and
must not take that for either answer. Also here: why a reply cannot be read at all.
"""

import re
import unicodedata
from collections.abc import Sequence

from generators.tags import thought
from schemas.exchange import Completion

_LABEL = r"[\W_]*(?:(?:(?:the|my|final) )*(?:verdict|answer|judge?ment)(?: is)?|判断|结论|答案|回答)?[\W_]*"
_NOUN = r"(?: (?:problem|question|task))?"


def spoken(completion: Completion) -> str | None:
    """What a judge says without what it thought first; ``None`` where it failed, was cut, or cannot be told apart."""
    if completion.error is not None or completion.finish_reason in ("length", "content_filter"):
        return None
    reply = thought(completion.text, completion.reasoning)
    return None if reply.problem is not None else reply.text


def option(text: str, options: Sequence[str]) -> str | None:
    """The one of ``options`` that a reply opens with or, set on a line of its own, ends with."""
    folded = unicodedata.normalize("NFKC", text).casefold().strip()
    by_name = {each.casefold(): each for each in options}
    # The longest first: one may begin another.
    names = "|".join(re.escape(name) for name in sorted(by_name, key=len, reverse=True))
    opening = re.match(
        rf"{_LABEL}(?:the )?({names}){_NOUN}[*_`\"'”’)]*(?:\s*\Z|\s*[.。;；:：!\n,](.*))", folded, re.DOTALL
    )
    ending = re.fullmatch(rf"{_LABEL}({names}){_NOUN}[\W_]*", folded.rpartition("\n")[2])
    found = {by_name[match[1]] for match in (opening, ending) if match}
    follows = re.match(rf"[\W_]*(?:or |或)?(?:{names})", opening[2] or "") if opening else None
    return found.pop() if len(found) == 1 and not (follows and not ending) else None
