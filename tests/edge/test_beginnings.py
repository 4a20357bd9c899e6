"""A chain goes on with a new key or a new meter, and with nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.edge.fake_meter import FakeMeter
from tests.edge.test_recorder import INTERVAL_MS, Bench, bench

from gridtokenx_edge.agent.beginnings import begin_key, begin_meter
from gridtokenx_edge.agent.recorder import Recorder
from gridtokenx_edge.checkpoint import Checkpoint, checkpoint_path
from gridtokenx_edge.errors import NotProvisioned
from gridtokenx_edge.keystore import create_signing_key
from gridtokenx_edge.records import SignedReading
from gridtokenx_edge.spool import Pending, Spool
from gridtokenx_edge.spool.inspect import Report, verify
from gridtokenx_edge.spool.schema import open_for_reading
from gridtokenx_edge.spool.spool import JUMP
from gridtokenx_edge.uplink.bundles import Bundler
from gridtokenx_protocol import cose
from gridtokenx_protocol.keys import Algorithm, Signer, SoftwareSigner
from gridtokenx_protocol.record import ClockStatus, Flag

__all__ = ["bench"]

SYNCHRONISED = int(ClockStatus.SYNCHRONISED)


async def rotate(bench: Bench, new: Signer) -> SignedReading:
    spool = Spool.open(bench.config.spool)
    try:
        return await begin_key(
            *(bench.device, spool, bench.config, bench.signer, new_path(bench), new),
            *(bench.clock, lambda: bench.status),
        )
    finally:
        spool.close()


def new_path(bench: Bench) -> Path:
    assert isinstance(bench.config.key, Path)
    return bench.config.key.with_name("meter-2.key")


@pytest.fixture
def new(bench: Bench) -> Signer:
    return create_signing_key(new_path(bench), Algorithm.ED25519)


async def begun(bench: Bench, meter: FakeMeter, produced: int = 20_000_000_000) -> None:
    """A baseline, and half an interval later one more reading, 1 kWh above it."""
    meter.energy(produced, 30_000_000_000)
    await bench.baseline()
    bench.now_ms += INTERVAL_MS // 2
    spool, recorder = bench.open()
    recorder.record(bench.sample(produced + 1_000_000))
    spool.close()
    meter.energy(produced + 1_000_000, 30_000_000_000)


def with_new_key(bench: Bench, new: Signer) -> tuple[Spool, Recorder]:
    assert isinstance(new, SoftwareSigner)
    bench.config = replace(bench.config, key=new_path(bench))
    bench.signer = new
    return bench.open()


async def test_a_new_key_goes_on(bench: Bench, meter: FakeMeter, new: Signer) -> None:
    await begun(bench, meter)
    first = await rotate(bench, new)
    assert await rotate(bench, new) == first, "asked again, the same"
    record = first.record
    assert (record.sequence, record.flags) == (3, SYNCHRONISED)
    assert record.surplus_mwh == 1_000_000, "the running interval ended"
    assert cose.decode(first.message).payload == record.encode()
    old = bench.signer
    spool, recorder = with_new_key(bench, new)
    bench.now_ms += INTERVAL_MS
    *_, settlement = recorder.record(bench.sample(20_003_000_000))
    assert settlement.record.surplus_mwh == 3_000_000
    spool.close()
    assert report(bench, old.public_key, new.public_key).problems == []
    assert len(report(bench, new.public_key, old.public_key).problems) == 3
    assert len(report(bench, new.public_key).problems) == 2


def report(bench: Bench, *keys: bytes) -> Report:
    connection = open_for_reading(bench.config.spool.path)
    found = verify(connection, keys)
    connection.close()
    return found


async def test_the_old_key_signs_no_more(bench: Bench, meter: FakeMeter, new: Signer) -> None:
    """Also where the command broke off before the settings named the new key."""
    await begun(bench, meter)
    await rotate(bench, new)
    with pytest.raises(NotProvisioned, match="rotate-key again"):
        bench.open()


async def test_a_new_key_does_not_sign_before_its_beginning(
    bench: Bench, meter: FakeMeter, new: Signer
) -> None:
    await begun(bench, meter)
    with pytest.raises(NotProvisioned, match="rotate-key"):
        with_new_key(bench, new)


async def test_the_checkpoint_can_be_made_anew(bench: Bench, meter: FakeMeter, new: Signer) -> None:
    await begun(bench, meter)
    first = await rotate(bench, new)
    checkpoint_path(new_path(bench)).unlink()
    spool, _ = with_new_key(bench, new)
    spool.close()
    held = Checkpoint.load(checkpoint_path(bench.config.key), new)
    assert held is not None
    assert held.baseline.message == first.message


async def test_a_spool_that_is_lost_behind_a_new_key(
    bench: Bench, meter: FakeMeter, new: Signer
) -> None:
    await begun(bench, meter)
    first = await rotate(bench, new)
    bench.lose_spool()
    spool, recorder = with_new_key(bench, new)
    bench.now_ms += INTERVAL_MS
    ordinary, settlement = recorder.record(bench.sample(20_002_000_000))
    assert ordinary.record.sequence == first.record.sequence + JUMP + 1
    assert ordinary.record.flags & Flag.GAP
    assert settlement.record.surplus_mwh == 2_000_000
    spool.close()


async def test_what_the_old_key_signed_travels_as_it_is(
    bench: Bench, meter: FakeMeter, new: Signer
) -> None:
    await begun(bench, meter)
    await rotate(bench, new)
    spool, recorder = with_new_key(bench, new)
    for _ in range(2):
        bench.now_ms += 1000
        recorder.record(bench.sample(20_001_000_000))
    waiting = spool.pending(0, 99)
    sent = Bundler(new).bundles(waiting)
    spool.close()
    assert [(bundle.carried.first, bundle.carried.last) for bundle in sent] == [
        (1, 1), (2, 2), (3, 5)
    ]  # fmt: skip
    assert [bundle.message for bundle in sent[:2]] == [held.message for held in waiting[:2]]
    assert Bundler(new).bundles([Pending(2, waiting[1].message)])[0].message == waiting[1].message


async def test_a_new_meter_goes_on(bench: Bench, meter: FakeMeter) -> None:
    await begun(bench, meter)
    bench.now_ms += 1000
    meter.energy(7_000_000, 5_000_000)
    spool = Spool.open(bench.config.spool)
    first = await begin_meter(
        bench.device, spool, bench.config, bench.signer, bench.clock, lambda: bench.status
    )
    spool.close()
    record = first.record
    assert (record.sequence, record.flags) == (3, SYNCHRONISED | Flag.REGISTER_REPLACED)
    assert (record.produced_mwh, record.consumed_mwh) == (7_000_000, 5_000_000)
    assert record.surplus_mwh == 1_000_000, "of the old meter, up to its last reading"
    spool, recorder = bench.open()
    bench.now_ms += INTERVAL_MS
    *_, settlement = recorder.record(bench.sample(7_500_000, 5_000_000))
    assert settlement.record.surplus_mwh == 1_500_000
    spool.close()
    assert report(bench, bench.signer.public_key).problems == []


async def test_a_spool_that_is_lost_behind_a_new_meter(bench: Bench, meter: FakeMeter) -> None:
    await begun(bench, meter)
    meter.energy(7_000_000, 5_000_000)
    spool = Spool.open(bench.config.spool)
    await begin_meter(
        bench.device, spool, bench.config, bench.signer, bench.clock, lambda: bench.status
    )
    spool.close()
    bench.lose_spool()
    spool, recorder = bench.open()
    bench.now_ms += INTERVAL_MS
    recorder.record(bench.sample(7_500_000, 5_000_000))
    spool.close()


async def test_without_a_baseline(bench: Bench, new: Signer) -> None:
    with pytest.raises(NotProvisioned, match="install it first"):
        await rotate(bench, new)


async def test_keys_of_both_kinds_follow_each_other(bench: Bench, meter: FakeMeter) -> None:
    await begun(bench, meter)
    new = create_signing_key(new_path(bench), Algorithm.P256)
    await rotate(bench, new)
    old = SoftwareSigner(ed25519.Ed25519PrivateKey.generate())
    assert report(bench, bench.signer.public_key, new.public_key).problems == []
    assert len(report(bench, old.public_key, new.public_key).problems) == 2
