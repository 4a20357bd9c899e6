"""A real local chain with the real programs, and households and devices that act on it.

Fixtures and helpers for the tests of bootstrap, settlement and indexer.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from solders.address_lookup_table_account import ID as LOOKUP_TABLE_PROGRAM
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.audit import Report, audit
from gridtokenx_hub.bootstrap import bootstrap
from gridtokenx_hub.chain import ChainClient, FeePayerPool, LookupTable, TransactionSender
from gridtokenx_hub.chain.lookup_tables import AUTHORITY_OFFSET, decode_table
from gridtokenx_hub.indexer import Indexer
from gridtokenx_hub.keys import RoleKeys, load_registrar, load_role_keys
from gridtokenx_hub.settlement import Settlement
from gridtokenx_programs import (
    PROGRAM_NAMES,
    Addresses,
    Program,
    create_associated_token,
    load,
    signature_instruction,
)
from gridtokenx_protocol.cose import COSE_ALGORITHM, signed_record_message
from gridtokenx_protocol.deployment import deployment_id
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.payload import record_hash
from gridtokenx_protocol.record import ClockStatus, Flag, Record

INTERVAL_S = 1
GRX_CAP = 10**15
KWH = 1_000_000
HOUR_MS = 3_600_000
SETTLEMENT_FLAGS = int(ClockStatus.SYNCHRONISED | Flag.SETTLEMENT)
PROGRAMS = {name: load(name) for name in PROGRAM_NAMES}
ADDRESSES = Addresses(*(program.id for program in PROGRAMS.values()))


def now_ms() -> int:
    """The present instant as the hub's processes take it."""
    return int(time.time() * 1000)


def program_files(folder: Path) -> list[tuple[Pubkey, Path]]:
    """Address and ELF file of each program, for a chain that begins with them."""
    files = []
    for name, program in PROGRAMS.items():
        file = folder / f"{name}.so"
        file.write_bytes(program.elf())
        files.append((program.id, file))
    return files


