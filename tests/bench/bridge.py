"""Paying in baht: `./run bench bridge [--json] [--count N] [--at-once N]`.

Seconds from a payment on the EVM chain to the buyer's energy and to the treasury's baht, one
payment after the other, with the wait until the payment is final there apart from the rest. Then
many payments at once: how many a second get their energy and their release, from the first payment
on, that wait included. On anvil, where a block comes each second and the last but two is final, and
the local chain; with three guardians that look each second, two of whom must sign. Hub, guardians
and load share a process, and everything the machine.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from _world import fresh_database

TESTS = Path(__file__).parents[1]
# The tests' worlds look for each other on the path.
sys.path[:0] = [str(TESTS / folder) for folder in ("hub/bridge", "hub/api", "programs")]

from hub_world import open_world  # noqa: E402 - needs the path made above
from relay_world import RelayWorld, relaying  # noqa: E402 - as well

from gridtokenx_hub.bridge.evm_client import EvmClient  # noqa: E402 - all imports together
from gridtokenx_hub.chain.rpc import RpcConnection  # noqa: E402
from gridtokenx_hub.database import migrate, open_pool  # noqa: E402

BLOCK_S = 1.0
LOOK_S = 1.0
"""A guardian's pause between two looks."""
ASKED_EVERY_S = 0.02
PATIENCE_S = 300

DELIVERED = (
    "SELECT count(*) FROM reservations WHERE status = 'matched' AND reservation_id = ANY($1)"
)
RELEASED = "SELECT count(*) FROM payments WHERE state = 'released' AND reservation_id = ANY($1)"

Bought = dict[str, Any]


async def main(count: int, at_once: int) -> dict[str, Any]:
    """Run the benchmark; return its figures."""
    async with prepared_database() as url:
        with tempfile.TemporaryDirectory() as name:
            hub, guardians = Path(name) / "hub", Path(name) / "guardians"
            hub.mkdir()
            async with open_world(url, hub) as world, relaying(world, guardians) as relay:
                return await measured(relay, count, at_once)


@asynccontextmanager
async def prepared_database() -> AsyncIterator[str]:
    """A server with the template that the tests' worlds are made from; its URL."""
    async with fresh_database() as url:
        server = url.rpartition("/")[0]
        admin = await asyncpg.connect(url)
        await admin.execute("CREATE DATABASE migrated")
        await admin.close()
        async with await open_pool(f"{server}/migrated") as pool:
            await migrate(pool)
        yield server


async def measured(relay: RelayWorld, count: int, at_once: int) -> dict[str, Any]:
    """Let everything run by itself, and buy."""
    stop = asyncio.Event()
    rpc = RpcConnection(relay.settings.rpc_url)
    client = EvmClient(relay.settings.rpc_url, relay.settings.chain_id)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.job.run(stop))
        tasks.create_task(blocks(rpc, stop))
        for guardian in relay.guardians:
            tasks.create_task(guardian.parts.guardian.run(stop, LOOK_S))
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await one_by_one(relay, client, count) | await together(
                    relay, client, at_once
                )
        finally:
            stop.set()
            await client.close()


async def blocks(rpc: RpcConnection, stop: asyncio.Event) -> None:
    """Time passes on the EVM chain."""
    while not stop.is_set():
        await rpc.call("evm_mine")
        await asyncio.sleep(BLOCK_S)
    await rpc.close()


async def one_by_one(relay: RelayWorld, client: EvmClient, count: int) -> dict[str, float]:
    """Pay, and wait for all that follows, `count` times; medians and the longest, in seconds."""
    spans: dict[str, list[float]] = {
        "payment_to_final": [],
        "final_to_energy": [],
        "payment_to_energy": [],
        "energy_to_released": [],
    }
    for _ in range(count):
        _, _, bought = await relay.purchase()
        final, energy, released = await followed(relay, client, [bought])
        spans["payment_to_final"].append(final)
        spans["final_to_energy"].append(energy - final)
        spans["payment_to_energy"].append(energy)
        spans["energy_to_released"].append(released - energy)
    return {
        f"{name}_{figure}_s": round(of(times), 2)
        for name, times in spans.items()
        for figure, of in (("p50", statistics.median), ("max", max))
    }


async def together(relay: RelayWorld, client: EvmClient, at_once: int) -> dict[str, Any]:
    """Pay for many reservations at once; return how many a second come through."""
    bought = [(await relay.purchase())[2] for _ in range(at_once)]
    final, energy, released = await followed(relay, client, bought)
    return {
        "payments_at_once": at_once,
        "all_final_s": round(final, 2),
        "all_energy_s": round(energy, 2),
        "all_released_s": round(released, 2),
        "payments_to_energy_per_s": round(at_once / energy, 1),
        "payments_to_release_per_s": round(at_once / released, 1),
    }


async def followed(
    relay: RelayWorld, client: EvmClient, bought: Sequence[Bought]
) -> tuple[float, float, float]:
    """Pay for all; return after how many seconds all were final, delivered and released."""
    begun = time.perf_counter()
    for one in bought:
        relay.pay(one)
        await asyncio.sleep(0)  # the hub's turn: anvil is asked without it
    paid_block = (await client.newest()).number
    names = [one["reservation_id"] for one in bought]

    async def are_final() -> bool:
        return await client.final_number() >= paid_block

    async def are_delivered() -> bool:
        return bool(await relay.world.pool.fetchval(DELIVERED, names) == len(names))

    async def are_released() -> bool:
        return bool(await relay.world.pool.fetchval(RELEASED, names) == len(names))

    async with asyncio.TaskGroup() as waiting:
        spans = [
            waiting.create_task(until(reached, begun))
            for reached in (are_final, are_delivered, are_released)
        ]
    final, energy, released = (span.result() for span in spans)
    return final, energy, released


async def until(reached: Callable[[], Awaitable[bool]], begun: float) -> float:
    """Return how long after `begun` something was so, in seconds."""
    while not await reached():  # noqa: ASYNC110 - other processes, which set no event here
        await asyncio.sleep(ASKED_EVERY_S)
    return time.perf_counter() - begun


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10, help="payments, one after the other")
    parser.add_argument("--at-once", type=int, default=32, help="payments at the same time")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = asyncio.run(main(arguments.count, arguments.at_once))
    lines = [f"{name}: {value}" for name, value in figures.items()]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")
