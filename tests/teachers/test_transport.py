"""The transport: what it makes of URLs and bodies that no endpoint should send."""

import asyncio

import httpx2
import pytest

from schemas.recipe import Model
from teachers.access import MOST_BYTES, Access
from teachers.failures import Failure
from teachers.transport import AiohttpTransport


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".invalid"])
def test_a_host_that_cannot_be_looked_up_is_no_url(host: str) -> None:
    async def ask() -> None:
        transport = AiohttpTransport(1.0, trust_env=False)
        try:
            await transport.handle_async_request(httpx2.Request("GET", f"http://{host}/"))
        finally:
            await transport.aclose()

    with pytest.raises(httpx2.UnsupportedProtocol):
        asyncio.run(ask())


async def post_to_one_that_sends(head: bytes, part: bytes, most: int) -> tuple[Failure | int, int]:
    """What a request comes to that is answered with ``part`` again and again, and how much was sent by then."""
    sent, gone = 0, asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")
        try:
            while sent < most:
                writer.write(part)
                await writer.drain()
                sent += len(part)
        except ConnectionError:
            pass
        finally:
            writer.close()
            gone.set()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    access = Access("teacher", Model(model="m", base_url=url), url)
    try:
        return len((await access.post(b"{}"))[0]), sent
    except Failure as failure:
        await gone.wait()
        return failure, sent
    finally:
        await access.close()
        server.close()


@pytest.mark.parametrize("head", [b"", b"content-length: 1000000000\r\n"])
def test_a_body_without_end_is_given_up_and_its_connection_closed(head: bytes) -> None:
    found, sent = asyncio.run(post_to_one_that_sends(head, b"x" * 65536, most=10 * MOST_BYTES))
    assert isinstance(found, Failure)
    assert (found.word, found.detail) == ("unreadable_reply", "longer than 16,777,216 bytes")
    assert sent < 2 * MOST_BYTES


def test_a_long_body_is_read_to_its_end() -> None:
    found, _ = asyncio.run(post_to_one_that_sends(b"", b"x" * 65536, most=MOST_BYTES))
    assert found == MOST_BYTES
