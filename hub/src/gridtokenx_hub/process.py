"""The hub's processes: what each role plays is joined here, and nowhere else."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette

from gridtokenx_hub.api import EventFeed
from gridtokenx_hub.assembly import (
    INDEX_POLL_S,
    Hub,
    Part,
    Paying,
    api_context,
    bridge_parts,
    exclusion_of,
    ingest_parts,
    link_to_broker,
    settlement_parts,
)
from gridtokenx_hub.bootstrap import bootstrap
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.chain import ChainClient, FeePayerPool, ProgramListener, TransactionSender
from gridtokenx_hub.commands.context import database_url, keys_folder
from gridtokenx_hub.database import migrate, open_pool
from gridtokenx_hub.database.announcements import EVENTS, WAKE_INDEXER, WakeUp
from gridtokenx_hub.deployment import join_deployment
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.keys import load_role_keys
from gridtokenx_hub.leadership import Job, lead
from gridtokenx_hub.monitoring.endpoint import metrics_app
from gridtokenx_hub.monitoring.parts import (
    Checks,
    ask_broker,
    ask_chain,
    ask_database,
    ask_indexer,
)
from gridtokenx_hub.serving import listen, serve, serve_metrics
from gridtokenx_hub.settings import Settings
from gridtokenx_programs import PROGRAM_NAMES
from gridtokenx_protocol.deployment import deployment_id

MICRO = 1_000_000
FIRST_WORKER = "1"


class Role(StrEnum):
    """What a process of the hub does.

    Any number of processes may ingest; of those that index, of those that settle and of those that
    play the bridge, one does it and the others wait to take over.
    """

    INGEST = "ingest"
    SETTLE = "settle"
    INDEX = "index"
    API = "api"
    BRIDGE = "bridge"


async def run_hub(
    folder: Path,
    settings: Settings,
    roles: Collection[Role],
    stop: asyncio.Event,
    ready: Callable[..., Any],
    worker: str = FIRST_WORKER,
    metrics: socket.socket | None = None,
) -> None:
    """Play these roles until `stop` is set.

    Args:
        folder: the hub's data folder.
        settings: its settings.
        roles: what this process is to do. Only to ingest and to index it opens no role keys.
        stop: set to end.
        ready: called when all is under way, with the API's address if it is served.
        worker: the ingest worker's name, by which the broker knows it again after a restart; each
            has one of its own, or they push each other out.
        metrics: where a process without the API serves its own metrics.

    Raises:
        HubError: the API's port is somebody else's.
    """
    api = _listen_for_api(settings) if Role.API in roles else None
    programs, addresses = settings.chain.load_programs(), settings.chain.addresses
    pool = await open_pool(database_url(folder, settings))
    client = ChainClient(settings.chain.rpc_url)
    try:
        await migrate(pool)
        genesis_hash = await client.genesis_hash()
        deployment = deployment_id(bytes(genesis_hash), bytes(addresses.registry))
        await join_deployment(pool, deployment)
        hub = Hub(
            folder,
            settings,
            pool,
            client,
            programs,
            addresses,
            str(genesis_hash),
            deployment,
            worker,
        )
        await _play(hub, roles, stop, ready, api, metrics)
    finally:
        await client.close()
        await pool.close()


def _listen_for_api(settings: Settings) -> socket.socket:
    address = settings.api
    return listen("the API", address.host, address.port, "choose another port under [api]")


async def _play(
    hub: Hub,
    roles: Collection[Role],
    stop: asyncio.Event,
    ready: Callable[..., Any],
    api: socket.socket | None,
    metrics: socket.socket | None,
) -> None:
    listener = ProgramListener(
        hub.settings.chain.websocket, [program.id for program in hub.programs.values()]
    )
    indexer = Indexer(hub.pool, hub.client, hub.programs, INDEX_POLL_S, listener=listener)
    async with asyncio.TaskGroup() as parts:
        if {Role.SETTLE, Role.API, Role.BRIDGE}.intersection(roles):
            paying = await _set_up(hub)
        if {Role.INGEST, Role.API}.intersection(roles):
            link = link_to_broker(hub)
        if Role.INDEX in roles:
            parts.create_task(indexer.run(stop))
            parts.create_task(WakeUp(hub.pool, WAKE_INDEXER, indexer.wake).run(stop))
        elif Role.API in roles:
            parts.create_task(WakeUp(hub.pool, EVENTS, indexer.announce).run(stop))
        if Role.INGEST in roles:
            _begin(parts, stop, ingest_parts(hub, link))
        if Role.SETTLE in roles:
            _begin(parts, stop, settlement_parts(hub, paying))
        if Role.BRIDGE in roles:
            _begin(parts, stop, bridge_parts(hub, paying))
        if api is not None:
            exclusion = exclusion_of(hub, link)
            if exclusion is not None:
                parts.create_task(exclusion.run(stop))
            feed = EventFeed(hub.pool, PROGRAM_NAMES)
            parts.create_task(feed.run(stop))
            context = api_context(hub, paying, link, indexer, exclusion, feed)
            parts.create_task(serve(context, api, stop, ready))
        else:
            broker = link.broker if Role.INGEST in roles else None
            app = metrics_app(hub.pool, _checks(hub, roles, indexer, broker))
            parts.create_task(_tell(app, metrics, stop, ready))


async def _tell(
    app: Starlette,
    metrics: socket.socket | None,
    stop: asyncio.Event,
    ready: Callable[..., Any],
) -> None:
    """Serve this process' own metrics where that is asked for; announce it in any case."""
    if metrics is None:
        ready()
    else:
        await serve_metrics(app, metrics, stop, ready)


def _checks(
    hub: Hub, roles: Collection[Role], indexer: Indexer, broker: BrokerSettings | None
) -> Checks:
    """Return what asks the parts that these roles stand on."""
    checks: dict[str, Callable[[], Awaitable[str]]] = {"database": partial(ask_database, hub.pool)}
    if set(roles) - {Role.INGEST}:
        checks["chain"] = partial(ask_chain, hub.client)
    if Role.INDEX in roles:
        checks["indexer"] = partial(ask_indexer, hub, indexer)
    if broker is not None:
        checks["broker"] = partial(ask_broker, broker)
    return checks


def _begin(tasks: asyncio.TaskGroup, stop: asyncio.Event, parts: Iterable[Part]) -> None:
    for part in parts:
        tasks.create_task(part.run(stop))


async def _set_up(hub: Hub) -> Paying:
    """Open the role keys, and see to it that the programs are initialised."""
    chain = hub.settings.chain
    keys = load_role_keys(keys_folder(hub.folder), chain.fee_payers)
    sender = TransactionSender(hub.client, FeePayerPool(keys.fee_payers), hub.programs)
    cap = chain.grx_cap_grx * MICRO
    # One process does it: two that begin together would refuse each other's steps.
    async with lead(hub.pool, Job.BOOTSTRAP, INDEX_POLL_S):
        await bootstrap(
            hub.client,
            sender,
            hub.programs,
            hub.addresses,
            keys,
            chain.settlement_interval_s,
            cap,
        )
    return Paying(keys, sender)
