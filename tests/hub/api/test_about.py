"""What the hub says of itself, its documentation, and what it answers when its parts are gone."""

from typing import Any

import pytest
from hub_world import INTERVAL_S, HubWorld, expect, expect_problem

from gridtokenx_hub.api.access.auth import Tokens
from gridtokenx_hub.api.http.middleware import SECURITY_HEADERS
from gridtokenx_hub.chain import (
    ChainClient,
    ChainUnavailable,
    TransactionExpired,
    TransactionSender,
)
from gridtokenx_hub.indexer.events import StoredEvent

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_deployment(world: HubWorld) -> None:
    answer = expect(await world.get("/api/deployment"), 200)
    addresses = world.context.addresses
    assert bytes.fromhex(answer["deployment"]) == world.context.deployment.deployment
    assert answer["programs"]["registry"] == str(addresses.registry)
    assert answer["mints"]["energy"] == str(addresses.energy_mint())
    assert answer["settlement_interval_s"] == INTERVAL_S
    assert answer["ack_algorithm"] == "ed25519"
    assert len(bytes.fromhex(answer["ack_public_key"])) == 32


async def test_health(world: HubWorld) -> None:
    answer = expect(await world.get("/api/health"), 200)
    assert answer["status"] == "ok"
    assert answer["slot"] > 0


@pytest.mark.parametrize("path", ["/api/health", "/api/nothing", "/", "/static/style.css"])
async def test_every_answer_has_safe_headers(world: HubWorld, path: str) -> None:
    response = await world.get(path)
    for name, value in SECURITY_HEADERS.items():
        assert response.headers[name] == value
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


async def test_every_route_is_documented(world: HubWorld) -> None:
    api = expect(await world.get("/api/openapi.json"), 200)
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (method, path)
            success = next(answer for code, answer in operation["responses"].items() if code < "3")
            if "204" not in operation["responses"]:
                for content in success["content"].values():
                    shapes = content["schema"].get("anyOf", [content["schema"]])
                    assert all("$ref" in shape for shape in shapes), (method, path)
            for status, answer in operation["responses"].items():
                if status >= "400":
                    assert "application/problem+json" in answer["content"], (method, path, status)
            if "401" in operation["responses"]:
                assert operation["security"], (method, path)
    schemas = api["components"]["schemas"]
    assert schemas["CreateOrder"]["properties"]["amount_kwh"]["type"] == "number"
    assert schemas["CreatedOrder"]["properties"]["amount_kwh"]["type"] == "number"
    assert "HTTPValidationError" not in schemas


async def test_the_chain_is_gone(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    user = await world.user()

    async def gone(*_: Any) -> Any:
        raise ChainUnavailable("connection refused")

    monkeypatch.setattr(ChainClient, "account", gone)
    monkeypatch.setattr(ChainClient, "token_balance", gone)
    monkeypatch.setattr(ChainClient, "slot", gone)
    body = {"buyer_wallet": user.wallet, "order_id": user.wallet}
    for response in (
        await world.get("/api/health"),
        await world.get(f"/api/users/{user.user_id}/balances", user.token),
        await world.post("/api/trading/orders/match", body, user.token),
    ):
        expect_problem(response, 503, "ChainUnavailable")
        assert int(response.headers["retry-after"]) > 0


async def test_the_chain_is_too_slow(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    user = await world.user()

    async def expired(*_: Any) -> Any:
        raise TransactionExpired("5KL9")

    monkeypatch.setattr(TransactionSender, "deliver", expired)
    body = {"user_id": user.user_id, "amount_grx": 1}
    response = await world.post("/api/treasury/grx", body, world.operator)
    expect_problem(response, 503, "TransactionExpired")


async def test_the_database_is_gone(world: HubWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        async def fetch(self, *_: Any) -> Any:
            raise ConnectionRefusedError("connection refused")

        fetchval = fetchrow = execute = fetch

    gone: Any = Gone()
    with world.having(pool=gone, tokens=Tokens(gone)):
        for path in ("/api/health", "/api/trading/orders/active", "/", "/api/users/me"):
            response = await world.get(path, world.operator)
            expect_problem(response, 503, "DatabaseUnavailable")


async def test_a_late_indexer_does_not_hold_back_the_answer(
    world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    seller = await world.seller(1)

    async def late(*_: Any) -> list[StoredEvent]:
        return []

    monkeypatch.setattr(type(world.context.indexer), "wait_for", late)
    order = await world.sell(seller, 1, 1)
    assert order["status"] == "active"
    assert order["created_at"].endswith("Z")
