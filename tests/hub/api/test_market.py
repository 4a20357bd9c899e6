"""The book and what can be asked of it: details, search, trades, statistics, price."""

import datetime as dt
import itertools
import re
import secrets
from decimal import Decimal
from typing import Any, get_args

import asyncpg
import pytest
import pytest_asyncio
from hub_world import HubWorld, User, expect, expect_problem
from solders.keypair import Keypair

from gridtokenx_hub.api.market.search import Search, Sort, query, search_orders
from gridtokenx_hub.api.market.statistics import read_price, read_statistics

pytestmark = pytest.mark.asyncio(loop_scope="session")

ORDERS = "/api/trading/orders"
NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest_asyncio.fixture(loop_scope="session")
async def seller(world: HubWorld) -> User:
    """A seller whose name no other has."""
    return await world.user(f"Solar_{secrets.token_hex(6)} %")


async def in_book(world: HubWorld, seller: User, *orders: tuple[str, str], **fields: Any) -> None:
    """Orders of (kWh, price) as the indexer stores them."""
    for kwh, price in orders:
        row = {
            "order_id": str(Keypair().pubkey()),
            "number": secrets.randbits(60),
            "seller_wallet": seller.wallet,
            "amount_mwh": int(Decimal(kwh) * 10**6),
            "filled_mwh": 0,
            "price_micro_grx": int(Decimal(price) * 10**6),
            "status": "active",
            "created_at": NOW,
            "tx_signature": "sig",
        } | fields
        names = ", ".join(row)
        places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        await world.pool.execute(
            f"INSERT INTO orders ({names}) VALUES ({places})",  # noqa: S608 - names of ours
            *row.values(),
        )


async def found(world: HubWorld, path: str = ORDERS, **query: Any) -> list[dict[str, Any]]:
    """All orders that a search finds for who has a token, read two at a time."""
    orders: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = expect(await world.get(path, world.operator, limit=2, **query, **cursor), 200)
        orders += answer["orders"]
        if "next" not in answer:
            return orders
        cursor = {"cursor": answer["next"]}


async def test_sorted_and_narrowed_down(world: HubWorld, seller: User) -> None:
    await in_book(world, seller, ("1", "3"), ("2", "2"), ("3", "3"), ("4", "1"), ("5", "2"))
    name = seller_name = await world.pool.fetchval(
        "SELECT name FROM users WHERE wallet = $1", seller.wallet
    )
    for sort, expected in {
        "price": [1, 2, 2, 3, 3],
        "-price": [3, 3, 2, 2, 1],
        "amount": [1, 2, 3, 4, 5],
        "-amount": [5, 4, 3, 2, 1],
    }.items():
        orders = await found(world, sort=sort, seller=name)
        what = "amount_kwh" if "amount" in sort else "price_per_kwh"
        assert [order[what] for order in orders] == expected
        assert len({order["order_id"] for order in orders}) == 5
    newest = [order["order_id"] for order in await found(world, sort="newest", seller=name)]
    oldest = [order["order_id"] for order in await found(world, sort="oldest", seller=name)]
    assert newest == oldest[::-1]

    async def sizes(**query: Any) -> list[Decimal]:
        return sorted(o["amount_kwh"] for o in await found(world, seller=name, **query))

    assert await sizes(min_price="2", max_price="2.000001") == [2, 5]
    assert await sizes(min_kwh="2", max_kwh="4") == [2, 3, 4]
    assert await sizes(min_price="3", max_kwh="1.5") == [1]
    assert len(await found(world, seller=seller_name[:12].upper())) == 5, "begins so, in any case"
    assert await found(world, seller=seller_name[1:]) == []


async def test_percent_signs_stand_for_themselves(world: HubWorld, seller: User) -> None:
    await in_book(world, seller, ("1", "3"))
    assert await found(world, seller="%") == []
    assert await found(world, seller="Solar%") == []
    assert await found(world, seller="'; DROP TABLE orders; --") == []


