"""The spool against a model of it, over restarts, caps, acks and restored hubs."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from tests.edge.chain import DAY_MS, Chain, sample

from gridtokenx_edge.config import MeterConfig, SpoolConfig
from gridtokenx_edge.errors import SpoolError
from gridtokenx_edge.records import Range
from gridtokenx_edge.spool import AckOutcome, Spool
from gridtokenx_edge.spool.cap import ROW_BYTES
from gridtokenx_edge.spool.dropped import merge
from gridtokenx_edge.spool.inspect import stats
from gridtokenx_edge.spool.schema import open_for_reading
from gridtokenx_edge.spool.spool import JUMP
from gridtokenx_protocol.record import Flag


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


def test_readings_are_synced_and_acks_go_with_the_next(chain: Chain) -> None:
    seen: list[str] = []
    chain.append()
    chain.spool._connection.set_trace_callback(seen.append)
    chain.ack(1)
    chain.append()
    levels = [statement.rpartition(" ")[2] for statement in seen if "synchronous" in statement]
    assert levels == ["NORMAL", "FULL"]
    (level,) = chain.spool._connection.execute("PRAGMA synchronous").fetchone()
    assert level == 2, "FULL was taken over"


def test_memory_does_not_grow_with_what_is_held(chain: Chain) -> None:
    """Pages that were written stay in memory up to this, for each meter."""
    (cache,) = chain.spool._connection.execute("PRAGMA cache_size").fetchone()
    assert -64 <= cache < 0, "negative: KiB"


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


def test_readings_are_written_together_or_not_at_all(chain: Chain) -> None:
    (first,) = chain.append()
    state, held = chain.spool.state, chain.held()
    assert state is not None
    fresh, after = chain.composer.readings(state, sample(chain.time_ms + 1, 9), ())
    with pytest.raises(SpoolError):
        chain.spool.append((*fresh, first), after)
    assert chain.held() == held
    assert chain.spool.state == state


def test_a_loss_is_declared_until_its_declaration_has_an_ack(meter_config: MeterConfig) -> None:
    spool = replace(meter_config.spool, max_bytes=12_000)
    chain = Chain(replace(meter_config, settlement_interval_s=900, spool=spool))
    while not chain.spool.undeclared():
        chain.append()
    lost = chain.spool.undeclared()
    declaring = chain.append()[0]
    assert declaring.declares == lost
    assert not chain.spool.undeclared(), "it is declared once"
    assert not chain.append()[0].declares
    while declaring.record.sequence in chain.held():
        chain.append()
    again = chain.append()[0].declares
    assert again[0] == lost[0], "its declaration is lost, so it is declared again"
    assert any(r.first <= declaring.record.sequence <= r.last for r in again)
    chain.append()
    chain.ack(max(chain.signed))
    assert chain.spool._connection.execute("SELECT count(*) FROM dropped").fetchone() == (0,)


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


def test_letting_go_is_declared(chain: Chain) -> None:
    for _ in range(8):
        chain.append()
    chain.ack(4)
    last = max(chain.held())
    chain.spool.let_go(3)
    assert chain.held() == {1, 2, 3, 4}, "what has its ack stays"
    after, *_ = chain.append()
    assert after.record.sequence == last + 1
    assert after.declares == (Range(5, last),)
    assert not chain.problems()
    chain.reopen()
    assert chain.spool.stands().used_bytes == sum(
        len(chain.signed[sequence].message) + ROW_BYTES for sequence in chain.held()
    )


def test_two_processes_cannot_write_one_spool(chain: Chain) -> None:
    with pytest.raises(SpoolError, match="in use by another process"):
        Spool.open(chain.config.spool)


@pytest.mark.parametrize("content", [b"not a database, but a text that is long enough" * 10])
def test_a_damaged_file_says_what_to_do(meter_config: MeterConfig, content: bytes) -> None:
    meter_config.spool.path.write_bytes(content)
    with pytest.raises(SpoolError, match="move the file away"):
        Spool.open(meter_config.spool)


def test_a_disk_that_cannot_be_read_has_a_name(chain: Chain) -> None:
    chain.spool._connection.close()
    for read in (
        chain.spool.stands,
        chain.spool.undeclared,
        lambda: chain.spool.pending(0, 1),
        lambda: chain.spool.held(1, 1, 1),
        lambda: chain.spool.message(1),
        lambda: chain.ack(1),
    ):
        with pytest.raises(SpoolError, match="cannot be read"):
            read()


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


def test_verify_finds_a_record_that_does_not_follow(chain: Chain) -> None:
    for _ in range(5):
        chain.append()
    state = chain.spool.state
    assert state is not None
    forked = replace(state, last_sequence=4, last_hash=bytes(32))
    (other,), _ = chain.composer.readings(forked, sample(chain.time_ms, 9), ())
    chain.spool._connection.execute(
        "UPDATE reading SET message = ?, hash = ? WHERE sequence = 5", (other.message, other.hash)
    )
    assert chain.problems()[0] == "reading 5: does not follow 4"


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
