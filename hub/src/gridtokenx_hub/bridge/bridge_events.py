"""The events of the bridge's contract, from its logs."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from solders.pubkey import Pubkey

from gridtokenx_hub.bridge.evm_client import Log
from gridtokenx_programs.evm.words import address_of, keccak, small, split

_RECEIVED = keccak(b"PaymentReceived(bytes32,address,bytes32,uint256,uint64)")
_RELEASED = keccak(b"Released(bytes32,address,uint256)")
_REFUNDED = keccak(b"Refunded(bytes32,address,uint256)")
_ENDINGS = {_RELEASED: "released", _REFUNDED: "refunded"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """THBC is locked for a reservation."""

    reservation: Pubkey
    payer: bytes
    wallet: Pubkey
    micro_thbc: int
    deadline_s: int
    block_number: int
    transaction: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """A payment is `released` or `refunded`."""

    reservation: Pubkey
    state: str
    block_number: int
    transaction: bytes


def events_of(logs: Sequence[Log]) -> list[Received | Ended]:
    """Return what the logs say of payments, in their order.

    A payment that no quote of a hub can have asked for (beyond what a token account holds) is told
    in the log and left out: its payer can have it back.
    """
    found = []
    for entry in logs:
        try:
            event = _event(entry)
        except ValueError as error:
            log.error(  # noqa: TRY400 - the message says it all
                "bridge: the event in 0x%s is left out: %s", entry.transaction.hex(), error
            )
            continue
        if event is not None:
            found.append(event)
    return found


def _event(entry: Log) -> Received | Ended | None:
    kind = entry.topics[0] if entry.topics else b""
    if kind == _RECEIVED:
        reservation, payer, wallet = entry.topics[1:]
        micro_thbc, deadline_s = split(entry.data, 2)
        return Received(
            Pubkey(reservation),
            address_of(int.from_bytes(payer, "big")),
            Pubkey(wallet),
            small(micro_thbc),
            small(deadline_s),
            entry.block_number,
            entry.transaction,
        )
    if kind in _ENDINGS:
        return Ended(Pubkey(entry.topics[1]), _ENDINGS[kind], entry.block_number, entry.transaction)
    return None
