"""The key that seals wallets and EVM accounts is changed, while the hub runs and opens them all.

The new key is on the disk before a wallet is sealed with it, and the old one stays there. A change
that was broken off goes on where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
from solders.pubkey import Pubkey

from gridtokenx_hub.leadership import Connection, Job, lead
from gridtokenx_hub.wallets.key_files import WalletKey, WalletKeys
from gridtokenx_hub.wallets.vault import open_seed

BATCH = 200
RETRY_S = 0.5

_SEALED_WITH_ANOTHER = """
SELECT {column} AS address, key_id, nonce, ciphertext FROM {table}
 WHERE key_id <> $1 ORDER BY {column} LIMIT $2 FOR UPDATE
"""
_SEAL = "UPDATE {table} SET key_id = $2, nonce = $3, ciphertext = $4 WHERE {column} = $1"


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A table of sealed seeds; `column` says whose each is, `read` its bytes, `name` its name."""

    table: str
    column: str
    read: Callable[[Any], bytes]
    name: Callable[[bytes], str]

    def named(self, query: str) -> str:
        """Return a query with the table's names in it."""
        return query.format(table=self.table, column=self.column)


_TABLES = (
    _Sealed(
        "wallets",
        "wallet",
        lambda text: bytes(Pubkey.from_string(text)),
        lambda address: f"wallet {Pubkey(address)}",
    ),
    _Sealed("evm_accounts", "address", bytes, lambda address: f"EVM account 0x{address.hex()}"),
)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was done: the new key's id, how many seeds were sealed anew, the old key's file."""

    key_id: str
    wallets: int
    retired: Path


async def rotate_key(pool: asyncpg.Pool, key_file: Path) -> Rotation:
    """Seal every wallet and EVM account with a new key, which then takes the place of `key_file`.

    Args:
        pool: database with the tables `wallets` and `evm_accounts`.
        key_file: the present key.

    Raises:
        VaultError: a wallet does not open. Those before it are sealed anew, the others as they
            were, and all but that one can be opened.
        KeyFileError: a key file is not usable.
    """
    async with lead(pool, Job.ROTATION, RETRY_S) as connection:
        keys = WalletKeys(key_file)
        new = keys.begin()
        count = await _seal_all(connection, keys, new)
        retired = keys.finish()
        # Those that were made meanwhile by a process which had looked for the key before.
        count += await _seal_all(connection, keys, new)
        return Rotation(new.key_id, count, retired)


async def _seal_all(connection: Connection, keys: WalletKeys, new: WalletKey) -> int:
    count = 0
    for sealed in _TABLES:
        while done := await _seal_some(connection, keys, new, sealed):
            count += done
    return count


async def _seal_some(
    connection: Connection, keys: WalletKeys, new: WalletKey, sealed: _Sealed
) -> int:
    async with connection.transaction():
        rows = await connection.fetch(sealed.named(_SEALED_WITH_ANOTHER), new.key_id, BATCH)
        changed = []
        for row in rows:
            address = sealed.read(row["address"])
            seed = open_seed(keys, sealed.name(address), address, row)
            nonce, ciphertext = new.seal(seed, address)
            changed.append((row["address"], new.key_id, nonce, ciphertext))
        await connection.executemany(sealed.named(_SEAL), changed)
    return len(rows)
