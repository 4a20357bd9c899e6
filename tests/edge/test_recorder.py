"""Baseline, recording and what happens when a spool is lost or old."""

import logging
import shutil
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.edge.fake_meter import FakeMeter

from gridtokenx_edge.agent.baseline import make_baseline
from gridtokenx_edge.agent.recorder import Recorder
from gridtokenx_edge.checkpoint import Checkpoint, checkpoint_path
from gridtokenx_edge.clock import SYSTEM_CLOCK, Clock
from gridtokenx_edge.config import BusConfig, MeterConfig, TcpLine
from gridtokenx_edge.errors import (
    BaselineRefused,
    CheckpointError,
    NotProvisioned,
    ReadingRefused,
    SpoolError,
)
from gridtokenx_edge.meters import MeterReading, decode
from gridtokenx_edge.modbus import BusPool, ModbusDevice
from gridtokenx_edge.records import Sample, SignedReading
from gridtokenx_edge.spool import Spool
from gridtokenx_edge.spool.spool import JUMP
from gridtokenx_protocol.keys import SoftwareSigner
from gridtokenx_protocol.record import ClockStatus, Flag

INTERVAL_MS = 900_000


@dataclass
class Bench:
    """One meter, its files, and a clock that is set by hand."""

    config: MeterConfig
    signer: SoftwareSigner
    device: ModbusDevice
    now_ms: int = 1_700_000_100_000
    status: ClockStatus = ClockStatus.SYNCHRONISED

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now_ms, lambda: self.now_ms)

    async def baseline(self) -> SignedReading:
        spool = Spool.open(self.config.spool)
        try:
            return await make_baseline(
                self.device, spool, self.config, self.signer, self.clock, lambda: self.status
            )
        finally:
            spool.close()

    def open(self) -> tuple[Spool, Recorder]:
        spool = Spool.open(self.config.spool)
        try:
            return spool, Recorder(self.config, self.signer, spool, self.clock)
        except BaseException:
            spool.close()
            raise

    def sample(self, produced: int, consumed: int = 30_000_000_000) -> Sample:
        reading = MeterReading(produced, consumed, 0, 230_000, 0, 50_000, {"produced": bytes(8)})
        return Sample(reading, self.now_ms, self.status)

    def lose_spool(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            path = self.config.spool.path.with_name(self.config.spool.path.name + suffix)
            path.unlink(missing_ok=True)


@pytest.fixture
async def bench(meter: FakeMeter, meter_config: MeterConfig, signer: SoftwareSigner) -> Any:
    buses = BusPool()
    bus = BusConfig(TcpLine("127.0.0.1", meter.port), 1, 300)
    config = replace(meter_config, bus=bus)
    yield Bench(config, signer, ModbusDevice(buses.bus(bus), bus, config.profile, SYSTEM_CLOCK))
    buses.close()


async def test_a_baseline_is_made_once(bench: Bench, meter: FakeMeter) -> None:
    first = await bench.baseline()
    assert first.record.produced_mwh == 20_000_000_000
    assert (first.record.sequence, first.record.flags) == (1, 3)
    meter.energy(20_000_001_000, 30_000_000_000)
    bench.now_ms += 5_000
    assert (await bench.baseline()).message == first.message
    bench.lose_spool()
    assert (await bench.baseline()).message == first.message, "a second one would be equivocation"
    checkpoint_path(bench.config.key).unlink()


async def test_a_baseline_survives_a_crash_before_its_checkpoint(bench: Bench) -> None:
    first = await bench.baseline()
    checkpoint_path(bench.config.key).unlink()
    assert (await bench.baseline()).message == first.message
    assert checkpoint_path(bench.config.key).exists()


async def test_a_baseline_needs_a_synchronised_clock(bench: Bench) -> None:
    bench.status = ClockStatus.INFORMATIVE
    with pytest.raises(BaselineRefused, match='clock = "trusted"'):
        await bench.baseline()


async def test_a_transient_zero_is_no_baseline(
    bench: Bench, meter: FakeMeter, monkeypatch: Any
) -> None:
    reads = 0
    read = bench.device.read

    async def first_read_is_zero() -> Any:
        nonlocal reads
        reads += 1
        meter.fault = "zero" if reads == 1 else None
        return await read()

    monkeypatch.setattr(bench.device, "read", first_read_is_zero)
    with pytest.raises(BaselineRefused, match="not steady"):
        await bench.baseline()
    assert not checkpoint_path(bench.config.key).exists()


async def test_without_a_baseline_nothing_is_signed(bench: Bench) -> None:
    with pytest.raises(NotProvisioned, match="run gtx-edge baseline first"):
        bench.open()


async def test_records_follow_and_the_checkpoint_with_them(bench: Bench) -> None:
    baseline = await bench.baseline()
    spool, recorder = bench.open()
    bench.now_ms += 1_000
    (first,) = recorder.record(bench.sample(20_000_001_000))
    assert (first.record.sequence, first.record.previous_hash) == (2, baseline.hash)
    with pytest.raises(ReadingRefused):
        recorder.record(bench.sample(0))
    bench.now_ms += INTERVAL_MS
    _, settlement = recorder.record(bench.sample(20_000_500_000))
    assert settlement.record.surplus_mwh == 500_000
    checkpoint = Checkpoint.load(checkpoint_path(bench.config.key), bench.signer)
    assert checkpoint is not None
    assert checkpoint.settlement is not None
    assert checkpoint.settlement.message == settlement.message
    spool.close()
    spool, recorder = bench.open()
    bench.now_ms += 1_000
    (after,) = recorder.record(bench.sample(20_000_500_000))
    assert (after.record.sequence, after.record.previous_hash) == (5, settlement.hash)
    with pytest.raises(ReadingRefused):
        recorder.record(bench.sample(0))
    spool.close()


async def test_a_lost_spool_goes_on_behind_a_gap_with_its_surplus(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.baseline()
    spool, recorder = bench.open()
    bench.now_ms += INTERVAL_MS
    *_, settlement = recorder.record(bench.sample(20_000_500_000))
    bench.now_ms += 1_000
    recorder.record(bench.sample(20_000_500_000))
    spool.close()
    bench.lose_spool()
    with caplog.at_level(logging.ERROR):
        spool, recorder = bench.open()
    assert "spool_lost" in caplog.messages
    bench.now_ms += INTERVAL_MS
    ordinary, after = recorder.record(bench.sample(20_000_700_000))
    assert ordinary.record.sequence == settlement.record.sequence + JUMP + 1
    assert ordinary.record.flags & Flag.GAP
    assert ordinary.record.previous_hash == settlement.hash
    assert after.record.surplus_mwh == 700_000
    spool.close()


async def test_a_spool_from_an_old_backup_reuses_no_sequence(bench: Bench) -> None:
    await bench.baseline()
    spool, recorder = bench.open()
    bench.now_ms += INTERVAL_MS
    recorder.record(bench.sample(20_000_100_000))
    spool.close()
    path = bench.config.spool.path
    shutil.copy(path, path.with_suffix(".backup"))
    spool, recorder = bench.open()
    used = set()
    for _ in range(3):
        bench.now_ms += INTERVAL_MS
        used |= {r.record.sequence for r in recorder.record(bench.sample(20_000_200_000))}
    spool.close()
    bench.lose_spool()
    shutil.copy(path.with_suffix(".backup"), path)
    spool, recorder = bench.open()
    bench.now_ms += 1_000
    (after,) = recorder.record(bench.sample(20_000_200_000))
    assert after.record.sequence not in used
    assert after.record.sequence > max(used)
    assert after.record.flags & Flag.GAP
    assert after.record.surplus_mwh == 200_000
    spool.close()


async def test_a_damaged_or_foreign_checkpoint_is_refused(
    bench: Bench, hub_signer: SoftwareSigner
) -> None:
    await bench.baseline()
    path = checkpoint_path(bench.config.key)
    good = path.read_text()
    for bad in (
        "",
        "{}",
        "[1]",
        '{"baseline": 5}',
        good.replace('"baseline": "', '"baseline": "A'),
    ):
        path.write_text(bad)
        with pytest.raises(CheckpointError, match="restore it from a backup"):
            bench.open()
    path.write_text(good)
    with pytest.raises(CheckpointError):
        Checkpoint.load(path, hub_signer)
    spool, _ = bench.open()
    spool.close()


async def test_a_checkpoint_that_cannot_be_written_is_reported(bench: Bench) -> None:
    await bench.baseline()
    spool, recorder = bench.open()
    fresh = checkpoint_path(bench.config.key)
    fresh.with_name(fresh.name + ".new").mkdir()
    bench.now_ms += INTERVAL_MS
    with pytest.raises(CheckpointError, match="folder writable"):
        recorder.record(bench.sample(20_000_100_000))
    assert spool.state is not None
    assert spool.state.last_sequence == 3, "the pair is in the spool all the same"
    spool.close()


async def test_a_spool_that_cannot_be_written_signs_nothing_new(bench: Bench) -> None:
    await bench.baseline()
    spool, recorder = bench.open()
    spool._connection.execute("PRAGMA query_only = 1")
    bench.now_ms += 1_000
    with pytest.raises(SpoolError):
        recorder.record(bench.sample(20_000_001_000))
    spool._connection.execute("PRAGMA query_only = 0")
    (after,) = recorder.record(bench.sample(20_000_001_000))
    assert after.record.sequence == 2
    spool.close()


async def test_a_reading_of_the_real_device_decodes(bench: Bench) -> None:
    reading = decode(bench.config.profile, await bench.device.read())
    assert reading.consumed_mwh == 30_000_000_000
