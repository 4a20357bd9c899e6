"""What comes in that is no proper request, and what proper requests have in common."""

import itertools
import json
from typing import Any

import aiohttp
import pytest
from solders.keypair import Keypair

from gridtokenx_hub.chain import RequestRefused
from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.local_chain.methods import METHODS

from . import harness

ADDRESS = str(Keypair().pubkey())


@pytest.mark.parametrize(
    ("body", "code", "request_id"),
    [
        (b"garbage", -32700, None),
        (b"", -32700, None),
        (b"\xff\xfe\x00", -32700, None),
        (b'"text"', -32700, None),
        (b"[1, 2]", -32700, None),
        (b"[" * 20_000, -32700, None),
        (b"1" * 5_000, -32700, None),
        (b'{"jsonrpc":"2.0","id":{},"method":"getHealth"}', -32700, None),
        (b"{}", -32600, None),
        (b'{"jsonrpc":"1.0","id":1,"method":"getHealth"}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":1}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600, 1),
        (b'{"jsonrpc":"2.0","id":"x","method":"eth_chainId"}', -32601, "x"),
        (b'{"jsonrpc":"2.0","id":1,"method":"__init__"}', -32601, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"getSlot","params":{"a":1}}', -32602, 1),
        (b'{"jsonrpc":"2.0","id":1,"method":"getBalance","params":["\\ud800"]}', -32602, 1),
    ],
)
async def test_bad_bodies_are_answered_with_errors(
    chain_url: str, body: bytes, code: int, request_id: object
) -> None:
    status, answered = await harness.post(chain_url, body)
    answer = json.loads(answered)
    assert (status, answer["error"]["code"], answer["id"]) == (200, code, request_id)


async def test_notifications_have_no_answer(chain_url: str) -> None:
    status, answered = await harness.post(chain_url, b'{"jsonrpc":"2.0","method":"getHealth"}')
    assert (status, answered) == (200, b"")


async def test_batch_is_answered_in_its_order(chain_url: str) -> None:
    body = json.dumps(
        [
            {"jsonrpc": "2.0", "id": "slot", "method": "getSlot"},
            {"jsonrpc": "2.0", "id": 2, "method": "none"},
            {"jsonrpc": "2.0", "method": "getHealth"},
            {"jsonrpc": "2.0", "id": 3, "method": "getHealth", "params": None},
        ]
    ).encode()
    _, answered = await harness.post(chain_url, body)
    slot, unknown, health = json.loads(answered)
    assert slot["id"] == "slot"
    assert isinstance(slot["result"], int)
    assert unknown["error"]["code"] == -32601
    assert health == {"jsonrpc": "2.0", "result": "ok", "id": 3}


async def test_other_ways_of_http_are_refused(chain_url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(chain_url) as response:
            assert response.status == 405
        async with session.get(f"{chain_url}/health") as response:
            assert (response.status, await response.text()) == (200, "ok")
    status, _ = await harness.post(chain_url, b"{}", "text/plain")
    assert status == 415
    status, _ = await harness.post(chain_url, b" " * 60_000)
    assert status == 413


async def test_pages_of_any_origin_may_ask(chain_url: str) -> None:
    """What Agave 4.2 answers to a browser, before it asks and when it does."""
    origin = {"Origin": "https://hub.example"}
    may = {
        "vary": "origin",
        "access-control-allow-origin": "https://hub.example",
        "access-control-allow-methods": "OPTIONS, POST",
        "access-control-max-age": "86400",
    }
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "a, b"}
    async with aiohttp.ClientSession() as session:
        async with session.options(chain_url, headers=origin | asked) as response:
            assert (response.status, await response.text()) == (200, "")
            assert (may | {"access-control-allow-headers": "a, b"}).items() <= {
                name.lower(): value for name, value in response.headers.items()
            }.items()
        body = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}
        async with session.post(chain_url, json=body, headers=origin) as response:
            assert may.items() <= {n.lower(): v for n, v in response.headers.items()}.items()
            assert (await response.json())["result"] == "ok"
        async with session.post(chain_url, json=body) as response:
            assert not any(name.lower().startswith("access-") for name in response.headers)


MISFITS: tuple[Any, ...] = (
    None,
    True,
    -1,
    1 << 70,
    1.5,
    "",
    "not base58: 0OIl",
    "1" * 32,
    "A" * 3_000,
    [],
    ["x"],
    [ADDRESS] * 101,
    {},
    {"encoding": 5},
    {"encoding": "jsonParsed", "commitment": [], "filters": [{"memcmp": {"bytes": 5}}]},
    {"dataSlice": {"offset": -1}},
    {"filters": [{"memcmp": {"offset": 0, "bytes": [256, -1]}}]},
    {"limit": 1 << 64, "before": "x"},
    {"accounts": {"addresses": 5}},
    {"mint": 5},
)


@pytest.mark.parametrize("method", sorted(METHODS))
async def test_no_parameters_whatever_are_an_internal_error(
    rpc: RpcConnection, method: str
) -> None:
    lists: list[tuple[Any, ...]] = [(), *itertools.product(MISFITS, repeat=1)]
    lists += itertools.product((*MISFITS, ADDRESS), repeat=2)
    lists += [(ADDRESS, {"mint": ADDRESS}, misfit) for misfit in MISFITS]
    codes = set()
    for start in range(0, len(lists), 200):
        batch = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": parameters}
            for index, parameters in enumerate(lists[start : start + 200])
        ]
        codes |= await _error_codes(rpc, batch)
    assert codes <= {None, -32602, -32600, -32004, -32007}
    assert -32602 in codes


async def _error_codes(rpc: RpcConnection, batch: list[dict[str, Any]]) -> set[int | None]:
    codes = set()
    while batch:  # the node takes 50 KiB at once
        size = len(batch)
        while len(json.dumps(batch[:size])) > 50_000:
            size //= 2
        _, answered = await harness.post(rpc.url, json.dumps(batch[:size]).encode())
        codes |= {answer.get("error", {}).get("code") for answer in json.loads(answered)}
        batch = batch[size:]
    return codes


async def test_context_that_is_not_reached_yet(rpc: RpcConnection) -> None:
    with pytest.raises(RequestRefused) as refused:
        await rpc.call("getBalance", ADDRESS, {"minContextSlot": 1 << 40})
    assert refused.value.code == -32016
    assert isinstance(refused.value.data, dict)
    assert set(refused.value.data) == {"contextSlot"}
