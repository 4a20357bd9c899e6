"""A hub in this process over a chain in another: what the API's tests act on."""

import asyncio
import base64
import datetime as dt
import itertools
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from fastapi import FastAPI
from solders.pubkey import Pubkey
from solders.sysvar import INSTRUCTIONS

from gridtokenx_hub.api import ApiContext, DeploymentInfo, EventFeed, create_app
from gridtokenx_hub.api.access.auth import Tokens, create_token
from gridtokenx_hub.api.access.limits import Limits
from gridtokenx_hub.api.households.new_users import NewUsers
from gridtokenx_hub.api.http.exact_json import dumps, loads
from gridtokenx_hub.api.transactions.idempotency_keys import IdempotencyKeys
from gridtokenx_hub.bootstrap import bootstrap
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.broker.settings import BrokerSettings
from gridtokenx_hub.chain import ChainClient, FeePayerPool, TransactionSender
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.keys import load_registrar, load_role_keys
from gridtokenx_hub.registrar import RegistrarClient, RegistrarTransactions
from gridtokenx_hub.registrar.registrar import Registrar
from gridtokenx_hub.settings import ApiSettings
from gridtokenx_hub.wallets import WalletVault
from gridtokenx_programs import PROGRAM_NAMES, Addresses, load, signature_instruction
from gridtokenx_protocol.cose import COSE_ALGORITHM, sign, signed_record_message
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.record import ClockStatus, Flag, Record

INTERVAL_S = 1
GRX_CAP = 10**15
BASELINE_AGE_S = 80_000
MWH_PER_KWH = 1_000_000
UNLIMITED = ApiSettings(
    public_url="http://hub", requests_per_s=1_000_000, transactions_per_minute=1_000_000
)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class User:
    """A registered household with its token."""

    user_id: int
    wallet: str
    token: str


@dataclass
class Device:
    """A meter's device: signs a baseline, then settlement readings."""

    deployment: bytes
    algorithm: Algorithm = Algorithm.ED25519
    meter_id: bytes = field(default_factory=lambda: os.urandom(16))
    produced_mwh: int = 500_000_000
    consumed_mwh: int = 0
    surplus_mwh: int = 0
    sequence: int = 1

    def __post_init__(self) -> None:
        key = (
            ed25519.Ed25519PrivateKey.generate()
            if self.algorithm is Algorithm.ED25519
            else ec.generate_private_key(ec.SECP256R1())
        )
        self.signer = SoftwareSigner(key)
        self.baseline_ms = int(dt.datetime.now(dt.UTC).timestamp() - BASELINE_AGE_S) * 1000

    def record(self, time_ms: int, flags: int, **changes: Any) -> Record:
        """A record with the registers as they are now."""
        values: dict[str, Any] = {
            "deployment": self.deployment,
            "meter_id": self.meter_id,
            "sequence": self.sequence,
            "time_ms": time_ms,
            "produced_mwh": self.produced_mwh,
            "consumed_mwh": self.consumed_mwh,
            "surplus_mwh": self.surplus_mwh,
            "active_power_mw": 0,
            "voltage_mv": 0,
            "current_ma": 0,
            "frequency_mhz": 0,
            "flags": flags,
            "previous_hash": bytes(32),
        }
        return Record(**(values | changes))

    def baseline(self, **changes: Any) -> bytes:
        """The signed first reading."""
        record = self.record(self.baseline_ms, int(ClockStatus.SYNCHRONISED))
        values = {name: getattr(record, name) for name in Record.__slots__}
        return sign(Record(**(values | changes)).encode(), self.signer)

    def registration(self, user_id: int, **changes: Any) -> dict[str, Any]:
        """The body that registers this device's meter."""
        body = {
            "user_id": user_id,
            "baseline": base64.b64encode(self.baseline()).decode(),
            "public_key": self.signer.public_key.hex(),
            "algorithm": "ed25519" if self.algorithm is Algorithm.ED25519 else "p256",
            "export_limit_w": 20_000,
            "import_limit_w": 20_000,
            "daily_export_limit_kwh": 400,
        }
        return body | changes


