"""Households whose readings are made by the real agent's composer and stored by the real ingest."""

import base64
import os
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hub_world import HubWorld, User, expect
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.sysvar import INSTRUCTIONS

from gridtokenx_edge.config.model import (
    BrokerConfig,
    BusConfig,
    LimitsConfig,
    MeterConfig,
    SpoolConfig,
    TcpLine,
)
from gridtokenx_edge.meters import Profile, Quantity, decode, load_profile
from gridtokenx_edge.records import ChainState, Composer, Range, Sample, SignedReading
from gridtokenx_hub.ingest.budget import QuarantineBudget
from gridtokenx_hub.ingest.examine import Opened, examine, open_message
from gridtokenx_hub.ingest.keyring import Keyring
from gridtokenx_hub.ingest.model import Verified
from gridtokenx_hub.ingest.store import commit
from gridtokenx_programs import signature_instruction
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.record import ClockStatus
from gridtokenx_protocol.topics import readings_topic

INTERVAL_S = 900
AGE_S = 72_000
INDEXED_S = 30.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def registers(produced_kwh: float, consumed_kwh: float) -> dict[Quantity, bytes]:
    """What an Eastron SDM630 shows: float32, most significant word first."""
    values = {
        Quantity.PRODUCED: produced_kwh,
        Quantity.CONSUMED: consumed_kwh,
        Quantity.ACTIVE_POWER: -1234.5,
        Quantity.VOLTAGE: 230.25,
        Quantity.CURRENT: 5.5,
        Quantity.FREQUENCY: 50.0,
    }
    return {quantity: struct.pack(">f", value) for quantity, value in values.items()}


@dataclass
class House:
    """A household with a registered meter."""

    world: HubWorld
    user: User
    signer: SoftwareSigner
    composer: Composer
    config: MeterConfig
    state: ChainState
    time_ms: int
    produced_kwh: float = 500.0
    consumed_kwh: float = 100.0

    @property
    def meter_id(self) -> str:
        return self.config.id.hex()

    async def read(
        self,
        produced_kwh: float,
        consumed_kwh: float = 0,
        dropped: Sequence[Range] = (),
        *,
        arrives: bool = True,
    ) -> SignedReading:
        """Half an interval later: an ordinary reading alone, or before it a settled interval."""
        self.produced_kwh += produced_kwh
        self.consumed_kwh += consumed_kwh
        self.time_ms += INTERVAL_S * 1000 // 2
        shown = decode(self.config.profile, registers(self.produced_kwh, self.consumed_kwh))
        sample = Sample(shown, self.time_ms, ClockStatus.SYNCHRONISED)
        signed, self.state = self.composer.readings(self.state, sample, dropped)
        if arrives:
            await self.store(*signed)
        return signed[-1]

    async def interval(self, produced_kwh: float, consumed_kwh: float = 0) -> SignedReading:
        """Two readings, of which the second closes an interval."""
        await self.read(produced_kwh / 2, consumed_kwh / 2)
        signed = await self.read(produced_kwh / 2, consumed_kwh / 2)
        return signed if signed.record.is_settlement else await self.read(0)

    async def store(self, *signed: SignedReading) -> None:
        """Verify and store readings as ingest does."""
        pool, keyring = self.world.pool, Keyring(self.world.pool)
        await keyring.load([self.config.id])
        for reading in signed:
            opened = open_message(readings_topic(self.config.id), reading.message)
            assert isinstance(opened, Opened)
            item = examine(opened, keyring.of(self.config.id), self.config.deployment, now_ms())
            assert isinstance(item, Verified), item
            await commit(pool, QuarantineBudget(now_ms), [item])

    def settlement(self, signed: SignedReading) -> list[Instruction]:
        """The device's signature and, behind it, the settlement."""
        world, record = self.world, signed.record.encode()
        message = cose.decode(signed.message)
        addresses = world.context.addresses
        owner = Pubkey.from_string(self.user.wallet)
        accounts = {
            "config": addresses.energy_config(),
            "meter": addresses.meter(self.config.id),
            "ledger": addresses.ledger(self.config.id),
            "energy_mint": addresses.energy_mint(),
            "owner_token": addresses.associated_token(owner, addresses.energy_mint()),
            "instructions_sysvar": INSTRUCTIONS,
        }
        return [
            signature_instruction(
                int(self.signer.algorithm),
                self.signer.public_key,
                message.signature,
                cose.signed_record_message(message.cose_algorithm, record),
            ),
            world.context.programs["energy_token"].instruction("settle_meter", {}, accounts),
        ]


