"""The product's local chain with its programs set up, for one client after the other."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from tests.hub.conftest import free_port

from gridtokenx_hub.bootstrap import bootstrap
from gridtokenx_hub.chain import ChainClient, FeePayerPool, TransactionSender
from gridtokenx_hub.keys import RoleKeys, load_role_keys
from gridtokenx_programs import Addresses, Event, create_associated_token
from gridtokenx_protocol.deployment import deployment_id

from .described import PROGRAMS

CLIENTS = {name: program.client for name, program in PROGRAMS.items()}
ADDRESSES = Addresses(*(program.id for program in CLIENTS.values()))
GTX_HUB = Path(sys.executable).parent / "gtx-hub"
INTERVAL_S = 1
GRX_CAP = 10**15
AIRDROP = 10 * 10**9


@dataclass(frozen=True)
class Chain:
    """A chain that is set up, and the roles of its deployment."""

    rpc_url: str
    roles: RoleKeys
    deployment: bytes

    def prepare(self, payer: Keypair, *wallets: Keypair) -> None:
        """SOL for the payer, both token accounts for each wallet."""

        async def act(client: ChainClient) -> None:
            await client.airdrop(payer.pubkey(), AIRDROP)
            await self._sender(client).send(
                lambda by: [
                    create_associated_token(by, wallet.pubkey(), mint)
                    for wallet in wallets
                    for mint in (ADDRESSES.energy_mint(), ADDRESSES.grx_mint())
                ]
            )

        asyncio.run(self._with_client(act))

    def events(self, program: str, signature: str) -> list[Event]:
        """The events of a transaction as our client reads them."""

        async def read(client: ChainClient) -> list[Event]:
            found = await client.transaction(signature)
            assert found is not None
            own = CLIENTS[program]
            inner = [item.data for item in found.inner_instructions if item.program_id == own.id]
            return [event for data in inner if (event := own.decode_event(data))]

        return asyncio.run(self._with_client(read))

    def account(self, program: str, kind: str, address: Pubkey) -> dict[str, Any]:
        """An account as our client reads it."""

        async def read(client: ChainClient) -> dict[str, Any]:
            found = await client.account(address)
            assert found is not None
            return CLIENTS[program].decode_account(kind, found.data)

        return asyncio.run(self._with_client(read))

    def _sender(self, client: ChainClient) -> TransactionSender:
        return TransactionSender(client, FeePayerPool(self.roles.fee_payers), CLIENTS)

    async def _with_client(self, act: Any) -> Any:
        client = ChainClient(self.rpc_url)
        try:
            return await act(client)
        finally:
            await client.close()


@contextmanager
def running_chain(folder: Path) -> Iterator[Chain]:
    """`gtx-hub chain` on a free port, with the three programs initialised."""
    rpc_url = f"http://127.0.0.1:{free_port()}"
    environment = {**os.environ, "GTX_CHAIN__RPC_URL": rpc_url}
    with subprocess.Popen(
        [GTX_HUB, "--folder", folder, "chain"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["ready"] == "chain"
            roles = load_role_keys(folder / "keys", 1)
            yield Chain(rpc_url, roles, asyncio.run(_set_up(rpc_url, roles)))
        finally:
            process.terminate()


async def _set_up(rpc_url: str, roles: RoleKeys) -> bytes:
    client = ChainClient(rpc_url)
    sender = TransactionSender(client, FeePayerPool(roles.fee_payers), CLIENTS)
    try:
        await bootstrap(client, sender, CLIENTS, ADDRESSES, roles, INTERVAL_S, GRX_CAP)
        genesis_hash = bytes(await client.genesis_hash())
    finally:
        await client.close()
    return deployment_id(genesis_hash, bytes(ADDRESSES.registry))
