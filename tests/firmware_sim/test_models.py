"""Register maps, through a real Modbus TCP connection, decoded as the makers document."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from gridtokenx_firmware_sim.day import Flow
from gridtokenx_firmware_sim.errors import RegisterError, SimulatorError
from gridtokenx_firmware_sim.meter import Measurement
from gridtokenx_firmware_sim.models_load import load_model
from gridtokenx_firmware_sim.server import MeterServer

SERIAL = 12_345_678


def measurement(model: str) -> Measurement:
    per_kwh = load_model(model).counts_per_kwh
    return Measurement(
        exported_counts=4_116 * per_kwh, imported_counts=8_200 * per_kwh + per_kwh // 2,
        power_w=-1_500.0, voltage_v=(230.0, 231.0, 229.0), frequency_hz=50.0,
    )  # fmt: skip


class Reader:
    def __init__(self, client: AsyncModbusTcpClient) -> None:
        self._client = client

    async def raw(self, function: int, address: int, count: int, unit: int = 1) -> bytes:
        read = {3: self._client.read_holding_registers, 4: self._client.read_input_registers}
        answer = await read[function](address, count=count, device_id=unit)
        if answer.isError():
            raise ModbusException(f"exception {answer.exception_code}")
        return struct.pack(f">{count}H", *answer.registers)

    async def float32(self, function: int, address: int) -> float:
        value: float = struct.unpack(">f", await self.raw(function, address, 2))[0]
        return value

    async def write(self, address: int) -> int:
        answer = await self._client.write_registers(address, [1, 2], device_id=1)
        return answer.exception_code


@asynccontextmanager
async def serving(model: str) -> AsyncIterator[Reader]:
    server = MeterServer(load_model(model), serial=SERIAL, unit=1)
    server.show(measurement(model))
    port = await server.start("127.0.0.1", 0)
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5, retries=0)
    try:
        assert await client.connect()
        yield Reader(client)
    finally:
        client.close()
        await server.stop()


async def test_schneider_iem3155() -> None:
    async with serving("schneider-iem3155") as meter:
        imported, exported = struct.unpack(">qq", await meter.raw(3, 3203, 8))
        assert (imported, exported) == (8_200_500, 4_116_000)
        assert await meter.float32(3, 3059) == -1.5
        assert await meter.float32(3, 3109) == 50.0
        assert await meter.float32(3, 3035) == 230.0
        assert [await meter.float32(3, a) for a in (3027, 3029, 3031)] == [230.0, 231.0, 229.0]
        assert await meter.float32(3, 3009) == pytest.approx(500 / 230, rel=1e-4)
        assert await meter.float32(3, 2999) == pytest.approx(500 / 230)
        assert await meter.float32(3, 3057) == -0.5
        assert (await meter.raw(3, 49, 20)).rstrip(b"\0") == b"iEM3155"
        assert (await meter.raw(3, 69, 20)).rstrip(b"\0") == b"Schneider Electric"
        assert struct.unpack(">I", await meter.raw(3, 129, 2)) == (SERIAL,)
        assert len(await meter.raw(3, 2999, 125)) == 250


async def test_eastron_sdm630() -> None:
    async with serving("eastron-sdm630") as meter:
        assert struct.unpack(">ff", await meter.raw(4, 0x48, 4)) == (8_200.5, 4_116.0)
        assert await meter.float32(4, 0x34) == -1_500.0
        assert await meter.float32(4, 0x46) == 50.0
        assert await meter.float32(4, 0x2A) == 230.0
        assert [await meter.float32(4, a) for a in (0, 2, 4)] == [230.0, 231.0, 229.0]
        assert await meter.float32(4, 6) == pytest.approx(500 / 230)
        assert await meter.float32(4, 0x2E) == pytest.approx(500 / 230, rel=1e-4)
        assert await meter.float32(4, 0x30) == pytest.approx(1_500 / 230, rel=1e-4)
        assert await meter.float32(4, 0x10) == -500.0
        assert struct.unpack(">I", await meter.raw(3, 0xFC00, 2)) == (SERIAL,)
        assert len(await meter.raw(4, 0x00, 80)) == 160


@pytest.mark.parametrize(
    ("model", "function", "address", "count", "unit", "code"),
    [
        ("schneider-iem3155", 4, 3203, 8, 1, 1),
        ("schneider-iem3155", 3, 9_999, 2, 1, 2),
        ("schneider-iem3155", 3, 3203, 8, 2, 11),
        ("eastron-sdm630", 3, 0x48, 4, 1, 1),
        ("eastron-sdm630", 4, 0xFC00, 2, 1, 1),
        ("eastron-sdm630", 4, 0xFF, 2, 1, 2),
        ("eastron-sdm630", 4, 0x00, 82, 1, 3),
        ("eastron-sdm630", 4, 0x48, 4, 247, 11),
    ],
)
async def test_other_reads_are_refused_with_the_right_exception(
    model: str, function: int, address: int, count: int, unit: int, code: int
) -> None:
    async with serving(model) as meter:
        with pytest.raises(ModbusException, match=f"exception {code}$"):
            await meter.raw(function, address, count, unit)


@pytest.mark.parametrize(
    ("model", "address"), [("schneider-iem3155", 3203), ("eastron-sdm630", 0xFC00)]
)
async def test_nothing_can_be_written(model: str, address: int) -> None:
    async with serving(model) as meter:
        assert await meter.write(address) == 1


async def test_both_energy_registers_change_together() -> None:
    model = load_model("schneider-iem3155")
    server = MeterServer(model, serial=SERIAL, unit=1)
    port = await server.start("127.0.0.1", 0)
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=5, retries=0)
    try:
        assert await client.connect()
        reader = Reader(client)
        for count in (2**16 - 1, 2**16, 2**32 - 1, 2**32, 2**48):
            server.show(Measurement(count, count, 0, (230, 230, 230), 50))
            assert struct.unpack(">qq", await reader.raw(3, 3203, 8)) == (count, count)
    finally:
        client.close()
        await server.stop()


async def test_a_port_that_is_taken_is_said() -> None:
    first = MeterServer(load_model("eastron-sdm630"), serial=1, unit=1)
    port = await first.start("127.0.0.1", 0)
    try:
        second = MeterServer(load_model("eastron-sdm630"), serial=1, unit=1)
        with pytest.raises(SimulatorError, match="cannot listen"):
            await second.start("127.0.0.1", port)
    finally:
        await first.stop()


def test_every_count_of_the_sdm630_is_exact_in_its_register() -> None:
    model = load_model("eastron-sdm630")
    start = model.counts_from_wh(4_096_000)
    for counts in range(start, start + 20 * 64 + 1):
        shown = model.values(Measurement(counts, 0, 0, (230, 230, 230), 50))[0x4A]
        milliwatt_hours = struct.unpack(">f", shown)[0] * 1_000_000
        assert milliwatt_hours == counts * 15_625


def test_a_start_that_a_register_cannot_show_is_refused() -> None:
    sdm630 = load_model("eastron-sdm630")
    assert sdm630.counts_from_wh(4_096_000) == 4_096 * 64
    with pytest.raises(RegisterError, match="steps of 1/64 kWh"):
        sdm630.counts_from_wh(4_096_001)
    with pytest.raises(RegisterError, match="exactly"):
        sdm630.counts_from_wh(262_144_125)
    with pytest.raises(RegisterError, match="exactly"):
        sdm630.counts_from_wh(-125)
    with pytest.raises(RegisterError, match="exactly"):
        sdm630.check_range(Flow(2**24 - 1, 0), Flow(2, 0))
    sdm630.check_range(Flow(2**24 - 1, 0), Flow(1, 0))
