"""The ledger: what the models were asked, stage by stage, over all attempts at a run.

A finished shard has its usage in ``counts.json``; what an unfinished one was asked stands in its completion log.
"""

from collections.abc import Iterator, Sequence

from flows.stages import Stage
from flows.store import ShardFolder, Store
from schemas.manifest import Usage, sum_usage
from teachers.budget import Spent
from teachers.log import read_log


def usage_by_stage(store: Store, stages: Sequence[Stage]) -> Iterator[tuple[str, Usage]]:
    """What was asked, by stage, where anything was: also for shards that are unfinished, or were not needed."""
    for stage in stages:
        total = sum_usage(folder.usage() if folder.done else _logged(folder) for folder in store.folders(stage))
        if total != Usage():
            yield stage.label, total


def spent_before(store: Store, stages: Sequence[Stage]) -> Spent:
    """What earlier attempts at a run have spent of its budget."""
    spent = Spent()
    for _, usage in usage_by_stage(store, stages):
        spent.add(usage.cost, usage.prompt_tokens + usage.completion_tokens, usage.requests + usage.replayed)
    return spent


def _logged(folder: ShardFolder) -> Usage:
    usage = Usage()
    if not folder.log.exists():
        return usage
    for record in read_log(folder.log):
        usage.requests += 1
        usage.book(record.completion)
    return usage