async def test_what_is_asked_for_is_never_in_the_text() -> None:
    """The text of a search is made of fixed parts, whatever is looked for."""
    bounds = ("lowest_micro_grx", "highest_micro_grx", "least_mwh", "most_mwh", "seller")
    for sort in get_args(Sort):
        for asked in itertools.product([False, True], repeat=len(bounds)):
            texts = set()
            for values in ((4711, 4712, 4713, 4714, "Somchai"), (1, 2, 3, 4, "'; DROP TABLE x")):
                given = dict(itertools.compress(zip(bounds, values, strict=True), asked))
                for after in (None, (values[0], values[1])):
                    text, parameters = query(Search(sort, **given), NOW, after)
                    assert not {"4711", "4712", "Somchai", "DROP"} & set(re.findall(r"\w+", text))
                    assert len(parameters) == len(set(re.findall(r"\$\d+", text)))
                    assert len(parameters) == 1 + len(given) + len(after or ())
                    texts.add((after is None, text))
            assert len(texts) == 2, "the same for all values"


async def test_a_search_with_bounds_is_planned_for_its_values(database_url: str) -> None:
    """PostgreSQL keeps no plan of it, which would be one for all values."""
    async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
        for search in (Search(lowest_micro_grx=1), Search("newest", most_mwh=5), Search("amount")):
            for _ in range(10):
                await search_orders(pool, NOW, search, 2, None)
        kept = await pool.fetch("SELECT statement FROM pg_prepared_statements")
        texts = [row["statement"] for row in kept if "FROM orders" in row["statement"]]
        assert len(texts) == 1, "of the search without bounds alone"


@pytest.mark.parametrize("sort", ["amount", "-amount", "newest", "oldest"])
async def test_what_is_too_cheap_is_passed_over_in_the_index(database_url: str, sort: Sort) -> None:
    """Whichever way the book is sorted: its orders themselves are not read for it."""
    search = Search(sort=sort, lowest_micro_grx=900)
    statement, values = query(search, dt.datetime.now(dt.UTC), None)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            "INSERT INTO orders (order_id, number, seller_wallet, amount_mwh, filled_mwh,"
            " price_micro_grx, status, created_at, tx_signature)"
            " SELECT 'order ' || n, n, 'seller', n, 0, n, 'active', now(), 'sig'"
            " FROM generate_series(1, 1000) AS n"
        )
        # The walk along the sorting's own index, which is what a large book makes it choose.
        await connection.execute("SET enable_sort = off; SET enable_seqscan = off")
        plan = await connection.fetch(f"EXPLAIN {statement} LIMIT 50", *values)
    finally:
        await connection.close()
    shown = "\n".join(row[0] for row in plan)
    assert re.search(r"Index Cond: .*price_micro_grx >= ", shown), shown


async def test_only_what_can_be_bought(world: HubWorld, seller: User) -> None:
    now = world.context.clock()
    hour = dt.timedelta(hours=1)
    name = await world.pool.fetchval("SELECT name FROM users WHERE wallet = $1", seller.wallet)
    await in_book(world, seller, ("1", "1"), expires_at=now + hour)
    await in_book(world, seller, ("2", "1"), expires_at=now - hour)
    await in_book(world, seller, ("3", "1"), status="cancelled")
    await in_book(world, seller, ("4", "1"), filled_mwh=3_000_000, reserved_mwh=500_000)
    orders = await found(world, sort="amount", seller=name)
    assert [order["amount_kwh"] for order in orders] == [Decimal("0.5"), 1]
    assert "expires_at" in orders[1]
    own = expect(await world.get(f"/api/users/{seller.user_id}/orders", seller.token), 200)
    assert len(own["orders"]) == 4
    assert {order["status"] for order in own["orders"]} == {"active", "cancelled"}


async def test_the_seeds_list_by_the_page(world: HubWorld, seller: User) -> None:
    """It has the seed's JSON, and `next` only where more follows."""
    await in_book(world, seller, ("1", "1"), ("1", "2"))
    everything = expect(await world.get(f"{ORDERS}/active", world.operator, limit=1000), 200)
    assert everything.keys() == {"orders"}
    assert await found(world, f"{ORDERS}/active") == everything["orders"]
    # Other tests' orders are in the book as well, some with an expiry, of the same prices.
    own = await world.pool.fetch(
        "SELECT order_id FROM orders WHERE seller_wallet = $1", seller.wallet
    )
    shown = {order["order_id"]: order for order in everything["orders"]}
    assert len(own) == 2
    for row in own:
        assert shown[row["order_id"]].keys() == {
            "order_id", "seller", "amount_kwh", "price_per_kwh", "total_price_grx", "created_at",
        }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        {"sort": "colour"}, {"limit": 0}, {"limit": 1001}, {"min_price": "-1"}, {"min_price": "x"},
        {"max_kwh": "NaN"}, {"min_kwh": "0.0000001"}, {"seller": ""}, {"seller": "a\x00"},
        {"cursor": "x"}, {"cursor": "WyJvcmRlcnMgYW1vdW50IiwxLDFd"},
    ],
)  # fmt: skip
async def test_searches_that_are_none(world: HubWorld, query: dict[str, Any]) -> None:
    expect_problem(await world.get(ORDERS, **query), 422)


