"""Why a message that its form does not condemn is refused all the same, by name."""

from typing import ClassVar

from gridtokenx_protocol.errors import ProtocolError


class UnknownMeter(ProtocolError):
    """No meter of the topic's id is registered."""

    reason: ClassVar[str] = "unknown_meter"


class UnknownKey(ProtocolError):
    """The message names a key that is not the meter's, or not any more for this sequence."""

    reason: ClassVar[str] = "unknown_key"


class WrongMeter(ProtocolError):
    """The record is of another meter than its topic."""

    reason: ClassVar[str] = "wrong_meter"


class WrongDeployment(ProtocolError):
    """The record was signed for another deployment: to replay it here must burn no sequence."""

    reason: ClassVar[str] = "wrong_deployment"


class OutOfRange(ProtocolError):
    """A number is beyond what the database can hold."""

    reason: ClassVar[str] = "out_of_range"
