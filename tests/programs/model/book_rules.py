"""Rules of orders and offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st
from model.desk import Desk
from model.listing import Listing, Offer, Order, Terms
from model.state import LOT_MWH, NONCE_WINDOW_MS, Address, Entry, Event
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey

from gridtokenx_programs.tokens import TOKEN_PROGRAM

E = TypeVar("E", bound=Entry)
# A lot costs fractions of a µGRX, next to nothing, what it costs in earnest, and too much.
PRICES = [1_500, 333, 3_000_001, 700_000, 1, 10**15 + 1]
NONSENSE_PRICES = [0, 2**63]
OLD_ENTRIES = 1


class BookRules(Desk):
    """Selling, buying, cancelling, expiring, closing."""

    def pick_entry(
        self, data: st.DataObject, entries: dict[Address, E], wanted: Callable[[E], bool]
    ) -> E:
        """One of the entries, mostly a wanted one; of those closed, only the last."""
        live = [entry for entry in entries.values() if not entry.closed]
        closed = [entry for entry in entries.values() if entry.closed]
        right = [entry for entry in live if wanted(entry)]
        return self.pick(data, "entry", right * 8 + live + closed[-OLD_ENTRIES:])

    @property
    def with_energy(self) -> list[Pubkey]:
        """Households that have something to sell."""
        return [one for one in self.households if self.model.energy[one] >= 10 * LOT_MWH]

    def is_open(self, listing: Listing) -> bool:
        """It can be traded now."""
        return listing.status == "Active" and not listing.has_expired(self.model.now)

    def is_alive(self, listing: Listing) -> bool:
        """It can be cancelled."""
        return listing.status in {"Active", "Matching"} and listing.ending is None

    def terms(self, data: st.DataObject, owner: Address, affordable_mwh: int) -> Terms:
        """Terms of an order or offer, right or wrong."""
        now = self.model.now
        lots = affordable_mwh // LOT_MWH
        amounts = [7 * LOT_MWH, 3 * LOT_MWH, max(1, lots // 3) * LOT_MWH, max(1, lots) * LOT_MWH]
        wrong_amounts = [0, LOT_MWH + 500, (lots + 1) * LOT_MWH]
        amount = self.mostly(data, "amount", self.pick(data, "size", amounts), wrong_amounts)
        price = self.mostly(data, "price", self.pick(data, "level", PRICES), NONSENSE_PRICES)
        right_expiry = self.pick(data, "expiry", [0, 0, now + 3_600, now + 300])
        expires_at = self.mostly(data, "expires at", right_expiry, [now, now - 1])
        return Terms(self.nonce(data, owner), amount, price, expires_at)

    def nonce(self, data: st.DataObject, owner: Address) -> int:
        """A nonce, mostly new and within the window."""
        now_ms = self.model.now * 1000
        entries = (*self.model.orders.values(), *self.model.offers.values())
        own = [entry.nonce for entry in entries if entry.owner == owner]
        fresh = now_ms + len(entries)
        edges = [sign * (NONCE_WINDOW_MS + over) for sign in (1, -1) for over in (0, 1)]
        return self.mostly(data, "nonce", fresh, [now_ms + edge for edge in edges] + own[-3:])

    def create_order(self, data: st.DataObject) -> None:
        seller = self.pick(data, "seller", self.with_energy * 3 + self.households)
        terms = self.terms(data, seller, self.model.energy[seller])
        address = self.chain.addresses.order(seller, terms.nonce)
        order = Order(*self.place(data, address, terms), seller, 0, terms, 0)
        self.attempt(
            "create_order",
            lambda: self.model.create_order(order),
            self.chain.exchange.create_order(
                self.chain.parties[seller], *self.arguments(terms), payer=order.sponsor
            ),
            signers=[seller, order.sponsor],
        )

    def create_offer(self, data: st.DataObject) -> None:
        buyer = self.pick(data, "buyer", self.households)
        terms = self.terms(data, buyer, 30 * LOT_MWH)
        address = self.chain.addresses.offer(buyer, terms.nonce)
        offer = Offer(*self.place(data, address, terms), buyer, 0, terms, 0)
        self.attempt(
            "create_offer",
            lambda: self.model.create_offer(offer),
            self.chain.exchange.create_offer(
                self.chain.parties[buyer], *self.arguments(terms), payer=offer.sponsor
            ),
            signers=[buyer, offer.sponsor],
        )

    def place(
        self, data: st.DataObject, address: Pubkey, terms: Terms
    ) -> tuple[Pubkey, Pubkey, Pubkey, int]:
        """Where an entry lies, where its escrow does, who pays their rent, and its nonce."""
        sponsor = self.pick(data, "payer", self.sponsors)
        return address, self.chain.addresses.escrow(address), sponsor, terms.nonce

    def arguments(self, terms: Terms) -> tuple[int, int, int, int]:
        """Terms as the harness takes them: nonces count from the chain's time."""
        offset_ms = terms.nonce - self.model.now * 1000
        return offset_ms, terms.amount_mwh, terms.price_micro_grx, terms.expires_at

    def part(self, data: st.DataObject, left_mwh: int) -> int:
        """An amount to trade: a few lots, all that is left, or something wrong."""
        right = self.pick(data, "part", [LOT_MWH, 2 * LOT_MWH, 5 * LOT_MWH, max(left_mwh, LOT_MWH)])
        return self.mostly(
            data, "amount", min(right, max(left_mwh, LOT_MWH)), [0, LOT_MWH + 1, left_mwh + LOT_MWH]
        )

    def match_order(self, data: st.DataObject) -> None:
        order = self.pick_entry(data, self.model.orders, self.is_open)
        buyer = self.pick(data, "buyer", self.households)
        amount = self.part(data, order.left_mwh)
        price = self.mostly(data, "price", order.terms.price_micro_grx, [1, 2])
        paid_to = self.mostly(data, "paid to", order.owner, self.households[:2])
        self.attempt(
            "match_order",
            lambda: self.model.match(order, buyer, amount, price, paid_to),
            self.chain.exchange.match_order(
                self.chain.sale(order), self.chain.parties[buyer], amount, price,
                seller_grx=self.chain.parties[paid_to].grx,
            ),
            signers=[buyer],
        )  # fmt: skip

    def accept_offer(self, data: st.DataObject) -> None:
        offer = self.pick_entry(data, self.model.offers, self.is_open)
        seller = self.pick(data, "seller", self.with_energy * 3 + self.households)
        amount = self.part(data, offer.terms.amount_mwh - offer.filled_mwh)
        price = self.mostly(data, "price", offer.terms.price_micro_grx, [1, 2])
        delivered_to = self.mostly(data, "delivered to", offer.owner, self.households[:2])
        self.attempt(
            "accept_offer",
            lambda: self.model.accept(offer, seller, amount, price, delivered_to),
            self.chain.exchange.accept_offer(
                self.chain.bid(offer), self.chain.parties[seller], amount, price,
                buyer_energy=self.chain.parties[delivered_to].energy,
            ),
            signers=[seller],
        )  # fmt: skip

    def cancel(self, data: st.DataObject) -> None:
        listing = self.pick_listing(data, self.is_alive)
        by = self.mostly(data, "by", listing.owner, self.households[:2])
        paid_to = self.mostly(data, "paid to", listing.owner, self.households[:2])
        self.end(listing, "cancel", by, paid_to)

    def expire(self, data: st.DataObject) -> None:
        listing = self.pick_listing(data, lambda one: one.has_expired(self.model.now))
        paid_to = self.mostly(data, "paid to", listing.owner, self.households[:2])
        self.end(listing, "expire", None, paid_to)

    def close(self, data: st.DataObject) -> None:
        listing = self.pick_listing(data, lambda one: not self.is_alive(one))
        sponsor = self.mostly(data, "rent to", listing.sponsor, self.sponsors)
        paid_to = self.mostly(data, "paid to", listing.owner, self.households[:2])
        kind = "order" if isinstance(listing, Order) else "offer"
        self.attempt(
            f"close_{kind}",
            lambda: self.model.close(listing, sponsor, paid_to),
            self.ending(listing, f"close_{kind}", paid_to, rent_payer=sponsor),
        )

    def pick_listing(self, data: st.DataObject, wanted: Callable[[Listing], bool]) -> Listing:
        """An order or an offer."""
        listings: dict[Address, Listing] = {**self.model.orders, **self.model.offers}
        return self.pick_entry(data, listings, wanted)

    def end(self, listing: Listing, name: str, by: Address | None, paid_to: Address) -> None:
        """Cancel or expire an order or offer."""
        name = name if isinstance(listing, Order) else f"{name}_offer"
        who = "seller" if isinstance(listing, Order) else "buyer"
        named = {who: by} if by else {}

        def predict() -> Event:
            if by:
                return self.model.cancel(listing, by, paid_to)
            return self.model.expire(listing, paid_to)

        instruction = self.ending(listing, name, paid_to, **named)
        self.attempt(name, predict, instruction, signers=named.values())

    def ending(
        self, listing: Listing, name: str, paid_to: Address, **changed: Pubkey
    ) -> Instruction:
        """An instruction that ends or closes an order or offer."""
        party = self.chain.parties[paid_to]
        if isinstance(listing, Order):
            sale = self.chain.sale(listing)
            return self.chain.exchange.end_order(name, sale, seller_energy=party.energy, **changed)
        bid = self.chain.bid(listing)
        return self.chain.exchange.end_offer(name, bid, buyer_grx=party.grx, **changed)

    def donate(self, data: st.DataObject) -> None:
        entries = {**self.model.orders, **self.model.offers, **self.model.reservations}
        live = [entry for entry in entries.values() if not entry.closed]
        giver = self.pick(data, "giver", self.households)
        if not live:
            return  # all are closed
        entry = self.pick(data, "to", live)
        mint = "energy" if isinstance(entry, Order) else "grx"
        amount = min(self.pick(data, "amount", [1, 999]), self.model.of_mint(mint)[0][giver])
        self.world.send(
            transfer(getattr(self.chain.parties[giver], mint), entry.escrow, giver, amount),
            signers=[self.chain.keys[giver]],
        )
        self.model.donate(mint, giver, entry.escrow, amount)


def transfer(source: Pubkey, target: Pubkey, owner: Pubkey, amount: int) -> Instruction:
    """SPL Token's own transfer."""
    data = b"\x03" + amount.to_bytes(8, "little")
    metas = [
        AccountMeta(source, False, True),
        AccountMeta(target, False, True),
        AccountMeta(owner, True, False),
    ]
    return Instruction(TOKEN_PROGRAM, data, metas)
