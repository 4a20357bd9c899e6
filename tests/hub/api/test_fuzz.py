"""Every route, fuzzed from the OpenAPI document: no 5xx, no answer that it does not describe.

Schemathesis makes requests that fit the document and ones that do not. Half of what names something
is replaced by what really is there, so that a request gets further than to "there is no such".
"""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import schemathesis
from hub_world import HubWorld, User, expect, open_world
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from serving import served
from solders.keypair import Keypair

from gridtokenx_hub.api.access.auth import create_token
from gridtokenx_hub.bridge import Bridge, open_bridge
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.settings import BridgeSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

EXAMPLES = 5
"""Of each kind, for each route and caller; a soak asks for more."""
LEFT_OUT = {
    ("GET", "/api/events"),  # its answer has no end
    ("GET", "/api/ready"),  # here without a broker: 503 is the right answer
}
"""An answer that goes on until the client leaves; `test_events.py` reads it."""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@dataclass(frozen=True)
class Target:
    """What is fuzzed: a hub of its own, since a fuzzed operator revokes tokens and meters too."""

    world: HubWorld
    url: str
    user: User
    known: dict[str, Any]

    async def token(self, caller: str) -> str | None:
        """A new one for each route: the one before may have been revoked."""
        if caller == "anonymous":
            return None
        user_id = self.user.user_id if caller == "user" else None
        return await create_token(self.world.pool, caller, user_id)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def target(
    postgres_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Target]:
    async with open_world(postgres_url, tmp_path_factory.mktemp("fuzzed")) as world:
        user = await world.seller(100)
        grx = {"user_id": user.user_id, "amount_grx": 100}
        expect(await world.post("/api/treasury/grx", grx, world.operator), 201)
        device = await world.meter(user)
        order = await world.sell(user, 3, 1)
        body = {"buyer_wallet": user.wallet, "amount_kwh": 1, "price_per_kwh": 1}
        offer = expect(await world.post("/api/trading/offers/create", body, user.token), 201)
        settlement = await world.settle(user, device, 1_000_000)
        known = {
            "user_id": user.user_id,
            "seller_wallet": user.wallet,
            "buyer_wallet": user.wallet,
            "wallet": user.wallet,
            "order_id": order["order_id"],
            "offer_id": offer["offer_id"],
            "meter_id": device.meter_id.hex(),
            "address": order["order_id"],
            "signature": settlement,
            "amount_kwh": 1,
            "price_per_kwh": 1,
            "reservation_id": await purchase(world, user, order["order_id"]),
        }
        with world.having(bridge=bridge_of_nobody(world)):
            async with served(world) as port:
                yield Target(world, f"http://127.0.0.1:{port}", user, known)


def bridge_of_nobody(world: HubWorld) -> Bridge:
    """A bridge whose EVM chain is away; nothing here gets as far as that."""
    chosen = BridgeSettings(
        rpc_url="http://127.0.0.1:1", chain_id=1, address=f"0x{'11' * 20}", guardians=("http://-",)
    )
    bridge = open_bridge(world.pool, world.folder / "keys", chosen, bytes(32), utc_now)
    bridge._token = bytes(20)
    return bridge


async def purchase(world: HubWorld, user: User, order_id: str) -> str:
    """A reservation of the user's that was not paid in time."""
    reservation_id = str(Keypair().pubkey())
    await world.pool.execute(
        "INSERT INTO reservations VALUES ($1, $2, $3, 1000, 3000, 30000, now(), now(), 'open',"
        " NULL, 'x')",
        reservation_id,
        order_id,
        user.wallet,
    )
    await world.pool.execute(
        "INSERT INTO quotes VALUES ($1, $2, $3, $4, $5, 30000, now(), $6, now())",
        reservation_id,
        order_id,
        user.user_id,
        user.wallet,
        bytes(20),
        bytes(65),
    )
    return reservation_id


def routes(world: HubWorld) -> list[Any]:
    schema = schemathesis.openapi.from_dict(world.app.openapi())
    found = [result.ok() for result in schema.get_all_operations()]
    return [route for route in found if (route.method.upper(), route.path) not in LEFT_OUT]


def takes_anything(route: Any) -> bool:
    """Whether there is something to get wrong."""
    return bool(route.body) or next(iter(route.iter_parameters()), None) is not None


def with_known(case: Any, known: dict[str, Any], choice: random.Random) -> Any:
    """Put what is there in the place of what was made up, or leave it."""
    for place in (case.path_parameters, case.query, case.body):
        if isinstance(place, dict):
            for name in place.keys() & known.keys():
                if choice.random() < 0.5:
                    place[name] = known[name]
    return case


def fuzz(
    route: Any, mode: GenerationMode, target: Target, token: str | None, examples: int
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}

    @settings(
        max_examples=examples,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=route.as_strategy(generation_mode=mode), choice=st.randoms())
    def run(case: Any, choice: random.Random) -> None:
        case = with_known(case, target.known, choice)
        response = case.call(base_url=target.url, headers=headers)
        case.validate_response(response, checks=CHECKS)

    run()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("caller", ["operator", "installer", "user", "anonymous"])
async def test_every_route(
    target: Target, caller: str, mode: GenerationMode, soak_times: int
) -> None:
    for route in routes(target.world):
        if mode is GenerationMode.NEGATIVE and not takes_anything(route):
            continue
        token = await target.token(caller)
        await asyncio.to_thread(fuzz, route, mode, target, token, EXAMPLES * soak_times)
