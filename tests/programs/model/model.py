"""The model of the whole: the book, the baht side of it, its roles, and who mints GRX."""

from __future__ import annotations

from dataclasses import dataclass

from model.book import PAID_IN_BAHT, STATUSES, require_lots
from model.endings import Endings
from model.listing import Order, Part
from model.state import (
    GRX_CAP,
    MAXIMUM,
    MILLION,
    NOBODY,
    Address,
    Entry,
    Event,
    GuardianSet,
    Price,
    Trader,
    divide_up,
    require,
)

PAYMENT_S, HOLD_S, PRICE_LIFE_S = 600, 7_200, 300
MAXIMUM_RATE = 10**12
MAXIMUM_GUARDIANS = 9
ROLES = ("Authority", "Treasury", "Oracle", "Pauser")


@dataclass(repr=False)
class Reservation(Entry):
    """A part of an order, kept for a buyer who pays in baht."""

    order: Order
    buyer: Address
    amount_mwh: int
    payment_micro_thbc: int
    treasury: Address
    payment_micro_grx: int = 0
    pay_deadline: int = 0
    hold_until: int = 0
    evm_chain_id: int = 0
    bridge: bytes = b""


@dataclass(frozen=True)
class Proof:
    """What guardians signed: whether a reservation was paid, as the set of an epoch."""

    reservation: Address
    is_paid: bool
    epoch: int
    signers: tuple[Address, ...]


