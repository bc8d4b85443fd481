"""Answers that are neither 200 nor an error: other good statuses, and redirects."""

import json

import httpx2
import pytest

from schemas.errors import EndpointError
from schemas.exchange import Completion, Message, Prompt
from schemas.recipe import Model
from teachers.access import MOST_REDIRECTS
from teachers.client import Teachers
from tests.teachers.clock import JumpingClock

BODY = {"choices": [{"message": {"content": "4"}, "finish_reason": "stop"}]}


class Moved(httpx2.AsyncBaseTransport):
    """Redirects with ``status`` so many ``times``, then answers with ``good``."""

    def __init__(self, times: int, status: int = 307, good: int = 200) -> None:
        self.times, self.status, self.good = times, status, good
        self.asked: list[tuple[str, str, bytes]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append((request.method, request.url.path, await request.aread()))
        number = len(self.asked)
        if number <= self.times:
            return httpx2.Response(self.status, headers={"location": f"/v2/{number}"}, request=request)
        return httpx2.Response(self.good, content=json.dumps(BODY).encode(), request=request)


def complete(transport: Moved) -> Completion:
    entry = Model(model="m", base_url="http://endpoint.invalid/v1")
    with Teachers({"teacher": entry}, transports={"teacher": transport}, clock=JumpingClock()) as made:
        return made.run(made.complete(Prompt((Message("user", "What is 2 + 2?"),)), 7))


@pytest.mark.parametrize("status", [200, 201, 203])
def test_every_good_status_brings_a_completion(status: int) -> None:
    assert complete(Moved(0, good=status)).text == "4"


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_is_followed_with_the_same_request(status: int) -> None:
    transport = Moved(2, status)
    assert complete(transport).text == "4"
    methods, paths, bodies = zip(*transport.asked, strict=True)
    assert (set(methods), len(set(bodies))) == ({"POST"}, 1)
    assert paths == ("/v1/chat/completions", "/v2/1", "/v2/2")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_without_end_stop_the_run_after_a_few(status: int) -> None:
    transport = Moved(10**6, status)
    with pytest.raises(EndpointError, match=rf"does not know the model 'm' or the path \({status}\)"):
        complete(transport)
    assert len(transport.asked) == 1 + MOST_REDIRECTS
