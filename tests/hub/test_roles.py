"""The hub's roles in processes apart: they work together, and the leader's place is taken over."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from solders.keypair import Keypair
from tests.hub.onchain import KWH, Device, World, chain, now_ms, until, world

from demo.processes import Supervisor, command, free_port
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.leadership import LOCK_CLASS, Job
from gridtokenx_protocol import cose
from gridtokenx_protocol.topics import readings_topic

__all__ = ["chain", "world"]

LEADS = """
SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE locktype = 'advisory' AND datname = current_database()
AND classid = $1 AND objid = $2 AND granted)
"""


class Hub:
    """A folder with the keys and addresses of this test's chain, database and broker."""

    def __init__(self, folder: Path, supervisor: Supervisor) -> None:
        self.folder = folder
        self.supervisor = supervisor

    async def start(self, name: str, *words: str) -> None:
        """Start `gtx-hub` with these words as the process `name`."""
        await self.supervisor.start(name, command("gtx-hub"), "--folder", str(self.folder), *words)


@pytest.fixture
async def hub(
    world: World, database_url: str, broker: BrokerSettings, tmp_path: Path
) -> AsyncIterator[Hub]:
    folder = tmp_path / "hub"
    folder.mkdir()
    shutil.copytree(world.chain.keys_folder, folder / "keys")
    (folder / "hub.toml").write_text(
        f"[chain]\nrpc_url = '{world.chain.rpc_url}'\nsettlement_interval_s = 1\n"
        f"fee_payers = 2\n[database]\nurl = '{database_url}'\n"
        f"[broker]\nkind = 'rumqttd'\nport = {broker.port}\n"
        f"[settlement]\nperiod_s = 1\n[api]\nport = {free_port()}\n"
    )
    supervisor = Supervisor(folder)
    yield Hub(folder, supervisor)
    await supervisor.stop_all()


async def leads(world: World, job: Job) -> bool:
    return bool(await world.pool.fetchval(LEADS, LOCK_CLASS, int(job)))


async def publish(broker: BrokerSettings, device: Device) -> None:
    """The device's next reading, of 4 kWh more, arrives at the broker."""
    device.produce(4)
    record = device.record(now_ms() // 1000 * 1000)
    message = cose.sign(record.encode(), device.signer)
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        await client.publish(readings_topic(device.meter_id), message, qos=1)


async def test_each_role_in_a_process_apart(world: World, hub: Hub, broker: BrokerSettings) -> None:
    await asyncio.gather(
        hub.start("index", "index"),
        hub.start("settle", "settle"),
        hub.start("ingest-1", "ingest"),
        hub.start("ingest-2", "ingest", "--worker", "2"),
        hub.start("api", "api"),
    )
    device = await world.device()
    await world.agrees_with_chain()
    await publish(broker, device)
    await world.states_become(device, "settled")
    await world.agrees_with_chain()
    assert await world.energy_of(device.owner) == 4 * KWH


async def test_a_leader_that_is_killed_is_replaced(
    world: World, hub: Hub, broker: BrokerSettings
) -> None:
    for role, job in (("index", Job.INDEXER), ("settle", Job.SETTLEMENT)):
        await hub.start(f"{role}-1", role)
        await until(lambda job=job: leads(world, job))  # type: ignore[misc] # bound at once
        await hub.start(f"{role}-2", role)
    await hub.start("ingest", "ingest")
    device = await world.device()
    await world.agrees_with_chain()

    await hub.supervisor.kill("index-1")
    await world.register(Keypair())
    await world.agrees_with_chain()

    await hub.supervisor.kill("settle-1")
    await publish(broker, device)
    await world.states_become(device, "settled")
    assert await world.energy_of(device.owner) == 4 * KWH


async def test_of_two_that_ask_for_the_rate_the_other_takes_over(world: World, hub: Hub) -> None:
    refused = await asyncio.create_subprocess_exec(
        *(command("gtx-hub"), "--folder", str(hub.folder), "bridge"), stderr=asyncio.subprocess.PIPE
    )
    _, told = await refused.communicate()
    assert (refused.returncode, b"say in [oracle]" in told) == (1, True)

    with (hub.folder / "hub.toml").open("a") as settings:
        settings.write('[oracle]\nperiod_s = 1\nsources = [{kind = "fixed", thb_per_grx = "10"}]\n')
    posted = "SELECT count(*) FROM oracle_rounds WHERE outcome = 'posted'"

    async def posts_more_than(count: int) -> bool:
        return bool(await world.pool.fetchval(posted) > count)

    await hub.start("bridge-1", "bridge")
    await until(lambda: posts_more_than(0))
    await hub.start("bridge-2", "bridge")
    await hub.supervisor.kill("bridge-1")
    count = await world.pool.fetchval(posted)
    await until(lambda: posts_more_than(count + 1))


async def test_tables_are_not_rebuilt_beside_an_indexer(world: World, hub: Hub) -> None:
    await hub.start("index", "index")
    await until(lambda: leads(world, Job.INDEXER))
    rebuild = (command("gtx-hub"), "--folder", str(hub.folder), "index", "--rebuild")

    process = await asyncio.create_subprocess_exec(*rebuild, stderr=asyncio.subprocess.PIPE)
    _, told = await process.communicate()
    assert (process.returncode, b"another process indexes" in told) == (1, True)

    await hub.supervisor.stop("index")
    process = await asyncio.create_subprocess_exec(*rebuild, stdout=asyncio.subprocess.PIPE)
    printed, _ = await process.communicate()
    assert (process.returncode, b'"registry"' in printed) == (0, True)
    await world.agrees_with_chain()
