"""Is this message exactly what is allowed? It is made again, and must be the same bytes."""

from collections.abc import Callable

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.compute_budget import set_compute_unit_limit
from solders.errors import BincodeError
from solders.instruction import Instruction
from solders.message import Message
from solders.pubkey import Pubkey

from gridtokenx_hub.registrar.errors import RegistrarRefused

SET_COMPUTE_UNIT_LIMIT = 2
LIMIT_SIZE = 5
MAX_COMPUTE_UNITS = 1_400_000


def inspect(
    raw: bytes, allowed: Callable[[Pubkey], list[Instruction]], cause: str, registrar: Pubkey
) -> None:
    """Check a transaction's message before it is signed.

    Free are its fee payer, who must be somebody else than the registrar, its blockhash, and its
    compute limit. All else is as `allowed` makes it, to the byte: no account, argument or
    instruction can differ, be missing, or be added.

    Args:
        raw: the message.
        allowed: makes the instructions that are allowed, for a fee payer.
        cause: what allows them, for the refusal.
        registrar: who signs.

    Raises:
        RegistrarRefused: it is something else.
    """
    try:
        message = Message.from_bytes(raw)
    except (ValueError, BincodeError) as error:
        raise _altered("it is no message of a transaction") from error
    if not message.account_keys or message.account_keys[0] == registrar:
        raise _altered("the registrar pays for nothing")
    payer = message.account_keys[0]
    expected = Message.new_with_blockhash(
        [
            set_compute_unit_limit(_compute_limit(message)),
            *allowed(payer),
        ],
        payer,
        message.recent_blockhash,
    )
    if bytes(expected) != raw:
        raise _altered(f"it is not what {cause} allows")


def _compute_limit(message: Message) -> int:
    first = message.instructions[0] if message.instructions else None
    if (
        first is None
        or first.program_id_index >= len(message.account_keys)
        or message.account_keys[first.program_id_index] != COMPUTE_BUDGET
        or len(first.data) != LIMIT_SIZE
        or first.data[0] != SET_COMPUTE_UNIT_LIMIT
    ):
        raise _altered("its first instruction must set the compute limit")
    limit = int.from_bytes(first.data[1:], "little")
    if limit > MAX_COMPUTE_UNITS:
        raise _altered(f"its compute limit is above {MAX_COMPUTE_UNITS}")
    return limit


def _altered(detail: str) -> RegistrarRefused:
    return RegistrarRefused("TransactionNotAllowed", f"the transaction is not signed: {detail}")
