"""JSON-RPC to a node, one call after the other over one connection."""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
PROCESSED = {"commitment": "processed"}
POLL_S = 0.01
WAIT_S = 30


class NodeError(Exception):
    """A node's error: its code, message and data."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.data: Any = error.get("data")


class Node:
    """A node at a URL."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self._connection = self._connect()
        self._ids = itertools.count(1)

    def call(self, method: str, *params: Any) -> Any:
        """The result of a method.

        Raises:
            NodeError: the node answered with an error.
        """
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        body = json.dumps(request).encode()
        try:
            answer = self._post(body)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            # idle for too long: the node has hung up before it saw the request
            self._connection = self._connect()
            answer = self._post(body)
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def wait_for(self, what: str, look: Callable[[], T | None]) -> T:
        """What `look` returns as soon as that is something."""
        deadline = time.monotonic() + WAIT_S
        while (found := look()) is None:
            assert time.monotonic() < deadline, f"{what} did not come within {WAIT_S} s"
            time.sleep(POLL_S)
        return found

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self._address, timeout=WAIT_S)

    def _post(self, body: bytes) -> Any:
        self._connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return json.loads(self._connection.getresponse().read())
