"""The hub's roles in processes apart: they work together, and the leader's place is taken over."""

import asyncio
import shutil
import socket
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from solders.keypair import Keypair
from tests.hub.onchain import KWH, Device, World, chain, now_ms, until, world

from demo.processes import ProcessFailed, Supervisor, command, free_port
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

    async def start(self, name: str, *words: str) -> dict[str, Any]:
        """Start `gtx-hub` with these words as the process `name`; return what it announces."""
        return await self.supervisor.start(
            name, command("gtx-hub"), "--folder", str(self.folder), *words
        )


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


async def read_metrics(http: httpx.AsyncClient, url: str) -> dict[str, float]:
    """Each sample's value; its name is followed by its labels' values."""
    answer = await http.get(url)
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        " ".join((sample.name, *sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_a_process_apart_tells_of_itself(
    world: World, hub: Hub, broker: BrokerSettings
) -> None:
    await hub.start("settle", "settle")  # where nothing is asked for, nothing listens
    urls = {
        name: (await hub.start(name, *words, "--metrics-port", "0"))["metrics"]
        for name, words in {
            "index": ["index"],
            "ingest-1": ["ingest"],
            "ingest-2": ["ingest", "--worker", "2"],
            "settle-2": ["settle"],
        }.items()
    }
    device = await world.device()
    await world.agrees_with_chain()
    await publish(broker, device)
    await world.states_become(device, "settled")
    parts = {
        "index": {"database", "chain", "indexer"},
        "ingest-1": {"database", "broker"},
        "settle-2": {"database", "chain"},
    }
    async with httpx.AsyncClient() as http:
        told = {name: await read_metrics(http, url) for name, url in urls.items()}
        for name, expected in parts.items():
            up = {
                key.split()[1]: v
                for key, v in told[name].items()
                if key.startswith("gridtokenx_up")
            }
            assert up == dict.fromkeys(expected, 1.0)
            base = urls[name].removesuffix("/metrics")
            assert base.startswith("http://127.0.0.1:")
            assert (await http.get(f"{base}/health")).json() == {"status": "ok"}
            assert (await http.get(f"{base}/ready")).json() == {"status": "ready"}
            assert (await http.get(f"{base}/api/users/me")).status_code == 404
    workers = [told["ingest-1"], told["ingest-2"]]
    for counter in ("messages_received", "messages_verified", "readings_stored"):
        assert sum(worker[f"gridtokenx_ingest_{counter}_total"] for worker in workers) == 1
    for histogram in ("latency_seconds", "batch_messages"):
        assert sum(worker[f"gridtokenx_ingest_{histogram}_count"] for worker in workers) == 1
    assert all(worker["gridtokenx_ingest_broker_connections_total"] == 1 for worker in workers)
    assert "gridtokenx_ingest_messages_received_total" not in told["index"]
    assert told["index"]["gridtokenx_database_query_duration_seconds_count"] > 0


async def test_a_process_apart_says_what_is_not_ready(hub: Hub, broker: BrokerSettings) -> None:
    url = (await hub.start("ingest", "ingest", "--metrics-port", "0"))["metrics"]
    settings = hub.folder / "hub.toml"
    gone = settings.read_text().replace(f"port = {broker.port}", f"port = {free_port()}")
    settings.write_text(gone)
    other = (await hub.start("ingest-2", "ingest", "--worker", "2", "--metrics-port", "0"))[
        "metrics"
    ]
    async with httpx.AsyncClient() as http:
        assert (await http.get(url.replace("/metrics", "/ready"))).status_code == 200
        answer = await http.get(other.replace("/metrics", "/ready"))
        assert (answer.status_code, answer.json()["error"]) == (503, "NotReady")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "broker" in answer.json()["detail"]
        assert (await http.get(other.replace("/metrics", "/health"))).status_code == 200
        assert (await read_metrics(http, other))["gridtokenx_up broker"] == 0


async def test_a_port_that_cannot_be_had(hub: Hub) -> None:
    url = (await hub.start("index", "index", "--metrics-port", "0"))["metrics"]
    port = url.removesuffix("/metrics").rpartition(":")[2]
    for value, code, words in ((port, 1, b"another --metrics-port"), ("70000", 2, b"no port")):
        process = await asyncio.create_subprocess_exec(
            *(command("gtx-hub"), "--folder", str(hub.folder)),
            *("settle", "--metrics-port", value),
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await process.communicate()
        assert (process.returncode, words in told) == (code, True)


async def test_an_api_whose_port_is_somebody_elses_says_so(hub: Hub) -> None:
    port = tomllib.loads((hub.folder / "hub.toml").read_text())["api"]["port"]
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(ProcessFailed, match="another port under \\[api\\]"),
    ):
        await hub.start("api", "api")
    assert "Traceback" not in (hub.folder / "logs" / "api.log").read_text()


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
