"""Custody: wallets come back as they were, and only with the key and the row they belong to."""

from pathlib import Path

import asyncpg
import pytest
from solders.keypair import Keypair
from tests.hub.wallets.making import new_wallet

from gridtokenx_hub.keys import KeyFileError, load_seed
from gridtokenx_hub.wallets import UnknownWallet, VaultError, WalletVault
from gridtokenx_hub.wallets.key_files import WalletKeys


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "secret" / "wallets.key"


async def test_a_wallet_signs_after_a_restart(pool: asyncpg.Pool, key_file: Path) -> None:
    wallet = await new_wallet(WalletVault(pool, key_file))
    keypair = await WalletVault(pool, key_file).keypair(wallet)
    assert keypair.pubkey() == wallet
    assert keypair.sign_message(b"x").verify(wallet, b"x")


def test_the_key_file_is_private(pool: asyncpg.Pool, key_file: Path) -> None:
    WalletVault(pool, key_file)
    assert key_file.stat().st_mode & 0o777 == 0o600
    key_file.chmod(0o640)
    with pytest.raises(KeyFileError):
        WalletVault(pool, key_file)


async def test_the_seed_is_not_in_the_database(pool: asyncpg.Pool, key_file: Path) -> None:
    vault = WalletVault(pool, key_file)
    wallet = await new_wallet(vault)
    seed = bytes(await vault.keypair(wallet))[:32]
    row = await pool.fetchrow("SELECT * FROM wallets")
    assert row is not None
    stored = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert seed not in stored
    assert load_seed(key_file) not in stored
    assert row["key_id"] == WalletKeys(key_file).newest().key_id
    assert seed.hex() not in repr(vault)


async def test_an_unknown_wallet(pool: asyncpg.Pool, key_file: Path) -> None:
    with pytest.raises(UnknownWallet):
        await WalletVault(pool, key_file).keypair(Keypair().pubkey())


async def test_another_key_names_both(pool: asyncpg.Pool, key_file: Path) -> None:
    vault = WalletVault(pool, key_file)
    wallet = await new_wallet(vault)
    other_file = key_file.with_name("other.key")
    other = WalletVault(pool, other_file)
    ids = [WalletKeys(file).newest().key_id for file in (key_file, other_file)]
    with pytest.raises(VaultError, match=".*".join(ids)):
        await other.keypair(wallet)


async def test_a_seed_moved_to_another_wallet_does_not_open(
    pool: asyncpg.Pool, key_file: Path
) -> None:
    """Whoever can write to the database cannot let one user sign as another."""
    vault = WalletVault(pool, key_file)
    mine, theirs = await new_wallet(vault), await new_wallet(vault)
    await pool.execute(
        "UPDATE wallets a SET nonce = b.nonce, ciphertext = b.ciphertext FROM wallets b"
        " WHERE a.wallet = $1 AND b.wallet = $2",
        str(theirs),
        str(mine),
    )
    with pytest.raises(VaultError, match="altered"):
        await vault.keypair(theirs)
    assert (await vault.keypair(mine)).pubkey() == mine


async def test_an_altered_seed_does_not_open(pool: asyncpg.Pool, key_file: Path) -> None:
    vault = WalletVault(pool, key_file)
    wallet = await new_wallet(vault)
    await pool.execute(
        "UPDATE wallets SET ciphertext = set_byte(ciphertext, 1, 255 - get_byte(ciphertext, 1))"
    )
    with pytest.raises(VaultError, match="altered"):
        await vault.keypair(wallet)


async def test_wallets_and_nonces_differ(pool: asyncpg.Pool, key_file: Path) -> None:
    vault = WalletVault(pool, key_file)
    wallets = {await new_wallet(vault) for _ in range(20)}
    nonces = await pool.fetchval("SELECT count(DISTINCT nonce) FROM wallets")
    assert len(wallets) == nonces == 20


async def test_whoever_has_the_key_file_makes_lost_wallets_again(
    pool: asyncpg.Pool, key_file: Path
) -> None:
    vault = WalletVault(pool, key_file)
    wallets = [await new_wallet(vault) for _ in range(5)]
    await pool.execute("DELETE FROM wallets WHERE number > 2")
    foreign = Keypair().pubkey()
    assert await vault.recover([wallets[4], foreign, wallets[2]], after=2) == [
        wallets[2],
        wallets[4],
    ]
    assert (await vault.keypair(wallets[4])).pubkey() == wallets[4]
    with pytest.raises(UnknownWallet):
        await vault.keypair(wallets[3])
    other = WalletVault(pool, key_file.with_name("other.key"))
    assert await other.recover([wallets[3]], after=2) == []


async def test_a_wallet_whose_number_was_drawn_before_the_backup_and_stored_after_it(
    pool: asyncpg.Pool, key_file: Path
) -> None:
    vault = WalletVault(pool, key_file)
    (under_way,) = await vault.make(1)
    await new_wallet(vault)
    after = await pool.fetchval("SELECT last_value FROM wallet_numbers")
    wallet = under_way.keypair.pubkey()
    assert await vault.recover([wallet], after) == [wallet]
    assert (await vault.keypair(wallet)).pubkey() == wallet
