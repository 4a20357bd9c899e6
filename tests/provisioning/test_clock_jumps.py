"""The device's wall clock jumps an hour ahead, and back, while it delivers to a whole hub."""

from collections.abc import Awaitable, Callable

import pytest
from hub_world import HubWorld
from installer import change_code
from tests.adversity.edge.wall_clock import WallClock
from tests.provisioning.on_site import Device, installed
from tests.provisioning.seen import ledger, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR_S = 3600
HELD_S = 180
"""A clock that jumped is not trusted for a minute; a guard against hanging, on a busy machine."""
REFUSED = "SELECT count(*) FROM quarantine WHERE meter_id = $1 AND reason = 'future'"
OTHERWISE_REFUSED = "SELECT count(*) FROM quarantine WHERE meter_id = $1 AND reason <> 'future'"
# flags: the clock's status in bits 0-1, of which 2 is not synchronised; bit 2 for a settlement
NOT_SYNCHRONISED = "SELECT count(*) FROM readings WHERE meter_id = $1 AND flags & 3 = 2"
SETTLEMENTS = "SELECT count(*) FROM readings WHERE meter_id = $1 AND flags & 4 <> 0"
LAST_SURPLUS = (
    "SELECT surplus_mwh FROM readings WHERE meter_id = $1 AND flags & 4 <> 0"
    " ORDER BY sequence DESC LIMIT 1"
)


async def test_an_hour_ahead_and_back(world: HubWorld, sunny_device: Device) -> None:
    """What is signed ahead of time is refused, and nothing but that; no surplus is missing."""
    device = sunny_device
    meter_id = await installed(world, device)
    await device.until_settlement_readings(world, meter_id, 1)
    before = (await ledger(world, meter_id))["produced_mwh"]

    async def ask(query: str) -> int:
        answer: int = await world.pool.fetchval(query, meter_id)
        return answer

    async def rise(query: str, by: int) -> None:
        known = await ask(query)
        await until(above(lambda: ask(query), known + by - 1), HELD_S)

    clock = WallClock(device.folder / "ahead")
    clock.set(0)
    async with device.agent(under=clock.under):
        await device.delivers()
        clock.set(HOUR_S)
        await rise(REFUSED, 3)
        clock.set(0)
        await rise(NOT_SYNCHRONISED, 3)
        await rise(SETTLEMENTS, 2)
    assert await ask(OTHERWISE_REFUSED) == 0

    end = await device.change("decommission", await change_code(world, "revoke", meter_id))
    assert end.code == 0, end.lines
    after = await ledger(world, meter_id)
    assert after["produced_mwh"] > before
    assert after["minted_mwh"] == after["surplus_mwh"] == await ask(LAST_SURPLUS)


def above(ask: Callable[[], Awaitable[int]], than: int) -> Callable[[], Awaitable[bool]]:
    async def is_above() -> bool:
        return await ask() > than

    return is_above
