"""Serial frames over a real pseudo-terminal and over TCP: late replies, damage, hang-ups."""

import asyncio
import os
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice
from tests.edge.modbus.line import CONSUMED_WH, FAST, PRODUCED_WH, TIMEOUT_MS, Line, open_line

from gridtokenx_edge.clock import SYSTEM_CLOCK, Clock
from gridtokenx_edge.config import BusConfig, SerialLine
from gridtokenx_edge.errors import MeterError, MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters import Profile, Quantity, decode, plan_blocks
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_firmware_sim.faults import Fault


async def test_reads_a_whole_profile(rtu_line: Line) -> None:
    reading = await rtu_line.read(rtu_line.device(2))
    assert reading.produced_mwh == PRODUCED_WH * 1_000
    assert reading.consumed_mwh == CONSUMED_WH * 1_000
    assert reading.voltage_mv == 230_000
    assert reading.active_power_mw == 1_500_000
    assert reading.registers[Quantity.PRODUCED] == PRODUCED_WH.to_bytes(8, "big")


@pytest.mark.parametrize("timeouts", [1.2, 1.8, 2.5, 3.5])
async def test_a_late_reply_is_never_taken_for_a_later_one(rtu_line: Line, timeouts: float) -> None:
    """Old register values come within the silence after the time-out, or after that."""
    device = rtu_line.device()
    rtu_line.faults(Fault("late", delay_ms=int(timeouts * TIMEOUT_MS)))
    with pytest.raises(MeterUnreachable) as caught:
        await device.read()
    assert caught.value.reason == "no_reply"
    for step in range(1, 4):
        rtu_line.energy(PRODUCED_WH + step)
        with suppress(MeterError):
            assert await rtu_line.produced_wh(device) == PRODUCED_WH + step


async def test_a_reply_that_outlasts_the_silence_is_told_by_its_length(rtu_line: Line) -> None:
    """The same is asked of the same unit: the old reply comes first, and looks right."""
    device = rtu_line.device()
    rtu_line.faults(Fault("held"))
    with pytest.raises(MeterUnreachable):
        await device.read()
    rtu_line.energy(PRODUCED_WH + 1)
    with pytest.raises(MeterReplyError) as caught:
        await device.read()
    assert caught.value.reason == "wrong_length"
    assert await rtu_line.produced_wh(device) == PRODUCED_WH + 1


async def test_every_reply_outlasts_the_silence(rtu_line: Line) -> None:
    """Replies stay one request behind for long, and some are refusals."""
    device = rtu_line.device(clock=Clock(lambda: 0, count(step=60_000).__next__))
    rtu_line.faults(
        Fault("held", requests=12), *(Fault("exception", at_request=n) for n in (3, 4, 9))
    )
    read = 0
    for step in range(18):
        rtu_line.energy(PRODUCED_WH + step)
        with suppress(MeterError):
            assert await rtu_line.produced_wh(device) == PRODUCED_WH + step
            read += 1
    assert read


async def test_a_late_reply_of_another_unit_is_refused(rtu_line: Line) -> None:
    slow, other = rtu_line.device(1), rtu_line.device(2)
    rtu_line.faults(Fault("held", unit=1), Fault("silence", unit=2))
    with pytest.raises(MeterUnreachable):
        await slow.read()
    with pytest.raises(MeterReplyError) as caught:
        await other.read()
    assert caught.value.reason == "wrong_unit"
    assert await rtu_line.produced_wh(other) == PRODUCED_WH


async def test_a_request_that_is_cancelled_leaves_no_reply_behind(rtu_line: Line) -> None:
    device = rtu_line.device()
    await device.read()
    rtu_line.faults(Fault("late", delay_ms=100))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await device.read()
    rtu_line.energy(PRODUCED_WH + 1)
    assert await rtu_line.produced_wh(device) == PRODUCED_WH + 1


