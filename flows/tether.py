"""What binds a flow run that a worker started to that worker.

Prefect gives such a process a session of its own, so it outlives a worker that is killed: nobody hears any more that
it should be cancelled, and no later worker knows of it. Here it ends soon after its worker did, as Prefect ends it at
a cancellation, by SIGTERM: it still tells the server itself that it crashed, and the next attempt goes on.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

TICK = 1.0
"""Seconds between two looks at who the parent is."""


@contextmanager
def tethered() -> Iterator[None]:
    """Inside the block this process, if a Prefect worker started it, gets SIGTERM once the worker is gone."""
    parent, ended = os.getppid(), threading.Event()
    if "PREFECT__WORKER_NAME" not in os.environ or parent == 1:
        yield
        return

    def watch() -> None:
        while not ended.wait(TICK):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    threading.Thread(target=watch, daemon=True, name="tether").start()
    try:
        yield
    finally:
        ended.set()
