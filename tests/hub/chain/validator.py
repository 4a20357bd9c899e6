"""A real validator, where there is one."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from solders.pubkey import Pubkey
from tests.hub.local_chain import harness

from gridtokenx_hub.chain import ChainUnavailable
from gridtokenx_hub.chain.rpc import RpcConnection

NAME = "solana-test-validator"
START_TIMEOUT_S = 60


def find(name: str = NAME) -> str | None:
    """Where the validator, or another of Solana's tools, is: in the folder that GTX_SOLANA_BIN
    names, else on PATH."""
    folder = os.environ.get("GTX_SOLANA_BIN")
    return shutil.which(name, path=folder) if folder else shutil.which(name)


@asynccontextmanager
async def running(
    binary: str,
    ledger: Path,
    programs: Sequence[tuple[Pubkey, Path]] = (),
    ticks_per_slot: int = 64,
    options: Sequence[str] = (),
) -> AsyncIterator[str]:
    """Start a validator with these programs and wait until it makes blocks; yields its URL.

    A tick is 6.25 ms.
    """
    rpc_port, faucet_port = harness.free_port(), harness.free_port()
    arguments = ["--ledger", str(ledger), "--rpc-port", str(rpc_port)]
    arguments += ["--ticks-per-slot", str(ticks_per_slot)]
    arguments += ["--faucet-port", str(faucet_port), "--bind-address", "127.0.0.1", "--quiet"]
    for address, file in programs:
        arguments += ["--bpf-program", str(address), str(file)]
    arguments += options
    # Others on this machine may run one with the default ports.
    first = min(harness.free_port(), 65_000)
    arguments += ["--gossip-port", str(first), "--dynamic-port-range", f"{first + 1}-{first + 100}"]
    process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
        [binary, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{rpc_port}"
        await _wait_for_blocks(url)
        yield url
    finally:
        process.kill()  # its ledger is thrown away, and it takes its time to say goodbye
        process.wait()


async def _wait_for_blocks(url: str) -> None:
    rpc = RpcConnection(url, retry_pauses_s=())
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while True:
                try:
                    slot = await rpc.call("getSlot", {"commitment": "confirmed"})
                except ChainUnavailable:
                    slot = 0
                if isinstance(slot, int) and slot > 2:
                    return
                await asyncio.sleep(0.2)
    finally:
        await rpc.close()