async def test_a_reply_to_an_agent_that_ran_before_is_not_taken(profile: Profile) -> None:
    async with open_line("rtu", profile) as line:
        before = line.device()
        line.faults(Fault("late", delay_ms=TIMEOUT_MS // 2), Fault("silence", at_request=2))
        asked = asyncio.create_task(before.read())
        async with asyncio.timeout(20):
            while not line.server.script.requests[1]:  # noqa: ASYNC110 - a counter sets no event
                await asyncio.sleep(0.001)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        line.pool.close()
        line.pool = BusPool()
        device = line.device()
        line.energy(PRODUCED_WH + 1)
        with pytest.raises(MeterUnreachable):
            await device.read()
        assert await line.produced_wh(device) == PRODUCED_WH + 1


async def test_a_meter_that_refuses_single_registers_is_read_again(rtu_line: Line) -> None:
    device = rtu_line.device()
    rtu_line.faults(Fault("silence"), Fault("exception", at_request=2, code=2))
    with pytest.raises(MeterUnreachable):
        await device.read()
    assert await rtu_line.produced_wh(device) == PRODUCED_WH


async def test_an_adapter_that_is_pulled_and_comes_back_elsewhere(
    profile: Profile, tmp_path: Path
) -> None:
    by_id = tmp_path / "by-id"
    pool = BusPool()
    config = BusConfig(SerialLine(by_id, FAST, "none", 1), 1, TIMEOUT_MS)
    device = ModbusDevice(pool.bus(config), config, profile, SYSTEM_CLOCK)
    for _ in range(2):
        with pytest.raises(MeterUnreachable) as caught:
            await device.read()
        assert caught.value.reason == "no_connection"
        async with open_line("rtu", profile) as line:
            assert isinstance(line.line, SerialLine)
            by_id.unlink(missing_ok=True)
            by_id.symlink_to(line.line.device)
            assert decode(profile, await device.read()).produced_mwh == PRODUCED_WH * 1_000
    pool.close()


async def test_a_port_belongs_to_one_process(profile: Profile) -> None:
    async with open_line("rtu", profile) as line:
        await line.device().read()
        other = BusPool()
        config = BusConfig(line.line, 1, 200)
        with pytest.raises(MeterUnreachable, match="nothing else does"):
            await other.bus(config).read(1, plan_blocks(line.profile)[0], 200)
        other.close()


async def test_a_line_that_babbles_is_said(profile: Profile) -> None:
    ours, theirs = os.openpty()
    pool = BusPool()
    config = BusConfig(SerialLine(Path(os.ttyname(theirs)), FAST, "none", 1), 1, 50)
    device = ModbusDevice(pool.bus(config), config, profile, SYSTEM_CLOCK)

    async def babble() -> None:
        while True:
            os.write(ours, b"\x55")
            await asyncio.sleep(0)

    with pytest.raises(MeterUnreachable):
        await device.read()
    noise = asyncio.create_task(babble())
    with pytest.raises(MeterUnreachable) as caught:
        await device.read()
    assert caught.value.reason == "line_not_silent"
    noise.cancel()
    await asyncio.gather(noise, return_exceptions=True)
    pool.close()
    os.close(ours)
    os.close(theirs)


async def test_against_an_independent_server(profile: Profile) -> None:
    counters = SimData(3203, values=[30_000_000, 20_000_000], datatype=DataType.INT64)
    instant = SimData(3000, count=120, values=0, datatype=DataType.REGISTERS)
    ours, theirs = os.openpty()
    far, near = os.openpty()
    bridge = [asyncio.create_task(_copy(ours, far)), asyncio.create_task(_copy(far, ours))]
    server = ModbusSerialServer(
        SimDevice(1, simdata=[instant, counters]), port=os.ttyname(theirs), baudrate=FAST
    )
    await server.serve_forever(background=True)
    pool = BusPool()
    config = BusConfig(SerialLine(Path(os.ttyname(near)), FAST, "none", 1), 1, 2_000)
    try:
        device = ModbusDevice(pool.bus(config), config, profile, SYSTEM_CLOCK)
        reading = decode(profile, await device.read())
    finally:
        pool.close()
        await server.shutdown()  # type: ignore[no-untyped-call] # pymodbus leaves it untyped
        for task in bridge:
            task.cancel()
        await asyncio.gather(*bridge, return_exceptions=True)
        for descriptor in (ours, theirs, far, near):
            os.close(descriptor)
    assert (reading.produced_mwh, reading.consumed_mwh) == (20_000_000_000, 30_000_000_000)


async def _copy(source: int, target: int) -> None:
    """Join two pseudo-terminals, as a cable does."""
    loop = asyncio.get_running_loop()
    while True:
        readable = loop.create_future()
        loop.add_reader(source, readable.set_result, None)
        try:
            await readable
        finally:
            loop.remove_reader(source)
        os.write(target, os.read(source, 256))
