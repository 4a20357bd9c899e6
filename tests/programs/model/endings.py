"""The model of how orders and offers end: cancelled, expired, closed."""

from __future__ import annotations

from model.book import STATUSES, Book
from model.listing import Listing, Offer, Order
from model.state import NONCE_WINDOW_MS, Address, Event, require


class Endings(Book):
    """What takes orders and offers off the book."""

    def cancel(self, listing: Listing, by: Address, paid_to: Address) -> Event:
        require(not listing.closed, "InvalidAccount")
        require(by == listing.owner, "Unauthorized")
        return self._end(listing, "Cancelled", paid_to)

    def expire(self, listing: Listing, paid_to: Address) -> Event:
        require(not listing.closed, "InvalidAccount")
        require(listing.has_expired(self.now), "TooEarly")
        return self._end(listing, "Expired", paid_to)

    def close(self, listing: Listing, sponsor: Address, paid_to: Address) -> Event:
        require(not listing.closed, "InvalidAccount")
        is_over = listing.status in ("Filled", "Cancelled", "Expired")
        require(is_over, "InvalidOrder")
        # As long as the nonce may be used, the account that says it was used stays.
        age_ms = self.now * 1000 - listing.terms.nonce
        require(age_ms > NONCE_WINDOW_MS, "TooEarly")
        require(sponsor == listing.sponsor, "InvalidAccount")
        mint, name = (
            ("energy", "swept_mwh") if isinstance(listing, Order) else ("grx", "swept_micro_grx")
        )
        left = self.of_mint(mint)[0][listing.escrow]
        require(left == 0 or paid_to == listing.owner, "InvalidTokenAccount")
        swept = self.close_entry(listing, mint, listing.owner)
        return self.told_of(listing, "Closed", **{name: swept})

    def _end(self, listing: Listing, ending: str, paid_to: Address) -> Event:
        """Give back what is neither sold nor reserved."""
        is_alive = listing.status in ("Active", "Matching") and listing.ending is None
        require(is_alive, "InvalidOrder")
        require(paid_to == listing.owner, "InvalidTokenAccount")
        if isinstance(listing, Order):
            balances, returned = self.energy, listing.left_mwh
            listing.returned_mwh = returned
            more = {"returned_mwh": returned, "reserved_mwh": listing.reserved_mwh}
        else:
            assert isinstance(listing, Offer)
            balances, returned = self.grx, listing.held_micro_grx
            more = {"refunded_micro_grx": returned}
        listing.ending = ending
        self.move(balances, listing.escrow, listing.owner, returned)
        status = STATUSES.index(listing.status)
        return self.told_of(listing, ending, filled_mwh=listing.filled_mwh, status=status, **more)
