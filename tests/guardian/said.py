"""An endpoint that says whatever a test has it say."""

import json
from typing import Any

from gridtokenx_guardian.rpc import Rpc


class Said(Rpc):
    """Answers every call with these bytes; or, by method, with these results."""

    def __init__(
        self, body: bytes | None = None, results: dict[str, Any] | None = None, name: str = "evm"
    ) -> None:
        super().__init__(name, "http://127.0.0.1:0")
        self.body = body
        self.results = results or {}

    async def _post(self, method: str, request: dict[str, Any]) -> bytes:
        if self.body is not None:
            return self.body
        result = self.results[method]
        told = result(*request["params"]) if callable(result) else result
        return json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": told}).encode()
