"""Faults that are put into the database, and accounts that are forged on the chain, are told."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from solders.account import Account
from solders.pubkey import Pubkey
from solders.token.state import TokenAccount
from tests.hub.audit.market import open_market
from tests.hub.onchain import (
    ADDRESSES,
    KWH,
    PROGRAMS,
    Chain,
    World,
    connected,
    now_ms,
    running_chain,
    set_up,
    world_on,
)

from gridtokenx_hub.audit import Check, Report
from gridtokenx_hub.audit.audit import check_all
from gridtokenx_hub.audit.chain_state import read_chain


def told(checks: Sequence[Check], invariant: int) -> list[str]:
    """What the check of this invariant says."""
    (check,) = (check for check in checks if check.invariant == invariant)
    return [str(difference) for difference in check.differences]


async def test_an_honest_market_is_found_as_it_is(world: World) -> None:
    await open_market(world)
    report = await world.audit()
    assert not report.moved
    assert report.differences == []
    assert [check.invariant for check in report.checks] == [1, 2, 3, 4, 5, 6]
    minted, supply, _, escrows, payments, view = report.checks
    assert minted.compared["minted_mwh"] == minted.compared["signed_surplus_mwh"] >= 12 * KWH
    assert supply.compared["energy_held_mwh"] == supply.compared["energy_supply_mwh"]
    assert escrows.compared["orders_owed"] >= 6 * KWH
    assert escrows.compared["offers_owed"] >= 6_000_000
    assert payments.skipped is not None
    assert view.compared["settlements"] == 1


async def test_a_fault_in_the_database(world: World) -> None:
    """Each is put in and taken back with its transaction."""
    await open_market(world)
    chain = await read_chain(world.client, PROGRAMS, ADDRESSES)
    for invariant, fault, part in FAULTS:
        async with world.pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(fault)
            checks = await check_all(connection, chain, ADDRESSES, now_ms(), 0)
            await transaction.rollback()
        sentences = told(checks, invariant)
        assert any(part in sentence for sentence in sentences), (fault, sentences)
    assert (await world.audit()).differences == []


FAULTS = (
    (
        1,
        "UPDATE events SET data = data || '{\"surplus_mwh\": 1}' WHERE name = 'MeterSettled'",
        "1 by the registers that the devices signed",
    ),
    (1, "DELETE FROM events WHERE name = 'MeterSettled'", "minted for meter"),
    (6, "UPDATE hub_state SET deployment = 'abcd'", "deployment"),
    (6, "UPDATE ledgers SET minted_mwh = minted_mwh + 1", "minted_mwh"),
    (6, "DELETE FROM ledgers", "last_sequence"),
    (6, "UPDATE orders SET filled_mwh = 0", "filled_mwh: 0 in the database"),
    (6, "UPDATE orders SET status = 'cancelled'", "status: cancelled"),
    (6, "UPDATE orders SET closed_at = now()", "missing in the database"),
    (6, "DELETE FROM orders", "number of orders: 0"),
    (6, "UPDATE offers SET buyer_wallet = 'me'", "buyer: me in the database"),
    (6, "DELETE FROM offers", "number of offers: 0"),
    (6, "UPDATE meters SET status = 'revoked'", "status: revoked"),
    (6, "UPDATE meters SET owner_wallet = 'me'", "owner: me in the database"),
    (6, "UPDATE meters SET public_key = sha256('mine')", "key"),
    (6, "UPDATE meters SET export_limit_mw = 1", "export_limit_mw: 1"),
    (6, "DELETE FROM meters", "missing in the database"),
    (6, "UPDATE users SET user_type = 'prosumer'", "prosumer in the database, consumer"),
    (6, "UPDATE users SET registered_at = NULL", "None in the database"),
    (6, "DELETE FROM watermarks WHERE program = 'trading'", "events of trading: 0"),
    (6, "DELETE FROM events WHERE name = 'UserRegistered'", "kept"),
    (6, "UPDATE settlements SET status = 'superseded'", "superseded"),
    (6, "UPDATE settlements SET minted_mwh = 1", "1 mWh minted in the database"),
    (6, "UPDATE settlements SET record = overlay(record placing 'x' from 1)", "not there"),
)


@pytest.fixture
async def own_chain(pool: asyncpg.Pool, tmp_path: Path) -> Path:
    """The folder of a chain with an honest market, which does not run; the database knows it."""
    with running_chain(tmp_path) as rpc_url:
        chain = Chain(rpc_url, tmp_path / "keys")
        await set_up(chain)
        async with world_on(chain, pool) as world:
            await open_market(world)
    return tmp_path


async def audited(folder: Path, pool: asyncpg.Pool) -> Report:
    with running_chain(folder) as rpc_url:
        async with connected(rpc_url) as client:
            world = World(Chain(rpc_url, folder / "keys"), pool, client, None, b"")  # type: ignore[arg-type] # nothing is sent
            return await world.audit()


async def test_forged_accounts(own_chain: Path, pool: asyncpg.Pool) -> None:
    """What no program would leave is written into the chain's own ledger, and taken back."""
    assert (await audited(own_chain, pool)).differences == []
    for invariant, part, forge in FORGERIES:
        with closing(sqlite3.connect(own_chain / "ledger" / "ledger.sqlite")) as ledger:
            honest = forged(ledger, forge)
        sentences = told((await audited(own_chain, pool)).checks, invariant)
        assert any(part in sentence for sentence in sentences), (part, sentences)
        with closing(sqlite3.connect(own_chain / "ledger" / "ledger.sqlite")) as ledger, ledger:
            ledger.executemany("DELETE FROM accounts WHERE address = ?", [(a,) for a, _ in honest])
            ledger.executemany(
                "INSERT INTO accounts VALUES (?, ?)", [(a, i) for a, i in honest if i is not None]
            )


