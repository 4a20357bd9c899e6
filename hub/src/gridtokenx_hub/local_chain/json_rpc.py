"""JSON-RPC 2.0: from the body of a request to the body of its answer."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from gridtokenx_hub.json_types import Json, JsonObject
from gridtokenx_hub.local_chain.errors import ChainStoppedError
from gridtokenx_hub.local_chain.rpc_errors import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NODE_UNHEALTHY,
    PARSE_ERROR,
    RpcError,
)

_log = logging.getLogger(__name__)
T = TypeVar("T")
Methods = Mapping[str, Callable[[T, Json], Awaitable[Json]]]
"""By name; each takes what it is to act on and the parameters as they came."""


async def answer(methods: Methods[T], on: T, body: bytes | str) -> bytes:
    """Return the answer to `body`, empty when all of it were notifications."""
    try:
        request: Json = json.loads(body)
    except (ValueError, RecursionError):
        return _encode(_error(None, RpcError(PARSE_ERROR, "Parse error")))
    if isinstance(request, list) and all(isinstance(member, dict) for member in request):
        shown_all = await asyncio.gather(*(_answer_one(methods, on, member) for member in request))
        answers: list[Json] = [shown for shown in shown_all if shown is not None]
        return _encode(answers) if answers else b""
    shown = await _answer_one(methods, on, request)
    return b"" if shown is None else _encode(shown)


async def _answer_one(methods: Methods[T], on: T, request: Json) -> JsonObject | None:
    if not isinstance(request, dict):
        return _error(None, RpcError(PARSE_ERROR, "Parse error"))
    request_id = request.get("id")
    if isinstance(request_id, dict | list | float | bool):
        return _error(None, RpcError(PARSE_ERROR, "Parse error"))
    method_name = request.get("method")
    if request.get("jsonrpc") != "2.0" or not isinstance(method_name, str):
        return _error(request_id, RpcError(INVALID_REQUEST, "Invalid request"))
    answered = await _call(methods, on, method_name, request.get("params"))
    if "id" not in request:
        return None
    if isinstance(answered, RpcError):
        return _error(request_id, answered)
    return {"jsonrpc": "2.0", "result": answered, "id": request_id}


async def _call(methods: Methods[T], on: T, name: str, params: Json) -> Json | RpcError:
    method = methods.get(name)
    if method is None:
        return RpcError(METHOD_NOT_FOUND, "Method not found")
    try:
        return await method(on, params)
    except RpcError as error:
        return error
    except ChainStoppedError as error:
        return RpcError(NODE_UNHEALTHY, f"Node is unhealthy: {error}")
    except Exception:  # noqa: BLE001 - a defect in one method must not take the chain down
        _log.exception("%s failed", name)
        return RpcError(INTERNAL_ERROR, "Internal error")


def _error(request_id: Json, error: RpcError) -> JsonObject:
    return {"jsonrpc": "2.0", "error": error.json(), "id": request_id}


def _encode(value: Json | JsonObject) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
