"""JSON-RPC 2.0 over HTTP to one node."""

import asyncio
import itertools
import json
from collections.abc import Sequence

import aiohttp

from gridtokenx_hub.chain.errors import ChainUnavailable, RequestRefused
from gridtokenx_hub.json_types import Json

CONNECT_TIMEOUT_S = 3.0
CALL_TIMEOUT_S = 20.0  # with the wait for a free connection
MAX_CONNECTIONS = 64
RETRY_PAUSES_S = (0.1, 0.3, 0.9, 2.0)

NODE_UNHEALTHY = -32005
_TEMPORARY_STATUS = {429, 500, 502, 503, 504}


class _Temporary(Exception):
    """The same request may succeed in a moment."""


class RpcConnection:
    """Calls methods of the node at `url`.

    Calls are repeated after `retry_pauses_s` while the node cannot be reached or says that it
    cannot answer now.
    """

    def __init__(self, url: str, retry_pauses_s: Sequence[float] = RETRY_PAUSES_S) -> None:
        self.url = url
        self._retry_pauses_s = tuple(retry_pauses_s)
        self._ids = itertools.count(1)
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.close()

    async def call(self, method: str, *params: Json, is_repeatable: bool = True) -> Json:
        """Return the result of `method`.

        A call that is not `is_repeatable` is made once.

        Raises:
            ChainUnavailable: no answer, or none that makes sense, after all retries.
            RequestRefused: the node answered with an error.
        """
        pauses = iter(self._retry_pauses_s if is_repeatable else ())
        while True:
            try:
                return await self._call_once(method, params)
            except _Temporary as error:
                pause = next(pauses, None)
                if pause is None:
                    raise ChainUnavailable(
                        f"{self.url} does not answer {method} ({error}): see that the chain runs"
                    ) from error
            await asyncio.sleep(pause)

    async def _call_once(self, method: str, params: tuple[Json, ...]) -> Json:
        request_id = next(self._ids)
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)}
        try:
            async with self._session().post(self.url, json=request) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Temporary(str(error) or type(error).__name__) from error
        if response.status in _TEMPORARY_STATUS:
            raise _Temporary(f"HTTP {response.status}")
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise ChainUnavailable(
                f"{self.url} answers with HTTP {response.status} and no JSON: it is not a"
                " Solana node, or something stands in front of it"
            ) from error
        return _result(answer, request_id)

    def _session(self) -> aiohttp.ClientSession:
        # Made at the first call: aiohttp wants the event loop to run.
        if self._http is None:
            self._http = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
                trust_env=True,
            )
        return self._http


def _result(answer: Json, request_id: int) -> Json:
    if not isinstance(answer, dict) or answer.get("id") != request_id:
        raise ChainUnavailable("the node's answer belongs to no request: it is not a Solana node")
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    if not isinstance(error, dict):
        raise ChainUnavailable("the node's error has an unknown form: it is not a Solana node")
    code, message = error.get("code"), error.get("message")
    if code == NODE_UNHEALTHY:
        raise _Temporary(str(message))
    raise RequestRefused(code if isinstance(code, int) else 0, str(message), error.get("data"))
