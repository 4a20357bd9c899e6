"""Time on the chain, with clocks that the test moves."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from solders.clock import Clock
from solders.hash import Hash
from solders.keypair import Keypair

from gridtokenx_hub.chain import RequestRefused
from gridtokenx_hub.chain.rpc import RpcConnection
from gridtokenx_hub.local_chain import Genesis

from . import harness

CLOCK = "SysvarC1ock11111111111111111111111111111111"
GENESIS = Genesis(programs=())


@pytest.fixture
def time() -> harness.FakeTime:
    return harness.FakeTime()


@pytest.fixture
async def rpc(tmp_path: Path, time: harness.FakeTime) -> AsyncIterator[RpcConnection]:
    """A chain whose time stands still until the test moves it."""
    async with (
        harness.served(tmp_path, time, GENESIS) as url,
        harness.connected(url) as connection,
    ):
        yield connection


async def number(rpc: RpcConnection, method: str) -> int:
    answer = await rpc.call(method)
    assert isinstance(answer, int)
    return answer


async def chain_clock(rpc: RpcConnection) -> Clock:
    answer: Any = await rpc.call("getAccountInfo", CLOCK, {"encoding": "base64"})
    return Clock.from_bytes(base64.b64decode(answer["value"]["data"][0]))


async def latest(rpc: RpcConnection) -> tuple[Hash, int]:
    answer: Any = await rpc.call("getLatestBlockhash")
    value = answer["value"]
    return Hash.from_string(value["blockhash"]), value["lastValidBlockHeight"]


async def is_valid(rpc: RpcConnection, blockhash: Hash) -> bool:
    answer: Any = await rpc.call("isBlockhashValid", str(blockhash))
    return bool(answer["value"])


async def test_nothing_moves_while_no_time_passes(rpc: RpcConnection) -> None:
    assert [await number(rpc, "getSlot") for _ in range(3)] == [0, 0, 0]


async def test_height_counts_time_and_slots_count_commits(
    rpc: RpcConnection, time: harness.FakeTime
) -> None:
    """Many slots in no time leave the height, and so the life of blockhashes, as it is."""
    blockhash, _ = await latest(rpc)
    for _ in range(200):
        await rpc.call("requestAirdrop", str(Keypair().pubkey()), harness.SOL)
    assert await number(rpc, "getSlot") == 200
    assert await number(rpc, "getBlockHeight") == 0
    assert await is_valid(rpc, blockhash)
    time.pass_s(4)
    assert await number(rpc, "getBlockHeight") == 10
    assert await number(rpc, "getSlot") == 210


async def test_blockhash_is_new_in_each_slot(rpc: RpcConnection) -> None:
    first, _ = await latest(rpc)
    await rpc.call("requestAirdrop", str(Keypair().pubkey()), harness.SOL)
    second, _ = await latest(rpc)
    assert first != second


async def test_blockhash_lives_for_150_heights(rpc: RpcConnection, time: harness.FakeTime) -> None:
    payer, to = await harness.funded(rpc), Keypair().pubkey()
    blockhash, last_valid = await latest(rpc)
    early, late = (harness.transfer_of(harness.SOL + i, payer, to, blockhash) for i in range(2))
    time.pass_s(60)
    assert await number(rpc, "getBlockHeight") == last_valid == 150
    await harness.send(rpc, early)
    time.monotonic_ms += 400
    assert not await is_valid(rpc, blockhash)
    with pytest.raises(RequestRefused, match="Blockhash not found"):
        await harness.send(rpc, late)
    with pytest.raises(RequestRefused, match="Blockhash not found"):
        await harness.send(rpc, early)
    assert await harness.balance(rpc, to) == harness.SOL


async def test_expiry_needs_no_question_about_time(
    rpc: RpcConnection, time: harness.FakeTime
) -> None:
    """The first that the chain hears after a minute is a transaction from before it."""
    payer = await harness.funded(rpc)
    transaction = harness.transfer_of(
        harness.SOL, payer, Keypair().pubkey(), await harness.blockhash(rpc)
    )
    time.pass_s(61)
    with pytest.raises(RequestRefused, match="Blockhash not found"):
        await harness.send(rpc, transaction)


async def test_programs_see_the_clock(rpc: RpcConnection, time: harness.FakeTime) -> None:
    time.pass_s(7)
    await rpc.call("requestAirdrop", str(Keypair().pubkey()), harness.SOL)
    clock = await chain_clock(rpc)
    assert clock.unix_timestamp == time.unix_s
    assert clock.slot == await number(rpc, "getSlot")
    assert await rpc.call("getBlockTime", clock.slot) == time.unix_s


async def test_clock_never_falls(tmp_path: Path) -> None:
    """Not when the wall clock is put back, nor over a restart; blocks go on meanwhile."""
    time = harness.FakeTime()
    async with harness.served(tmp_path, time, GENESIS) as url, harness.connected(url) as rpc:
        time.pass_s(100)
        await rpc.call("requestAirdrop", str(Keypair().pubkey()), harness.SOL)
        before, height = await chain_clock(rpc), await number(rpc, "getBlockHeight")
        time.unix_s -= 5_000
        time.monotonic_ms += 800
        await rpc.call("requestAirdrop", str(Keypair().pubkey()), harness.SOL)
        assert (await chain_clock(rpc)).unix_timestamp == before.unix_timestamp
        assert await number(rpc, "getBlockHeight") == height + 2
    time = harness.FakeTime(time.unix_s)
    async with harness.served(tmp_path, time, GENESIS) as url, harness.connected(url) as rpc:
        assert (await chain_clock(rpc)).unix_timestamp == before.unix_timestamp
        await rpc.call("requestAirdrop", str(Keypair().pubkey()), harness.SOL)
        assert (await chain_clock(rpc)).unix_timestamp == before.unix_timestamp


async def test_the_clock_goes_on_while_nobody_sends(
    rpc: RpcConnection, time: harness.FakeTime
) -> None:
    """As the account itself shows it, alone and among others."""
    before = (await chain_clock(rpc)).unix_timestamp
    time.pass_s(5)
    assert (await chain_clock(rpc)).unix_timestamp == before + 5
    time.pass_s(5)
    several: Any = await rpc.call("getMultipleAccounts", [CLOCK], {"encoding": "base64"})
    data = base64.b64decode(several["value"][0]["data"][0])
    assert Clock.from_bytes(data).unix_timestamp == before + 10


async def test_time_passes_while_the_chain_is_down(tmp_path: Path) -> None:
    time = harness.FakeTime()
    async with harness.served(tmp_path, time, GENESIS) as url, harness.connected(url) as rpc:
        await rpc.call("requestAirdrop", str(Keypair().pubkey()), harness.SOL)
        short, last_valid = await latest(rpc)
    time = harness.FakeTime(time.unix_s + 20)
    async with harness.served(tmp_path, time, GENESIS) as url, harness.connected(url) as rpc:
        assert await number(rpc, "getBlockHeight") == 50
        assert await is_valid(rpc, short)
    time = harness.FakeTime(time.unix_s + 41)
    async with harness.served(tmp_path, time, GENESIS) as url, harness.connected(url) as rpc:
        assert not await is_valid(rpc, short)
        assert await number(rpc, "getBlockHeight") > last_valid


async def test_slots_that_went_by_unseen_were_skipped(
    rpc: RpcConnection, time: harness.FakeTime
) -> None:
    time.pass_s(4)
    assert await number(rpc, "getSlot") == 10
    with pytest.raises(RequestRefused, match="Slot 5 was skipped") as refused:
        await rpc.call("getBlockTime", 5)
    assert refused.value.code == -32007


async def test_empty_slots_do_not_pile_up(tmp_path: Path, time: harness.FakeTime) -> None:
    """A chain that is only watched keeps what a restart needs, and the slots with transactions."""
    async with harness.served(tmp_path, time, GENESIS) as url, harness.connected(url) as rpc:
        time.pass_s(1)
        payer = await harness.funded(rpc)
        used = await number(rpc, "getSlot")
        for _ in range(600):
            time.monotonic_ms += 400
            await rpc.call("getSlot")
        with pytest.raises(RequestRefused, match="skipped"):
            await rpc.call("getBlockTime", used + 20)
        assert await rpc.call("getBlockTime", used) is not None
        history: Any = await rpc.call("getSignaturesForAddress", str(payer.pubkey()))
        assert history[0]["slot"] == used
        assert await rpc.call("getBlockTime", used + 200) is not None
