"""Simulated meters on one line, and the agent's end of it."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from gridtokenx_edge.clock import SYSTEM_CLOCK, Clock
from gridtokenx_edge.config import BusConfig, SerialLine, TcpLine
from gridtokenx_edge.meters import MeterReading, Profile, decode
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_firmware_sim.faults import Fault
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models_load import load_model
from gridtokenx_firmware_sim.server import MeterServer

PRODUCED_WH, CONSUMED_WH = 20_000_000, 30_000_000
KINDS_OF_BUS = ("tcp", "rtu", "rtu-over-tcp")
FAST = 115_200
TIMEOUT_MS = 400
"""Long enough for a busy machine to answer in."""


class Line:
    """Meters at the units from 1 on, on one bus of any kind.

    Attributes:
        kind: As in the settings.
        server: The meters.
        profile: What they are read by.
    """

    def __init__(
        self, kind: str, server: MeterServer, line: TcpLine | SerialLine, profile: Profile
    ) -> None:
        self.server = server
        self.line = line
        self.profile = profile
        self.kind = kind
        self.pool = BusPool()
        self.energy(PRODUCED_WH)

    def energy(self, produced_wh: int, consumed_wh: int = CONSUMED_WH) -> None:
        """What all meters show from now on."""
        self.server.show(Measurement(produced_wh, consumed_wh, -1_500, (230, 230, 230), 50))

    def faults(self, *faults: Fault) -> None:
        """What goes wrong from now on: requests are counted anew."""
        self.server.script.requests.clear()
        self.server.script.faults = faults

    def device(
        self, unit: int = 1, timeout_ms: int = TIMEOUT_MS, clock: Clock = SYSTEM_CLOCK
    ) -> ModbusDevice:
        config = BusConfig(self.line, unit, timeout_ms)
        return ModbusDevice(self.pool.bus(config), config, self.profile, clock)

    async def read(self, device: ModbusDevice) -> MeterReading:
        return decode(self.profile, await device.read())

    async def produced_wh(self, device: ModbusDevice) -> int:
        return (await self.read(device)).produced_mwh // 1_000


@asynccontextmanager
async def open_line(
    kind: str, profile: Profile, meters: int = 1, baud: int = FAST, faults: Iterable[Fault] = ()
) -> AsyncIterator[Line]:
    """Meters on a ``tcp``, ``rtu`` (pseudo-terminal) or ``rtu-over-tcp`` bus."""
    server = MeterServer(load_model(profile.name), serial=1, unit=1, meters=meters, faults=faults)
    if kind == "rtu":
        where: TcpLine | SerialLine = SerialLine(
            Path(server.start_serial(None, baud)), baud, "none", 1
        )
    else:
        rtu = kind == "rtu-over-tcp"
        where = TcpLine("127.0.0.1", await server.start("127.0.0.1", 0, rtu=rtu), rtu)
    line = Line(kind, server, where, profile)
    try:
        yield line
    finally:
        line.pool.close()
        await server.stop()
