"""JSON-RPC 2.0 over HTTP to one node."""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TypedDict, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from gridtokenx_hub.chain.errors import ChainUnavailable, RequestRefused
from gridtokenx_hub.json_types import Json

CONNECT_TIMEOUT_S = 3.0
CALL_TIMEOUT_S = 20.0  # with the wait for a free connection
MAX_CONNECTIONS = 64
RETRY_PAUSES_S = (0.1, 0.3, 0.9, 2.0)

NODE_UNHEALTHY = -32005
CALLS_IN_TURN = 8
"""Calls at a time to a node that takes no batches."""
_TEMPORARY_STATUS = {429, 500, 502, 503, 504}

T = TypeVar("T")


class _Request(TypedDict):
    jsonrpc: str
    id: int
    method: str
    params: list[Json]


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
        self._takes_batches = True
        self._turn = asyncio.Semaphore(CALLS_IN_TURN)

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
        request = self._request(method, params)

        async def once() -> Json:
            status, body = await self._post(request)
            return _result(self._parsed(status, body), request["id"])

        return await self._retried(method, once, self._retry_pauses_s if is_repeatable else ())

    async def call_all(self, method: str, calls: Sequence[tuple[Json, ...]]) -> list[Json]:
        """Return the results of `method` for all these parameters, asked for in one request.

        A node that takes no batches is asked for them one by one.

        Raises:
            ChainUnavailable: as for `call`.
            RequestRefused: the node answered one of them with an error.
        """
        if not self._takes_batches:
            return await asyncio.gather(*(self._call_in_turn(method, params) for params in calls))
        requests = [self._request(method, params) for params in calls]

        async def once() -> list[Json] | None:
            status, body = await self._post(requests)
            if 400 <= status < 500:  # the request as such is refused
                return None
            answers = self._parsed(status, body)
            if isinstance(answers, dict):  # JSON-RPC 2.0: one error for the whole batch
                _raise_if_unhealthy(answers.get("error"))
                return None
            return _results(answers, [request["id"] for request in requests])

        results = await self._retried(method, once, self._retry_pauses_s)
        if results is not None:
            return results
        self._takes_batches = False
        return await self.call_all(method, calls)

    async def _call_in_turn(self, method: str, params: tuple[Json, ...]) -> Json:
        async with self._turn:
            return await self.call(method, *params)

    def _request(self, method: str, params: tuple[Json, ...]) -> _Request:
        return {
            "jsonrpc": "2.0",
            "id": next(self._ids),
            "method": method,
            "params": list(params),
        }

    async def _retried(
        self, method: str, once: Callable[[], Awaitable[T]], pauses_s: Sequence[float]
    ) -> T:
        pauses = iter(pauses_s)
        while True:
            try:
                return await once()
            except _Temporary as error:
                pause = next(pauses, None)
                if pause is None:
                    raise ChainUnavailable(
                        f"{self.url} does not answer {method} ({error}): see that the chain runs"
                    ) from error
            await asyncio.sleep(pause)

    async def _post(self, content: _Request | list[_Request]) -> tuple[int, bytes]:
        """Return the HTTP status and body of the answer."""
        try:
            async with self._session().post(self.url, json=content) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Temporary(str(error) or type(error).__name__) from error
        if response.status in _TEMPORARY_STATUS:
            raise _Temporary(f"HTTP {response.status}")
        return response.status, body

    def _parsed(self, status: int, body: bytes) -> Json:
        try:
            parsed: Json = json.loads(body)
        except ValueError as error:
            raise ChainUnavailable(
                f"{self.url} answers with HTTP {status} and no JSON: it is no node of a chain, or"
                " something stands in front of it"
            ) from error
        return parsed

    def _session(self) -> aiohttp.ClientSession:
        # Made at the first call: aiohttp wants the event loop to run.
        if self._http is None:
            self._http = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS),
                proxy=_proxy_for(self.url),
            )
        return self._http


def _proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL, None for none.

    Asked once: aiohttp's `trust_env` reads the environment and ~/.netrc at each request, in a
    thread, which takes a fifth of the time of a request to the API.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _results(answers: Json, request_ids: Sequence[int]) -> list[Json]:
    """Return the results in the order of their requests: a batch is answered in any order."""
    if not isinstance(answers, list):
        raise _no_node("answer has an unknown form")
    by_id = {answer.get("id"): answer for answer in answers if isinstance(answer, dict)}
    return [_result(by_id.get(request_id), request_id) for request_id in request_ids]


def _result(answer: Json, request_id: int) -> Json:
    if not isinstance(answer, dict) or answer.get("id") != request_id:
        raise _no_node("answer belongs to no request")
    error = answer.get("error")
    if error is None:
        return answer.get("result")
    if not isinstance(error, dict):
        raise _no_node("error has an unknown form")
    _raise_if_unhealthy(error)
    code, message = error.get("code"), error.get("message")
    raise RequestRefused(code if isinstance(code, int) else 0, str(message), error.get("data"))


def _raise_if_unhealthy(error: Json) -> None:
    if isinstance(error, dict) and error.get("code") == NODE_UNHEALTHY:
        raise _Temporary(str(error.get("message")))


def _no_node(what: str) -> ChainUnavailable:
    return ChainUnavailable(f"the node's {what}: it is no node of a chain")
