"""Transactions per second on the local chain: `./run bench chain [--json] [--transactions N]`.

The chain is a process of its own, its ledger on disk with every fsync; the transfers are signed
before the clock starts. `cpu_us` is the chain's own processor time for a transaction, which says
more than its pace on a machine that others use as well.
"""

import argparse
import asyncio
import base64
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from solders.hash import Hash
from solders.keypair import Keypair
from tests.hub.local_chain import harness

CONNECTIONS = (1, 64)
FIRST_LAMPORTS = harness.SOL


async def main(transactions: int) -> dict[str, Any]:
    """Run the benchmark and return its figures."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        process = harness.ChainProcess(Path(name) / "chain")
        await process.start()
        try:
            for connections in CONNECTIONS:
                for preflight in (False, True):
                    key = f"{connections}_{'with' if preflight else 'without'}_preflight"
                    figures[key] = await measure(process, connections, transactions, preflight)
        finally:
            process.kill()
    return figures


async def measure(
    process: harness.ChainProcess, connections: int, transactions: int, preflight: bool
) -> dict[str, Any]:
    """Send that many transfers over that many connections at a time."""
    async with harness.connected(process.url) as rpc:
        payer = await harness.funded(rpc, 1_000_000 * harness.SOL)
        bodies = iter(signed_bodies(payer, await harness.blockhash(rpc), transactions, preflight))
    chain = psutil.Process(process.pid)
    async with aiohttp.ClientSession() as http:
        cpu_before, begun = cpu_s(chain), time.perf_counter()
        await asyncio.gather(*(keep_posting(http, process.url, bodies) for _ in range(connections)))
        seconds, cpu = time.perf_counter() - begun, cpu_s(chain) - cpu_before
    return {
        "transactions_per_s": round(transactions / seconds),
        "cpu_us": round(cpu / transactions * 1e6),
    }


def signed_bodies(payer: Keypair, recent: Hash, count: int, preflight: bool) -> list[bytes]:
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


async def keep_posting(http: aiohttp.ClientSession, url: str, bodies: Iterator[bytes]) -> None:
    """Post one request after the other; each has to be answered with a signature."""
    for body in bodies:
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
    parser.add_argument("--transactions", type=int, default=4_000, help="in each of four runs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    figures = asyncio.run(main(arguments.transactions))
    lines = [
        "{}: {transactions_per_s} transactions/s, {cpu_us} µs of the chain's CPU each".format(
            key.replace("_", " "), **run
        )
        for key, run in figures.items()
    ]
    sys.stdout.write((json.dumps(figures) if arguments.json else "\n".join(lines)) + "\n")
