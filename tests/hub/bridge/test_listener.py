"""The listener on a real chain: what the bridge tells, reorgs, and nodes that refuse much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from gridtokenx_hub.bridge.evm_client import Block, EvmClient, Log
from gridtokenx_hub.bridge.listener import BridgeListener
from gridtokenx_hub.chain import ChainUnavailable, RequestRefused

if TYPE_CHECKING:
    from tests.hub.bridge.evm_world import EvmWorld


async def follow(pool: asyncpg.Pool, listener: BridgeListener) -> None:
    async with pool.acquire() as connection:
        await listener.follow(connection)


async def rows(pool: asyncpg.Pool) -> dict[str, Any]:
    found = await pool.fetch("SELECT * FROM payments")
    return {row["reservation_id"]: dict(row) for row in found}


@pytest.fixture
def listener(evm: EvmWorld, client: EvmClient) -> BridgeListener:
    return BridgeListener(client, evm.bridge, 0)


async def test_a_payment_and_its_end(
    evm: EvmWorld, pool: asyncpg.Pool, listener: BridgeListener
) -> None:
    released, refunded = evm.pay(), evm.pay(7)
    await follow(pool, listener)
    found = (await rows(pool))[str(released.reservation)]
    assert found["state"] == "locked"
    assert f"0x{found['payer'].hex()}" == released.payer.lower()
    assert found["buyer_wallet"] == str(released.wallet)
    assert found["micro_thbc"] == released.amount
    assert int(found["pay_deadline"].timestamp()) == released.deadline

    evm.contracts.release(released.reservation, evm.signatures(released))
    evm.refund(refunded)
    await follow(pool, listener)
    found = await rows(pool)
    assert found[str(released.reservation)]["state"] == "released"
    assert found[str(refunded.reservation)]["state"] == "refunded"
    assert (
        found[str(refunded.reservation)]["ended_at"] > found[str(refunded.reservation)]["paid_at"]
    )


async def test_a_reorg_takes_back_payments_and_ends(
    evm: EvmWorld, pool: asyncpg.Pool, listener: BridgeListener
) -> None:
    stays = evm.pay()
    await follow(pool, listener)
    before = evm.node.call("evm_snapshot")
    gone = evm.pay()
    evm.contracts.release(stays.reservation, evm.signatures(stays))
    await follow(pool, listener)
    assert (await rows(pool))[str(stays.reservation)]["state"] == "released"
    assert str(gone.reservation) in await rows(pool)

    evm.node.call("evm_revert", before)
    other = evm.pay(9)
    evm.contracts.mine()
    await follow(pool, listener)
    found = await rows(pool)
    assert found[str(stays.reservation)]["state"] == "locked"
    assert found[str(stays.reservation)]["ended_block"] is None
    assert str(gone.reservation) not in found
    assert found[str(other.reservation)]["micro_thbc"] == 9


async def test_a_chain_that_became_lower_is_a_reorg(
    evm: EvmWorld, pool: asyncpg.Pool, listener: BridgeListener
) -> None:
    evm.pay()
    await follow(pool, listener)
    before = evm.node.call("evm_snapshot")
    gone = evm.pay()
    await follow(pool, listener)
    evm.node.call("evm_revert", before)
    await follow(pool, listener)
    assert str(gone.reservation) not in await rows(pool)


async def test_marks_are_kept_down_to_a_final_one(
    evm: EvmWorld, client: EvmClient, pool: asyncpg.Pool, listener: BridgeListener
) -> None:
    for _ in range(6):
        evm.contracts.mine(1)
        await follow(pool, listener)
    final = await client.final_number()
    numbers = [row["number"] for row in await pool.fetch("SELECT number FROM bridge_blocks")]
    assert min(numbers) <= final
    assert sum(number <= final for number in numbers) == 1


async def test_a_node_that_refuses_many_blocks_is_asked_for_fewer(
    evm: EvmWorld, pool: asyncpg.Pool
) -> None:
    class Reluctant(EvmClient):
        async def logs(self, contract: bytes, first: int, last: int) -> list[Log]:
            if last - first >= 2:
                raise RequestRefused(-32005, "query exceeds max block range")
            return await super().logs(contract, first, last)

    payment = evm.pay()
    evm.contracts.mine(10)
    client = Reluctant(evm.url, evm.bridge.chain_id)
    await follow(pool, BridgeListener(client, evm.bridge, 0))
    await client.close()
    assert str(payment.reservation) in await rows(pool)


async def test_a_reorg_while_it_looks_is_not_believed(evm: EvmWorld, pool: asyncpg.Pool) -> None:
    """The logs come from one chain and the end block from another."""

    class Swapping(EvmClient):
        swaps = False

        async def logs(self, contract: bytes, first: int, last: int) -> list[Log]:
            found = await super().logs(contract, first, last)
            self.swaps = True
            return found

        async def block(self, which: int | str) -> Block | None:
            block = await super().block(which)
            if self.swaps and block is not None:
                return Block(block.number, bytes(32), block.time_s, block.base_fee_wei)
            return block

    payment = evm.pay()
    client = Swapping(evm.url, evm.bridge.chain_id)
    with pytest.raises(ChainUnavailable, match="reorganised"):
        await follow(pool, BridgeListener(client, evm.bridge, 0))
    await client.close()
    assert str(payment.reservation) not in await rows(pool)
    assert await pool.fetchval("SELECT count(*) FROM bridge_blocks") == 0
