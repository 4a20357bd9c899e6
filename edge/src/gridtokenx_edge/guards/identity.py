"""The meter behind an address must be the one that was registered."""

from typing import Final

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.errors import ReadingRefused
from gridtokenx_edge.modbus import ModbusDevice

CHECK_EVERY_MS: Final = 15 * 60 * 1000


class IdentityGuard:
    """Refuses every reading while the meter shows another serial number than the settings.

    The serial number is read behind the first reading, behind the first one after the meter was
    not reached or its line was opened anew, and every quarter of an hour; until it has been read
    and fits, behind every reading.
    """

    def __init__(self, serial: str | None, device: ModbusDevice, clock: Clock) -> None:
        """Begin with nothing checked.

        Args:
            serial: As ``decode_identity`` returns it; None accepts any meter.
            device: Where the readings come from.
            clock: Its monotonic time is used.
        """
        self._serial = serial
        self._device = device
        self._clock = clock
        self._checked: tuple[int, int] | None = None

    async def check(self) -> None:
        """Check the meter that was just read, when it is due.

        Raises:
            ReadingRefused: ``wrong_meter``, or ``no_identity``: it shows no serial number.
            MeterError: It gave no usable reply.
        """
        if self._serial is None:
            return
        now_ms, losses = self._clock.monotonic_ms(), self._device.losses
        if self._checked is not None:
            checked_at_ms, losses_then = self._checked
            if losses == losses_then and now_ms - checked_at_ms < CHECK_EVERY_MS:
                return
        self._checked = None
        serial = await self._device.read_serial()
        if serial != self._serial:
            raise ReadingRefused(
                "wrong_meter",
                f"the meter has serial number {serial}, the settings {self._serial}; check unit"
                " and wiring; an exchanged meter must be registered anew",
            )
        self._checked = now_ms, losses
