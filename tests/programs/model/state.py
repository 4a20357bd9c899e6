"""What the model knows of the three programs, in plain Python: integers, sets and dataclasses.

Addresses are the chain's own; here they are but names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from solders.pubkey import Pubkey

Address = Pubkey
NOBODY = Pubkey.default()
Event = tuple[str, dict[str, Any]]

KWH = MILLION = 1_000_000
LOT_MWH = 1_000
MAXIMUM = 2**63 - 1
GRX_CAP = 100 * 1_000_000
NONCE_WINDOW_MS = 600_000


class RefusedError(Exception):
    """The programs refuse, with this error."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def require(condition: bool, name: str) -> None:
    """Refuse by `name` unless the condition holds."""
    if not condition:
        raise RefusedError(name)


def divide_up(dividend: int, divisor: int) -> int:
    """Quotient, rounded up."""
    return -(-dividend // divisor)


def quote(amount_mwh: int, price_micro_grx: int) -> int:
    """What an amount costs, µGRX."""
    return divide_up(amount_mwh * price_micro_grx, KWH)


@dataclass(repr=False)
class Entry:
    """An order, offer or reservation: where it is, its escrow, and who paid the rent."""

    address: Address
    escrow: Address
    sponsor: Address
    nonce: int
    closed: bool = field(default=False, init=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(nonce={self.nonce})"


@dataclass
class Trader:
    """What is remembered of a wallet that paid in baht."""

    last_nonce: int = 0
    open_reservation: Address = NOBODY


@dataclass
class Price:
    """What a GRX is worth in baht, and since when."""

    rate: int
    updated_at: int


@dataclass
class GuardianSet:
    """Who attests payments on which bridge, and how many of them must."""

    epoch: int
    threshold: int
    guardians: tuple[Address, ...]
    evm_chain_id: int
    bridge: bytes


class State:
    """One deployment: its people, its roles, and what everybody has."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.sequences: Counter[str] = Counter()
        self.users: set[Address] = set()
        self.roles: dict[str, Address] = {}  # of the market
        self.mint_treasury: Address = NOBODY
        self.registrar: Address = NOBODY
        self.paused = False
        # By wallet or, for what lies in escrows, by the escrow's address.
        self.energy: defaultdict[Address, int] = defaultdict(int)
        self.grx: defaultdict[Address, int] = defaultdict(int)
        self.energy_minted = self.energy_redeemed = self.grx_minted = 0
        # What came to wallets, or left them, otherwise than in trades.
        self.other_energy: Counter[Address] = Counter()
        self.other_grx: Counter[Address] = Counter()
        self.donated: Counter[Address] = Counter()  # by escrow
        self.traders: dict[Address, Trader] = {}
        self.price = Price(0, 0)
        self.guardians = GuardianSet(0, 0, (), 0, b"")
        # Accounts that exist, and who paid their rent.
        self.sponsored: dict[Address, Address] = {}

    def tell(self, program: str, name: str, **fields: Any) -> Event:
        """An event of a program, with the next number in its sequence."""
        self.sequences[program] += 1
        return name, fields | {"sequence": self.sequences[program]}

    def move(
        self, balances: defaultdict[Address, int], source: Address, target: Address, amount: int
    ) -> None:
        """Move tokens, of which there are enough."""
        assert 0 <= amount <= balances[source], "the model itself must not overdraw"
        balances[source] -= amount
        balances[target] += amount

    def donate(self, mint: str, giver: Address, escrow: Address, amount: int) -> None:
        """Anybody may send tokens to an escrow."""
        balances, others = self.of_mint(mint)
        self.move(balances, giver, escrow, amount)
        others[giver] -= amount
        self.donated[escrow] += amount

    def of_mint(self, mint: str) -> tuple[defaultdict[Address, int], Counter[Address]]:
        """Balances of "energy" or "grx", and what else came and went."""
        if mint == "energy":
            return self.energy, self.other_energy
        return self.grx, self.other_grx

    def open_entry(self, entry: Entry) -> None:
        """An entry and its escrow exist from now on."""
        self.sponsored[entry.address] = self.sponsored[entry.escrow] = entry.sponsor

    def close_entry(self, entry: Entry, mint: str, heir: Address) -> int:
        """Close an entry and its escrow; returns what was left in that and went to its heir."""
        balances, others = self.of_mint(mint)
        left = balances[entry.escrow]
        self.move(balances, entry.escrow, heir, left)
        others[heir] += self.donated.pop(entry.escrow, 0)
        del self.sponsored[entry.address], self.sponsored[entry.escrow], balances[entry.escrow]
        entry.closed = True
        return left
