"""A hub's folder with its database, a second one to restore into, and the command line."""

import asyncio
import contextlib
import io
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from solders.pubkey import Pubkey
from tests.hub.onchain import ADDRESSES, PROGRAMS, World, connected, until
from tests.hub.wallets.making import new_wallet

from gridtokenx_hub.backup import Restored, back_up, restore
from gridtokenx_hub.backup.reconcile import Chain
from gridtokenx_hub.broker.authority import CertificateAuthority
from gridtokenx_hub.cli import main
from gridtokenx_hub.clocks import utc_now
from gridtokenx_hub.database import open_pool
from gridtokenx_hub.keys import load_seed
from gridtokenx_hub.wallets import WalletVault
from gridtokenx_programs import create_associated_token


@dataclass
class Hub:
    """A hub that is not running: its folder, and the URL of its database."""

    folder: Path
    url: str
    rpc_url: str

    @classmethod
    def make(cls, folder: Path, url: str, rpc_url: str) -> "Hub":
        folder.mkdir()
        hub = cls(folder, url, rpc_url)
        hub.follow(rpc_url)
        for name in ("wallets", "ack"):
            load_seed(folder / "keys" / f"{name}.seed")
        CertificateAuthority(folder / "certificates", utc_now)
        return hub

    def beside(self, name: str, url: str) -> "Hub":
        """A hub with the same keys and another database."""
        folder = self.folder.with_name(name)
        shutil.copytree(self.folder, folder)
        other = Hub(folder, url, self.rpc_url)
        other.follow(self.rpc_url)
        return other

    def follow(self, rpc_url: str) -> None:
        self.rpc_url = rpc_url
        (self.folder / "hub.toml").write_text(
            f'[database]\nurl = "{self.url}"\n[chain]\nrpc_url = "{rpc_url}"\n'
        )

    async def back_up(self, world: World, to: Path) -> Path:
        return await back_up(self.url, to, world.client, world.programs)

    async def restore(self, backup: Path, *, replace: bool = False) -> Restored:
        async with connected(self.rpc_url) as client:
            chain = Chain(client, PROGRAMS, ADDRESSES)
            return await restore(self.url, backup, self.folder, chain, replace=replace)

    @contextlib.asynccontextmanager
    async def pool(self) -> AsyncIterator[asyncpg.Pool]:
        opened = await open_pool(self.url)
        try:
            yield opened
        finally:
            await opened.close()

    async def tables(self) -> list[str]:
        async with self.pool() as pool:
            rows = await pool.fetch(
                "SELECT relname FROM pg_class WHERE relkind = 'r'"
                " AND relnamespace = 'public'::regnamespace ORDER BY 1"
            )
        return [row["relname"] for row in rows]

    async def rows(self, table: str, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """All rows of a table, in a fixed order."""
        async with self.pool() as pool:
            found = [dict(row) for row in await pool.fetch(f"SELECT * FROM {table}")]  # noqa: S608 - a name of ours
        for row in found:
            for column in without:
                row.pop(column, None)
        return sorted(found, key=repr)

    async def spawn(self, *arguments: object) -> asyncio.subprocess.Process:
        """`gtx-hub` in a process of its own, which can be killed."""
        program = Path(sys.executable).with_name("gtx-hub")
        command = [program, "--folder", self.folder, *arguments]
        return await asyncio.create_subprocess_exec(*map(str, command), stdout=PIPE, stderr=PIPE)

    async def run(self, *arguments: object) -> tuple[int, str, str]:
        """Exit code, output and errors of `gtx-hub`."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            code = await asyncio.to_thread(
                main, ["--folder", str(self.folder), *map(str, arguments)]
            )
        return code, output.getvalue(), errors.getvalue()


async def enrol(world: World, vault: WalletVault, user_type: str = "Prosumer") -> Pubkey:
    """Make a wallet that the hub holds and register it on chain, as the API does."""
    wallet = await vault.keypair(await new_wallet(vault))
    await world.register(wallet, user_type)
    await world.sender.send(
        lambda payer: [
            create_associated_token(payer, wallet.pubkey(), mint)
            for mint in (ADDRESSES.energy_mint(), ADDRESSES.grx_mint())
        ]
    )
    return wallet.pubkey()


async def killed_when(
    process: asyncio.subprocess.Process, moment: Callable[[], Awaitable[bool]]
) -> None:
    """SIGKILL a process at a moment that it must not outlive."""

    async def reached() -> bool:
        assert process.returncode is None, (await process.communicate())[1].decode()
        return await moment()

    await until(reached)
    process.kill()
    assert await process.wait() == -9
