"""The spool against a model of it, over restarts, caps, acks and restored hubs."""

import json
import shutil
import sqlite3
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gridtokenx_edge.config import LimitsConfig, MeterConfig, SpoolConfig
from gridtokenx_edge.errors import SpoolError
from gridtokenx_edge.meters import MeterReading, load_profile
from gridtokenx_edge.records import ChainState, Composer, Range, Sample, SignedReading
from gridtokenx_edge.spool import AckOutcome, Spool
from gridtokenx_edge.spool.cap import ROW_BYTES
from gridtokenx_edge.spool.dropped import merge
from gridtokenx_edge.spool.inspect import stats, verify
from gridtokenx_edge.spool.schema import open_for_reading
from gridtokenx_edge.spool.spool import JUMP
from gridtokenx_protocol import cose
from gridtokenx_protocol.ack import Ack
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.keys import Algorithm, SoftwareSigner
from gridtokenx_protocol.payload import Payload
from gridtokenx_protocol.record import ClockStatus, Flag

SIGNER = SoftwareSigner(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([1] * 32)))
T0 = 1_700_000_000_000
DAY_MS = 86_400_000


def sample(time_ms: int, energy_mwh: int) -> Sample:
    reading = MeterReading(energy_mwh, energy_mwh // 3, 0, 0, 0, 0, {"produced": bytes(8)})
    return Sample(reading, time_ms, ClockStatus.SYNCHRONISED)


class Chain:
    """A spool that readings are appended to, one every second."""

    def __init__(self, config: MeterConfig) -> None:
        self.config = config
        self.composer = Composer(config, SIGNER)
        self.spool = Spool.open(config.spool)
        self.time_ms = T0
        self.signed: dict[int, SignedReading] = {}
        baseline, state = self.composer.baseline(sample(T0, 0))
        self.put((baseline,), state)

    def put(self, readings: tuple[SignedReading, ...], state: ChainState) -> int:
        for reading in readings:
            assert reading.record.sequence not in self.signed, "a sequence was used twice"
        lost = self.spool.append(readings, state)
        self.signed |= {reading.record.sequence: reading for reading in readings}
        return lost

    def append(self, seconds: int = 1) -> tuple[SignedReading, ...]:
        self.time_ms += seconds * 1000
        assert self.spool.state is not None
        readings, state = self.composer.readings(
            self.spool.state,
            sample(self.time_ms, self.time_ms - T0),
            self.spool.undeclared(),
        )
        self.put(readings, state)
        return readings

    def ack(self, sequence: int, epoch: int = 1, **changes: Any) -> AckOutcome:
        known = self.signed.get(sequence)
        ack = Ack(
            deployment=self.config.deployment,
            meter_id=self.config.id,
            epoch=epoch,
            sequence=sequence,
            hash=known.hash if known else bytes(32),
            time_ms=self.time_ms,
        )
        return self.spool.apply_ack(replace(ack, **changes), self.time_ms)

    def held(self) -> set[int]:
        connection = open_for_reading(self.config.spool.path)
        rows = connection.execute("SELECT sequence FROM reading").fetchall()
        connection.close()
        return {sequence for (sequence,) in rows}

    def problems(self) -> list[str]:
        connection = open_for_reading(self.config.spool.path)
        report = verify(connection, SIGNER.algorithm, SIGNER.public_key)
        connection.close()
        return report.problems

    def reopen(self) -> None:
        self.spool.close()
        self.spool = Spool.open(self.config.spool)


@pytest.fixture
def chain(meter_config: MeterConfig) -> Chain:
    return Chain(replace(meter_config, settlement_interval_s=5))


def test_pending_is_what_has_no_ack(chain: Chain) -> None:
    for _ in range(10):
        chain.append()
    last = max(chain.signed)
    assert [p.sequence for p in chain.spool.pending(0, 3)] == [1, 2, 3]
    assert chain.ack(4) is AckOutcome.APPLIED
    assert [p.sequence for p in chain.spool.pending(0, 3)] == [5, 6, 7]
    assert [p.sequence for p in chain.spool.pending(6, 2)] == [7, 8]
    assert chain.spool.pending(last, 9) == []
    assert chain.spool.pending(6, 1)[0].message == chain.signed[7].message


def test_everything_survives_a_restart(chain: Chain) -> None:
    for _ in range(12):
        chain.append()
    chain.ack(3)
    state, held = chain.spool.state, chain.held()
    chain.reopen()
    assert chain.spool.state == state
    assert chain.spool.acked_sequence == 3
    assert chain.held() == held
    chain.append()
    assert not chain.problems()


def append_until_full(chain: Chain) -> None:
    while True:
        chain.append()


def test_a_failed_write_changes_nothing(chain: Chain) -> None:
    chain.append()
    chain.spool._connection.execute("PRAGMA max_page_count = 1")
    before = chain.held()
    with pytest.raises(SpoolError, match="cannot be written"):
        append_until_full(chain)
    chain.spool._connection.execute("PRAGMA max_page_count = 1000000")
    assert chain.held() >= before
    assert chain.spool.state is not None
    assert max(chain.held()) == chain.spool.state.last_sequence
    chain.append()
    assert not chain.problems()


def test_acks_that_change_nothing(chain: Chain) -> None:
    for _ in range(6):
        chain.append()
    assert chain.ack(4) is AckOutcome.APPLIED
    assert chain.ack(4) is AckOutcome.STALE
    assert chain.ack(2) is AckOutcome.STALE
    assert chain.ack(5, hash=bytes([9] * 32)) is AckOutcome.OTHER_HASH
    assert chain.ack(2**63) is AckOutcome.IMPOSSIBLE
    assert chain.ack(2, epoch=9, time_ms=chain.time_ms - 1) is AckOutcome.STALE, "an older epoch"
    assert chain.spool.acked_sequence == 4


def test_a_restored_hub_gets_everything_again(chain: Chain) -> None:
    for _ in range(10):
        chain.append()
    chain.ack(9)
    chain.time_ms += 1
    assert chain.ack(3, epoch=2**64 - 1) is AckOutcome.NEW_EPOCH
    assert [p.sequence for p in chain.spool.pending(0, 99)] == list(range(4, max(chain.signed) + 1))
    chain.reopen()
    assert chain.spool.acked_sequence == 3
    assert chain.ack(5, epoch=2**64 - 1) is AckOutcome.APPLIED


def test_readings_are_kept_for_their_days_after_the_ack(chain: Chain) -> None:
    for _ in range(4):
        chain.append()
    chain.ack(3)
    chain.time_ms += 30 * DAY_MS - 1
    chain.ack(4)
    assert {1, 2, 3, 4} <= chain.held()
    chain.append()
    chain.ack(5)
    assert chain.held().isdisjoint({1, 2, 3})
    assert 4 in chain.held()
    assert not chain.problems()


def test_an_ack_ahead_of_the_spool_moves_the_chain_behind_it(chain: Chain) -> None:
    chain.append()
    assert chain.ack(80, hash=bytes([8] * 32)) is AckOutcome.AHEAD
    first = chain.append()[0].record
    assert first.sequence == 80 + JUMP + 1
    assert first.flags & Flag.GAP
    assert first.previous_hash == bytes([8] * 32)
    assert not chain.problems()
    assert chain.spool.pending(0, 1)[0].sequence == first.sequence


def test_two_processes_cannot_write_one_spool(chain: Chain) -> None:
    with pytest.raises(SpoolError, match="in use by another process"):
        Spool.open(chain.config.spool)


@pytest.mark.parametrize("content", [b"not a database, but a text that is long enough" * 10])
def test_a_damaged_file_says_what_to_do(meter_config: MeterConfig, content: bytes) -> None:
    meter_config.spool.path.write_bytes(content)
    with pytest.raises(SpoolError, match="move the file away"):
        Spool.open(meter_config.spool)


def test_a_missing_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="make its folder"):
        Spool.open(SpoolConfig(tmp_path / "none" / "spool.db", 1 << 20, 30))


