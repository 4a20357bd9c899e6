"""Nothing assumes order: late, repeated, lost and forgotten readings."""

import asyncio
import random

import asyncpg
import pytest

from gridtokenx_hub.ingest import Ingest
from gridtokenx_hub.ingest.budget import QuarantineBudget
from gridtokenx_hub.ingest.examine import Opened, examine, open_message
from gridtokenx_hub.ingest.keyring import MeterKey
from gridtokenx_hub.ingest.model import Item
from gridtokenx_hub.ingest.store import commit
from gridtokenx_protocol.cbor import encode_map
from gridtokenx_protocol.record import ClockStatus, Flag

from .devices import DEPLOYMENT, NO_HASH, Gateway, Meter, new_meter, now_ms, register, until

SYNCHRONISED = int(ClockStatus.SYNCHRONISED)


def examined(meter: Meter, message: bytes) -> Item:
    opened = open_message(meter.topic, message)
    assert isinstance(opened, Opened)
    key = MeterKey.load(meter.signer.algorithm, meter.signer.public_key)
    return examine(opened, [key], DEPLOYMENT, now_ms())


async def head(pool: asyncpg.Pool, meter: Meter) -> tuple[int, bytes]:
    row = await pool.fetchrow("SELECT sequence, hash FROM acks WHERE meter_id = $1", meter.meter_id)
    assert row is not None
    return row["sequence"], row["hash"]


class Hub:
    """Commits messages without a broker between."""

    def __init__(self, pool: asyncpg.Pool, meter: Meter) -> None:
        self.pool, self.meter = pool, meter
        self.budget = QuarantineBudget(now_ms)
        self.reasons: dict[str, int] = {}

    async def take(self, *messages: bytes) -> int:
        """Commit these in one batch; return the acknowledged sequence."""
        items = [examined(self.meter, message) for message in messages]
        outcome = await commit(self.pool, self.budget, items)
        for reason, count in outcome.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        return outcome.heads[self.meter.meter_id][0]

    async def stored(self) -> list[int]:
        rows = await self.pool.fetch("SELECT sequence FROM readings ORDER BY sequence")
        return [row["sequence"] for row in rows]


@pytest.fixture
def hub(pool: asyncpg.Pool, meter: Meter) -> Hub:
    return Hub(pool, meter)


async def test_a_hole_holds_the_ack_until_it_is_filled(
    pool: asyncpg.Pool, hub: Hub, meter: Meter
) -> None:
    two, three, four, five = (meter.message() for _ in range(4))
    assert await hub.take(three) == 1
    assert await hub.take(five) == 1
    assert await hub.take(two) == 3
    assert await hub.take(four) == 5
    assert await head(pool, meter) == (5, meter.hash)
    assert await hub.stored() == [2, 3, 4, 5]
    assert not hub.reasons


async def test_a_batch_out_of_order_is_judged_in_order(hub: Hub, meter: Meter) -> None:
    messages = [meter.message() for _ in range(9)]
    assert await hub.take(*reversed(messages)) == 10
    assert not hub.reasons


async def test_a_late_reading_must_fit_the_one_after_it(hub: Hub, meter: Meter) -> None:
    twin = meter.twin()
    meter.message()
    three = meter.message()
    assert await hub.take(three) == 1
    assert await hub.take(twin.message(twin.record(consumed_mwh=500_001))) == 3
    assert hub.reasons == {"broken_chain": 1}
    assert await hub.stored() == [3]


async def test_a_late_reading_must_not_be_above_the_one_after_it(hub: Hub, meter: Meter) -> None:
    two = meter.message(meter.record(consumed_mwh=600_000))
    three = meter.message(meter.record(consumed_mwh=599_999))
    assert await hub.take(three) == 1
    assert await hub.take(two) == 3
    assert hub.reasons == {"register_fall": 1}
    assert await hub.stored() == [3]


async def test_registers_are_compared_over_a_hole(hub: Hub, meter: Meter) -> None:
    assert await hub.take(meter.message(meter.record(consumed_mwh=600_000))) == 2
    meter.message(meter.record(consumed_mwh=600_000))
    four = meter.message(meter.record(consumed_mwh=599_999))
    five = meter.message(meter.record(consumed_mwh=700_000))
    assert await hub.take(five) == 2
    assert await hub.take(four) == 2
    assert hub.reasons == {"register_fall": 1}


