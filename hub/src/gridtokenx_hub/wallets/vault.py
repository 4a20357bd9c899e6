"""Wallet seeds, sealed with a key that the database never sees."""

import os
from pathlib import Path

import asyncpg
from cryptography.exceptions import InvalidTag
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.keys import SEED_SIZE
from gridtokenx_hub.wallets.key_files import WalletKeys


class UnknownWallet(LookupError):
    """The hub does not hold this wallet; its owner has to sign."""


class VaultError(RuntimeError):
    """A sealed wallet cannot be opened; the message says what to restore."""


class WalletVault:
    """Creates wallets and opens them again to sign.

    Each seed is sealed with AES-256-GCM (NIST SP 800-38D) under a fresh 96-bit nonce, with the
    wallet's address as associated data: a ciphertext moved to another wallet's row does not open.

    Args:
        pool: database with the table `wallets`.
        key_file: 32-byte key-encryption key, kept outside the database and its backups; it is
            created when absent. Keys before and after it lie beside it.

    Raises:
        KeyFileError: the key file has another size or can be read by others.
    """

    def __init__(self, pool: asyncpg.Pool, key_file: Path) -> None:
        self._pool = pool
        self._keys = WalletKeys(key_file)

    async def create(self) -> Pubkey:
        """Create a wallet, store it sealed and return its address."""
        seed = os.urandom(SEED_SIZE)
        wallet = Keypair.from_seed(seed).pubkey()
        key = self._keys.newest()
        nonce, ciphertext = key.seal(seed, wallet)
        await self._pool.execute(
            "INSERT INTO wallets (wallet, key_id, nonce, ciphertext) VALUES ($1, $2, $3, $4)",
            str(wallet),
            key.key_id,
            nonce,
            ciphertext,
        )
        return wallet

    async def holds(self, wallet: Pubkey) -> bool:
        """Tell whether the hub holds a wallet."""
        return bool(
            await self._pool.fetchval("SELECT true FROM wallets WHERE wallet = $1", str(wallet))
        )

    async def keypair(self, wallet: Pubkey) -> Keypair:
        """Open a wallet.

        Raises:
            UnknownWallet: the hub does not hold it.
            VaultError: it was sealed with another key, or its row was altered.
        """
        row = await self._pool.fetchrow(
            "SELECT key_id, nonce, ciphertext FROM wallets WHERE wallet = $1", str(wallet)
        )
        if row is None:
            raise UnknownWallet(f"the hub does not hold wallet {wallet}")
        return Keypair.from_seed(open_seed(self._keys, wallet, row))


def open_seed(keys: WalletKeys, wallet: Pubkey, row: asyncpg.Record) -> bytes:
    """Return the seed in a row of `wallets`.

    Raises:
        VaultError: none of the keys opens it.
    """
    key = keys.known(row["key_id"])
    if key is None:
        raise VaultError(
            f"wallet {wallet} is sealed with key {row['key_id']}, but the key files hold"
            f" {', '.join(keys.ids())}: put back the key file that belongs to this database"
        )
    try:
        return key.open(row["nonce"], row["ciphertext"], wallet)
    except InvalidTag as error:
        raise VaultError(
            f"the sealed seed of wallet {wallet} was altered: restore its row from a backup"
        ) from error
