"""The way to one model: its HTTP client, its slots, its retries.

A slot is held for one attempt only, never while waiting for the next, so a request in trouble holds up nobody. The
openai library's own retries are off: tenacity has one policy for all of them (see ``failures.py``).
"""

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from schemas.errors import EndpointError, RecipeError, RunFailed
from schemas.exchange import Completion
from schemas.recipe import Model
from teachers.failures import TRANSIENT, Failure, back_off, failure_of, is_transient
from teachers.live import Live
from teachers.payload import encode
from teachers.reply import no_reply, read_reply

Sleep = Callable[[float], Awaitable[None]]

OFFLINE_URL = "http://builtin/v1"
"""Where the in-process teacher seems to live; nothing listens there."""
OPENAI_KEY = "OPENAI_API_KEY"
"""The openai library's own variable; read only where the recipe names neither a key nor an endpoint."""
NO_KEY = "none"
"""Sent where the recipe names no key: local servers want none, the library wants some."""
CONNECT_SECONDS = 10.0
HOPELESS = 10
"""Requests that fail for good in a row, each after all its attempts, until the run is stopped."""
CHECK_SECONDS = 15.0
_RESERVED = ("messages", "stream", "n")
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request came to."""

    completion: Completion
    retries: int = 0
    detail: str = ""
    """The endpoint's own words, where it refused."""


