"""The baht side of a market: price, guardians, reservations, and what guardians attest.

Like `Exchange`, it makes every instruction right by default; a test says what it wants wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from exchange import Exchange, Party, Sale
from grid import KWH
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import Outcome

from gridtokenx_programs.attestation import PAID, UNPAID, Attestation, guardian_proof

GRX = 1_000_000
RATE = 10_000_000  # 10 THB per GRX
CHAIN_ID = 31_337
BRIDGE = bytes(range(100, 120))
PAYMENT_S = 600
HOLD_S = 7_200
PRICE_LIFE_S = 300
MAXIMUM_GUARDIANS = 9


@dataclass(frozen=True)
class Reservation:
    """A reservation on chain: where it is, of which sale, and for whom."""

    address: Pubkey
    escrow: Pubkey
    sale: Sale
    buyer: Party
    nonce: int


def thbc(micro_grx: int, rate: int = RATE) -> int:
    """What GRX are in THBC, rounded up."""
    return -(-micro_grx * rate // 1_000_000)


class Bridge:
    """Treasury, oracle and guardians of an exchange."""

    def __init__(self, exchange: Exchange, guardians: int = 5, threshold: int = 3) -> None:
        self.exchange, self.world = exchange, exchange.world
        self.addresses, self.program = exchange.addresses, exchange.program
        self.authority = exchange.grid.authority
        self.treasury, self.oracle = exchange.grid.treasury, self.world.wallet(0)
        self.treasury_grx = self.world.put_tokens(
            exchange.grx_mint, self.treasury.pubkey(), 1_000_000 * GRX
        )
        self.guardians = [Keypair() for _ in range(guardians)]
        self.threshold = threshold

    def open(self) -> None:
        """Hand out the roles, put the guardians in office and post a price."""
        self.world.send(
            self.set_authority("Treasury", self.treasury.pubkey()),
            self.set_authority("Oracle", self.oracle.pubkey()),
            self.set_guardians(),
            signers=[self.authority, self.treasury, self.oracle],
        )
        self.post_price()

    def post_price(self, rate: int = RATE) -> Outcome:
        """Post a rate, now."""
        return self.world.send(self.update_price(rate), signers=[self.oracle])

    def set_authority(self, role: str, new_authority: Pubkey, **changed: Pubkey) -> Instruction:
        accounts = {
            "market": self.addresses.market(),
            "authority": self.authority.pubkey(),
            "new_authority": new_authority,
        }
        return self.program.instruction("set_authority", {"role": role}, accounts | changed)

    def set_guardians(
        self,
        chosen: Sequence[Pubkey] | None = None,
        threshold: int | None = None,
        *,
        count: int | None = None,
        evm_chain_id: int = CHAIN_ID,
        bridge: bytes = BRIDGE,
        **changed: Pubkey,
    ) -> Instruction:
        if chosen is None:
            chosen = [key.pubkey() for key in self.guardians]
        unused = [Pubkey.default()] * (MAXIMUM_GUARDIANS - len(chosen))
        arguments = {
            "threshold": self.threshold if threshold is None else threshold,
            "count": len(chosen) if count is None else count,
            "guardians": [*chosen, *unused],
            "evm_chain_id": evm_chain_id,
            "bridge": bridge,
        }
        accounts = {
            "market": self.addresses.market(),
            "authority": self.authority.pubkey(),
            "guardians": self.addresses.guardians(),
            "payer": self.world.payer.pubkey(),
        }
        return self.program.instruction("set_guardians", arguments, accounts | changed)

    def update_price(self, rate: int = RATE, **changed: Pubkey) -> Instruction:
        accounts = {
            "market": self.addresses.market(),
            "oracle": self.oracle.pubkey(),
            "price": self.addresses.price(),
            "payer": self.world.payer.pubkey(),
        }
        arguments = {"rate_micro_thb_per_grx": rate}
        return self.program.instruction("update_price", arguments, accounts | changed)

    def reserve_order(
        self,
        sale: Sale,
        buyer: Party,
        nonce: int = 1,
        amount_mwh: int = 10 * KWH,
        payment_micro_thbc: int = thbc(30 * GRX),
        **changed: Pubkey,
    ) -> Instruction:
        reservation = changed.get("reservation", self.addresses.reservation(buyer.wallet, nonce))
        arguments = {
            "nonce": nonce,
            "amount_mwh": amount_mwh,
            "payment_micro_thbc": payment_micro_thbc,
        }
        accounts = {
            "market": self.addresses.market(),
            "treasury": self.treasury.pubkey(),
            "treasury_grx": self.treasury_grx,
            "order": sale.address,
            "buyer": buyer.wallet,
            "buyer_user": self.addresses.user(buyer.wallet),
            "trader": self.addresses.trader(buyer.wallet),
            "reservation": reservation,
            "reservation_escrow": self.addresses.escrow(reservation),
            "grx_mint": self.exchange.grx_mint,
            "price": self.addresses.price(),
            "guardians": self.addresses.guardians(),
            "payer": self.world.payer.pubkey(),
        }
        return self.program.instruction("reserve_order", arguments, accounts | changed)

    def reserve(
        self,
        sale: Sale,
        buyer: Party,
        nonce: int = 1,
        amount_mwh: int = 10 * KWH,
        payment_micro_thbc: int = thbc(30 * GRX),
    ) -> Reservation:
        """Reserve a part of an order."""
        instruction = self.reserve_order(sale, buyer, nonce, amount_mwh, payment_micro_thbc)
        self.world.send(instruction, signers=[self.treasury])
        address = self.addresses.reservation(buyer.wallet, nonce)
        return Reservation(address, self.addresses.escrow(address), sale, buyer, nonce)

    def terms(self, reservation: Reservation) -> dict[str, Any]:
        """The reservation account."""
        return self.world.account(self.program, "Reservation", reservation.address)

    def epoch(self) -> int:
        """Epoch of the guardians in office."""
        address = self.addresses.guardians()
        epoch: int = self.world.account(self.program, "Guardians", address)["epoch"]
        return epoch

    def attestation(self, reservation: Reservation, kind: bytes, /, **changed: Any) -> Attestation:
        """What guardians sign; `changed` are its fields, or those of its terms."""
        terms = self.terms(reservation)
        fields: dict[str, Any] = {
            "kind": kind,
            "deployment": self.exchange.grid.deployment,
            "program": self.program.id,
            "market": self.addresses.market(),
            "guardian_epoch": self.epoch(),
            "reservation": reservation.address,
        }
        terms |= {name: value for name, value in changed.items() if name in terms}
        fields |= {name: value for name, value in changed.items() if name in fields}
        assert changed.keys() <= fields.keys() | terms.keys()
        return Attestation(terms=terms, **fields)

    def proof(
        self,
        reservation: Reservation,
        kind: bytes = PAID,
        /,
        signers: Sequence[Keypair] | None = None,
        **changed: Any,
    ) -> Instruction:
        """Guardians' signatures, by default of as many as it needs."""
        digest = self.attestation(reservation, kind, **changed).digest()
        signers = self.guardians[: self.threshold] if signers is None else signers
        signed = [(key.pubkey(), bytes(key.sign_message(digest))) for key in signers]
        return guardian_proof(signed, digest)

    def match_order_with_thb(self, reservation: Reservation, /, **changed: Pubkey) -> Instruction:
        accounts = self._ending(reservation) | {
            "buyer_energy": reservation.buyer.energy,
            "seller_grx": reservation.sale.seller.grx,
        }
        return self.program.instruction("match_order_with_thb", {}, accounts | changed)

    def release_reservation(self, reservation: Reservation, /, **changed: Pubkey) -> Instruction:
        accounts = self._ending(reservation) | {
            "seller_energy": reservation.sale.seller.energy,
            "treasury_grx": self.treasury_grx,
        }
        return self.program.instruction("release_reservation", {}, accounts | changed)

    def settle(self, reservation: Reservation) -> Outcome:
        """Match a reservation with guardians' proof."""
        return self.world.send(self.proof(reservation), self.match_order_with_thb(reservation))

    def release(self, reservation: Reservation) -> Outcome:
        """Release a reservation with guardians' proof, after the payment's deadline."""
        self.world.set_time(max(self.world.now, self.terms(reservation)["pay_deadline"] + 1))
        return self.world.send(
            self.proof(reservation, UNPAID), self.release_reservation(reservation)
        )

    def _ending(self, reservation: Reservation) -> dict[str, Pubkey]:
        return {
            "market": self.addresses.market(),
            "order": reservation.sale.address,
            "escrow": reservation.sale.escrow,
            "reservation": reservation.address,
            "reservation_escrow": reservation.escrow,
            "trader": self.addresses.trader(reservation.buyer.wallet),
            "rent_payer": self.world.payer.pubkey(),
            "guardians": self.addresses.guardians(),
        }
