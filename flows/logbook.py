"""What a run writes in Prefect's log: what it did and what it lost, not what became of each of its tasks."""

import logging


def keep_logbook() -> None:
    """Log what the flow says. Tasks say nothing: their states, with times and errors, stand in the list of task runs,
    and an error that ends the run is the flow's to tell, once.

    Where the rest of Prefect is to be silent, as beside the progress in a terminal, the flow's log goes to the server
    alone.
    """
    flow_runs = logging.getLogger("prefect.flow_runs")
    flow_runs.propagate = logging.getLogger("prefect").isEnabledFor(logging.ERROR)
    flow_runs.setLevel(logging.INFO)
    for name in ("prefect.task_runs", "prefect.task_engine"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
