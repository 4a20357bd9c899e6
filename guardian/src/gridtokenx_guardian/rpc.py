"""JSON-RPC 2.0 over HTTP to one node, of which nothing is believed unseen."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from gridtokenx_guardian.errors import EndpointNonsense, EndpointRefused, EndpointUnreachable

CONNECT_TIMEOUT_S = 3.0
CALL_TIMEOUT_S = 20.0
MAX_ANSWER_BYTES = 16 * 2**20


class Rpc:
    """Calls methods of the node at `url`; `name` is what errors call it."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self._url = url
        self._ids = itertools.count(1)
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            await self._http.close()

    async def call(self, method: str, *params: Any) -> Any:
        """Return the result of `method`.

        Raises:
            EndpointUnreachable: no answer in time, or one that only says that there is none.
            EndpointNonsense: what came is not an answer to this question.
            EndpointRefused: the node answered with an error.
        """
        number = next(self._ids)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        body = await self._post(method, request)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise EndpointNonsense(self.name, f"{method}: not JSON") from error
        match answer:
            case {"id": answered, "error": dict(fault)} if answered == number:
                raise EndpointRefused(self.name, f"{method}: {str(fault)[:200]}")
            case {"id": answered, "result": result} if answered == number:
                return result
        raise EndpointNonsense(self.name, f"{method}: not an answer to this request")

    @contextmanager
    def expecting(self, what: str) -> Iterator[None]:
        """Taking an answer apart: what does not fit is nonsense, and nothing worse.

        Raises:
            EndpointNonsense: the answer has not the form of `what`.
        """
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise EndpointNonsense(self.name, f"{what}: {type(error).__name__}: {error}") from error

    async def _post(self, method: str, request: dict[str, Any]) -> bytes:
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
            self._http = aiohttp.ClientSession(timeout=timeout)
        try:
            async with self._http.post(self._url, json=request, allow_redirects=False) as response:
                if response.status != 200:
                    raise EndpointUnreachable(self.name, f"{method}: HTTP {response.status}")
                body = bytearray()
                async for piece in response.content.iter_chunked(65_536):
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES:
                        raise EndpointNonsense(self.name, f"{method}: too long an answer")
                return bytes(body)
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = str(error) or type(error).__name__
            raise EndpointUnreachable(self.name, f"{method}: {problem}") from error
