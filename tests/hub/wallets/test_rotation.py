"""The key is changed: each wallet has a key that opens it, wherever the change is broken off."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from solders.pubkey import Pubkey
from tests.hub.wallets.making import new_wallet

from demo.processes import command
from gridtokenx_hub import cli
from gridtokenx_hub.keys import load_seed, read_seed
from gridtokenx_hub.wallets import VaultError, WalletVault, rotate_key, rotation
from gridtokenx_hub.wallets.key_files import WalletKeys

KEY_IDS = "SELECT DISTINCT key_id FROM wallets"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "wallets.seed"


async def made(vault: WalletVault, count: int) -> list[Pubkey]:
    return [await new_wallet(vault) for _ in range(count)]


async def check_all(vault: WalletVault, wallets: list[Pubkey]) -> None:
    assert [(await vault.keypair(wallet)).pubkey() for wallet in wallets] == wallets


async def test_all_are_sealed_anew(
    pool: asyncpg.Pool, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 3)
    vault = WalletVault(pool, key_file)
    wallets = await made(vault, 7)
    before = load_seed(key_file)
    done = await rotate_key(pool, key_file)
    assert (done.wallets, read_seed(done.retired)) == (7, before)
    assert read_seed(key_file) != before
    assert await pool.fetchval(KEY_IDS) == done.key_id
    assert not key_file.with_name("wallets-next.seed").exists()
    done.retired.unlink()
    await check_all(WalletVault(pool, key_file), wallets)


async def test_a_hub_that_runs_meanwhile(pool: asyncpg.Pool, key_file: Path) -> None:
    """It has opened the old key, and makes wallets and signs before, during and after."""
    vault = WalletVault(pool, key_file)
    wallets = await made(vault, 3)
    keys = WalletKeys(key_file)
    new = keys.begin()
    wallets += await made(vault, 2)
    async with pool.acquire() as connection:
        await rotation._seal_some(connection, keys, new, rotation._TABLES[0])
    await check_all(vault, wallets)
    keys.finish()
    wallets += await made(vault, 2)
    await check_all(vault, wallets)
    assert await pool.fetchval(KEY_IDS) == new.key_id
    done = await rotate_key(pool, key_file)
    await check_all(vault, wallets)
    assert done.wallets == len(wallets)


async def test_a_wallet_made_with_the_old_key_at_the_last_moment(
    pool: asyncpg.Pool, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process looked for the key, and wrote when the change had gone over all wallets."""
    vault = WalletVault(pool, key_file)
    late = WalletKeys(key_file).newest()
    wallets: list[Pubkey] = []
    seal_all, calls = rotation._seal_all, []

    async def seal_then_make(*parts: Any) -> int:
        count = await seal_all(*parts)
        calls.append(count)
        if len(calls) == 1:
            monkeypatch.setattr(vault._keys, "newest", lambda: late)
            wallets.append(await new_wallet(vault))
        return count

    monkeypatch.setattr(rotation, "_seal_all", seal_then_make)
    done = await rotate_key(pool, key_file)
    assert calls == [0, 1]
    assert await pool.fetchval(KEY_IDS) == done.key_id
    await check_all(WalletVault(pool, key_file), wallets)


class Killed(BaseException):
    """The process ends here."""


def dying_after(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, times: int = 1) -> None:
    """Let it die when it has done this so many times."""
    original, calls = getattr(owner, name), []

    def done() -> None:
        calls.append(name)
        if len(calls) == times:
            raise Killed

    if asyncio.iscoroutinefunction(original):

        async def step(*arguments: Any, **named: Any) -> Any:
            result = await original(*arguments, **named)
            done()
            return result
    else:

        def step(*arguments: Any, **named: Any) -> Any:
            result = original(*arguments, **named)
            done()
            return result

    monkeypatch.setattr(owner, name, step)


STEPS = {
    "new key made": (WalletKeys, "begin"),
    "some sealed": (rotation, "_seal_some"),
    "all sealed": (rotation, "_seal_all"),
    "old key linked": (Path, "hardlink_to"),
    "keys changed": (Path, "replace"),
    "all done": (WalletKeys, "finish"),
}


@pytest.mark.parametrize("step", STEPS)
async def test_broken_off(
    pool: asyncpg.Pool, key_file: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A hub that ran, and one that starts then, open all wallets; the change goes on."""
    monkeypatch.setattr(rotation, "BATCH", 2)
    running = WalletVault(pool, key_file)
    wallets = await made(running, 5)
    owner, name = STEPS[step]
    # the new key's own file is linked first
    with monkeypatch.context() as patch:
        dying_after(patch, owner, name, 2 if step == "old key linked" else 1)
        with pytest.raises(Killed):
            await rotate_key(pool, key_file)
    for vault in (running, WalletVault(pool, key_file)):
        wallets += await made(vault, 1)
        await check_all(vault, wallets)
    done = await rotate_key(pool, key_file)
    await check_all(running, wallets)
    assert await pool.fetchval(KEY_IDS) == done.key_id
    assert not key_file.with_name("wallets-next.seed").exists()


@pytest.mark.soak
async def test_killed(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path, soak_times: int
) -> None:
    """The command itself, by SIGKILL, while it seals."""
    (tmp_path / "hub.toml").write_text(f"[database]\nurl = '{database_url}'\n")
    key_file = tmp_path / "keys" / "wallets.seed"
    vault = WalletVault(pool, key_file)
    wallets = await made(vault, 400)
    for _ in range(2 * soak_times):
        before = await pool.fetchval(KEY_IDS)
        process = await asyncio.create_subprocess_exec(
            *(command("gtx-hub"), "--folder", str(tmp_path), "wallets", "rotate-key"),
        )
        while await pool.fetchval("SELECT bool_and(key_id = $1) FROM wallets", before):
            assert process.returncode is None
            await asyncio.sleep(0)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await check_all(vault, wallets)
        await check_all(WalletVault(pool, key_file), wallets)
        await rotate_key(pool, key_file)
        await check_all(vault, wallets)


async def test_a_wallet_that_does_not_open(pool: asyncpg.Pool, key_file: Path) -> None:
    """The change is not finished, both keys stay, and the others open."""
    vault = WalletVault(pool, key_file)
    wallets = await made(vault, 3)
    present = read_seed(key_file)
    await pool.execute(
        "UPDATE wallets SET nonce = substr(sha256(nonce), 1, 12) WHERE wallet = $1", str(wallets[0])
    )
    with pytest.raises(VaultError, match=str(wallets[0])):
        await rotate_key(pool, key_file)
    assert read_seed(key_file) == present
    await check_all(vault, wallets[1:])


async def test_the_command(
    pool: asyncpg.Pool, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hub.toml").write_text(f"[database]\nurl = '{database_url}'\n")
    vault = WalletVault(pool, tmp_path / "keys" / "wallets.seed")
    wallets = await made(vault, 2)
    words = ["--folder", str(tmp_path), "wallets", "rotate-key"]
    assert await asyncio.to_thread(cli.main, words) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["wallets"] == 2
    assert len(read_seed(Path(said["retired"]))) == 32
    await check_all(vault, wallets)