@contextmanager
def running_chain(folder: Path) -> Iterator[str]:
    """A local chain in a process of its own; yields its RPC address."""
    arguments = [str(folder / "ledger"), "0"]
    for address, file in program_files(folder):
        arguments += ["--program", str(address), str(file)]
    with subprocess.Popen(
        [sys.executable, "-m", "gridtokenx_hub.local_chain", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


@dataclass(frozen=True)
class Chain:
    """A chain that is set up, and the folder of the keys that it was set up with."""

    rpc_url: str
    keys_folder: Path

    @property
    def registrar(self) -> Keypair:
        return load_registrar(self.keys_folder)

    @property
    def keys(self) -> RoleKeys:
        return load_role_keys(self.keys_folder, 2)


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One chain for all tests: each has meters and households of its own."""
    folder = tmp_path_factory.mktemp("chain")
    with running_chain(folder) as rpc_url:
        made = Chain(rpc_url, folder / "keys")
        asyncio.run(set_up(made))
        yield made


async def set_up(chain: Chain) -> None:
    """Initialise the programs with the keys of the chain's folder."""
    load_registrar(chain.keys_folder)
    async with connected(chain.rpc_url) as client:
        sender = make_sender(client, chain.keys)
        await bootstrap(client, sender, PROGRAMS, ADDRESSES, chain.keys, INTERVAL_S, GRX_CAP)


@asynccontextmanager
async def connected(rpc_url: str) -> AsyncIterator[ChainClient]:
    client = ChainClient(rpc_url)
    try:
        yield client
    finally:
        await client.close()


def make_sender(client: ChainClient, keys: RoleKeys) -> TransactionSender:
    return TransactionSender(client, FeePayerPool(keys.fee_payers), PROGRAMS)


@dataclass
class Device:
    """The agent beside a meter: it holds the key, counts, and chains what it signs."""

    owner: Keypair
    deployment: bytes
    algorithm: Algorithm = Algorithm.ED25519
    meter_id: bytes = field(default_factory=lambda: os.urandom(16))
    sequence: int = 0
    produced_mwh: int = 500 * KWH
    consumed_mwh: int = 90 * KWH
    surplus_mwh: int = 0
    previous_hash: bytes = bytes(32)

    def __post_init__(self) -> None:
        self.signer = SoftwareSigner(
            Ed25519PrivateKey.generate()
            if self.algorithm is Algorithm.ED25519
            else ec.generate_private_key(ec.SECP256R1())
        )
        self.baseline_ms = (now_ms() - HOUR_MS) // 1000 * 1000

    def record(self, time_ms: int, flags: int = SETTLEMENT_FLAGS) -> Record:
        """The next record, with the registers as they stand."""
        self.sequence += 1
        record = Record(
            deployment=self.deployment,
            meter_id=self.meter_id,
            sequence=self.sequence,
            time_ms=time_ms,
            produced_mwh=self.produced_mwh,
            consumed_mwh=self.consumed_mwh,
            surplus_mwh=self.surplus_mwh,
            active_power_mw=0,
            voltage_mv=0,
            current_ma=0,
            frequency_mhz=0,
            flags=flags,
            previous_hash=self.previous_hash,
        )
        self.previous_hash = record_hash(record)
        return record

    def produce(self, kwh: int) -> None:
        """Feed so much into the grid, within one settlement interval."""
        self.produced_mwh += kwh * KWH
        self.surplus_mwh += kwh * KWH

    def sign(self, record: Record) -> bytes:
        return self.signer.sign(self.message(record))

    def message(self, record: Record) -> bytes:
        return signed_record_message(COSE_ALGORITHM[self.algorithm], record.encode())


class Runnable(Protocol):
    """A part of the hub."""

    async def run(self, stop: asyncio.Event) -> None: ...


@asynccontextmanager
async def running(*parts: Runnable) -> AsyncIterator[None]:
    """Run parts of the hub beside the test."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for part in parts:
            tasks.create_task(part.run(stop))
        try:
            yield
        finally:
            stop.set()


@dataclass
class World:
    """The chain, an empty database, and short words for what households do."""

    chain: Chain
    pool: asyncpg.Pool
    client: ChainClient
    sender: TransactionSender
    deployment: bytes
    programs: dict[str, Program] = field(default_factory=lambda: PROGRAMS)
    addresses: Addresses = ADDRESSES
    table_authority: Keypair = field(default_factory=Keypair)

    def indexer(self, **options: Any) -> Indexer:
        return Indexer(self.pool, options.pop("client", self.client), PROGRAMS, 0.02, **options)

    def settlement(
        self, sender: TransactionSender | None = None, clock: Callable[[], int] = now_ms
    ) -> Settlement:
        return Settlement(
            self.pool,
            self.client,
            sender or self.sender,
            self.table_authority,
            PROGRAMS,
            ADDRESSES,
            clock,
            1,
            0.02,
        )

    async def send(
        self,
        program: str,
        name: str,
        args: dict[str, Any],
        accounts: dict[str, Pubkey],
        *by: Keypair,
    ) -> str:
        """One instruction; an account `payer` is filled in where there is one."""
        roles = {role.name for role in PROGRAMS[program].idl.instructions[name].accounts}
        confirmation = await self.sender.send(
            lambda payer: [
                PROGRAMS[program].instruction(
                    name, args, accounts | ({"payer": payer} if "payer" in roles else {})
                )
            ],
            by,
        )
        return confirmation.signature

    async def household(self, user_type: str = "Prosumer") -> Keypair:
        """A registered wallet with both token accounts."""
        wallet = Keypair()
        await self.register(wallet, user_type)
        await self.sender.send(
            lambda payer: [
                create_associated_token(payer, wallet.pubkey(), mint)
                for mint in (ADDRESSES.energy_mint(), ADDRESSES.grx_mint())
            ]
        )
        return wallet

    async def register(self, wallet: Keypair, user_type: str = "Prosumer") -> str:
        accounts = {
            "config": ADDRESSES.registry_config(),
            "wallet": wallet.pubkey(),
            "user": ADDRESSES.user(wallet.pubkey()),
        }
        return await self.send(
            "registry", "register_user", {"user_type": user_type}, accounts, wallet
        )

    async def device(
        self, owner: Keypair | None = None, algorithm: Algorithm = Algorithm.ED25519
    ) -> Device:
        """A registered meter of 20 kW and at most 400 kWh a day."""
        device = Device(owner or await self.household(), self.deployment, algorithm)
        baseline = device.record(device.baseline_ms, int(ClockStatus.SYNCHRONISED))
        registrar = self.chain.registrar
        accounts = {
            "config": ADDRESSES.registry_config(),
            "registrar_key": registrar.pubkey(),
            "registrar": ADDRESSES.registrar(registrar.pubkey()),
            "owner": device.owner.pubkey(),
            "owner_user": ADDRESSES.user(device.owner.pubkey()),
            "meter": ADDRESSES.meter(device.meter_id),
        }
        limits = {
            "export_limit_mw": 20_000_000,
            "import_limit_mw": 20_000_000,
            "daily_export_limit_mwh": 400 * KWH,
        }
        await self.sender.send(
            lambda payer: [
                self.proof(device, baseline),
                PROGRAMS["registry"].instruction(
                    "register_meter", limits, {**accounts, "payer": payer}
                ),
            ],
            (registrar, device.owner),
        )
        return device

    def proof(self, device: Device, record: Record) -> Any:
        """The instruction by which the chain checks the device's signature."""
        return signature_instruction(
            int(device.algorithm),
            device.signer.public_key,
            device.sign(record),
            device.message(record),
        )

    async def settle(self, device: Device, record: Record) -> str:
        """Settle a reading without the hub, as anyone may."""
        if await self.client.account(ADDRESSES.ledger(device.meter_id)) is None:
            await self.open_ledger(device)
        confirmation = await self.sender.send(self.settling(device, record))
        return confirmation.signature

    def settling(self, device: Device, record: Record) -> list[Instruction]:
        """The device's proof, and the instruction that it is for."""
        mint = ADDRESSES.energy_mint()
        accounts = {
            "config": ADDRESSES.energy_config(),
            "meter": ADDRESSES.meter(device.meter_id),
            "ledger": ADDRESSES.ledger(device.meter_id),
            "energy_mint": mint,
            "owner_token": ADDRESSES.associated_token(device.owner.pubkey(), mint),
        }
        settle_meter = PROGRAMS["energy_token"].instruction("settle_meter", {}, accounts)
        return [self.proof(device, record), settle_meter]

    async def open_ledger(self, device: Device) -> None:
        accounts = {
            "config": ADDRESSES.energy_config(),
            "meter": ADDRESSES.meter(device.meter_id),
            "ledger": ADDRESSES.ledger(device.meter_id),
        }
        await self.send("energy_token", "open_ledger", {}, accounts)

    async def mint_grx(self, wallet: Keypair, amount: int) -> None:
        treasury = self.chain.keys.treasury
        accounts = {
            "config": ADDRESSES.energy_config(),
            "treasury": treasury.pubkey(),
            "grx_mint": ADDRESSES.grx_mint(),
            "destination": ADDRESSES.associated_token(wallet.pubkey(), ADDRESSES.grx_mint()),
        }
        await self.send("energy_token", "mint_grx", {"amount": amount}, accounts, treasury)

    async def sell(
        self, seller: Keypair, nonce: int, kwh: int, price: int, expires_at: int = 0
    ) -> Pubkey:
        """Put an order into the book; price in µGRX per kWh, `nonce` in ms from now."""
        nonce += now_ms()
        order = ADDRESSES.order(seller.pubkey(), nonce)
        terms = {
            "nonce": nonce,
            "amount_mwh": kwh * KWH,
            "price_micro_grx": price,
            "expires_at": expires_at,
        }
        accounts = {
            "market": ADDRESSES.market(),
            "seller": seller.pubkey(),
            "seller_user": ADDRESSES.user(seller.pubkey()),
            "order": order,
            "escrow": ADDRESSES.escrow(order),
            "seller_energy": ADDRESSES.associated_token(seller.pubkey(), ADDRESSES.energy_mint()),
            "energy_mint": ADDRESSES.energy_mint(),
        }
        await self.send("trading", "create_order", terms, accounts, seller)
        return order

    async def buy(
        self, buyer: Keypair, seller: Keypair, order: Pubkey, kwh: int, price: int
    ) -> str:
        accounts = {
            "market": ADDRESSES.market(),
            "order": order,
            "escrow": ADDRESSES.escrow(order),
            "buyer": buyer.pubkey(),
            "buyer_user": ADDRESSES.user(buyer.pubkey()),
            "buyer_energy": ADDRESSES.associated_token(buyer.pubkey(), ADDRESSES.energy_mint()),
            "buyer_grx": ADDRESSES.associated_token(buyer.pubkey(), ADDRESSES.grx_mint()),
            "seller_grx": ADDRESSES.associated_token(seller.pubkey(), ADDRESSES.grx_mint()),
        }
        terms = {"amount_mwh": kwh * KWH, "price_micro_grx": price}
        return await self.send("trading", "match_order", terms, accounts, buyer)

    async def devices(self, count: int) -> list[Device]:
        """Registered meters of as many households, known to the indexer."""
        devices = list(await asyncio.gather(*(self.device() for _ in range(count))))
        ids = [device.meter_id for device in devices]

        async def known() -> bool:
            query = "SELECT count(*) FROM meters WHERE meter_id = ANY($1)"
            return bool(await self.pool.fetchval(query, ids) == count)

        async with running(self.indexer()):
            await until(known, 120)
        return devices

    async def read(self, devices: Sequence[Device], kwh: int, seconds_ago: int = 0) -> None:
        """Each meter has produced so much more, and its reading arrives."""
        boundary_ms = (now_ms() // 1000 - seconds_ago) * 1000
        for device in devices:
            device.produce(kwh)
            await self.store(device, device.record(boundary_ms))

    async def lookup_tables(self) -> list[LookupTable]:
        """The tables of this world's settlement that are on chain."""
        found = await self.client.program_accounts(
            LOOKUP_TABLE_PROGRAM, AUTHORITY_OFFSET, bytes(self.table_authority.pubkey())
        )
        tables = [decode_table(address, account) for address, account in found]
        return [table for table in tables if table is not None]

    async def shelved(self, devices: Sequence[Device]) -> None:
        """Wait until transactions can look up these meters' accounts."""
        mint = ADDRESSES.energy_mint()
        own = [
            {
                ADDRESSES.meter(device.meter_id),
                ADDRESSES.ledger(device.meter_id),
                ADDRESSES.associated_token(device.owner.pubkey(), mint),
            }
            for device in devices
        ]

        async def all_are() -> bool:
            slot = await self.client.final_slot()
            usable = [
                set(table.usable_at(slot).addresses)
                for table in await self.lookup_tables()
                if table.is_active and table.authority
            ]
            return all(any(accounts <= held for held in usable) for accounts in own)

        await until(all_are, 120)

    async def store(self, device: Device, record: Record) -> None:
        """What ingest does with a reading that arrives."""
        await self.pool.execute(
            "INSERT INTO readings VALUES ($1, $2, to_timestamp($3 / 1000.0), $3, $4, $5, $6, 0, 0,"
            " 0, 0, $7, $8, sha256($9), NULL, $10, $11, $2, 1)",
            record.meter_id,
            record.sequence,
            record.time_ms,
            record.produced_mwh,
            record.consumed_mwh,
            record.surplus_mwh,
            record.flags,
            record.previous_hash,
            record.encode(),
            COSE_ALGORITHM[device.algorithm],
            device.sign(record),
        )

    async def audit(self) -> Report:
        async with self.pool.acquire() as connection:
            return await audit(connection, self.client, PROGRAMS, ADDRESSES, now_ms())

    async def agrees_with_chain(self) -> None:
        """Wait until the running indexer has caught up and database and chain say the same."""

        async def agrees() -> bool:
            return not (await self.audit()).differences

        try:
            await until(agrees)
        except TimeoutError:
            pytest.fail(f"{[str(difference) for difference in (await self.audit()).differences]}")

    async def energy_of(self, owner: Keypair) -> int:
        account = ADDRESSES.associated_token(owner.pubkey(), ADDRESSES.energy_mint())
        return await self.client.token_balance(account)

    async def rows(self, device: Device) -> list[asyncpg.Record]:
        """The meter's rows in the outbox, oldest first."""
        rows: list[asyncpg.Record] = await self.pool.fetch(
            "SELECT * FROM settlements WHERE meter_id = $1 ORDER BY id", device.meter_id
        )
        return rows

    async def states(self, device: Device) -> list[str]:
        return [row["status"] for row in await self.rows(device)]

    async def states_become(self, device: Device, *expected: str) -> None:
        async def reached() -> bool:
            return await self.states(device) == list(expected)

        try:
            await until(reached)
        except TimeoutError:
            pytest.fail(f"{await self.rows(device)} do not become {expected}")


async def until(condition: Callable[[], Awaitable[bool]], timeout_s: float = 120) -> None:
    """Wait for a state that only a database or a chain knows."""
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0.02)


@asynccontextmanager
async def world_on(chain: Chain, pool: asyncpg.Pool) -> AsyncIterator[World]:
    """The chain with an empty database."""
    async with connected(chain.rpc_url) as client:
        genesis_hash = bytes(await client.genesis_hash())
        deployment = deployment_id(genesis_hash, bytes(ADDRESSES.registry))
        await pool.execute("INSERT INTO hub_state VALUES (true, 1, $1)", deployment)
        yield World(chain, pool, client, make_sender(client, chain.keys), deployment)


@pytest.fixture
async def world(chain: Chain, pool: asyncpg.Pool) -> AsyncIterator[World]:
    """The chain with an empty database of this test alone."""
    async with world_on(chain, pool) as made:
        yield made
