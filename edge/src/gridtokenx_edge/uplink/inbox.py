"""What the hub says to a device: opened, and refused when it is not for us or not now."""

from gridtokenx_edge.config.model import MeterConfig
from gridtokenx_protocol.ack import Ack, open_ack
from gridtokenx_protocol.command import Command, open_command
from gridtokenx_protocol.errors import ProtocolError


class Inbox:
    """Opens the hub's messages with its pinned key."""

    def __init__(self, config: MeterConfig) -> None:
        self._config = config
        self._last_command = 0

    def ack(self, message: bytes) -> Ack:
        """A signed ack for this meter.

        Raises:
            ProtocolError: It is not one.
        """
        config = self._config
        ack = open_ack(message, config.ack_algorithm, config.ack_key)
        self._require_ours(ack.meter_id, ack.deployment)
        return ack

    def command(self, message: bytes, now_ms: int) -> Command:
        """A signed command for this meter that was not obeyed before and is not too old.

        Raises:
            ProtocolError: It is not one.
        """
        config = self._config
        command = open_command(message, config.ack_algorithm, config.ack_key)
        self._require_ours(command.meter_id, command.deployment)
        if command.expires_ms <= now_ms:
            raise ProtocolError("it has expired; check the clocks here and at the hub")
        if command.number <= self._last_command:
            raise ProtocolError("it was given before")
        self._last_command = command.number
        return command

    def _require_ours(self, meter_id: bytes, deployment: bytes) -> None:
        if meter_id != self._config.id or deployment != self._config.deployment:
            raise ProtocolError("it is for another meter or deployment")
