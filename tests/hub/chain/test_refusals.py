from typing import Any

import pytest
from solders.keypair import Keypair
from solders.token import ID as TOKEN_PROGRAM

from gridtokenx_hub.chain.refusals import RefusalReader
from gridtokenx_programs import load

TRADING = load("trading")
OTHER = Keypair().pubkey()
READER = RefusalReader({"trading": TRADING})


def failed(*programs: Any) -> list[str]:
    """Logs of nested calls that failed, outermost program first."""
    return [
        *(f"Program {program} invoke [{depth}]" for depth, program in enumerate(programs, 1)),
        *(f"Program {program} failed: custom program error: 0x1" for program in programs[::-1]),
    ]


def test_idl_names_the_error() -> None:
    error: Any = {"InstructionError": [2, {"Custom": 6003}]}
    refused = READER.read(error, failed(TRADING.id))
    assert (refused.program, refused.code, refused.name) == (TRADING.id, 6003, "AmountMismatch")
    assert refused.logs == tuple(failed(TRADING.id))


def test_program_that_was_called_is_the_one_that_failed() -> None:
    """Its caller hands on its code, which would mean something else there."""
    error: Any = {"InstructionError": [0, {"Custom": 1}]}
    refused = READER.read(error, failed(TRADING.id, TOKEN_PROGRAM))
    assert (refused.program, refused.code, refused.name) == (TOKEN_PROGRAM, 1, "InsufficientFunds")


@pytest.mark.parametrize("program", [OTHER, TRADING.id])
def test_code_without_a_name(program: Any) -> None:
    refused = READER.read({"InstructionError": [0, {"Custom": 999_999}]}, failed(program))
    assert (refused.program, refused.code, refused.name) == (program, 999_999, "Custom999999")


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ("InsufficientFundsForFee", "InsufficientFundsForFee"),
        ({"InstructionError": [1, "InvalidAccountData"]}, "InvalidAccountData"),
        ({"InsufficientFundsForRent": {"account_index": 1}}, "InsufficientFundsForRent"),
        ({"InstructionError": [1, {"BorshIoError": "x"}]}, "InstructionError"),
        (["what", "is", "this"], "UnknownTransactionError"),
        (None, "UnknownTransactionError"),
    ],
)
def test_errors_of_the_chain(error: Any, name: str) -> None:
    refused = READER.read(error, [])
    assert (refused.program, refused.code, refused.name) == (None, None, name)


def test_custom_error_without_logs() -> None:
    """Some nodes give none."""
    refused = READER.read({"InstructionError": [0, {"Custom": 6000}]}, [])
    assert (refused.program, refused.code, refused.name) == (None, 6000, "Custom6000")
