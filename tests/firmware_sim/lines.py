"""A simulated meter and pymodbus at the other end: an implementation that is not ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient

from gridtokenx_firmware_sim.faults import Fault
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models_load import load_model
from gridtokenx_firmware_sim.server import MeterServer

SERIAL = 12_345_678
COUNTS = 4_116_000


def measurement(counts: int = COUNTS) -> Measurement:
    return Measurement(counts, 2 * counts, -1_500.0, (230.0, 231.0, 229.0), 50.0)


@asynccontextmanager
async def serving(
    kind: str, *faults: Fault, meters: int = 1, baud: int = 115_200, timeout_s: float = 0.5
) -> AsyncIterator[tuple[MeterServer, ModbusBaseClient]]:
    """Meters from unit 1 on, and a client, on a ``tcp``, ``rtu`` or ``rtu-over-tcp`` line."""
    model = load_model("schneider-iem3155")
    server = MeterServer(model, serial=SERIAL, unit=1, meters=meters, faults=faults)
    server.show(measurement())
    client: ModbusBaseClient
    if kind == "rtu":
        path = server.start_serial(None, baud)
        client = AsyncModbusSerialClient(path, baudrate=baud, timeout=timeout_s, retries=0)
    else:
        rtu = kind == "rtu-over-tcp"
        client = AsyncModbusTcpClient(
            "127.0.0.1",
            port=await server.start("127.0.0.1", 0, rtu=rtu),
            framer=FramerType.RTU if rtu else FramerType.SOCKET,
            timeout=timeout_s,
            retries=0,
        )
    try:
        assert await client.connect()
        yield server, client
    finally:
        client.close()
        await server.stop()
