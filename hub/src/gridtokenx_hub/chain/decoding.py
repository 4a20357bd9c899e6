"""From the JSON of an executed transaction to its typed form."""

import base64
from collections.abc import Sequence
from typing import Any

from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from gridtokenx_hub import base58
from gridtokenx_hub.chain.types import ExecutedInstruction, Transaction


def decode_transaction(answer: dict[str, Any]) -> Transaction:
    """Return the transaction in an answer of `getTransaction` with encoding base64.

    That encoding is the one that costs a node least: in the others it puts every byte of the
    transaction into base58. What programs called is in base58 in all of them.
    """
    encoded, meta = answer["transaction"][0], answer["meta"]
    transaction = VersionedTransaction.from_bytes(base64.b64decode(encoded))
    message = transaction.message
    loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
    keys = [
        *message.account_keys,
        *(Pubkey.from_string(key) for key in loaded["writable"] + loaded["readonly"]),
    ]
    return Transaction(
        signature=str(transaction.signatures[0]),
        slot=answer["slot"],
        block_time=answer["blockTime"],
        error=meta["err"],
        fee_lamports=meta["fee"],
        compute_units=meta.get("computeUnitsConsumed"),
        logs=tuple(meta["logMessages"] or ()),
        instructions=tuple(
            _instruction(keys, index, called.program_id_index, called.accounts, called.data)
            for index, called in enumerate(message.instructions)
        ),
        inner_instructions=tuple(
            _instruction(
                keys,
                group["index"],
                called["programIdIndex"],
                called["accounts"],
                base58.decode(called["data"]),
            )
            for group in meta["innerInstructions"] or ()
            for called in group["instructions"]
        ),
    )


def _instruction(
    keys: Sequence[Pubkey], outer_index: int, program: int, accounts: Sequence[int], data: bytes
) -> ExecutedInstruction:
    return ExecutedInstruction(
        outer_index=outer_index,
        program_id=keys[program],
        accounts=tuple(keys[account] for account in accounts),
        data=data,
    )
