"""The hub's process: every part is made and joined here, and nowhere else."""

import asyncio
import contextlib
import datetime as dt
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI

from gridtokenx_hub.api import ApiContext, DeploymentInfo, create_app
from gridtokenx_hub.bootstrap import bootstrap
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.exclusion import Exclusion
from gridtokenx_hub.broker.process import plan_broker
from gridtokenx_hub.chain import ChainClient, FeePayerPool, TransactionSender
from gridtokenx_hub.commands.context import certificates_folder, database_url, keys_folder
from gridtokenx_hub.database import migrate, open_pool
from gridtokenx_hub.deployment import join_deployment
from gridtokenx_hub.devices import DeviceLink
from gridtokenx_hub.equivocation import EquivocationReporter
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.ingest import Ingest
from gridtokenx_hub.keys import load_role_keys, load_seed
from gridtokenx_hub.readings import Upkeep
from gridtokenx_hub.registrar import RegistrarClient, RegistrarTransactions
from gridtokenx_hub.settings import ApiSettings, Settings
from gridtokenx_hub.settlement import Settlement
from gridtokenx_hub.wallets import WalletVault
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.keys import SoftwareSigner

MICRO = 1_000_000
INDEX_POLL_S = 0.2
SETTLE_POLL_S = 0.5
REPORT_POLL_S = 0.5
# Connections beyond these are answered 503 at once: slow clients must not take all file handles.
API_CONNECTIONS = 1_000


async def run_hub(
    folder: Path, settings: Settings, stop: asyncio.Event, ready: Callable[..., Any]
) -> None:
    """Run ingest, settlement, indexer and API until `stop` is set.

    Args:
        folder: the hub's data folder.
        settings: its settings.
        stop: set to end.
        ready: called with the API's address once it is served.
    """
    pool = await open_pool(database_url(folder, settings))
    client = ChainClient(settings.chain.rpc_url)
    try:
        await migrate(pool)
        await _run_parts(folder, settings, stop, ready, pool, client)
    finally:
        await client.close()
        await pool.close()


async def _run_parts(
    folder: Path,
    settings: Settings,
    stop: asyncio.Event,
    ready: Callable[..., Any],
    pool: asyncpg.Pool,
    client: ChainClient,
) -> None:
    keys = load_role_keys(keys_folder(folder), settings.chain.fee_payers)
    ack_seed = load_seed(keys_folder(folder) / "ack.seed")
    ack_signer = SoftwareSigner(Ed25519PrivateKey.from_private_bytes(ack_seed))
    programs = {name: load(name) for name in PROGRAM_NAMES}
    addresses = Addresses(*(programs[name].id for name in PROGRAM_NAMES))
    sender = TransactionSender(client, FeePayerPool(keys.fee_payers), programs)
    interval_s = settings.chain.settlement_interval_s
    grx_cap = settings.chain.grx_cap_grx * MICRO
    await bootstrap(client, sender, programs, addresses, keys, interval_s, grx_cap)

    genesis_hash = await client.genesis_hash()
    deployment = deployment_id(bytes(genesis_hash), bytes(addresses.registry))
    await join_deployment(pool, deployment)
    authority = CertificateAuthority(certificates_folder(folder), utc_now)
    broker = plan_broker(
        settings.broker.kind,
        folder / "broker",
        settings.broker.port,
        authority,
        settings.broker.name,
    )
    exclusion = (
        Exclusion(pool, authority, folder / "broker", broker.hub, utc_now)
        if broker.hub.tls
        else None
    )
    indexer = Indexer(pool, client, programs, INDEX_POLL_S)
    period_s = settings.settlement.period_s
    app = create_app(
        ApiContext(
            pool=pool,
            client=client,
            sender=sender,
            programs=programs,
            addresses=addresses,
            vault=WalletVault(pool, keys_folder(folder) / "wallets.seed"),
            keys=keys,
            indexer=indexer,
            clock=utc_now,
            deployment=DeploymentInfo(
                deployment, str(genesis_hash), interval_s, "ed25519", ack_signer.public_key
            ),
            registrar=RegistrarClient(
                pool, RegistrarTransactions(programs, addresses, keys.registrar)
            ),
            broker=broker.hub,
            authority=authority if broker.hub.tls else None,
            exclusion=exclusion,
        )
    )
    async with asyncio.TaskGroup() as parts:
        parts.create_task(indexer.run(stop))
        if exclusion is not None:
            parts.create_task(exclusion.run(stop))
        parts.create_task(Ingest(pool, broker.hub, ack_signer, deployment, unix_ms).run(stop))
        parts.create_task(Upkeep(pool, unix_ms).run(stop))
        parts.create_task(DeviceLink(pool, broker.hub, ack_signer, deployment, unix_ms).run(stop))
        parts.create_task(
            EquivocationReporter(pool, sender, programs, addresses, REPORT_POLL_S).run(stop)
        )
        parts.create_task(
            Settlement(
                pool,
                client,
                sender,
                keys.settlement,
                programs,
                addresses,
                unix_ms,
                period_s,
                SETTLE_POLL_S,
            ).run(stop)
        )
        parts.create_task(_serve(app, settings.api, stop, ready))


async def _serve(
    app: FastAPI, address: ApiSettings, stop: asyncio.Event, ready: Callable[..., Any]
) -> None:
    """Serve the API until `stop`; announce it once it answers."""
    listener = socket.create_server((address.host, address.port))
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=API_CONNECTIONS,
        )
    )
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    ready(url=f"http://{address.host}:{address.port}")
    await stop.wait()
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def utc_now() -> dt.datetime:
    """The present instant."""
    return dt.datetime.now(dt.UTC)


def unix_ms() -> int:
    """The present instant in Unix ms."""
    return time.time_ns() // 1_000_000
