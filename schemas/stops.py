"""Which stop strings may be sent: marks that no text holds, and nothing else.

A stop string ends the reply wherever it occurs. Alpaca's ``20.`` cut every sentence that ended in the year 2020, and
the reply still looked whole, since an endpoint says ``stop`` either way. So the rule is not a list of bad strings but
one of good ones: special tokens of chat templates, and the tags that only our requests have.
"""

import re

_MARK = re.compile(
    r"<\|[^\s<>|]{1,60}\|>|<｜[^\s<>｜]{1,60}｜>|\[\|[^\s\[\]|]{1,60}\|\]"  # <|im_end|>, DeepSeek, EXAONE
    r"|</?(?:start|end|begin)_of_[a-z]+>|<unused\d+>|<extra_id_\d+>"  # Gemma, T5
    r"|</s>|<(?:eos|bos|eod|EOS|BOS|EOT|EOD)>"
    r"|\[/?INST\]|<</?SYS>>|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"  # Llama 2, Mistral
    r"|</(?:task|hint|topics?|subtopic|first|second)>"
)
"""The tags in the last line are those that our prompts use and our replies do not: ``</input>`` or ``</example>`` would
end a reply after its first part, ``</think>`` before the answer."""


def checked_stop(stop: str) -> str:
    """``stop`` itself.

    Raises:
        ValueError: a text can hold it.
    """
    if not _MARK.fullmatch(stop):
        raise ValueError(f"{stop!r} can stand in an answer and would cut it; use a mark such as <|end|>")
    return stop
