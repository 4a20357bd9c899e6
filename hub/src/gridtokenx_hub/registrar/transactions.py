"""The transactions that need the registrar: what each mandate comes to, instruction by instruction.

The API makes them from here to have them signed, and the registrar makes them again from here to
see whether what it is asked to sign is the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.sysvar import INSTRUCTIONS

from gridtokenx_hub.registrar.errors import RegistrarRefused
from gridtokenx_hub.registrar.evidence import Evidence
from gridtokenx_hub.registrar.mandate import PROVEN, Mandate, Purpose
from gridtokenx_programs import Addresses, Program

COMPUTE_UNITS: Mapping[Purpose, int] = {
    "install": 40_000,
    "rotate_key": 20_000,
    "replace_meter": 20_000,
    "transfer": 20_000,
    "revoke": 20_000,
}
SUSPENSION_COMPUTE_UNITS = 20_000


@dataclass(frozen=True, slots=True)
class RegistrarTransactions:
    """Makes the instructions of mandates.

    Args:
        programs: registry and energy_token among them.
        addresses: where their accounts are.
        registrar: who signs.
    """

    programs: Mapping[str, Program]
    addresses: Addresses
    registrar: Pubkey

    def instructions(
        self, mandate: Mandate, evidence: Evidence | None, payer: Pubkey
    ) -> list[Instruction]:
        """Return what a mandate comes to, without the compute limit.

        Raises:
            RegistrarRefused: the evidence is missing, or of another meter or key.
        """
        if mandate.meter_id is None:
            raise RegistrarRefused("CodeNotClaimed", "the code has no meter yet")
        if mandate.purpose not in PROVEN:
            return _MAKERS[mandate.purpose](self, mandate, mandate.meter_id, payer)
        if evidence is None:
            raise RegistrarRefused("EvidenceMissing", "a reading of the device must prove this")
        if evidence.key != mandate.key:
            raise RegistrarRefused("CodeUsed", "another device claimed the code")
        if evidence.record.meter_id != mandate.meter_id:
            raise RegistrarRefused(
                "CodeForAnotherMeter",
                f"the reading is of meter {evidence.record.meter_id.hex()},"
                f" the code is for {mandate.meter_id.hex()}",
            )
        made = _MAKERS[mandate.purpose](self, mandate, mandate.meter_id, payer)
        return [evidence.proof(), *made]

    def install(self, mandate: Mandate, meter_id: bytes, payer: Pubkey) -> list[Instruction]:
        """Register the meter by its baseline, and open its ledger."""
        if mandate.limits is None:
            raise RegistrarRefused("LimitsMissing", "the code says no limits")
        limits = mandate.limits
        register = self._registry(
            "register_meter",
            {
                "export_limit_mw": limits.export_limit_mw,
                "import_limit_mw": limits.import_limit_mw,
                "daily_export_limit_mwh": limits.daily_export_limit_mwh,
            },
            {
                "owner": mandate.owner,
                "owner_user": self.addresses.user(mandate.owner),
                "meter": self.addresses.meter(meter_id),
                "payer": payer,
                "instructions_sysvar": INSTRUCTIONS,
            },
        )
        open_ledger = self.programs["energy_token"].instruction(
            "open_ledger",
            {},
            {
                "config": self.addresses.energy_config(),
                "meter": self.addresses.meter(meter_id),
                "ledger": self.addresses.ledger(meter_id),
                "payer": payer,
            },
        )
        return [register, open_ledger]

    def rotate_key(self, mandate: Mandate, meter_id: bytes, _payer: Pubkey) -> list[Instruction]:
        """Put the key in force that signed the reading."""
        return [
            self._registry(
                "rotate_key",
                {},
                {
                    "owner": mandate.owner,
                    "meter": self.addresses.meter(meter_id),
                    "instructions_sysvar": INSTRUCTIONS,
                },
            )
        ]

    def replace_meter(
        self, _mandate: Mandate, meter_id: bytes, _payer: Pubkey
    ) -> list[Instruction]:
        """Let the ledger go on from the registers of the new meter."""
        return [
            self.programs["energy_token"].instruction(
                "rebase_meter",
                {},
                {
                    "config": self.addresses.energy_config(),
                    "registrar_key": self.registrar,
                    "registrar": self.addresses.registrar(self.registrar),
                    "meter": self.addresses.meter(meter_id),
                    "ledger": self.addresses.ledger(meter_id),
                    "instructions_sysvar": INSTRUCTIONS,
                },
            )
        ]

    def transfer(self, mandate: Mandate, meter_id: bytes, _payer: Pubkey) -> list[Instruction]:
        """Give the meter to the new owner."""
        if mandate.new_owner is None:
            raise RegistrarRefused("OwnerMissing", "the code says no new owner")
        return [
            self._registry(
                "transfer_meter",
                {},
                {
                    "owner": mandate.owner,
                    "new_owner": mandate.new_owner,
                    "new_owner_user": self.addresses.user(mandate.new_owner),
                    "meter": self.addresses.meter(meter_id),
                    "energy_token": self.addresses.energy_token_link(),
                    "ledger": self.addresses.ledger(meter_id),
                },
            )
        ]

    def revoke(self, _mandate: Mandate, meter_id: bytes, _payer: Pubkey) -> list[Instruction]:
        """End the meter, by the registrar's right."""
        return [
            self.programs["registry"].instruction(
                "revoke_meter",
                {},
                {
                    "config": self.addresses.registry_config(),
                    "revoker": self.registrar,
                    "registrar": self.addresses.registrar(self.registrar),
                    "meter": self.addresses.meter(meter_id),
                },
            )
        ]

    def suspend(self, meter_id: bytes) -> list[Instruction]:
        """Suspend the meter until its key is rotated; a contradiction allows this, not a code."""
        return [self._registry("suspend_meter", {}, {"meter": self.addresses.meter(meter_id)})]

    def _registry(
        self, name: str, args: Mapping[str, int], accounts: Mapping[str, Pubkey]
    ) -> Instruction:
        signed = {
            "config": self.addresses.registry_config(),
            "registrar_key": self.registrar,
            "registrar": self.addresses.registrar(self.registrar),
        }
        return self.programs["registry"].instruction(name, args, {**signed, **accounts})


_Maker = Callable[[RegistrarTransactions, Mandate, bytes, Pubkey], list[Instruction]]
_MAKERS: Mapping[Purpose, _Maker] = {
    "install": RegistrarTransactions.install,
    "rotate_key": RegistrarTransactions.rotate_key,
    "replace_meter": RegistrarTransactions.replace_meter,
    "transfer": RegistrarTransactions.transfer,
    "revoke": RegistrarTransactions.revoke,
}
