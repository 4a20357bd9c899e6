"""What a guardian learns from its endpoints, all of it final."""

from dataclasses import dataclass
from typing import Any

from solders.pubkey import Pubkey

from gridtokenx_programs.evm import PaymentState


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the EVM chain; its time is in Unix seconds."""

    number: int
    hash: bytes
    time_s: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What `PaymentReceived` says, and the block that it is in.

    Attributes:
        reservation: address of the reservation on Solana.
        payer: 20 bytes.
        wallet: the buyer's on Solana.
        amount_micro_thbc: what was locked.
        deadline_s: Unix seconds of the quote's deadline.
        block_number: of the block.
        block_time_s: its Unix seconds.
    """

    reservation: Pubkey
    payer: bytes
    wallet: Pubkey
    amount_micro_thbc: int
    deadline_s: int
    block_number: int
    block_time_s: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A payment as the bridge's storage has it; all zero when there is none."""

    payer: bytes
    deadline_s: int
    state: PaymentState
    amount_micro_thbc: int


@dataclass(frozen=True, slots=True)
class BridgeGuardians:
    """Who is in office on the EVM chain: the set's epoch and its 20-byte addresses."""

    epoch: int
    addresses: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Market:
    """The market on Solana at one slot.

    Attributes:
        slot: the newest final one.
        time_s: what the chain's own clock said there, in Unix seconds.
        deployment: the 4 bytes of the registry's configuration.
        guardian_epoch: of the guardians in office.
        guardians: their Ed25519 keys.
    """

    slot: int
    time_s: int
    deployment: bytes
    guardian_epoch: int
    guardians: tuple[Pubkey, ...]


Terms = dict[str, Any]
"""A reservation's account, or a trade's event, as the trading program's IDL decodes it."""
