"""Links that are cut, that stall half-open, that are slow: to the broker and to the meter."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.adversity.edge.house import PATIENCE_S, House, house
from tests.adversity.link import MODBUS, MQTT, Fate, Link, Way, publishes

from workbench.environment import ROOT

PERIOD_MS = 100


@asynccontextmanager
async def house_on_links(folder: Path, meter_port: int) -> AsyncIterator[tuple[House, Link, Link]]:
    """A house, its link to the meter and its link to the broker."""
    broker = Link(MQTT, 0)
    settings: dict[str, Any] = {"broker_port": broker.port, "read_every_ms": PERIOD_MS}
    async with (
        Link(MODBUS, meter_port).serve() as meter,
        broker.serve(),
        house(folder, meter.port, **settings) as here,
    ):
        broker.target = here.broker.port
        yield here, meter, broker


def every(way: Way, matches: Callable[[bytes], bool], fate: Fate) -> Callable[[Way, bytes], Fate]:
    """What becomes of all packets of a kind."""
    return lambda going, packet: fate if going is way and matches(packet) else Fate.ON


async def caught_up(here: House) -> None:
    """Wait until the hub has what is spooled now."""
    last = max(here.rows())
    await here.hub.until(lambda: here.hub.acked > last, PATIENCE_S)


async def test_a_broker_link_that_is_cut_in_mid_packet(tmp_path: Path, meter_port: int) -> None:
    async with house_on_links(tmp_path / "house", meter_port) as (here, _, broker):
        agent = await here.start()
        await here.more_records()
        for way, topic in ((Way.UP, b"/readings"), (Way.DOWN, b"/ack"), (Way.UP, b"/status")):
            before = broker.connections
            broker.strike(every(way, publishes(topic), Fate.CUT))
            if topic == b"/status":
                broker.reset()
            async with asyncio.timeout(PATIENCE_S):
                await broker.struck.wait()
            broker.heal()
            await caught_up(here)
            assert broker.connections > before
        await agent.stopped()
        await here.drain()
    assert agent.has_logged("broker_again")


async def test_a_broker_link_that_stalls_half_open(tmp_path: Path, meter_port: int) -> None:
    async with house_on_links(tmp_path / "house", meter_port) as (here, _, broker):
        agent = await here.start()
        await here.more_records()
        broker.strike(lambda way, packet: Fate.STALL)
        known, spooled = len(here.hub.records), max(here.rows())
        await agent.until_logged("broker_lost")
        assert len(here.hub.records) - known <= 1, "one was on its way"
        assert max(here.rows()) > spooled + 50, "it reads and spools meanwhile"
        broker.heal()
        await caught_up(here)
        await agent.stopped()
        await here.drain()


async def test_a_slow_broker_link(tmp_path: Path, meter_port: int) -> None:
    async with house_on_links(tmp_path / "house", meter_port) as (here, _, broker):
        broker.pause_s = 0.2
        agent = await here.start()
        await here.more_records()
        await caught_up(here)
        await caught_up(here)
        await agent.stopped()
        broker.pause_s = 0
        await here.drain()
    assert not agent.has_logged("broker_lost")


async def test_a_meter_link_that_is_cut_or_stalls(tmp_path: Path, meter_port: int) -> None:
    async with house_on_links(tmp_path / "house", meter_port) as (here, meter, _):
        agent = await here.start()
        for way, fate in (
            (Way.DOWN, Fate.CUT),
            (Way.UP, Fate.CUT),
            (Way.DOWN, Fate.STALL),
            (Way.UP, Fate.STALL),
        ):
            await here.more_records()
            agent.log.clear()
            meter.strike(every(way, lambda _: True, fate))
            await agent.until_logged("reading_refused")
            meter.heal()
            await agent.until_logged("reading_again")
        await agent.stopped()
        await here.drain()


async def test_the_network_goes_down(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--net", sys.executable, "-m", "tests.adversity.edge.network_down", tmp_path),
        cwd=ROOT,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
