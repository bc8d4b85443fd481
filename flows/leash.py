"""A program that runs a Python module and ends when its standard input does.

Whoever starts it holds the other end of that pipe, so that nothing it started outlives it, however it ends. The
module's own child processes hear SIGTERM first, and the module after them: a Prefect worker that ends kills its flow
runs at once, and they could not tell the server how they ended.

Run as a program: ``leash.py SECONDS MODULE ARGUMENT…``.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

TICK = 0.2


def main() -> None:
    """Run the module that the arguments name; it has so many seconds to end."""
    seconds, module, *arguments = sys.argv[1:]
    threading.Thread(target=_end_with_input, args=(float(seconds),), daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def children_of(process: int) -> set[int]:
    """The processes that ``process`` started and that have not ended."""
    tasks = Path(f"/proc/{process}/task")
    if not tasks.exists():
        told = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False).stdout
        return {int(child) for child in told.split()}
    found = set()
    for task in tasks.iterdir():
        try:
            found |= {int(child) for child in (task / "children").read_text().split()}
        except OSError:  # a thread that has just ended
            continue
    return found


def _end_with_input(seconds: float) -> None:
    # Not sys.stdin: reading it takes a lock that a fork in another thread would copy.
    while os.read(0, 1024):
        pass
    me, ends = os.getpid(), time.monotonic() + seconds
    told: set[int] = set()
    while (there := children_of(me)) and time.monotonic() < ends:
        for child in there - told:
            os.kill(child, signal.SIGTERM)
        told |= there
        time.sleep(TICK)
    os.kill(me, signal.SIGTERM)
    time.sleep(max(TICK, ends - time.monotonic()))
    os.kill(me, signal.SIGKILL)


if __name__ == "__main__":
    main()
