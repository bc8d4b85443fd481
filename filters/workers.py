"""How many cores this process may use."""

import os


def available() -> int:
    """The cores that the process is allowed, which on a shared machine may be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
