"""A real Modbus TCP connection, with everything that can go wrong on it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from tests.edge.fake_meter import FakeMeter

from gridtokenx_edge.clock import SYSTEM_CLOCK, Clock
from gridtokenx_edge.config import BusConfig, TcpLine
from gridtokenx_edge.errors import MeterError, MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters import Profile, decode
from gridtokenx_edge.modbus import BusPool, ModbusDevice

Connect = Callable[..., ModbusDevice]


@pytest.fixture
async def buses() -> Any:
    pool = BusPool()
    yield pool
    pool.close()


@pytest.fixture
def connect(buses: BusPool, profile: Profile) -> Connect:
    def device(port: int, unit: int = 1, clock: Clock = SYSTEM_CLOCK) -> ModbusDevice:
        config = BusConfig(TcpLine("127.0.0.1", port), unit, timeout_ms=150)
        return ModbusDevice(buses.bus(config), config, profile, clock)

    return device


async def test_reads_a_whole_profile(meter: FakeMeter, connect: Connect, profile: Profile) -> None:
    reading = decode(profile, await connect(meter.port).read())
    assert reading.produced_mwh == 20_000_000_000
    assert reading.consumed_mwh == 30_000_000_000
    assert reading.voltage_mv == 230_000
    assert reading.registers["produced"] == (20_000_000).to_bytes(8, "big")


@pytest.mark.parametrize(
    ("fault", "error", "reason"),
    [
        ("exception", MeterReplyError, "device_failure"),
        ("short", MeterReplyError, "wrong_length"),
        ("no_transaction", MeterReplyError, "wrong_transaction"),
        ("silent", MeterUnreachable, "no_reply"),
        ("late", MeterUnreachable, "no_reply"),
        ("other_transaction", MeterReplyError, "wrong_transaction"),
        ("other_unit", MeterReplyError, "wrong_unit"),
        ("cut", MeterReplyError, "cut_off"),
        ("garbage", MeterUnreachable, "wrong_protocol"),
    ],
)
async def test_a_bad_reply_is_refused_and_the_next_one_read(
    meter: FakeMeter,
    connect: Connect,
    profile: Profile,
    fault: str,
    error: type[MeterError],
    reason: str,
) -> None:
    device = connect(meter.port)
    meter.fault = fault
    with pytest.raises(error) as caught:
        await device.read()
    assert caught.value.reason == reason
    meter.fault = None
    meter.energy(20_000_001_000, 30_000_000_000)
    assert decode(profile, await device.read()).produced_mwh == 20_000_001_000


async def test_a_late_reply_is_never_taken_for_a_later_one(
    meter: FakeMeter, connect: Connect, profile: Profile
) -> None:
    device = connect(meter.port)
    meter.fault = "late"
    with pytest.raises(MeterUnreachable):
        await device.read()
    meter.fault = None
    meter.energy(20_000_009_000, 30_000_000_000)
    for _ in range(5):
        assert decode(profile, await device.read()).produced_mwh == 20_000_009_000
        await asyncio.sleep(0.08)


async def test_nothing_listens(connect: Connect) -> None:
    with pytest.raises(MeterUnreachable) as caught:
        await connect(9).read()
    assert caught.value.reason == "no_connection"


async def test_a_connection_that_the_meter_closed_costs_no_reading(
    meter: FakeMeter, connect: Connect
) -> None:
    device = connect(meter.port)
    await device.read()
    (connection,) = meter._writers
    meter.hang_up()
    await connection.wait_closed()
    for _ in range(2):  # until our end has seen it as well
        await asyncio.sleep(0)
    await device.read()
    assert device.losses == 2, "two openings, no failure"


async def test_one_request_at_a_time_on_a_bus(meter: FakeMeter, connect: Connect) -> None:
    devices = [connect(meter.port, unit) for unit in (1, 2, 3)]
    await asyncio.gather(*(device.read() for device in devices))
    assert {unit for unit, *_ in meter.requests} == {1, 2, 3}
    assert len(meter._writers) == 1, "one connection for all meters of a bus"


async def test_a_dead_unit_does_not_stall_its_bus(meter: FakeMeter, connect: Connect) -> None:
    meter.fault, meter.faulty_unit = "silent", 2
    dead, alive = connect(meter.port, 2), connect(meter.port, 1)
    for _ in range(3):
        with pytest.raises(MeterUnreachable):
            await dead.read()
    before = len(meter.requests)
    for _ in range(5):
        with pytest.raises(MeterUnreachable, match="tried again in"):
            await dead.read()
        await alive.read()
    assert {unit for unit, *_ in meter.requests[before:]} == {1}


async def test_against_an_independent_server(
    connect: Connect, profile: Profile, unused_tcp_port: int
) -> None:
    counters = SimData(3203, values=[30_000_000, 20_000_000], datatype=DataType.INT64)
    instant = SimData(3000, count=120, values=0, datatype=DataType.REGISTERS)
    server = ModbusTcpServer(
        SimDevice(1, simdata=[instant, counters]), address=("127.0.0.1", unused_tcp_port)
    )
    await server.serve_forever(background=True)
    try:
        reading = decode(profile, await connect(unused_tcp_port).read())
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call] # pymodbus leaves it untyped
    assert (reading.produced_mwh, reading.consumed_mwh) == (20_000_000_000, 30_000_000_000)
