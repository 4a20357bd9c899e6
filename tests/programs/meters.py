"""What happens to a meter after its registration, for the programs' tests: its keys, its status,
its owners and its registers.

As in `Grid`, every instruction is right by default, and a test says what it wants wrong.
"""

from __future__ import annotations

from typing import Any

from grid import Grid, Site
from harness import SYNCHRONISED, Device, record
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from worlds import Outcome

from gridtokenx_programs import signature_instruction

REGISTER_REPLACED = 1 << 5


class Stewards:
    """Authority, registrar and owners, doing what a meter's life asks for."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.world = grid.world
        self.registry, self.energy_token = self.world.registry, self.world.energy_token

    def _registry(
        self, name: str, accounts: dict[str, Pubkey], changed: dict[str, Pubkey]
    ) -> Instruction:
        config = {"config": self.world.addresses.registry_config()}
        return self.registry.instruction(name, {}, config | accounts | changed)

    def _registrar(self) -> dict[str, Pubkey]:
        key = self.grid.registrar.pubkey()
        return {"registrar_key": key, "registrar": self.world.addresses.registrar(key)}

    def _meter(self, site: Site) -> dict[str, Pubkey]:
        return {"meter": self.world.addresses.meter(site.meter_id)}

    def _ledger(self, site: Site) -> dict[str, Pubkey]:
        return {"ledger": self.world.addresses.ledger(site.meter_id)}

    def rotate_key(self, site: Site, **changed: Pubkey) -> Instruction:
        accounts = self._registrar() | self._meter(site) | {"owner": site.owner.pubkey()}
        return self._registry("rotate_key", accounts, changed)

    def suspend_meter(self, site: Site, **changed: Pubkey) -> Instruction:
        return self._registry("suspend_meter", self._registrar() | self._meter(site), changed)

    def revoke_meter(self, site: Site, revoker: Pubkey, **changed: Pubkey) -> Instruction:
        accounts = {"revoker": revoker, "registrar": self.world.addresses.registrar(revoker)}
        return self._registry("revoke_meter", accounts | self._meter(site), changed)

    def report_equivocation(self, site: Site, **changed: Pubkey) -> Instruction:
        return self._registry("report_equivocation", self._meter(site), changed)

    def transfer_meter(self, site: Site, new_owner: Pubkey, **changed: Pubkey) -> Instruction:
        accounts = self._registrar() | self._meter(site) | self._ledger(site) | {
            "owner": site.owner.pubkey(),
            "new_owner": new_owner,
            "new_owner_user": self.world.addresses.user(new_owner),
            "energy_token": self.world.addresses.energy_token_link(),
        }  # fmt: skip
        return self._registry("transfer_meter", accounts, changed)

    def dismiss_registrar(self, key: Pubkey, **changed: Pubkey) -> Instruction:
        accounts = {
            "authority": self.grid.authority.pubkey(),
            "registrar": self.world.addresses.registrar(key),
            "rent_recipient": self.world.payer.pubkey(),
        }
        return self._registry("dismiss_registrar", accounts, changed)

    def set_energy_token(self, **changed: Pubkey) -> Instruction:
        accounts = {
            "authority": self.grid.authority.pubkey(),
            "energy_token_program": self.energy_token.id,
            "energy_token": self.world.addresses.energy_token_link(),
            "payer": self.world.payer.pubkey(),
        }
        return self._registry("set_energy_token", accounts, changed)

    def set_authority(self, new_authority: Pubkey, **changed: Pubkey) -> Instruction:
        accounts = {"authority": self.grid.authority.pubkey(), "new_authority": new_authority}
        return self._registry("set_authority", accounts, changed)

    def set_token_authority(
        self, new_authority: Pubkey, role: str = "Authority", **changed: Pubkey
    ) -> Instruction:
        accounts = {
            "config": self.world.addresses.energy_config(),
            "authority": self.grid.authority.pubkey(),
            "new_authority": new_authority,
        }
        return self.energy_token.instruction("set_authority", {"role": role}, accounts | changed)

    def rebase_meter(self, site: Site, **changed: Pubkey) -> Instruction:
        accounts = self._registrar() | self._meter(site) | self._ledger(site)
        accounts["config"] = self.world.addresses.energy_config()
        return self.energy_token.instruction("rebase_meter", {}, accounts | changed)

    def redeem(self, site: Site, amount_mwh: int, **changed: Pubkey) -> Instruction:
        accounts = self._meter(site) | self._ledger(site) | {
            "config": self.world.addresses.energy_config(),
            "owner": site.owner.pubkey(),
            "energy_mint": self.world.addresses.energy_mint(),
            "owner_token": site.token,
        }  # fmt: skip
        return self.energy_token.instruction(
            "redeem", {"amount_mwh": amount_mwh}, accounts | changed
        )

    def rotate(self, site: Site, sequence: int, device: Device | None = None) -> Device:
        """Give a meter a new key from a sequence on; returns the old device."""
        old, site.device = site.device, device or Device()
        proof = site.device.proof(ordinary_reading(site, sequence))
        self.world.send(proof, self.rotate_key(site), signers=[self.grid.registrar, site.owner])
        return old

    def suspend(self, site: Site) -> Outcome:
        """Suspend a meter."""
        return self.world.send(self.suspend_meter(site), signers=[self.grid.registrar])

    def revoke(self, site: Site) -> Outcome:
        """Revoke a meter by its owner's will."""
        instruction = self.revoke_meter(site, site.owner.pubkey())
        return self.world.send(instruction, signers=[site.owner])

    def meter(self, site: Site) -> dict[str, Any]:
        """The meter account."""
        return self.world.account(self.registry, "Meter", self.world.addresses.meter(site.meter_id))


def ordinary_reading(site: Site, sequence: int, **changed: Any) -> bytes:
    """A reading for the registry: recent, with no flag but a synchronised clock."""
    fields: dict[str, Any] = {
        "deployment": site.grid.deployment,
        "meter_id": site.meter_id,
        "sequence": sequence,
        "time_ms": site.grid.world.now * 1000,
        "flags": SYNCHRONISED,
    }
    return record(**(fields | changed))


def replaced_reading(site: Site, **changed: Any) -> bytes:
    """The first reading of replaced registers: they count from a little above zero."""
    fields: dict[str, Any] = {
        "time_ms": site.grid.world.now * 1000,
        "produced_mwh": 7,
        "consumed_mwh": 5,
        "surplus_mwh": 3,
        "flags": SYNCHRONISED | REGISTER_REPLACED,
    }
    return site.reading(**(fields | changed))


def message_of_two(first: bytes, second: bytes, cose_algorithm: int = -8) -> bytes:
    """The 259 bytes that a device signs for two records."""
    algorithm = bytes([0x20 - 1 - cose_algorithm])
    return b"\x84\x6aSignature1\x43\xa1\x01" + algorithm + b"\x40\x58\xf0" + first + second


def proof_of_two(device: Device, first: bytes, second: bytes) -> Instruction:
    """The precompile instruction that proves this device signed two records in one message."""
    signed = message_of_two(first, second, -8 if device.algorithm == 0 else -7)
    return signature_instruction(device.algorithm, device.public_key, device.sign(signed), signed)


def fresh_key(grid: Grid) -> Keypair:
    """A key that the chain knows nothing about."""
    return grid.world.wallet(0)