async def settle(world: HubWorld, *pairs: tuple[House, SignedReading]) -> str:
    """Settle readings in one transaction; return its signature once the indexer has read it."""
    instructions = [one for house, signed in pairs for one in house.settlement(signed)]
    confirmation = await world.context.sender.send(
        lambda _payer: instructions, (), compute_units=30_000 * len(pairs)
    )
    await indexed(world, confirmation.signature)
    return confirmation.signature


async def indexed(world: HubWorld, signature: str) -> None:
    """Wait until the database has the events of a transaction."""
    assert await world.context.indexer.wait_for(signature, 1, INDEXED_S)


async def house(
    world: HubWorld,
    folder: Path,
    algorithm: Algorithm = Algorithm.ED25519,
    profile: str = "eastron-sdm630",
) -> House:
    """A registered household whose first readings are some hours ago."""
    user = await world.user()
    key = (
        ed25519.Ed25519PrivateKey.generate()
        if algorithm is Algorithm.ED25519
        else ec.generate_private_key(ec.SECP256R1())
    )
    signer = SoftwareSigner(key)
    config = meter_config(world, load_profile(profile, folder), folder)
    composer = Composer(config, signer)
    start_ms = (now_ms() // 1000 - AGE_S) // INTERVAL_S * INTERVAL_S * 1000
    shown = decode(config.profile, registers(500.0, 100.0))
    baseline, state = composer.baseline(Sample(shown, start_ms, ClockStatus.SYNCHRONISED))
    made = House(world, user, signer, composer, config, state, start_ms)
    body = {
        "user_id": user.user_id,
        "baseline": base64.b64encode(baseline.message).decode(),
        "public_key": signer.public_key.hex(),
        "algorithm": "ed25519" if algorithm is Algorithm.ED25519 else "p256",
        "export_limit_w": 20_000,
        "import_limit_w": 20_000,
        "daily_export_limit_kwh": 400,
    }
    answer = expect(await world.post("/api/meters", body, world.operator), 201)
    await indexed(world, answer["tx_signature"])
    await made.store(baseline)
    return made


def meter_config(world: HubWorld, profile: Profile, folder: Path) -> MeterConfig:
    """Settings of a meter, of which the composer needs some."""
    return MeterConfig(
        id=os.urandom(16),
        profile=profile,
        deployment=world.context.deployment.deployment,
        settlement_interval_s=INTERVAL_S,
        read_every_ms=1000,
        key=folder / "meter.key",
        ack_key=bytes(32),
        ack_algorithm=Algorithm.ED25519,
        bus=BusConfig(TcpLine("127.0.0.1", 1), 1, 200),
        limits=LimitsConfig(20_000, 20_000),
        spool=SpoolConfig(folder / "spool.db", 1 << 20, 30),
        broker=BrokerConfig("127.0.0.1", 1, None),
    )


@dataclass(frozen=True)
class Case:
    """A house, and the two transactions that minted its energy."""

    house: House
    first: str
    second: str
    settled: SignedReading


async def settled_case(
    world: HubWorld, folder: Path, algorithm: Algorithm = Algorithm.ED25519
) -> Case:
    """A household that settled an interval, and later two more in one."""
    made = await house(world, folder, algorithm)
    first = await settle(world, (made, await made.interval(5, 2)))
    await made.interval(3, 1)
    settled = await made.interval(2, 4)
    return Case(made, first, await settle(world, (made, settled)), settled)
