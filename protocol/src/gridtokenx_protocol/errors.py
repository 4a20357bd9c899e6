"""What can be wrong with a message, a key or a number, by name."""

from typing import ClassVar


class ProtocolError(ValueError):
    """Input that this protocol refuses.

    Attributes:
        reason: Stable snake_case name of the class, stored as the reason of a quarantined
            reading and shown by the API.
    """

    reason: ClassVar[str] = "protocol_error"


class Malformed(ProtocolError):
    """The bytes are not the one accepted form of a record, payload, message or ack."""

    reason: ClassVar[str] = "malformed"


class UnknownAlgorithm(ProtocolError):
    """The protected header names an algorithm other than Ed25519 or ES256."""

    reason: ClassVar[str] = "unknown_algorithm"


class BadSignature(ProtocolError):
    """The signature is not this key's over these bytes, or not in the one accepted form."""

    reason: ClassVar[str] = "bad_signature"


class BadKey(ProtocolError):
    """The public key is not a point that a chain program would accept."""

    reason: ClassVar[str] = "bad_key"


class UnitError(ProtocolError):
    """A quantity that its unit cannot hold exactly."""

    reason: ClassVar[str] = "bad_unit"


class BadTopic(ProtocolError):
    """An MQTT topic that is not one of this protocol's."""

    reason: ClassVar[str] = "bad_topic"
