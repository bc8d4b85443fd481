"""What binds a flow run that a worker started to that worker.

Prefect gives such a process a session of its own, so it outlives a worker that is killed: nobody hears any more that
it should be cancelled, and no later worker knows of it. Here it ends soon after its worker did, as Prefect ends it at
a cancellation, by SIGTERM: it still tells the server itself that it crashed, and the next attempt goes on.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

TICK = 1.0
"""Seconds between two looks at who the parent is."""
GRACE = 30.0
"""Seconds to end in, before it is ended."""


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
                _speak_to_nobody()
                os.kill(os.getpid(), signal.SIGTERM)
                # If the server is gone, too, Prefect would try for minutes to tell it.
                time.sleep(GRACE)
                os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="tether").start()
    try:
        yield
    finally:
        ended.set()


def _speak_to_nobody() -> None:
    """Standard output and error led to the worker; to write there would end this process before it told the server."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
