"""Looks into a settlement transaction and finds the device's own signature there."""

import base64
from dataclasses import dataclass
from typing import Any

from solders.transaction import VersionedTransaction

from gridtokenx_protocol.record import RECORD_SIZE, Record

ED25519_PROGRAM = "Ed25519SigVerify111111111111111111111111111"
# Where the data of the precompile instruction has the key; the message is at its end.
KEY_OFFSET, KEY_SIZE = 16, 32


class NoDeviceSignature(RuntimeError):
    """A settlement transaction has no signature of the device: this must not happen."""


@dataclass(frozen=True, slots=True)
class DeviceProof:
    """What the chain itself checked: which key signed which record."""

    public_key: str
    record: Record


def device_proof(transaction: dict[str, Any], meter_id: str) -> DeviceProof:
    """Return a meter's key and record out of a transaction as the chain returns it.

    A transaction may settle several meters, each with the signature of its own device.
    """
    raw = base64.b64decode(transaction["transaction"][0])
    message = VersionedTransaction.from_bytes(raw).message
    for instruction in message.instructions:
        if str(message.account_keys[instruction.program_id_index]) == ED25519_PROGRAM:
            data = bytes(instruction.data)
            record = Record.decode(data[-RECORD_SIZE:])
            if record.meter_id.hex() == meter_id:
                key = data[KEY_OFFSET : KEY_OFFSET + KEY_SIZE]
                return DeviceProof(key.hex(), record)
    raise NoDeviceSignature(f"the settlement transaction carries no signature of meter {meter_id}")
