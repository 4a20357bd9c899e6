"""Messages: what a transaction says, apart from its signatures."""

from collections.abc import Sequence

from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.compute_budget import set_compute_unit_limit
from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import Message, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey

MAX_TRANSACTION_BYTES = 1232
INSTRUCTIONS_IN_FRONT = 1
"""The compute limit goes in front of the instructions that a message is compiled from."""

_SIGNATURE_BYTES = 64


def compile_message(
    instructions: Sequence[Instruction],
    payer: Pubkey,
    compute_units: int,
    blockhash: Hash,
    tables: Sequence[AddressLookupTableAccount] = (),
) -> Message | MessageV0:
    """Return the message that has these instructions done, behind a compute limit.

    With `tables`, addresses that they hold are looked up there (version 0); without, the message
    is a legacy one.
    """
    framed = [set_compute_unit_limit(compute_units), *instructions]
    if tables:
        return MessageV0.try_compile(payer, framed, list(tables), blockhash)
    return Message.new_with_blockhash(framed, payer, blockhash)


def transaction_bytes(message: Message | MessageV0) -> int:
    """Return the size of the transaction that this message becomes when it is signed."""
    signatures = message.header.num_required_signatures
    return 1 + signatures * _SIGNATURE_BYTES + len(to_bytes_versioned(message))
