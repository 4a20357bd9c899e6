"""The hub is lost and restored from an older backup; devices and chain have gone on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.adversity.hub.conftest import SEED
from tests.adversity.hub.market import Household
from tests.adversity.hub.processes import ROLES
from tests.adversity.hub.world import World, running_world

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.soak]


@asynccontextmanager
async def devices_going_on(world: World) -> AsyncIterator[None]:
    """The devices read and send, whether there is a hub or not."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for device in world.devices:
            tasks.create_task(device.run(world.hub.ports["broker"], stop))
        try:
            yield
        finally:
            stop.set()


async def lost_and_restored(world: World, backup: Path) -> str:
    """Kill every process that uses the database, and restore it; what the restore said."""
    for name in (*ROLES, "registrar"):
        await world.hub.supervisor.kill(name)
    told = await world.hub.command("restore", str(backup), "--replace")
    await world.hub.start("registrar")
    await asyncio.gather(*(world.hub.start(name) for name in ROLES))
    return told


async def welcome_back(world: World, household: Household) -> None:
    """Find a user again that the chain alone knew, and give it a token."""
    async with world.hub.database() as connection:
        household.user_id = await connection.fetchval(
            "SELECT id FROM users WHERE wallet = $1", household.wallet
        )
    made = await world.market.api.post(
        "/api/tokens", world.operator, role="user", user_id=household.user_id
    )
    household.token = made.answer["token"]


async def test_restored_from_an_older_backup(tmp_path: Path) -> None:
    async with running_world(SEED) as world:
        async with world.load():
            await world.goes_on()
        said = await world.hub.command("backup", "--to", str(tmp_path))
        answered = dict(world.market.api.answered)

        late = await world.household("late", "prosumer")
        world.market.sellers.append(late)
        await world.install(late)
        async with world.load():
            await world.any_moment()
            await world.any_moment()
        world.market.api.answered = answered  # younger keys are not known any more

        async with devices_going_on(world):
            told = await lost_and_restored(world, Path(said.splitlines()[0]))
        assert f"wallet {late.wallet} was made after the backup" in told
        await welcome_back(world, late)
        async with world.load():
            await world.goes_on()
        await world.check()
