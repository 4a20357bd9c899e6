"""Finding a meter in devices that do not keep to the specification."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from gridtokenx_edge.config import BusConfig
from gridtokenx_edge.config.model import TcpLine
from gridtokenx_edge.errors import MeterReplyError, MeterUnreachable
from gridtokenx_edge.meters import Block, Quantity, load_profile, locate
from gridtokenx_edge.modbus import ModbusDevice

SUNSPEC = load_profile("sunspec", Path())


class Device:
    """Answers from a chain of models after the marker at ``start``."""

    def __init__(self, start: int, *models: tuple[int, int], filled: bool = False) -> None:
        self.requests: list[Block] = []
        self._words: dict[int, bytes] = {start: b"Su", start + 1: b"nS"}
        address = start + 2
        for model, length in models:
            self._words[address] = struct.pack(">H", model)
            self._words[address + 1] = struct.pack(">H", length)
            if filled:
                self._words |= {address + 2 + offset: bytes(2) for offset in range(length)}
            address += 2 + length

    async def read(self, block: Block) -> bytes:
        self.requests.append(block)
        words = [self._words.get(block.address + offset) for offset in range(block.count)]
        if None in words:
            raise MeterReplyError("illegal_address", f"{block} is not there")
        return b"".join(word for word in words if word is not None)


@pytest.mark.parametrize("start", [0, 40_000, 50_000])
@pytest.mark.parametrize("model", [201, 202, 203, 204])
async def test_wherever_the_marker_is(start: int, model: int) -> None:
    profile = await locate(SUNSPEC, Device(start, (1, 66), (model, 105), (0xFFFF, 0)).read)
    assert profile.models == ()
    assert profile.registers[Quantity.PRODUCED].parts == ((start + 108, 2), (start + 124, 1))
    assert profile.identity is not None
    assert profile.identity.address == start + 52


async def test_the_serial_number_is_that_of_the_meter_not_of_the_inverter_before_it() -> None:
    device = Device(40_000, (1, 65), (103, 50), (1, 65), (203, 105))
    profile = await locate(SUNSPEC, device.read)
    assert profile.identity is not None
    assert profile.identity.address == 40_002 + 67 + 52 + 50


async def test_a_profile_with_fixed_addresses_needs_no_request() -> None:
    profile = load_profile("abb-b23", Path())
    device = Device(40_000)
    assert await locate(profile, device.read) is profile
    assert device.requests == []


@pytest.mark.parametrize(
    "models",
    [
        [(1, 66), (103, 50), (0xFFFF, 0)],
        [(1, 0)] * 200,
        [(1, 66), (160, 25_000)],
    ],
    ids=["no meter", "endless chain", "beyond the last address"],
)
async def test_a_search_ends(models: list[tuple[int, int]]) -> None:
    device = Device(40_000, *models)
    with pytest.raises(MeterReplyError) as caught:
        await locate(SUNSPEC, device.read)
    assert caught.value.reason in {"no_sunspec_meter", "illegal_address"}
    assert len(device.requests) <= 101


async def test_after_a_failure_the_meter_is_searched_for_again() -> None:
    """A bus on which the device is replaced by one that has its registers elsewhere."""

    class Bus:
        openings = 1
        device = Device(40_000, (1, 66), (203, 105), (0xFFFF, 0), filled=True)

        async def read(self, unit: int, block: Block, timeout_ms: int) -> bytes:
            return await self.device.read(block)

        def close(self) -> None:
            """Nothing is open."""

    class Clock:
        now = 0

        def monotonic_ms(self) -> int:
            return self.now

        now_ms = monotonic_ms

    line = TcpLine("127.0.0.1", 1, False)
    bus, clock = Bus(), Clock()
    meter = ModbusDevice(bus, BusConfig(line, 1, 100), SUNSPEC, clock)
    await meter.read()
    searched = len(bus.device.requests)
    await meter.read()
    assert len(bus.device.requests) == searched + 1, "found once, read in one request"
    bus.device = Device(0, (1, 66), (120, 26), (203, 105), (0xFFFF, 0), filled=True)
    with pytest.raises(MeterReplyError):
        await meter.read()
    clock.now += 3_600_000
    await meter.read()
    assert bus.device.requests[-1].address == 2 + 68 + 28 + 3


async def test_a_silent_device_is_not_taken_for_one_without_sunspec() -> None:
    async def silent(block: Block) -> bytes:
        raise MeterUnreachable("no_reply", f"{block} is not answered")

    with pytest.raises(MeterUnreachable):
        await locate(SUNSPEC, silent)


async def test_a_model_that_is_too_short_is_refused() -> None:
    with pytest.raises(MeterReplyError) as caught:
        await locate(SUNSPEC, Device(40_000, (1, 66), (203, 40)).read)
    assert caught.value.reason == "short_sunspec_model"
    await locate(replace(SUNSPEC, models=(7,)), Device(40_000, (7, 53)).read)
