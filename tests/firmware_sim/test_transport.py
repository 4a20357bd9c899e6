"""Every kind of line, read by an implementation that is not ours."""

import asyncio
import os
import struct
import tty
from pathlib import Path

import pytest
from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusIOException
from tests.firmware_sim.lines import COUNTS, SERIAL, serving

from gridtokenx_firmware_sim.errors import SimulatorError
from gridtokenx_firmware_sim.models_load import load_model
from gridtokenx_firmware_sim.server import MeterServer
from gridtokenx_firmware_sim.transport import rtu

KINDS = ["tcp", "rtu", "rtu-over-tcp"]


async def exported(client: ModbusBaseClient, unit: int = 1) -> int:
    answer = await client.read_holding_registers(3207, count=4, device_id=unit)
    value: int = struct.unpack(">q", struct.pack(">4H", *answer.registers))[0]
    return value


@pytest.mark.parametrize("kind", KINDS)
async def test_several_meters_on_one_line(kind: str) -> None:
    async with serving(kind, meters=3, timeout_s=5) as (server, client):
        for unit in (1, 2, 3):
            assert await exported(client, unit) == COUNTS
            answer = await client.read_holding_registers(129, count=2, device_id=unit)
            assert struct.pack(">2H", *answer.registers) == struct.pack(">I", SERIAL + unit - 1)
        assert server.script.requests == {1: 2, 2: 2, 3: 2}


@pytest.mark.parametrize("kind", KINDS)
async def test_refusals(kind: str) -> None:
    async with serving(kind, timeout_s=5) as (_, client):
        assert (await client.read_input_registers(3207, count=4)).exception_code == 1
        assert (await client.read_holding_registers(9_999, count=2)).exception_code == 2
        assert (await client.write_register(3207, 1)).exception_code == 1
        assert (await client.write_registers(3207, [1, 2])).exception_code == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_device_identification(kind: str) -> None:
    async with serving(kind, timeout_s=5) as (_, client):
        answer = await client.read_device_information()
        assert answer.information == {0: b"Schneider Electric", 1: b"iEM3155", 2: b"1.0"}


@pytest.mark.parametrize("kind", ["rtu", "rtu-over-tcp"])
async def test_on_a_line_nobody_speaks_for_another_unit(kind: str) -> None:
    async with serving(kind) as (_, client):
        with pytest.raises(ModbusIOException):
            await client.read_holding_registers(3207, count=4, device_id=9)
        assert await exported(client) == COUNTS


def request(unit: int = 1) -> bytes:
    return rtu.frame(unit, struct.pack(">BHH", 3, 3207, 4))


async def test_requests_that_are_damaged_or_cut_are_ignored() -> None:
    async with serving("rtu-over-tcp") as (server, client):
        port = client.comm_params.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request()[:-1] + b"\0")
        writer.write(request()[:5])
        await asyncio.sleep(0.2)  # a request ends where the line is silent
        writer.write(request()[:3])
        await writer.drain()
        writer.write(request()[3:])
        reply = await reader.readexactly(13)
        assert int.from_bytes(reply[3:11], "big") == COUNTS
        assert server.script.requests == {1: 1}
        writer.close()


async def test_a_pseudo_terminal_has_the_pace_of_its_baud_rate() -> None:
    """A lower bound: a reply cannot be there before its characters had their time."""
    async with serving("rtu", baud=1_200, timeout_s=10) as (_, client):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await client.read_holding_registers(3200, count=125)
        characters = 8 + 255
        assert loop.time() - begun >= characters * 11 / 1_200


async def test_a_real_port_is_served() -> None:
    """A pseudo-terminal stands for the port; its far end is held by the test."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    server = MeterServer(load_model("schneider-iem3155"), serial=1, unit=1)
    assert server.start_serial(os.ttyname(theirs), 9_600) == os.ttyname(theirs)
    os.write(ours, request())
    reply = await asyncio.wait_for(asyncio.to_thread(_read_exactly, ours, 13), 10)
    assert rtu.is_whole(reply)
    await server.stop()
    os.close(ours)
    os.close(theirs)


def _read_exactly(descriptor: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += os.read(descriptor, size - len(data))
    return data


def test_a_port_that_is_not_there_is_said(tmp_path: Path) -> None:
    server = MeterServer(load_model("schneider-iem3155"), serial=1, unit=1)
    with pytest.raises(SimulatorError, match="cannot open"):
        server.start_serial(str(tmp_path / "ttyUSB9"), 9_600)


async def test_a_header_that_is_not_modbus_ends_the_connection() -> None:
    async with serving("tcp") as (_, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", client.comm_params.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
