"""The model of orders and offers: their terms, the parts that were sold, and what these cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.state import Address, Entry, quote, require


@dataclass(frozen=True)
class Terms:
    """What an order or offer says."""

    nonce: int
    amount_mwh: int
    price_micro_grx: int
    expires_at: int

    @property
    def total(self) -> int:
        """Price of the whole."""
        return quote(self.amount_mwh, self.price_micro_grx)


@dataclass(frozen=True)
class Part:
    """A part of an order or offer: with whom, how much energy, and what it costs."""

    other: Address
    amount_mwh: int
    payment: int
    payer: Address


@dataclass(repr=False)
class Listing(Entry):
    """What orders and offers have in common."""

    owner: Address
    number: int
    terms: Terms
    created_at: int
    sold: list[Part] = field(default_factory=list, init=False)
    ending: str | None = field(default=None, init=False)

    @property
    def filled_mwh(self) -> int:
        return sum(part.amount_mwh for part in self.sold)

    @property
    def paid_micro_grx(self) -> int:
        return sum(part.payment for part in self.sold)

    @property
    def status(self) -> str:
        """Where it is in its life."""
        raise NotImplementedError

    def has_expired(self, now: int) -> bool:
        """Its time, where it has one, is up."""
        return 0 < self.terms.expires_at <= now


@dataclass(repr=False)
class Order(Listing):
    """Energy for sale."""

    reserved: dict[Address, Part] = field(default_factory=dict, init=False)
    returned_mwh: int = field(default=0, init=False)

    @property
    def reserved_mwh(self) -> int:
        return sum(part.amount_mwh for part in self.reserved.values())

    @property
    def reserved_micro_grx(self) -> int:
        return sum(part.payment for part in self.reserved.values())

    @property
    def left_mwh(self) -> int:
        """What is for sale."""
        return self.terms.amount_mwh - self.filled_mwh - self.reserved_mwh - self.returned_mwh

    @property
    def held_mwh(self) -> int:
        """What its escrow holds for it."""
        return self.left_mwh + self.reserved_mwh

    @property
    def status(self) -> str:
        if self.filled_mwh == self.terms.amount_mwh:
            return "Filled"
        if self.left_mwh:
            return "Active"
        return "Matching" if self.reserved else str(self.ending)

    def price_of(self, amount_mwh: int) -> int:
        """What a part costs: with it, all parts cost what the whole of them does."""
        require(amount_mwh <= self.left_mwh, "AmountMismatch")
        taken = self.filled_mwh + self.reserved_mwh + amount_mwh
        others = self.paid_micro_grx + self.reserved_micro_grx
        # A part given up may leave others that were rounded up more often than their sum is.
        return max(0, quote(taken, self.terms.price_micro_grx) - others)


@dataclass(repr=False)
class Offer(Listing):
    """Energy wanted."""

    @property
    def held_micro_grx(self) -> int:
        """What its escrow holds for it."""
        return 0 if self.ending else self.terms.total - self.paid_micro_grx

    @property
    def status(self) -> str:
        if self.filled_mwh == self.terms.amount_mwh:
            return "Filled"
        return self.ending or "Active"

    def price_of(self, amount_mwh: int) -> int:
        """What a part costs."""
        filled, price = self.filled_mwh, self.terms.price_micro_grx
        require(filled + amount_mwh <= self.terms.amount_mwh, "AmountMismatch")
        return quote(filled + amount_mwh, price) - quote(filled, price)
