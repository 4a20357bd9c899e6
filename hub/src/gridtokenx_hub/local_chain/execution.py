"""What a transaction passes on its way into a slot."""

import json
from dataclasses import dataclass

from solders.transaction_metadata import TransactionMetadata

from gridtokenx_hub.json_types import Json
from gridtokenx_hub.local_chain.bank import Bank, Execution
from gridtokenx_hub.local_chain.encoding import meta_json
from gridtokenx_hub.local_chain.ledger import Ledger
from gridtokenx_hub.local_chain.producer import OpenSlot
from gridtokenx_hub.local_chain.records import ExecutedTransaction
from gridtokenx_hub.local_chain.slots import SlotWindow
from gridtokenx_hub.local_chain.transaction import ParsedTransaction


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a transaction does not pass; `metadata` is there if it was tried."""

    error: Json
    metadata: TransactionMetadata | None


class TransactionGate:
    """Lets each transaction into a slot at most once, and only while its blockhash lives."""

    def __init__(self, bank: Bank, ledger: Ledger, window: SlotWindow) -> None:
        self._bank = bank
        self._ledger = ledger
        self._window = window

    def pass_into(
        self, open_slot: OpenSlot, transaction: ParsedTransaction, *, preflight: bool
    ) -> Failure | None:
        """Execute `transaction` in `open_slot` if it may be.

        Without `preflight`, one that fails is part of the slot and pays its fee, as it would on a
        cluster; with it, one that fails has no effect.
        """
        failure = self.refusal(transaction, open_slot)
        if failure is not None:
            return failure
        execution = self._bank.execute(transaction, keep_failed=not preflight)
        if execution.is_recorded:
            open_slot.add(_recorded(transaction, execution), execution.changed)
        return None if execution.error is None else Failure(execution.error, execution.metadata)

    def refusal(self, transaction: ParsedTransaction, open_slot: OpenSlot) -> Failure | None:
        """Why `transaction` may not be executed at all, None if it may."""
        message = transaction.message
        blockhash = bytes(message.recent_blockhash)
        if not self._window.is_valid(blockhash, open_slot.slot.block_height):
            return Failure("BlockhashNotFound", None)
        message_hash = bytes(message.hash())
        if message_hash in open_slot.message_hashes or self._ledger.has_message(message_hash):
            return Failure("AlreadyProcessed", None)
        return None


def _recorded(transaction: ParsedTransaction, execution: Execution) -> ExecutedTransaction:
    error = execution.error
    return ExecutedTransaction(
        signature=bytes(transaction.versioned.signatures[0]),
        message_hash=bytes(transaction.message.hash()),
        raw=bytes(transaction.versioned),
        err=None if error is None else json.dumps(error),
        meta=json.dumps(meta_json(execution)),
        addresses=tuple(bytes(key) for key in execution.keys.all),
    )
