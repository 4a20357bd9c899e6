"""Links that swallow everything and close nothing: to the broker, the database and the chain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from tests.adversity.hub.processes import Hub
from tests.adversity.hub.world import World
from tests.adversity.link import AnyBytes, Fate, Link

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEHIND_LINKS = {
    "ingest-1": "broker",
    "ingest-2": "database",
    "index": "database",
    "settle": "database",
    "api": "chain",
}
GIVES_UP = {
    "ingest-1": "the broker is silent",
    "ingest-2": "database: TimeoutError",
    "index": "indexer: database: TimeoutError",
    "settle": "settlement: database: TimeoutError",
}
"""What a process says when it believes in its link no longer; the API tells its callers."""


@asynccontextmanager
async def processes_on_links(hub: Hub) -> AsyncIterator[list[Link]]:
    """Start processes anew, each with a link before a service; in the end without."""
    async with AsyncExitStack() as serving:
        laid: dict[str, Link] = {}
        for name, service in BEHIND_LINKS.items():
            link = Link(AnyBytes(), hub.port_of(service))
            laid[name] = await serving.enter_async_context(link.serve())
        await asyncio.gather(
            *(hub.restart(name, **{BEHIND_LINKS[name]: link}) for name, link in laid.items())
        )
        try:
            yield list(laid.values())
        finally:
            await asyncio.gather(*(hub.restart(name) for name in BEHIND_LINKS))


@pytest.mark.soak
async def test_links_that_stall_half_open(world: World) -> None:
    async with processes_on_links(world.hub) as links:
        async with world.load():
            await world.any_moment()
            said = {name: world.hub.log_of(name) for name in GIVES_UP}
            for link in links:
                link.strike(lambda way, packet: Fate.STALL)
            async with asyncio.TaskGroup() as giving_up:
                for name, word in GIVES_UP.items():
                    giving_up.create_task(world.hub.until_said(name, word, said[name]))
            for link in links:
                link.heal()
            await world.goes_on()
        await world.check()
