"""Provisional events: promoted when they are final, retracted when a fork took them back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.onchain import KWH, World, now_ms, running, until

from gridtokenx_hub.chain import ChainClient, SignatureInfo, SignatureStatus, Transaction


class Forking(ChainClient):
    """A node whose newest slots are not final, and that can drop a transaction."""

    final_up_to: int = 2**63
    dropped: str | None = None
    answers_alike: bool = True

    async def final_slot(self) -> int:
        return min(self.final_up_to, await super().final_slot())

    async def signatures_for_address(self, address: Pubkey, **options: Any) -> list[SignatureInfo]:
        page = await super().signatures_for_address(address, **options)
        return [
            replace(info, is_final=info.slot <= self.final_up_to)
            for info in page
            if info.signature != self.dropped
        ]

    async def signature_statuses(
        self, signatures: Sequence[str], *, search_history: bool = False
    ) -> list[SignatureStatus | None]:
        found = await super().signature_statuses(signatures, search_history=search_history)
        return [
            None if signature == self.dropped else status
            for signature, status in zip(signatures, found, strict=True)
        ]

    async def transaction(self, signature: str) -> Transaction | None:
        is_dropped = signature == self.dropped and self.answers_alike
        return None if is_dropped else await super().transaction(signature)


@pytest.fixture
async def forking(world: World) -> AsyncIterator[Forking]:
    client = Forking(world.chain.rpc_url)
    yield client
    await client.close()


async def count(world: World, condition: str) -> int:
    found: int = await world.pool.fetchval(f"SELECT count(*) FROM events WHERE {condition}")  # noqa: S608 - our own words
    return found


async def provisional_are(world: World, expected: int) -> None:
    async def reached() -> bool:
        return await count(world, "NOT final") == expected

    await until(reached)


async def test_what_is_final_is_so_from_the_start(world: World) -> None:
    await world.register(Keypair())
    async with running(world.indexer()):
        await world.agrees_with_chain()
    assert await count(world, "NOT final") == 0


async def test_an_event_is_provisional_until_it_is_final(world: World, forking: Forking) -> None:
    forking.final_up_to = await world.client.slot()
    await world.register(Keypair())
    await world.register(Keypair())
    async with running(world.indexer(client=forking)):
        await world.agrees_with_chain()
        assert await count(world, "NOT final") == 2
        forking.final_up_to = 2**63
        await provisional_are(world, 0)
        await world.agrees_with_chain()


async def test_what_a_fork_took_back_is_retracted(world: World, forking: Forking) -> None:
    """And its event, and those behind it, come again from where they are then."""
    await world.register(Keypair())
    forking.final_up_to = await world.client.slot()
    lost = Keypair()
    signature = await world.register(lost)
    registered = "SELECT registered_at IS NOT NULL FROM users WHERE wallet = $1"
    async with running(world.indexer(client=forking)):
        await world.agrees_with_chain()
        assert await world.pool.fetchval(registered, str(lost.pubkey()))

        forking.dropped = signature
        forking.final_up_to = 2**63

        async def retracted() -> bool:
            return not await world.pool.fetchval(registered, str(lost.pubkey()))

        await until(retracted)
        assert await count(world, f"tx_signature = '{signature}'") == 0
        assert await count(world, "NOT final") == 0

        forking.dropped = None  # it was executed again
        await world.agrees_with_chain()
        assert await world.pool.fetchval(registered, str(lost.pubkey()))


async def test_a_settlement_that_a_fork_took_back_is_followed_again(
    world: World, forking: Forking
) -> None:
    (device,) = await world.devices(1)
    forking.final_up_to = await world.client.slot()
    device.produce(3)
    await world.store(device, device.record(now_ms() // 1000 * 1000))
    async with running(world.indexer(client=forking), world.settlement()):
        await world.states_become(device, "settled")
    (settled,) = await world.rows(device)
    async with running(world.indexer(client=forking)):
        forking.dropped = settled["tx_signature"]
        forking.final_up_to = 2**63
        await world.states_become(device, "sent")
        (row,) = await world.rows(device)
        assert row["minted_mwh"] is None
        forking.dropped = None
        await world.states_become(device, "settled")
        await world.agrees_with_chain()
    assert await world.energy_of(device.owner) == 3 * KWH


async def test_a_node_that_lags_behind_another_retracts_nothing(
    world: World, forking: Forking
) -> None:
    forking.final_up_to = await world.client.slot()
    signature = await world.register(Keypair())
    async with running(world.indexer(client=forking)):
        await world.agrees_with_chain()
        forking.answers_alike = False
        forking.dropped = signature
        forking.final_up_to = 2**63
        await asyncio.sleep(0.3)  # that nothing happens has no event
        assert await count(world, f"tx_signature = '{signature}' AND NOT final") == 1
        forking.dropped = None
        await provisional_are(world, 0)
