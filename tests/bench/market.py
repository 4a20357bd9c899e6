"""The market through its HTTP API: `./run bench market [--json] [--validator] [--count N]`.

Registrations, orders and matches per second with 128 requests under way, each with an idempotency
key, answered when confirmed and indexed; then matches one after the other, from request to
confirmed trade; then 200 reads a second over a book of 100,000 orders, each timed from when it was
due to its answer. API, indexer, chain, database and the load share the machine; beside each rate
stands the processor time of each per request. `--validator` measures the time to a confirmed trade
on solana-test-validator with 100 ms slots, too (on PATH, or in the folder that GTX_SOLANA_BIN
names); `--validator-only` that alone.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from _cpu import children_cpu_s
from _market_hub import Household, Market, running_market
from _world import fresh_database, opened_world
from tests.hub.chain import validator
from tests.hub.onchain import Chain, program_files, running_chain

UNDER_WAY = 128
SIDES = 32
GRX = 1_000
ENERGY_WH = 600
"""What each seller has; an order is of one Wh."""
TRADES_TIMED = 200
TICKS_OF_100_MS = 16
READS_PER_S = 200
READ_S = 10
BOOK = 100_000
PROCESSES = {
    "api": " api ",
    "index": " index ",
    "chain": "gridtokenx_hub.local_chain",
    "database": "postgres",
}
"""By what their command lines have in them."""

T = TypeVar("T")


async def main(count: int, with_local_chain: bool, with_validator: bool) -> dict[str, Any]:
    """Run the benchmark; return its figures."""
    figures: dict[str, Any] = {}
    if with_local_chain:
        async with fresh_database() as url:
            with tempfile.TemporaryDirectory() as name, running_chain(Path(name)) as rpc_url:
                figures = await on_local_chain(url, Path(name), rpc_url, count)
    if with_validator:
        binary = validator.find()
        if binary is None:
            raise SystemExit("there is no solana-test-validator: name its folder in GTX_SOLANA_BIN")
        figures["validator"] = await on_validator(binary)
    return figures


async def on_local_chain(url: str, folder: Path, rpc_url: str, count: int) -> dict[str, Any]:
    """Measure everything on the local chain."""
    chain = Chain(rpc_url, folder / "keys")
    async with (
        opened_world(url, chain) as world,
        running_market(folder, chain, url, world) as market,
    ):
        sellers, buyers = await households(market)
        figures: dict[str, Any] = await rate(
            "registrations",
            [lambda n=n: market.register(f"Load {n}", "consumer") for n in range(count)],
        )
        orders: list[str] = []
        figures |= await rate(
            "orders",
            [lambda n=n: sell(market, sellers[n % SIDES], n, orders) for n in range(count)],
        )
        figures |= await rate(
            "matches",
            [
                lambda n=n, order=order: buy(market, buyers[n % SIDES], order)
                for n, order in enumerate(list(orders))
            ],
        )
        figures |= await timed_trades(market, sellers, buyers)
        await fill_book(market, sellers)
        figures |= await timed_reads(market, sellers, orders)
        return figures


async def on_validator(binary: str) -> dict[str, Any]:
    """Measure the time to a confirmed trade with 100 ms slots."""
    async with fresh_database() as url:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            async with validator.running(
                binary, folder / "ledger", program_files(folder), TICKS_OF_100_MS
            ) as rpc_url:
                chain = Chain(rpc_url, folder / "keys")
                async with (
                    opened_world(url, chain) as world,
                    running_market(folder, chain, url, world) as market,
                ):
                    return await timed_trades(market, *await households(market))


async def households(market: Market) -> tuple[list[Household], list[Household]]:
    """Sellers with energy, and buyers with GRX."""
    sellers = [await market.register(f"Seller {n}", "prosumer") for n in range(SIDES)]
    buyers = [await market.register(f"Buyer {n}", "consumer") for n in range(SIDES)]
    await market.give_energy(sellers, ENERGY_WH)
    for buyer in buyers:
        await market.mint_grx(buyer, GRX)
    return sellers, buyers


async def sell(market: Market, seller: Household, number: int, orders: list[str]) -> None:
    """Put one Wh into the book."""
    body = {
        "seller_wallet": seller.wallet,
        "amount_kwh": 0.001,
        "price_per_kwh": 1 + number % 9,
    }
    path = "/api/trading/orders/create"
    orders.append((await market.post(path, body, seller.token, f"sell-{number}"))["order_id"])


async def buy(market: Market, buyer: Household, order: str) -> None:
    """Buy a whole order."""
    body = {"buyer_wallet": buyer.wallet, "order_id": order}
    await market.post("/api/trading/orders/match", body, buyer.token, f"buy-{order}")


async def rate(name: str, jobs: Sequence[Callable[[], Awaitable[Any]]]) -> dict[str, Any]:
    """Do all jobs, `UNDER_WAY` at a time; return how many a second, and what each took."""
    waiting = iter(jobs)

    async def worker() -> None:
        for job in waiting:
            await job()

    used_s, begun = cpu_s(), time.perf_counter()
    async with asyncio.TaskGroup() as workers:
        for _ in range(UNDER_WAY):
            workers.create_task(worker())
    per_s = len(jobs) / (time.perf_counter() - begun)
    return {f"{name}_per_s": round(per_s, 1), f"{name}_cpu_ms": since(used_s, len(jobs))}


def cpu_s() -> dict[str, float]:
    """Return the processor time of each process so far, in seconds, and that of the load itself."""
    return {**children_cpu_s(PROCESSES), "load": time.process_time()}


def since(used_s: Mapping[str, float], requests: int) -> dict[str, float]:
    """Return the processor time of each process since it had used so much, ms per request."""
    now_s = cpu_s()
    return {name: round((now_s[name] - used_s[name]) * 1000 / requests, 2) for name in now_s}


async def timed_trades(
    market: Market, sellers: list[Household], buyers: list[Household]
) -> dict[str, float]:
    """Match orders one after the other; return percentiles from request to confirmed trade."""
    orders: list[str] = []
    for number in range(TRADES_TIMED):
        await sell(market, sellers[number % SIDES], 10**6 + number, orders)
    times_ms = [
        await timed(buy(market, buyers[number % SIDES], order))
        for number, order in enumerate(orders)
    ]
    return percentiles("confirm", times_ms)


async def timed(work: Awaitable[Any]) -> float:
    """Return how long it takes, ms."""
    begun = time.perf_counter()
    await work
    return (time.perf_counter() - begun) * 1000


async def fill_book(market: Market, sellers: list[Household]) -> None:
    """Orders and trades as the indexer writes them."""
    wallets = [seller.wallet for seller in sellers]
    await market.world.pool.execute(
        "INSERT INTO orders (order_id, number, seller_wallet, amount_mwh, filled_mwh,"
        " price_micro_grx, status, created_at, tx_signature)"
        " SELECT 'order ' || n, 1000000 + n, ($1::text[])[1 + n % 32], 1000 * (1 + n % 5000), 0,"
        " 1000000 + n % 5000000, 'active', now() - n * interval '10 s', 'sig'"
        " FROM generate_series(1, $2::integer) AS n",
        wallets,
        BOOK,
    )
    await market.world.pool.execute(
        "INSERT INTO transactions SELECT 10000000 + n, 'order ' || n, ($1::text[])[1 + n % 32],"
        " ($1::text[])[1 + (n + 1) % 32], 1000, 1000000, 1000, 'GRX', 'sig',"
        " now() - n * interval '10 s' FROM generate_series(1, $2::integer) AS n",
        wallets,
        BOOK,
    )
    await market.world.pool.execute("ANALYZE orders; ANALYZE transactions")


async def timed_reads(
    market: Market, sellers: list[Household], orders: list[str]
) -> dict[str, Any]:
    """Read `READS_PER_S` times a second, however long each takes."""
    paths: list[tuple[str, Household | None]] = [
        ("/api/trading/orders/active?limit=50", None),
        ("/api/trading/orders?sort=-amount&min_price=2&limit=50", None),
        ("/api/trading/orders?sort=newest&seller=seller&limit=50", sellers[3]),
        (f"/api/trading/orders/{orders[0]}", None),
        ("/api/trading/trades?limit=50", None),
        ("/api/trading/statistics", None),
        ("/api/trading/price", None),
        (f"/api/trading/history?user_id={sellers[0].user_id}&limit=50", sellers[0]),
        (f"/api/users/{sellers[1].user_id}/balances", sellers[1]),
        (f"/api/users/{sellers[2].user_id}/orders?limit=50", sellers[2]),
    ]
    await asyncio.gather(*(market.get(path, who and who.token) for path, who in paths))
    used_s = cpu_s()
    begun = time.perf_counter()
    times_ms: list[float] = []

    async def read(due: float, path: str, who: Household | None) -> None:
        await market.get(path, who and who.token)
        times_ms.append((time.perf_counter() - due) * 1000)

    async with asyncio.TaskGroup() as reads:
        for number, (path, who) in enumerate(
            itertools.islice(itertools.cycle(paths), READS_PER_S * READ_S)
        ):
            due = begun + number / READS_PER_S
            await asyncio.sleep(max(0, due - time.perf_counter()))
            reads.create_task(read(due, path, who))
    return {**percentiles("read", times_ms), "read_cpu_ms": since(used_s, len(times_ms))}


def percentiles(name: str, times_ms: list[float]) -> dict[str, float]:
    """Return the median and the 99th percentile."""
    cuts = statistics.quantiles(times_ms, n=100)
    return {f"{name}_p50_ms": round(cuts[49], 1), f"{name}_p99_ms": round(cuts[98], 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="of each: users, orders, matches")
    parser.add_argument("--validator", action="store_true")
    parser.add_argument("--validator-only", action="store_true")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    only = arguments.validator_only
    figures = uvloop.run(main(arguments.count, not only, only or arguments.validator))
    lines = [f"{name}: {value}" for name, value in figures.items()]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")
