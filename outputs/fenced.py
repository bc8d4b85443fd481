"""Text that a model wrote, inside Markdown: as it is, and never as markup."""

import re


def fenced(text: str) -> str:
    """``text`` as a block of plain text, with a fence longer than any in it."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
