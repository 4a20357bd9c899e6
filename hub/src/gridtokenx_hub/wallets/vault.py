"""Wallet seeds, sealed with a key that the database never sees."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.keys import SEED_SIZE, load_seed
from gridtokenx_hub.leadership import Connection

NONCE_SIZE = 12
NUMBER_SIZE = 8
SEARCHED_NUMBERS = 20_000
"""A number is used up by each wallet that is begun; so many in a row may never have come to be."""

INSERT = """
INSERT INTO wallets (wallet, number, key_id, nonce, ciphertext) VALUES ($1, $2, $3, $4, $5)
"""
Database: TypeAlias = "asyncpg.Pool | Connection"


class UnknownWallet(LookupError):
    """The hub does not hold this wallet; its owner has to sign."""


class VaultError(RuntimeError):
    """A sealed wallet cannot be opened; the message says what to restore."""


class WalletVault:
    """Creates wallets and opens them again to sign.

    A wallet's seed is derived from the key file and the wallet's number by HKDF-SHA256
    (RFC 5869): whoever has the key file can make it again when the database is lost. It is sealed
    with AES-256-GCM (NIST SP 800-38D) under a fresh 96-bit nonce, with the wallet's address as
    associated data: a ciphertext moved to another wallet's row does not open.

    Args:
        database: with the table `wallets`.
        key_file: the 32-byte key, kept outside the database and its backups; it is created when
            absent.

    Raises:
        KeyFileError: the key file has another size or can be read by others.
    """

    def __init__(self, database: Database, key_file: Path) -> None:
        key = load_seed(key_file)
        self._database = database
        self._key = key
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"gridtokenx wallet key" + key).hexdigest()[:16]
        """Names the key without revealing it; stored with each wallet so that keys can change."""

    async def create(self) -> Pubkey:
        """Create a wallet, store it sealed and return its address."""
        number = await self._database.fetchval("SELECT nextval('wallet_numbers')")
        return await self._store(number, self._seed(number))

    async def recover(self, wallets: Iterable[Pubkey], after: int) -> list[Pubkey]:
        """Store again those of these wallets that were made here with a number above `after`.

        Args:
            wallets: the chain knows them, the database does not.
            after: a number from which on wallets may be missing.

        Returns:
            Those that are stored now; the others are not of this key file.
        """
        wanted = set(wallets)
        found: list[Pubkey] = []
        number, last = after, after
        while wanted and number < last + SEARCHED_NUMBERS:
            number += 1
            seed = self._seed(number)
            wallet = Keypair.from_seed(seed).pubkey()
            if wallet in wanted:
                wanted.remove(wallet)
                found.append(await self._store(number, seed))
                last = number
        return found

    async def holds(self, wallet: Pubkey) -> bool:
        """Tell whether the hub holds a wallet."""
        return bool(
            await self._database.fetchval("SELECT true FROM wallets WHERE wallet = $1", str(wallet))
        )

    async def keypair(self, wallet: Pubkey) -> Keypair:
        """Open a wallet.

        Raises:
            UnknownWallet: the hub does not hold it.
            VaultError: it was sealed with another key, or its row was altered.
        """
        row = await self._database.fetchrow(
            "SELECT key_id, nonce, ciphertext FROM wallets WHERE wallet = $1", str(wallet)
        )
        if row is None:
            raise UnknownWallet(f"the hub does not hold wallet {wallet}")
        if row["key_id"] != self.key_id:
            raise VaultError(
                f"wallet {wallet} is sealed with key {row['key_id']}, but the key file holds"
                f" {self.key_id}: put back the key file that belongs to this database"
            )
        try:
            seed = self._cipher.decrypt(row["nonce"], row["ciphertext"], bytes(wallet))
        except InvalidTag as error:
            raise VaultError(
                f"the sealed seed of wallet {wallet} was altered: restore its row from a backup"
            ) from error
        return Keypair.from_seed(seed)

    def _seed(self, number: int) -> bytes:
        label = b"gridtokenx wallet" + number.to_bytes(NUMBER_SIZE, "big")
        return HKDF(hashes.SHA256(), SEED_SIZE, salt=None, info=label).derive(self._key)

    async def _store(self, number: int, seed: bytes) -> Pubkey:
        wallet = Keypair.from_seed(seed).pubkey()
        nonce = os.urandom(NONCE_SIZE)
        sealed = self._cipher.encrypt(nonce, seed, bytes(wallet))
        await self._database.execute(INSERT, str(wallet), number, self.key_id, nonce, sealed)
        return wallet
