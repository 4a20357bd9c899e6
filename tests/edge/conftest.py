"""A meter that misbehaves on demand, a real broker, and a hub that only acknowledges."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.edge.broker import Broker
from tests.edge.fake_hub import DEPLOYMENT, METER_ID, FakeHub
from tests.edge.fake_meter import FakeMeter
from tests.edge.sender import Sender, make_uplink
from tests.edge.site import MakeSite, Site

from demo.processes import free_port
from gridtokenx_edge.config import (
    BrokerConfig,
    BusConfig,
    LimitsConfig,
    MeterConfig,
    SpoolConfig,
    TcpLine,
)
from gridtokenx_edge.keystore import create_signing_key
from gridtokenx_edge.meters import MeterReading, Profile, Quantity, load_profile
from gridtokenx_edge.records import Composer, Sample
from gridtokenx_edge.spool import Spool, SpoolThread
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.record import ClockStatus


@pytest.fixture
def profile() -> Profile:
    return load_profile("schneider-iem3155", Path())


@pytest.fixture
async def meter(profile: Profile) -> AsyncIterator[FakeMeter]:
    fake = FakeMeter(profile)
    fake.energy(20_000_000_000, 30_000_000_000)
    fake.show(Quantity.VOLTAGE, 230_000)
    async with fake.serve():
        yield fake


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    own = Broker(free_port(), tmp_path)
    await own.start()
    yield own
    await own.stop()


@pytest.fixture
def signer() -> SoftwareSigner:
    return SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))


@pytest.fixture
def hub_signer() -> SoftwareSigner:
    return SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([2] * 32)))


@pytest.fixture
def hub(signer: SoftwareSigner, hub_signer: SoftwareSigner) -> FakeHub:
    return FakeHub(signer.public_key, hub_signer)


@pytest.fixture
def meter_config(tmp_path: Path, profile: Profile, hub_signer: SoftwareSigner) -> MeterConfig:
    return MeterConfig(
        id=METER_ID,
        profile=profile,
        deployment=DEPLOYMENT,
        settlement_interval_s=900,
        read_every_ms=1000,
        key=tmp_path / "meter.key",
        ack_key=hub_signer.public_key,
        ack_algorithm=Algorithm.ED25519,
        bus=BusConfig(TcpLine("127.0.0.1", 1), 1, 200),
        limits=LimitsConfig(10_000, 10_000),
        spool=SpoolConfig(tmp_path / "spool.db", 1 << 20, 30),
        broker=BrokerConfig("127.0.0.1", 1, None),
    )


@pytest.fixture
async def sender(
    meter_config: MeterConfig, signer: SoftwareSigner, broker: Broker
) -> AsyncIterator[Sender]:
    config = replace(meter_config, broker=BrokerConfig("127.0.0.1", broker.port, None))
    thread = SpoolThread()
    spool = await thread.call(Spool.open, config.spool)
    asked: list[int] = []
    uplink = make_uplink(config, spool, thread, signer, read_now=lambda: asked.append(1))
    yield Sender(spool, thread, uplink, Composer(config, signer), asked)
    await thread.call(spool.close)
    thread.close()


@pytest.fixture
def make_site(tmp_path: Path, meter: FakeMeter, hub: FakeHub) -> MakeSite:
    """Makes a site with key and baseline; the hub learns the key."""

    async def make(broker_port: int = 1, *, baseline: bool = True, **settings: Any) -> Site:
        site = Site(tmp_path, meter.port, broker_port, hub.signer.public_key, **settings)
        site.write()
        hub.public_key = create_signing_key(tmp_path / "meter.key", Algorithm.ED25519).public_key
        if baseline:
            code, _, errors = await site.command("baseline")
            assert code == 0, errors
        return site

    return make


@pytest.fixture
def unused_tcp_port() -> int:
    return free_port()


@pytest.fixture
def append_baseline(meter_config: MeterConfig, signer: SoftwareSigner) -> Callable[[Spool], None]:
    def append(spool: Spool) -> None:
        reading = MeterReading(0, 0, 0, 0, 0, 0, {})
        sample = Sample(reading, 1_700_000_000_000, ClockStatus.SYNCHRONISED)
        baseline, state = Composer(meter_config, signer).baseline(sample)
        spool.append((baseline,), state)

    return append
