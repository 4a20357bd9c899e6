"""The oracle on a real chain and database, with a real server as source."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from solders.keypair import Keypair
from tests.hub.onchain import ADDRESSES, PROGRAMS, World, running, until
from tests.hub.oracle.servers import Server

from gridtokenx_hub.chain import ChainClient
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.oracle import manual, rounds
from gridtokenx_hub.oracle.errors import ManualRateRefused
from gridtokenx_hub.oracle.manual import manual_rate, revoke_manual_rate, set_manual_rate
from gridtokenx_hub.oracle.oracle import GIVEN_UP_AFTER, Oracle
from gridtokenx_hub.oracle.settings import OracleSettings

NOW = dt.datetime(2026, 11, 23, 12, 0, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
PATIENCE_S = 60
"""A round that is not over by then never will be."""


class Turns:
    """Rounds by the test's word: `next` lets one begin, and returns when it is over."""

    def __init__(self) -> None:
        self._go = asyncio.Semaphore(0)
        self._over = asyncio.Semaphore(0)

    async def pause(self) -> None:
        self._over.release()
        await self._go.acquire()

    async def first(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self._over.acquire()

    async def next(self) -> None:
        self._go.release()
        await self.first()


class Scene:
    """An oracle that asks two servers and a file, and what it has done."""

    def __init__(self, world: World, server: Server, folder: Path) -> None:
        self.world, self.server, self.folder = world, server, folder
        self.now = NOW
        self.turns = Turns()
        self.settings = OracleSettings(
            sources=[  # type: ignore[arg-type] # as a file has them
                {"kind": "json", "name": "a", "url": server.at("/a", b""), "path": "thb"},
                {"kind": "json", "name": "b", "url": server.at("/b", b""), "path": "thb"},
                {"kind": "file", "name": "c", "path": "rate"},
            ],
            quorum=2,
        )

    def tell(self, a: str, b: str, c: str) -> None:
        """What the sources tell from now on."""
        self.server.at("/a", f'{{"thb": {a}}}'.encode())
        self.server.at("/b", f'{{"thb": {b}}}'.encode())
        (self.folder / "rate").write_text(c)

    def oracle(self, **changed: Any) -> Oracle:
        return Oracle(
            changed.get("pool", self.world.pool),
            changed.get("client", self.world.client),
            changed.get("sender", self.world.sender),
            PROGRAMS["trading"],
            ADDRESSES,
            changed.get("key", self.world.chain.keys.oracle),
            self.settings,
            self.folder,
            lambda: self.now,
            self.turns.pause,
        )

    @asynccontextmanager
    async def playing(self, **changed: Any) -> AsyncIterator[None]:
        """Run the oracle; its first round is over at the beginning."""
        async with running(self.oracle(**changed)):
            await self.turns.first()
            yield

    async def on_chain(self) -> int:
        """The rate that the trading program knows."""
        account = await self.world.client.account(ADDRESSES.price())
        assert account is not None
        rate: int = PROGRAMS["trading"].decode_account("Price", account.data)[
            "rate_micro_thb_per_grx"
        ]
        return rate

    async def last(self) -> rounds.Round:
        found = await rounds.last_round(self.world.pool)
        assert found is not None
        return found

    async def set_rate(self, rate: int, lasting: dt.timedelta = HOUR) -> None:
        await set_manual_rate(
            self.world.pool, rate, "sure", "somebody", self.now + lasting, self.now
        )


@pytest.fixture
async def scene(world: World, server: Server, tmp_path: Path) -> Scene:
    """The rate on chain is 10 baht: the chain is that of all tests."""
    await world.send(
        "trading",
        "update_price",
        {"rate_micro_thb_per_grx": 10_000_000},
        {
            "market": ADDRESSES.market(),
            "oracle": world.chain.keys.oracle.pubkey(),
            "price": ADDRESSES.price(),
        },
        world.chain.keys.oracle,
    )
    made = Scene(world, server, tmp_path)
    made.tell("10.1", "10.2", "10.3")
    return made


async def test_the_median_is_posted_each_period(scene: Scene) -> None:
    async with scene.playing():
        assert await scene.on_chain() == 10_200_000
        scene.tell("10.2", "10.4", "10.3")
        await scene.turns.next()
        assert await scene.on_chain() == 10_300_000
        await scene.turns.next()
    newest, older, oldest = await rounds.page(scene.world.pool, 2**63 - 1, 10)
    assert newest.tx_signature != older.tx_signature != oldest.tx_signature
    assert [each.outcome for each in (newest, older, oldest)] == ["posted"] * 3
    assert oldest.basis == "median"
    assert oldest.began_at == NOW
    told = {each.name: each.micro_thb_per_grx for each in oldest.sources}
    assert told == {"a": 10_100_000, "b": 10_200_000, "c": 10_300_000}
    transaction = await scene.world.client.transaction(str(newest.tx_signature))
    assert transaction is not None
    assert transaction.error is None


async def test_a_liar_among_three_is_outvoted(scene: Scene) -> None:
    scene.tell("999999", "10.2", "10.1")
    async with scene.playing():
        assert await scene.on_chain() == 10_200_000


async def test_below_the_quorum_nothing_is_posted_until_the_operator_says(scene: Scene) -> None:
    scene.tell("NaN", "-1", "10.3")
    async with scene.playing():
        told = await scene.last()
        assert (told.outcome, told.doubt, told.tx_signature) == ("withheld", "too_few", None)
        assert [each.error for each in told.sources] == ["not_a_number", "not_positive", None]
        assert await scene.on_chain() == 10_000_000

        await scene.set_rate(20_000_000)
        await scene.turns.next()
        assert await scene.on_chain() == 20_000_000
        told = await scene.last()
        assert (told.outcome, told.doubt, told.basis) == ("posted", "too_few", "manual")

        await revoke_manual_rate(scene.world.pool, "somebody", scene.now)
        await scene.turns.next()
        assert (await scene.last()).outcome == "withheld"


async def test_an_operator_s_rate_ends(scene: Scene) -> None:
    scene.tell("null", "null", "10.3")
    await scene.set_rate(20_000_000)
    async with scene.playing():
        assert (await scene.last()).outcome == "posted"
        scene.now += HOUR
        await scene.turns.next()
        assert (await scene.last()).outcome == "withheld"


async def test_a_jump_waits_for_the_operator_and_then_goes_on(scene: Scene) -> None:
    scene.tell("12", "12.1", "12.2")
    async with scene.playing():
        told = await scene.last()
        assert (told.outcome, told.doubt) == ("withheld", "jump")
        assert told.median_micro_thb_per_grx == 12_100_000
        assert await scene.on_chain() == 10_000_000

        await scene.set_rate(12_000_000)
        await scene.turns.next()
        assert await scene.on_chain() == 12_000_000
        await scene.turns.next()
        assert await scene.on_chain() == 12_100_000
        assert (await scene.last()).basis == "median"


async def test_a_key_that_is_not_the_oracle_s_posts_nothing(scene: Scene) -> None:
    async with scene.playing(key=Keypair()):
        told = await scene.last()
        assert told.outcome == "failed"
        assert "Unauthorized" in told.detail
        assert await scene.on_chain() == 10_000_000


async def test_without_the_chain_a_round_is_remembered(scene: Scene) -> None:
    gone = ChainClient("http://127.0.0.1:1", retry_pauses_s=())
    try:
        async with scene.playing(client=gone):
            told = await scene.last()
    finally:
        await gone.close()
    assert (told.outcome, told.doubt) == ("withheld", "no_chain")
    assert told.median_micro_thb_per_grx == 10_200_000


async def test_a_round_that_was_cut_off_is_finished(scene: Scene) -> None:
    """One was executed, of one nobody knows, and one can be executed no more."""
    async with scene.playing():
        pass
    sent = "UPDATE oracle_rounds SET outcome = 'sent'"
    await scene.world.pool.execute(sent)
    unknown = str(Keypair().sign_message(b"unknown"))
    copied = """
        INSERT INTO oracle_rounds (began_at, sources, basis, micro_thb_per_grx, tx_signature,
                                   outcome)
        VALUES ($1, '[]', 'median', 1, $2, 'sent')
    """
    await scene.world.pool.execute(copied, NOW, unknown)
    await scene.world.pool.execute(copied, NOW - GIVEN_UP_AFTER - HOUR, unknown)
    scene.turns = Turns()
    async with scene.playing():
        found = await rounds.page(scene.world.pool, 2**63 - 1, 10)
    assert [each.outcome for each in found] == ["posted", "failed", "sent", "posted"]


async def test_of_two_one_leads(scene: Scene, database_url: str) -> None:
    other_pool = await open_pool(database_url)
    try:
        async with scene.playing():
            asked = len(scene.server.asked)
            stop = asyncio.Event()
            waiting = asyncio.create_task(scene.oracle(pool=other_pool).run(stop))
            await scene.turns.next()
            assert len(scene.server.asked) == asked + 2
            stop.set()
            await waiting
    finally:
        other_pool.terminate()


@pytest.mark.parametrize(
    ("rate", "reason", "lasting"),
    [
        (0, "sure", HOUR),
        (10**12 + 1, "sure", HOUR),
        (1, " ", HOUR),
        (1, "sure", dt.timedelta()),
        (1, "sure", dt.timedelta(hours=24, seconds=1)),
    ],
)
async def test_rates_that_an_operator_cannot_set(
    pool: asyncpg.Pool, rate: int, reason: str, lasting: dt.timedelta
) -> None:
    with pytest.raises(ManualRateRefused):
        await set_manual_rate(pool, rate, reason, "somebody", NOW + lasting, NOW)
    assert await manual_rate(pool, NOW) is None


async def test_of_operators_at_once_the_last_word_counts_and_all_are_kept(
    pool: asyncpg.Pool,
) -> None:
    """One has set a rate, and it is not committed yet when another sets theirs."""
    async with pool.acquire() as first, first.transaction():
        await first.execute(manual.INSERT, 1, "sure", "first", NOW, NOW + HOUR)
        second = asyncio.create_task(set_manual_rate(pool, 2, "sure", "second", NOW + HOUR, NOW))

        async def waits() -> bool:
            waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
            return second.done() or bool(await pool.fetchval(waiting))

        await until(waits)
    await second
    kept = await pool.fetch("SELECT set_by, revoked_by FROM manual_rates ORDER BY id")
    assert [tuple(row) for row in kept] == [("first", "second"), ("second", None)]
    in_force = await manual_rate(pool, NOW)
    assert in_force is not None
    assert in_force.micro_thb_per_grx == 2
    assert await revoke_manual_rate(pool, "somebody", NOW)
    assert not await revoke_manual_rate(pool, "somebody", NOW)
