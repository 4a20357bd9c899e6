"""ENOSPC while spooling, and while an ack is written."""

import asyncio
from pathlib import Path
from typing import Any

from tests.adversity.edge.house import PATIENCE_S, House, house
from tests.adversity.edge.small_disk import small_disk
from tests.edge.fake_hub import METER_ID

from demo.processes import free_port
from gridtokenx_edge.health.client import fetch_figures


async def test_a_full_disk_stops_readings_and_nothing_else(tmp_path: Path, meter_port: int) -> None:
    async with small_disk(tmp_path / "disk", "3m") as disk:
        settings: dict[str, Any] = {"health_port": free_port(), "read_every_ms": 50}
        async with house(disk.folder / "house", meter_port, **settings) as here:
            agent = await here.start()
            await here.more_records()
            here.hub.muted = True
            disk.fill()
            await agent.until_logged("reading_refused", reason="spool_not_written")
            before = await refused(here)
            known = len(here.hub.records)
            here.hub.muted = False
            await here.hub.acknowledge()
            await agent.until_logged("ack_not_written")
            while await refused(here) < before + 10:  # noqa: ASYNC110 - another process counts
                await asyncio.sleep(0.05)
            assert len(here.hub.records) - known <= 1, "one was on its way"
            assert not agent.has_logged("broker_lost")
            await agent.killed()
            here.check()
            agent = await here.start()
            await agent.until_logged("reading_refused", reason="spool_not_written")
            disk.make_room()
            await agent.until_logged("reading_again")
            await here.hub.until(lambda: len(here.hub.records) > known + 10, PATIENCE_S)
            await agent.stopped()
            here.check()
            await here.drain()


async def refused(here: House) -> float:
    """How many readings the health page says were not written."""
    assert here.site.health_port
    figures = await asyncio.to_thread(fetch_figures, here.site.health_port)
    assert figures
    return figures[METER_ID.hex()].get("refused_total.spool_not_written", 0)
