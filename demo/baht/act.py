"""The second act: a neighbour buys energy for baht; a payment without a match is refunded."""

import asyncio
from decimal import Decimal
from typing import Any

from demo.baht.contracts import balance, give_money
from demo.baht.stage import Stage
from demo.households import Household
from demo.hub_client import Chain, HubApi
from demo.plan import Plan
from demo.processes import Supervisor
from demo.state import State
from demo.trade import balances, token_account

NEIGHBOUR = "Neighbour C"
MONEY_MICRO_THBC = 500_000_000
PATIENCE_S = 120
POLL_S = 0.25
REFUND_DELAY_S = 25 * 3_600
"""More than the bridge's own, and the time in which could be paid."""


class SecondAct:
    """Two purchases in baht of what B has; each step does only what an earlier run left undone."""

    def __init__(
        self, stage: Stage, state: State, supervisor: Supervisor, seller: Household, api_url: str
    ) -> None:
        self._stage = stage
        self._state = state
        self._supervisor = supervisor
        self._seller = seller
        self._api_url = api_url

    async def play(self, operator: HubApi, plan: Plan) -> None:
        """Play both purchases; the answers are remembered."""
        await self._move_in(operator)
        buyer = HubApi(self._api_url, self._state["c.user"]["token"])
        seller = HubApi(self._api_url, self._seller.token)
        try:
            await self._fund(buyer)
            await self._delivered(seller, buyer, plan.baht_kwh, plan.price_grx)
            await self._refunded(seller, buyer, plan.refunded_kwh, plan.price_grx)
        finally:
            await buyer.close()
            await seller.close()

    async def result(self, chain: Chain, mints: dict[str, str]) -> dict[str, Any]:
        """What the act has moved, in base units, asked of both chains."""
        before, now = (
            self._state["balances_after_trade"],
            await balances(chain, mints, [self._seller]),
        )
        energy = await chain.token_balance(
            token_account(self._state["c.user"]["wallet"], mints["energy"])
        )
        baht_before, baht = self._state["baht_before"], await self._micro_thbc()
        return {
            "energy_c": energy,
            "energy_b_delta": now["energy_b"] - before["energy_b"],
            "grx_b_delta": now["grx_b"] - before["grx_b"],
            "micro_thbc_c_delta": baht["buyer"] - baht_before["buyer"],
            "micro_thbc_treasury_delta": baht["treasury"] - baht_before["treasury"],
            "micro_thbc_was_locked": self._state["baht_refunded"]["locked"]["bridge"],
            "micro_thbc_locked": baht["bridge"],
        }

    async def _micro_thbc(self) -> dict[str, int]:
        """What the neighbour, the treasury and the bridge have in baht."""
        node, contracts = self._stage.node, self._stage.contracts
        return {
            "buyer": await balance(node, contracts, self._state["c.account"]),
            "treasury": await balance(node, contracts, contracts.owner),
            "bridge": await balance(node, contracts, contracts.bridge),
        }

    async def _move_in(self, operator: HubApi) -> None:
        if "c.user" not in self._state:
            body = {"name": NEIGHBOUR, "user_type": "consumer"}
            self._state["c.user"] = await operator.post("/api/users", body, "demo-user-c")

    async def _fund(self, buyer: HubApi) -> None:
        if "c.account" in self._state:
            return
        chosen = {"custody": "hub"}
        answer = await buyer.post("/api/bridge/account", chosen, "demo-account-c")
        account = str(answer["address"])
        await give_money(self._stage.node, self._stage.contracts, account, MONEY_MICRO_THBC)
        self._state["c.account"] = account
        self._state["baht_before"] = await self._micro_thbc()

    async def _delivered(
        self, seller: HubApi, buyer: HubApi, sold_kwh: Decimal, price_grx: Decimal
    ) -> None:
        """Pay, and wait until the energy is there and the treasury has the money."""
        if "baht_delivered" in self._state:
            return
        bought = await self._buy(seller, buyer, "delivered", sold_kwh, price_grx)
        payment = await self._reach(buyer, bought["reservation_id"], "released")
        self._state["baht_delivered"] = {"bought": bought, "payment": payment}

    async def _refunded(
        self, seller: HubApi, buyer: HubApi, sold_kwh: Decimal, price_grx: Decimal
    ) -> None:
        """Pay while no guardian is there, let a day pass, and take the money back."""
        if "baht_refunded" in self._state:
            return
        await self._stage.send_guardians_away()
        bought = await self._buy(seller, buyer, "refunded", sold_kwh, price_grx)
        await self._reach(buyer, bought["reservation_id"], "paid")
        locked = await self._micro_thbc()
        await self._stage.node.pass_time(REFUND_DELAY_S)
        await self._stage.refund(bought["reservation_id"])
        payment = await self._reach(buyer, bought["reservation_id"], "refunded")
        self._state["baht_refunded"] = {"bought": bought, "payment": payment, "locked": locked}

    async def _buy(
        self, seller: HubApi, buyer: HubApi, name: str, amount_kwh: Decimal, price_grx: Decimal
    ) -> dict[str, Any]:
        """Put an order into the book, reserve it for baht, and pay what was quoted."""
        body: dict[str, Any] = {
            "seller_wallet": self._seller.wallet,
            "amount_kwh": amount_kwh,
            "price_per_kwh": price_grx,
        }
        order = await seller.post("/api/trading/orders/create", body, f"demo-order-{name}")
        body = {
            "buyer_wallet": self._state["c.user"]["wallet"],
            "order_id": order["order_id"],
            "payment_method": "THB",
        }
        bought = await buyer.post("/api/trading/orders/match", body, f"demo-match-{name}")
        path = f"/api/bridge/payments/{bought['reservation_id']}/pay"
        await buyer.post(path, {}, f"demo-pay-{name}")
        return bought

    async def _reach(self, buyer: HubApi, reservation: str, state: str) -> dict[str, Any]:
        """Wait until a payment has come to a state."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self._supervisor.check()
                payment = await buyer.get(f"/api/bridge/payments/{reservation}")
                if payment["state"] == state:
                    return payment
                await asyncio.sleep(POLL_S)
