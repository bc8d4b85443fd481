"""Asks once: what stands in the completion log is replayed, everything else is asked and logged before it is used.

Failures are logged too, for ``explain``, but asked again when a run is resumed: the endpoint may have been mended.
"""

from schemas.exchange import Completion, Prompt
from schemas.manifest import Usage
from teachers.client import Teachers
from teachers.log import CompletionLog
from teachers.payload import digest


class Asker:
    """The models as one shard of one stage sees them. Used on the event loop, so its counting needs no lock."""

    def __init__(self, teachers: Teachers, log: CompletionLog, usage: Usage) -> None:
        self._teachers = teachers
        self._log = log
        self._usage = usage

    async def ask(self, key: str, prompt: Prompt, seed: int) -> Completion:
        """The completion of ``prompt``, durable under ``key``.

        Raises:
            EndpointError: the model cannot be asked.
            RunFailed: the endpoint went away, or the log cannot be written.
        """
        payload = self._teachers.payload(prompt, seed)
        mark = digest(payload)
        logged = self._log.get(key, mark)
        if logged is not None and logged.error is None:
            self._usage.replayed += 1
            self._count(logged)
            return logged
        answer = await self._teachers.ask(prompt.model, payload)
        await self._log.append(key, mark, payload, answer.completion, answer.detail)
        self._usage.requests += 1
        self._usage.retries += answer.retries
        self._count(answer.completion)
        return answer.completion

    def _count(self, completion: Completion) -> None:
        """What the shard's completions came to, whichever attempt at the run paid for them."""
        self._usage.failed += completion.error is not None
        self._usage.prompt_tokens += completion.prompt_tokens
        self._usage.completion_tokens += completion.completion_tokens
        self._usage.cost += completion.cost