def test_others_cannot_read_it(chain: Chain) -> None:
    assert chain.config.spool.path.stat().st_mode & 0o077 == 0


def test_a_newer_format_is_refused(chain: Chain) -> None:
    chain.spool.close()
    with sqlite3.connect(chain.config.spool.path) as connection:
        connection.execute("PRAGMA user_version = 9")
    connection.close()
    with pytest.raises(SpoolError, match="has format 9"):
        Spool.open(chain.config.spool)


def test_verify_finds_what_is_wrong(chain: Chain) -> None:
    for _ in range(8):
        chain.append()
    assert not chain.problems()
    chain.spool._connection.execute("DELETE FROM reading WHERE sequence = 4")
    assert chain.problems() == ["readings 4 to 4 are missing without a reason"]
    message = bytearray(chain.signed[6].message)
    message[30] ^= 1
    chain.spool._connection.execute(
        "UPDATE reading SET message = ? WHERE sequence = 6", (bytes(message),)
    )
    assert any("reading 6" in problem for problem in chain.problems())
    chain.spool._connection.execute(
        "UPDATE reading SET message = ?, hash = ? WHERE sequence = 6",
        (chain.signed[5].message, chain.signed[5].hash),
    )
    assert any("reading 6: sequence or hash" in problem for problem in chain.problems())


def test_figures(chain: Chain) -> None:
    for _ in range(7):
        chain.append()
    chain.ack(2)
    connection = open_for_reading(chain.config.spool.path)
    figures = stats(connection)
    connection.close()
    assert figures["readings"] == len(chain.signed)
    assert figures["waiting_for_ack"] == len(chain.signed) - 2
    assert figures["acked_sequence"] == 2
    assert json.dumps(figures)


