"""A meter of the flow: where it is on chain, and the readings that its device signs."""

import os
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from tests.interop.programs import ADDRESSES

from gridtokenx_programs import signature_instruction
from gridtokenx_protocol.cose import COSE_ALGORITHM, signed_record_message
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.record import ClockStatus, Flag, Record

ORDINARY = int(ClockStatus.SYNCHRONISED)
SETTLEMENT = int(ClockStatus.SYNCHRONISED | Flag.SETTLEMENT)
REPLACED = int(ClockStatus.SYNCHRONISED | Flag.REGISTER_REPLACED)


class Meter:
    """A meter with a new id and a new device."""

    def __init__(self, deployment: bytes) -> None:
        self._deployment, self.id = deployment, os.urandom(16)
        self.replace_device()

    def replace_device(self) -> None:
        """From now on another device signs."""
        self._device = SoftwareSigner(Ed25519PrivateKey.generate())

    @property
    def accounts(self) -> dict[str, Pubkey]:
        """The meter and its ledger."""
        return {"meter": ADDRESSES.meter(self.id), "ledger": ADDRESSES.ledger(self.id)}

    def proof(self, sequence: int, unix_s: int, flags: int, **registers: int) -> Instruction:
        """The device's signature of a reading; registers that are not given are 0."""
        numbers: dict[str, Any] = {
            "produced_mwh": 0, "consumed_mwh": 0, "surplus_mwh": 0, "active_power_mw": 0,
            "voltage_mv": 0, "current_ma": 0, "frequency_mhz": 0,
        }  # fmt: skip
        record = Record(
            deployment=self._deployment,
            meter_id=self.id,
            sequence=sequence,
            time_ms=unix_s * 1000,
            flags=flags,
            previous_hash=bytes(32),
            **(numbers | registers),
        )
        message = signed_record_message(COSE_ALGORITHM[Algorithm.ED25519], record.encode())
        signature = self._device.sign(message)
        algorithm = int(Algorithm.ED25519)
        return signature_instruction(algorithm, self._device.public_key, signature, message)
