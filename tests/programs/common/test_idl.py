"""The IDL files say what the programs do, and the programs say in the log what the IDL says."""

import json
import re
from pathlib import Path

import pytest
from grid import Grid
from solders.instruction import Instruction
from worlds import World

from gridtokenx_programs import Program

PROGRAMS = Path(__file__).parents[3] / "programs"
CRATES = {"registry": "registry", "energy_token": "energy-token", "trading": "trading"}
ENTRY = re.compile(r"((?: +/// .+\n)+) +(\w+),\n")
# What @coral-xyz/anchor looks for in each line of a failed transaction's log.
ANCHOR_LINE = re.compile(
    r"^Program log: AnchorError occurred\. Error Code: (.*)\. Error Number: (\d*)\. "
    r"Error Message: (.*)\."
)


def error_in_log(logs: list[str]) -> tuple[str, int, str]:
    """Name, number and message of the one error in a log, as Anchor's client finds them."""
    [match] = filter(None, map(ANCHOR_LINE.match, logs))
    return match.group(1), int(match.group(2)), match.group(3)


@pytest.mark.parametrize("name", CRATES)
def test_errors_are_those_of_the_program_in_its_order(name: str) -> None:
    source = (PROGRAMS / CRATES[name] / "src/error.rs").read_text()
    [body] = re.findall(r"pub enum \w+ \{\n(.*?)\n {4}\}", source, re.DOTALL)
    in_program = [
        (variant, " ".join(documentation.replace("///", "").split()))
        for documentation, variant in ENTRY.findall(body + "\n")
    ]
    in_idl = json.loads((PROGRAMS / "idl" / f"{name}.json").read_text())["errors"]
    assert [(error["name"], error["msg"] + ".") for error in in_idl] == in_program
    assert [error["code"] for error in in_idl] == list(range(6000, 6000 + len(in_program)))


@pytest.fixture(params=CRATES)
def program(world: World, request: pytest.FixtureRequest) -> Program:
    return next(program for program in world.programs.values() if program.idl.name == request.param)


def test_a_failure_is_told_in_the_log(world: World, program: Program) -> None:
    logs = world.refuse("UnknownInstruction", Instruction(program.id, b"", []))
    name, number, message = error_in_log(logs)
    error = program.error(number)
    assert error is not None
    assert (name, message) == (error.name, error.msg)


def test_a_message_of_two_lines_is_one_line_in_the_log(grid: Grid) -> None:
    mint = grid.world.addresses.grx_mint()
    owner, delegate = grid.world.wallet(0).pubkey(), grid.world.wallet(0).pubkey()
    tokens = grid.world.put_tokens(mint, owner, delegate=delegate)
    logs = grid.world.refuse(
        "InvalidTokenAccount", grid.mint_grx(tokens, 1), signers=[grid.treasury]
    )
    message = (
        "The token account must be classic SPL Token, of the right owner and mint, without "
        "delegate or close authority"
    )
    assert error_in_log(logs) == ("InvalidTokenAccount", 6009, message)


def test_success_says_nothing(grid: Grid) -> None:
    wallet = grid.world.wallet(0)
    outcome = grid.world.send(grid.register_user(wallet.pubkey()), signers=[wallet])
    assert not any("AnchorError" in line for line in outcome.logs)