async def test_numbers_beyond_all_orders(world: HubWorld) -> None:
    assert await found(world, min_price="9999999999999") == []


async def test_nothing_of_nobody(world: HubWorld) -> None:
    for path in ("orders", "offers"):
        nobody = str(Keypair().pubkey())
        expect_problem(await world.get(f"/api/trading/{path}/{nobody}"), 404, "InvalidOrder")
        expect_problem(await world.get(f"/api/trading/{path}/x"), 422, "InvalidRequest")


async def test_statistics(world: HubWorld) -> None:
    """In a database of their own state: all is put back afterwards."""
    async with world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("DELETE FROM reservations")
        for table in ("orders", "offers", "transactions", "prices"):
            await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
        empty = (await read_statistics(connection, NOW)).content()
        assert empty["windows"]["24h"] == {"trades": 0, "volume_kwh": 0, "volume_grx": 0}
        assert not {"best_price", "last_price", "best_offer"} & empty.keys()
        assert (await read_price(connection, NOW)).content() == {"stale": True}

        for number, (days, price, filled) in enumerate(
            [(0, 3, 5), (0, 2, 0), (3, 4, 10), (30, 1, 0)], 1
        ):
            await connection.execute(
                "INSERT INTO orders (order_id, number, seller_wallet, amount_mwh, filled_mwh,"
                " price_micro_grx, status, created_at, tx_signature)"
                " VALUES ($1, $2, 's', 10000000, $3, $4, $5, $6, 'sig')",
                str(number),
                number,
                filled * 1_000_000,
                price * 1_000_000,
                "filled" if filled == 10 else "active",
                NOW - dt.timedelta(days=days, hours=1),
            )
        for number, (days, kwh, price) in enumerate([(30, 2, 1), (3, 10, 4), (0, 5, 3)], 1):
            await connection.execute(
                "INSERT INTO transactions VALUES ($1, '1', 's', 'b', $2, $3, $4, 'GRX', 't', $5)",
                number,
                kwh * 1_000_000,
                price * 1_000_000,
                kwh * price * 1_000_000,
                NOW - dt.timedelta(days=days),
            )
        await connection.execute(
            "INSERT INTO prices VALUES (1, 9000000, $1), (2, 10000001, $2)",
            NOW - dt.timedelta(hours=1),
            NOW - dt.timedelta(minutes=5),
        )
        seen = (await read_statistics(connection, NOW)).content()
        assert (seen["best_price"], seen["last_price"]) == (1, 3)
        assert (seen["active_orders"], seen["active_kwh"]) == (3, 25)
        day, week, ever = (seen["windows"][name] for name in ("24h", "7d", "all"))
        assert (day["trades"], day["volume_kwh"], day["volume_grx"]) == (1, 5, 15)
        assert day["match_rate"] == Decimal("0.5"), "two orders made, one sold in part"
        assert (week["lowest_price"], week["highest_price"]) == (3, 4)
        assert week["average_price"] == Decimal("3.666667"), "55 GRX for 15 kWh"
        assert week["match_rate"] == Decimal("0.666667")
        assert (ever["trades"], ever["average_kwh"]) == (3, Decimal("5.666667"))
        price = (await read_price(connection, NOW)).content()
        assert price["thb_per_grx"] == Decimal("10.000001")
        assert price["last_price"] == {"grx": 3, "thb": Decimal("30.000003")}
        assert not price["stale"]
        later = NOW + dt.timedelta(seconds=1)
        assert (await read_price(connection, later)).stale
        await transaction.rollback()


async def test_statistics_over_http(world: HubWorld) -> None:
    for path in ("statistics", "price"):
        expect(await world.get(f"/api/trading/{path}"), 200)
