"""The HTTP side, as an ASGI application."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from gridtokenx_hub.local_chain.chain import LocalChain
from gridtokenx_hub.local_chain.json_rpc import answer
from gridtokenx_hub.local_chain.methods import METHODS

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 50 * 1024  # Agave's own limit: what passes here passes there


class HttpApp:
    """Answers JSON-RPC posted to any path, as Agave does."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        send = _for_pages(scope, send)
        if scope["method"] == "GET" and scope["path"] == "/health":
            await _respond(send, 200, b"ok", b"text/plain")
        elif scope["method"] == "OPTIONS":
            await _respond(send, 200, b"", b"application/json")
        elif scope["method"] != "POST":
            await _respond(send, 405, b"Used HTTP Method is not allowed. POST is required\n")
        elif not _is_json(scope["headers"]):
            await _respond(
                send,
                415,
                b"Supplied content type is not allowed. Use application/json\n",
            )
        else:
            body = await _read_body(receive)
            if body is None:
                await _respond(send, 413, b"request body is larger than 50 KiB\n")
            else:
                answered = await answer(METHODS, self._chain, body)
                await _respond(send, 200, answered, b"application/json")


def _for_pages(scope: Message, send: Send) -> Send:
    """Let pages of any origin read the answers (CORS), as Agave does."""
    asked = dict(scope["headers"])
    if b"origin" not in asked:
        return send
    headers = [
        (b"vary", b"origin"),
        (b"access-control-allow-origin", asked[b"origin"]),
        (b"access-control-allow-methods", b"OPTIONS, POST"),
        (b"access-control-max-age", b"86400"),
    ]
    if b"access-control-request-headers" in asked:
        wanted = asked[b"access-control-request-headers"]
        headers.append((b"access-control-allow-headers", wanted))

    async def allowing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *headers]}
        await send(message)

    return allowing


def _is_json(headers: list[tuple[bytes, bytes]]) -> bool:
    content_type = dict(headers).get(b"content-type", b"")
    return content_type.split(b";")[0].strip().lower() == b"application/json"


async def _read_body(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _respond(send: Send, status: int, body: bytes, kind: bytes = b"text/plain") -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
