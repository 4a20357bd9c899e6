"""The hub's processes: every part is made and joined here, and nowhere else."""

import asyncio
import contextlib
import datetime as dt
import socket
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import asyncpg
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.hash import Hash

from gridtokenx_hub.api import ApiContext, DeploymentInfo, EventFeed, create_app
from gridtokenx_hub.api.connections import ImpatientProtocol
from gridtokenx_hub.api.limits import Limits
from gridtokenx_hub.bootstrap import bootstrap
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.exclusion import Exclusion
from gridtokenx_hub.broker.process import plan_broker
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.chain import ChainClient, FeePayerPool, ProgramListener, TransactionSender
from gridtokenx_hub.commands.context import certificates_folder, database_url, keys_folder
from gridtokenx_hub.database import migrate, open_pool
from gridtokenx_hub.database.announcements import EVENTS, WAKE_INDEXER, WakeUp
from gridtokenx_hub.deployment import join_deployment
from gridtokenx_hub.devices import DeviceLink
from gridtokenx_hub.equivocation import EquivocationReporter
from gridtokenx_hub.housekeeping import Housekeeping
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.ingest import Ingest
from gridtokenx_hub.keys import RoleKeys, load_role_keys, load_seed
from gridtokenx_hub.leadership import Job, lead
from gridtokenx_hub.oracle.oracle import Oracle
from gridtokenx_hub.oracle.settings import OracleSettings
from gridtokenx_hub.readings import Upkeep
from gridtokenx_hub.registrar import RegistrarClient, RegistrarTransactions
from gridtokenx_hub.settings import BridgeSettings, Settings
from gridtokenx_hub.settlement import Settlement
from gridtokenx_hub.wallets import WalletVault
from gridtokenx_programs import PROGRAM_NAMES, Addresses, Program
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.keys import SoftwareSigner

if TYPE_CHECKING:
    from gridtokenx_hub.bridge import Bridge
    from gridtokenx_hub.bridge.job import BridgeJob

MICRO = 1_000_000
INDEX_POLL_S = 0.2
SETTLE_POLL_S = 0.5
REPORT_POLL_S = 0.5
HOUSEKEEPING_POLL_S = 5.0
BRIDGE_POLL_S = 2.0
FIRST_WORKER = "1"
# Connections beyond these are answered 503 at once: slow clients must not take all file handles.
API_CONNECTIONS = 1_000


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


class _Part(Protocol):
    """What runs until it is told to stop."""

    async def run(self, stop: asyncio.Event) -> None: ...


@dataclass(frozen=True, slots=True)
class _Hub:
    """What every role needs."""

    folder: Path
    settings: Settings
    pool: asyncpg.Pool
    client: ChainClient
    programs: Mapping[str, Program]
    addresses: Addresses
    genesis_hash: str
    deployment: bytes
    worker: str


@dataclass(frozen=True, slots=True)
class _Paying:
    """What the roles need that send transactions."""

    keys: RoleKeys
    sender: TransactionSender


@dataclass(frozen=True, slots=True)
class _Link:
    """How the roles that meet devices reach the broker, and who signs its certificates."""

    broker: BrokerSettings
    authority: CertificateAuthority


