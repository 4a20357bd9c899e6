from dataclasses import replace
from functools import partial

import pytest
from solders.keypair import Keypair
from tests.hub.onchain import KWH, PROGRAMS, Device, World, now_ms, running, until

from gridtokenx_hub.chain import (
    ChainUnavailable,
    FeePayerPool,
    PreparedTransaction,
    TransactionRefused,
    TransactionSender,
)
from gridtokenx_protocol.keys import Algorithm


def boundary_ms() -> int:
    """The last boundary of a settlement interval."""
    return now_ms() // 1000 * 1000


@pytest.mark.parametrize("algorithm", Algorithm, ids=lambda algorithm: algorithm.name)
async def test_twelve_kwh_that_a_device_signed_become_twelve_tokens(
    world: World, algorithm: Algorithm
) -> None:
    device = await world.device(algorithm=algorithm)
    device.produce(12)
    await world.store(device, device.record(boundary_ms()))

    async with running(world.indexer(), world.settlement()):
        await world.states_become(device, "settled")
        await world.agrees_with_chain()

    (row,) = await world.rows(device)
    assert (row["minted_mwh"], row["attempts"], row["error"]) == (12 * KWH, 1, None)
    assert await world.energy_of(device.owner) == 12 * KWH


async def test_a_household_without_accounts_gets_them_once(world: World) -> None:
    owner = Keypair()
    await world.register(owner)
    first, second = await world.device(owner), await world.device(owner)
    for device in (first, second):
        device.produce(3)
        await world.store(device, device.record(boundary_ms()))

    async with running(world.indexer(), world.settlement()):
        await world.states_become(first, "settled")
        await world.states_become(second, "settled")

    assert await world.energy_of(owner) == 6 * KWH


async def test_one_reading_after_the_other_is_settled_and_each_surplus_counts_once(
    world: World,
) -> None:
    device = await world.device()
    async with running(world.indexer(), world.settlement()):
        for seconds_ago, kwh in ((1800, 4), (900, 5), (0, 3)):
            device.produce(kwh)
            await world.store(device, device.record(boundary_ms() - seconds_ago * 1000))
            await until(partial(has_settled, world, device))

    assert [row["minted_mwh"] for row in await world.rows(device)] == [4 * KWH, 5 * KWH, 3 * KWH]
    assert await world.energy_of(device.owner) == 12 * KWH


async def test_what_the_program_refuses_is_recorded_by_its_name_and_later_energy_flows(
    world: World,
) -> None:
    device = await world.device()
    device.produce(50)  # the meter's limit is 20 kW, and it was registered an hour ago
    await world.store(device, device.record(boundary_ms()))

    async with running(world.indexer(), world.settlement()):
        await world.states_become(device, "refused")
        assert (await world.rows(device))[0]["error"] == "ExportLimitExceeded"

        device.produced_mwh -= 45 * KWH
        device.surplus_mwh -= 45 * KWH
        await world.store(device, device.record(boundary_ms()))
        await world.states_become(device, "refused", "settled")

    assert await world.energy_of(device.owner) == 5 * KWH


async def test_a_reading_that_its_owner_settled_himself_is_not_an_error(world: World) -> None:
    device = await world.device()
    device.produce(12)
    record = device.record(boundary_ms())
    await world.store(device, record)
    indexer = world.indexer()
    async with running(indexer):
        await until(partial(is_known, world, device))
    by_owner = await world.settle(device, record)

    async with running(world.settlement()):
        await world.states_become(device, "superseded")
    async with running(indexer):
        await world.states_become(device, "settled")

    assert (await world.rows(device))[0]["tx_signature"] == by_owner
    assert await world.energy_of(device.owner) == 12 * KWH


async def test_another_record_under_the_same_sequence_does_not_pass_for_this_one(
    world: World,
) -> None:
    device = await world.device()
    device.produce(12)
    stored = device.record(boundary_ms())
    await world.store(device, stored)
    await world.settle(device, replace(stored, consumed_mwh=stored.consumed_mwh + 1))

    async with running(world.indexer(), world.settlement()):
        await world.agrees_with_chain()
    assert "settled" not in await world.states(device)


async def test_a_server_that_drops_its_connections_is_found_again(world: World) -> None:
    device = await world.device()
    async with running(world.indexer(), world.settlement()):
        for seconds_ago in (1800, 900, 0):
            device.produce(4)
            await world.store(device, device.record(boundary_ms() - seconds_ago * 1000))
            await until(partial(has_settled, world, device))
            await world.pool.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )

    assert await world.energy_of(device.owner) == 12 * KWH


