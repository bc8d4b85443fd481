"""A program that runs a Python module and ends when its standard input does.

Whoever starts it holds the other end of that pipe, so that nothing it started outlives it, however it ends. The
module hears SIGTERM first, and has some time to finish.

Run as a program: ``leash.py SECONDS MODULE ARGUMENT…``.
"""

import os
import runpy
import signal
import sys
import threading
import time


def main() -> None:
    """Run the module that the arguments name."""
    seconds, module, *arguments = sys.argv[1:]
    threading.Thread(target=_end_with_input, args=(float(seconds),), daemon=True).start()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_input(seconds: float) -> None:
    # Not sys.stdin: reading it takes a lock that a fork in another thread would copy.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
