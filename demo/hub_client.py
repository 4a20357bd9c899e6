"""The demo's two views of the world: the hub's HTTP API, and the chain without the hub."""

import json
from decimal import Decimal
from typing import Any

import httpx

TIMEOUT_S = 30


class CallRefused(RuntimeError):
    """A call was refused; the message carries the answer."""


class HubApi:
    """The hub's HTTP API with a bearer token."""

    def __init__(self, base_url: str, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=TIMEOUT_S)

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the JSON object at `path`."""
        return self._body(await self._client.get(path, params=query))

    async def post(self, path: str, body: dict[str, Any], idempotency_key: str) -> dict[str, Any]:
        """Send `body` and return the answer; the same key twice has the effect of once."""
        content = _json(body)
        headers = {"Idempotency-Key": idempotency_key, "Content-Type": "application/json"}
        return self._body(await self._client.post(path, content=content, headers=headers))

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    @staticmethod
    def _body(response: httpx.Response) -> dict[str, Any]:
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise CallRefused(
                f"{response.request.method} {response.request.url.path}: "
                f"{response.status_code} {response.text}"
            )
        body: dict[str, Any] = response.json()
        return body


def _json(body: dict[str, Any]) -> str:
    """Write JSON with decimals as they are: no binary fraction touches an amount."""
    return (
        "{"
        + ", ".join(
            f"{_text(key)}: {value if isinstance(value, Decimal) else _text(value)}"
            for key, value in body.items()
        )
        + "}"
    )


def _text(value: Any) -> str:
    return json.dumps(value)


class JsonRpc:
    """A chain's JSON-RPC endpoint, asked directly: what it says does not come through the hub."""

    def __init__(self, rpc_url: str) -> None:
        self._client = httpx.AsyncClient(base_url=rpc_url, timeout=TIMEOUT_S)

    async def call(self, method: str, *parameters: Any) -> Any:
        """Return the result of one call."""
        response = await self._client.post(
            "", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": list(parameters)}
        )
        answer = response.json()
        if "error" in answer:
            raise CallRefused(f"{method}: {answer['error']}")
        return answer["result"]

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


class Chain(JsonRpc):
    """The Solana chain."""

    async def token_balance(self, token_account: str) -> int:
        """Return a token account's balance in base units."""
        result = await self.call("getTokenAccountBalance", token_account)
        return int(result["value"]["amount"])

    async def token_supply(self, mint: str) -> int:
        """Return a mint's supply in base units."""
        result = await self.call("getTokenSupply", mint)
        return int(result["value"]["amount"])

    async def transaction(self, signature: str) -> dict[str, Any]:
        """Return a confirmed transaction with its raw message in base64."""
        options = {
            "encoding": "base64",
            "commitment": "confirmed",
            "maxSupportedTransactionVersion": 0,
        }
        result = await self.call("getTransaction", signature, options)
        if result is None:
            raise CallRefused(f"the chain does not know transaction {signature}")
        found: dict[str, Any] = result
        return found
