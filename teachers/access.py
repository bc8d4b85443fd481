"""How one endpoint is reached: its URL, its key, its HTTP client. Shared by live requests and by batches.

Keys appear in no message and no ``repr``, and are read from the environment, never from a recipe. What an endpoint
says leaves here without the key (``secret.py``).
"""

import asyncio
import logging
import os
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from schemas.errors import EndpointError
from schemas.recipe import Model
from teachers.failures import Failure, failure_of, failure_of_answer, failure_on_the_way
from teachers.secret import Secret
from teachers.transport import AiohttpTransport

OFFLINE_URL = "http://builtin/v1"
"""Where the in-process teacher seems to live; nothing listens there."""
OPENAI_KEY = "OPENAI_API_KEY"
"""The openai library's own variable; read only where the recipe names neither a key nor an endpoint."""
NO_KEY = "none"
"""Sent where the recipe names no key: local servers want none, the library wants some."""
CONNECT_SECONDS = 10.0
CHECK_SECONDS = 15.0
MOST_BYTES = 16 * 2**20
"""What a completion may have; the longest contexts come to a few of them. More would only fill the memory."""
MOST_REDIRECTS = 5
_LOOPBACK = re.compile(r"localhost|127(\.\d+){3}|::1")


class Access:
    """The way to the endpoint ``url`` of the model that the recipe calls ``name``; ``None`` is OpenAI itself."""

    def __init__(
        self,
        name: str,
        model: Model,
        url: str | None,
        transport: httpx2.AsyncBaseTransport | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self.name = name
        self.model = model
        self.url = url
        self._transport = transport
        self._given = http

    def __repr__(self) -> str:
        return f"Access({self.name!r}, {self.shown!r})"

    async def post(self, body: bytes) -> tuple[bytes, Mapping[str, str]]:
        """Ask for a chat completion; gives body and headers of the answer, the body without the key.

        Raises:
            Failure: there is none.
        """
        # All that is the same for each request is prepared once. Through the openai client's own method a request
        # takes twice the CPU, most of it for copies of its options.
        url, headers, extensions = self._chat
        request = httpx2.Request("POST", url, headers=headers, content=body, extensions=extensions)
        try:
            # The client's own timeout is per read; a server that dribbles would hold the place for ever.
            async with asyncio.timeout(self.model.timeout):
                answer = await self._send(request)
        except TimeoutError:
            raise Failure("timeout") from None
        except httpx2.DecodingError as error:
            raise Failure("unreadable_reply", str(error)) from None
        except httpx2.HTTPError as error:
            raise failure_on_the_way(error) from None
        if not answer.is_success:
            raise failure_of_answer(answer.status_code, answer.headers, answer.content, self.scrubbed)
        return self.secret.blotted_body(answer.content), answer.headers

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, after some redirects; of those that lead in a circle the last is the answer."""
        answer = await self._http.send(request, follow_redirects=False)
        for _ in range(MOST_REDIRECTS):
            if answer.next_request is None:
                break
            answer = await self._http.send(answer.next_request, follow_redirects=False)
        return answer

    async def check(self) -> Failure | None:
        """Whether the endpoint answers ``GET /models``: any answer will do. Gives what is wrong, if anything is."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self.client.get("/models", cast_to=httpx2.Response)
        except openai.APIStatusError as error:
            failure = failure_of(error, self.scrubbed)
            # A restricted key may ask models and not list them.
            return failure if failure.word == "wrong_key" and "scope" not in failure.detail else None
        except (openai.APIConnectionError, TimeoutError) as error:
            return Failure("unreachable", type(error.__cause__ or error).__name__)
        return None

    async def read(self, url: str, seconds: float) -> str | None:
        """The text at ``url`` of the same host, asked without a key; None where there is none."""
        try:
            async with asyncio.timeout(seconds):
                answer = await self._http.get(url)
        except (httpx2.HTTPError, TimeoutError):
            return None
        return answer.text if answer.status_code == httpx2.codes.OK else None

    async def close(self) -> None:
        """Close the connections, if any were opened."""
        if "client" in self.__dict__:
            await self.client.close()

    def check_key(self) -> None:
        """Make sure that the environment holds the key that the recipe names.

        Raises:
            EndpointError: it does not, or the URL is none.
        """
        _ = self._key
        _ = self.client

    @cached_property
    def client(self) -> openai.AsyncOpenAI:
        """The openai client; its own retries are off.

        Raises:
            EndpointError: the key is missing, or the URL is none.
        """
        # They log URLs, and at their lower levels headers of answers, in which some endpoints repeat the key.
        for library in ("openai", "httpx2", "httpcore2", "aiohttp"):
            logging.getLogger(library).setLevel(logging.WARNING)
        url = OFFLINE_URL if self.model.offline else self.url
        try:
            client = openai.AsyncOpenAI(
                api_key=self._key, base_url=url, timeout=self._timeout, max_retries=0, http_client=self._http
            )
        except (httpx2.InvalidURL, ValueError):
            raise EndpointError(f"models.{self.name}.base_url is no URL that can be asked; correct it") from None
        if url is not None:
            # The library takes these from the environment; they belong to OpenAI and to nobody else.
            client.organization = client.project = client.admin_api_key = None
        return client

    @cached_property
    def _chat(self) -> tuple[httpx2.URL, list[tuple[str, str]], dict[str, Any]]:
        """URL, headers and time-outs of every request for a completion, as the openai client makes them."""
        client = self.client
        url = httpx2.URL(f"{str(client.base_url).rstrip('/')}/chat/completions")
        headers = {**client.default_headers, **client.auth_headers, "accept-encoding": "gzip, deflate"}
        plain = [(name, value) for name, value in headers.items() if isinstance(value, str)]
        return url, plain, {"timeout": self._timeout.as_dict(), "most_bytes": MOST_BYTES}

    @cached_property
    def _http(self) -> httpx2.AsyncClient:
        if self._given is not None:
            return self._given
        # A company's proxy cannot reach this machine's own servers.
        trust_env = not (self.model.offline or is_loopback(self.url))
        transport = self._transport or AiohttpTransport(min(CONNECT_SECONDS, self.model.timeout), trust_env)
        # Never from the environment: a proxy is the transport's business.
        return httpx2.AsyncClient(transport=transport, timeout=self._timeout, follow_redirects=True, trust_env=False)

    @property
    def _timeout(self) -> httpx2.Timeout:
        return httpx2.Timeout(self.model.timeout, connect=min(CONNECT_SECONDS, self.model.timeout))

    @cached_property
    def _key(self) -> str:
        variable = self.variable
        if variable is None:
            return NO_KEY
        key = os.environ.get(variable, "").strip()
        if not key:
            raise EndpointError(
                f"models.{self.name}: the environment variable {variable} is not set; export it with the key"
                f" for {self.shown}"
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise EndpointError(
                f"models.{self.name}: the value of {variable} has characters that no key has; export it anew"
            )
        return key

    @cached_property
    def secret(self) -> Secret:
        """The key, to be blotted out; ``NO_KEY`` is none."""
        return Secret(None if self._key == NO_KEY else self._key)

    @property
    def variable(self) -> str | None:
        """The environment variable that holds the key, if one is needed."""
        if self.model.offline:
            return None
        return self.model.api_key_env or (OPENAI_KEY if self.url is None else None)

    @property
    def shown(self) -> str:
        """The endpoint for people, without a password that the URL may hold."""
        if self.url is None:
            return "the offline teacher" if self.model.offline else "OpenAI"
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def scrubbed(self, text: str) -> str:
        """``text`` without the key, which some endpoints repeat in their own words."""
        return self.secret.blotted(text)


def is_loopback(url: str | None) -> bool:
    """Whether a URL is this machine's own."""
    return url is not None and _LOOPBACK.fullmatch(urlsplit(url).hostname or "") is not None
