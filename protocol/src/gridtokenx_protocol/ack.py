"""The hub's signed acknowledgement: up to which reading a device may forget."""

from dataclasses import dataclass

from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import decode_map, encode_unsigned
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.keys import Algorithm, Signer
from gridtokenx_protocol.record import DEPLOYMENT_SIZE, HASH_SIZE, METER_ID_SIZE
from gridtokenx_protocol.units import U64_MAX

_DEPLOYMENT, _METER_ID, _EPOCH, _SEQUENCE, _HASH, _TIME_MS = range(1, 7)


@dataclass(frozen=True, slots=True)
class Ack:
    """Every reading of a meter up to ``sequence`` has a verdict.

    Attributes:
        deployment: 4 bytes, see ``deployment_id``.
        meter_id: 16 bytes.
        epoch: Drawn anew when the hub is restored from a backup: send again then.
        sequence: Highest sequence up to which every reading has a verdict; 0 for none yet.
        hash: That record's hash with its extras, 32 bytes.
        time_ms: Unix time at the hub, in ms.

    Raises:
        Malformed: A field is of another type or size.
    """

    deployment: bytes
    meter_id: bytes
    epoch: int
    sequence: int
    hash: bytes
    time_ms: int

    def __post_init__(self) -> None:
        for data, size in (
            (self.deployment, DEPLOYMENT_SIZE),
            (self.meter_id, METER_ID_SIZE),
            (self.hash, HASH_SIZE),
        ):
            if not isinstance(data, bytes) or len(data) != size:
                raise Malformed("deployment, meter id and hash of an ack have 4, 16 and 32 bytes")
        for number in (self.epoch, self.sequence, self.time_ms):
            if type(number) is not int or not 0 <= number <= U64_MAX:
                raise Malformed("epoch, sequence and time of an ack are unsigned 64-bit integers")

    def encode(self) -> bytes:
        """The deterministic CBOR map that is signed.

        Written out here: a general encoder would take as long as the signature, and a hub signs
        hundreds of acks a second.
        """
        return b"".join(
            (
                b"\xa6\x01\x44",
                self.deployment,
                b"\x02\x50",
                self.meter_id,
                b"\x03",
                encode_unsigned(self.epoch),
                b"\x04",
                encode_unsigned(self.sequence),
                b"\x05\x58\x20",
                self.hash,
                b"\x06",
                encode_unsigned(self.time_ms),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> "Ack":
        """Read an ack; ``Ack.decode(data).encode() == data`` for all that is accepted.

        Raises:
            Malformed: Another map, or not deterministic CBOR.
        """
        fields = decode_map(data)
        if list(fields) != list(range(_DEPLOYMENT, _TIME_MS + 1)):
            raise Malformed("an ack is a CBOR map with the keys 1 to 6")
        return cls(*fields.values())


def sign_ack(ack: Ack, signer: Signer) -> bytes:
    """The ack as a COSE_Sign1 message."""
    return cose.sign(ack.encode(), signer)


def open_ack(message: bytes, algorithm: Algorithm, public_key: bytes) -> Ack:
    """The ack in a message that the pinned key of the hub signed.

    Raises:
        ProtocolError: Not such a message.
    """
    signed = cose.decode(message)
    cose.verify(signed, algorithm, public_key)
    return Ack.decode(signed.payload)