class Channel:
    """One model of the recipe, ready to be asked. Used on the event loop only, after ``check_key``."""

    def __init__(
        self, name: str, model: Model, live: Live, transport: httpx2.AsyncBaseTransport | None, sleep: Sleep
    ) -> None:
        taken = [field for field in _RESERVED if field in model.extra_body]
        if taken:
            raise RecipeError(f"models.{name}.extra_body.{taken[0]}: {taken[0]!r} is set by the program; remove it")
        self.name = name
        self.model = model
        self._live = live
        self._answered = 0
        self._failures_in_a_row = 0
        self._transport = transport
        self._slots = asyncio.Semaphore(model.concurrency)
        self._retrying = AsyncRetrying(
            stop=stop_after_attempt(model.max_attempts),
            wait=back_off,
            retry=retry_if_exception(is_transient),
            before_sleep=self._count_retry,
            sleep=sleep,
            reraise=True,
        )

    def __repr__(self) -> str:
        return f"Channel({self.name!r}, {self.model.model!r})"

    async def ask(self, payload: dict[str, Any]) -> Answer:
        """Ask until there is an answer or no hope.

        Raises:
            EndpointError: the key is refused, or the endpoint does not know the path or the model.
            RunFailed: the endpoint is gone, fails every request, or its account is empty.
        """
        # A copy, because tenacity keeps the state of a call in the object.
        retrying = self._retrying.copy()
        self._live.waiting += 1
        detail = ""
        try:
            completion: Completion = await retrying(self._attempt, payload)
        except Failure as failure:
            completion, detail = self._give_up(failure, payload), self._scrubbed(failure.detail)
        finally:
            self._live.waiting -= 1
        self._count(completion, detail)
        self._stop_if_hopeless(completion, detail)
        return Answer(completion, retrying.statistics["attempt_number"] - 1, detail)

    async def check(self) -> None:
        """Make sure that the endpoint answers and does not refuse the key. Any answer but 401 and 403 will do.

        Raises:
            EndpointError: it does not answer, or refuses the key.
        """
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._client.get("/models", cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            failure = failure_of(error)
            # A restricted key may ask models and not list them.
            if failure.word == "wrong_key" and "scope" not in failure.detail:
                raise self._stopped(failure) from None
        except (openai.APIConnectionError, TimeoutError) as error:
            kind = type(error.__cause__ or error).__name__
            raise EndpointError(
                f"models.{self.name}: {self._shown} does not answer ({kind}); start it, or correct base_url"
            ) from None

    def check_key(self) -> None:
        """Make sure that the environment holds the key that the recipe names.

        Raises:
            EndpointError: it does not, or the URL is none.
        """
        _ = self._key
        _ = self._client

    async def close(self) -> None:
        """Close the connections, if any were opened."""
        if "_client" in self.__dict__:
            await self._client.close()

    @cached_property
    def _client(self) -> openai.AsyncOpenAI:
        # At its usual level the library logs the URL of every request.
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        timeout = httpx2.Timeout(self.model.timeout, connect=min(CONNECT_SECONDS, self.model.timeout))
        limits = httpx2.Limits(
            max_connections=self.model.concurrency + 1, max_keepalive_connections=self.model.concurrency
        )
        url = OFFLINE_URL if self.model.offline else self.model.endpoints[0]
        http = httpx2.AsyncClient(
            transport=self._transport,
            timeout=timeout,
            limits=limits,
            follow_redirects=True,
            # A company's proxy cannot reach this machine's own servers.
            trust_env=not (self.model.offline or _is_loopback(url)),
        )
        try:
            client = openai.AsyncOpenAI(
                api_key=self._key, base_url=url, timeout=timeout, max_retries=0, http_client=http
            )
        except (httpx2.InvalidURL, ValueError):
            raise EndpointError(f"models.{self.name}.base_url is no URL that can be asked; correct it") from None
        if url is not None:
            # The library takes these from the environment; they belong to OpenAI and to nobody else.
            client.organization = client.project = client.admin_api_key = None
        return client

    @cached_property
    def _key(self) -> str:
        if self._variable is None:
            return NO_KEY
        key = os.environ.get(self._variable, "").strip()
        if not key:
            raise EndpointError(
                f"models.{self.name}: the environment variable {self._variable} is not set; export it with the key"
                f" for {self._shown}"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise EndpointError(
                f"models.{self.name}: the value of {self._variable} has characters that no key has; export it anew"
            )
        return key

    @property
    def _variable(self) -> str | None:
        if self.model.offline:
            return None
        return self.model.api_key_env or (OPENAI_KEY if self.model.endpoints[0] is None else None)

    @property
    def _shown(self) -> str:
        """The endpoint for people, without a password that the URL may hold."""
        if self.model.endpoints[0] is None:
            return "the offline teacher" if self.model.offline else "OpenAI"
        parts = urlsplit(self.model.endpoints[0])
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    async def _attempt(self, payload: dict[str, Any]) -> Completion:
        async with self._slots:
            with self._in_flight():
                raw = await self._post(encode(payload))
        return read_reply(raw, payload, self.model)

    async def _post(self, body: bytes) -> bytes:
        try:
            # The client's own timeout is per read; a server that dribbles would hold the slot for ever.
            async with asyncio.timeout(self.model.timeout):
                response = await self._client.post("/chat/completions", cast_to=httpx2.Response, content=body)
                return response.content
        except TimeoutError:
            raise Failure("timeout") from None
        except openai.APIError as error:
            raise failure_of(error) from None

    @contextmanager
    def _in_flight(self) -> Iterator[None]:
        self._live.waiting -= 1
        self._live.in_flight += 1
        try:
            yield
        finally:
            self._live.in_flight -= 1
            self._live.waiting += 1

    def _give_up(self, failure: Failure, payload: dict[str, Any]) -> Completion:
        if failure.word in ("wrong_key", "not_found", "no_quota", "unreachable"):
            raise self._stopped(failure) from None
        return no_reply(failure, payload, self.model)

    def _stop_if_hopeless(self, completion: Completion, detail: str) -> None:
        """Turning every row into a reject would waste the run; it is better stopped, mended and resumed.

        A refusal may be the row's own fault, so it counts only while the endpoint has never answered.
        """
        if completion.error is None:
            self._answered += 1
            self._failures_in_a_row = 0
        elif completion.error in TRANSIENT or not self._answered:
            self._failures_in_a_row += 1
        if self._failures_in_a_row >= HOPELESS:
            raise RunFailed(
                f"models.{self.name}: {self._shown} failed {self._failures_in_a_row} requests in a row"
                f" ({f'{completion.error} {detail}'.strip()}); mend it and run the same command again to resume"
            )

    def _stopped(self, failure: Failure) -> EndpointError | RunFailed:
        where = f"models.{self.name}: {self._shown}"
        if failure.word == "unreachable":
            return RunFailed(
                f"{where} went away ({failure.detail}, {self.model.max_attempts} attempts);"
                " start it and run the same command again to resume"
            )
        if failure.word == "no_quota":
            return RunFailed(f"{where} says that the account is empty; add credit and run the same command again")
        if failure.word == "wrong_key":
            source = f"the key in {self._variable}" if self._variable else "a request without a key"
            remedy = "export a valid one" if self._variable else "name the variable that holds one as api_key_env"
            return EndpointError(f"{where} refused {source} for {self.model.model!r} ({failure.status}); {remedy}")
        return EndpointError(
            f"{where} does not know the model {self.model.model!r} or the path ({failure.status});"
            " correct model, or base_url (most end in /v1)"
        )

    def _scrubbed(self, text: str) -> str:
        return text if self._key == NO_KEY else text.replace(self._key, "***")

    def _count_retry(self, state: RetryCallState) -> None:
        self._live.retries += 1
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Failure):
            self._live.last_failure = self._scrubbed(f"{self.name}: {error.word} {error.detail}".rstrip())

    def _count(self, completion: Completion, detail: str) -> None:
        live = self._live
        live.requests += 1
        live.prompt_tokens += completion.prompt_tokens
        live.completion_tokens += completion.completion_tokens
        live.cost += completion.cost
        if completion.error is not None:
            live.failed += 1
            live.last_failure = f"{self.name}: {completion.error} {detail}".rstrip()


def _is_loopback(url: str | None) -> bool:
    return url is not None and _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None
