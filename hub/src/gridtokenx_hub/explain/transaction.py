"""What a transaction on chain says by itself: settlements, each behind the device's signature."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gridtokenx_hub.chain import ExecutedInstruction, Transaction
from gridtokenx_hub.explain.answer import Proof
from gridtokenx_programs import Program
from gridtokenx_programs.precompiles import ED25519, ED25519_PROGRAM, P256
from gridtokenx_protocol.record import RECORD_SIZE, Record

_KEY_AT = 16
_SIGNATURE_SIZE = 64
_KEY_SIZES = {ED25519: 32, P256: 33}
_ACCOUNTS = {"meter": 1, "owner_token": 4}
"""Places in the account list of `settle_meter`."""


@dataclass(frozen=True, slots=True)
class OnChain:
    """A settlement as the chain executed it.

    Attributes:
        instruction: Place of `settle_meter` in the transaction, from 0.
        proof: The signature check directly before it.
        record: The record that was signed.
        accounts: Its accounts by role, as text.
        event: Fields of the event that the program sent.
    """

    instruction: int
    proof: Proof
    record: Record
    accounts: Mapping[str, str]
    event: Mapping[str, Any]


def settlements(transaction: Transaction, energy_token: Program) -> Iterator[OnChain]:
    """Yield the settlements of an executed transaction, in order."""
    settle = energy_token.idl.instructions["settle_meter"].discriminator
    for instruction in transaction.instructions:
        if instruction.program_id != energy_token.id or instruction.data != settle:
            continue
        proof = _proof(transaction.instructions[instruction.outer_index - 1])
        yield OnChain(
            instruction=instruction.outer_index,
            proof=proof,
            record=Record.decode(bytes.fromhex(proof.message)[-RECORD_SIZE:]),
            accounts={role: str(instruction.accounts[place]) for role, place in _ACCOUNTS.items()},
            event=_event(transaction, energy_token, instruction.outer_index),
        )


def _proof(instruction: ExecutedInstruction) -> Proof:
    """Take apart what the energy-token program accepted: it takes one layout alone."""
    algorithm = ED25519 if instruction.program_id == ED25519_PROGRAM else P256
    signature_at = _KEY_AT + _KEY_SIZES[algorithm]
    message_at = signature_at + _SIGNATURE_SIZE
    data = instruction.data
    key = data[_KEY_AT:signature_at]
    return Proof(
        instruction=instruction.outer_index,
        algorithm="ed25519" if algorithm == ED25519 else "p256",
        public_key=key.hex(),
        fingerprint=hashlib.sha256(key).hexdigest(),
        signature=data[signature_at:message_at].hex(),
        message=data[message_at:].hex(),
    )


def _event(transaction: Transaction, program: Program, outer_index: int) -> Mapping[str, Any]:
    for inner in transaction.inner_instructions:
        if inner.outer_index == outer_index and inner.program_id == program.id:
            event = program.decode_event(inner.data)
            if event is not None and event.name == "MeterSettled":
                return event.data
    raise AssertionError("settle_meter always tells of what it did")