class Model(Endings):
    """registry, energy-token and trading of one deployment."""

    def __init__(self, now: int) -> None:
        super().__init__(now)
        self.reservations: dict[Address, Reservation] = {}

    def mint_grx(self, by: Address, to: Address, amount: int, account: Address) -> Event:
        require(by == self.mint_treasury, "Unauthorized")
        require(amount != 0, "InvalidAmount")
        require(self.grx_minted + amount <= GRX_CAP, "CapExceeded")
        self.grx_minted += amount
        self.grx[to] += amount
        self.other_grx[to] += amount
        return self.tell(
            "energy_token", "GrxMinted",
            destination=account, amount=amount, grx_minted=self.grx_minted,
        )  # fmt: skip

    def set_authority(self, by: Address, role: str, holder: Address, *, agrees: bool) -> Event:
        require(by == self.roles["Authority"], "Unauthorized")
        require(agrees, "MissingSignature")
        before, self.roles[role] = self.roles[role], holder
        return self.tell(
            "trading", "AuthoritySet", role=role, previous_holder=before, new_holder=holder
        )

    def pause(self, by: Address) -> Event:
        require(by in (self.roles["Pauser"], self.roles["Authority"]), "Unauthorized")
        self.paused = True
        return self.tell("trading", "Paused", pauser=by, timestamp=self.now)

    def resume(self, by: Address) -> Event:
        require(by == self.roles["Authority"], "Unauthorized")
        self.paused = False
        return self.tell("trading", "Resumed", authority=by, timestamp=self.now)

    def update_price(self, by: Address, rate: int) -> Event:
        require(0 < rate <= MAXIMUM_RATE, "InvalidRate")
        require(by == self.roles["Oracle"], "Unauthorized")
        self.price = Price(rate, self.now)
        return self.tell("trading", "PriceUpdated", rate_micro_thb_per_grx=rate, timestamp=self.now)

    def set_guardians(self, by: Address, chosen: GuardianSet) -> Event:
        """The epoch of `chosen` is the next one's."""
        guardians, threshold = chosen.guardians, chosen.threshold
        is_majority = threshold <= len(guardians) < 2 * threshold
        is_distinct = len(set(guardians)) == len(guardians) <= MAXIMUM_GUARDIANS
        require(is_majority and is_distinct, "InvalidGuardians")
        require(chosen.evm_chain_id > 0 and any(chosen.bridge), "InvalidGuardians")
        require(by == self.roles["Authority"], "Unauthorized")
        assert chosen.epoch == self.guardians.epoch + 1
        self.guardians = chosen
        return self.tell(
            "trading", "GuardiansSet", epoch=chosen.epoch, threshold=threshold,
            count=len(guardians), evm_chain_id=chosen.evm_chain_id, bridge=chosen.bridge,
            guardians=guardians + (NOBODY,) * (MAXIMUM_GUARDIANS - len(guardians)),
        )  # fmt: skip

    def reserve(self, reservation: Reservation, trader_address: Address) -> Event:
        order, buyer = reservation.order, reservation.buyer
        require_lots(reservation.amount_mwh)
        require(not self.paused, "MarketPaused")
        require(reservation.treasury == self.roles["Treasury"], "Unauthorized")
        require(buyer in self.users, "NotRegistered")
        require(reservation.address not in self.sponsored, "InvalidNonce")
        self.require_tradable(order, buyer)
        payment = order.price_of(reservation.amount_mwh)
        require(self.now - self.price.updated_at <= PRICE_LIFE_S, "StalePrice")
        thbc = divide_up(payment * self.price.rate, MILLION)
        require(thbc <= MAXIMUM, "ArithmeticOverflow")
        require(0 < thbc == reservation.payment_micro_thbc, "AmountMismatch")
        trader = self.traders.get(buyer, Trader())
        require(trader.last_nonce < reservation.nonce <= MAXIMUM, "InvalidNonce")
        require(trader.open_reservation == NOBODY, "ReservationOpen")
        require(self.grx[reservation.treasury] >= payment, "InsufficientBalance")
        assert reservation.address not in self.reservations, "an address comes back"
        self.traders[buyer] = Trader(reservation.nonce, reservation.address)
        self.sponsored.setdefault(trader_address, reservation.sponsor)
        reservation.payment_micro_grx = payment
        reservation.pay_deadline = self.now + PAYMENT_S
        reservation.hold_until = reservation.pay_deadline + HOLD_S
        reservation.evm_chain_id = self.guardians.evm_chain_id
        reservation.bridge = self.guardians.bridge
        self.reservations[reservation.address] = reservation
        self.open_entry(reservation)
        order.reserved[reservation.address] = Part(
            buyer, reservation.amount_mwh, payment, payer=reservation.treasury
        )
        self.move(self.grx, reservation.treasury, reservation.escrow, payment)
        return self._told_reserved(reservation)

    def match_with_thb(
        self, reservation: Reservation, proof: Proof | None, delivered_to: Address, paid_to: Address
    ) -> Event:
        require(not self.paused, "MarketPaused")
        require(not reservation.closed, "InvalidAccount")
        require(self.now <= reservation.hold_until, "TooLate")
        self._require_attested(reservation, proof, is_paid=True)
        order, buyer = reservation.order, reservation.buyer
        require(delivered_to == buyer, "InvalidTokenAccount")
        require(paid_to == order.owner, "InvalidTokenAccount")
        part = order.reserved.pop(reservation.address)
        order.sold.append(part)

        self.move(self.energy, order.escrow, buyer, reservation.amount_mwh)
        self._close_reservation(reservation, order.owner)
        return self.told_trade(
            order, part, PAID_IN_BAHT, reservation=reservation.address,
            payment_micro_thbc=reservation.payment_micro_thbc,
        )  # fmt: skip

    def release(
        self, reservation: Reservation, proof: Proof | None, energy_to: Address, grx_to: Address
    ) -> Event:
        require(not reservation.closed, "InvalidAccount")
        if self.now <= reservation.hold_until:
            require(self.now > reservation.pay_deadline, "TooEarly")
            self._require_attested(reservation, proof, is_paid=False)
        order = reservation.order
        returned = reservation.amount_mwh if order.ending else 0
        require(not returned or energy_to == order.owner, "InvalidTokenAccount")
        require(grx_to == reservation.treasury, "InvalidTokenAccount")
        del order.reserved[reservation.address]
        order.returned_mwh += returned
        self.move(self.energy, order.escrow, order.owner, returned)
        self._close_reservation(reservation, reservation.treasury)
        return self._told_reservation(reservation, "ReservationReleased", returned_mwh=returned)

    def _require_attested(
        self, reservation: Reservation, proof: Proof | None, *, is_paid: bool
    ) -> None:
        """As many guardians in office as must, each once and in their order, signed just this."""
        office = self.guardians
        expected = [
            guardian for guardian in office.guardians if proof and guardian in proof.signers
        ]
        require(
            proof is not None
            and (proof.reservation, proof.is_paid) == (reservation.address, is_paid)
            and proof.epoch == office.epoch
            and list(proof.signers) == expected
            and len(expected) == office.threshold,
            "InvalidBridgeProof",
        )

    def _close_reservation(self, reservation: Reservation, heir: Address) -> None:
        self.traders[reservation.buyer].open_reservation = NOBODY
        self.close_entry(reservation, "grx", heir)

    def _told_reserved(self, reservation: Reservation) -> Event:
        return self._told_reservation(
            reservation, "Reserved", nonce=reservation.nonce,
            price_micro_grx=reservation.order.terms.price_micro_grx,
            payment_micro_thbc=reservation.payment_micro_thbc,
            rate_micro_thb_per_grx=self.price.rate, evm_chain_id=reservation.evm_chain_id,
            bridge=reservation.bridge, pay_deadline=reservation.pay_deadline,
            hold_until=reservation.hold_until,
        )  # fmt: skip

    def _told_reservation(self, reservation: Reservation, name: str, **fields: object) -> Event:
        order = reservation.order
        return self.tell(
            "trading", name, reservation=reservation.address, order=order.address,
            number=order.number, seller=order.owner, buyer=reservation.buyer,
            amount_mwh=reservation.amount_mwh, payment_micro_grx=reservation.payment_micro_grx,
            reserved_mwh=order.reserved_mwh, status=STATUSES.index(order.status),
            timestamp=self.now, **fields,
        )  # fmt: skip
