"""A hub's API and indexer in processes of their own, and households that come to its market."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from tests.hub.onchain import ADDRESSES, INTERVAL_S, Chain, World, now_ms

from demo.processes import free_port
from gridtokenx_hub.api.access.auth import create_token
from gridtokenx_programs.tokens import TOKEN_PROGRAM

COMMAND = Path(sys.executable).parent / "gtx-hub"
TRANSFER = b"\x03"
CONNECTIONS = 128
SETTINGS = """
[chain]
rpc_url = "{rpc_url}"
settlement_interval_s = {interval_s}
[database]
url = "{database}"
[broker]
kind = "rumqttd"
port = {broker}
[api]
port = {api}
requests_per_s = 1000000
transactions_per_minute = 1000000
"""


@dataclass(frozen=True)
class Household:
    """A registered household with its token."""

    user_id: int
    wallet: str
    token: str


@dataclass
class Market:
    """The hub's API, and short words for what is done with it."""

    http: aiohttp.ClientSession
    operator: str
    world: World

    async def post(self, path: str, body: dict[str, Any], token: str, key: str) -> dict[str, Any]:
        """POST with an idempotency key; the answer."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        async with self.http.post(path, json=body, headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status not in (200, 201):
                raise RuntimeError(f"POST {path}: {response.status} {answer}")
            return answer

    async def get(self, path: str, token: str | None = None) -> dict[str, Any]:
        """GET; the answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.http.get(path, headers=headers) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if response.status != 200:
                raise RuntimeError(f"GET {path}: {response.status} {answer}")
            return answer

    async def register(self, name: str, user_type: str) -> Household:
        """A new household, whose wallet the hub holds."""
        body = {"name": name, "user_type": user_type}
        answer = await self.post(
            "/api/users", body, self.operator, f"user {name}".replace(" ", "-")
        )
        return Household(answer["user_id"], answer["wallet"], answer["token"])

    async def mint_grx(self, household: Household, grx: int) -> None:
        """GRX from the treasury."""
        body = {"user_id": household.user_id, "amount_grx": grx}
        await self.post("/api/treasury/grx", body, self.operator, f"grx-{household.user_id}")

    async def give_energy(self, households: list[Household], wh: int) -> None:
        """Energy from a meter, passed on by its owner."""
        device = await self.world.device()
        device.produce(-(-len(households) * wh // 1000))
        await self.world.settle(device, device.record(now_ms() // 1000 * 1000))
        owner, mint = device.owner.pubkey(), ADDRESSES.energy_mint()
        source = ADDRESSES.associated_token(owner, mint)
        for household in households:
            target = ADDRESSES.associated_token(Pubkey.from_string(household.wallet), mint)
            transfer = Instruction(
                TOKEN_PROGRAM,
                TRANSFER + (wh * 1000).to_bytes(8, "little"),
                [
                    AccountMeta(source, is_signer=False, is_writable=True),
                    AccountMeta(target, is_signer=False, is_writable=True),
                    AccountMeta(owner, is_signer=True, is_writable=False),
                ],
            )
            await self.world.sender.send([transfer], [device.owner])


@asynccontextmanager
async def running_market(
    folder: Path, chain: Chain, database: str, world: World
) -> AsyncIterator[Market]:
    """Start `gtx-hub api` and `gtx-hub index`; stop them."""
    port = free_port()
    (folder / "hub.toml").write_text(
        SETTINGS.format(
            rpc_url=chain.rpc_url,
            interval_s=INTERVAL_S,
            database=database,
            broker=free_port(),
            api=port,
        )
    )
    async with AsyncExitStack() as stack:
        for name in ("index", "api"):
            await stack.enter_async_context(_role(folder, name))
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=CONNECTIONS)
            )
        )
        yield Market(http, await create_token(world.pool, "operator"), world)


@asynccontextmanager
async def _role(folder: Path, name: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *(COMMAND, "--folder", folder, name), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    json.loads(await process.stdout.readline())
    try:
        yield
    finally:
        process.terminate()
        await process.wait()
