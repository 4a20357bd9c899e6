"""Wallet seeds, sealed with a key that the database never sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import asyncpg
from cryptography.exceptions import InvalidTag
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridtokenx_hub.grouped import Grouped
from gridtokenx_hub.leadership import Connection
from gridtokenx_hub.wallets.key_files import WalletKey, WalletKeys

SEARCHED_NUMBERS = 20_000
"""A number is used up by each wallet that is begun; so many in a row may never have come to be."""
NUMBERS_UNDER_WAY = 1_024
"""So many may be drawn at a time, in all processes, for wallets that are not stored yet."""

NUMBERS = "SELECT nextval('wallet_numbers') FROM generate_series(1, $1)"
INSERT = """
INSERT INTO wallets (wallet, number, key_id, nonce, ciphertext)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::bytea[])
"""
READ = "SELECT wallet, key_id, nonce, ciphertext FROM wallets WHERE wallet = ANY ($1)"
Database: TypeAlias = "asyncpg.Pool | Connection"


class UnknownWallet(LookupError):
    """The hub does not hold this wallet; its owner has to sign."""


class VaultError(RuntimeError):
    """A sealed wallet cannot be opened; the message says what to restore."""


@dataclass(frozen=True, slots=True)
class NewWallet:
    """A wallet that nobody knows of before it is stored; its seed as the database will have it."""

    keypair: Keypair = field(repr=False)
    number: int
    key_id: str
    nonce: bytes
    ciphertext: bytes

    @property
    def address(self) -> str:
        """The wallet's address."""
        return str(self.keypair.pubkey())


class WalletVault:
    """Makes wallets and opens them again to sign.

    A wallet's seed is derived from the key file and the wallet's number by HKDF-SHA256
    (RFC 5869): whoever has the key file can make it again when the database is lost. It is sealed
    with AES-256-GCM (NIST SP 800-38D) under a fresh 96-bit nonce, with the wallet's address as
    associated data: a ciphertext moved to another wallet's row does not open.

    Args:
        database: with the table `wallets`.
        key_file: the 32-byte key, kept outside the database and its backups; it is created when
            absent. Keys before and after it lie beside it.

    Raises:
        KeyFileError: the key file has another size or can be read by others.
    """

    def __init__(self, database: Database, key_file: Path) -> None:
        self._database = database
        self._keys = WalletKeys(key_file)
        self._rows = Grouped(self._read)

    async def make(self, count: int) -> list[NewWallet]:
        """Make wallets; `store` them before anybody is told of them."""
        if not count:
            return []
        rows = await self._database.fetch(NUMBERS, count)
        key = self._keys.newest()
        return [_sealed(key, row["nextval"]) for row in rows]

    async def store(self, wallets: Sequence[NewWallet], within: Connection | None = None) -> None:
        """Store wallets that were made, as a part of a connection's transaction if there is one."""
        rows = [(new.address, new.number, new.key_id, new.nonce, new.ciphertext) for new in wallets]
        if rows:
            await (within or self._database).execute(INSERT, *zip(*rows, strict=True))

    async def recover(self, wallets: Iterable[Pubkey], after: int) -> list[Pubkey]:
        """Store again those of these wallets that were made here since `after`.

        Args:
            wallets: the chain knows them, the database does not.
            after: the last number that was drawn before wallets may have been lost.

        Returns:
            Those that are stored now; the others are of none of the key files.
        """
        wanted = set(wallets)
        found: list[Pubkey] = []
        for key in self._keys.all():
            number, last = max(after - NUMBERS_UNDER_WAY, 0), after
            while wanted and number < last + SEARCHED_NUMBERS:
                number += 1
                wallet = Keypair.from_seed(key.derive(number)).pubkey()
                if wallet in wanted:
                    wanted.remove(wallet)
                    await self.store([_sealed(key, number)])
                    found.append(wallet)
                    last = max(number, after)
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
        row = await self._rows.ask(str(wallet))
        if row is None:
            raise UnknownWallet(f"the hub does not hold wallet {wallet}")
        return Keypair.from_seed(open_seed(self._keys, f"wallet {wallet}", bytes(wallet), row))

    async def _read(self, wallets: Sequence[str]) -> list[asyncpg.Record | None]:
        found = {row["wallet"]: row for row in await self._database.fetch(READ, wallets)}
        return [found.get(wallet) for wallet in wallets]


def _sealed(key: WalletKey, number: int) -> NewWallet:
    seed = key.derive(number)
    keypair = Keypair.from_seed(seed)
    return NewWallet(keypair, number, key.key_id, *key.seal(seed, bytes(keypair.pubkey())))


def open_seed(keys: WalletKeys, name: str, address: bytes, row: asyncpg.Record) -> bytes:
    """Return the seed in a row of `wallets` or `evm_accounts`.

    Args:
        keys: the key files.
        name: what errors call it.
        address: whose seed it is.
        row: with `key_id`, `nonce` and `ciphertext`.

    Raises:
        VaultError: none of the keys opens it.
    """
    key = keys.known(row["key_id"])
    if key is None:
        raise VaultError(
            f"{name} is sealed with key {row['key_id']}, but the key files hold"
            f" {', '.join(keys.ids())}: put back the key file that belongs to this database"
        )
    try:
        return key.open(row["nonce"], row["ciphertext"], address)
    except InvalidTag as error:
        raise VaultError(
            f"the sealed seed of {name} was altered: restore its row from a backup"
        ) from error