async def test_a_chain_that_takes_a_transaction_and_does_not_say_so(world: World) -> None:
    class Mute(TransactionSender):
        async def submit(self, prepared: PreparedTransaction) -> None:
            await super().submit(prepared)
            raise ChainUnavailable("the link went away behind the request")

    device = await world.device()
    await world.open_ledger(device)
    device.produce(12)
    await world.store(device, device.record(boundary_ms()))
    mute = Mute(world.client, FeePayerPool(world.chain.keys.fee_payers), PROGRAMS)

    async with running(world.indexer(), world.settlement(mute)):
        await world.states_become(device, "settled")

    assert (await world.rows(device))[0]["attempts"] == 1


async def test_a_transaction_that_got_lost_is_sent_again_while_it_is_valid(world: World) -> None:
    class Lossy(TransactionSender):
        async def submit(self, prepared: PreparedTransaction) -> None:
            """Nothing arrives."""

    device = await world.device()
    await world.open_ledger(device)
    device.produce(12)
    await world.store(device, device.record(boundary_ms()))
    lossy = Lossy(world.client, FeePayerPool(world.chain.keys.fee_payers), PROGRAMS)

    async with running(world.indexer(), world.settlement(lossy)):
        await world.states_become(device, "settled")

    assert (await world.rows(device))[0]["attempts"] == 1


async def test_fee_payers_without_money_are_no_verdict_on_a_reading(world: World) -> None:
    poor = Keypair()
    device = await world.device()
    await world.open_ledger(device)
    device.produce(12)
    await world.store(device, device.record(boundary_ms()))
    sender = TransactionSender(world.client, FeePayerPool([poor]), PROGRAMS)

    async with running(world.indexer(), world.settlement(sender)):
        await world.states_become(device, "pending")
        await until(partial(has_tried, world, device))
        await world.client.airdrop(poor.pubkey(), 10**9)
        await world.states_become(device, "settled")


async def test_two_processes_settle_once(world: World) -> None:
    devices = [await world.device() for _ in range(3)]
    for device in devices:
        device.produce(12)
        await world.store(device, device.record(boundary_ms()))

    async with running(world.indexer(), world.indexer(), world.settlement(), world.settlement()):
        for device in devices:
            await world.states_become(device, "settled")

    assert [(await world.rows(device))[0]["attempts"] for device in devices] == [1, 1, 1]


async def test_a_transaction_given_up_for_lost_that_arrives_late_mints_nothing(
    world: World,
) -> None:
    kept: list[PreparedTransaction] = []

    class Lossy(TransactionSender):
        async def submit(self, prepared: PreparedTransaction) -> None:
            kept.append(prepared)
            if len(kept) > 1:
                await super().submit(prepared)

    device = await world.device()
    await world.open_ledger(device)
    device.produce(12)
    await world.store(device, device.record(boundary_ms()))
    lossy = Lossy(world.client, FeePayerPool(world.chain.keys.fee_payers), PROGRAMS)
    indexer = world.indexer()
    async with running(indexer):
        await until(partial(is_known, world, device))
    await world.pool.execute(EXPIRE_AT_ONCE)

    async with running(indexer, world.settlement(lossy)):
        await world.states_become(device, "settled")
    await world.client.send_raw(kept[0].raw, preflight=False)
    with pytest.raises(TransactionRefused, match="SequenceNotHigher"):
        await world.sender.deliver(kept[0])

    assert len(kept) == 2
    assert await world.energy_of(device.owner) == 12 * KWH


EXPIRE_AT_ONCE = """
CREATE FUNCTION die_young() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.attempts = 1 AND new.status = 'sent' THEN new.last_valid_block_height = 0; END IF;
    RETURN new;
END $$;
CREATE TRIGGER die_young BEFORE UPDATE ON settlements FOR EACH ROW EXECUTE FUNCTION die_young();
"""


async def is_known(world: World, device: Device) -> bool:
    known: bool = await world.pool.fetchval(
        "SELECT EXISTS (SELECT FROM meters WHERE meter_id = $1)", device.meter_id
    )
    return known


async def has_settled(world: World, device: Device) -> bool:
    states = await world.states(device)
    return bool(states) and set(states) == {"settled"} and len(states) == device.sequence - 1


async def has_tried(world: World, device: Device) -> bool:
    return bool((await world.rows(device))[0]["attempts"] >= 1)
