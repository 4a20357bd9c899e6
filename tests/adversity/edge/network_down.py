"""A house in a network namespace of its own, whose only link goes down and comes up again.

Started by its test as ``unshare --net python -m tests.adversity.edge.network_down FOLDER``.
"""

import asyncio
import sys
from pathlib import Path

from tests.adversity.edge.house import PATIENCE_S, house, simulator


async def set_link(state: str) -> None:
    """Set the loopback device ``up`` or ``down``."""
    process = await asyncio.create_subprocess_exec("ip", "link", "set", "lo", state)
    assert await process.wait() == 0


async def main(folder: Path) -> None:
    """Agent, meter and broker lose one another; the hub is at the broker's Unix socket."""
    await set_link("up")
    async with (
        simulator(folder) as meter_port,
        house(folder / "house", meter_port, folder / "broker", read_every_ms=100) as here,
    ):
        agent = await here.start()
        await here.more_records()
        await set_link("down")
        known = len(here.hub.records)
        await agent.until_logged("reading_refused")
        await agent.until_logged("broker_lost")
        await set_link("up")
        await agent.until_logged("reading_again")
        await agent.until_logged("broker_again")
        await here.hub.until(lambda: len(here.hub.records) > known + 10, PATIENCE_S)
        await agent.stopped()
        await here.drain()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
