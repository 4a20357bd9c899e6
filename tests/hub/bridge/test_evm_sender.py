"""The hub's own EVM transactions: on disk before they are sent, in a block in the end."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import asyncpg
import pytest
from coincurve import PrivateKey

from gridtokenx_hub.bridge.bridge_contract import BridgeContract, release_call
from gridtokenx_hub.bridge.evm_client import EvmClient, Receipt
from gridtokenx_hub.bridge.evm_sender import EvmSender, EvmTransactionRefused
from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_programs.evm import PaymentState, address_of_key
from gridtokenx_programs.evm.words import address_word, selector, word

if TYPE_CHECKING:
    from tests.hub.bridge.evm_world import EvmWorld

GWEI = 10**9


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@pytest.fixture
def key(evm: EvmWorld) -> PrivateKey:
    drawn = PrivateKey()
    evm.fund(address_of_key(drawn))
    return drawn


@pytest.fixture
def sender(pool: asyncpg.Pool, client: EvmClient) -> EvmSender:
    return EvmSender(pool, client, 200 * GWEI, now)


async def follow_up(pool: asyncpg.Pool, sender: EvmSender, client: EvmClient) -> None:
    async with pool.acquire() as connection:
        await sender.follow_up(connection, await client.final_number())


async def executed(client: EvmClient, digest: bytes) -> Receipt:
    """Wait until a transaction is in a block: the node answers before it is."""
    while (receipt := await client.receipt(digest)) is None:  # noqa: ASYNC110 - nobody announces it
        await asyncio.sleep(0.01)
    return receipt


async def statuses(pool: asyncpg.Pool, key: PrivateKey) -> list[str]:
    found = await pool.fetch(
        "SELECT status FROM evm_transactions WHERE sender = $1 ORDER BY nonce", address_of_key(key)
    )
    return [row["status"] for row in found]


def approve(evm: EvmWorld, amount: int) -> tuple[bytes, bytes]:
    """A call of the token that anybody may make."""
    data = selector("approve(address,uint256)") + address_word(evm.bridge.address) + word(amount)
    return bytes.fromhex(evm.contracts.thbc[2:]), data


async def test_a_release_is_executed_and_its_end_noted(
    evm: EvmWorld, pool: asyncpg.Pool, client: EvmClient, sender: EvmSender, key: PrivateKey
) -> None:
    payment = evm.pay()
    call = release_call(payment.reservation, evm.signatures(payment))
    digest = await sender.send(key, "release", str(payment.reservation), evm.bridge.address, call)

    assert (await executed(client, digest)).succeeded
    contract = BridgeContract(client, evm.bridge)
    assert (await contract.payment(payment.reservation)).state is PaymentState.RELEASED
    assert await statuses(pool, key) == ["sent"]  # a reorg may still take it back
    evm.contracts.mine()
    await follow_up(pool, sender, client)
    assert await statuses(pool, key) == ["done"]


async def test_what_would_fail_is_refused_and_takes_no_nonce(
    evm: EvmWorld, pool: asyncpg.Pool, sender: EvmSender, key: PrivateKey
) -> None:
    payment = evm.pay()
    call = release_call(payment.reservation, evm.signatures(payment)[:1])
    with pytest.raises(EvmTransactionRefused):
        await sender.send(key, "release", str(payment.reservation), evm.bridge.address, call)
    assert await statuses(pool, key) == []


async def test_what_the_node_did_not_get_is_handed_in_again(
    evm: EvmWorld, pool: asyncpg.Pool, client: EvmClient, key: PrivateKey
) -> None:
    """The hub was killed between storing and sending."""

    class Deaf(EvmClient):
        async def send_raw(self, raw: bytes) -> None:
            raise ChainUnavailable("no answer")

    deaf = Deaf(evm.url, evm.bridge.chain_id)
    digest = await EvmSender(pool, deaf, 200 * GWEI, now).send(key, "pay", None, *approve(evm, 1))
    await deaf.close()
    assert await client.receipt(digest) is None

    sender = EvmSender(pool, client, 200 * GWEI, now)
    await follow_up(pool, sender, client)
    await executed(client, digest)
    await executed(client, await sender.send(key, "pay", None, *approve(evm, 2)))


async def test_who_has_no_ether_is_given_what_gas_costs(
    evm: EvmWorld, pool: asyncpg.Pool, client: EvmClient, sender: EvmSender, key: PrivateKey
) -> None:
    poor = PrivateKey()
    digest = await sender.send(poor, "pay", None, *approve(evm, 1), gas_from=key)
    for _ in range(500):
        await follow_up(pool, sender, client)
        if await client.receipt(digest):
            break
        await asyncio.sleep(0.01)
    assert (await executed(client, digest)).succeeded
    given = await client.balance_wei(address_of_key(poor))
    await executed(client, await sender.send(poor, "pay", None, *approve(evm, 2), gas_from=key))
    gifts = "SELECT count(*) FROM evm_transactions WHERE sender = $1 AND purpose = 'gas'"
    assert await pool.fetchval(gifts, address_of_key(key)) in {1, 2}
    assert given < 10**16


async def test_nonces_are_given_out_once(
    evm: EvmWorld, pool: asyncpg.Pool, client: EvmClient, sender: EvmSender, key: PrivateKey
) -> None:
    await asyncio.gather(*(sender.send(key, "pay", None, *approve(evm, n)) for n in range(5)))
    found = await pool.fetch(
        "SELECT nonce FROM evm_transactions WHERE sender = $1 ORDER BY nonce", address_of_key(key)
    )
    assert [row["nonce"] for row in found] == [0, 1, 2, 3, 4]
    evm.contracts.mine()
    await follow_up(pool, sender, client)
    assert await statuses(pool, key) == ["done"] * 5


async def test_a_reorg_takes_a_transaction_back_and_it_is_sent_again(
    evm: EvmWorld, pool: asyncpg.Pool, client: EvmClient, sender: EvmSender, key: PrivateKey
) -> None:
    before = evm.node.call("evm_snapshot")
    digest = await sender.send(key, "pay", None, *approve(evm, 3))
    await executed(client, digest)
    evm.node.call("evm_revert", before)
    assert await client.receipt(digest) is None
    await follow_up(pool, sender, client)
    await executed(client, digest)


async def test_a_nonce_that_somebody_else_used_is_given_up(
    evm: EvmWorld, pool: asyncpg.Pool, client: EvmClient, key: PrivateKey
) -> None:
    class Deaf(EvmClient):
        async def send_raw(self, raw: bytes) -> None:
            raise ChainUnavailable("no answer")

    deaf = Deaf(evm.url, evm.bridge.chain_id)
    await EvmSender(pool, deaf, 200 * GWEI, now).send(key, "pay", None, *approve(evm, 1))
    await deaf.close()
    evm.node.call("anvil_setNonce", f"0x{address_of_key(key).hex()}", "0x1")
    evm.contracts.mine()
    await follow_up(pool, EvmSender(pool, client, 200 * GWEI, now), client)
    assert await statuses(pool, key) == ["replaced"]


async def test_fees_have_a_ceiling(
    evm: EvmWorld, pool: asyncpg.Pool, client: EvmClient, key: PrivateKey
) -> None:
    """A node that names a fee of a thousand gwei."""

    class Dear(EvmClient):
        async def priority_fee_wei(self) -> int:
            return 1_000 * GWEI

    dear = Dear(evm.url, evm.bridge.chain_id)
    digest = await EvmSender(pool, dear, 2 * GWEI, now).send(key, "pay", None, *approve(evm, 1))
    await dear.close()
    sent = evm.node.call("eth_getTransactionByHash", f"0x{digest.hex()}")
    assert int(sent["maxFeePerGas"], 16) == 2 * GWEI
    assert int(sent["maxPriorityFeePerGas"], 16) == 2 * GWEI
