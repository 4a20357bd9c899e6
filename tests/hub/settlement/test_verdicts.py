"""One settlement of a transaction is refused: it gets its verdict, the others their tokens."""

import itertools

import pytest
from tests.hub.onchain import KWH, PROGRAMS, Device, World, now_ms, running, until

from gridtokenx_hub.chain import (
    FeePayerPool,
    PreparedTransaction,
    TransactionRefused,
    TransactionSender,
)
from gridtokenx_hub.settlement import outbox
from gridtokenx_hub.settlement.verdicts import TIME_IN_FUTURE, Verdicts


class WithoutTrial(TransactionSender):
    """Its transactions fail on chain, not in the node's trial."""

    async def submit(self, prepared: PreparedTransaction) -> None:
        await self._client.send_raw(prepared.raw, preflight=False)


async def three_that_share(world: World) -> list[Device]:
    """Meters that were settled before, so that a lookup table holds their accounts."""
    devices = await world.devices(3)
    await world.read(devices, 4, seconds_ago=1800)
    async with running(world.indexer(), world.settlement()):
        for device in devices:
            await world.states_become(device, "settled")
        await world.agrees_with_chain()
        await world.shelved(devices)
    return devices


def sender_of(world: World, kind: type[TransactionSender]) -> TransactionSender:
    return kind(world.client, FeePayerPool(world.chain.keys.fee_payers), PROGRAMS)


@pytest.mark.parametrize("kind", [TransactionSender, WithoutTrial], ids=["trial", "executed"])
@pytest.mark.parametrize("place", range(3))
async def test_whichever_is_refused_the_others_are_settled(
    world: World, place: int, kind: type[TransactionSender]
) -> None:
    devices = await three_that_share(world)
    for index, device in enumerate(devices):
        await world.read([device], 50 if index == place else 3)  # the meter's limit is 20 kW

    async with running(world.indexer(), world.settlement(sender_of(world, kind))):
        for index, device in enumerate(devices):
            await world.states_become(device, "settled", "refused" if index == place else "settled")
        await world.agrees_with_chain()

    for index, device in enumerate(devices):
        row = (await world.rows(device))[1]
        refused = index == place
        assert row["error"] == ("ExportLimitExceeded" if refused else None)
        assert row["attempts"] == (1 if refused else 2)
        assert await world.energy_of(device.owner) == (4 if refused else 7) * KWH


async def test_two_of_three_are_refused(world: World) -> None:
    devices = await three_that_share(world)
    await world.read(devices[:2], 50)
    await world.read(devices[2:], 3)

    async with running(world.indexer(), world.settlement()):
        for device, state in zip(devices, ["refused", "refused", "settled"], strict=True):
            await world.states_become(device, "settled", state)
        await world.agrees_with_chain()
    assert await world.energy_of(devices[2].owner) == 7 * KWH


async def test_one_that_its_owner_settles_meanwhile_costs_the_others_nothing(world: World) -> None:
    devices = await three_that_share(world)
    await world.read(devices[1:], 3)
    devices[0].produce(3)
    record = devices[0].record((await world.rows(devices[1]))[0]["time_ms"] + 1800_000)
    await world.store(devices[0], record)

    class Overtaken(WithoutTrial):
        """Before the hub's transaction, the owner's own arrives."""

        overtakers = itertools.count()

        async def submit(self, prepared: PreparedTransaction) -> None:
            if next(self.overtakers) == 0:
                await world.settle(devices[0], record)
            await super().submit(prepared)

    async with running(world.indexer(), world.settlement(sender_of(world, Overtaken))):
        for device in devices:
            await world.states_become(device, "settled", "settled")
        await world.agrees_with_chain()
    assert [await world.energy_of(device.owner) for device in devices] == [7 * KWH] * 3


async def test_a_chain_whose_clock_is_behind_refuses_nothing_for_good(world: World) -> None:
    """The programs take no reading that is more than a minute ahead of the chain's clock."""
    late, soon, other = await world.devices(3)
    await world.read([late], 3, seconds_ago=-600)
    await world.read([soon], 3, seconds_ago=-66)
    await world.read([other], 3)

    async def told() -> bool:
        rows = await world.rows(late)
        return bool(rows) and rows[0]["error"] == TIME_IN_FUTURE

    ahead = world.settlement(clock=lambda: now_ms() + 900_000)
    async with running(world.indexer(), ahead):
        await until(told)
        await world.states_become(other, "settled")
        await world.states_become(soon, "settled")
        assert (await world.states(late))[0] in {"pending", "sent"}
        await world.agrees_with_chain()


async def test_one_that_spoils_every_transaction_ends_up_alone(world: World) -> None:
    devices = await three_that_share(world)
    await world.read(devices, 3)

    class Allergic(TransactionSender):
        """The chain does not say why."""

        async def submit(self, prepared: PreparedTransaction) -> None:
            if devices[1].meter_id in prepared.raw:
                raise TransactionRefused(None, None, "SanitizeFailure", "it does not say why")
            await super().submit(prepared)

    async with running(world.indexer(), world.settlement(sender_of(world, Allergic))):
        await world.states_become(devices[0], "settled", "settled")
        await world.states_become(devices[2], "settled", "settled")
        assert (await world.states(devices[1]))[1] in {"pending", "sent"}


async def test_one_that_the_chain_does_not_take_slows_nobody(world: World) -> None:
    """It goes behind the others and ever more seldom, and the operator sees what is wrong."""
    spoilt, *others = await world.devices(3)

    class Allergic(TransactionSender):
        async def submit(self, prepared: PreparedTransaction) -> None:
            if spoilt.meter_id in prepared.raw:
                raise TransactionRefused(None, None, "SanitizeFailure", "it does not say why")
            await super().submit(prepared)

    settlement = world.settlement(sender_of(world, Allergic))
    await world.read([spoilt], 3, seconds_ago=1800)
    async with running(world.indexer(), settlement):

        async def waits() -> bool:
            rows = await world.rows(spoilt)
            return bool(rows) and rows[0]["attempts"] >= outbox.ALONE_AFTER_ATTEMPTS

        await until(waits)
        assert settlement._failures == 0
        await world.read(others, 3)
        for device in others:
            await world.states_become(device, "settled")
        (row,) = await world.rows(spoilt)
        assert row["error"] == "SanitizeFailure"
    async with world.pool.acquire() as connection:
        assert await outbox.waiting(connection, 10) == []
        await world.pool.execute("UPDATE settlements SET updated_at = now() - interval '1 hour'")
        assert [waiting.row_id for waiting in await outbox.waiting(connection, 10)] == [row["id"]]


async def test_a_crash_between_two_verdicts_blames_nobody_else(world: World) -> None:
    """The refused row had its verdict when the process died; the others count as sent still."""
    meters = [bytes([number] * 16) for number in (1, 2)]
    await world.pool.executemany(
        "INSERT INTO settlements (meter_id, sequence, time_ms, record, algorithm, signature,"
        " status, tx_signature, tx_position, last_valid_block_height)"
        " VALUES ($1, 3, 0, $2, -8, $2, 'sent', 'failed', $3, 0)",
        [(meter_id, bytes(120), position) for position, meter_id in enumerate(meters, 1)],
    )
    refusal = TransactionRefused(None, 6000, "ExportLimitExceeded", "too much", (), instruction=2)
    async with world.pool.acquire() as connection:
        verdicts = Verdicts(world.client, PROGRAMS, world.addresses)
        await verdicts.judge(connection, await outbox.sent(connection), refusal)

    rows = await world.pool.fetch("SELECT status, error FROM settlements")
    assert [tuple(row) for row in rows] == [("pending", None)] * 2
