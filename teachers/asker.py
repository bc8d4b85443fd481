"""Asks once: what stands in the completion log is replayed, everything else is asked and logged before it is used.

Failures are logged too, for ``explain``, but asked again when a run is resumed: the endpoint may have been mended.

A request that is under way is seen through although nobody waits for it any more, as when another one stopped the
shard: it is paid for. See ``drain``.
"""

import asyncio

from schemas.exchange import Completion, Prompt
from schemas.manifest import Usage
from teachers.budget import Budget
from teachers.call import Call
from teachers.client import Teachers
from teachers.log import CompletionLog

DRAIN_SECONDS = 4.0
"""How long a shard that is stopped waits for what is under way: a person may have pressed Ctrl-C."""


class Asker:
    """The models as one shard of one stage sees them. Used on the event loop, so its counting needs no lock."""

    def __init__(
        self, teachers: Teachers, log: CompletionLog, usage: Usage, budget: Budget | None = None, rank: int = 0
    ) -> None:
        self._teachers = teachers
        self._log = log
        self._usage = usage
        self._budget = budget
        self._rank = rank
        self._under_way: dict[asyncio.Task[Completion], Call] = {}

    async def ask(self, key: str, prompt: Prompt, seed: int) -> Completion:
        """The completion of ``prompt``, durable under ``key``.

        Raises:
            BudgetSpent: there is nothing left for a request that is not in the log.
            EndpointError: the model cannot be asked.
            RunFailed: the endpoint went away, or the log cannot be written.
        """
        request = await self._teachers.request(prompt, seed)
        logged = self._log.get(key, request.digest)
        if logged is not None and logged.error is None:
            self._usage.replayed += 1
            self._count(logged)
            return logged
        call = Call(request, self._rank)
        task = asyncio.get_running_loop().create_task(self._ask(key, call))
        self._under_way[task] = call
        task.add_done_callback(self._under_way.pop)
        return await asyncio.shield(task)

    async def drain(self, seconds: float | None = DRAIN_SECONDS) -> None:
        """Call it when nobody asks any more: wait ``seconds``, or to the end, for what an endpoint is at work on."""
        for task in [task for task, call in self._under_way.items() if not call.sent]:
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def _ask(self, key: str, call: Call) -> Completion:
        if self._budget is not None:
            self._budget.admit()
        completion: Completion | None = None
        try:
            answer = await self._teachers.ask(call)
            completion = answer.completion
            await self._log.append(key, call.request.digest, call.request.body, completion, answer.detail)
        finally:
            if self._budget is not None:
                self._budget.settle(completion)
        self._usage.requests += 1
        self._usage.retries += answer.retries
        self._count(completion)
        return completion

    def _count(self, completion: Completion) -> None:
        """What the shard's completions came to, whichever attempt at the run paid for them."""
        self._usage.failed += completion.error is not None
        self._usage.prompt_tokens += completion.prompt_tokens
        self._usage.completion_tokens += completion.completion_tokens
        self._usage.cached_tokens += completion.cached_tokens
        self._usage.reasoning_tokens += completion.reasoning_tokens
        self._usage.cost += completion.cost
