"""Names for the ways in which a transaction fails."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.token import ID as TOKEN_PROGRAM

from gridtokenx_hub.chain.errors import RequestRefused, TransactionRefused
from gridtokenx_hub.json_types import Json
from gridtokenx_programs import Program

PREFLIGHT_FAILED = -32002
ALREADY_PROCESSED = "AlreadyProcessed"
BLOCKHASH_NOT_FOUND = "BlockhashNotFound"

_FAILED = re.compile(r"Program (\w{32,44}) failed: ")

# Error codes of the two programs that ours call, by position.
_SYSTEM_ERRORS = (
    "AccountAlreadyInUse",
    "ResultWithNegativeLamports",
    "InvalidProgramId",
    "InvalidAccountDataLength",
    "MaxSeedLengthExceeded",
    "AddressWithSeedMismatch",
)
_TOKEN_ERRORS = (
    "NotRentExempt",
    "InsufficientFunds",
    "InvalidMint",
    "MintMismatch",
    "OwnerMismatch",
    "FixedSupply",
    "AlreadyInUse",
    "InvalidNumberOfProvidedSigners",
    "InvalidNumberOfRequiredSigners",
    "UninitializedState",
    "NativeNotSupported",
    "NonNativeHasBalance",
    "InvalidInstruction",
    "InvalidState",
    "Overflow",
    "AuthorityTypeNotSupported",
    "MintCannotFreeze",
    "AccountFrozen",
    "MintDecimalsMismatch",
    "NonNativeNotSupported",
)
_WELL_KNOWN = {SYSTEM_PROGRAM: _SYSTEM_ERRORS, TOKEN_PROGRAM: _TOKEN_ERRORS}


class RefusalReader:
    """Turns the chain's errors into `TransactionRefused`, with the names in the programs' IDLs."""

    def __init__(self, programs: Mapping[Any, Program]) -> None:
        self._programs = {program.id: program for program in programs.values()}

    def read(self, error: Json, logs: Sequence[str]) -> TransactionRefused:
        """Return what a transaction error (its JSON form) and its logs mean."""
        match error:
            case {"InstructionError": [int(index), {"Custom": int(code)}]}:
                return self._custom(_failing_program(logs), code, logs, index)
            case {"InstructionError": [int(index), str(name)]}:
                message = f"instruction {index} failed with {name}"
                return TransactionRefused(_failing_program(logs), None, name, message, logs, index)
            case str(name):
                message = f"the chain does not take the transaction: {name}"
                return TransactionRefused(None, None, name, message, logs)
            case dict() if len(error) == 1:
                ((name, detail),) = error.items()
                message = f"the chain does not take the transaction: {name} {detail}"
                return TransactionRefused(None, None, name, message, logs)
        return TransactionRefused(None, None, "UnknownTransactionError", str(error), logs)

    def _custom(
        self, program: Pubkey | None, code: int, logs: Sequence[str], index: int
    ) -> TransactionRefused:
        known = self._programs.get(program) if program else None
        idl_error = known.error(code) if known else None
        if idl_error is not None:
            return TransactionRefused(program, code, idl_error.name, idl_error.msg, logs, index)
        names = _WELL_KNOWN.get(program, ()) if program else ()
        name = names[code] if code < len(names) else f"Custom{code}"
        message = f"program {program} failed with its error {code} ({name})"
        return TransactionRefused(program, code, name, message, logs, index)


def preflight_failure(refused: RequestRefused) -> tuple[Json, list[str]] | None:
    """Return the error and logs of a failed preflight, None if something else was refused."""
    data = refused.data
    if refused.code != PREFLIGHT_FAILED or not isinstance(data, dict):
        return None
    logs = data.get("logs")
    return data.get("err"), [str(line) for line in logs] if isinstance(logs, list) else []


def _failing_program(logs: Sequence[str]) -> Pubkey | None:
    """The program whose failure ended it all: the innermost fails first, its callers after it.

    A caller that goes on after a failed call cannot be: on Solana that ends the transaction.
    """
    for line in logs:
        found = _FAILED.match(line)
        if found:
            return Pubkey.from_string(found.group(1))
    return None
