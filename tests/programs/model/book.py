"""The model of the order book: orders and offers are made and traded."""

from __future__ import annotations

from typing import Any

from model.listing import Listing, Offer, Order, Part, Terms
from model.metering import Metering
from model.state import LOT_MWH, MAXIMUM, NOBODY, NONCE_WINDOW_MS, Address, Event, require

STATUSES = ("Created", "Active", "Matching", "Filled", "Cancelled", "Expired")
PAID_IN_GRX, PAID_IN_BAHT = 0, 1


def require_lots(amount_mwh: int) -> None:
    """A positive number of whole lots."""
    require(0 < amount_mwh <= MAXIMUM and amount_mwh % LOT_MWH == 0, "InvalidAmount")


class Book(Metering):
    """Orders and offers."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.orders: dict[Address, Order] = {}
        self.offers: dict[Address, Offer] = {}
        self.order_count = self.offer_count = 0

    def _check_terms(self, terms: Terms, owner: Address, address: Address) -> None:
        require_lots(terms.amount_mwh)
        require(0 < terms.price_micro_grx <= MAXIMUM and terms.total <= MAXIMUM, "InvalidPrice")
        require(terms.expires_at == 0 or terms.expires_at > self.now, "InvalidExpiry")
        require(abs(terms.nonce - self.now * 1000) <= NONCE_WINDOW_MS, "InvalidNonce")
        require(not self.paused, "MarketPaused")
        require(owner in self.users, "NotRegistered")
        require(address not in self.sponsored, "InvalidNonce")

    def create_order(self, order: Order) -> Event:
        terms, seller = order.terms, order.owner
        self._check_terms(terms, seller, order.address)
        require(self.energy[seller] >= terms.amount_mwh, "InsufficientBalance")
        assert order.address not in self.orders, "an address comes back"
        self.order_count += 1
        order.number, order.created_at = self.order_count, self.now
        self.orders[order.address] = order
        self.open_entry(order)
        self.move(self.energy, seller, order.escrow, terms.amount_mwh)
        return self._told_created(order)

    def create_offer(self, offer: Offer) -> Event:
        terms, buyer = offer.terms, offer.owner
        self._check_terms(terms, buyer, offer.address)
        require(self.grx[buyer] >= terms.total, "InsufficientBalance")
        assert offer.address not in self.offers, "an address comes back"
        self.offer_count += 1
        offer.number, offer.created_at = self.offer_count, self.now
        self.offers[offer.address] = offer
        self.open_entry(offer)
        self.move(self.grx, buyer, offer.escrow, terms.total)
        return self._told_created(offer)

    def require_tradable(self, listing: Order | Offer, other: Address) -> None:
        """It is there, open and not the other's own."""
        require(not listing.closed, "InvalidAccount")
        is_open = listing.status == "Active" and not listing.has_expired(self.now)
        require(is_open, "InvalidOrder")
        require(listing.owner != other, "SelfTradingNotAllowed")

    def _check_trade(
        self, listing: Order | Offer, other: Address, amount_mwh: int, price: int
    ) -> int:
        """A part can be traded at this price; returns what it costs."""
        require_lots(amount_mwh)
        require(not self.paused, "MarketPaused")
        require(other in self.users, "NotRegistered")
        self.require_tradable(listing, other)
        require(price == listing.terms.price_micro_grx, "AmountMismatch")
        return listing.price_of(amount_mwh)

    def match(
        self, order: Order, buyer: Address, amount_mwh: int, price: int, paid_to: Address
    ) -> Event:
        payment = self._check_trade(order, buyer, amount_mwh, price)
        require(paid_to == order.owner, "InvalidTokenAccount")
        require(self.grx[buyer] >= payment, "InsufficientBalance")
        part = Part(buyer, amount_mwh, payment, payer=buyer)
        order.sold.append(part)
        self.move(self.grx, buyer, order.owner, payment)
        self.move(self.energy, order.escrow, buyer, amount_mwh)
        return self.told_trade(order, part, PAID_IN_GRX)

    def accept(
        self, offer: Offer, seller: Address, amount_mwh: int, price: int, delivered_to: Address
    ) -> Event:
        payment = self._check_trade(offer, seller, amount_mwh, price)
        require(delivered_to == offer.owner, "InvalidTokenAccount")
        require(self.energy[seller] >= amount_mwh, "InsufficientBalance")
        offer.sold.append(Part(seller, amount_mwh, payment, payer=offer.owner))
        self.move(self.energy, seller, offer.owner, amount_mwh)
        self.move(self.grx, offer.escrow, seller, payment)
        return self.told_of(
            offer, "Accepted", seller=seller, amount_mwh=amount_mwh, price_micro_grx=price,
            payment_micro_grx=payment, filled_mwh=offer.filled_mwh,
            status=STATUSES.index(offer.status),
        )  # fmt: skip

    def told_trade(self, order: Order, part: Part, method: int, **baht: Any) -> Event:
        """The event of a part that was sold."""
        fields = {"reservation": NOBODY, "payment_micro_thbc": 0} | baht
        return self.tell(
            "trading", "TradeExecuted", order=order.address, number=order.number,
            seller=order.owner, buyer=part.other, amount_mwh=part.amount_mwh,
            price_micro_grx=order.terms.price_micro_grx, payment_micro_grx=part.payment,
            filled_mwh=order.filled_mwh, status=STATUSES.index(order.status),
            payment_method=method, timestamp=self.now, **fields,
        )  # fmt: skip

    def told_of(self, listing: Listing, what: str, **fields: Any) -> Event:
        """An event of an order or offer."""
        kind, owner = ("order", "seller") if isinstance(listing, Order) else ("offer", "buyer")
        named: dict[str, Any] = {kind: listing.address, owner: listing.owner}
        return self.tell(
            "trading", kind.capitalize() + what, number=listing.number, timestamp=self.now,
            **named, **fields,
        )  # fmt: skip

    def _told_created(self, listing: Listing) -> Event:
        terms = listing.terms
        return self.told_of(
            listing, "Created", amount_mwh=terms.amount_mwh,
            price_micro_grx=terms.price_micro_grx, expires_at=terms.expires_at,
        )  # fmt: skip
