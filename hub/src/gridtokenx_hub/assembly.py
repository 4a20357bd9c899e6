"""Makes the parts of the hub's processes from settings and keys."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.hash import Hash

from gridtokenx_hub.api import ApiContext, DeploymentInfo, EventFeed
from gridtokenx_hub.api.access.auth import Tokens
from gridtokenx_hub.api.access.limits import Limits
from gridtokenx_hub.api.households.new_users import NewUsers
from gridtokenx_hub.api.transactions.idempotency_keys import IdempotencyKeys
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.exclusion import Exclusion
from gridtokenx_hub.broker.process import plan_broker
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.chain import ChainClient, TransactionSender
from gridtokenx_hub.commands.context import certificates_folder, keys_folder
from gridtokenx_hub.devices import DeviceLink
from gridtokenx_hub.equivocation import EquivocationReporter
from gridtokenx_hub.housekeeping import Housekeeping
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.ingest import Ingest
from gridtokenx_hub.keys import RoleKeys, load_seed
from gridtokenx_hub.monitoring.ingest import IngestMetrics
from gridtokenx_hub.oracle.oracle import Oracle
from gridtokenx_hub.oracle.settings import OracleSettings
from gridtokenx_hub.readings import Upkeep
from gridtokenx_hub.registrar import RegistrarClient, RegistrarTransactions
from gridtokenx_hub.settings import BridgeSettings, Settings
from gridtokenx_hub.settlement import Settlement
from gridtokenx_hub.wallets import WalletVault
from gridtokenx_programs import Addresses, Program
from gridtokenx_protocol.keys import SoftwareSigner

if TYPE_CHECKING:
    from gridtokenx_hub.bridge import Bridge
    from gridtokenx_hub.bridge.job import BridgeJob

from gridtokenx_hub.clocks import unix_ms, utc_now

INDEX_POLL_S = 0.2
SETTLE_POLL_S = 0.5
REPORT_POLL_S = 0.5
HOUSEKEEPING_POLL_S = 5.0
BRIDGE_POLL_S = 2.0


class Part(Protocol):
    """What runs until it is told to stop."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""


@dataclass(frozen=True, slots=True)
class Hub:
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
class Paying:
    """What the roles need that send transactions."""

    keys: RoleKeys
    sender: TransactionSender


@dataclass(frozen=True, slots=True)
class Link:
    """How the roles that meet devices reach the broker, and who signs its certificates."""

    broker: BrokerSettings
    authority: CertificateAuthority


def ack_signer(hub: Hub) -> SoftwareSigner:
    """Open the key that signs acknowledgements."""
    seed = load_seed(keys_folder(hub.folder) / "ack.seed")
    return SoftwareSigner(Ed25519PrivateKey.from_private_bytes(seed))


def link_to_broker(hub: Hub) -> Link:
    """Say how the broker is reached, with the authority that devices trust."""
    chosen = hub.settings.broker
    authority = CertificateAuthority(certificates_folder(hub.folder), utc_now)
    plan = plan_broker(chosen.kind, hub.folder / "broker", chosen.port, authority, chosen.name)
    return Link(plan.hub, authority)


def ingest_parts(hub: Hub, link: Link) -> list[Part]:
    """One worker, and what one of all workers does: the devices' presence, the tables' upkeep."""
    signer = ack_signer(hub)
    ingest = Ingest(hub.pool, link.broker, signer, hub.deployment, unix_ms, hub.worker)
    return [
        ingest,
        IngestMetrics(ingest.counters),
        DeviceLink(hub.pool, link.broker, signer, hub.deployment, unix_ms),
        Upkeep(hub.pool, unix_ms),
    ]


def settlement_parts(hub: Hub, paying: Paying) -> list[Part]:
    """Make what the role of settlement plays."""
    return [_settlement(hub, paying), _equivocations(hub, paying), _housekeeping(hub, paying)]


def _settlement(hub: Hub, paying: Paying) -> Settlement:
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


def _equivocations(hub: Hub, paying: Paying) -> EquivocationReporter:
    registrar = _registrar(hub, paying)
    return EquivocationReporter(
        hub.pool, paying.sender, hub.programs, hub.addresses, registrar, REPORT_POLL_S
    )


def _registrar(hub: Hub, paying: Paying) -> RegistrarClient:
    transactions = RegistrarTransactions(hub.programs, hub.addresses, paying.keys.registrar)
    return RegistrarClient(hub.pool, transactions)


def _housekeeping(hub: Hub, paying: Paying) -> Housekeeping:
    return Housekeeping(
        hub.pool,
        hub.client,
        paying.sender,
        hub.programs,
        hub.addresses,
        utc_now,
        HOUSEKEEPING_POLL_S,
    )


def bridge_parts(hub: Hub, paying: Paying) -> list[Part]:
    """Make what payments in baht need, as far as it is set: price oracle, listener and relay."""
    oracle, bridge = hub.settings.oracle, hub.settings.bridge
    parts: list[Part] = [] if oracle is None else [_oracle(hub, paying, oracle)]
    if bridge is not None:
        parts.append(_bridge_job(hub, paying, bridge))
    return parts


def _bridge_job(hub: Hub, paying: Paying, chosen: BridgeSettings) -> "BridgeJob":
    # Only a hub that sells for baht loads this.
    from gridtokenx_hub.bridge.opening import open_job  # noqa: PLC0415 - for that reason
    from gridtokenx_hub.bridge.reservations import Reservations  # noqa: PLC0415 - likewise

    trading = hub.programs["trading"]
    reservations = Reservations(hub.client, paying.sender, trading, hub.addresses, hub.deployment)
    genesis_hash = bytes(Hash.from_string(hub.genesis_hash))
    keys = keys_folder(hub.folder)
    return open_job(hub.pool, keys, chosen, genesis_hash, reservations, utc_now, BRIDGE_POLL_S)


def _oracle(hub: Hub, paying: Paying, settings: OracleSettings) -> Oracle:
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


def exclusion_of(hub: Hub, link: Link) -> Exclusion | None:
    """Make what keeps revoked devices out of a broker with TLS."""
    if not link.broker.tls:
        return None
    return Exclusion(hub.pool, link.authority, hub.folder / "broker", utc_now)


def api_context(
    hub: Hub,
    paying: Paying,
    link: Link,
    indexer: Indexer,
    exclusion: Exclusion | None,
    feed: EventFeed,
) -> ApiContext:
    """Make what the API and the pages act on."""
    keys = paying.keys
    idempotency = IdempotencyKeys(hub.pool)
    vault = WalletVault(hub.pool, keys_folder(hub.folder) / "wallets.seed")
    return ApiContext(
        pool=hub.pool,
        tokens=Tokens(hub.pool),
        idempotency=idempotency,
        new_users=NewUsers(hub.pool, idempotency, vault),
        client=hub.client,
        sender=paying.sender,
        programs=hub.programs,
        addresses=hub.addresses,
        vault=vault,
        keys=keys,
        indexer=indexer,
        clock=utc_now,
        deployment=DeploymentInfo(
            hub.deployment,
            hub.genesis_hash,
            hub.settings.chain.settlement_interval_s,
            "ed25519",
            ack_signer(hub).public_key,
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


def _bridge(hub: Hub, chosen: BridgeSettings) -> "Bridge":
    # Only a hub that sells for baht loads this.
    from gridtokenx_hub.bridge import open_bridge  # noqa: PLC0415 - for that reason

    genesis_hash = bytes(Hash.from_string(hub.genesis_hash))
    return open_bridge(hub.pool, keys_folder(hub.folder), chosen, genesis_hash, utc_now)
