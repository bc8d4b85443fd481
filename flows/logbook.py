"""What a run writes in Prefect's log: what it did and what it lost, not that each of its tasks began and ended."""

import logging


def keep_logbook() -> None:
    """Log what the flow says, and leave out the states of single tasks: they stand in the list of task runs.

    Where the rest of Prefect is to be silent, as beside the progress in a terminal, the flow's log goes to the server
    alone.
    """
    flow_runs = logging.getLogger("prefect.flow_runs")
    flow_runs.propagate = logging.getLogger("prefect").isEnabledFor(logging.ERROR)
    flow_runs.setLevel(logging.INFO)
    logging.getLogger("prefect.task_runs").setLevel(logging.WARNING)


def hush() -> None:
    """Nothing more of single tasks: the run was stopped, and each of hundreds would complain of it."""
    logging.getLogger("prefect.task_runs").setLevel(logging.CRITICAL + 1)
    logging.getLogger("prefect.task_engine").setLevel(logging.CRITICAL + 1)