@dataclass
class HubWorld:
    """One hub and short words for what tests do with it."""

    context: ApiContext
    app: FastAPI
    http: httpx.AsyncClient
    operator: str
    authority: CertificateAuthority
    folder: Path

    @property
    def pool(self) -> asyncpg.Pool:
        return self.context.pool

    @contextmanager
    def having(self, **parts: object) -> Iterator[None]:
        """Put other parts into the context for a while."""
        before = {name: getattr(self.context, name) for name in parts}
        try:
            for name, part in parts.items():
                object.__setattr__(self.context, name, part)
            yield
        finally:
            for name, part in before.items():
                object.__setattr__(self.context, name, part)

    async def post(
        self,
        path: str,
        body: object,
        token: str | None = None,
        key: str | None = None,
        signed: str | None = None,
    ) -> httpx.Response:
        """POST a body: text as it is, anything else as exact JSON."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if key:
            headers["Idempotency-Key"] = key
        if signed is not None:
            headers["Signed-Transaction"] = signed
        content = body if isinstance(body, str | bytes) else dumps(body)
        return await self.http.post(path, content=content, headers=headers)

    async def get(self, path: str, token: str | None = None, **query: Any) -> httpx.Response:
        """GET a path."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.http.get(path, params=query or None, headers=headers)

    async def user(self, name: str | None = None, user_type: str = "prosumer") -> User:
        """A new household."""
        body = {"name": name or f"Household {next(_numbers)}", "user_type": user_type}
        answer = expect(await self.post("/api/users", body, self.operator), 201)
        return User(answer["user_id"], answer["wallet"], answer["token"])

    async def meter(self, user: User) -> Device:
        """A new registered meter of this user."""
        device = Device(self.context.deployment.deployment)
        body = device.registration(user.user_id)
        expect(await self.post("/api/meters", body, self.operator), 201)
        return device

    async def seller(self, kwh: int) -> User:
        """A household with that much energy, minted from a reading that its device signed."""
        user = await self.user()
        await self.settle(user, await self.meter(user), kwh * MWH_PER_KWH)
        return user

    async def buyer(self, grx: int) -> User:
        """A household with that much GRX."""
        user = await self.user(user_type="consumer")
        body = {"user_id": user.user_id, "amount_grx": Decimal(grx)}
        expect(await self.post("/api/treasury/grx", body, self.operator), 201)
        return user

    async def settle(self, user: User, device: Device, surplus_mwh: int, ahead_s: int = 0) -> str:
        """Mint energy by a settlement reading, as the settlement service does; the signature."""
        device.sequence += 1
        device.produced_mwh += surplus_mwh
        device.surplus_mwh += surplus_mwh
        now_ms = int(dt.datetime.now(dt.UTC).timestamp() + ahead_s) * 1000
        record = device.record(now_ms, int(ClockStatus.SYNCHRONISED) | Flag.SETTLEMENT).encode()
        message = signed_record_message(COSE_ALGORITHM[device.algorithm], record)
        addresses = self.context.addresses
        owner_token = addresses.associated_token(
            Pubkey.from_string(user.wallet), addresses.energy_mint()
        )
        proof = signature_instruction(
            int(device.algorithm),
            device.signer.public_key,
            device.signer.sign(message),
            message,
        )
        settle = self.context.programs["energy_token"].instruction(
            "settle_meter",
            {},
            {
                "config": addresses.energy_config(),
                "meter": addresses.meter(device.meter_id),
                "ledger": addresses.ledger(device.meter_id),
                "energy_mint": addresses.energy_mint(),
                "owner_token": owner_token,
                "instructions_sysvar": INSTRUCTIONS,
            },
        )
        sent = await self.context.sender.send(
            lambda _payer: [proof, settle], (), compute_units=20_000
        )
        return sent.signature

    async def sell(
        self, user: User, kwh: object, price: object, key: str | None = None
    ) -> dict[str, Any]:
        """Put an order into the book."""
        body = {"seller_wallet": user.wallet, "amount_kwh": kwh, "price_per_kwh": price}
        return expect(await self.post("/api/trading/orders/create", body, user.token, key), 201)

    async def balances(self, user: User) -> tuple[Decimal, Decimal]:
        """Energy in kWh and GRX."""
        answer = expect(await self.get(f"/api/users/{user.user_id}/balances", user.token), 200)
        return answer["energy_kwh"], answer["grx"]


