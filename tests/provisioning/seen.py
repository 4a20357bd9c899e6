"""What is so at the hub and on chain."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from hub_world import HubWorld


async def until(condition: Callable[[], Awaitable[bool]], patience_s: float = 60) -> None:
    """Wait until something is so in another process."""
    async with asyncio.timeout(patience_s):
        while not await condition():  # noqa: ASYNC110 - other processes have no event for it
            await asyncio.sleep(0.1)


async def highest(world: HubWorld, meter_id: bytes) -> int:
    """The highest sequence that the hub has stored of a meter."""
    found: int = await world.pool.fetchval(
        "SELECT max(sequence) FROM readings WHERE meter_id = $1", meter_id
    )
    return found


async def acked(world: HubWorld, meter_id: bytes) -> int:
    """Up to here every reading of a meter has a verdict."""
    found: int = await world.pool.fetchval(
        "SELECT sequence FROM acks WHERE meter_id = $1", meter_id
    )
    return found


async def onchain(world: HubWorld, meter_id: bytes) -> dict[str, Any]:
    """The meter's account."""
    account = await world.context.client.account(world.context.addresses.meter(meter_id))
    assert account is not None
    return world.context.programs["registry"].decode_account("Meter", account.data)


async def ledger(world: HubWorld, meter_id: bytes) -> dict[str, Any]:
    """The meter's ledger account."""
    account = await world.context.client.account(world.context.addresses.ledger(meter_id))
    assert account is not None
    return world.context.programs["energy_token"].decode_account("Ledger", account.data)
