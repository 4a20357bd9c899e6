"""The trade: A sells, the order shows, B buys, both see it; and what it changed on chain."""

from typing import Any

from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from demo.households import Household
from demo.hub_client import Chain, HubApi
from demo.plan import Plan
from demo.state import State


class OrderMissing(RuntimeError):
    """The order book does not show an order that it should show."""


async def balances(
    chain: Chain, mints: dict[str, str], households: list[Household]
) -> dict[str, int]:
    """Return each house's base units on chain, by `energy_a`, `grx_a` and so on."""
    result = {}
    for household in households:
        for token, mint in mints.items():
            balance = await chain.token_balance(token_account(household.wallet, mint))
            result[f"{token}_{household.house.key}"] = balance
    return result


def token_account(wallet: str, mint: str) -> str:
    """Return where a wallet's tokens of a mint are."""
    owner, of_mint = Pubkey.from_string(wallet), Pubkey.from_string(mint)
    return str(get_associated_token_address(owner, of_mint))


async def play_trade(plan: Plan, state: State, api_url: str, houses: list[Household]) -> None:
    """Let A sell and B buy, unless an earlier run did; remembers the answers."""
    seller_house, buyer_house = houses
    seller, buyer = HubApi(api_url, seller_house.token), HubApi(api_url, buyer_house.token)
    try:
        if "order" not in state:
            body = {
                "seller_wallet": seller_house.wallet,
                "amount_kwh": plan.sell_kwh,
                "price_per_kwh": plan.price_grx,
            }
            state["order"] = await seller.post("/api/trading/orders/create", body, "demo-order")
        if "shown" not in state:
            state["shown"] = await _shown(buyer, state["order"]["order_id"])
        if "match" not in state:
            body = {
                "buyer_wallet": buyer_house.wallet,
                "order_id": state["order"]["order_id"],
            }
            state["match"] = await buyer.post("/api/trading/orders/match", body, "demo-match")
        state["history"] = {
            "a": await seller.get("/api/trading/history", user_id=seller_house.user_id),
            "b": await buyer.get("/api/trading/history", user_id=buyer_house.user_id),
        }
    finally:
        await seller.close()
        await buyer.close()


async def _shown(api: HubApi, order_id: str) -> dict[str, Any]:
    """Return the order as the order book shows it."""
    book = await api.get("/api/trading/orders/active")
    for order in book["orders"]:
        if order["order_id"] == order_id:
            shown: dict[str, Any] = order
            return shown
    raise OrderMissing(f"order {order_id} is not in the order book")
