"""A paid reservation, right in everything; a test says what it wants wrong."""

import hashlib
from dataclasses import replace
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_guardian.facts import (
    Block,
    BridgeGuardians,
    Kept,
    Market,
    Payment,
    Terms,
)
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load
from gridtokenx_programs.evm import BridgeId, PaymentState

NOW = 1_800_000_000
DEADLINE = NOW + 300
PROGRAMS = {name: load(name) for name in PROGRAM_NAMES}
TRADING = PROGRAMS["trading"]
ADDRESSES = Addresses(*(program.id for program in PROGRAMS.values()))
BRIDGE = BridgeId(31_337, bytes(range(100, 120)))
PAYER = bytes(range(20))
GUARDIAN = Keypair.from_seed(bytes([7]) * 32)
EVM_GUARDIAN = bytes(range(50, 70))
AMOUNT = 300_000_000


def key(name: str) -> Pubkey:
    return Pubkey(hashlib.sha256(name.encode()).digest())


BUYER = key("buyer")
NONCE = 1
RESERVATION = ADDRESSES.reservation(BUYER, NONCE)


def reservation_terms(**changed: Any) -> Terms:
    """A reservation's account."""
    return {
        "order": key("order"),
        "seller": key("seller"),
        "buyer": BUYER,
        "nonce": NONCE,
        "amount_mwh": 10_000_000,
        "payment_micro_grx": 30_000_000,
        "payment_micro_thbc": AMOUNT,
        "evm_chain_id": BRIDGE.chain_id,
        "bridge": BRIDGE.address,
        "pay_deadline": DEADLINE,
        "hold_until": DEADLINE + 7200,
        "treasury": key("treasury"),
        "rent_payer": key("payer"),
        "escrow_bump": 255,
        "bump": 255,
    } | changed


def executed_trade(**changed: Any) -> Terms:
    """The event of the reservation's match."""
    return {
        "sequence": 9,
        "order": key("order"),
        "number": 1,
        "seller": key("seller"),
        "buyer": BUYER,
        "amount_mwh": 10_000_000,
        "price_micro_grx": 3_000_000,
        "payment_micro_grx": 30_000_000,
        "filled_mwh": 10_000_000,
        "status": 3,
        "payment_method": 1,
        "timestamp": NOW,
        "reservation": RESERVATION,
        "payment_micro_thbc": AMOUNT,
    } | changed


class Facts:
    """All that the checks look at."""

    def __init__(self) -> None:
        self.payment = Payment(RESERVATION, PAYER, BUYER, AMOUNT, DEADLINE, 5, NOW - 30)
        self.kept = Kept(PAYER, DEADLINE, PaymentState.LOCKED, AMOUNT)
        self.terms = reservation_terms()
        self.trade: Terms | None = executed_trade()
        self.block = Block(7, bytes(32), NOW)
        self.market = Market(1000, NOW, b"depl", 1, (key("other"), GUARDIAN.pubkey()))
        self.guardians = BridgeGuardians(1, (bytes(20), EVM_GUARDIAN))

    def pay(self, **changed: Any) -> "Facts":
        """Event and storage say something else, and agree."""
        self.payment = replace(self.payment, **changed)
        self.kept = replace(
            self.kept,
            payer=self.payment.payer,
            amount_micro_thbc=self.payment.amount_micro_thbc,
            deadline_s=self.payment.deadline_s,
        )
        return self

    def agree(self, **changed: Any) -> "Facts":
        """The reservation has other terms."""
        self.terms |= changed
        return self

    def store(self, **changed: Any) -> "Facts":
        """The bridge's storage says something else."""
        self.kept = replace(self.kept, **changed)
        return self

    def times(self, evm_s: int, solana_s: int) -> "Facts":
        """What the chains' clocks say."""
        self.block = replace(self.block, time_s=evm_s)
        self.market = replace(self.market, time_s=solana_s)
        return self

    def traded(self, **changed: Any) -> "Facts":
        """The trade was another."""
        self.trade = executed_trade(**changed)
        return self

    def dismissed(self) -> "Facts":
        """This guardian is in neither set."""
        self.market = replace(self.market, guardians=(key("other"),))
        self.guardians = BridgeGuardians(1, (bytes(20),))
        return self
