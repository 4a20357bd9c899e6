"""SIGKILL of each process, of PostgreSQL, of the broker and of the chain, at any moment."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.adversity.hub.processes import ROLES, children, kill
from tests.adversity.hub.world import World

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.soak]


async def struck(world: World, times: int, blow: Callable[[], Awaitable[None]]) -> None:
    """Strike at random moments under load; then all must come through and hold."""
    async with world.load():
        for _ in range(times):
            await world.any_moment()
            await blow()
        await world.goes_on()
    await world.check()


@pytest.mark.parametrize("role", ROLES)
async def test_a_role(world: World, soak_times: int, role: str) -> None:
    await struck(world, soak_times, lambda: world.hub.restart(role))


async def test_the_registrar_while_a_meter_is_registered(world: World, soak_times: int) -> None:
    async def while_registering() -> None:
        owner = world.chance.choice(world.market.sellers)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(world.install(owner))
            await asyncio.sleep(world.chance.uniform(0, 0.5))
            await world.hub.restart("registrar")

    await struck(world, soak_times, while_registering)


@pytest.mark.parametrize("service", ["chain", "database", "broker"])
async def test_a_service(world: World, soak_times: int, service: str) -> None:
    await struck(world, soak_times, lambda: world.hub.restart(service))


async def test_the_database_server_itself(world: World, soak_times: int) -> None:
    async def postmaster() -> None:
        kill(world.hub.postmaster())
        await world.hub.restart("database")

    await struck(world, soak_times, postmaster)


async def test_a_process_of_the_database_server(world: World, soak_times: int) -> None:
    async def backend() -> None:
        kill(world.chance.choice(await world.hub.backends()))

    await struck(world, 2 * soak_times, backend)


async def test_the_broker_itself(world: World, soak_times: int) -> None:
    async def mosquitto() -> None:
        (server,) = children(world.hub.supervisor.pid("broker"))
        kill(server)  # and its keeper starts it again

    await struck(world, soak_times, mosquitto)
