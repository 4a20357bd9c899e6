"""Ten meters on one serial line at 9,600 baud, one of them dead."""

import asyncio
from dataclasses import dataclass

import pytest
from tests.edge.modbus.line import PRODUCED_WH, Line, open_line

from gridtokenx_edge.clock import Clock
from gridtokenx_edge.errors import MeterUnreachable
from gridtokenx_edge.meters import Profile, plan_blocks
from gridtokenx_edge.modbus import ModbusDevice
from gridtokenx_edge.modbus.back_off import LONGEST_PAUSE_MS
from gridtokenx_firmware_sim.faults import Fault

BAUD = 9_600
METERS = 10
DEAD = 4
ROUNDS = 3
PERIOD_MS = 1_000


@dataclass
class Hands:
    """A clock that is set by hand."""

    now_ms: int = 0

    def clock(self) -> Clock:
        return Clock(lambda: self.now_ms, lambda: self.now_ms)


async def all_at_once(line: Line, devices: list[ModbusDevice]) -> list[object]:
    """What each meter shows, or why it could not be read."""
    return await asyncio.gather(
        *(line.produced_wh(device) for device in devices), return_exceptions=True
    )


async def test_a_dead_meter_costs_the_others_nothing(profile: Profile) -> None:
    hands = Hands()
    async with open_line("rtu", profile, METERS, BAUD) as line:
        line.faults(Fault("silence", unit=DEAD, requests=1_000))
        asked = line.server.script.requests
        devices = [line.device(unit, 2_000, hands.clock()) for unit in range(1, METERS + 1)]
        dead = line.device(DEAD, 50, hands.clock())
        devices[DEAD - 1] = dead
        for _ in range(12):
            hands.now_ms += LONGEST_PAUSE_MS
            with pytest.raises(MeterUnreachable):
                await dead.read()
        probes = asked[DEAD]
        for _ in range(ROUNDS):
            hands.now_ms += PERIOD_MS
            shown = await all_at_once(line, devices)
            assert isinstance(shown.pop(DEAD - 1), MeterUnreachable)
            assert shown == [PRODUCED_WH] * (METERS - 1)
        assert asked[DEAD] == probes, "it is left alone for longer than this"
        blocks = len(plan_blocks(profile))
        assert all(asked[unit] == ROUNDS * blocks for unit in range(1, METERS + 1) if unit != DEAD)
        hands.now_ms += LONGEST_PAUSE_MS
        await all_at_once(line, devices)
        assert asked[DEAD] == probes + 1, "now and then it is tried again"


async def test_meters_that_are_asked_at_once_take_turns(profile: Profile) -> None:
    """Whoever asks again right after a reply waits until all others had theirs."""
    async with open_line("rtu", profile, 3) as line:
        asked = line.server.script.requests
        seen: list[int] = []

        async def read_on(unit: int) -> None:
            device = line.device(unit, 2_000)
            for _ in range(5):
                await device.read()
                seen.append(max(asked.values()) - min(asked.values()))

        await asyncio.gather(*(read_on(unit) for unit in (1, 2, 3)))
        assert max(seen) <= len(plan_blocks(profile))
