"""Whether a model's endpoints keep to a JSON schema: each is asked once, and one answer is kept with the run.

What is found decides what is sent, so a resumed run, and every process of a run, must go by the same answer: else the
requests in the completion log would not be the ones that are asked for. A request does not know which endpoint it will
come to, so schemas are used only where all of them keep to one.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from schemas.recipe import Model
from teachers.access import Access
from teachers.clock import Clock
from teachers.failures import LONGEST_WAIT, Failure, back_off, is_transient
from teachers.payload import encode
from teachers.probe import REFUSALS, Post, Support, probe

ATTEMPTS = 5
"""For one endpoint of several; all others wait for the answer."""


class SchemaSupport:
    """The answer for one model; ``folder`` is the run's, or None where nothing is kept."""

    def __init__(self, model: Model, folder: Path | None) -> None:
        self._model = model
        self._file = folder and folder / "endpoints" / f"{_name(model)}.json"
        self._lock = asyncio.Lock()
        self._found: Support | None = None
        if model.structured == "off" or model.offline or model.mode == "batch":
            # A batch would have to be sent and waited for to find out; the offline teacher needs no schema.
            self._found = "ignored"

    @property
    def known(self) -> bool | None:
        """Whether schemas are honoured; None while nobody has asked."""
        return None if self._found is None else self._found == "honoured"

    async def find_out(self, post: Post, others: Callable[[], Sequence[Post]]) -> bool:
        """Whether schemas are honoured; asks once, through ``post``, and then the ``others`` that have not answered it.

        Raises:
            Failure: the request failed in a way that says nothing of schemas.
        """
        async with self._lock:
            if self._found is None:
                self._found = self._kept() or self._keep(await self._ask_all(post, others))
        return self._found == "honoured"

    async def _ask_all(self, post: Post, others: Callable[[], Sequence[Post]]) -> Support:
        found = await self._ask(post)
        more = await asyncio.gather(*map(self._ask_other, others())) if found == "honoured" else []
        return next((each for each in more if each != "honoured"), found)

    async def _ask_other(self, post: Post) -> Support:
        try:
            return await self._ask(post)
        except Exception:
            # It is away, or sends what is no completion: the rest need not wait for it, and as text it can be read.
            return "ignored"

    async def _ask(self, post: Post) -> Support:
        found = await probe(post, self._model)
        # An error may have been chance, and a whole run goes by this answer.
        return await probe(post, self._model) if found == "refused" else found

    def settle(self, found: Support) -> None:
        """The question could not be asked: go by ``found`` from now on, in a resumed run too."""
        self._found = self._kept() or self._keep(found)

    def _kept(self) -> Support | None:
        if self._file is None or not self._file.exists():
            return None
        found: Support = json.loads(self._file.read_text(encoding="utf-8"))["schemas"]
        return found

    def _keep(self, found: Support) -> Support:
        """Make the answer durable; of several processes that asked, the first to write is believed."""
        if self._file is None:
            return found
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"model": self._model.model, "base_url": self._model.base_url, "schemas": found}, file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, self._file)
        except FileExistsError:
            return self._kept() or found
        finally:
            draft.unlink()
        return found


def directly(access: Access, clock: Clock) -> Post:
    """The way to this very endpoint, past the queue, which would choose one."""

    async def post(payload: dict[str, Any]) -> bytes:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=lambda state: min(back_off(state), LONGEST_WAIT),
            retry=retry_if_exception(_may_pass),
            sleep=clock.sleep,
            reraise=True,
        )
        raw: bytes = (await retrying(access.post, encode(payload)))[0]
        return raw

    return post


def _may_pass(error: BaseException) -> bool:
    # Who was silent for a whole timeout has kept the others waiting long enough.
    said = isinstance(error, Failure) and error.word != "timeout" and error.status not in REFUSALS
    return said and is_transient(error)


def _name(model: Model) -> str:
    asked = json.dumps([model.model, model.base_url, model.extra_body], sort_keys=True)
    return hashlib.blake2b(asked.encode("utf-8", "replace"), digest_size=8).hexdigest()