def test_merge() -> None:
    assert merge([Range(5, 7), Range(1, 2), Range(3, 3), Range(6, 9), Range(11, 11)]) == (
        Range(1, 3),
        Range(5, 9),
        Range(11, 11),
    )


class SpoolMachine(RuleBasedStateMachine):
    """Appends, acks, restarts and a small cap, in any order.

    What must hold after every step: nothing without an ack is missing unless its loss is noted
    or declared by a reading that is still held; settlement readings without an ack are all
    there; sequences rise by one; the hash chain holds; the cap is kept.
    """

    CAP = 12_000

    @initialize()
    def start(self) -> None:
        memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it; syncing costs nothing there
        self.folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        config = MeterConfig(
            id=bytes(16),
            profile=load_profile("schneider-iem3155", Path()),
            deployment=bytes(4),
            settlement_interval_s=5,
            read_every_ms=1000,
            key=self.folder / "key",
            ack_key=SIGNER.public_key,
            ack_algorithm=Algorithm.ED25519,
            bus=None,  # type: ignore[arg-type] # no bus is read
            limits=LimitsConfig(1, 1),
            spool=SpoolConfig(self.folder / "spool.db", self.CAP, 1),
            broker=None,  # type: ignore[arg-type] # nothing is published
        )
        self.chain = Chain(config)
        self.epoch = 1
        self.highest_ack = 0

    @rule(count=st.integers(1, 20), seconds=st.integers(1, 7))
    def append(self, count: int, seconds: int) -> None:
        for _ in range(count):
            before = max(self.chain.signed)
            readings = self.chain.append(seconds)
            assert readings[0].record.sequence == before + 1
        assert self.chain.spool._used <= max(self.CAP, self.cannot_go())

    def cannot_go(self) -> int:
        """Bytes of what must stay: settlement readings without an ack, and the newest pair."""
        chain = self.chain
        newest = max(chain.signed)
        return sum(
            len(reading.message) + ROW_BYTES
            for sequence, reading in chain.signed.items()
            if sequence >= newest - 1 or (reading.kept and sequence > chain.spool.acked_sequence)
        )

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        sequence = data.draw(st.integers(0, max(self.chain.signed)))
        known = self.chain.spool.acked_sequence
        outcome = self.chain.ack(sequence, self.epoch)
        assert outcome in (AckOutcome.APPLIED, AckOutcome.NEW_EPOCH, AckOutcome.STALE)
        assert self.chain.spool.acked_sequence == max(known, sequence)
        self.highest_ack = max(self.highest_ack, sequence)

    @rule(data=st.data())
    def restore_hub(self, data: st.DataObject) -> None:
        sequence = data.draw(st.integers(0, self.chain.spool.acked_sequence))
        self.epoch += 1
        self.chain.time_ms += 1
        self.chain.ack(sequence, self.epoch)

    @rule()
    def restart(self) -> None:
        self.chain.reopen()

    @rule()
    def a_day_passes(self) -> None:
        self.chain.time_ms += DAY_MS

    @invariant()
    def nothing_is_lost_silently(self) -> None:
        chain = self.chain
        held, acked = chain.held(), chain.spool.acked_sequence
        connection = open_for_reading(chain.config.spool.path)
        noted = {
            sequence
            for first, last, declared_by in connection.execute("SELECT * FROM dropped")
            for sequence in range(first, last + 1)
            if declared_by is None or declared_by in held
        }
        connection.close()
        waiting = {sequence for sequence in chain.signed if sequence > acked}
        missing = waiting - held
        # a hub that was restored may ask for what had its ack and was let go of before
        ever_acked = {sequence for sequence in missing if sequence <= self.highest_ack}
        assert missing - ever_acked <= noted
        kept = {s for s in waiting if chain.signed[s].kept} - ever_acked
        assert kept <= held
        assert all(chain.signed[s].kept is False for s in noted & set(chain.signed))

    @rule()
    def declared_is_what_the_extras_say(self) -> None:
        connection = open_for_reading(self.chain.config.spool.path)
        rows = connection.execute(
            "SELECT first, last, declared_by FROM dropped WHERE declared_by IS NOT NULL"
        ).fetchall()
        connection.close()
        for first, last, declared_by in rows:
            payload = Payload.decode(cose.decode(self.chain.signed[declared_by].message).payload)
            assert payload.extras is not None
            assert [first, last] in decode_map(payload.extras)["dropped"]

    @rule()
    def walk(self) -> None:
        if self.epoch == 1:
            assert not self.chain.problems()

    def teardown(self) -> None:
        if hasattr(self, "chain"):
            self.chain.spool.close()
            shutil.rmtree(self.folder)


SpoolMachine.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestSpool = SpoolMachine.TestCase
