"""The transport: what it makes of URLs and bodies that no endpoint should send."""

import asyncio

import httpx2
import pytest

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
