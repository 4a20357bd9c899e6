"""The app behind a real server: what only a socket can do to it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hub_world import HubWorld
from serving import served

from gridtokenx_hub.api import middleware

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def exchange(port: int, request: bytes, body: AsyncIterator[bytes]) -> bytes:
    """Send as much as the server takes; return all that it answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        async for chunk in body:
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def head(world: HubWorld, length: str) -> bytes:
    return (
        "POST /api/users HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {world.operator}\r\n{length}\r\n\r\n"
    ).encode()


async def test_a_body_of_100_mb(world: HubWorld) -> None:
    """Declared: refused at once, nothing of it is read."""

    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    async with served(world) as port:
        answer = await exchange(port, head(world, "Content-Length: 100000000"), nothing())
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()


async def test_an_undeclared_body_of_100_mb(world: HubWorld) -> None:
    """Chunked: cut off soon after the limit."""
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1600):
            sent += 65_536
            yield b"10000\r\n" + b" " * 65_536 + b"\r\n"

    async with served(world) as port:
        await exchange(port, head(world, "Transfer-Encoding: chunked"), chunks())
    assert sent < 100_000_000


async def test_a_client_that_drips(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that never ends is given up, and others are served meanwhile."""
    monkeypatch.setattr(middleware, "BODY_TIMEOUT_S", 0.2)

    async def drip() -> AsyncIterator[bytes]:
        yield b"{"

    async with served(world) as port:
        slow = asyncio.create_task(exchange(port, head(world, "Content-Length: 1000"), drip()))
        get = b"GET /api/deployment HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"

        async def nothing() -> AsyncIterator[bytes]:
            return
            yield b""

        assert (await exchange(port, get, nothing())).startswith(b"HTTP/1.1 200 ")
        assert not slow.done()
        assert (await slow).startswith(b"HTTP/1.1 408 ")