Image = tuple[bytes, bytes | None]
Images = dict[Pubkey, Account]


def forged(ledger: sqlite3.Connection, forge: Callable[[Images], Images]) -> list[Image]:
    """Write the accounts that `forge` makes; return what was there before."""
    rows = ledger.execute("SELECT address, image FROM accounts").fetchall()
    images = {Pubkey(address): Account.from_bytes(image) for address, image in rows}
    before = dict(rows)
    honest: list[Image] = []
    with ledger:
        for address, account in forge(images).items():
            honest.append((bytes(address), before.get(bytes(address))))
            ledger.execute(
                "INSERT OR REPLACE INTO accounts VALUES (?, ?)", (bytes(address), bytes(account))
            )
    assert honest
    return honest


def changed(program: str, kind: str, **values: object) -> Callable[[Images], Images]:
    """Each account of a kind says something else."""
    owner = PROGRAMS[program]
    beginning = owner.account_discriminator(kind)

    def forge(images: Images) -> Images:
        return {
            address: with_data(
                account,
                owner.encode_account(kind, owner.decode_account(kind, account.data) | values),
            )
            for address, account in images.items()
            if account.owner == owner.id and account.data.startswith(beginning)
        }

    return forge


def another_ledger(images: Images) -> Images:
    """A ledger of a meter that nobody registered."""
    owner = PROGRAMS["energy_token"]
    meter_id = bytes(16)
    (account,) = changed("energy_token", "Ledger", meter_id=meter_id)(images).values()
    assert owner.decode_account("Ledger", account.data)["minted_mwh"] > 0
    return {ADDRESSES.ledger(meter_id): account}


def holding(mint: Pubkey, change: int, *, escrows: bool) -> Callable[[Images], Images]:
    """An account of this mint has so much more."""

    def forge(images: Images) -> Images:
        for address, account in images.items():
            is_token = len(account.data) == 165 and account.data.startswith(bytes(mint))
            if not is_token:
                continue
            token = TokenAccount.from_bytes(account.data)
            is_escrow = not token.owner.is_on_curve()
            if is_escrow == escrows and token.amount + change >= 0:
                amount = (token.amount + change).to_bytes(8, "little")
                return {address: with_data(account, account.data[:64] + amount + account.data[72:])}
        raise AssertionError("there is no such account")

    return forge


def with_data(account: Account, data: bytes) -> Account:
    return Account(account.lamports, data, account.owner, account.executable, account.rent_epoch)


FORGERIES = (
    (1, "minted for meter", changed("energy_token", "Ledger", minted_mwh=13 * KWH)),
    (1, "12000000 in circulation", changed("energy_token", "Ledger", minted_mwh=11 * KWH)),
    (1, "None by the registers", another_ledger),
    (6, "ledger 00000000000000000000000000000000: missing in the database", another_ledger),
    (2, "ENERGY: 12000001 in accounts", holding(ADDRESSES.energy_mint(), 1, escrows=False)),
    (2, "GRX: 3000000001 in accounts", holding(ADDRESSES.grx_mint(), 1, escrows=False)),
    (2, "GRX: 2 allowed", changed("energy_token", "Config", grx_cap=2)),
    (4, "escrow of order", holding(ADDRESSES.energy_mint(), -1, escrows=True)),
    (4, "escrow of offer", holding(ADDRESSES.grx_mint(), -1, escrows=True)),
    (4, "6000001 owed", changed("trading", "Order", filled_mwh=4 * KWH - 1)),
    (6, "order", changed("trading", "Order", price_micro_grx=1)),
    (6, "status: active in the database, revoked on chain",
     changed("registry", "Meter", status="Revoked")),
)  # fmt: skip
