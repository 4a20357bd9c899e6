"""Old backups that are put back, and two agents with one key."""

import asyncio
import shutil
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.adversity.edge.house import PATIENCE_S, House, house
from tests.adversity.link import MQTT, Link

from gridtokenx_edge.spool.spool import JUMP
from gridtokenx_protocol.record import Flag

CHECKPOINT = "meter.key.checkpoint"


def put_back(here: House, backup: Path, *names: str) -> None:
    """Replace the agent's files by those of a backup."""
    for old in here.site.folder.glob("spool.db*"):
        old.unlink()
    for name in names:
        shutil.copy(backup / name, here.site.folder / name)


@pytest.mark.parametrize(
    ("names", "event"),
    [(("spool.db",), "spool_lost"), (("spool.db", CHECKPOINT), "ack_ahead")],
    ids=["spool alone", "spool and checkpoint"],
)
async def test_an_old_backup_uses_no_sequence_again(
    tmp_path: Path, meter_port: int, names: tuple[str, ...], event: str
) -> None:
    backup = tmp_path / "backup"
    async with house(tmp_path / "house", meter_port, read_every_ms=50) as here:
        agent = await here.start()
        await here.hub.until(lambda: len(here.hub.settlements) > 0, PATIENCE_S)
        await agent.stopped()
        shutil.copytree(here.site.folder, backup)
        agent = await here.start()
        settled = len(here.hub.settlements)
        await here.hub.until(lambda: len(here.hub.settlements) > settled, PATIENCE_S)
        await agent.stopped()
        used = max(here.hub.records)
        put_back(here, backup, *names)
        agent = await here.start()
        await agent.until_logged(event)
        await here.hub.until(lambda: here.hub.acked > JUMP, PATIENCE_S)
        await agent.stopped()
        code, output, errors = await here.site.command("spool", "verify")
        assert code == 0, output + errors
    first = min(sequence for sequence in here.hub.records if sequence > used)
    assert first > JUMP
    assert here.hub.records[first].flags & Flag.GAP
    assert not here.hub.equivocations
    surpluses = [record.surplus_mwh for record in here.hub.settlements]
    assert surpluses == sorted(surpluses), "the surplus never falls"


async def test_two_agents_with_one_key_are_seen(tmp_path: Path, meter_port: int) -> None:
    """By the hub; or by the second agent, when an ack comes to it before it has sent anything."""
    link = Link(MQTT, 0)
    settings: dict[str, Any] = {"broker_port": link.port, "read_every_ms": 50}
    async with house(tmp_path / "house", meter_port, **settings) as here:
        link.target = here.broker.port
        shutil.copytree(here.site.folder, tmp_path / "copy")
        other = replace(here, site=replace(here.site, folder=tmp_path / "copy"))
        agents = [await copy.start() for copy in (here, other)]
        # with nobody at the port, neither learns from an ack what the other has signed
        for agent, copy in zip(agents, (here, other), strict=True):
            await agent.until_logged("broker_lost")
            while len(copy.rows()) < 10:  # noqa: ASYNC110 - another process writes the file
                await asyncio.sleep(0.05)
        async with link.serve():
            await any_of(
                [
                    here.hub.until(lambda: bool(here.hub.equivocations), PATIENCE_S),
                    *(
                        agent.until_logged(event)
                        for agent in agents
                        for event in ("ack_other_hash", "ack_ahead")
                    ),
                ]
            )
            for agent in agents:
                await agent.stopped()


async def any_of(waits: Iterable[Coroutine[None, None, None]]) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    for task in done:
        task.result()
    await asyncio.gather(*waiting, return_exceptions=True)
