"""What a settlement says to the chain, and the accounts that it names."""

from collections.abc import Mapping

from solders.instruction import Instruction
from solders.pubkey import Pubkey

from gridtokenx_hub.settlement.outbox import Waiting
from gridtokenx_programs import Addresses, Program, signature_instruction

OWN_ROLES = ("meter", "ledger", "owner_token")
INSTRUCTIONS_EACH = 2
"""The proof of the device's signature and, directly behind it, the settlement."""


class SettleMeter:
    """Makes the instructions of settlements."""

    def __init__(self, programs: Mapping[str, Program], addresses: Addresses) -> None:
        self._program = programs["energy_token"]
        self._addresses = addresses
        self._mint = addresses.energy_mint()
        self._shared_roles = {"config": addresses.energy_config(), "energy_mint": self._mint}

    def instructions(self, row: Waiting) -> list[Instruction]:
        """Return the instructions that settle a reading."""
        return [
            signature_instruction(row.key_algorithm, row.public_key, row.signature, row.message),
            self._settle(self._own_roles(row)),
        ]

    def own_accounts(self, row: Waiting) -> tuple[Pubkey, ...]:
        """Return the accounts that belong to the meter and its owner."""
        return tuple(self._own_roles(row).values())

    def shared_accounts(self) -> tuple[Pubkey, ...]:
        """Return the accounts that every settlement names, but for the called program.

        A lookup table is of no use for that one: a transaction must name it in full.
        """
        called = self._program.id
        settle = self._settle(dict.fromkeys(OWN_ROLES, called))
        return tuple(meta.pubkey for meta in settle.accounts if meta.pubkey != called)

    def _settle(self, own_roles: Mapping[str, Pubkey]) -> Instruction:
        return self._program.instruction("settle_meter", {}, {**self._shared_roles, **own_roles})

    def _own_roles(self, row: Waiting) -> dict[str, Pubkey]:
        accounts = (
            self._addresses.meter(row.meter_id),
            self._addresses.ledger(row.meter_id),
            self._addresses.associated_token(row.owner, self._mint),
        )
        return dict(zip(OWN_ROLES, accounts, strict=True))
