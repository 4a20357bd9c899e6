"""Whatever users do to each other over HTTP, no unit of energy or GRX appears or vanishes."""

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hub_world import HubWorld, User, expect
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridtokenx_hub.api.http.exact_json import loads

pytestmark = pytest.mark.asyncio(loop_scope="session")

KWH, GRX = 5, 20
REFUSALS = {
    "InvalidOrder", "InsufficientBalance", "AmountMismatch", "SelfTradingNotAllowed",
    "Unauthorized",
}  # fmt: skip
ACTIONS = ("sell", "buy", "cancel", "offer", "accept", "take_back")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(ACTIONS),
        st.integers(0, 2),  # who
        st.integers(0, 3),  # to which order or offer, from the newest
        st.integers(1, 3_000) | st.none(),  # Wh; none: all
        st.integers(1, 4_000_000),  # µGRX for a kWh
    ),
    min_size=4,
    max_size=14,
)


@dataclass
class Market:
    """Three users, what they should have by what they were told, and what they made."""

    world: HubWorld
    users: list[User]
    expected: defaultdict[str, list[Decimal]] = field(
        default_factory=lambda: defaultdict(lambda: [Decimal(KWH), Decimal(GRX)])
    )
    orders: list[tuple[User, str]] = field(default_factory=list)
    offers: list[tuple[User, str]] = field(default_factory=list)

    async def post(self, path: str, user: User, side: str, **fields: Any) -> dict[str, Any] | None:
        """The answer, None for a refusal that has a right to be."""
        body = {f"{side}_wallet": user.wallet, **fields}
        response = await self.world.post(f"/api/trading/{path}", body, user.token)
        answer: dict[str, Any] = loads(response.text)
        if response.status_code < 400:
            return answer
        assert answer["error"] in REFUSALS, response.text
        return None

    def move(self, wallet: str, kwh: Decimal, grx: Decimal) -> None:
        self.expected[wallet][0] += kwh
        self.expected[wallet][1] += grx

    async def sell(self, user: User, amount: Decimal, price: Decimal) -> None:
        made = await self.post(
            "orders/create", user, "seller", amount_kwh=amount, price_per_kwh=price
        )
        if made:
            self.move(user.wallet, -amount, Decimal(0))
            self.orders.append((user, made["order_id"]))

    async def offer(self, user: User, amount: Decimal, price: Decimal) -> None:
        made = await self.post(
            "offers/create", user, "buyer", amount_kwh=amount, price_per_kwh=price
        )
        if made:
            self.move(user.wallet, Decimal(0), -made["total_price_grx"])
            self.offers.append((user, made["offer_id"]))

    async def trade(self, path: str, user: User, side: str, what: dict[str, Any]) -> None:
        done = await self.post(path, user, side, **what)
        if done:
            amount, paid = done["amount_kwh"], done["total_price_grx"]
            in_escrow = path == "orders/match"
            self.move(done["buyer_wallet"], amount, -paid if in_escrow else Decimal(0))
            self.move(done["seller_wallet"], Decimal(0) if in_escrow else -amount, paid)

    async def end_order(self, user: User, order_id: str) -> None:
        done = await self.post("orders/cancel", user, "seller", order_id=order_id)
        if done:
            self.move(user.wallet, done["returned_kwh"], Decimal(0))

    async def end_offer(self, user: User, offer_id: str) -> None:
        done = await self.post("offers/cancel", user, "buyer", offer_id=offer_id)
        if done:
            self.move(user.wallet, Decimal(0), done["returned_grx"])

    async def step(self, action: str, who: int, which: int, wh: int | None, price: int) -> None:
        user = self.users[who]
        amount, micro = Decimal(wh or 1_000) / 1000, Decimal(price) / 10**6
        part = {} if wh is None else {"amount_kwh": amount}
        if action in ("sell", "offer"):
            await getattr(self, action)(user, amount, micro)
            return
        entries = self.orders if action in ("buy", "cancel") else self.offers
        if which >= len(entries):
            return
        _, entry = entries[-1 - which]
        match action:
            case "buy":
                await self.trade("orders/match", user, "buyer", {"order_id": entry, **part})
            case "accept":
                await self.trade("offers/accept", user, "seller", {"offer_id": entry, **part})
            case "cancel":
                await self.end_order(user, entry)
            case "take_back":
                await self.end_offer(user, entry)

    async def check(self) -> list[tuple[Decimal, Decimal]]:
        """Each user has exactly what the answers say."""
        held = [await self.world.balances(user) for user in self.users]
        assert [list(each) for each in held] == [self.expected[user.wallet] for user in self.users]
        return held


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
async def test_nothing_appears_or_vanishes(
    world: HubWorld, steps: list[tuple[str, int, int, int | None, int]]
) -> None:
    users = [await world.seller(KWH) for _ in range(3)]
    for user in users:
        body = {"user_id": user.user_id, "amount_grx": GRX}
        expect(await world.post("/api/treasury/grx", body, world.operator), 201)
    market = Market(world, users)
    for step in steps:
        await market.step(*step)
    await market.check()
    for user, entry in market.orders:
        await market.end_order(user, entry)
    for user, entry in market.offers:
        await market.end_offer(user, entry)
    held = await market.check()
    assert [sum(column) for column in zip(*held, strict=True)] == [3 * KWH, 3 * GRX]
    histories = [
        expect(await world.get("/api/trading/history", u.token, user_id=u.user_id), 200)
        for u in users
    ]
    trades = list(itertools.chain(*(history["transactions"] for history in histories)))
    signed = [t["amount_kwh"] * (1 if t["side"] == "bought" else -1) for t in trades]
    assert sum(signed) == 0, "each trade is in two histories"
