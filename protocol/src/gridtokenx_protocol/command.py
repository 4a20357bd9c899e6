"""What the hub asks of a device: signed by the key that is pinned there, and soon expired."""

from dataclasses import dataclass
from enum import IntEnum

from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import decode_map, encode_map
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.keys import Algorithm, Signer
from gridtokenx_protocol.record import DEPLOYMENT_SIZE, METER_ID_SIZE
from gridtokenx_protocol.units import U64_MAX

_DEPLOYMENT, _METER_ID, _NUMBER, _EXPIRES_MS, _KIND, _FROM = range(1, 7)
# An ack's map has the same keys: the number of the message type keeps one from being the other.
_TYPE, _COMMAND = 0, 1


class CommandKind(IntEnum):
    """What is asked."""

    READ_NOW = 1
    """Read the meter at once, besides its schedule."""
    SEND_AGAIN = 2
    """Send all readings from a sequence on again, those with an ack as well."""


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of the hub. To obey it twice does no harm.

    Attributes:
        deployment: 4 bytes, see ``deployment_id``.
        meter_id: 16 bytes.
        number: Rises from command to command: an older one than the last is not obeyed.
        expires_ms: Unix ms from which on it counts for nothing.
        kind: What is asked.
        from_sequence: First reading to send again; 0 for ``READ_NOW``.

    Raises:
        Malformed: A field is of another type or size.
    """

    deployment: bytes
    meter_id: bytes
    number: int
    expires_ms: int
    kind: CommandKind
    from_sequence: int = 0

    def __post_init__(self) -> None:
        for data, size in ((self.deployment, DEPLOYMENT_SIZE), (self.meter_id, METER_ID_SIZE)):
            if not isinstance(data, bytes) or len(data) != size:
                raise Malformed("deployment and meter id of a command have 4 and 16 bytes")
        for number in (self.number, self.expires_ms, self.from_sequence):
            if type(number) is not int or not 0 <= number <= U64_MAX:
                raise Malformed("the numbers of a command are unsigned 64-bit integers")
        if (self.kind is CommandKind.SEND_AGAIN) != (self.from_sequence > 0):
            raise Malformed("a sequence from 1 on goes with SEND_AGAIN, and only with it")

    def encode(self) -> bytes:
        """The deterministic CBOR map that is signed."""
        return encode_map(
            {
                _TYPE: _COMMAND,
                _DEPLOYMENT: self.deployment,
                _METER_ID: self.meter_id,
                _NUMBER: self.number,
                _EXPIRES_MS: self.expires_ms,
                _KIND: int(self.kind),
                _FROM: self.from_sequence,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> "Command":
        """Read a command; ``Command.decode(data).encode() == data`` for all that is accepted.

        Raises:
            Malformed: Another map, an unknown kind, or not deterministic CBOR.
        """
        fields = decode_map(data)
        if list(fields) != list(range(_TYPE, _FROM + 1)) or fields[_TYPE] != _COMMAND:
            raise Malformed("a command is a CBOR map with the keys 0 to 6, and 1 under the first")
        if fields[_KIND] not in tuple(CommandKind) or type(fields[_KIND]) is not int:
            raise Malformed("this agent does not know that kind of command; update it")
        return cls(
            fields[_DEPLOYMENT],
            fields[_METER_ID],
            fields[_NUMBER],
            fields[_EXPIRES_MS],
            CommandKind(fields[_KIND]),
            fields[_FROM],
        )


def sign_command(command: Command, signer: Signer) -> bytes:
    """The command as a COSE_Sign1 message."""
    return cose.sign(command.encode(), signer)


def open_command(message: bytes, algorithm: Algorithm, public_key: bytes) -> Command:
    """The command in a message that the pinned key of the hub signed.

    Raises:
        ProtocolError: Not such a message.
    """
    signed = cose.decode(message)
    cose.verify(signed, algorithm, public_key)
    return Command.decode(signed.payload)
