"""The spool under a small cap, over restarts, acks and restored hubs, in any order."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.edge.chain import DAY_MS, SIGNER, Chain

from gridtokenx_edge.config import LimitsConfig, MeterConfig, SpoolConfig
from gridtokenx_edge.meters import load_profile
from gridtokenx_edge.spool import AckOutcome
from gridtokenx_edge.spool.cap import ROW_BYTES
from gridtokenx_edge.spool.schema import open_for_reading
from gridtokenx_protocol import cose
from gridtokenx_protocol.cbor import decode_map
from gridtokenx_protocol.keys import Algorithm
from gridtokenx_protocol.payload import Payload


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
