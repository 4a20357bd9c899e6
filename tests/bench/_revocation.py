"""How long after its confirmation on chain a revocation is in force in every ingest worker."""

import asyncio
import datetime as dt
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiomqtt
import asyncpg
from _meters import ACK_SIGNER
from _progress import until
from tests.hub.onchain import (
    ADDRESSES,
    PROGRAMS,
    Chain,
    Device,
    World,
    connected,
    make_sender,
    now_ms,
    running,
    running_chain,
    set_up,
)

from gridtokenx_hub.assembly import INDEX_POLL_S
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.ingest import Ingest
from gridtokenx_protocol import cose
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus
from gridtokenx_protocol.topics import readings_topic

WORKERS = 2
READ_EVERY_S = 0.01
SEEN_BY_EACH = 50
"""Readings that each worker stores before, and refuses after."""
PATIENCE_S = 60
BASELINE = "SELECT baseline_hash FROM meters WHERE meter_id = $1"
LAST_STORED = "SELECT max(pg_xact_commit_timestamp(xmin)) FROM readings"


async def revocation_s(pool: asyncpg.Pool, port: int) -> float:
    """Revoke a meter that publishes all the time; return when its last reading was stored.

    Counted from the chain's confirmation, with the hub's own indexer at its own pace between.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        chain = Chain(stack.enter_context(running_chain(folder)), folder / "keys")
        await set_up(chain)
        client = await stack.enter_async_context(connected(chain.rpc_url))
        deployment = deployment_id(bytes(await client.genesis_hash()), bytes(ADDRESSES.registry))
        world = World(chain, pool, client, make_sender(client, chain.keys), deployment)
        broker = BrokerSettings("127.0.0.1", port, None)
        workers = [
            Ingest(pool, broker, ACK_SIGNER, deployment, now_ms, f"revocation-{number}")
            for number in range(WORKERS)
        ]
        indexer = Indexer(pool, client, PROGRAMS, INDEX_POLL_S)
        await stack.enter_async_context(running(indexer, *workers))
        device = await world.device()
        mqtt = await stack.enter_async_context(
            aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5)
        )
        await until(lambda: all(each.counters.connections for each in workers), PATIENCE_S)
        while (baseline := await pool.fetchval(BASELINE, device.meter_id)) is None:  # noqa: ASYNC110 - the indexer announces nothing
            await asyncio.sleep(INDEX_POLL_S)
        await stack.enter_async_context(publishing(mqtt, device, baseline))
        await until(lambda: all_reached(workers, "stored"), PATIENCE_S)
        await revoke(world, device)
        confirmed = time.time()
        await until(lambda: all_reached(workers, "revoked"), PATIENCE_S)
        last: dt.datetime = await pool.fetchval(LAST_STORED)
    return max(0.0, last.timestamp() - confirmed)


def all_reached(workers: list[Ingest], what: str) -> bool:
    """Tell whether each worker has stored, or refused as revoked, its share."""
    return all(
        (each.counters.stored if what == "stored" else each.counters.quarantined[what])
        >= SEEN_BY_EACH
        for each in workers
    )


@asynccontextmanager
async def publishing(mqtt: aiomqtt.Client, device: Device, previous: bytes) -> AsyncIterator[None]:
    """The device reads and publishes all the time, from behind its baseline on."""

    async def publish(previous: bytes) -> None:
        while True:
            record = device.record(now_ms(), int(ClockStatus.SYNCHRONISED))
            record = replace(record, previous_hash=previous)
            previous = record_hash(record)
            message = cose.sign(record.encode(), device.signer)
            await mqtt.publish(readings_topic(device.meter_id), message, qos=1)
            await asyncio.sleep(READ_EVERY_S)

    task = asyncio.create_task(publish(previous))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def revoke(world: World, device: Device) -> None:
    """Have the owner revoke the meter, and wait for the confirmation."""
    owner = device.owner.pubkey()
    accounts = {
        "meter": ADDRESSES.meter(device.meter_id),
        "config": ADDRESSES.registry_config(),
        "revoker": owner,
        "registrar": ADDRESSES.registrar(owner),
    }
    await world.send("registry", "revoke_meter", {}, accounts, device.owner)
