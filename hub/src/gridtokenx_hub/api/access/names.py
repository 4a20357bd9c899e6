"""Whose names a caller sees; see decision 0041."""

from dataclasses import replace

from gridtokenx_hub.api.access.auth import Principal
from gridtokenx_hub.api.http.problems import Problem
from gridtokenx_hub.api.market.market import Offer, Order
from gridtokenx_hub.api.market.models import Party
from gridtokenx_hub.api.market.trades import Trade

WALLET_END = 4


def short_wallet(wallet: str) -> str:
    """Return what stands in a name's place for who may not see it: `7xKX…gAsU`."""
    return f"{wallet[:WALLET_END]}…{wallet[-WALLET_END:]}"


def order_for(viewer: Principal | None, order: Order) -> Order:
    """Return an order as a caller sees it: its seller is named for who has signed in."""
    return replace(order, seller=_party_for(viewer, order.seller))


def offer_for(viewer: Principal | None, offer: Offer) -> Offer:
    """Return an offer as a caller sees it: its buyer is named for who has signed in."""
    return replace(offer, buyer=_party_for(viewer, offer.buyer))


def trade_for(viewer: Principal | None, trade: Trade) -> Trade:
    """Return a trade as a caller sees it: both sides are named for these two and operators."""
    sides = (trade.seller_wallet, trade.buyer_wallet)
    if viewer is not None and (viewer.role == "operator" or viewer.wallet in sides):
        return trade
    return replace(
        trade, seller=short_wallet(trade.seller_wallet), buyer=short_wallet(trade.buyer_wallet)
    )


def check_search(viewer: Principal | None, name: str | None) -> None:
    """Check that a caller may search by a name: what finds a name tells it.

    Raises:
        Problem: 401, a stranger searches by a name.
    """
    if name is not None and viewer is None:
        raise Problem(401, "Unauthenticated", "seller: sign in or send a token to search by a name")


def _party_for(viewer: Principal | None, party: Party) -> Party:
    if viewer is not None:
        return party
    return party.model_copy(update={"name": short_wallet(party.wallet)})
