"""The Batch API of one endpoint: upload, create, find, look, fetch, delete; each call until it succeeds or is hopeless.

A batch takes hours, so an endpoint that is away for a while is waited for, up to the model's ``max_wait``. Creating one
costs money and is never simply tried again: after a call of which nobody knows how it ended, the endpoint's batches are
looked through for ours first. Not here: which requests are sent and what becomes of the replies (``batch.py``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import httpx2
import openai
from openai.types import Batch, FileObject
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from schemas.errors import EndpointError, RunFailed
from schemas.recipe import Model
from teachers.access import CHECK_SECONDS, Access, is_loopback
from teachers.batch_lines import Line, read_lines
from teachers.batch_store import BatchStore, Record
from teachers.clock import Sleep
from teachers.failures import Failure, back_off, failure_of, is_transient
from teachers.live import Live

T = TypeVar("T")

LABEL = "instructloom"
"""The key of a batch's metadata under which our own name for it stands."""
FINAL = frozenset({"completed", "failed", "expired", "cancelled"})
"""Statuses that a batch does not leave."""
_PAGE = 100
"""Batches in one page of the list: the most that OpenAI gives."""
_CONNECTIONS = 16
"""Calls are few; what is moved is large."""
_STOPPING = frozenset({"wrong_key", "not_found", "no_quota"})


