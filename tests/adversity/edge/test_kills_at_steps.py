"""SIGKILL at every step of sign, spool, publish, ack.

On the wire a link holds the packet of that step back until the agent is dead. On the disk strace
sends the signal when the agent makes the system call, so that the call is never carried out.
"""

import asyncio
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.adversity.edge.house import PATIENCE_S, Agent, House, house
from tests.adversity.link import MODBUS, MQTT, Fate, Link, Way, publishes
from tests.adversity.traced import strace

PUBACK = 4


@dataclass(frozen=True)
class WireStep:
    """A packet that the agent dies at."""

    name: str
    on_meter_link: bool
    way: Way
    matches: Callable[[bytes], bool]


WIRE_STEPS = (
    WireStep("the meter has answered, nothing is signed", True, Way.DOWN, lambda _: True),
    WireStep("published, not at the broker", False, Way.UP, publishes(b"/readings")),
    WireStep("at the broker, no PUBACK yet", False, Way.DOWN, lambda p: p[0] >> 4 == PUBACK),
    WireStep("stored by the hub, no ack yet", False, Way.DOWN, publishes(b"/ack")),
)


async def die_at_packet(folder: Path, meter_port: int, step: WireStep, times: int) -> None:
    broker = Link(MQTT, 0)
    settings: dict[str, Any] = {"broker_port": broker.port, "read_every_ms": 50}
    async with (
        Link(MODBUS, meter_port).serve() as meter,
        broker.serve(),
        house(folder, meter.port, **settings) as here,
    ):
        broker.target = here.broker.port
        link = meter if step.on_meter_link else broker
        for _ in range(times):
            agent = await here.start()
            await here.more_records()
            link.strike(
                lambda way, packet: (
                    Fate.STALL if way is step.way and step.matches(packet) else Fate.ON
                )
            )
            async with asyncio.timeout(PATIENCE_S):
                await link.struck.wait()
            await agent.killed()
            link.heal()
            here.check()
        await here.drain()


@pytest.mark.soak
async def test_killed_at_each_packet(tmp_path: Path, meter_port: int, soak_times: int) -> None:
    async with asyncio.TaskGroup() as lives:
        for step in WIRE_STEPS:
            life = die_at_packet(tmp_path / step.name, meter_port, step, 2 * soak_times)
            lives.create_task(life)


@dataclass(frozen=True)
class DiskStep:
    """System calls on a file, at each of which the agent dies once."""

    file: str
    call: str
    counts: Iterable[int]


DISK_STEPS = (
    # a header, then a head and a page in turn: of a reading, of its ack, of the next ones
    DiskStep("spool.db-wal", "pwrite64", range(1, 31, 2)),
    DiskStep("spool.db-wal", "fdatasync", range(1, 9)),
    # a life this long has brought the log back into the database
    DiskStep("spool.db", "pwrite64", (1, 5)),
    DiskStep("spool.db", "fdatasync", (1,)),
    DiskStep("meter.key.checkpoint.new", "write", (1, 2)),
    DiskStep("meter.key.checkpoint.new", "fsync", (1, 2)),
    DiskStep("meter.key.checkpoint.new", "rename", (1, 2)),
)


async def die_at_call(folder: Path, meter_port: int, step: DiskStep) -> None:
    async with house(folder, meter_port, read_every_ms=50) as here:
        for count in step.counts:
            agent = await start_doomed(here, step, count)
            async with asyncio.timeout(PATIENCE_S):
                await agent.process.wait()
            await agent.killed()
            assert agent.process.returncode == -signal.SIGKILL, agent.log
            here.check()
        await here.drain()


async def test_killed_at_each_system_call(tmp_path: Path, meter_port: int) -> None:
    async with asyncio.TaskGroup() as lives:
        for step in DISK_STEPS:
            folder = tmp_path / f"{step.call}-{step.file}"
            lives.create_task(die_at_call(folder, meter_port, step))


async def start_doomed(here: House, step: DiskStep, count: int) -> Agent:
    """An agent that dies at so manieth such call."""
    folder = here.site.folder
    return await here.start(
        *strace(folder / "trace", "-P", str(folder / step.file), "-e", f"trace={step.call}"),
        *("-e", f"inject={step.call}:signal=KILL:when={count}"),
    )
