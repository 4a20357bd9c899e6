"""A walk over both chains: its purchases, its clocks, and what its steps are made of."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from baht_world import match
from hub_world import User, expect
from relay_world import RelayWorld, job_of
from solders.pubkey import Pubkey
from tests.guardian.chains.world import Running
from tests.hub.bridge.walk.purchase import MARGIN_S, Fate, Paid, Purchase
from tests.hub.local_chain.harness import AheadTime

from gridtokenx_hub.bridge.calldata import refund

PRICE_GRX = 3
MICRO = Decimal("0.000001")
HOLD_IS_OVER_S = 600 + 7_200 + MARGIN_S
DAY_S = 86_400
FINAL_BLOCKS = 3
PATIENCE_S = 30


class Walk:
    """The walk so far.

    Args:
        relay: hub, guardians and both chains.
        time: the clock of all but the EVM chain, which is put forward beside it.
        seller: sells all of it.
        chance: decides.
    """

    def __init__(
        self, relay: RelayWorld, time: AheadTime, seller: User, chance: random.Random
    ) -> None:
        self.relay, self.time, self.seller, self.chance = relay, time, seller, chance
        self.purchases: list[Purchase] = []
        self.orders: dict[str, int] = {}
        self.stalled: set[str] = set()
        """Delivered, not released for a day, and refunded: what a long stall costs the treasury."""

    @property
    def guardians(self) -> list[Running]:
        return self.relay.guardians

    @property
    def now_s(self) -> int:
        return int(self.relay.clock().timestamp())

    async def order(self) -> str:
        """Put 1 or 2 kWh into the book; each order has a price of its own."""
        kwh = self.chance.randint(1, 2)
        price = PRICE_GRX + MICRO * self.chance.randrange(1_000_000)
        made = await self.relay.world.sell(self.seller, kwh, price)
        self.orders[made["order_id"]] = kwh
        return str(made["order_id"])

    async def asked(self, order: str) -> tuple[User, Any]:
        """A new buyer asks for an order; the hub's response."""
        buyer = await self.relay.world.user(user_type="consumer")
        return buyer, await match(self.relay.world, buyer, order)

    async def buy(self, order: str | None = None) -> Purchase:
        """All of an order is reserved for a new buyer, who has the baht for it."""
        await self.relay.baht.post_price()
        order = order or await self.order()
        buyer, response = await self.asked(order)
        bought = Purchase(buyer, order, self.orders[order], expect(response, 200))
        await self.relay.baht.fund(bought.quote["payer"])
        self.purchases.append(bought)
        return bought

    async def bought_and_paid(self) -> Purchase:
        """A new purchase that no guardian has seen yet."""
        purchase = await self.buy()
        self.relay.pay(purchase.answer)
        return purchase

    async def unpaid(self) -> Purchase:
        """Any purchase that can be paid, or a new one."""
        return await self._any(Paid.NONE, "deadline_s") or await self.buy()

    async def paid(self) -> Purchase:
        """Any purchase whose payment waits for guardians, or a new one."""
        return await self._any(Paid.LOCKED, "hold_until_s") or await self.bought_and_paid()

    async def _any(self, paid: Paid, until: str) -> Purchase | None:
        found = [
            purchase
            for purchase in self.purchases
            if await self.fate(purchase) is Fate.OPEN
            and self.state(purchase) is paid
            and self.now_s + MARGIN_S < getattr(purchase, until)
        ]
        return self.chance.choice(found) if found else None

    async def fate(self, purchase: Purchase) -> Fate:
        """What the chain says of a reservation; each buyer buys once."""
        if await self.relay.world.context.client.account(purchase.reservation) is not None:
            return Fate.OPEN
        energy = await self.energy(purchase.buyer)
        assert energy in {0, purchase.mwh}, purchase.name
        return Fate.DELIVERED if energy else Fate.FREED

    async def energy(self, user: User) -> int:
        """The mWh in a household's account."""
        context = self.relay.world.context
        wallet, mint = Pubkey.from_string(user.wallet), context.addresses.energy_mint()
        account = context.addresses.associated_token(wallet, mint)
        return await context.client.token_balance(account)

    def state(self, purchase: Purchase) -> Paid:
        """What the bridge says of a payment."""
        return Paid(self.relay.baht.contracts.state(purchase.reservation))

    def mine(self, blocks: int = FINAL_BLOCKS) -> None:
        self.relay.baht.contracts.mine(blocks)

    async def hub_round(self) -> None:
        """A round of the hub's job, while nobody else does anything."""
        async with self.relay.world.pool.acquire() as connection:
            await self.relay.job.round(connection)

    async def rounds(self, guardians: Sequence[Running], count: int = 3) -> None:
        """Rounds in which these guardians look."""
        for _ in range(count):
            await self.relay.round(guardians)

    async def restart_hub(self) -> None:
        """The hub's job begins anew, as after a kill."""
        await self.relay.job.aclose()
        self.relay.job = job_of(self.relay.world, self.relay.settings, self.relay.clock)

    async def comes_to(
        self, purchase: Purchase, end: Paid, guardians: Sequence[Running] | None = None
    ) -> None:
        """Rounds until the payment has come to its end."""

        async def has_come() -> bool:
            return self.state(purchase) is end

        await self.relay.until(has_come, guardians)

    async def freed(self, purchase: Purchase) -> None:
        """The hub releases the reservation, whose time is over."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.fate(purchase) is Fate.OPEN:
                await self.hub_round()

    async def settled(self) -> None:
        """Rounds until every payment that guardians can still do something for is released."""

        async def is_settled() -> bool:
            return not [
                purchase
                for purchase in self.purchases
                if self.state(purchase) is Paid.LOCKED and await self._can_go_on(purchase)
            ]

        await self.relay.until(is_settled)

    async def _can_go_on(self, purchase: Purchase) -> bool:
        fate = await self.fate(purchase)
        is_held = self.now_s < purchase.hold_until_s
        return fate is Fate.DELIVERED or (fate is Fate.OPEN and is_held)

    def pass_s(self, seconds: int) -> None:
        """Time goes by, on both chains and for everybody."""
        self.time.pass_s(seconds)
        self.evm_passes_s(seconds)

    def evm_passes_s(self, seconds: int) -> None:
        """Time goes by on the EVM chain."""
        self.relay.baht.node.call("evm_increaseTime", hex(seconds))
        self.mine()

    def refund(self, purchase: Purchase) -> None:
        """Anyone asks for it."""
        self.relay.baht.contracts.refund(purchase.reservation)
        assert self.state(purchase) is Paid.REFUNDED

    def refund_is_too_early(self, purchase: Purchase) -> None:
        """Nobody gets the baht back before its time."""
        contracts = self.relay.baht.contracts
        call = {"to": contracts.bridge, "data": f"0x{refund(bytes(purchase.reservation)).hex()}"}
        assert self.relay.baht.refusal(contracts.buyer, call) == "TooEarly"

    async def a_day_passes(self) -> None:
        """What nobody could deliver goes back to its payer then."""
        self.pass_s(DAY_S + MARGIN_S)
        for purchase in self.purchases:
            if (
                self.state(purchase) is Paid.LOCKED
                and await self.fate(purchase) is not Fate.DELIVERED
                and purchase.refundable_s < self.now_s
            ):
                self.refund(purchase)