async def test_a_device_that_lost_count_goes_on_behind_a_gap(
    pool: asyncpg.Pool, hub: Hub, meter: Meter
) -> None:
    assert await hub.take(meter.message()) == 2
    late = meter.twin()
    meter.hash = b"\x07" * 32
    jump = 2 + 2**20
    gap = meter.message(meter.record(sequence=jump, flags=SYNCHRONISED | Flag.GAP))
    assert await hub.take(gap) == jump
    assert await head(pool, meter) == (jump, meter.hash)
    losses = await pool.fetch("SELECT first_sequence, last_sequence, declared_by FROM losses")
    assert [tuple(row) for row in losses] == [(3, jump - 1, jump)]
    assert await hub.take(meter.message()) == jump + 1
    # what was on its way before the jump is stored all the same
    assert await hub.take(late.message()) == jump + 1
    assert await hub.stored() == [2, 3, jump, jump + 1]
    assert not hub.reasons


async def test_a_gap_in_one_batch_with_what_is_before_it_declares_nothing_lost(
    pool: asyncpg.Pool, hub: Hub, meter: Meter
) -> None:
    messages = [meter.message() for _ in range(3)]
    messages.append(meter.message(meter.record(flags=SYNCHRONISED | Flag.GAP)))
    assert await hub.take(*messages) == 5
    assert await pool.fetchval("SELECT count(*) FROM losses") == 0


async def test_dropped_readings_are_declared_lost_and_let_the_ack_pass(
    pool: asyncpg.Pool, hub: Hub, meter: Meter
) -> None:
    messages = {number: meter.message() for number in range(2, 14)}
    kept = [messages[number] for number in (2, 5, 6, 10, 11, 12, 13)]
    assert await hub.take(*kept) == 2
    dropped = encode_map({"dropped": [[3, 4], [7, 9]]})
    assert await hub.take(meter.message(meter.record(), extras=dropped)) == 14
    assert await pool.fetchval("SELECT count(*) FROM losses") == 2
    assert await hub.stored() == [2, 5, 6, 10, 11, 12, 13, 14]
    # a dropped one that was on its way is stored, and nothing else changes
    assert await hub.take(messages[4]) == 14
    assert await hub.take(messages[4]) == 14
    assert 4 in await hub.stored()
    assert not hub.reasons


async def test_a_declared_loss_at_the_head_has_no_hash(
    pool: asyncpg.Pool, hub: Hub, meter: Meter
) -> None:
    meter.message()
    meter.message()
    meter.message()
    dropped = encode_map({"dropped": [[2, 3]]})
    declaring = meter.message(meter.record(), extras=dropped)
    assert await hub.take(declaring) == 3
    assert await head(pool, meter) == (3, NO_HASH)
    assert await hub.take(meter.message()) == 3


async def test_a_million_lost_readings_are_one_row(
    pool: asyncpg.Pool, hub: Hub, meter: Meter
) -> None:
    meter.sequence = 2_000_000
    dropped = encode_map({"dropped": [[2, 2_000_000]]})
    assert await hub.take(meter.message(meter.record(), extras=dropped)) == 2_000_001
    assert await pool.fetchval("SELECT count(*) FROM losses") == 1
    assert await pool.fetchval("SELECT count(*) FROM verdicts") == 2