class BatchEndpoint:
    """Where the batches of one model live. Used on the event loop only."""

    def __init__(
        self, name: str, model: Model, live: Live, transport: httpx2.AsyncBaseTransport | None, sleep: Sleep
    ) -> None:
        self.name = name
        self.model = model
        self._live = live
        url = model.endpoints[0]
        # Files of hundreds of megabytes are streamed: the library's own transport does that. A company's proxy cannot
        # reach this machine's own servers.
        limits = httpx2.Limits(max_connections=_CONNECTIONS)
        http = httpx2.AsyncClient(
            transport=transport, limits=limits, follow_redirects=True, trust_env=not is_loopback(url)
        )
        self._access = Access(name, model, url, http=http)
        self._retrying = AsyncRetrying(
            stop=self._waited_enough,
            wait=back_off,
            retry=retry_if_exception(is_transient),
            before_sleep=self._show,
            sleep=sleep,
            reraise=True,
        )

    def check_key(self) -> None:
        """Make sure that the environment holds the key that the recipe names.

        Raises:
            EndpointError: it does not, or the URL is none.
        """
        self._access.check_key()

    async def check(self) -> None:
        """Make sure that the endpoint has a Batch API and does not refuse the key, by one look at its list.

        Raises:
            EndpointError: it has none, refuses the key, or does not answer.
        """
        try:
            await self._once(self._glance)
        except Failure as failure:
            if failure.word == "unreachable":
                raise EndpointError(
                    f"models.{self.name}: {self.shown} does not answer ({failure.detail}); start it, or correct"
                    " base_url"
                ) from None
            # A restricted key may use batches and not list them.
            if failure.word in _STOPPING and "scope" not in failure.detail:
                raise self.stopped(failure) from None

    async def upload(self, path: Path) -> str:
        """The id of the uploaded file of requests."""

        async def attempt() -> str:
            with path.open("rb") as file:
                sent = await self._client.files.create(file=(path.name, file, "application/jsonl"), purpose="batch")
            return self._with_id(sent, FileObject).id

        return await self._patiently(attempt)

    async def create(self, record: Record) -> Batch:
        """The one batch of ``record``, made now or by an earlier call whose answer was lost."""
        asked = False

        async def attempt() -> Batch:
            nonlocal asked
            made = await self._look_through(record) if asked else None
            asked = True
            return made or self._with_id(await self._create(record), Batch)

        return await self._patiently(attempt)

    async def find(self, record: Record) -> Batch | None:
        """The batch of ``record`` if the endpoint has it, whether or not we were ever told its id."""
        return await self._patiently(lambda: self._look_through(record))

    async def retrieve(self, record: Record) -> Batch:
        """The batch as it stands now."""

        async def attempt() -> Batch:
            async with asyncio.timeout(self.model.timeout):
                return self._with_id(await self._client.batches.retrieve(record.batch_id), Batch)

        return await self._patiently(attempt, record)

    async def fetch(self, record: Record, file_id: str, path: Path, store: BatchStore) -> list[Line]:
        """Bring a file of replies to ``path``, whole and durable, and say what is in it."""
        part = path.with_name(path.name + ".part")

        async def attempt() -> list[Line]:
            with part.open("wb") as file:
                async for line in self._content(file_id):
                    file.write(line)
            lines = await asyncio.to_thread(lambda: list(read_lines(part)))
            await asyncio.to_thread(store.keep, part, path)
            return [line._replace(place=line.place._replace(path=path)) for line in lines]

        return await self._patiently(attempt, record)

    async def delete(self, file_ids: Iterable[str | None]) -> None:
        """Delete files at the endpoint. What cannot be deleted stays: the endpoint lets it expire."""
        for file_id in filter(None, file_ids):
            with contextlib.suppress(openai.APIError, ValueError, TimeoutError):
                async with asyncio.timeout(self.model.timeout):
                    await self._client.files.delete(file_id)

    async def close(self) -> None:
        """Close the connections, if any were opened."""
        await self._access.close()

    def stopped(self, failure: Failure) -> EndpointError | RunFailed:
        """What ends the run after ``failure``, in one line."""
        where, variable = f"models.{self.name}: {self.shown}", self._access.variable
        words = self.scrubbed(f"{failure.status or failure.word} {failure.detail}".rstrip())
        if failure.word == "wrong_key":
            source = f"the key in {variable}" if variable else "a request without a key"
            remedy = "export a valid one" if variable else "name the variable that holds one as api_key_env"
            return EndpointError(f"{where} refused {source} for the Batch API ({words}); {remedy}")
        if failure.word == "not_found":
            return EndpointError(
                f"{where} has no Batch API, or no longer what was asked of it ({words}); take mode: live, or correct"
                " base_url and model"
            )
        if failure.word == "no_quota":
            return RunFailed(f"{where} says that the account is empty; add credit and run the same command again")
        if failure.transient:
            return RunFailed(
                f"{where} failed for {self.model.max_wait:g} s ({words}); run the same command again to resume: its"
                " batches go on meanwhile"
            )
        return RunFailed(f"{where} refused a batch ({words}); mend it and run the same command again to resume")

    def stops(self, failure: Failure) -> bool:
        """Whether a request that failed so would fail for every row."""
        return failure.word in _STOPPING

    def scrubbed(self, text: str) -> str:
        """``text`` without the key, where the endpoint repeated it."""
        return self._access.scrubbed(text)

    @property
    def shown(self) -> str:
        """The endpoint for people."""
        return self._access.shown

    @property
    def _client(self) -> openai.AsyncOpenAI:
        return self._access.client

    async def _glance(self) -> None:
        async with asyncio.timeout(CHECK_SECONDS):
            await self._client.get("/batches", cast_to=httpx2.Response, options={"params": {"limit": 1}})

    async def _create(self, record: Record) -> Batch:
        async with asyncio.timeout(self.model.timeout):
            return await self._client.batches.create(
                completion_window=self.model.batch.completion_window,  # type: ignore[arg-type]  # others have others
                endpoint="/v1/chat/completions",
                input_file_id=record.file_id,
                metadata={LABEL: record.intent},
            )

    async def _look_through(self, record: Record) -> Batch | None:
        """All pages: whoever stops early trusts the order of the list, and may pay twice."""
        async for batch in self._client.batches.list(limit=_PAGE):
            # Some endpoints do not give metadata back. A batch that was refused as a whole was not paid and is not it.
            ours = (batch.metadata or {}).get(LABEL) == record.intent or batch.input_file_id == (record.file_id or None)
            if ours and batch.status != "failed":
                return batch
        return None

    async def _content(self, file_id: str) -> AsyncIterator[bytes]:
        """A file of replies, line by line, without the key where the endpoint repeats it."""
        without_key = self._access.secret.blotted_body
        begun = b""
        async with self._client.files.with_streaming_response.content(file_id) as response:
            async for chunk in response.iter_bytes():
                *lines, begun = (begun + chunk).split(b"\n")
                for line in lines:
                    yield without_key(line) + b"\n"
        yield without_key(begun)

    async def _patiently(self, attempt: Callable[[], Awaitable[T]], known: Record | None = None) -> T:
        # A copy, because tenacity keeps the state of a call in the object.
        try:
            result: T = await self._retrying.copy()(self._once, attempt)
        except Failure as failure:
            if known is not None and failure.word == "not_found":
                raise self._lost(known, failure) from None
            raise self.stopped(failure) from None
        return result

    async def _once(self, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            return await attempt()
        except openai.APIError as error:
            raise failure_of(error, self.scrubbed) from None
        except (httpx2.HTTPError, ConnectionError) as error:
            # While a body is streamed the library does not translate.
            raise Failure("disconnected", type(error).__name__) from None
        except TimeoutError:
            raise Failure("timeout") from None
        except ValueError as error:
            raise Failure("unreadable_reply", type(error).__name__) from None

    def _with_id(self, found: T, kind: type[T]) -> T:
        """The library gives whatever a 200 held, even a page of HTML, as the type that was hoped for."""
        if not isinstance(found, kind) or not isinstance(getattr(found, "id", None), str):
            raise Failure("unreadable_reply", self.scrubbed(str(found)))
        return found

    def _lost(self, record: Record, failure: Failure) -> RunFailed:
        return RunFailed(
            f"models.{self.name}: {self.shown} does not know batch {record.batch_id} or its files any more"
            f" ({failure.status}); if they are lost, remove {record.intent}.json from the run's folder of batches to"
            f" pay for its {record.requests:,} requests again"
        )

    def _waited_enough(self, state: RetryCallState) -> bool:
        return state.idle_for >= self.model.max_wait

    def _show(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Failure):
            self._live.last_failure = self.scrubbed(f"{self.name}: batch API: {error.word} {error.detail}".rstrip())
