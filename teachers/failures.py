"""What can go wrong with a request, in one type, and what becomes of each.

    word               retried   for good
    refused_request    no        an error completion: that row is rejected         400, 413, 422, other 4xx
    timeout            yes       an error completion                               408, no answer in time
    conflict           yes       an error completion                               409
    rate_limited       yes       an error completion                               429
    server_error       yes       an error completion                               5xx
    disconnected       yes       an error completion                               the connection broke
    unreadable_reply   yes       an error completion                               2xx, but no JSON, or an error in it
    empty_completion   no        an error completion                               2xx, but no text (see reply.py)
    content_filter     no        an error completion                               2xx, but the endpoint held it back
    wrong_key          no        EndpointError: the run stops                      401, 403
    not_found          no        EndpointError: the run stops                      404, 405, 410, 3xx, in a circle too
    no_quota           no        RunFailed: the run stops and can be resumed       402, 429 insufficient_quota
    unreachable        yes       RunFailed: the run stops and can be resumed       connection refused, no such host

Of several endpoints, one of wrong_key, not_found or no_quota is left alone, and the run goes on with the others.
Every exception of the openai library and of HTTP, and every answer that is no completion, becomes a ``Failure`` here.
Nothing of a request, such as its headers, is kept in it, and the key is taken out before the words are cut: half a key
is a secret too.
"""

import email.utils
import json
import math
import random
import time
from collections.abc import Callable, Mapping

import httpx2
import openai
from tenacity import RetryCallState

TRANSIENT = frozenset(
    {"timeout", "conflict", "rate_limited", "server_error", "disconnected", "unreadable_reply", "unreachable"}
)
OVERLOAD = frozenset({"rate_limited", "timeout"})
"""Failures by which an endpoint says that it has too much to do; so is the status 503."""
USELESS = frozenset({"wrong_key", "not_found", "no_quota"})
"""Failures that every other request would meet at that endpoint too: of several, it is left alone for good."""
NOT_THE_ENDPOINT = USELESS | {"refused_request"}
"""Failures of one request, or of the recipe: the endpoint is up and well."""
FIRST_WAIT = 0.5
"""Seconds; the window of the back-off doubles with every attempt…"""
LONGEST_WAIT = 30.0
"""…up to this."""
SHORTEST_RETRY_AFTER, LONGEST_RETRY_AFTER = 0.1, 300.0
"""Seconds an endpoint may ask us to stay away. One that asks for more is asked again after the longest; one that asks
for less (nothing, a date in the past) has named no time: we would come back at once, and be sent away again."""
DETAIL_CHARS = 300
"""How much of an endpoint's own words is kept."""

_BY_STATUS = {401: "wrong_key", 402: "no_quota", 403: "wrong_key", 404: "not_found", 405: "not_found"} | {
    408: "timeout",
    409: "conflict",
    410: "not_found",
    429: "rate_limited",
}
_NO_QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
"""Codes that paid endpoints send with 429 where waiting does not help."""


class Failure(Exception):
    """One attempt that brought no completion."""

    def __init__(self, word: str, detail: str = "", status: int | None = None, retry_after: float | None = None):
        super().__init__(word)
        self.word = word
        self.detail = " ".join(detail.split())[:DETAIL_CHARS]
        """The endpoint's own words, for people."""
        self.status = status
        self.retry_after = retry_after
        """Seconds, where the endpoint named a time that makes sense."""

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.word in TRANSIENT

    @property
    def perhaps_the_request(self) -> bool:
        """Whether another request might fare better: some make a server fall over, or think for ever."""
        return self.word in ("unreadable_reply", "timeout") or (self.word == "server_error" and self.status == 500)


def failure_of(error: openai.APIError, scrubbed: Callable[[str], str]) -> Failure:
    """Translate an exception of the openai library; ``scrubbed`` takes the key out of the endpoint's words."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error.status_code, error.response.headers, error.body, scrubbed)
    if isinstance(error.__cause__, httpx2.HTTPError):
        return failure_on_the_way(error.__cause__)
    return Failure("timeout" if isinstance(error, openai.APITimeoutError) else "disconnected")


def failure_on_the_way(error: httpx2.HTTPError) -> Failure:
    """Translate an exception of the HTTP client."""
    kind = type(error).__name__
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError | httpx2.UnsupportedProtocol):
        return Failure("unreachable", kind)
    return Failure("timeout") if isinstance(error, httpx2.TimeoutException) else Failure("disconnected", kind)


def failure_of_answer(status: int, headers: Mapping[str, str], body: bytes, scrubbed: Callable[[str], str]) -> Failure:
    """Translate an answer that is no completion, with the words of the endpoint."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = body.decode("utf-8", "replace").strip()
    return _of_status(status, headers, said.get("error", said) if isinstance(said, dict) else said, scrubbed)


def is_transient(error: BaseException) -> bool:
    """Whether to ask again."""
    return isinstance(error, Failure) and error.transient


def back_off(state: RetryCallState) -> float:
    """Seconds until the next attempt: what the endpoint asked for, else exponential with full jitter."""
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Failure) and error.retry_after is not None:
        # A little more than asked for, so that those who were sent away together do not come back together.
        return error.retry_after * random.uniform(1.0, 1.1)
    window = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (state.attempt_number - 1))
    return random.uniform(window / 4, window)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from ``retry-after-ms`` or ``Retry-After`` (a number or an HTTP date); None if neither names a time."""
    seconds = _asked_for(headers)
    return None if seconds is None or seconds < SHORTEST_RETRY_AFTER else min(seconds, LONGEST_RETRY_AFTER)


def _asked_for(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _number(headers.get(name))
        if seconds is not None:
            return seconds * unit
    date = email.utils.parsedate_tz(headers.get("retry-after"))
    try:
        return None if date is None else email.utils.mktime_tz(date) - time.time()
    except (ValueError, OverflowError):  # a year that no calendar has
        return None


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _of_status(status: int, headers: Mapping[str, str], said: object, scrubbed: Callable[[str], str]) -> Failure:
    words = scrubbed(_words(said))
    codes = {str(said.get("code")), str(said.get("type"))} if isinstance(said, dict) else set()
    if status == 429 and codes & _NO_QUOTA:
        return Failure("no_quota", words, status)
    word = _BY_STATUS.get(status) or ("server_error" if status >= 500 else None)
    word = word or ("not_found" if status < 400 else "refused_request")
    return Failure(word, words, status, retry_after(headers))


def _words(body: object) -> str:
    if isinstance(body, dict):
        return str(body.get("message") or body.get("detail") or body)
    return str(body or "")
