"""Asks once: what stands in the completion log is replayed, everything else is asked and logged before it is used.

Failures are logged too, for ``explain``. Those that may pass (an endpoint that was busy, or away) are asked again when
a run is resumed; an empty answer or a refusal is what the model has to say, and is paid for.
"""

import asyncio

from schemas.exchange import Completion, Prompt
from schemas.manifest import Usage
from schemas.recipe import Limits
from teachers.budget import Budget
from teachers.call import Call
from teachers.client import Teachers
from teachers.failures import TRANSIENT
from teachers.log import CompletionLog
from teachers.under_way import DRAIN_SECONDS, UnderWay


class Asker:
    """The models as one shard of one stage sees them. Used on the event loop, so its counting needs no lock."""

    def __init__(
        self,
        teachers: Teachers,
        log: CompletionLog,
        usage: Usage,
        budget: Budget | None = None,
        rank: int = 0,
        stage: str = "",
    ) -> None:
        self._teachers = teachers
        self._log = log
        self._usage = usage
        self._budget = budget or Budget(Limits())
        self._rank = rank
        self._stage = stage
        self._under_way = UnderWay()

    async def ask(self, key: str, prompt: Prompt, seed: int) -> Completion:
        """The completion of ``prompt``, durable under ``key``.

        Raises:
            BudgetSpent: there is nothing left for a request that is not in the log.
            EndpointError: the model cannot be asked.
            RunFailed: the endpoint went away, or the log cannot be written.
        """
        request = await self._teachers.request(prompt, seed)
        logged = self._log.get(key, request.digest)
        if logged is not None and logged.error not in TRANSIENT:
            self._usage.replayed += 1
            self._usage.book(logged)
            return logged
        call = Call(request, self._rank)
        task = self._under_way.start(call, self._ask(key, call))
        self._teachers.under_way.add(task, call)
        return await asyncio.shield(task)

    async def drain(self, seconds: float | None = DRAIN_SECONDS) -> None:
        """Call it when nobody asks any more: see ``UnderWay.drain``."""
        await self._under_way.drain(seconds)

    async def _ask(self, key: str, call: Call) -> Completion:
        request, budget = call.request, self._budget
        kind = (self._stage, request.name, request.payload.get("max_tokens"))
        reserved = await budget.admit(kind, self._teachers.guess(request), self._rank)
        call.admit = budget.check
        completion: Completion | None = None
        try:
            answer = await self._teachers.ask(call)
            completion = answer.completion
        finally:
            # Before the log: who has the next place looks at what is left before the disk is done.
            budget.settle(reserved, completion)
        await self._log.append(key, request.digest, request.body, completion, answer.detail)
        self._usage.requests += 1
        self._usage.retries += answer.retries
        self._usage.book(completion)
        return completion
