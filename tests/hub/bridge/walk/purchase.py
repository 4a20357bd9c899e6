"""One purchase of the walk, and where it is on both chains."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from typing import Any

from hub_world import MWH_PER_KWH, User
from solders.pubkey import Pubkey

REFUND_DELAY_S = 86_400
MARGIN_S = 60
"""What a step needs of a time that is to be used: a walk's clocks go on meanwhile."""


class Fate(Enum):
    """What has become of a reservation on Solana."""

    OPEN = auto()
    DELIVERED = auto()
    FREED = auto()


class Paid(IntEnum):
    """A payment's state, as the bridge numbers it."""

    NONE = 0
    LOCKED = 1
    RELEASED = 2
    REFUNDED = 3


NEXT = {
    Fate.OPEN: {Fate.OPEN, Fate.DELIVERED, Fate.FREED},
    Fate.DELIVERED: {Fate.DELIVERED},
    Fate.FREED: {Fate.FREED},
    Paid.NONE: {Paid.NONE, Paid.LOCKED, Paid.RELEASED, Paid.REFUNDED},
    Paid.LOCKED: {Paid.LOCKED, Paid.RELEASED, Paid.REFUNDED},
    Paid.RELEASED: {Paid.RELEASED},
    Paid.REFUNDED: {Paid.REFUNDED},
}
"""What may be seen after what: an end is for ever."""


@dataclass
class Purchase:
    """A buyer's reservation of a part of an order, and the hub's answer to it."""

    buyer: User
    order: str
    kwh: int
    answer: dict[str, Any]
    fate: Fate = field(default=Fate.OPEN)
    paid: Paid = field(default=Paid.NONE)

    @property
    def name(self) -> str:
        """The reservation's address."""
        return str(self.answer["reservation_id"])

    @property
    def reservation(self) -> Pubkey:
        return Pubkey.from_string(self.name)

    @property
    def quote(self) -> dict[str, Any]:
        quote: dict[str, Any] = self.answer["payment"]["quote"]
        return quote

    @property
    def micro_thbc(self) -> int:
        return int(self.quote["amount"])

    @property
    def micro_grx(self) -> int:
        return int(self.answer["total_price_grx"] * 1_000_000)

    @property
    def mwh(self) -> int:
        return self.kwh * MWH_PER_KWH

    @property
    def deadline_s(self) -> int:
        return int(self.quote["deadline"])

    @property
    def hold_until_s(self) -> int:
        return int(dt.datetime.fromisoformat(self.answer["hold_until"]).timestamp())

    @property
    def refundable_s(self) -> int:
        return self.deadline_s + REFUND_DELAY_S

    def see(self, fate: Fate, paid: Paid) -> None:
        """Take down where it is now; nothing that has ended comes back."""
        assert fate in NEXT[self.fate], f"{self.name}: {self.fate} became {fate}"
        assert paid in NEXT[self.paid], f"{self.name}: {self.paid!r} became {paid!r}"
        self.fate, self.paid = fate, paid
