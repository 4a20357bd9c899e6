"""Settlements per second: `./run bench settle [--json] [--meters N] [--rounds N]`.

Timed is from the outbox to the indexer's word, on a local chain in a process of its own, and then
on solana-test-validator if it is on PATH or in the folder that GTX_SOLANA_BIN names. Each meter has
one reading a round. In the first round the meters are new: their ledgers are opened, and no lookup
table holds their accounts; the rounds behind it are ordinary days.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import asyncpg
from _world import fresh_database, opened_world
from tests.hub.chain import validator
from tests.hub.onchain import (
    Chain,
    Device,
    World,
    program_files,
    running,
    running_chain,
    until,
)

PATIENCE_S = 600


async def main(meters: int, rounds: int) -> dict[str, Any]:
    """Run the benchmark on every chain that there is, and return its figures by chain."""
    figures: dict[str, Any] = {"meters": meters}
    async with fresh_database() as url:
        with tempfile.TemporaryDirectory() as name, running_chain(Path(name)) as rpc_url:
            chain = Chain(rpc_url, Path(name) / "keys")
            figures["local_chain"] = await measure(url, chain, meters, rounds)
    binary = validator.find()
    if binary is None:
        return figures
    async with fresh_database() as url:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            programs = program_files(folder)
            async with validator.running(binary, folder / "ledger", programs) as rpc_url:
                chain = Chain(rpc_url, folder / "keys")
                figures["validator"] = await measure(url, chain, meters, rounds)
    return figures


async def measure(url: str, chain: Chain, meters: int, rounds: int) -> list[dict[str, Any]]:
    """Register the meters, then time each round of settlements."""
    async with opened_world(url, chain) as world:
        devices = await world.devices(meters)
        # A young validator has no final slot for a while, and each lookup table needs one.
        await until(lambda: is_final(world), PATIENCE_S)
        return [
            # 1 kWh in ten minutes is within the limits of a meter of 20 kW
            await settle_all(world, devices, minutes_ago=10 * round_)
            for round_ in reversed(range(rounds))
        ]


async def settle_all(world: World, devices: list[Device], minutes_ago: int) -> dict[str, Any]:
    """Give every meter a reading; return how long it took until all were settled."""
    before = await world.pool.fetchval("SELECT count(*) FROM settlements")
    await world.read(devices, kwh=1, seconds_ago=minutes_ago * 60)
    settled = "SELECT count(*) FROM settlements WHERE status = 'settled'"
    begun = time.perf_counter()
    async with running(world.indexer(), world.settlement()):
        await until(lambda: counts(world.pool, settled, before + len(devices)), PATIENCE_S)
        seconds = time.perf_counter() - begun
        await world.shelved(devices)
    transactions = await world.pool.fetchval(
        "SELECT count(DISTINCT tx_signature) FROM settlements WHERE id > $1", before
    )
    return {
        "seconds": round(seconds, 2),
        "settlements_per_s": round(len(devices) / seconds, 1),
        "transactions": transactions,
    }


async def is_final(world: World) -> bool:
    """Whether the chain has begun to make its slots final."""
    return await world.client.final_slot() > 0


async def counts(pool: asyncpg.Pool, query: str, expected: int) -> bool:
    """Whether a count has been reached."""
    return bool(await pool.fetchval(query) >= expected)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=240)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = asyncio.run(main(arguments.meters, arguments.rounds))
    lines = [
        "{}, round {}: {settlements_per_s} settlements/s, {transactions} transactions".format(
            chain, number, **figures_of_round
        )
        for chain in ("local_chain", "validator")
        for number, figures_of_round in enumerate(figures.get(chain, ()), 1)
    ]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")