def expect(response: httpx.Response, status: int) -> dict[str, Any]:
    """Check the status and return the body, with exact numbers."""
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    body: dict[str, Any] = loads(response.text)
    return body


def expect_problem(response: httpx.Response, status: int, error: str | None = None) -> None:
    """Check that the answer is a problem document of this kind, without a trace."""
    body = expect(response, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert {"type", "title", "detail", "error"} <= body.keys()
    assert "Traceback" not in response.text
    assert response.headers["x-request-id"]
    if error is not None:
        assert body["error"] == error


@asynccontextmanager
async def open_world(
    postgres_url: str,
    folder: Path,
    interval_s: int = INTERVAL_S,
    chain: Callable[[Path], AbstractAsyncContextManager[str]] | None = None,
) -> AsyncIterator[HubWorld]:
    """Start chain and hub; stop them. The chain is the local one unless another is made."""
    database = f"api_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(f"{postgres_url}/postgres")
    await admin.execute(f"CREATE DATABASE {database} TEMPLATE migrated")
    try:
        async with (chain or _local_chain)(folder) as rpc_url:
            pool = await open_pool(f"{postgres_url}/{database}")
            client = ChainClient(rpc_url)
            try:
                async with _hub(pool, client, folder, interval_s) as world:
                    yield world
            finally:
                await client.close()
                pool.terminate()
    finally:
        await admin.execute(f"DROP DATABASE {database} WITH (FORCE)")
        await admin.close()


@asynccontextmanager
async def _local_chain(folder: Path) -> AsyncIterator[str]:
    programs = []
    for name in PROGRAM_NAMES:
        file = folder / f"{name}.so"
        file.write_bytes(load(name).elf())
        programs += ["--program", str(load(name).id), str(file)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gridtokenx_hub.local_chain", str(folder / "chain"), "0"),
        *programs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    port = int(await process.stdout.readline())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def _hub(
    pool: asyncpg.Pool, client: ChainClient, folder: Path, interval_s: int
) -> AsyncIterator[HubWorld]:
    registrar_key = load_registrar(folder / "keys")
    keys = load_role_keys(folder / "keys", 2)
    programs = {name: load(name) for name in PROGRAM_NAMES}
    addresses = Addresses(*(program.id for program in programs.values()))
    sender = TransactionSender(client, FeePayerPool(keys.fee_payers), programs)
    await bootstrap(client, sender, programs, addresses, keys, interval_s, GRX_CAP)
    indexer = Indexer(pool, client, programs, 0.05)
    stop = asyncio.Event()
    registrar = Registrar(pool, registrar_key, programs, addresses, utc_now)
    feed = EventFeed(pool, PROGRAM_NAMES)
    parts = [asyncio.create_task(part.run(stop)) for part in (indexer, registrar, feed)]
    genesis = await client.genesis_hash()
    certificates = CertificateAuthority(folder / "ca", utc_now)
    idempotency = IdempotencyKeys(pool)
    vault = WalletVault(pool, folder / "keys" / "wallets.seed")
    context = ApiContext(
        pool=pool,
        tokens=Tokens(pool),
        idempotency=idempotency,
        new_users=NewUsers(pool, idempotency, vault),
        client=client,
        sender=sender,
        programs=programs,
        addresses=addresses,
        vault=vault,
        keys=keys,
        indexer=indexer,
        clock=utc_now,
        deployment=DeploymentInfo(
            deployment_id(bytes(genesis), bytes(addresses.registry)),
            str(genesis),
            interval_s,
            "ed25519",
            bytes(32),
        ),
        registrar=RegistrarClient(pool, RegistrarTransactions(programs, addresses, keys.registrar)),
        broker=BrokerSettings("127.0.0.1", 8883, None),
        feed=feed,
        settings=UNLIMITED,
        limits=Limits.of(UNLIMITED),
        share_seed=bytes(32),
        public_rpc_url=client._rpc.url,
        authority=certificates,
    )
    app = create_app(context)
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://hub"
        ) as http:
            yield HubWorld(
                context, app, http, await create_token(pool, "operator"), certificates, folder
            )
    finally:
        stop.set()
        await asyncio.gather(*parts)
