"""Rules of reservations paid in baht, the price, and the guardians."""

from __future__ import annotations

from dataclasses import replace

import bridge as harness
from bridge import BRIDGE, CHAIN_ID
from hypothesis import strategies as st
from model.book_rules import BookRules
from model.model import MAXIMUM_RATE, PAYMENT_S, Proof, Reservation
from model.state import MILLION, Address, GuardianSet, RefusedError, divide_up
from solders.instruction import Instruction
from solders.keypair import Keypair

from gridtokenx_programs.attestation import PAID, UNPAID, Attestation, guardian_proof

RATES = [10_000_000, 333_333, 1]
NONSENSE_RATES = [0, MAXIMUM_RATE + 1]


class BahtRules(BookRules):
    """Reserving, matching, releasing."""

    def __init__(self) -> None:
        super().__init__()
        self.guardians = tuple(self.chain.know(Keypair()) for _ in range(5))
        self.former: GuardianSet | None = None

    def try_update_price(self, by: Address, rate: int) -> None:
        self.attempt(
            "update_price",
            lambda: self.model.update_price(by, rate),
            self.chain.bridge.update_price(rate, oracle=by),
            signers=[by],
        )

    def update_price(self, data: st.DataObject) -> None:
        by = self.mostly(data, "by", self.model.roles["Oracle"], self.officers)
        right = self.pick(data, "level", [*RATES, MAXIMUM_RATE])
        self.try_update_price(by, self.mostly(data, "rate", right, NONSENSE_RATES))

    def try_set_guardians(self, by: Address, chosen: GuardianSet) -> None:
        before = self.model.guardians
        done = self.attempt(
            "set_guardians",
            lambda: self.model.set_guardians(by, chosen),
            self.chain.bridge.set_guardians(
                chosen.guardians, chosen.threshold, evm_chain_id=chosen.evm_chain_id,
                bridge=chosen.bridge, authority=by,
            ),
            signers=[by],
        )  # fmt: skip
        if done and before.guardians:
            self.former = before

    def guardian_set(self, guardians: tuple[Address, ...], threshold: int) -> GuardianSet:
        """The next set, of the usual bridge."""
        epoch = self.model.guardians.epoch + 1
        return GuardianSet(epoch, threshold, guardians, CHAIN_ID, BRIDGE)

    def set_guardians(self, data: st.DataObject) -> None:
        some = self.guardians
        chosen, threshold = self.pick(
            data, "set",
            [(some[:3], 2), (some[1:], 3), (some[:1], 1), (some[::-1], 3)] * 2
            + [((*some[:2], some[0]), 2), (some[:4], 2), (some[:2], 3), ((), 0)],
        )  # fmt: skip
        by = self.mostly(data, "by", self.model.roles["Authority"], self.officers)
        self.try_set_guardians(by, self.guardian_set(chosen, threshold))

    def reserve_order(self, data: st.DataObject) -> None:
        if data.draw(st.sampled_from([True, True, False]), label="post a price"):
            rate = self.pick(data, "rate", RATES)
            self.try_update_price(self.model.roles["Oracle"], rate)
        order = self.pick_entry(data, self.model.orders, self.is_open)
        buyer = self.pick(data, "buyer", self.households)
        treasury = self.mostly(data, "treasury", self.model.roles["Treasury"], self.officers)
        amount = self.part(data, order.left_mwh)
        trader = self.model.traders.get(buyer)
        last = trader.last_nonce if trader else 0
        nonce = self.mostly(data, "nonce", last + 1, [last, last + 7, max(0, last - 1), 2**63])
        address = self.chain.addresses.reservation(buyer, nonce)
        reservation = Reservation(
            address, self.chain.addresses.escrow(address), self.pick(data, "payer", self.sponsors),
            nonce, order, buyer, amount, 0, treasury,
        )  # fmt: skip
        right = self.thbc(reservation)
        wrong = [right + 1, max(0, right - 1)]
        reservation.payment_micro_thbc = self.mostly(data, "baht", right, wrong)
        self.attempt(
            "reserve_order",
            lambda: self.model.reserve(reservation, self.chain.addresses.trader(buyer)),
            self.chain.bridge.reserve_order(
                self.chain.sale(order), self.chain.parties[buyer], nonce, amount,
                reservation.payment_micro_thbc, treasury=treasury,
                treasury_grx=self.chain.parties[treasury].grx, payer=reservation.sponsor,
            ),
            signers=[treasury, reservation.sponsor],
        )  # fmt: skip

    def thbc(self, reservation: Reservation) -> int:
        """What a reservation costs the buyer; nothing where it cannot be."""
        try:
            payment = reservation.order.price_of(reservation.amount_mwh)
        except RefusedError:
            return 0
        return divide_up(payment * self.model.price.rate, MILLION)

    def draw_proof(
        self, data: st.DataObject, reservation: Reservation, *, is_paid: bool
    ) -> Proof | None:
        """What guardians signed: mostly what they should."""
        office = self.model.guardians
        right = Proof(
            reservation.address, is_paid, office.epoch, office.guardians[: office.threshold]
        )
        former = self.former or office
        wrong = [
            None,
            replace(right, is_paid=not is_paid),
            replace(right, reservation=next(iter(self.model.reservations))),
            replace(right, epoch=office.epoch - 1),
            replace(right, epoch=former.epoch, signers=former.guardians[: former.threshold]),
            replace(right, signers=former.guardians[: former.threshold]),
            replace(right, signers=office.guardians[-office.threshold :]),
            replace(right, signers=right.signers[:-1] or self.guardians),
            replace(right, signers=right.signers[::-1]),
            replace(right, signers=right.signers[:1] * len(right.signers)),
            replace(right, signers=office.guardians),
        ]
        return self.mostly(data, "proof", right, wrong, odds=2)

    def signed(self, proof: Proof | None) -> list[Instruction]:
        """The guardians' signatures, as an instruction."""
        if proof is None:
            return []
        reservation = self.model.reservations[proof.reservation]
        attestation = Attestation(
            kind=PAID if proof.is_paid else UNPAID,
            deployment=self.model.deployment,
            program=self.world.trading.id,
            market=self.chain.addresses.market(),
            guardian_epoch=proof.epoch,
            reservation=proof.reservation,
            terms=vars(reservation)
            | {"order": reservation.order.address, "seller": reservation.order.owner},
        )
        digest = attestation.digest()
        signatures = [
            (key, bytes(self.chain.keys[key].sign_message(digest))) for key in proof.signers
        ]
        return [guardian_proof(signatures, digest)]

    def match_order_with_thb(self, data: st.DataObject) -> None:
        reservation = self.pick_entry(data, self.model.reservations, self.is_payable)
        proof = self.draw_proof(data, reservation, is_paid=True)
        buyer, seller = reservation.buyer, reservation.order.owner
        delivered_to = self.mostly(data, "delivered to", buyer, self.households[:2])
        paid_to = self.mostly(data, "paid to", seller, self.households[:2])
        self.attempt(
            "match_order_with_thb",
            lambda: self.model.match_with_thb(reservation, proof, delivered_to, paid_to),
            *self.signed(proof),
            self.chain.bridge.match_order_with_thb(
                self.reservation(reservation), rent_payer=reservation.sponsor,
                buyer_energy=self.chain.parties[delivered_to].energy,
                seller_grx=self.chain.parties[paid_to].grx,
            ),
        )  # fmt: skip

    def release_reservation(self, data: st.DataObject) -> None:
        reservation = self.pick_entry(data, self.model.reservations, lambda _: True)
        later = self.pick(data, "later", [0, 0, PAYMENT_S + 1])
        self.move_clock(later)
        proof = self.draw_proof(data, reservation, is_paid=False)
        energy_to = self.mostly(data, "energy to", reservation.order.owner, self.households[:2])
        grx_to = self.mostly(data, "GRX to", reservation.treasury, self.households[:2])
        self.attempt(
            "release_reservation",
            lambda: self.model.release(reservation, proof, energy_to, grx_to),
            *self.signed(proof),
            self.chain.bridge.release_reservation(
                self.reservation(reservation), rent_payer=reservation.sponsor,
                seller_energy=self.chain.parties[energy_to].energy,
                treasury_grx=self.chain.parties[grx_to].grx,
            ),
        )  # fmt: skip

    def is_payable(self, reservation: Reservation) -> bool:
        """It can be matched."""
        return self.model.now <= reservation.hold_until

    def reservation(self, reservation: Reservation) -> harness.Reservation:
        """A reservation in the harness's words."""
        return harness.Reservation(
            reservation.address, reservation.escrow, self.chain.sale(reservation.order),
            self.chain.parties[reservation.buyer], reservation.nonce,
        )  # fmt: skip
