"""Every shipped profile against the simulator, whose encoder knows nothing of this decoder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gridtokenx_edge.clock import SYSTEM_CLOCK
from gridtokenx_edge.config import BusConfig
from gridtokenx_edge.config.model import TcpLine
from gridtokenx_edge.meters import (
    decode,
    decode_identity,
    identity_block,
    load_profile,
    locate,
    shipped_profiles,
)
from gridtokenx_edge.modbus import Bus, BusPool, ModbusDevice
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models import Model
from gridtokenx_firmware_sim.models_load import load_model
from gridtokenx_firmware_sim.server import MeterServer

SERIAL = 21_034_567
VOLTAGE = (229.0, 230.0, 231.0)


@asynccontextmanager
async def simulated(model: Model, now: Measurement) -> AsyncIterator[tuple[Bus, TcpLine]]:
    server = MeterServer(model, serial=SERIAL, unit=7)
    server.show(now)
    port = await server.start("127.0.0.1", 0)
    line = TcpLine("127.0.0.1", port, False)
    buses = BusPool()
    try:
        yield buses.bus(BusConfig(line, 7, 2_000)), line
    finally:
        buses.close()
        await server.stop()


@pytest.mark.parametrize("name", shipped_profiles())
async def test_what_the_meter_shows_is_what_the_agent_reads(name: str) -> None:
    profile, model = load_profile(name, Path()), load_model(name)
    per_kwh = model.counts_per_kwh
    now = Measurement(4_116 * per_kwh + 1, 8_200 * per_kwh + 3, -1_500.0, VOLTAGE, 50.0)
    async with simulated(model, now) as (bus, line):
        device = ModbusDevice(bus, BusConfig(line, 7, 2_000), profile, SYSTEM_CLOCK)
        reading = decode(profile, await device.read())
    assert reading.produced_mwh == (4_116 * per_kwh + 1) * 1_000_000 // per_kwh
    assert reading.consumed_mwh == (8_200 * per_kwh + 3) * 1_000_000 // per_kwh
    assert reading.active_power_mw == 1_500_000
    assert reading.frequency_mhz == 50_000
    single = profile.rated is not None and profile.rated.phases == 1
    volts = VOLTAGE[0] if single else sum(VOLTAGE) / 3
    amperes = (1_500 if single else 500) / volts
    assert reading.voltage_mv == pytest.approx(1_000 * volts, abs=1)
    # registers are rounded: to 10 mA in the coarsest, and the phases differ by their voltage
    assert reading.current_ma == pytest.approx(1_000 * amperes, abs=11)
    assert set(reading.registers) == set(profile.registers)


@pytest.mark.parametrize("name", shipped_profiles())
async def test_the_meter_tells_its_serial_number(name: str) -> None:
    profile, model = load_profile(name, Path()), load_model(name)
    now = Measurement(0, 0, 0.0, VOLTAGE, 50.0)
    async with simulated(model, now) as (bus, _):
        located = await locate(profile, lambda block: bus.read(7, block, 2_000))
        block = identity_block(located)
        if block is None:
            assert name == "chint-dtsu666", "the only one whose serial number is not documented"
            return
        assert decode_identity(located, await bus.read(7, block, 2_000)) == str(SERIAL)
