"""The listener when it, or its node, was away: everything is there afterwards, once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest
from coincurve import PrivateKey
from solders.pubkey import Pubkey

from demo.baht import contracts
from demo.baht.contracts import Contracts
from demo.baht.evm_node import CHAIN_ID, EvmNode, start_anvil
from demo.processes import Supervisor, free_port
from gridtokenx_hub.bridge import calldata
from gridtokenx_hub.bridge.evm_client import EvmClient
from gridtokenx_hub.bridge.listener import BridgeListener
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_programs.evm import BridgeId, Quote, address_of_key, sign

if TYPE_CHECKING:
    from tests.hub.bridge.evm_world import EvmWorld

GENESIS_HASH = bytes(range(32))
AN_HOUR_OF_BLOCKS = 3_600
MICRO_THBC = 1_000_000


async def follow(pool: asyncpg.Pool, listener: BridgeListener) -> set[str]:
    """Bring the tables up to date; the reservations that are paid for."""
    async with pool.acquire() as connection:
        await listener.follow(connection)
    found = await pool.fetch("SELECT reservation_id FROM payments WHERE state = 'locked'")
    return {row["reservation_id"] for row in found}


async def test_away_for_an_hour(evm: EvmWorld, client: EvmClient, pool: asyncpg.Pool) -> None:
    listener = BridgeListener(client, evm.bridge, 0)
    await follow(pool, listener)
    paid = []
    for _ in range(3):
        paid.append(str(evm.pay().reservation))
        evm.contracts.mine(AN_HOUR_OF_BLOCKS // 3)
    assert set(paid) <= await follow(pool, BridgeListener(client, evm.bridge, 0))
    assert await pool.fetchval("SELECT max(number) FROM bridge_blocks") >= AN_HOUR_OF_BLOCKS


@dataclass
class Node:
    """An anvil that keeps its state, and a bridge whose quotes a key of ours signs."""

    supervisor: Supervisor
    folder: Path
    port: int
    rpc: EvmNode
    contracts: Contracts
    quotes: PrivateKey

    @property
    def bridge(self) -> BridgeId:
        return BridgeId(CHAIN_ID, bytes.fromhex(self.contracts.bridge[2:]))

    async def stop(self) -> None:
        await self.rpc.close()
        await self.supervisor.stop("anvil")

    async def start(self) -> None:
        self.rpc = await start_anvil(self.supervisor, self.folder, self.port)

    async def pay(self) -> str:
        owner = self.contracts.owner
        quote = Quote(
            payer=bytes.fromhex(owner[2:]),
            reservation=Pubkey.new_unique(),
            solana_wallet=Pubkey.new_unique(),
            solana_chain=GENESIS_HASH,
            amount_micro_thbc=MICRO_THBC,
            deadline_s=int(time.time()) + 600,
        )
        signature = sign(self.quotes, quote.digest(self.bridge))
        data = f"0x{calldata.pay(quote, signature).hex()}"
        await self.rpc.transact({"from": owner, "to": self.contracts.bridge, "data": data})
        return str(quote.reservation)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    supervisor, port, quotes = Supervisor(tmp_path), free_port(), PrivateKey()
    rpc = await start_anvil(supervisor, tmp_path, port)
    made = await contracts.deploy(rpc, GENESIS_HASH)
    signer = f"0x{address_of_key(quotes).hex()}"
    await rpc.send(made.owner, made.bridge, "setQuoteSigner(address)", signer)
    await contracts.give_money(rpc, made, made.owner, 10 * MICRO_THBC)
    await rpc.send(made.owner, made.thbc, "approve(address,uint256)", made.bridge, 10 * MICRO_THBC)
    node = Node(supervisor, tmp_path, port, rpc, made, quotes)
    yield node
    await node.rpc.close()
    await supervisor.stop_all()


async def test_the_node_is_restarted(node: Node, pool: asyncpg.Pool) -> None:
    client = EvmClient(f"http://127.0.0.1:{node.port}", CHAIN_ID)
    listener = BridgeListener(client, node.bridge, 0)
    first = await node.pay()
    assert await follow(pool, listener) == {first}

    await node.stop()
    with pytest.raises(ChainUnavailable):
        await follow(pool, listener)
    await node.start()
    assert await follow(pool, listener) == {first}
    second = await node.pay()
    assert await follow(pool, listener) == {first, second}
    await client.close()
