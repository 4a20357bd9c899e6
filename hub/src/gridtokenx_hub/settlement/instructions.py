"""What a settlement says to the chain, and the accounts that it names."""

from collections.abc import Mapping

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.settlement.outbox import Waiting
from gridtokenx_programs import Addresses, Program, signature_instruction

INSTRUCTIONS_EACH = 2
"""The proof of the device's signature and, directly behind it, the settlement."""


class SettleMeter:
    """Makes the instructions of settlements."""

    def __init__(self, programs: Mapping[str, Program], addresses: Addresses) -> None:
        self._program = programs["energy_token"]
        self._addresses = addresses
        self._mint = addresses.energy_mint()
        self._config = addresses.energy_config()

    def instructions(self, row: Waiting) -> list[Instruction]:
        """Return the instructions that settle a reading."""
        proof = signature_instruction(row.key_algorithm, row.public_key, row.signature, row.message)
        return [proof, self._settle(row)]

    def meter_accounts(self, row: Waiting) -> tuple[Pubkey, ...]:
        """Return the accounts that no other meter's settlement names, but for an owner's own."""
        return tuple(self._meter_roles(row).values())

    def accounts(self, row: Waiting) -> tuple[Pubkey, ...]:
        """Return every account that a lookup table can hold: all but the called program."""
        named = dict.fromkeys(meta.pubkey for meta in self._settle(row).accounts)
        return tuple(address for address in named if address != self._program.id)

    def _settle(self, row: Waiting) -> Instruction:
        shared = {"config": self._config, "energy_mint": self._mint}
        return self._program.instruction("settle_meter", {}, shared | self._meter_roles(row))

    def _meter_roles(self, row: Waiting) -> dict[str, Pubkey]:
        return {
            "meter": self._addresses.meter(row.meter_id),
            "ledger": self._addresses.ledger(row.meter_id),
            "owner_token": self._addresses.associated_token(row.owner, self._mint),
        }
