"""Nodes with fresh deployments, and worlds on them, one after the other."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path

from solders.keypair import Keypair
from tests.hub.chain import validator
from tests.hub.local_chain import harness

from worlds.deployments import deployment, programs, write_accounts
from worlds.json_rpc import PROCESSED, Node
from worlds.rpc import RpcWorld
from worlds.world import SOL

TICKS_PER_SLOT = 16  # of 6.25 ms each: slots of 100 ms
MOST_DEPLOYMENTS = 1_500  # more than there are tests of them; each is a hundred bytes of genesis
DEPLOYMENTS_OF_A_LOCAL_CHAIN = 100  # each takes 2 MB of memory
PAYER_LAMPORTS = 50_000 * SOL  # a twentieth of what the faucet of a validator has


def on_node(url: str, numbers: Iterable[int]) -> Iterator[RpcWorld]:
    """A world for each of a node's deployments with these numbers."""
    with closing(Node(url)) as node:
        payer = Keypair()
        node.call("requestAirdrop", str(payer.pubkey()), PAYER_LAMPORTS)

        def funded() -> bool | None:
            balance = node.call("getBalance", str(payer.pubkey()), PROCESSED)
            return balance["value"] > 0 or None

        node.wait_for("an airdrop", funded)
        for number in numbers:
            yield RpcWorld(node, payer, deployment(number))


def on_local_chains(folder: Path) -> Iterator[RpcWorld]:
    """Worlds on local chains; a new one starts when the last has no deployment left."""
    for first in itertools.count(step=DEPLOYMENTS_OF_A_LOCAL_CHAIN):
        numbers = range(first, first + DEPLOYMENTS_OF_A_LOCAL_CHAIN)
        process = harness.ChainProcess(folder / f"ledger-{first}", programs(folder, numbers))
        asyncio.run(process.start())
        try:
            yield from on_node(process.url, numbers)
        finally:
            process.kill()


@contextmanager
def running_validator(binary: str, folder: Path) -> Iterator[str]:
    """A validator with slots of 100 ms and all deployments; yields its URL."""
    accounts = folder / "accounts"
    accounts.mkdir()
    write_accounts(accounts, programs(folder, range(MOST_DEPLOYMENTS)))
    options = ["--account-dir", str(accounts)]
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        node = validator.running(
            binary, folder / "ledger", ticks_per_slot=TICKS_PER_SLOT, options=options
        )
        url = runner.run(stack.enter_async_context(node))
        try:
            yield url
        finally:
            runner.run(stack.aclose())
