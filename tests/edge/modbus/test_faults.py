"""Each fault of the simulated meter, by the name that the agent gives it; nothing wrong is read."""

from pathlib import Path

import pytest
from tests.edge.modbus.line import (
    CONSUMED_WH,
    KINDS_OF_BUS,
    PRODUCED_WH,
    TIMEOUT_MS,
    Line,
    open_line,
)

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.config import LimitsConfig
from gridtokenx_edge.errors import MeterError, ReadingRefused
from gridtokenx_edge.guards import Accepted, RegisterGuard
from gridtokenx_edge.meters import load_profile
from gridtokenx_edge.modbus import ModbusDevice
from gridtokenx_firmware_sim.faults import KINDS, Fault
from gridtokenx_protocol.record import ClockStatus

LATE_MS = 3 * TIMEOUT_MS // 2
SERIAL_ONLY = {
    "crc": (Fault("crc"), "bad_crc"),
    "cut": (Fault("cut"), "cut_off"),
    "late": (Fault("late", delay_ms=LATE_MS), "no_reply"),
    "noise": (Fault("noise"), "wrong_function"),
    "other_unit": (Fault("other_unit"), "wrong_unit"),
    "restart": (Fault("restart"), "no_reply"),
}
TCP_ONLY = {
    "crc": (Fault("crc"), "no_reply"),
    "cut": (Fault("cut"), "cut_off"),
    "late": (Fault("late", delay_ms=LATE_MS), "no_reply"),
    "noise": (Fault("noise"), "wrong_protocol"),
    "other_unit": (Fault("other_unit"), "wrong_unit"),
    "restart": (Fault("restart"), "no_reply"),
}
EVERYWHERE = {
    "exception": (Fault("exception", code=6), "device_busy"),
    "silence": (Fault("silence"), "no_reply"),
    "zero": (Fault("zero", requests=100), "register_zero"),
    "swapped_words": (Fault("swapped_words", requests=100), "out_of_range"),
    "exchanged": (Fault("exchanged"), "register_fell"),
    "roll_over": (Fault("roll_over"), "register_zero"),
}


class Guarded:
    """A meter that was read a second ago and whose readings are guarded."""

    def __init__(self, line: Line) -> None:
        self.now_ms = 0
        last = Accepted(0, PRODUCED_WH * 1_000, CONSUMED_WH * 1_000)
        clock = Clock(lambda: self.now_ms, lambda: self.now_ms)
        self._guard = RegisterGuard(LimitsConfig(10_000, 10_000), 1_000, clock, last)
        self._line = line
        self.device: ModbusDevice = line.device()

    async def produced_wh(self) -> int:
        reading = await self._line.read(self.device)
        self.now_ms += 1_000
        self._guard.check(reading, ClockStatus.SYNCHRONISED)
        return reading.produced_mwh // 1_000


async def refusal(meter: Guarded) -> str:
    with pytest.raises((MeterError, ReadingRefused)) as caught:
        await meter.produced_wh()
    assert isinstance(caught.value, MeterError | ReadingRefused)
    return caught.value.reason


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"frozen", "held"}))
async def test_a_fault_has_a_name_and_no_reading(line: Line, kind: str) -> None:
    mine = TCP_ONLY if line.kind == "tcp" else SERIAL_ONLY
    fault, reason = {**EVERYWHERE, **mine}[kind]
    meter = Guarded(line)
    assert await meter.produced_wh() == PRODUCED_WH
    line.faults(fault)
    assert await refusal(meter) == reason
    line.faults()
    line.energy(PRODUCED_WH + 1)
    assert await meter.produced_wh() == PRODUCED_WH + 1, "it is read again at once"


async def test_a_frozen_meter_is_read_as_it_is(line: Line) -> None:
    meter = Guarded(line)
    line.faults(Fault("frozen"))
    assert await meter.produced_wh() == PRODUCED_WH
    line.energy(PRODUCED_WH + 1)
    assert await meter.produced_wh() == PRODUCED_WH
    line.faults()
    assert await meter.produced_wh() == PRODUCED_WH + 1


async def test_a_meter_exchanged_for_one_with_higher_registers(line: Line) -> None:
    meter = Guarded(line)
    line.faults(Fault("exchanged", percent=101))
    assert await refusal(meter) == "register_jumped"


async def test_a_roll_over_is_not_taken_for_energy_that_flowed_back(line: Line) -> None:
    meter = Guarded(line)
    line.faults(Fault("roll_over"))
    assert await refusal(meter) == "register_zero"
    line.energy(PRODUCED_WH + 5, CONSUMED_WH + 5)
    assert await refusal(meter) == "register_fell"


async def test_each_exception_that_a_device_can_make_is_refused(line: Line) -> None:
    device = line.device()
    for code in (1, 2, 3, 4, 6, 11, 99):
        line.faults(Fault("exception", code=code))
        with pytest.raises(MeterError) as caught:
            await device.read()
        assert caught.value.reason not in {"no_reply", "backing_off"}
        assert await line.produced_wh(device) == PRODUCED_WH


async def test_the_other_meter_on_the_bus_is_read_all_the_while(line: Line) -> None:
    broken, sound = line.device(1), line.device(2)
    for kind in ("crc", "cut", "exception", "late", "noise", "other_unit", "silence"):
        line.faults(Fault(kind, unit=1, delay_ms=LATE_MS))
        with pytest.raises(MeterError):
            await broken.read()
        assert await line.produced_wh(sound) == PRODUCED_WH
        line.faults()
        assert await line.produced_wh(broken) == PRODUCED_WH


@pytest.mark.parametrize(
    ("there", "expected", "reason"),
    [
        ("schneider-iem3155", "eastron-sdm630", "illegal_function"),
        ("eastron-sdm630", "schneider-iem3155", "illegal_address"),
    ],
)
@pytest.mark.parametrize("kind", KINDS_OF_BUS)
async def test_a_meter_of_another_model_behind_the_address(
    kind: str, there: str, expected: str, reason: str
) -> None:
    async with open_line(kind, load_profile(there, Path())) as line:
        line.profile = load_profile(expected, Path())
        with pytest.raises(MeterError, match="check profile and unit") as caught:
            await line.device().read()
        assert caught.value.reason == reason
