"""Nodes with our programs initialised on them: the local chain and, where there is one, a
validator; and the `solana` command line."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.chain import validator
from tests.hub.local_chain.harness import ChainProcess
from tests.interop.programs import ADDRESSES, ELVES, PROGRAMS

from gridtokenx_hub.bootstrap import bootstrap
from gridtokenx_hub.chain import ChainClient, FeePayerPool, TransactionSender
from gridtokenx_hub.keys import RoleKeys, load_registrar, load_role_keys
from gridtokenx_programs import create_associated_token

NODES = ["local chain", *(["validator"] if validator.find() else [])]
FAST_SLOT_TICKS = 16
INTERVAL_S = 900
GRX_CAP = 10**15
GRX_MINTED = 12_345_678


@dataclass(frozen=True)
class Node:
    """A node, what is on it, and the command line that asks it."""

    url: str
    roles: RoleKeys
    holder: Pubkey
    signature: str
    home: Path

    def solana(self, *arguments: str) -> str:
        """What `solana` prints, with a home of its own."""
        binary = validator.find("solana")
        assert binary is not None
        run = subprocess.run(
            [binary, "--url", self.url, *arguments],
            env={"HOME": str(self.home)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        return run.stdout

    def account(self, address: Pubkey) -> dict[str, Any]:
        """An account as `solana account` shows it."""
        shown: dict[str, Any] = json.loads(
            self.solana("account", str(address), "--output", "json-compact")
        )
        assert shown["pubkey"] == str(address)
        account: dict[str, Any] = shown["account"]
        return account


@pytest.fixture(scope="module", params=NODES)
def node(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """Each kind of node in turn, initialised, with GRX in one wallet."""
    folder = tmp_path_factory.mktemp("node")
    key = folder / ".config" / "solana" / "id.json"
    key.parent.mkdir(parents=True)
    key.write_text(json.dumps(list(bytes(Keypair()))))
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        started = _validator(folder) if request.param == "validator" else _local_chain(folder)
        url = runner.run(stack.enter_async_context(started))
        load_registrar(folder / "keys")
        roles, holder = load_role_keys(folder / "keys", 1), Keypair().pubkey()
        signature = runner.run(_set_up(url, roles, holder))
        yield Node(url, roles, holder, signature, folder)
        runner.run(stack.aclose())


@asynccontextmanager
async def _local_chain(folder: Path) -> AsyncIterator[str]:
    process = ChainProcess(folder / "ledger", ELVES)
    await process.start()
    try:
        yield process.url
    finally:
        assert process.stop() == 0


@asynccontextmanager
async def _validator(folder: Path) -> AsyncIterator[str]:
    binary = validator.find()
    assert binary is not None
    async with validator.running(binary, folder / "ledger", ELVES, FAST_SLOT_TICKS) as url:
        yield url


async def _set_up(url: str, roles: RoleKeys, holder: Pubkey) -> str:
    """Initialise everything and mint GRX; the signature of the transaction that mints."""
    client = ChainClient(url)
    sender = TransactionSender(client, FeePayerPool(roles.fee_payers), PROGRAMS)
    mint = ADDRESSES.grx_mint()
    accounts = {
        "config": ADDRESSES.energy_config(),
        "treasury": roles.treasury.pubkey(),
        "grx_mint": mint,
        "destination": ADDRESSES.associated_token(holder, mint),
    }
    minted = PROGRAMS["energy_token"].instruction("mint_grx", {"amount": GRX_MINTED}, accounts)
    try:
        await bootstrap(client, sender, PROGRAMS, ADDRESSES, roles, INTERVAL_S, GRX_CAP)
        sent = await sender.send(
            lambda payer: [create_associated_token(payer, holder, mint), minted],
            (roles.treasury,),
        )
    finally:
        await client.close()
    return str(sent.signature)
