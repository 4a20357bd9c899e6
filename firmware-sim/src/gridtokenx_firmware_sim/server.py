"""The talking part of the meter: which unit answers, and how a fault spoils the answer."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from gridtokenx_firmware_sim.device import NO_RESPONSE, MeterDevice, exception
from gridtokenx_firmware_sim.faults import Fault, FaultScript, RegisterFaults
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models import Model
from gridtokenx_firmware_sim.transport import Listener, Reply, listen_serial, listen_tcp


@dataclass(frozen=True, slots=True)
class _Unit:
    device: MeterDevice
    shown: RegisterFaults


class MeterServer:
    """Serves meters of one model at neighbouring unit addresses; all measure the same.

    Args:
        model: Kind of meter.
        serial: Serial number of the first, 32 bits; the others follow.
        unit: Modbus unit address of the first, 1 to 247.
        meters: How many.
        faults: What is to go wrong.

    Attributes:
        script: Counts requests; its faults may be changed at any time.
    """

    def __init__(
        self, model: Model, *, serial: int, unit: int, meters: int = 1, faults: Iterable[Fault] = ()
    ) -> None:
        self.script = FaultScript(faults, lambda: time.monotonic_ns() // 1_000_000)
        self._units: dict[int, _Unit] = {}
        for number in range(meters):
            device = MeterDevice(model, serial + number)
            self._units[unit + number] = _Unit(device, RegisterFaults(device))
        self._listener: Listener | None = None

    def show(self, measurement: Measurement) -> None:
        """Put a measurement into the registers, all at once for whoever reads."""
        for unit in self._units.values():
            unit.device.measurement = measurement

    async def start(self, host: str, port: int, *, rtu: bool = False) -> int:
        """Listen for Modbus TCP, or for serial frames over TCP; returns the port.

        Raises:
            SimulatorError: The address is taken or not this machine's.
        """
        self._listener = listener = await listen_tcp(
            host, port, self._reply_on_line if rtu else self._reply_of_gateway, rtu=rtu
        )
        return listener.port

    def start_serial(self, device: str | None, baud: int, parity: str = "none") -> str:
        """Serve a serial port, or the far end of a new pseudo-terminal; returns its path.

        Raises:
            SimulatorError: The port cannot be opened.
        """
        self._listener = listener = listen_serial(device, baud, parity, self._reply_on_line)
        return listener.path

    async def stop(self) -> None:
        """Close the port and all connections."""
        if self._listener:
            await self._listener.stop()

    def _reply_on_line(self, unit: int, request: bytes) -> Reply | None:
        return self._reply(unit, request) if unit in self._units else None

    def _reply_of_gateway(self, unit: int, request: bytes) -> Reply | None:
        if unit in self._units:
            return self._reply(unit, request)
        return Reply(unit, exception(request[0], NO_RESPONSE))

    def _reply(self, unit: int, request: bytes) -> Reply | None:
        faults = self.script.next_request(unit)
        served = self._units[unit]
        if "silence" in faults:
            return None
        if refused := faults.get("exception"):
            pdu = exception(request[0], refused.code)
        else:
            pdu = served.device.answer(request, served.shown.registers(faults.values()))
        stranger, late = faults.get("other_unit"), faults.get("late")
        return Reply(
            unit=stranger.from_unit if stranger else unit,
            pdu=pdu,
            delay_s=late.delay_ms / 1_000 if late else 0,
            damage=next(
                (kind for kind in ("restart", "cut", "crc", "noise", "held") if kind in faults),
                None,
            ),
        )
