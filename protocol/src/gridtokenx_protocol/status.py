"""What a device says of itself: its birth, its death and, now and then, where its spool stands.

Retained on the status topic, so that whoever subscribes knows at once. It is not signed: the
broker lets only the meter's own certificate write there, and nothing of value follows from it.
"""

from dataclasses import dataclass

from gridtokenx_protocol.cbor import decode_map, encode_map
from gridtokenx_protocol.errors import Malformed
from gridtokenx_protocol.record import DEPLOYMENT_SIZE
from gridtokenx_protocol.units import U64_MAX

_DEPLOYMENT, _ONLINE, _SESSION, _OLDEST, _LAST, _VERSION, _PROFILE = range(1, 8)
MAX_TEXT = 64
"""Most characters in the version and in the profile's name."""


@dataclass(frozen=True, slots=True)
class Status:
    """Birth, death or state of a device.

    Attributes:
        deployment: 4 bytes, see ``deployment_id``.
        online: False in the last will, and when the agent was stopped.
        session: Unix ms at which this connection was made. A death that names an older session
            than the last birth is of a connection that was replaced: it says nothing.
        oldest_sequence: Oldest reading that the device still holds; 0 for none.
        last_sequence: Last sequence that it used.
        version: Version of the agent, at most 64 characters.
        profile: Name of the meter's profile, at most 64 characters.

    Raises:
        Malformed: A field is of another type or size.
    """

    deployment: bytes
    online: bool
    session: int
    oldest_sequence: int
    last_sequence: int
    version: str
    profile: str

    def __post_init__(self) -> None:
        if not isinstance(self.deployment, bytes) or len(self.deployment) != DEPLOYMENT_SIZE:
            raise Malformed("the deployment of a status has 4 bytes")
        if not isinstance(self.online, bool):
            raise Malformed("online is true or false")
        for number in (self.session, self.oldest_sequence, self.last_sequence):
            if type(number) is not int or not 0 <= number <= U64_MAX:
                raise Malformed("session and sequences of a status are unsigned 64-bit integers")
        for text in (self.version, self.profile):
            if not isinstance(text, str) or not 1 <= len(text) <= MAX_TEXT:
                raise Malformed(f"version and profile of a status have 1 to {MAX_TEXT} characters")

    def encode(self) -> bytes:
        """The deterministic CBOR map that is published."""
        return encode_map(
            {
                _DEPLOYMENT: self.deployment,
                _ONLINE: self.online,
                _SESSION: self.session,
                _OLDEST: self.oldest_sequence,
                _LAST: self.last_sequence,
                _VERSION: self.version,
                _PROFILE: self.profile,
            }
        )

    @classmethod
    def decode(cls, data: bytes) -> "Status":
        """Read a status; ``Status.decode(data).encode() == data`` for all that is accepted.

        Raises:
            Malformed: Another map, or not deterministic CBOR.
        """
        fields = decode_map(data)
        if list(fields) != list(range(_DEPLOYMENT, _PROFILE + 1)):
            raise Malformed("a status is a CBOR map with the keys 1 to 7")
        return cls(*fields.values())
