"""trading: the IDL names the program's errors in the program's order."""

import re
from pathlib import Path

from gridtokenx_programs import load

SOURCE = Path(__file__).parents[3] / "programs/trading/src/error.rs"


def test_errors_are_those_of_the_program_in_its_order() -> None:
    in_program = re.findall(r"^ {8}(\w+),$", SOURCE.read_text(), re.MULTILINE)
    trading = load("trading")
    named = [trading.error(6000 + index) for index in range(len(in_program))]
    assert [error.name if error else None for error in named] == in_program
    assert trading.error(6000 + len(in_program)) is None
    assert in_program[:7] == [
        "InsufficientBalance",
        "InvalidOrder",
        "SelfTradingNotAllowed",
        "AmountMismatch",
        "Unauthorized",
        "ReentrancyDetected",
        "InvalidBridgeProof",
    ]
