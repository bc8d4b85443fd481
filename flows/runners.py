"""Generators on a Ray cluster: one shard of one stage goes to a worker, and its balance comes back.

Prefect's task, which stands for a span of shards (``tasks.py``), waits for them in the flow's process, so that shards
depend on each other in one way wherever they run; the shards themselves are Ray's tasks and cost Prefect nothing. A
worker finds the run by its ``ref`` (``run.attach``), reads and
writes the run folder, and asks the models itself, with its share of the caps (``teachers/shares.py``).

Not here: what a shard's work is (``work.py``), and resuming: a shard that a lost worker had begun is begun again from
its completion log, by Ray in the same run, or by the next run.
"""

import os
import socket
import sysconfig
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flows import work
from flows.run import Run, attach
from flows.store import ShardFolder
from schemas.errors import BadInput, RunFailed
from schemas.manifest import StageCounts
from schemas.recipe import Ray

TICK = 0.25
"""Seconds; how soon a thread that waits for the cluster notices that the run was stopped."""
UNSEEN = 90.0
"""Seconds until a finished shard must be visible here: file systems on a network may show new files late."""
STORE_BYTES = 128 * 2**20
"""Memory for Ray's object store where we start Ray: only balances travel, and Ray would take a third of the machine."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "^"}
"""Ray's environment, read when it is imported: no statistics sent, and none of its reports beside our progress."""
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Likewise; Ray that is started here listens on this machine's loopback alone, as it does by default elsewhere."""
CONNECT_SECONDS = 10
"""Seconds for the cluster's head to answer."""


class RayCluster:
    """A connected cluster. ``run`` may be called from any thread; at most ``workers`` tasks run at once."""

    def __init__(self, runner: Any, workers: int) -> None:
        self._runner = runner
        self._slots = threading.BoundedSemaphore(workers)
        self._workers = workers
        self._stopped = threading.Event()

    @classmethod
    def connect(cls, ray: Ray) -> "RayCluster":
        """The cluster at ``ray.address``; without one, Ray is started on this machine and ends with ``close``.

        Raises:
            BadInput: Ray is not installed, or nothing answers at the address.
        """
        runner_of = _ray_task_runner(QUIET if ray.address else QUIET | LOOPBACK)
        options = _options(ray)
        try:
            _knock(ray.address)
            with nullcontext() if ray.address else _same_program():
                runner = runner_of(init_kwargs=options).__enter__()
        except (OSError, RuntimeError, ValueError) as error:
            where = f"ray.address: {ray.address}" if ray.address else "Ray on this machine"
            remedy = "start the cluster, or correct the address or RAY_AUTH_MODE" if ray.address else "see `ray status`"
            raise BadInput(f"{where}: {_first_line(error).rstrip('.')}; {remedy}") from None
        return cls(runner, ray.workers)

    def run(self, ref: str, place: int, shard: int) -> None:
        """Let a worker make one shard of the generator at ``place`` of the run ``ref``, and wait for it.

        Raises:
            Exception: what the worker raised.
            RunFailed: ``close`` was called meanwhile, or the worker was lost again and again.
        """
        import ray

        with self._slot():
            reference = ray.remote(generator).remote(ref, place, shard)
            self._wait(reference)
            _check(reference)

    def close(self) -> None:
        """Drop what is under way and let go of the cluster; Ray ends if it was started here. Only once: after that
        any call to Ray would start another.
        """
        import ray

        self._stopped.set()
        for _ in range(self._workers):  # whoever waits notices within a tick
            self._slots.acquire(timeout=4 * TICK)
        self._runner.__exit__(None, None, None)
        ray.shutdown()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        while not self._slots.acquire(timeout=TICK):
            self._check_not_stopped()
        try:
            self._check_not_stopped()
            yield
        finally:
            self._slots.release()

    def _wait(self, reference: Any) -> None:
        import ray

        while not ray.wait([reference], timeout=TICK)[0]:
            if self._stopped.is_set():
                ray.cancel(reference, force=True)
            self._check_not_stopped()

    def _check_not_stopped(self) -> None:
        if self._stopped.is_set():
            raise _stopped()


def generator(ref: str, place: int, shard: int) -> Exception | None:
    """What a worker does: one shard of the generator at ``place``. A failure is returned: raised, Ray would wrap it."""
    try:
        work.generate_shard(attach(ref), place, shard)
    except Exception as error:  # the run's process raises it
        return error
    return None


def carry(run: Run, place: int, shard: int) -> StageCounts:
    """Make one shard of the generator at ``place`` on the run's cluster, unless it is done already.

    Raises:
        RunFailed: as the worker did, or the worker's files are not to be seen here.
    """
    cluster = run.cluster
    if cluster is None:
        raise _stopped()  # closed since the shard was submitted
    stage, folder = run.stages[place], run.store.shard(run.stages[place], shard)
    if not folder.done:
        jobs = run.store.shard(run.stages[place - 1], shard).counts().rows_out
        run.progress.begin(stage.label, jobs)
        cluster.run(run.ref, place, shard)
        _wait_until_seen(folder)
        run.progress.begin(stage.label, -jobs)
        run.progress.asked_elsewhere(folder.usage())
    counts = folder.counts()
    run.progress.done(stage.label, counts)
    return counts


def _stopped() -> RunFailed:
    return RunFailed("the run was stopped; run the same command again to resume")


def _wait_until_seen(folder: ShardFolder) -> None:
    deadline = time.monotonic() + UNSEEN
    while not folder.done:
        if time.monotonic() >= deadline:
            raise RunFailed(
                f"{folder.path} was finished by a worker and is not to be seen here; --root must be on a file system"
                " that all workers share"
            )
        time.sleep(TICK)


def _ray_task_runner(environment: dict[str, str]) -> Any:
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    try:
        import ray  # noqa: F401  # prefect-ray loads it late
        from prefect_ray import RayTaskRunner
    except ImportError:
        raise BadInput("runner: ray needs packages that are not installed: pip install 'instructloom[ray]'") from None
    return RayTaskRunner


def _options(ray: Ray) -> dict[str, Any]:
    """Arguments of ``ray.init``. The address is one of them: the runner itself would take ``auto`` for none."""
    options: dict[str, Any] = {"address": ray.address or "local", "log_to_driver": False, "logging_level": "CRITICAL"}
    if ray.address is None:
        options |= {"num_cpus": ray.workers, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    return options


def _knock(address: str | None) -> None:
    """Make sure that something listens at ``address``: Ray would try for two minutes, and talk about it.

    Raises:
        OSError: nothing does.
        ValueError: this is no host and port.
    """
    if address is None or address == "auto":
        return
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.hostname is None or parts.port is None:
        raise ValueError("this is not host:port, ray://host:port or auto")
    socket.create_connection((parts.hostname, parts.port), timeout=CONNECT_SECONDS).close()


@contextmanager
def _same_program() -> Iterator[None]:
    """For Ray that is started here: its workers import the very program that runs here, installed or not."""
    root = str(Path(__file__).resolve().parent.parent)
    paths = [] if root in sysconfig.get_paths().values() else [root]
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *filter(None, [before])])
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _check(reference: Any) -> None:
    import ray
    from ray.exceptions import RayError

    try:
        error = ray.get(reference)
    except RayError as lost:
        cause = getattr(lost, "cause", None) or lost
        raise RunFailed(
            f"a Ray worker failed ({type(cause).__name__}: {_first_line(cause)}); run the same command again to resume"
        ) from None
    if error is not None:
        raise error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
