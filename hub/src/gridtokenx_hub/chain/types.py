"""What the chain answers, typed."""

from dataclasses import dataclass

from solders.hash import Hash
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey

from gridtokenx_hub.json_types import Json


@dataclass(frozen=True, slots=True)
class LatestBlockhash:
    """A blockhash, and the last block height at which a transaction with it may be executed."""

    blockhash: Hash
    last_valid_block_height: int


@dataclass(frozen=True, slots=True)
class AccountInfo:
    """An account as it is."""

    lamports: int
    owner: Pubkey
    data: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class SignatureStatus:
    """What became of a transaction; `error` is the chain's JSON, None for success."""

    slot: int
    error: Json
    commitment: str

    @property
    def is_confirmed(self) -> bool:
        """Whether more than two thirds of the stake have voted for it."""
        return self.commitment in {"confirmed", "finalized"}


@dataclass(frozen=True, slots=True)
class SignatureInfo:
    """A transaction in an address's history; if `is_final`, no fork can take it back."""

    signature: str
    slot: int
    error: Json
    block_time: int | None
    is_final: bool


@dataclass(frozen=True, slots=True)
class ExecutedInstruction:
    """An instruction with its accounts resolved; `outer_index` is the top instruction's."""

    outer_index: int
    program_id: Pubkey
    accounts: tuple[Pubkey, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """An executed transaction.

    `inner_instructions` are all that programs called, in order. `block_time` is Unix seconds.
    """

    signature: str
    slot: int
    block_time: int | None
    error: Json
    fee_lamports: int
    compute_units: int | None
    logs: tuple[str, ...]
    instructions: tuple[ExecutedInstruction, ...]
    inner_instructions: tuple[ExecutedInstruction, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """A transaction that nobody has signed, and the last block height at which it may be executed.

    Its first account is the fee payer.
    """

    message: Message | MessageV0
    last_valid_block_height: int


@dataclass(frozen=True, slots=True)
class PreparedTransaction:
    """A signed transaction and the last block height at which it may be executed."""

    signature: str
    raw: bytes
    last_valid_block_height: int


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A transaction that succeeded and is confirmed."""

    signature: str
    slot: int
