"""The inner loops of the filters, over arrays of whole shards: compiled where numba is there, in numpy where it is not.

``compiled`` and ``plain`` hold the same functions with the same results, so a run may begin with one and go on with
the other. Nothing here knows rows, configs or verdicts.
"""

import os
from functools import cache
from importlib.util import find_spec
from types import ModuleType

WORTH = 1000
"""Rows at a time from which on text is looked at by compiled code: it takes seconds to compile, once on a machine."""
PLAIN = "INSTRUCTLOOM_PLAIN_KERNELS"
"""The environment variable that, set to 1, leaves numba alone."""


def compiled() -> bool:
    """Whether the compiled kernels are used."""
    return os.environ.get(PLAIN) != "1" and _numba_is_here()


def text(rows: int) -> ModuleType:
    """The kernels over text, for so many rows: compiled where that is worth it."""
    if rows >= WORTH and compiled():
        from filters.kernels import text_compiled

        return text_compiled
    from filters.kernels import text_plain

    return text_plain


@cache
def _numba_is_here() -> bool:
    return find_spec("numba") is not None
