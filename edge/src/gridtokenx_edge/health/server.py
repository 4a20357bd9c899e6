"""A port on this machine that answers ``GET /metrics``.

Written by hand: it answers one page with one method, and an HTTP framework would take more
memory than the rest of the agent may.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from gridtokenx_edge.errors import ConfigError, SpoolError

_PATIENCE_S: Final = 5.0
_MAX_REQUEST: Final = 4096
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def serve_figures(port: int, page: Callable[[], Awaitable[str]]) -> AsyncIterator[int]:
    """Answer on 127.0.0.1 while the context lasts; yields the port (useful when it is 0).

    Raises:
        ConfigError: The port is taken.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PATIENCE_S):
                writer.write(await _response(reader, page))
                await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(answer, "127.0.0.1", port, limit=_MAX_REQUEST)
    except OSError as error:
        raise ConfigError(f"health.port {port}: {error.strerror}; choose another port") from error
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _response(reader: asyncio.StreamReader, page: Callable[[], Awaitable[str]]) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        return _message("431 Request Header Fields Too Large", "")
    method, _, rest = head.partition(b" ")
    target = rest.split(b" ", 1)[0]
    if target != b"/metrics":
        return _message("404 Not Found", "GET /metrics\n")
    if method != b"GET":
        return _message("405 Method Not Allowed", "GET /metrics\n")
    try:
        return _message("200 OK", await page())
    except SpoolError as error:
        return _message("503 Service Unavailable", f"{error}\n")


def _message(status: str, text: str) -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {_TEXT}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
