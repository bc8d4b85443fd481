"""Whether schemas are used where one model has several endpoints: only if all of them keep to one."""

import json
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from schemas.exchange import Message, Prompt, Shape
from schemas.recipe import Model
from teachers.client import Teachers
from teachers.support import ATTEMPTS
from tests.teachers.clock import JumpingClock

URLS = [f"http://replica{number}.invalid/v1" for number in range(3)]
LAST = "replica2.invalid"
PROMPT = Prompt((Message("user", "Equal?"),), shape=Shape("equal", {"type": "object", "properties": {}}, "as JSON"))


class Cluster(httpx2.AsyncBaseTransport):
    """Every host keeps to a schema, but ``LAST``, which answers the probe with ``statuses``, one after the other.

    0 is a connection refused, 200 text, 299 JSON that obeys; the last of them holds for ever.
    """

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.probes: Counter[str] = Counter()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        if "response_format" not in body:
            return answer(request, 200, "text")
        host = request.url.host
        self.probes[host] += 1
        mark = body["response_format"]["json_schema"]["schema"]["properties"]["mark"]["enum"][0]
        status = 299
        if host == LAST:
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if not status:
            raise httpx2.ConnectError("refused", request=request)
        return answer(request, min(status, 200) if status < 300 else status, {"mark": mark} if status == 299 else "Hi!")


def answer(request: httpx2.Request, status: int, said: object) -> httpx2.Response:
    content = said if isinstance(said, str) else json.dumps(said)
    body = {"choices": [{"message": {"content": content}}]} if status == 200 else {"error": {"message": "no"}}
    return httpx2.Response(status, content=json.dumps(body).encode(), request=request)


def uses_schemas(cluster: Cluster, folder: Path | None = None, urls: list[str] | None = None) -> bool:
    entry = Model(model="m", base_url=urls or URLS)
    transports = {"teacher": cluster}
    with Teachers({"teacher": entry}, folder=folder, transports=transports, clock=JumpingClock()) as made:
        request = made.run(made.request(PROMPT, 0))
    return "response_format" in request.payload


def test_schemas_are_used_where_every_endpoint_keeps_to_them() -> None:
    cluster = Cluster(299)
    assert uses_schemas(cluster)
    assert cluster.probes == Counter({f"replica{number}.invalid": 1 for number in range(3)})


@pytest.mark.parametrize("status", [200, 400, 401, 402, 404, 500])
def test_one_endpoint_that_does_not_keep_to_them_is_enough_to_do_without(status: int) -> None:
    assert not uses_schemas(Cluster(status))


@pytest.mark.parametrize("urls", [URLS, URLS[::-1]])
def test_which_of_them_is_asked_first_makes_no_difference(urls: list[str]) -> None:
    assert not uses_schemas(Cluster(200), urls=urls)
    assert uses_schemas(Cluster(299), urls=urls)


@pytest.mark.parametrize("trouble", [[503], [0, 0], [429, 500]])
def test_trouble_that_passes_is_asked_again(trouble: list[int]) -> None:
    assert uses_schemas(Cluster(*trouble, 299))


@pytest.mark.parametrize("status", [0, 503, 429])
def test_an_endpoint_that_stays_away_is_not_waited_for(status: int) -> None:
    cluster = Cluster(status)
    assert not uses_schemas(cluster)
    assert cluster.probes[LAST] == ATTEMPTS


def test_what_was_found_holds_for_the_run_when_it_is_resumed(tmp_path: Path) -> None:
    assert not uses_schemas(Cluster(0), tmp_path)
    mended = Cluster(299)
    assert not uses_schemas(mended, tmp_path)
    assert not mended.probes
