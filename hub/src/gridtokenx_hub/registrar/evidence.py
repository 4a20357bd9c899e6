"""The reading by which a device proves what the registrar signs for."""

from dataclasses import dataclass

from solders.instruction import Instruction

from gridtokenx_hub.registrar.mandate import DeviceKey
from gridtokenx_programs import signature_instruction
from gridtokenx_protocol.cose import SignedMessage, decode, verify
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.payload import Payload
from gridtokenx_protocol.record import Record


@dataclass(frozen=True, slots=True)
class Evidence:
    """A reading, its signature checked against the device's key."""

    message: bytes
    signed: SignedMessage
    record: Record
    key: DeviceKey

    def proof(self) -> Instruction:
        """Return the instruction that makes the chain check the signature too."""
        return signature_instruction(
            int(self.key.algorithm),
            self.key.public_key,
            self.signed.signature,
            self.signed.signed_bytes(),
        )


def open_evidence(message: bytes, key: DeviceKey) -> Evidence:
    """Check the signature of a message that holds one plain reading.

    Raises:
        ProtocolError: the key did not sign it, or it holds something else.
    """
    signed = decode(message)
    verify(signed, key.algorithm, key.public_key)
    payload = Payload.decode(signed.payload)
    if len(payload.records) > 1 or payload.extras is not None:
        raise Malformed("send one reading alone, without extras: the chain reads no other form")
    return Evidence(message, signed, payload.records[0], key)
