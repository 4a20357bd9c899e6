"""What the API is made of; wired in one place per process."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg
from prometheus_client.core import Metric

from gridtokenx_hub.api.access.auth import Tokens
from gridtokenx_hub.api.access.challenges import Challenges
from gridtokenx_hub.api.access.limits import Limits
from gridtokenx_hub.api.access.wrong_codes import WrongCodes
from gridtokenx_hub.api.events.feed import EventFeed
from gridtokenx_hub.api.households.new_users import NewUsers
from gridtokenx_hub.api.http.fields import AlgorithmName
from gridtokenx_hub.api.market.models import MarketPrice, Statistics
from gridtokenx_hub.api.market.statistics import Recent
from gridtokenx_hub.api.transactions.idempotency_keys import IdempotencyKeys
from gridtokenx_hub.api.transactions.nonces import Nonces
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.exclusion import Exclusion
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.chain import ChainClient, TransactionSender
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.keys import RoleKeys
from gridtokenx_hub.registrar import RegistrarClient
from gridtokenx_hub.settings import ApiSettings
from gridtokenx_hub.wallets import WalletVault
from gridtokenx_programs import Addresses, Program

if TYPE_CHECKING:  # only a hub that sells for baht needs it
    from gridtokenx_hub.bridge import Bridge

STATE_FRESH_S = 5.0

Clock = Callable[[], dt.datetime]
"""The present instant, timezone-aware."""


@dataclass(frozen=True, slots=True)
class DeploymentInfo:
    """What others must know of this hub; `genesis_hash` in base58."""

    deployment: bytes
    genesis_hash: str
    settlement_interval_s: int
    ack_algorithm: AlgorithmName
    ack_public_key: bytes


@dataclass(frozen=True, slots=True)
class ApiContext:
    """Everything that a request may need.

    `programs` by the names registry, energy_token and trading; `authority` and `exclusion` are
    None when the broker has no TLS. `share_seed` signs links to explanations; `public_rpc_url` is
    suggested to who checks one, empty for none. `bridge` is None where energy is sold for GRX
    alone.
    """

    pool: asyncpg.Pool
    tokens: Tokens
    idempotency: IdempotencyKeys
    new_users: NewUsers
    client: ChainClient
    sender: TransactionSender
    programs: Mapping[str, Program]
    addresses: Addresses
    vault: WalletVault
    keys: RoleKeys
    indexer: Indexer
    clock: Clock
    deployment: DeploymentInfo
    registrar: RegistrarClient
    broker: BrokerSettings
    feed: EventFeed
    share_seed: bytes
    public_rpc_url: str
    settings: ApiSettings = field(default_factory=ApiSettings)
    limits: Limits = field(default_factory=lambda: Limits.of(ApiSettings()))
    authority: CertificateAuthority | None = None
    exclusion: Exclusion | None = None
    bridge: "Bridge | None" = None
    nonces: Nonces = field(default_factory=Nonces, init=False)
    challenges: Challenges = field(default_factory=Challenges, init=False)
    wrong_codes: WrongCodes = field(default_factory=WrongCodes, init=False)
    statistics: Recent[Statistics] = field(default_factory=Recent, init=False)
    price: Recent[MarketPrice] = field(default_factory=Recent, init=False)
    state: Recent[list[Metric]] = field(default_factory=lambda: Recent(STATE_FRESH_S), init=False)
    """What a scrape asks of database and chain."""
    under_way: set[tuple[int | str, int | str]] = field(default_factory=set, init=False)
    """Idempotency keys (token, key) and codes ("code", id) that are worked on now.

    Like `nonces` it holds within one process: a hub has one that serves the API.
    """
