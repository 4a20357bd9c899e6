"""The design's invariant 5 over all purchases, and everyone's money and energy to the last unit."""

from __future__ import annotations

from collections import Counter

from hub_world import MWH_PER_KWH
from solders.pubkey import Pubkey
from tests.hub.bridge.walk.base import Walk
from tests.hub.bridge.walk.purchase import Fate, Paid

from gridtokenx_hub.audit import audit
from gridtokenx_hub.audit.bridge_reader import BridgeReader

FUNDED_MICRO_THBC = 10_000_000_000
AUDIT_PATIENCE_S = 30


class Money:
    """What everyone had when the walk began, and has to have by what happened since.

    Args:
        walk: whose money it is.
        reader: reads the bridge for the audit that operators have.
    """

    def __init__(self, walk: Walk, reader: BridgeReader) -> None:
        self._walk, self._reader = walk, reader
        self._before: Counter[str] = Counter()

    async def begin(self) -> None:
        self._before = await self._now()

    async def holds(self) -> None:
        """Invariant 5, by the chains."""
        expected = Counter(self._before)
        for purchase in self._walk.purchases:
            fate, paid = await self._walk.fate(purchase), self._walk.state(purchase)
            purchase.see(fate, paid)
            where = f"{purchase.name} is {fate} and {paid!r}"
            if fate is Fate.DELIVERED:
                assert paid is not Paid.NONE, where
                assert paid is not Paid.REFUNDED or purchase.name in self._walk.stalled, where
            else:
                assert paid is not Paid.RELEASED, where
                await self._nobody_releases(purchase.reservation)
            kept = purchase.micro_thbc if paid in {Paid.LOCKED, Paid.RELEASED} else 0
            payer = self._walk.relay.baht.contracts.balance(purchase.quote["payer"])
            assert payer == FUNDED_MICRO_THBC - kept, where
            expected["bridge THBC"] += purchase.micro_thbc * (paid is Paid.LOCKED)
            expected["treasury THBC"] += purchase.micro_thbc * (paid is Paid.RELEASED)
            expected["treasury GRX"] -= purchase.micro_grx * (fate is not Fate.FREED)
            expected["seller GRX"] += purchase.micro_grx * (fate is Fate.DELIVERED)
            expected["in orders"] -= purchase.mwh * (fate is Fate.DELIVERED)
        offered = MWH_PER_KWH * sum(self._walk.orders.values())
        expected["seller energy"] -= offered
        expected["in orders"] += offered
        assert await self._now() == expected

    async def _nobody_releases(self, reservation: Pubkey) -> None:
        """No guardian has signed the release of what was not delivered."""
        for guardian in self._walk.guardians:
            assert await guardian.get(f"/releases/{reservation}") is None

    async def _now(self) -> Counter[str]:
        context, contracts = self._walk.relay.world.context, self._walk.relay.baht.contracts
        addresses, client = context.addresses, context.client
        seller = Pubkey.from_string(self._walk.seller.wallet)
        treasury = context.keys.treasury.pubkey()
        grx = {
            f"{name} GRX": await client.token_balance(
                addresses.associated_token(owner, addresses.grx_mint())
            )
            for name, owner in (("seller", seller), ("treasury", treasury))
        }
        escrows = [addresses.escrow(Pubkey.from_string(order)) for order in self._walk.orders]
        return Counter(
            {
                "bridge THBC": contracts.balance(contracts.bridge),
                "treasury THBC": contracts.balance(contracts.treasury),
                "seller energy": await self._walk.energy(self._walk.seller),
                "in orders": sum([await client.token_balance(escrow) for escrow in escrows]),
                **grx,
            }
        )

    async def audited(self) -> set[str]:
        """Invariant 5, by the audit that operators have: it finds what stalled, and nothing else.

        Returns:
            Of the stalled, those that it names; the hub may not have looked since the last.
        """
        relay = self._walk.relay
        context = relay.world.context
        async with relay.world.pool.acquire() as connection:
            report = await audit(
                connection,
                context.client,
                context.programs,
                context.addresses,
                int(relay.clock().timestamp() * 1000),
                AUDIT_PATIENCE_S,
                bridge=self._reader,
            )
        (fifth,) = (check for check in report.checks if check.invariant == 5)
        found = [str(difference) for difference in fifth.differences]
        stalled = {name for name in self._walk.stalled if any(name in text for text in found)}
        assert len(found) == len(stalled), found
        return stalled
