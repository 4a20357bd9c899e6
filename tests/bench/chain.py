"""Transactions per second on the local chain: `./run bench chain [--json] [--transactions N]`.

The chain is a process of its own, its ledger on disk with every fsync; the transfers are signed
before the clock starts. They come over one connection, over 64, and at a steady 500 a second.
`cpu_us` is the chain's own processor time for a transaction, which says more than its pace on a
machine that others use as well.
"""

import argparse
import asyncio
import base64
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from solders.hash import Hash
from solders.keypair import Keypair
from tests.hub.local_chain import harness

CONNECTIONS = (1, 64)
STEADY_PER_S = 500
FIRST_LAMPORTS = harness.SOL


async def main(transactions: int) -> dict[str, Any]:
    """Run the benchmark and return its figures."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        process = harness.ChainProcess(Path(name) / "chain")
        await process.start()
        try:
            for preflight in (False, True):
                suffix = "with_preflight" if preflight else "without_preflight"
                for connections in CONNECTIONS:
                    load = Load(process, transactions, preflight=preflight)
                    figures[f"{connections}_{suffix}"] = await load.all_at_once(connections)
                load = Load(process, transactions, preflight=preflight)
                figures[f"steady_{suffix}"] = await load.at_a_steady_pace()
        finally:
            process.kill()
    return figures


class Load:
    """Transfers, and the chain that they are for."""

    def __init__(self, process: harness.ChainProcess, count: int, *, preflight: bool) -> None:
        self._url = process.url
        self._process = psutil.Process(process.pid)
        self._count = count
        self._preflight = preflight

    async def all_at_once(self, connections: int) -> dict[str, Any]:
        """Each connection sends its next transfer when the last is answered."""

        async def keep_posting(http: aiohttp.ClientSession, bodies: Iterator[bytes]) -> None:
            for body in bodies:
                await post(http, self._url, body)

        async def send(http: aiohttp.ClientSession, bodies: list[bytes]) -> None:
            left = iter(bodies)
            await asyncio.gather(*(keep_posting(http, left) for _ in range(connections)))

        return await self._measure(send)

    async def at_a_steady_pace(self) -> dict[str, Any]:
        """Transfers come in when they come in, whatever the chain does."""

        async def send(http: aiohttp.ClientSession, bodies: list[bytes]) -> None:
            begun = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for index, body in enumerate(bodies):
                    due = begun + index / STEADY_PER_S
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                    group.create_task(post(http, self._url, body))

        return await self._measure(send)

    async def _measure(
        self, send: Callable[[aiohttp.ClientSession, list[bytes]], Awaitable[None]]
    ) -> dict[str, Any]:
        async with harness.connected(self._url) as rpc:
            payer = await harness.funded(rpc, 1_000_000 * harness.SOL)
            recent = await harness.blockhash(rpc)
            bodies = signed_bodies(payer, recent, self._count, preflight=self._preflight)
            slot = await rpc.call("getSlot")
            async with aiohttp.ClientSession() as http:
                cpu_before, begun = cpu_s(self._process), time.perf_counter()
                await send(http, bodies)
                seconds, cpu = time.perf_counter() - begun, cpu_s(self._process) - cpu_before
            slots = int(str(await rpc.call("getSlot"))) - int(str(slot))
        return {
            "transactions_per_s": round(self._count / seconds),
            "cpu_us": round(cpu / self._count * 1e6),
            "transactions_per_slot": round(self._count / slots, 1),
        }


def signed_bodies(payer: Keypair, recent: Hash, count: int, *, preflight: bool) -> list[bytes]:
    """Requests that send transfers, each to an address of its own."""
    config = {"encoding": "base64", "skipPreflight": not preflight}
    bodies = []
    for index in range(count):
        to = Keypair().pubkey()
        raw = bytes(harness.transfer_of(FIRST_LAMPORTS + index, payer, to, recent))
        params = [base64.b64encode(raw).decode(), config]
        request = {"jsonrpc": "2.0", "id": 1, "method": "sendTransaction", "params": params}
        bodies.append(json.dumps(request).encode())
    return bodies


async def post(http: aiohttp.ClientSession, url: str, body: bytes) -> None:
    """Post one request, which has to be answered with a signature."""
    headers = {"Content-Type": "application/json"}
    async with http.post(url, data=body, headers=headers) as response:
        answer = await response.json()
    if "error" in answer:
        raise RuntimeError(f"the chain refused a transfer: {answer['error']}")


def cpu_s(chain: psutil.Process) -> float:
    """Processor time that a process has used."""
    used = chain.cpu_times()
    return float(used.user + used.system)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=4_000, help="in each of six runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = asyncio.run(main(arguments.transactions))
    lines = [
        "{}: {transactions_per_s} transactions/s, {cpu_us} µs of the chain's CPU each,"
        " {transactions_per_slot} in a slot".format(key.replace("_", " "), **run)
        for key, run in figures.items()
    ]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")
