"""The app behind a real server: what only a socket can do to it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from hub_world import HubWorld
from serving import served

from gridtokenx_hub.api.http import connections, middleware

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


async def silence() -> AsyncIterator[bytes]:
    return
    yield b""


GET = b"GET /api/deployment HTTP/1.1\r\nHost: hub\r\n"


@pytest.mark.parametrize("said", [b"", b"G", GET], ids=["nothing", "a letter", "half a head"])
async def test_a_head_that_does_not_come(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.2)
    async with served(world) as port, asyncio.timeout(10):
        assert (await exchange(port, said, silence())).startswith(b"HTTP/1.1 408 ")


async def test_a_later_head_that_does_not_come(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a connection that has been answered before; one that is silent is let go by uvicorn."""
    monkeypatch.setattr(connections, "HEAD_TIMEOUT_S", 0.2)
    async with served(world) as port, asyncio.timeout(10):
        answer = await exchange(port, GET + b"\r\n" + GET, silence())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answer


async def test_a_head_without_end(world: HubWorld) -> None:
    sent = 0

    async def fields() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 4096
            yield b"X: " + b"x" * 4091 + b"\r\n"

    async with served(world) as port:
        await exchange(port, GET, fields())
    assert sent < 20_000_000


async def test_a_client_that_does_not_read(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is cut off before it has been given all that it asked for."""
    monkeypatch.setattr(connections, "READ_TIMEOUT_S", 0.2)
    cut = asyncio.Event()
    lost = connections.ImpatientProtocol.connection_lost

    def noted(self: connections.ImpatientProtocol, exc: Exception | None) -> None:
        lost(self, exc)
        cut.set()

    monkeypatch.setattr(connections.ImpatientProtocol, "connection_lost", noted)
    get = b"GET /api/openapi.json HTTP/1.1\r\nHost: hub\r\n\r\n"
    async with served(world) as port, asyncio.timeout(30):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
        writer.write(get * 500)
        await cut.wait()
        writer.close()


async def test_a_client_that_reads_slowly(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets all of it, however long that takes as a whole."""
    monkeypatch.setattr(connections, "READ_TIMEOUT_S", 5.0)
    get = b"GET /api/openapi.json HTTP/1.1\r\nHost: hub\r\n\r\n"
    last = b"GET /api/deployment HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
    async with served(world) as port, asyncio.timeout(60):
        answer = await exchange(port, get * 50 + last, silence())
    assert answer.count(b"HTTP/1.1 200 ") == 51
