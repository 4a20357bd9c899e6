"""From the JSON of an executed transaction to its typed form."""

from typing import Any

from solders.pubkey import Pubkey

from gridtokenx_hub import base58
from gridtokenx_hub.chain.types import ExecutedInstruction, Transaction


def decode_transaction(answer: dict[str, Any]) -> Transaction:
    """Return the transaction in an answer of `getTransaction` with encoding json."""
    transaction, meta = answer["transaction"], answer["meta"]
    message = transaction["message"]
    loaded = meta.get("loadedAddresses") or {"writable": [], "readonly": []}
    keys = [
        Pubkey.from_string(key)
        for key in message["accountKeys"] + loaded["writable"] + loaded["readonly"]
    ]
    return Transaction(
        signature=transaction["signatures"][0],
        slot=answer["slot"],
        block_time=answer["blockTime"],
        error=meta["err"],
        fee_lamports=meta["fee"],
        compute_units=meta.get("computeUnitsConsumed"),
        logs=tuple(meta["logMessages"] or ()),
        instructions=tuple(
            _instruction(index, called, keys)
            for index, called in enumerate(message["instructions"])
        ),
        inner_instructions=tuple(
            _instruction(group["index"], called, keys)
            for group in meta["innerInstructions"] or ()
            for called in group["instructions"]
        ),
    )


def _instruction(index: int, called: dict[str, Any], keys: list[Pubkey]) -> ExecutedInstruction:
    return ExecutedInstruction(
        outer_index=index,
        program_id=keys[called["programIdIndex"]],
        accounts=tuple(keys[account] for account in called["accounts"]),
        data=base58.decode(called["data"]),
    )
