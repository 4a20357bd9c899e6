"""Nodes that misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Answer = Callable[[int, int], bytes]
"""From the number of the request (from 0) and its JSON-RPC id to the bytes that go back.

The id of a batch is that of the first request in it; the others count on from there.
"""


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[tuple[str, list[str]]]:
    """A node that answers as it is told; yields its URL and the methods that it was asked for."""
    methods: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                request = json.loads(await reader.readexactly(length))
                first = request[0] if isinstance(request, list) else request
                methods.append("batch" if isinstance(request, list) else request["method"])
                back = answer(len(methods) - 1, first["id"])
                if not back:
                    break
                writer.write(back)
        except asyncio.IncompleteReadError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", methods
    finally:
        server.close()
        await server.wait_closed()


def http(body: bytes, status: str = "200 OK") -> bytes:
    """An HTTP answer."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def result(request_id: int, value: object) -> bytes:
    """A JSON-RPC result."""
    return http(json.dumps({"jsonrpc": "2.0", "id": request_id, "result": value}).encode())


def error(request_id: int, code: int, message: str) -> bytes:
    """A JSON-RPC error."""
    fault = {"code": code, "message": message}
    return http(json.dumps({"jsonrpc": "2.0", "id": request_id, "error": fault}).encode())