async def run_hub(
    folder: Path,
    settings: Settings,
    roles: Collection[Role],
    stop: asyncio.Event,
    ready: Callable[..., Any],
    worker: str = FIRST_WORKER,
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
    """
    programs, addresses = settings.chain.load_programs(), settings.chain.addresses
    pool = await open_pool(database_url(folder, settings))
    client = ChainClient(settings.chain.rpc_url)
    try:
        await migrate(pool)
        genesis_hash = await client.genesis_hash()
        deployment = deployment_id(bytes(genesis_hash), bytes(addresses.registry))
        await join_deployment(pool, deployment)
        hub = _Hub(
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
        await _play(hub, roles, stop, ready)
    finally:
        await client.close()
        await pool.close()


async def _play(
    hub: _Hub, roles: Collection[Role], stop: asyncio.Event, ready: Callable[..., Any]
) -> None:
    listener = ProgramListener(
        hub.settings.chain.websocket, [program.id for program in hub.programs.values()]
    )
    indexer = Indexer(hub.pool, hub.client, hub.programs, INDEX_POLL_S, listener=listener)
    async with asyncio.TaskGroup() as parts:
        if {Role.SETTLE, Role.API, Role.BRIDGE}.intersection(roles):
            paying = await _set_up(hub)
        if {Role.INGEST, Role.API}.intersection(roles):
            link = _link(hub)
        if Role.INDEX in roles:
            parts.create_task(indexer.run(stop))
            parts.create_task(WakeUp(hub.pool, WAKE_INDEXER, indexer.wake).run(stop))
        elif Role.API in roles:
            parts.create_task(WakeUp(hub.pool, EVENTS, indexer.announce).run(stop))
        if Role.INGEST in roles:
            _begin(parts, stop, _ingest(hub, link))
        if Role.SETTLE in roles:
            _begin(parts, stop, _settlement_parts(hub, paying))
        if Role.BRIDGE in roles:
            _begin(parts, stop, _bridge_parts(hub, paying))
        if Role.API in roles:
            exclusion = _exclusion(hub, link)
            if exclusion is not None:
                parts.create_task(exclusion.run(stop))
            feed = EventFeed(hub.pool, PROGRAM_NAMES)
            parts.create_task(feed.run(stop))
            context = _api_context(hub, paying, link, indexer, exclusion, feed)
            parts.create_task(_serve(context, stop, ready))
        else:
            ready()


def _begin(tasks: asyncio.TaskGroup, stop: asyncio.Event, parts: Iterable[_Part]) -> None:
    for part in parts:
        tasks.create_task(part.run(stop))


async def _set_up(hub: _Hub) -> _Paying:
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
    return _Paying(keys, sender)


def _ack_signer(hub: _Hub) -> SoftwareSigner:
    seed = load_seed(keys_folder(hub.folder) / "ack.seed")
    return SoftwareSigner(Ed25519PrivateKey.from_private_bytes(seed))


def _link(hub: _Hub) -> _Link:
    chosen = hub.settings.broker
    authority = CertificateAuthority(certificates_folder(hub.folder), utc_now)
    plan = plan_broker(chosen.kind, hub.folder / "broker", chosen.port, authority, chosen.name)
    return _Link(plan.hub, authority)


def _ingest(hub: _Hub, link: _Link) -> tuple[Ingest, DeviceLink, Upkeep]:
    """One worker, and what one of all workers does: the devices' presence, the tables' upkeep."""
    signer = _ack_signer(hub)
    return (
        Ingest(hub.pool, link.broker, signer, hub.deployment, unix_ms, hub.worker),
        DeviceLink(hub.pool, link.broker, signer, hub.deployment, unix_ms),
        Upkeep(hub.pool, unix_ms),
    )


def _settlement_parts(hub: _Hub, paying: _Paying) -> list[_Part]:
    return [_settlement(hub, paying), _equivocations(hub, paying), _housekeeping(hub, paying)]


def _settlement(hub: _Hub, paying: _Paying) -> Settlement:
    return Settlement(
        hub.pool,
        hub.client,
        paying.sender,
        paying.keys.settlement,
        hub.programs,
        hub.addresses,
        unix_ms,
        hub.settings.settlement.period_s,
        SETTLE_POLL_S,
    )


def _equivocations(hub: _Hub, paying: _Paying) -> EquivocationReporter:
    registrar = _registrar(hub, paying)
    return EquivocationReporter(
        hub.pool, paying.sender, hub.programs, hub.addresses, registrar, REPORT_POLL_S
    )


def _registrar(hub: _Hub, paying: _Paying) -> RegistrarClient:
    transactions = RegistrarTransactions(hub.programs, hub.addresses, paying.keys.registrar)
    return RegistrarClient(hub.pool, transactions)


def _housekeeping(hub: _Hub, paying: _Paying) -> Housekeeping:
    return Housekeeping(
        hub.pool,
        hub.client,
        paying.sender,
        hub.programs,
        hub.addresses,
        utc_now,
        HOUSEKEEPING_POLL_S,
    )


def _bridge_parts(hub: _Hub, paying: _Paying) -> list[_Part]:
    oracle, bridge = hub.settings.oracle, hub.settings.bridge
    parts: list[_Part] = [] if oracle is None else [_oracle(hub, paying, oracle)]
    if bridge is not None:
        parts.append(_bridge_job(hub, paying, bridge))
    return parts


def _bridge_job(hub: _Hub, paying: _Paying, chosen: BridgeSettings) -> "BridgeJob":
    # Only a hub that sells for baht loads this.
    from gridtokenx_hub.bridge.opening import open_job  # noqa: PLC0415 - for that reason
    from gridtokenx_hub.bridge.reservations import Reservations  # noqa: PLC0415 - likewise

    trading = hub.programs["trading"]
    reservations = Reservations(hub.client, paying.sender, trading, hub.addresses, hub.deployment)
    genesis_hash = bytes(Hash.from_string(hub.genesis_hash))
    keys = keys_folder(hub.folder)
    return open_job(hub.pool, keys, chosen, genesis_hash, reservations, utc_now, BRIDGE_POLL_S)


def _oracle(hub: _Hub, paying: _Paying, settings: OracleSettings) -> Oracle:
    return Oracle(
        hub.pool,
        hub.client,
        paying.sender,
        hub.programs["trading"],
        hub.addresses,
        paying.keys.oracle,
        settings,
        hub.folder,
        utc_now,
    )


def _exclusion(hub: _Hub, link: _Link) -> Exclusion | None:
    if not link.broker.tls:
        return None
    return Exclusion(hub.pool, link.authority, hub.folder / "broker", utc_now)


def _api_context(
    hub: _Hub,
    paying: _Paying,
    link: _Link,
    indexer: Indexer,
    exclusion: Exclusion | None,
    feed: EventFeed,
) -> ApiContext:
    keys = paying.keys
    return ApiContext(
        pool=hub.pool,
        client=hub.client,
        sender=paying.sender,
        programs=hub.programs,
        addresses=hub.addresses,
        vault=WalletVault(hub.pool, keys_folder(hub.folder) / "wallets.seed"),
        keys=keys,
        indexer=indexer,
        clock=utc_now,
        deployment=DeploymentInfo(
            hub.deployment,
            hub.genesis_hash,
            hub.settings.chain.settlement_interval_s,
            "ed25519",
            _ack_signer(hub).public_key,
        ),
        registrar=_registrar(hub, paying),
        broker=link.broker,
        feed=feed,
        settings=hub.settings.api,
        limits=Limits.of(hub.settings.api),
        share_seed=load_seed(keys_folder(hub.folder) / "shares.seed"),
        public_rpc_url=hub.settings.public_rpc_url,
        authority=link.authority if link.broker.tls else None,
        exclusion=exclusion,
        bridge=None if hub.settings.bridge is None else _bridge(hub, hub.settings.bridge),
    )


def _bridge(hub: _Hub, chosen: BridgeSettings) -> "Bridge":
    # Only a hub that sells for baht loads this.
    from gridtokenx_hub.bridge import open_bridge  # noqa: PLC0415 - for that reason

    genesis_hash = bytes(Hash.from_string(hub.genesis_hash))
    return open_bridge(hub.pool, keys_folder(hub.folder), chosen, genesis_hash, utc_now)


async def _serve(context: ApiContext, stop: asyncio.Event, ready: Callable[..., Any]) -> None:
    """Serve the API until `stop`; announce it once it answers."""
    address = context.settings
    listener = socket.create_server((address.host, address.port))
    server = _Server(
        uvicorn.Config(
            create_app(context),
            http=ImpatientProtocol,
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
    if context.bridge is not None:
        await context.bridge.aclose()


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
