"""Who may do what: every route without a token, with others' tokens, expired and revoked ones."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
from hub_world import HubWorld, User, expect, expect_problem
from solders.keypair import Keypair

from gridtokenx_hub.api.access.auth import create_token, hash_token

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOMEONE = str(Keypair().pubkey())
CHAIN = {
    "address": SOMEONE,
    "reservation_id": SOMEONE,
    "signature": str(Keypair().sign_message(b"")),
}
"""What a path may ask of the chain."""


@dataclass(frozen=True)
class Route:
    """A route and the roles it is open to.

    `own`: the user whom it is about; `other`: another user.
    """

    method: str
    path: str
    body: dict[str, Any] | None
    operator: bool
    installer: bool
    own: bool
    other: bool = False


ROUTES = [
    Route("POST", "/api/users", {"name": "X", "user_type": "prosumer"}, True, False, False),
    Route("POST", "/api/meters", {}, True, True, False),
    Route("POST", "/api/provisioning/codes", {}, True, False, False),
    Route("GET", "/api/provisioning/codes", None, True, False, False),
    Route("DELETE", "/api/provisioning/codes/{code_id}", None, True, False, False),
    Route("POST", "/api/meters/{meter_id}/revocation", {"reason": "stolen"}, True, False, True),
    Route("POST", "/api/treasury/grx", {}, True, False, False),
    Route("GET", "/metrics", None, True, False, False),
    Route("GET", "/api/tokens", None, True, True, True, other=True),
    Route("POST", "/api/tokens", {"role": "user", "user_id": "{user_id}"}, True, False, True),
    Route("DELETE", "/api/tokens/{token_id}", None, True, True, True, other=True),
    Route("POST", "/api/sessions", {}, True, True, True, other=True),
    Route("DELETE", "/api/sessions/current", None, True, True, True, other=True),
    Route("POST", "/api/users/me/registration", {}, False, False, True, other=True),
    Route("GET", "/api/users/{user_id}/balances", None, True, False, True),
    Route("GET", "/api/users/me", None, True, True, True, other=True),
    *(
        Route(
            "POST",
            f"/api/trading/{path}",
            {f"{side}_wallet": "{wallet}", **fields},
            False,
            False,
            True,
        )
        for path, side, fields in (
            ("orders/cancel", "seller", {"order_id": SOMEONE}),
            ("offers/create", "buyer", {"amount_kwh": 1, "price_per_kwh": 1}),
            ("offers/accept", "seller", {"offer_id": SOMEONE}),
            ("offers/cancel", "buyer", {"offer_id": SOMEONE}),
        )
    ),
    Route("POST", "/api/meters/{meter_id}/redemption", {"amount_kwh": 1}, False, False, True),
    Route("GET", "/api/trading/history?user_id={user_id}", None, True, False, True),
    Route("GET", "/api/explain/{signature}/readings?meter_id={meter_id}", None, True, False, True),
    Route("POST", "/api/explain/{signature}/shares", {"meter_id": "{meter_id}"}, True, False, True),
    Route("GET", "/api/bridge/account", None, False, False, True, other=True),
    Route("POST", "/api/bridge/account", {"custody": "hub"}, False, False, True, other=True),
    Route(
        "POST",
        "/api/bridge/account/challenges",
        {"address": f"0x{bytes(20).hex()}"},
        False,
        False,
        True,
        other=True,
    ),
    Route("GET", "/api/bridge/payments", None, False, False, True, other=True),
    Route("GET", "/api/bridge/payments/{reservation_id}", None, False, False, True, other=True),
    *(
        Route(
            "POST",
            f"/api/bridge/payments/{{reservation_id}}/{step}",
            {},
            False,
            False,
            True,
            other=True,
        )
        for step in ("pay", "refund")
    ),
    Route("GET", "/api/users", None, True, False, False),
    Route("GET", "/api/explorer/transactions/{signature}", None, True, True, True, other=True),
    Route("GET", "/api/explorer/accounts/{address}", None, True, True, True, other=True),
    Route("GET", "/api/explorer/events", None, True, True, True, other=True),
    Route("GET", "/api/users/{user_id}", None, True, False, True),
    Route("GET", "/api/users/{user_id}/orders", None, True, False, True),
    Route("GET", "/api/users/{user_id}/offers", None, True, False, True),
    Route("GET", "/api/users/{user_id}/settlements", None, True, False, True),
    Route("GET", "/api/meters", None, True, False, True, other=True),
    Route("GET", "/api/meters/{meter_id}", None, True, False, True),
    Route("GET", "/api/meters/{meter_id}/readings", None, True, False, True),
    Route("GET", "/api/meters/{meter_id}/quarter-hours", None, True, False, True),
    Route("GET", "/api/meters/{meter_id}/days", None, True, False, True),
    Route("GET", "/api/meters/{meter_id}/settlements", None, True, False, True),
    Route("GET", "/api/operations/settlements", None, True, False, False),
    Route("GET", "/api/operations/quarantine", None, True, False, False),
    Route("GET", "/api/operations/quarantine/{number}", None, True, False, False),
    Route("GET", "/api/operations/backups", None, True, False, False),
    Route("GET", "/api/operations/oracle", None, True, False, False),
    Route("GET", "/api/operations/oracle/rounds", None, True, False, False),
    Route("POST", "/api/operations/oracle/manual-rate", {}, True, False, False),
    Route("DELETE", "/api/operations/oracle/manual-rate", None, True, False, False),
    Route(
        "POST",
        "/api/trading/orders/create",
        {"seller_wallet": "{wallet}", "amount_kwh": 1, "price_per_kwh": 1},
        False,
        False,
        True,
    ),
    Route(
        "POST",
        "/api/trading/orders/match",
        {"buyer_wallet": "{wallet}", "order_id": SOMEONE},
        False,
        False,
        True,
    ),
]
PUBLIC = {
    ("GET", "/api/deployment"),
    ("GET", "/api/health"),
    ("GET", "/api/ready"),
    *(
        ("GET", f"/api/trading/{path}")
        for path in (
            "orders/active",
            "orders",
            "orders/{order_id}",
            "offers/active",
            "offers/{offer_id}",
            "trades",
            "statistics",
            "price",
        )
    ),
    ("GET", "/api/explain/{signature}"),  # without the household's part
    ("GET", "/api/openapi.json"),
    ("GET", "/api/events"),
    ("GET", "/tokens.json"),
    # The credential of this is the wallet's signature.
    ("POST", "/api/sign-in/challenges"),
    ("POST", "/api/sign-in"),
    # The credential of these is a code, or the device's signature.
    ("POST", "/api/provisioning/claims"),
    ("GET", "/api/provisioning/claims/{meter_id}"),
    *(
        ("POST", f"/api/provisioning/claims/{{meter_id}}/{step}")
        for step in (
            "registration",
            "owner-signature",
            "rotation",
            "replacement",
            "transfer",
            "decommissioning",
            "done",
        )
    ),
    ("POST", "/api/provisioning/certificates"),
}

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)


async def call(world: HubWorld, route: Route, user: User, token: str | None) -> Any:
    def filled(value: Any) -> Any:
        if value == "{user_id}":
            return user.user_id
        return value.format(**words) if isinstance(value, str) else value

    words: dict[str, Any] = {
        **CHAIN,
        "wallet": user.wallet,
        "user_id": user.user_id,
        "code_id": 10**9,
        "token_id": 10**9,
        "number": 10**9,
    }
    if "{meter_id}" in route.path or "/explain/" in route.path:
        device = await world.meter(user)
        words["meter_id"] = device.meter_id.hex()
    if "/explain/" in route.path:
        words["signature"] = await world.settle(user, device, 1_000_000)
        assert await world.context.indexer.wait_for(words["signature"], 1, 30)
    path = route.path.format(**words)
    if route.body is None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await world.http.request(route.method, path, headers=headers)
    return await world.post(path, {k: filled(v) for k, v in route.body.items()}, token)


async def test_every_route_is_listed(world: HubWorld) -> None:
    """A new route without a line in the matrix fails here."""
    listed = {(route.method, route.path.partition("?")[0]) for route in ROUTES} | PUBLIC
    paths = world.app.openapi()["paths"]
    served = {(m.upper(), path) for path, methods in paths.items() for m in methods}
    assert served == listed - {("GET", "/api/openapi.json"), ("GET", "/metrics")}


@every_route
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer gtx_wrong",
        "Basic Z3R4Og==",
        "Bearer ' OR '1'='1",
        "Bearer \x80\xff",
        "Bearer " + "x" * 10_000,
    ],
)
async def test_without_a_token(world: HubWorld, route: Route, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    words = {"user_id": 1, "meter_id": "00" * 16, "code_id": 1, "token_id": 1, "number": 1, **CHAIN}
    path = route.path.format(**words)
    response = await world.http.request(route.method, path, headers=headers, content=b"{ garbage")
    expect_problem(response, 401, "Unauthenticated")
    assert response.headers["www-authenticate"].startswith("Bearer")


@every_route
async def test_expired_and_revoked(world: HubWorld, route: Route) -> None:
    user = await world.user()
    now = dt.datetime.now(dt.UTC)
    expired = await create_token(world.pool, "operator", None, now - dt.timedelta(seconds=1))
    expect_problem(await call(world, route, user, expired), 401, "Unauthenticated")
    revoked = await create_token(world.pool, "operator", None, now + dt.timedelta(days=1))
    await world.pool.execute(
        "UPDATE api_tokens SET revoked_at = now() WHERE token_hash = $1", hash_token(revoked)
    )
    expect_problem(await call(world, route, user, revoked), 401, "Unauthenticated")


@every_route
async def test_roles(world: HubWorld, route: Route) -> None:
    user, other = await world.user(), await world.user()
    installer = await create_token(world.pool, "installer")
    tokens = {
        world.operator: route.operator,
        installer: route.installer,
        user.token: route.own,
        other.token: route.other,
    }
    for token, allowed in tokens.items():
        response = await call(world, route, user, token)
        if allowed:
            assert response.status_code not in (401, 403), response.text
            assert response.status_code < 500, response.text
        else:
            expect_problem(response, 403, "Forbidden")


async def test_a_token_works_until_it_expires(world: HubWorld) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)
    token = await create_token(world.pool, "operator", None, soon)
    assert expect(await world.get("/api/users/me", token), 200) == {"role": "operator"}


async def test_only_the_hash_is_stored(world: HubWorld) -> None:
    user = await world.user()
    stored = await world.pool.fetchval(
        "SELECT token_hash FROM api_tokens WHERE user_id = $1", user.user_id
    )
    assert stored == hash_token(user.token)
    assert user.token not in str(await world.pool.fetch("SELECT body FROM idempotency_keys"))


async def test_a_wallet_of_nobody(world: HubWorld) -> None:
    user = await world.user()
    body = {"seller_wallet": SOMEONE, "amount_kwh": 1, "price_per_kwh": 1}
    response = await world.post("/api/trading/orders/create", body, user.token)
    expect_problem(response, 404, "UnknownWallet")
