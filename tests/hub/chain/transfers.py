"""The simplest instructions."""

from collections.abc import Callable

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

UNITS = 1_000


def transfer_to(to: Pubkey, lamports: int) -> Callable[[Pubkey], list[Instruction]]:
    """What makes the fee payer send lamports."""

    def instructions(payer: Pubkey) -> list[Instruction]:
        return [transfer(TransferParams(from_pubkey=payer, to_pubkey=to, lamports=lamports))]

    return instructions
