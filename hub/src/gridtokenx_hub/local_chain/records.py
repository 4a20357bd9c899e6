"""What goes into the ledger and comes out of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gridtokenx_hub.json_types import Json
from gridtokenx_hub.local_chain.slots import Slot


@dataclass(frozen=True, slots=True)
class ExecutedTransaction:
    """A transaction that is part of a slot, with everything it touched."""

    signature: bytes
    message_hash: bytes
    raw: bytes
    err: str | None
    meta: str
    addresses: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """What one slot adds to the ledger; an account image of None means that it is gone."""

    slot: Slot
    transactions: Sequence[ExecutedTransaction]
    account_images: dict[bytes, bytes | None]


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction as the ledger has it; `err` and `meta` are JSON."""

    id: int
    signature: bytes
    slot: int
    position: int
    unix_s: int
    raw: bytes
    err: str | None
    meta: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where and when a transaction was executed and how it ended; `err` is JSON."""

    signature: bytes
    slot: int
    position: int
    unix_s: int
    err: str | None


def error_of(transaction: ExecutedTransaction | StoredTransaction | Outcome) -> Json:
    """Why a transaction failed, as RPC shows it; None if it did not."""
    error: Json = None if transaction.err is None else json.loads(transaction.err)
    return error
