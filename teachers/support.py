"""Whether a model's endpoint keeps to a JSON schema: asked once, and kept with the run.

What is found decides what is sent, so a resumed run, and every process of a run, must go by the same answer: else the
requests in the completion log would not be the ones that are asked for.
"""

import asyncio
import hashlib
import json
import os
from pathlib import Path

from schemas.recipe import Model
from teachers.probe import Post, Support, probe


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

    async def find_out(self, post: Post) -> bool:
        """Whether schemas are honoured; asks once, through ``post``.

        Raises:
            Failure: the request failed in a way that says nothing of schemas.
        """
        async with self._lock:
            if self._found is None:
                self._found = self._kept() or self._keep(await self._ask(post))
        return self._found == "honoured"

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


def _name(model: Model) -> str:
    asked = json.dumps([model.model, model.base_url, model.extra_body], sort_keys=True)
    return hashlib.blake2b(asked.encode("utf-8", "replace"), digest_size=8).hexdigest()
