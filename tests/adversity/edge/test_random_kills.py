"""SIGKILL at any moment, again and again."""

import asyncio
import random
from pathlib import Path

import pytest
from tests.adversity.edge.house import house

HOUSES = 4
KILLS = 30
LONGEST_S = 0.5
"""A life after its start: the first acks, a settlement, and readings every 50 ms are in it."""


async def live_and_die(folder: Path, meter_port: int, seed: int, kills: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same moments in every run
    async with house(folder, meter_port, read_every_ms=50) as here:
        for _ in range(kills):
            agent = await here.start()
            await agent.until_logged("started")
            await asyncio.sleep(chance.uniform(0, LONGEST_S))
            await agent.killed()
            here.check()
        await here.drain()
        assert here.hub.settlements


@pytest.mark.soak
async def test_nothing_is_lost_or_used_twice(
    tmp_path: Path, meter_port: int, soak_times: int
) -> None:
    async with asyncio.TaskGroup() as lives:
        for seed in range(HOUSES):
            lives.create_task(
                live_and_die(tmp_path / str(seed), meter_port, seed, KILLS * soak_times)
            )
