"""The server as a proving ground: what it shows while it runs, and what a socket sees of its faults."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from schemas.faults import Faults
from schemas.serving import Serving
from teachers.builtin.echo import Echo
from teachers.builtin.endpoint import Endpoint, Said
from teachers.builtin.model import count_tokens
from teachers.builtin.server import serving

ROOT = Path(__file__).resolve().parents[2]


def speak(messages: Any, **_: Any) -> Said:
    return Said(messages[-1]["content"])


def request(text: str = "hello", **fields: Any) -> bytes:
    return json.dumps({"model": "builtin", "messages": [{"role": "user", "content": text}], **fields}).encode()


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=20) as made:
        yield made


@contextlib.contextmanager
def sent(url: str, body: bytes) -> Iterator[socket.socket]:
    """A plain socket on which a request was sent; hangs up at the end."""
    host, port = url.removesuffix("/v1").removeprefix("http://").split(":")
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        yield connection


def received(connection: socket.socket) -> tuple[bytes, bool]:
    """All that comes, and whether it ends with a reset."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        return b"".join(pieces), True
    return b"".join(pieces), False


@pytest.mark.parametrize(("fault", "is_reset"), [("reset", True), ("disconnect", False)])
def test_a_connection_breaks_in_the_middle_of_the_body(fault: str, is_reset: bool) -> None:
    faults = Faults.model_validate({fault: 1.0})
    with serving(faults, speak) as url, sent(url, request("word " * 1000)) as connection:
        whole, reset = received(connection)
    assert whole.startswith(b"HTTP/1.1 200 OK")
    assert 0 < len(whole.partition(b"\r\n\r\n")[2]) < 5000
    assert reset == is_reset


def test_stats_say_what_was_served_and_can_be_reset(client: httpx2.Client) -> None:
    with serving(Faults(truncated=1.0), speak) as url:
        base = url.removesuffix("/v1")
        for text in ("a b", "a b", "c d"):
            client.post(f"{url}/chat/completions", content=request(text))
        stats = client.get(f"{base}/stats").json()
        empty = client.post(f"{base}/stats/reset").json()
    assert (stats["requests"], stats["unique_prompts"], stats["duplicates"]) == (3, 2, 1)
    assert (stats["faults"], stats["peak_in_flight"]) == ({"truncated": 3}, 1)
    assert (empty["requests"], empty["unique_prompts"]) == (0, 0)


def test_slots_can_be_changed_while_requests_wait_for_them(client: httpx2.Client) -> None:
    with serving(Faults(slots=1, timeout=1.0), speak) as url, contextlib.ExitStack() as connections:
        base = url.removesuffix("/v1")
        for number in range(4):
            connections.enter_context(sent(url, request(str(number))))
        until(client, base, lambda stats: stats["requests"] == 4)
        assert client.get(f"{base}/stats").json()["queued"] == 3
        assert client.post(f"{base}/admin/slots", content=b'{"slots": 3}').json() == {"slots": 3}
        stats = client.get(f"{base}/stats").json()
        assert (stats["in_flight"], stats["queued"]) == (3, 1)


def test_who_hangs_up_gives_the_slot_or_the_place_in_the_queue_back(client: httpx2.Client) -> None:
    with serving(Faults(slots=1, timeout=1.0), speak) as url:
        base = url.removesuffix("/v1")
        with contextlib.ExitStack() as connections:
            for number in range(4):
                connections.enter_context(sent(url, request(str(number))))
            until(client, base, lambda stats: stats["requests"] == 4)
        until(client, base, lambda stats: stats["abandoned"] == 4)
        stats = client.get(f"{base}/stats").json()
    assert (stats["in_flight"], stats["queued"], stats["completions"]) == (0, 0, 0)


def until(client: httpx2.Client, base: str, there: Callable[[dict[str, Any]], bool]) -> None:
    """Ask until the stats are so; the test's own timeout ends it otherwise."""
    while not there(client.get(f"{base}/stats").json()):
        pass


@pytest.mark.parametrize("body", [b"", b"[]", b'{"slots": 0}', b'{"slots": true}', b'{"slots": "2"}', b"{}"])
def test_slots_that_are_no_number_are_refused(client: httpx2.Client, body: bytes) -> None:
    with serving(Faults(slots=5), speak) as url:
        response = client.post(url.removesuffix("/v1") + "/admin/slots", content=body)
    assert response.status_code == 400


def test_metrics_are_there_where_they_are_asked_for(client: httpx2.Client) -> None:
    with serving(reply=speak) as without, serving(reply=speak, serving=Serving(metrics=True)) as having:
        assert client.get(without.removesuffix("/v1") + "/metrics").status_code == 404
        told = client.get(having.removesuffix("/v1") + "/metrics")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'vllm:num_requests_waiting{engine="0",model_name="builtin"} 0.0' in told.text


def test_small_responses_are_not_held_back_by_the_socket() -> None:
    # asyncio leaves this out for a listener whose protocol is not named; each response then took 40 ms longer.
    from teachers.builtin.server import _listen

    with _listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()) as connection:
        accepted, _ = listener.accept()
        with accepted, connection:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("tokens", [1, 20, 120, 1000])
def test_echo_says_as_much_as_it_is_asked_to(tokens: int) -> None:
    endpoint = Endpoint(reply=Echo(tokens))
    one = json.loads(endpoint.chat(request("a")).body)
    other = json.loads(endpoint.chat(request("b")).body)
    text = one["choices"][0]["message"]["content"]
    assert one["usage"]["completion_tokens"] == count_tokens(text) == max(3, tokens)
    assert text != other["choices"][0]["message"]["content"]
    assert json.loads(endpoint.chat(request("a")).body) == one


def test_echo_stops_at_max_tokens() -> None:
    completion = json.loads(Endpoint(reply=Echo(100)).chat(request("a", max_tokens=40)).body)
    assert completion["choices"][0]["finish_reason"] == "length"
    assert completion["usage"]["completion_tokens"] == 40


@pytest.mark.parametrize("stopped_by", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_what_it_served_when_it_is_stopped(client: httpx2.Client, stopped_by: signal.Signals) -> None:
    options = ["--port", "0", "--slots", "7", "--latency", "fixed:0", "--reply", "echo", "--fault", "wrong=0"]
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "teacher", "serve", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        (url,) = re.findall(r"http://\S+/v1", process.stdout.readline())
        client.post(f"{url}/chat/completions", content=request()).raise_for_status()
        process.send_signal(stopped_by)
        told, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert json.loads(told[told.index("{") :])["completions"] == 1
    assert process.returncode == 0
