"""SIGKILL at any moment, again and again."""

import asyncio
import random
from pathlib import Path

import pytest
from tests.adversity.edge.house import PATIENCE_S, house

HOUSES = 4
KILLS = 25
MOST_READINGS = 5
LONGEST_S = 0.15
"""Behind so many readings: three of them, with their acks, every 50 ms."""


async def live_and_die(folder: Path, meter_port: int, seed: int, kills: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same lives in every run
    async with house(folder, meter_port, read_every_ms=50) as here:
        for _ in range(kills):
            agent = await here.start()
            await agent.until_logged("started")
            # by readings, so that on a busy machine, too, there is something to lose
            enough = len(here.hub.records) + chance.randint(0, MOST_READINGS)
            await here.hub.until(lambda enough=enough: len(here.hub.records) >= enough, PATIENCE_S)  # type: ignore[misc]  # mypy has no type for a lambda with a default
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
