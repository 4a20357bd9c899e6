"""The bank built from what a ledger holds."""

from typing import Any

from solders.account import Account
from solders.hash import Hash
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.local_chain import Genesis
from gridtokenx_hub.local_chain.bank import Bank
from gridtokenx_hub.local_chain.genesis import CreationParameters
from gridtokenx_hub.local_chain.slots import Slot
from gridtokenx_hub.local_chain.transaction import ParsedTransaction
from gridtokenx_programs import load

from . import harness

UPGRADEABLE_LOADER = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
CREATION = CreationParameters(bytes(32), bytes(range(32)), 0)


def test_deployed_program_runs_after_a_restart() -> None:
    """Whichever of its two accounts the ledger happens to list first."""
    program = Keypair().pubkey()
    code = Pubkey.find_program_address([bytes(program)], UPGRADEABLE_LOADER)[0]
    code_header = (3).to_bytes(4, "little") + (1).to_bytes(8, "little") + b"\0" + bytes(32)
    accounts = {
        program: Account(
            harness.SOL, (2).to_bytes(4, "little") + bytes(code), UPGRADEABLE_LOADER, True
        ),
        code: Account(10 * harness.SOL, code_header + load("registry").elf(), UPGRADEABLE_LOADER),
    }
    for order in (list(accounts), list(accounts)[::-1]):
        images = [(bytes(address), bytes(accounts[address])) for address in order]
        bank = Bank(Genesis(programs=()), CREATION, images)
        bank.open_slot(Slot(9, 9, bytes(32), 1_700_000_000, 0), [])
        signed = harness.signed([Instruction(program, bytes(8), [])], bank.faucet, Hash.default())
        error: Any = bank.execute(ParsedTransaction.parse(bytes(signed))).error
        # it ran and did not know the instruction; nothing else answers with a code of its own
        assert "Custom" in error["InstructionError"][1]
