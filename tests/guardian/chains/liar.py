"""An endpoint that lies to one guardian alone: a proxy that changes a node's answers."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from solders.pubkey import Pubkey

Lie = Callable[[str, list[Any], Any], Any]
"""From a method, its parameters and the true result to what the guardian is told."""


@asynccontextmanager
async def lying(url: str, lie: Lie) -> AsyncIterator[str]:
    """An endpoint before the node at `url`; yields its own URL."""
    async with aiohttp.ClientSession() as http:

        async def answer(request: web.Request) -> web.Response:
            asked = await request.json()
            async with http.post(url, json=asked) as response:
                told = await response.json()
            if "result" in told:
                told["result"] = lie(asked["method"], asked["params"], told["result"])
            return web.json_response(told)

        app = web.Application()
        app.router.add_post("/", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def replaced(old: bytes, new: bytes) -> Lie:
    """Wherever some bytes are in hex or base64, others are told."""

    def lie(method: str, params: list[Any], result: Any) -> Any:
        return _replace(result, old, new)

    return lie


def _replace(value: Any, old: bytes, new: bytes) -> Any:
    match value:
        case str() if value.startswith("0x"):
            return value.replace(old.hex(), new.hex())
        case dict():
            return {name: _replace(inner, old, new) for name, inner in value.items()}
        case [str(data), "base64"]:
            return [base64.b64encode(base64.b64decode(data).replace(old, new)).decode(), "base64"]
        case list():
            return [_replace(inner, old, new) for inner in value]
    return value


def invented_payment(
    bridge: str, reservation: Pubkey, wallet: Pubkey, amount: int, deadline: int, topic: bytes
) -> Lie:
    """A payment that nobody made, in event and storage."""
    words = [number.to_bytes(32, "big").hex() for number in (amount, deadline)]
    payer = bytes(12) + bytes(range(20))

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method == "eth_call" and params[0]["data"].endswith(bytes(reservation).hex()):
            return "0x" + payer.hex() + words[1] + (1).to_bytes(32, "big").hex() + words[0]
        if method == "eth_getLogs":
            topics = [topic, bytes(reservation), payer, bytes(wallet)]
            number = params[0]["toBlock"]
            log = {
                "address": bridge.lower(),
                "topics": ["0x" + word.hex() for word in topics],
                "data": "0x" + "".join(words),
                "blockNumber": number,
                "blockHash": hashes[number],
            }
            return [*result, log]
        if method == "eth_getBlockByNumber":
            hashes[result["number"]] = result["hash"]
        return result

    hashes: dict[str, str] = {}
    return lie