async def test_a_redelivered_message_changes_nothing(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    messages = [meter.message() for _ in range(30)]
    shuffled = messages * 3
    random.Random(1).shuffle(shuffled)  # noqa: S311 - the same order each time
    await gateway.publish(meter, *shuffled)
    await gateway.acked(meter, 31)
    await until(lambda: ingest.counters.received == 90)
    await until(lambda: ingest.counters.stored + ingest.counters.duplicates == 90)
    assert ingest.counters.duplicates == 60
    assert await pool.fetchval("SELECT count(*) FROM readings") == 30
    assert not ingest.counters.quarantined


async def test_an_ack_that_was_missed_comes_again_with_the_next_copy(
    gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    message = meter.message()
    await gateway.publish(meter, message)
    await gateway.acked(meter, 2)
    gateway.acks.clear()
    await gateway.publish(meter, message)
    assert (await gateway.acked(meter, 2)).hash == meter.hash
    assert ingest.counters.duplicates == 1


async def test_a_spool_restored_from_an_old_backup_cannot_rewrite_what_is_acknowledged(
    pool: asyncpg.Pool, gateway: Gateway, ingest: Ingest, meter: Meter
) -> None:
    old = meter.twin()
    await gateway.publish(meter, *(meter.message() for _ in range(5)))
    before = await gateway.acked(meter, 6)
    hashes = await pool.fetch("SELECT sequence, hash FROM readings ORDER BY sequence")
    old.produced_mwh += 77
    await gateway.publish(old, *(old.message() for _ in range(3)))
    await until(lambda: ingest.counters.quarantined["equivocation"] == 3)
    assert await pool.fetch("SELECT sequence, hash FROM readings ORDER BY sequence") == hashes
    # told how far it was by the ack, it goes on from there
    old.sequence, old.hash = before.sequence, before.hash
    old.produced_mwh = meter.produced_mwh
    await gateway.publish(old)
    await gateway.acked(meter, 7)


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_in_any_batches_ends_in_the_same_rows_and_ack(
    pool: asyncpg.Pool, meter: Meter, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same case each time
    messages = []
    lost: list[int] = []
    while meter.sequence < 60:
        count = chance.choice((1, 1, 1, 2, 5))
        message = meter.message(*(meter.record() for _ in range(count)))
        if chance.random() < 0.1:
            lost += range(meter.sequence - count + 1, meter.sequence + 1)
        else:
            messages.append(message)
    spans = encode_map({"dropped": [[number, number] for number in lost] or [[1, 1]]})
    messages.append(meter.message(meter.record(), extras=spans))
    arrivals = messages + chance.choices(messages, k=20)
    chance.shuffle(arrivals)
    hub = Hub(pool, meter)
    acked = 1
    while arrivals:
        size = chance.randint(1, 12)
        batch, arrivals = arrivals[:size], arrivals[size:]
        now_acked = await hub.take(*batch)
        assert now_acked >= acked
        acked = now_acked
    assert not hub.reasons
    assert acked == meter.sequence
    assert (await head(pool, meter))[1] == meter.hash
    assert await hub.stored() == sorted(set(range(2, meter.sequence + 1)) - set(lost))
    row = await pool.fetchrow("SELECT * FROM acks")
    assert row is not None
    assert row["highest_sequence"] == row["sequence"]
    assert row["produced_mwh"] == meter.produced_mwh


async def test_two_workers_on_the_same_meters_agree(pool: asyncpg.Pool) -> None:
    meters = [new_meter(number) for number in range(30, 34)]
    for each in meters:
        await register(pool, each)
    messages = [[each.message() for _ in range(40)] for each in meters]

    async def work(parity: int) -> None:
        budget = QuarantineBudget(now_ms)
        for first in range(parity, 40, 2):
            items = [examined(m, own[first]) for m, own in zip(meters, messages, strict=True)]
            await commit(pool, budget, items[:: 1 if parity else -1])

    await asyncio.gather(work(0), work(1))
    for each in meters:
        assert await head(pool, each) == (41, each.hash)
    assert await pool.fetchval("SELECT count(*) FROM quarantine") == 0


async def test_two_workers_with_one_meter_at_the_same_moment_do_not_undo_each_other(
    pool: asyncpg.Pool, meter: Meter
) -> None:
    await Hub(pool, meter).take(meter.messages[1])
    for _ in range(10):
        lower, higher = meter.message(), meter.message()
        async with pool.acquire() as connection, connection.transaction():
            # both get as far as they can without writing a verdict
            await connection.execute("LOCK TABLE verdicts IN EXCLUSIVE MODE")
            commits = [
                asyncio.create_task(Hub(pool, meter).take(message)) for message in (higher, lower)
            ]
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            async with asyncio.timeout(10):
                while await pool.fetchval(waiting) < 2:  # noqa: ASYNC110 - the server signals nothing
                    await asyncio.sleep(0.01)
        await asyncio.gather(*commits)
        assert await head(pool, meter) == (meter.sequence, meter.hash)
